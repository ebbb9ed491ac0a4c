"""Many resources of one server that has few connections to give."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.certs import Authority
from stack.postgres import PostgresServer
from tests.integration.aws.loop import Loop
from tests.integration.database.catalog import Database, kind, scan, table
from tests.integration.database.test_kind import Secrets

RESERVED = 3  # for superusers
SMALL = {"max_connections": "8", "superuser_reserved_connections": str(RESERVED)}


@pytest.fixture(scope="module")
def small(run_dir: Path, authority: Authority) -> Iterator[PostgresServer]:
    """Five connections for everybody."""
    with PostgresServer(run_dir, authority, name="postgres-small", settings=SMALL) as server:
        yield server


async def test_fifty_resources_of_a_server_leave_its_connections_to_the_application(
    small: PostgresServer,
) -> None:
    """Of three databases, by three roles; the server refuses a sixth session."""
    databases = [Database(small) for _ in range(3)]
    databases[0].run(*table("bare"), *scan("bare"))
    named = {f"db{n}": one.data() for n, one in enumerate(databases)}
    made = kind(Secrets(**named))
    names = [f"db{n % 3}" for n in range(50)]
    loops = [Loop(made, {"postgres": {"secretRef": {"name": name}}}) for name in names]

    done = await asyncio.gather(*(loop.attempt() for loop in loops))

    assert [failure.message for one in done for failure in one.failures] == []
    found = [{(f.id, f.object) for f in one.decision.findings} for one in done]
    for name, ids in zip(names, found, strict=True):
        assert (("SequentialScans", "public.bare") in ids) is (name == "db0")
