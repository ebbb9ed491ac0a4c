"""A database of the test's own, on each version of the server."""

import random
from collections.abc import Iterator

import pytest

from stack.postgres import PostgresServer
from tests.corpus.postgres import Corpus, build
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


FIXED_SEED = 20261124
NEW_SEED = random.SystemRandom().randrange(1, 2**31)


@pytest.fixture(scope="session", params=[FIXED_SEED, NEW_SEED], ids=["fixed seed", "new seed"])
def corpus(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[Corpus]:
    """Planted truths; it takes half a minute to plant them."""
    seed = request.param
    print(f"the corpus is planted with seed {seed}")
    name = f"corpus_{seed}"
    postgres.create_database(name)
    with build(seed, postgres.superuser_uri(name)) as planted:
        yield planted
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
