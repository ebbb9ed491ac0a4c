"""What goes on in a server: sessions, statements, vacuum, sequences, seen by its own statistics."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
import pytest

from setpoint.api.dbtuning import Analysis
from setpoint.engine.model import Finding
from stack.postgres import PostgresServer
from tests.integration.database.catalog import Database, scan, table

HASTY = Analysis.model_validate(
    {"longTransaction": "1ms", "idleInTransaction": "1ms", "blockedSession": "1ms",
     "slowStatements": {"meanTime": "1ms", "minCalls": 3}}
)  # fmt: skip

Found = dict[tuple[str, str], Finding]


@contextlib.asynccontextmanager
async def session(database: Database) -> AsyncIterator[psycopg.AsyncConnection[object]]:
    connection: psycopg.AsyncConnection[object] = await psycopg.AsyncConnection.connect(
        database.server.superuser_uri(database.name), application_name="the app"
    )
    async with connection:
        yield connection
        await connection.rollback()


async def until(database: Database, wanted: set[tuple[str, str]]) -> Found:
    """The findings, once `wanted` are among them."""
    found: Found = {}
    async with asyncio.timeout(20):
        while not wanted <= found.keys():
            found = await database.findings(HASTY)
    return found


async def test_sessions_that_block_and_are_blocked(database: Database) -> None:
    database.run("CREATE TABLE t (id int PRIMARY KEY, a int)", "INSERT INTO t VALUES (1, 1)")
    async with session(database) as holder, session(database) as waiter:
        await holder.execute("UPDATE t SET a = 2")
        blocked = asyncio.create_task(waiter.execute("UPDATE t SET a = 3"))
        holding, waiting = (f"session {c.info.backend_pid}" for c in (holder, waiter))
        found = await until(database, {("IdleInTransaction", holding), ("BlockedSession", waiting)})
        finding = found["BlockedSession", waiting]
        assert f"blocked by pid {holder.info.backend_pid}" in finding.evidence
        assert "application the app" in finding.evidence
        assert ("LongTransaction", holding) not in found, "one thing is said once"
        await holder.rollback()
        await blocked
    rules = {rule for rule, _ in await database.findings(HASTY)}
    assert not rules & {"BlockedSession", "IdleInTransaction", "LongTransaction"}


async def test_an_aborted_and_a_prepared_transaction(database: Database) -> None:
    async with session(database) as aborted, session(database) as prepared:
        with contextlib.suppress(psycopg.errors.DivisionByZero):
            await aborted.execute("SELECT 1 / 0")
        await prepared.execute("CREATE TABLE kept (a int)")
        await prepared.execute(f"PREPARE TRANSACTION 'Of {database.name}'")
        wanted = {
            ("IdleInTransaction", f"session {aborted.info.backend_pid}"),
            ("LongTransaction", f'prepared "Of {database.name}"'),
        }
        await until(database, wanted)
        await prepared.rollback()
        await prepared.set_autocommit(True)
        await prepared.execute(f"ROLLBACK PREPARED 'Of {database.name}'")


async def test_an_index_in_the_making_is_not_a_failed_one(database: Database) -> None:
    database.run(*table("busy"))
    async with session(database) as writer, session(database) as builder:
        await writer.execute("UPDATE busy SET owner = 1 WHERE id = 1")
        await builder.set_autocommit(True)
        building = asyncio.create_task(
            builder.execute("CREATE INDEX CONCURRENTLY made ON busy (owner)")
        )
        found = await until(database, {("BlockedSession", f"session {builder.info.backend_pid}")})
        assert ("InvalidIndex", "public.made") not in found
        await builder.cancel_safe()
        with contextlib.suppress(psycopg.errors.QueryCanceled):
            await building
        await writer.rollback()
    assert ("InvalidIndex", "public.made") in await database.findings()


async def test_slow_statements_without_their_constants(database: Database) -> None:
    database.run(
        'CREATE SCHEMA "Ext 5%%s"', 'CREATE EXTENSION pg_stat_statements SCHEMA "Ext 5%%s"',
        *["SELECT pg_sleep(0.01), 'top secret' AS word"] * 4,
        *["/* secret */ SELECT pg_sleep(0.01) AS again"] * 2,
        *["CREATE ROLE x PASSWORD 'top secret'", "DROP ROLE x"] * 4,
    )  # fmt: skip
    found = [
        f for (rule, _), f in (await database.findings(HASTY)).items() if rule == "SlowStatement"
    ]
    assert [f.message for f in found] == ["a statement is slow: SELECT pg_sleep($1), $2 AS word"]
    assert "4 calls" in found[0].evidence


async def test_our_own_statements_are_never_slow(database: Database) -> None:
    own = Analysis.model_validate({"slowStatements": {"minCalls": 1, "meanTime": "1ms"}})
    tables = "; ".join(f"CREATE TABLE t{n} (a int PRIMARY KEY, b int)" for n in range(300))
    database.run("CREATE EXTENSION pg_stat_statements", tables, "SELECT pg_sleep(0.01)")
    await database.findings()
    found = await database.findings(own)
    assert [f.message for (rule, _), f in found.items() if rule == "SlowStatement"] == [
        "a statement is slow: SELECT pg_sleep($1)"
    ]


@pytest.mark.parametrize(
    "closing",
    [
        'REVOKE USAGE ON SCHEMA "Ext" FROM PUBLIC',
        'REVOKE SELECT ON "Ext".pg_stat_statements FROM PUBLIC',
        'REVOKE EXECUTE ON FUNCTION "Ext".pg_stat_statements(boolean) FROM PUBLIC',
    ],
    ids=["schema", "view", "function"],
)
async def test_an_extension_out_of_reach_is_said(server: PostgresServer, closing: str) -> None:
    database = Database(server, "pg_monitor")
    database.run('CREATE SCHEMA "Ext"', 'CREATE EXTENSION pg_stat_statements SCHEMA "Ext"')
    database.run('GRANT USAGE ON SCHEMA "Ext" TO PUBLIC', closing)
    database.run(*table("bare"), *scan("bare"))
    found = await database.findings()
    assert ("SequentialScans", "public.bare") in found, "the rest goes on"
    grants = found["MissingPrivilege", "pg_stat_statements"].sql
    database.run(*grants)
    assert ("MissingPrivilege", "pg_stat_statements") not in await database.findings()


async def test_without_privilege_statements_and_sessions_of_others_stay_hidden(
    server: PostgresServer,
) -> None:
    database = Database(server)
    database.run("CREATE EXTENSION pg_stat_statements", *["SELECT pg_sleep(0.01)"] * 4)
    async with session(database) as holder:
        await holder.execute("SELECT 1")
        found = await database.findings(HASTY)
    assert {rule for rule, _ in found} <= {"MissingPrivilege", "TLSNotVerified"}


async def test_sequences_by_their_range_and_their_columns_type(database: Database) -> None:
    database.run(
        "CREATE TABLE t (id serial, small smallserial, big bigserial)",
        "SELECT setval('t_id_seq', 2147483000), setval('t_small_seq', 100)",
        "CREATE SEQUENCE wide AS bigint",
        "ALTER TABLE t ADD narrow int DEFAULT nextval('wide')",
        "SELECT setval('wide', 2000000000)",
        "CREATE SEQUENCE ring MAXVALUE 100 CYCLE", "SELECT setval('ring', 99)",
        "CREATE UNLOGGED TABLE u (id serial)", "SELECT setval('u_id_seq', 2147483000)",
    )  # fmt: skip
    found = await database.findings()
    near = {name for rule, name in found if rule == "SequenceNearEnd"}
    assert near >= {"public.t_id_seq", "public.wide"}
    assert near <= {"public.t_id_seq", "public.wide", "public.u_id_seq"}
    assert "column narrow ends at 2147483647" in found["SequenceNearEnd", "public.wide"].evidence


async def test_what_vacuum_and_analyze_have_left(database: Database) -> None:
    off = "ALTER TABLE {} SET (autovacuum_enabled = off)"
    database.run(
        *table("never")[:2], off.format("never"),
        *table("littered"), off.format("littered"), *table("sound"),
    )  # fmt: skip
    database.run("DELETE FROM littered WHERE id % 2 = 0")
    found = {i for i in await database.findings() if i[0] != "TLSNotVerified"}
    assert found == {
        ("NeverAnalyzed", "public.never"),
        ("DeadTuples", "public.littered"), ("AutovacuumBehind", "public.littered"),
        ("StaleStatistics", "public.littered"),
    }  # fmt: skip


async def test_empty_space_by_estimate(database: Database) -> None:
    database.run(*table("hollow", 60_000), "CREATE INDEX hollow_id ON hollow (id)")
    database.run("DELETE FROM hollow WHERE id % 20 <> 0")
    database.run("VACUUM ANALYZE hollow")
    found = {rule for rule, _ in await database.findings()}
    assert {"TableBloat"} <= found


async def test_many_sequences_are_looked_at_a_few_at_a_time(database: Database) -> None:
    database.run(
        *(f"CREATE SEQUENCE s{n} AS smallint" for n in range(600)),
        "DO $$ BEGIN FOR n IN 0..599 LOOP PERFORM setval('s' || n, 32000); END LOOP; END $$",
    )
    found = await database.findings()
    assert len([rule for rule, _ in found if rule == "SequenceNearEnd"]) == 600


async def test_of_extensions_and_temporary_tables_nothing_is_said(database: Database) -> None:
    database.run(
        *table("member"), "CREATE INDEX ON member (note)",
        "ALTER EXTENSION plpgsql ADD TABLE member",
    )  # fmt: skip
    async with session(database) as connection:
        await connection.execute(
            "CREATE TEMP TABLE passing AS SELECT g FROM generate_series(1, 90000) g"
        )
        await connection.commit()
        found = {name for rule, name in await database.findings() if rule != "TLSNotVerified"}
    assert found == set()


async def test_row_security_hides_statistics_and_is_no_finding(database: Database) -> None:
    database.run(*table("secured"), "ALTER TABLE secured ENABLE ROW LEVEL SECURITY")
    database.run("SELECT pg_stat_reset_single_table_counters('secured'::regclass)")
    found = {rule for rule, _ in await database.findings()}
    assert "NeverAnalyzed" not in found
