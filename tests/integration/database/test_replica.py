"""A streaming replica: analysed itself, and asked for the scans that it serves."""

import contextlib

import psycopg

from setpoint.api.conditions import Reason
from setpoint.database import rules
from setpoint.database.model import Snapshot
from setpoint.database.observe import analyse
from setpoint.database.postgres.connect import Connector
from setpoint.database.postgres.target import PostgresTarget, from_secret
from setpoint.engine.failure import Failure
from stack.postgres import PostgresServer
from tests.integration.database.catalog import (
    ANALYSIS,
    NETWORK,
    Database,
    caught_up,
    scan,
    table,
)


def target(database: Database, server: PostgresServer) -> PostgresTarget:
    data = {"uri": database.uri(server), "ca.crt": server.ca_file.read_text()}
    return from_secret("db", data)


async def look(
    database: Database, *replicas: PostgresServer
) -> tuple[Snapshot, set[tuple[str, str]], list[Failure]]:
    [snapshot], failures = await analyse(
        target(database, database.server), [], ANALYSIS, Connector(NETWORK),
        [target(database, replica) for replica in replicas],
    )  # fmt: skip
    return snapshot, {(f.id, f.object) for f in rules.findings(snapshot, ANALYSIS)}, failures


def use_on(replica: psycopg.Connection[object], *statements: str) -> None:
    with replica:
        for statement in statements:
            replica.execute(statement)
        replica.execute("SELECT pg_stat_force_next_flush()")


async def test_what_only_a_replica_uses_is_used(
    one_database: Database, replica: PostgresServer
) -> None:
    one_database.run(
        *table("served", 50_000),
        "CREATE INDEX by_owner ON served (owner)",
        "CREATE INDEX by_note ON served (note)",
        "VACUUM ANALYZE served",
        *scan("served"),
    )
    use_on(
        caught_up(one_database, replica),
        "SET enable_seqscan = off",
        "DO $$ BEGIN FOR i IN 1..1200 LOOP PERFORM 1 FROM served WHERE owner = 5; END LOOP; END $$",
    )
    unused = {("UnusedIndex", "public.by_owner"), ("UnusedIndex", "public.by_note")}
    scanned = ("SequentialScans", "public.served")
    snapshot, found, _ = await look(one_database)
    assert found >= {*unused, scanned}
    assert snapshot.server.standbys == 1
    snapshot, found, failures = await look(one_database, replica)
    assert failures == []
    assert snapshot.seen_replicas == 1
    assert scanned not in found, "more scans by index than sequential ones, on both together"
    assert found & unused == {("UnusedIndex", "public.by_note")}


async def test_a_subscriber_is_no_replica(postgres_17: PostgresServer) -> None:
    """It has a copy of some tables, and indexes of its own. (A slot is made once no transaction is
    left that was open before; on the other servers, the corpus has some that stay open.)"""
    database = Database(postgres_17, "pg_monitor", "pg_read_all_data")
    slot = f"subscriber_{database.name}"
    database.run(f"SELECT pg_create_logical_replication_slot('{slot}', 'test_decoding')")
    before = (await database.snapshot()).server.standbys
    streams = f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{slot}' AND active"
    uri = f"{database.server.superuser_uri(database.name)}&replication=database"
    with contextlib.closing(psycopg.connect(uri, autocommit=True)) as subscriber:
        started = subscriber.pgconn.exec_(f"START_REPLICATION SLOT {slot} LOGICAL 0/0".encode())
        assert started.status == psycopg.pq.ExecStatus.COPY_BOTH
        with database.admin() as admin:
            assert admin.execute(streams).fetchone() == (1,)
        assert (await database.snapshot()).server.standbys == before
    with database.admin() as admin:
        while admin.execute(streams).fetchone():
            pass
        admin.execute(f"SELECT pg_drop_replication_slot('{slot}')")


async def test_a_replica_itself_is_analysed(
    one_database: Database, replica: PostgresServer
) -> None:
    one_database.run(
        *table("plain", 50_000), "CREATE SEQUENCE s AS smallint", "SELECT setval('s', 32700)",
        "CREATE INDEX ON plain (note)", "VACUUM ANALYZE plain",
    )  # fmt: skip
    use_on(caught_up(one_database, replica), *scan("plain"))
    [snapshot], failures = await analyse(
        target(one_database, replica), [], ANALYSIS, Connector(NETWORK)
    )
    assert failures == []
    assert snapshot.server.in_recovery
    found = {(f.id, f.object): f for f in rules.findings(snapshot, ANALYSIS)}
    assert {("SequentialScans", "public.plain"), ("SequenceNearEnd", "public.s")} <= set(found)
    assert "on the primary" in found["UnusedIndex", "public.plain_note_idx"].remedy


async def test_a_replica_that_is_none_or_is_gone(
    one_database: Database, postgres_17: PostgresServer
) -> None:
    one_database.run(*table("served", 50_000), "CREATE INDEX ON served (note)")
    postgres_17.create_database(one_database.name)
    postgres_17.create_role(one_database.role, "secret", "pg_monitor")
    _, found, [failure] = await look(one_database, postgres_17)
    assert failure.reason is Reason.REJECTED
    assert "UnusedIndex" not in {rule for rule, _ in found}, "it might use them"
    postgres_17.execute(f"DROP DATABASE {one_database.name}")
    _, _, [failure] = await look(one_database, postgres_17)
    assert failure.reason is Reason.TARGET_NOT_FOUND
    assert failure.message.startswith("replica localhost: ")
