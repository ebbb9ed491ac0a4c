"""A database of the test's own, on each version of the server."""

import pytest

from stack.postgres import PostgresServer
from tests.integration.database.catalog import Database


@pytest.fixture(params=["postgres", "postgres_17", "postgres_18"])
def server(request: pytest.FixtureRequest) -> PostgresServer:
    """Debian's 15, then 17 and 18."""
    found: PostgresServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database(server: PostgresServer) -> Database:
    """With a role that sees all it should."""
    return Database(server, "pg_monitor", "pg_read_all_data")


@pytest.fixture
def one_database(postgres: PostgresServer) -> Database:
    """The same on one server only, where the version makes no difference."""
    return Database(postgres, "pg_monitor", "pg_read_all_data")
