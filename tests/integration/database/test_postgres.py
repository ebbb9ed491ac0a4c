"""Analysis of a real Postgres: real catalogs, real names, real refusals."""

import psycopg
import pytest

from setpoint.api.conditions import Reason
from setpoint.database.identifiers import quote
from setpoint.database.observe import analyse
from setpoint.database.postgres.connect import connect
from setpoint.database.postgres.target import from_secret
from setpoint.engine.failure import Failure
from stack import shop
from stack.postgres import PostgresServer
from tests.integration.database.catalog import ANALYSIS, NETWORK, Database, scan, table

SPRUNG = "$$ BEGIN RAISE EXCEPTION 'sprung'; END $$"


async def test_quoting_is_the_servers(postgres: PostgresServer) -> None:
    names = ["a", "A", "1a", "a$", "a-b", 'a"b', "select", "user", "between", "ключ", "a b", "_x"]
    with psycopg.connect(postgres.superuser_uri()) as connection:
        for name in names:
            row = connection.execute("SELECT pg_catalog.quote_ident(%s)", (name,)).fetchone()
            assert row is not None
            assert quote(name) == row[0], name


@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        (("pg_monitor", "pg_read_all_data"), set()),
        (("pg_monitor",), {"pg_read_all_data"}),
        ((), {"pg_monitor", "pg_read_all_data"}),
    ],
    ids=["both", "statistics", "nothing"],
)
async def test_what_the_role_cannot_see_is_said(
    postgres: PostgresServer, grants: tuple[str, ...], missing: set[str]
) -> None:
    database = Database(postgres, *grants)
    database.run(*table("plain"), *scan("plain"))
    found = await database.findings()
    assert {name for rule, name in found if rule == "MissingPrivilege"} == missing
    assert ("SequentialScans", "public.plain") in found
    for name in missing:
        assert found["MissingPrivilege", name].sql == [f"GRANT {name} TO {database.role}"]


async def test_a_schema_that_shadows_everything_runs_nothing(database: Database) -> None:
    """A user may create functions and operators in public; none of theirs may run as ours."""
    functions = [
        "now()", "pg_postmaster_start_time()", "pg_is_in_recovery()", "pg_relation_size(oid)",
        "pg_relation_size(regclass)", "current_setting(text)", "pg_has_role(text, text)",
        "to_regrole(text)", "pg_control_system()", "current_database()",
        "pg_partition_root(regclass)", "quote_ident(text)",
    ]  # fmt: skip
    trap = [
        "CREATE TABLE sprung (what text)",
        "GRANT ALL ON SCHEMA public TO public",
        "GRANT ALL ON sprung TO public",
    ]
    trap += [
        f"CREATE FUNCTION public.{function} RETURNS text LANGUAGE plpgsql AS {SPRUNG}"
        for function in functions
    ]
    trap.append(
        f"CREATE FUNCTION public.trap(name, name) RETURNS bool LANGUAGE plpgsql AS {SPRUNG}"
    )
    trap += [
        f"CREATE OPERATOR public.{op} (LEFTARG = name, RIGHTARG = name, FUNCTION = public.trap)"
        for op in ("=", "<>", ">", "<")
    ]
    trap += [
        "CREATE VIEW public.pg_stat_database AS SELECT 1/0 AS stats_reset",
        "CREATE TABLE public.pg_class (oid oid)",
        f"ALTER DATABASE {database.name} SET search_path = public, pg_catalog",
        f"ALTER ROLE {database.role} SET search_path = public, pg_catalog",
    ]
    database.run(*table("victim"), *scan("victim"), *trap)
    found = await database.findings()
    assert ("SequentialScans", "public.victim") in found


async def test_the_session_can_write_nothing(postgres: PostgresServer) -> None:
    database = Database(postgres, "pg_monitor", "pg_write_all_data")
    database.run("CREATE TABLE t (a int)")
    target = from_secret("db", database.data())
    with pytest.raises(Failure):
        async with connect(target, database.name, NETWORK) as connection:
            await connection.execute("INSERT INTO public.t VALUES (1)")
    with shop.admin(postgres, database.name) as connection:
        row = connection.execute("SELECT count(*) FROM public.t").fetchone()
    assert row == (0,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ca.crt": ""}, Reason.TLS_FAILED),
        ({"uri": "postgresql://{role}:wrong@localhost:{port}/{db}"}, Reason.AUTHENTICATION_FAILED),
        ({"uri": "postgresql://{role}:secret@localhost:{port}/absent"}, Reason.TARGET_NOT_FOUND),
        ({"uri": "postgresql://{role}:secret@localhost:1/{db}"}, Reason.CONNECTION_FAILED),
        ({"uri": "postgresql://{role}:secret@169.254.169.254/{db}"}, Reason.HOST_REFUSED),
        ({"uri": "postgresql://{role}:secret@localhost/{db}?host=/tmp"}, Reason.SECRET_INVALID),
        ({"uri": "postgresql://{role}:secret@a,b/{db}"}, Reason.SECRET_INVALID),
        ({"uri": "postgresql:///{db}"}, Reason.SECRET_INVALID),
        ({"uri": "service=x"}, Reason.SECRET_INVALID),
        ({"uri": "postgresql://u:p@h/d?options=-csearch_path%3Dx"}, Reason.SECRET_INVALID),
        ({"uri": "postgresql://u:p@h:0/d"}, Reason.SECRET_INVALID),
    ],
    ids=str,
)
async def test_refusals(database: Database, change: dict[str, str], reason: Reason) -> None:
    filled = {
        key: text.format(role=database.role, port=database.server.port, db=database.name)
        for key, text in change.items()
    }
    with pytest.raises(Failure) as caught:
        await database.snapshot(**filled)
    assert caught.value.reason is reason
    assert "secret" not in caught.value.message.replace("Secret", "")


async def test_tls_is_verified_by_name_and_a_relaxed_one_is_said(database: Database) -> None:
    by_address = database.server.uri(database.role, "secret", database.name, host="127.0.0.1")
    assert (await database.snapshot(uri=by_address)).tls_verified
    relaxed = database.server.uri(database.role, "secret", database.name, sslmode="require")
    found = await database.findings(**{"uri": relaxed, "ca.crt": ""})
    assert ("TLSNotVerified", "connection") in found


async def test_several_databases_of_a_server(database: Database, postgres: PostgresServer) -> None:
    other = Database(postgres)
    other.run(f"GRANT CONNECT ON DATABASE {other.name} TO {database.role}", *table("there"),
              *scan("there"))  # fmt: skip
    names = [database.name, other.name, "absent"]
    snapshots, failures = await analyse(
        from_secret("db", database.data()), names, ANALYSIS, NETWORK
    )
    assert [s.database for s in snapshots] == names[:2]
    assert [f.reason for f in failures] == [Reason.TARGET_NOT_FOUND]
    assert snapshots[0].server.system_identifier == snapshots[1].server.system_identifier
