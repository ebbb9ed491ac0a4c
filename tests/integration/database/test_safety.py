"""What an analysis may never do to a database, whatever is in it, and what others do meanwhile."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import psycopg
import pytest

from setpoint.api.conditions import Reason
from setpoint.database.observe import analyse
from setpoint.database.postgres.connect import Connector, connect
from setpoint.database.postgres.snapshot import read_server, read_snapshot
from setpoint.database.postgres.target import from_secret
from setpoint.engine.failure import Failure
from stack.postgres import PostgresServer
from tests.integration.database.catalog import ANALYSIS, NETWORK, Database, scan, table

SPRUNG = "plpgsql AS $$ BEGIN RAISE EXCEPTION 'sprung'; END $$"

# Traps for whatever a statement leaves to the search path: functions, operators, casts, types.
TRAPS = [
    "CREATE SCHEMA trap",
    "GRANT ALL ON SCHEMA trap, public TO public",
    *(
        f"CREATE FUNCTION trap.{function} LANGUAGE {SPRUNG}"
        for function in (
            "now() RETURNS timestamptz", "count(anyelement) RETURNS bigint",
            "age(xid) RETURNS int", "mxid_age(xid) RETURNS int", "md5(text) RETURNS text",
            '"left"(text, int) RETURNS text', "to_jsonb(anyelement) RETURNS jsonb",
            "host(inet) RETURNS text", "pg_is_in_recovery() RETURNS bool",
            "current_setting(text) RETURNS text", "current_database() RETURNS name",
            "pg_has_role(text, text) RETURNS bool", "clock_timestamp() RETURNS timestamptz",
            "pg_blocking_pids(int) RETURNS int[]", "pg_partition_root(regclass) RETURNS regclass",
            "pg_stat_get_numscans(oid) RETURNS bigint", "has_table_privilege(oid, text) RETURNS bool",
            "pg_sequence_last_value(regclass) RETURNS bigint",
            "regexp_replace(text, text, text, text) RETURNS text", "unnest(oid[]) RETURNS SETOF oid",
            "pg_control_system() RETURNS SETOF record", "pg_backend_pid() RETURNS int",
        )
    ),
    *(
        statement
        for number, (left, right) in enumerate(
            [("name", "name"), ("text", "text"), ("oid", "oid"), ("int", "int"),
             ('"char"', '"char"'), ("bigint", "bigint"), ("bool", "bool"), ("name", "text"),
             ("name", "unknown"), ("oid", "int")]
        )
        if right != "unknown"
        for statement in (
            f"CREATE FUNCTION trap.f{number}({left}, {right}) RETURNS bool LANGUAGE {SPRUNG}",
            *(
                f"CREATE OPERATOR trap.{operator} (LEFTARG = {left}, RIGHTARG = {right},"
                f" FUNCTION = trap.f{number})"
                for operator in ("=", "<>", ">", "<", ">=", "~", "~*", "->>")
            ),
        )
    ),
    f"CREATE FUNCTION trap.minus(timestamptz, timestamptz) RETURNS interval LANGUAGE {SPRUNG}",
    "CREATE OPERATOR trap.- (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = trap.minus)",
    "CREATE TYPE trap.int8 AS (a int)",
    "CREATE TYPE trap.text AS (a int)",
    "CREATE TYPE trap.regclass AS (a int)",
    f"CREATE FUNCTION trap.of_name(trap.text) RETURNS name LANGUAGE {SPRUNG}",
    "CREATE CAST (trap.text AS name) WITH FUNCTION trap.of_name(trap.text) AS IMPLICIT",
    "CREATE VIEW trap.pg_stat_database AS SELECT 1/0 AS stats_reset",
    "CREATE VIEW trap.pg_settings AS SELECT 1/0 AS name",
    "CREATE VIEW trap.pg_stat_statements AS SELECT 1/0 AS queryid",
    "CREATE TABLE trap.pg_class (oid oid)",
    "CREATE TABLE trap.pg_index (oid oid)",
]  # fmt: skip


async def test_a_schema_that_shadows_everything_runs_nothing(database: Database) -> None:
    """The role's and the database's own settings put the traps first, too."""
    database.run(
        *table("victim"),
        *scan("victim"),
        *TRAPS,
        f"ALTER DATABASE {database.name} SET search_path = trap, pg_catalog, public",
        f"ALTER ROLE {database.role} SET search_path = trap, pg_catalog, public",
    )
    assert ("SequentialScans", "public.victim") in await database.findings()


async def test_the_traps_would_spring(database: Database) -> None:
    database.run(*TRAPS)
    with database.admin() as admin:
        admin.execute("SET search_path = trap, pg_catalog")
        with pytest.raises(psycopg.errors.RaiseException, match="sprung"):
            admin.execute("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = nspname")


async def test_a_session_without_the_pinned_path_is_not_used(one_database: Database) -> None:
    """As a pooler gives it that was told to ignore startup parameters."""
    uri = one_database.uri() + f"&sslrootcert={one_database.server.ca_file}"
    async with await psycopg.AsyncConnection.connect(
        uri, row_factory=psycopg.rows.dict_row
    ) as connection:
        with pytest.raises(Failure) as caught:
            await read_server(connection)
    assert caught.value.reason is Reason.UNSUPPORTED


async def test_a_session_can_write_nothing(server: PostgresServer) -> None:
    database = Database(server, "pg_monitor", "pg_write_all_data")
    database.run("CREATE TABLE t (a int)")
    target = from_secret("db", database.data())
    with pytest.raises(Failure):
        async with connect(target, database.name, NETWORK) as connection:
            await connection.execute("INSERT INTO public.t VALUES (1)")
    with database.admin() as admin:
        assert admin.execute("SELECT count(*) FROM public.t").fetchone() == (0,)


async def test_a_locked_table_stops_nothing(database: Database) -> None:
    database.run(*table("locked"), *scan("locked"), "CREATE INDEX ON locked ((owner + 1))")
    with database.admin() as admin, admin.transaction():
        admin.execute("LOCK TABLE public.locked IN ACCESS EXCLUSIVE MODE")
        found = await database.findings()
    assert ("SequentialScans", "public.locked") in found


async def test_no_lock_on_a_users_table_is_left_or_taken(one_database: Database) -> None:
    one_database.run(*table("mine"), "CREATE SEQUENCE s", "SELECT nextval('s')")
    target = from_secret("db", one_database.data())
    async with connect(target, one_database.name, NETWORK) as connection:
        await read_snapshot(connection, ANALYSIS)
        with one_database.admin() as admin:
            taken = admin.execute(
                "SELECT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
                " WHERE l.pid = %s AND c.relnamespace = 'public'::regnamespace",
                (connection.info.backend_pid,),
            ).fetchall()
    assert taken == []


async def test_at_most_twenty_statements(database: Database) -> None:
    database.run(
        "CREATE EXTENSION pg_stat_statements", *table("plain"), *scan("plain"),
        *(f"CREATE SEQUENCE s{n}" for n in range(1200)),
        *(f"SELECT nextval('s{n}')" for n in range(0, 1200, 400)),
    )  # fmt: skip
    await database.findings()
    with database.admin() as admin:
        row = admin.execute(
            "SELECT sum(calls) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid"
            " WHERE r.rolname = %s AND query !~* '^(begin|commit|rollback|savepoint|release)'",
            (database.role,),
        ).fetchone()
    assert row is not None
    assert 10 < row[0] <= 20


async def test_relations_that_come_and_go_meanwhile(database: Database) -> None:
    """Tables, indexes and sequences are dropped between any two statements of the analysis."""
    database.run(*table("stays"), *scan("stays"))
    with churning(database):
        for _ in range(15):
            assert ("SequentialScans", "public.stays") in await database.findings()


@contextlib.contextmanager
def churning(database: Database) -> Iterator[None]:
    done = threading.Event()

    def churn() -> None:
        with database.admin() as admin:
            number = 0
            while not done.is_set():
                number += 1
                admin.execute(
                    f"CREATE TABLE gone{number} (id serial PRIMARY KEY, a int UNIQUE,"
                    f" b int REFERENCES gone{number} (a));"
                    f"INSERT INTO gone{number} (a) SELECT g FROM generate_series(1, 2000) g"
                )
                admin.execute(f"ANALYZE gone{number}")
                if number > 3:
                    admin.execute(f"DROP TABLE gone{number - 3}")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


async def test_a_table_with_1600_columns_and_a_name_that_is_sql(database: Database) -> None:
    columns = ", ".join(f"c{n} smallint" for n in range(1600))
    name = '"x; DROP TABLE stays; --"'
    database.run(
        f"CREATE TABLE {name} ({columns})",
        f"INSERT INTO {name} (c1) SELECT g FROM generate_series(1, 20000) g",
        f"ANALYZE {name}",
        *scan(name),
    )
    assert ("SequentialScans", f"public.{name}") in await database.findings()


# Faults: each with its reason


async def refused(database: Database) -> Reason:
    _, failures = await analyse(
        from_secret("db", database.data()), [], ANALYSIS, Connector(NETWORK)
    )
    [failure] = failures
    assert "secret" not in failure.message.replace("Secret", "")
    return failure.reason


@pytest.mark.parametrize("whose", ["role", "database"])
async def test_no_connection_is_left(one_database: Database, whose: str) -> None:
    name = one_database.role if whose == "role" else one_database.name
    one_database.run(f"ALTER {whose} {name} CONNECTION LIMIT 0")
    assert await refused(one_database) is Reason.BUSY


async def test_the_role_may_not_connect(one_database: Database) -> None:
    one_database.run(f"REVOKE CONNECT ON DATABASE {one_database.name} FROM public")
    assert await refused(one_database) is Reason.ACCESS_DENIED


async def test_a_catalog_that_is_locked(one_database: Database) -> None:
    with one_database.admin() as admin, admin.transaction():
        admin.execute("LOCK TABLE pg_catalog.pg_sequence IN ACCESS EXCLUSIVE MODE")
        assert await refused(one_database) is Reason.TIMED_OUT
    assert await one_database.findings() == {}


async def test_a_server_in_read_only_mode_is_analysed(one_database: Database) -> None:
    name = one_database.name
    one_database.run(*table("t"), *scan("t"),
                     f"ALTER DATABASE {name} SET default_transaction_read_only = on")  # fmt: skip
    assert ("SequentialScans", "public.t") in await one_database.findings()


async def ended(database: Database, meanwhile: str) -> Reason:
    """Why a statement of ours failed that somebody ended as soon as it ran."""

    def end_it(pid: int) -> None:
        with database.admin() as admin:
            running = f"SELECT {meanwhile}(pid) FROM pg_stat_activity WHERE pid = {pid}"
            while not admin.execute(running + " AND wait_event = 'PgSleep'").fetchall():
                admin.execute("SELECT pg_stat_clear_snapshot()")

    async def run() -> None:
        async with connect(target, database.name, NETWORK) as connection:
            ending = asyncio.to_thread(end_it, connection.info.backend_pid)
            await asyncio.gather(connection.execute("SELECT pg_catalog.pg_sleep(60)"), ending)

    target = from_secret("db", database.data())
    with pytest.raises(Failure) as caught:
        await run()
    return caught.value.reason


async def test_a_connection_that_is_lost_in_mid_query(one_database: Database) -> None:
    assert await ended(one_database, "pg_terminate_backend") is Reason.CONNECTION_FAILED


async def test_a_statement_that_takes_too_long(one_database: Database) -> None:
    assert await ended(one_database, "pg_cancel_backend") is Reason.TIMED_OUT
