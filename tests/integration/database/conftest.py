"""A database of the test's own."""

import pytest

from stack.postgres import PostgresServer
from tests.integration.database.catalog import Database


@pytest.fixture
def database(postgres: PostgresServer) -> Database:
    return Database(postgres, "pg_monitor", "pg_read_all_data")
