"""Analysis of a real Postgres: real catalogs, real names, real refusals."""

import itertools
from typing import Any

import psycopg
import pytest
from psycopg import sql

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import Analysis
from setpoint.config import Config
from setpoint.database import rules
from setpoint.database.identifiers import quote
from setpoint.database.model import Snapshot
from setpoint.database.observe import analyse
from setpoint.database.postgres.connect import connect
from setpoint.database.postgres.target import from_secret
from setpoint.engine.failure import Failure
from setpoint.engine.model import Finding
from setpoint.trust.network import Network
from stack import shop
from stack.postgres import PostgresServer

_numbers = itertools.count(1)
SPRUNG = "$$ BEGIN RAISE EXCEPTION 'sprung'; END $$"
ANALYSIS = Analysis()
CONFIG = Config.model_validate({"networks": {"allow": ["127.0.0.0/8", "::1/128"]}})
NETWORK = Network(lambda: CONFIG)


class Database:
    """A database of its own, with a role like setpoint's."""

    def __init__(self, server: PostgresServer, *grants: str) -> None:
        number = next(_numbers)
        self.server = server
        self.name, self.role = f"analysed_{number}", f"reader_{number}"
        server.create_database(self.name)
        server.create_role(self.role, "secret", *grants)

    def run(self, *statements: Any) -> None:
        with shop.admin(self.server, self.name) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()")

    def data(self, **changes: str) -> dict[str, str]:
        return {
            "uri": self.server.uri(self.role, "secret", self.name),
            "ca.crt": self.server.ca_file.read_text(),
            **changes,
        }

    async def snapshot(self, **changes: str) -> Snapshot:
        snapshots, failures = await analyse("db", self.data(**changes), [], ANALYSIS, NETWORK)
        if failures:
            raise failures[0]
        return snapshots[0]

    async def findings(self, **changes: str) -> dict[tuple[str, str], Finding]:
        found = rules.findings(await self.snapshot(**changes), ANALYSIS)
        return {(finding.id, finding.object): finding for finding in found}


@pytest.fixture
def database(postgres: PostgresServer) -> Database:
    return Database(postgres, "pg_monitor", "pg_read_all_data")


def scan(table: str, times: int = 1100) -> list[str]:
    """Sequential scans of a table, whatever its indexes."""
    return [
        "SET enable_indexscan = off",
        "SET enable_bitmapscan = off",
        "SET enable_indexonlyscan = off",
        f"DO $$ BEGIN FOR i IN 1..{times} LOOP PERFORM 1 FROM {table} LIMIT 1; END LOOP; END $$",
    ]


def table(name: str, rows: int = 20_000) -> list[str]:
    return [
        f"CREATE TABLE {name} (id bigint, owner bigint, note text)",
        f"INSERT INTO {name} SELECT g, g % 900, repeat('x', 60) FROM generate_series(1, {rows}) g",
        f"ANALYZE {name}",
    ]


async def test_a_table_without_any_index_is_the_worst_case(database: Database) -> None:
    database.run(*table("bare"), *scan("bare"))
    found = await database.findings()
    finding = found["SequentialScans", "public.bare"]
    assert "and 0 index scans" in finding.evidence
    assert finding.sql[0] == "CREATE INDEX CONCURRENTLY ON public.bare (id)"


async def test_a_one_page_table_is_rightly_scanned(database: Database) -> None:
    database.run(*table("tiny", 20), *scan("tiny", 3000))
    assert ("SequentialScans", "public.tiny") not in await database.findings()


async def test_few_scans_are_no_finding(database: Database) -> None:
    database.run(*table("calm"), *scan("calm", 900))
    assert ("SequentialScans", "public.calm") not in await database.findings()


async def test_partitions_count_for_their_root(database: Database) -> None:
    parts = [
        f"CREATE TABLE part{n} PARTITION OF parent FOR VALUES FROM ({n * 10000}) TO"
        f" ({n * 10000 + 10000})"
        for n in range(3)
    ]
    database.run(
        "CREATE TABLE parent (id bigint, note text) PARTITION BY RANGE (id)",
        *parts,
        "INSERT INTO parent SELECT g, repeat('x', 90) FROM generate_series(0, 29999) g",
        "VACUUM ANALYZE parent",
        *(line for n in range(3) for line in scan(f"part{n}", 400)),
    )
    found = {identity[1] for identity in await database.findings()}
    assert "public.parent" in found
    assert not {"public.part0", "public.part1"} & found


async def test_names_that_need_care(database: Database) -> None:
    names = ['we"ird; DROP TABLE x', "Upper", "select", "dotted.name", "ключ"]
    for name in names:
        quoted = sql.Identifier(name).as_string()
        database.run(*table(quoted), *scan(quoted))
    found = {identity[1]: finding for identity, finding in (await database.findings()).items()}
    for name in names:
        assert f"public.{quote(name)}" in found
    statement = found['public."we""ird; DROP TABLE x"'].sql[0]
    assert statement == 'CREATE INDEX CONCURRENTLY ON public."we""ird; DROP TABLE x" (id)'


async def test_the_same_name_in_two_schemas(database: Database) -> None:
    database.run(
        "CREATE SCHEMA audit", *table("events"), *table("audit.events"), *scan("audit.events")
    )
    found = await database.findings()
    assert ("SequentialScans", "audit.events") in found
    assert ("SequentialScans", "public.events") not in found


async def test_unused_indexes_that_something_needs_are_kept(database: Database) -> None:
    database.run(
        "CREATE TABLE owners (id bigint PRIMARY KEY, code text UNIQUE)",
        "CREATE TABLE things (id bigint, owner bigint REFERENCES owners, note text,"
        " during int4range, EXCLUDE USING gist (during WITH &&))",
        "CREATE INDEX for_the_key ON things (owner)",
        "CREATE INDEX nobody ON things (note)",
        "CREATE UNIQUE INDEX one_of_a_kind ON things (id)",
    )
    found = {identity[1] for identity in await database.findings() if identity[0] == "UnusedIndex"}
    assert found == {"public.nobody"}


async def test_a_suggestion_is_never_of_a_column_that_has_one(database: Database) -> None:
    database.run(*table("half"), "CREATE INDEX ON half (owner, id)", *scan("half"))
    finding = (await database.findings())["SequentialScans", "public.half"]
    assert list(finding.sql) == ["CREATE INDEX CONCURRENTLY ON public.half (id)"]


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
    assert ("TLSNotVerified", f"database {database.name}") in found


async def test_several_databases_of_a_server(database: Database, postgres: PostgresServer) -> None:
    other = Database(postgres)
    other.run(f"GRANT CONNECT ON DATABASE {other.name} TO {database.role}", *table("there"),
              *scan("there"))  # fmt: skip
    names = [database.name, other.name, "absent"]
    snapshots, failures = await analyse("db", database.data(), names, ANALYSIS, NETWORK)
    assert [s.database for s in snapshots] == names[:2]
    assert [f.reason for f in failures] == [Reason.TARGET_NOT_FOUND]
    assert snapshots[0].server.system_identifier == snapshots[1].server.system_identifier
