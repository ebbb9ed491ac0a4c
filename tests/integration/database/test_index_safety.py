"""Advice plans statements that others wrote: nothing that they plant may run by it."""

from datetime import UTC, datetime

import pytest

from setpoint.database.indexes.advise import advise
from setpoint.database.indexes.model import Advice, Limits, Statement
from setpoint.database.postgres.connect import connect
from setpoint.database.postgres.target import from_secret
from tests.integration.database.catalog import NETWORK, Database


def function(signature: str, value: str, kind: str) -> str:
    """The server counts its calls, also of a transaction that fails."""
    return f"CREATE FUNCTION {signature} {kind} LANGUAGE plpgsql AS $$ BEGIN RETURN {value}; END $$"


PLANTED = [
    "CREATE TABLE t (id int PRIMARY KEY, a int, b text)",
    "INSERT INTO t SELECT n, n, n::text FROM generate_series(1, 20000) n",
    "CREATE TABLE other (id int, a int)",
    "INSERT INTO other SELECT n, n FROM generate_series(1, 20000) n",
    function("evil(int) RETURNS int", "1", "IMMUTABLE"),
    function("stale(int) RETURNS int", "1", "STABLE"),
    "CREATE VIEW v_immutable AS SELECT * FROM t WHERE a = public.evil(1)",
    "CREATE VIEW v_stable AS SELECT * FROM t WHERE a = public.stale(1)",
    "CREATE VIEW v_deep AS SELECT * FROM v_stable",
    ("CREATE VIEW v_xml AS SELECT * FROM t WHERE b ="
    " (pg_catalog.table_to_xml(pg_catalog.to_regclass('public.v_stable'), true, true, ''))::text"),
    # A type with a cast, a domain with a check, an array of it, a row of it.
    "CREATE TYPE mood AS ENUM ('well', 'ill')",
    function("of_mood(mood) RETURNS int", "1", "IMMUTABLE"),
    "CREATE CAST (mood AS int) WITH FUNCTION of_mood(mood) AS IMPLICIT",
    function("is_fine(int) RETURNS bool", "true", "IMMUTABLE"),
    "CREATE DOMAIN fine AS int CHECK (public.is_fine(VALUE))",
    "CREATE TYPE pair AS (x fine, y int)",
    "CREATE TABLE moody (id int, m mood)",
    "INSERT INTO moody SELECT n, 'well' FROM generate_series(1, 20000) n",
    # Operators, index expressions, policies, statistics, generated columns, children.
    function("same(int, int) RETURNS bool", "true", "IMMUTABLE"),
    "CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = public.same)",
    "CREATE TABLE indexed (id int, a int)",
    "INSERT INTO indexed SELECT n, n FROM generate_series(1, 20000) n",
    "CREATE INDEX ON indexed ((a + public.evil(1)))",
    "CREATE TABLE partial (id int, a int)",
    "CREATE INDEX ON partial (a) WHERE a = public.evil(1)",
    "CREATE TABLE guarded (id int, a int)",
    "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY p ON guarded USING (a = public.stale(1))",
    "CREATE TABLE guarded_xml (id int, b text)",
    "ALTER TABLE guarded_xml ENABLE ROW LEVEL SECURITY",
    ("CREATE POLICY p ON guarded_xml USING (b ="
    " (pg_catalog.table_to_xml(pg_catalog.to_regclass('public.v_stable'), true, true, ''))::text)"),
    "CREATE TABLE measured (id int, a int)",
    "CREATE STATISTICS s ON (a + public.evil(1)), id FROM measured",
    "CREATE TABLE parent (id int, a int)",
    "CREATE TABLE child (CHECK (a = public.evil(1))) INHERITS (parent)",
]  # fmt: skip

HARMFUL = {
    "a function": "SELECT * FROM t WHERE a = public.evil(1)",
    "a function without a schema": "SELECT * FROM t WHERE a = evil(1)",
    "a stable function": "SELECT * FROM t WHERE a = public.stale(1)",
    "a function in the select list": "SELECT public.evil(1) FROM t",
    "a function in FROM": "SELECT * FROM t, public.evil(1) AS e WHERE e = a",
    "a function in ORDER BY": "SELECT * FROM t ORDER BY a + public.evil(1)",
    "a function in an UPDATE": "UPDATE t SET a = 1 WHERE a = public.evil(1)",
    "a function in a DELETE": "DELETE FROM t USING other o WHERE t.a = o.a + public.evil(1)",
    "a function in a CTE": "WITH c AS (SELECT * FROM t WHERE a = public.evil(1)) SELECT * FROM c",
    "a view": "SELECT * FROM v_immutable",
    "a view with a stable one": "SELECT * FROM v_stable WHERE id = 3",
    "a view of a view": "SELECT * FROM v_deep WHERE id = 3",
    "a view that queries by name": "SELECT * FROM v_xml",
    "a query by name": "SELECT * FROM t WHERE b ="
    " (pg_catalog.table_to_xml(pg_catalog.to_regclass('public.v_stable'), true, true, ''))::text",
    "a cast": "SELECT * FROM t WHERE a = 'well'::public.mood",
    "a cast of a column": "SELECT * FROM moody WHERE m = 1",
    "a domain": "SELECT * FROM t WHERE a = 1::public.fine",
    "an array of a domain": "SELECT * FROM t WHERE a = ANY ('{1}'::public.fine[])",
    "a row with a domain": "SELECT * FROM t WHERE ('(1,2)'::public.pair).y = a",
    "a row type": "SELECT * FROM t WHERE ('(1,2,3)'::public.t).a = a",
    "an operator": "SELECT * FROM t WHERE a OPERATOR(public.===) 1",
    "an operator of ANY": "SELECT * FROM t WHERE 1 OPERATOR(public.===) ANY (SELECT 1)",
    "an index expression": "SELECT * FROM indexed WHERE a = 1",
    "an index predicate": "SELECT * FROM partial WHERE a = 1",
    "a policy": "SELECT * FROM guarded WHERE id = 1",
    "a policy that queries by name": "SELECT * FROM guarded_xml WHERE id = 1",
    "extended statistics": "SELECT * FROM measured WHERE a = 1",
    "a child's check": "SELECT * FROM parent WHERE a = 1",
}
HARMLESS = "SELECT * FROM t WHERE a = 17 AND b = lower('X')"


async def ask(database: Database, *texts: str) -> Advice:
    target = from_secret("db", database.data())
    async with connect(target, database.name, NETWORK) as connection:
        return await advise(
            connection, [Statement(text) for text in texts], Limits(), now=datetime.now(UTC)
        )


def plant(database: Database) -> Database:
    database.run(*PLANTED, "ANALYZE")
    database.run(f"ALTER DATABASE {database.name} SET track_functions = 'all'")
    if database.server.has_hypopg:
        database.run("CREATE EXTENSION hypopg")
    return database


@pytest.fixture
def planted(database: Database) -> Database:
    return plant(database)


def calls(database: Database) -> dict[str, int]:
    """Of the planted functions, since they were last asked for."""
    with database.admin() as admin:
        admin.execute("SELECT pg_stat_clear_snapshot()")
        rows = admin.execute(
            "SELECT funcname, calls FROM pg_stat_user_functions WHERE funcname !~ '^hypopg'"
        ).fetchall()
        admin.execute("SELECT pg_stat_reset()")
    return dict(rows)


async def test_nothing_that_is_planted_runs(planted: Database) -> None:
    calls(planted)
    advice = await ask(planted, *HARMFUL.values(), HARMLESS)
    assert calls(planted) == {}
    refused = {n.statement.text: n.reason for n in advice.not_analysable}
    assert {what for what, text in HARMFUL.items() if text not in refused} == set()
    assert HARMLESS not in refused
    assert advice.analysed == 1


async def test_each_refusal_says_what_it_is_for(one_database: Database) -> None:
    advice = await ask(plant(one_database), *HARMFUL.values())
    reasons = {n.statement.text: n.reason for n in advice.not_analysable}
    assert "public.evil" in reasons[HARMFUL["a function"]]
    assert "public.stale" in reasons[HARMFUL["a view of a view"]]
    assert "public.of_mood" in reasons[HARMFUL["a cast of a column"]]
    assert "public.===" in reasons[HARMFUL["an operator"]]
    assert "table_to_xml" in reasons[HARMFUL["a view that queries by name"]]
    assert "public.fine" in reasons[HARMFUL["an array of a domain"]]


RUNS = [
    "a function", "a stable function", "a view", "a view of a view", "a query by name", "a cast",
    "an array of a domain", "an index predicate", "a policy", "extended statistics",
    "a child's check",
]  # fmt: skip


async def test_the_plants_would_run(one_database: Database) -> None:
    """What the planner does with a statement as it is, with our role in a read-only transaction."""
    plant(one_database)
    target = from_secret("db", one_database.data())
    idle = []
    for what in RUNS:
        calls(one_database)
        async with connect(target, one_database.name, NETWORK) as connection:
            await connection.execute("SET search_path = public")
            await connection.execute(f"EXPLAIN {HARMFUL[what]}".encode())
        if not calls(one_database):
            idle.append(what)
    assert idle == []


async def test_a_trusted_extension_is_used_until_somebody_adds_to_it(
    one_database: Database,
) -> None:
    """All functions of a name must be the extension's: which one is meant, the planner decides."""
    text = "SELECT * FROM t WHERE similarity(b, 'x') > 0.5 AND b %> 'y' AND a = 3"
    plant(one_database).run("CREATE EXTENSION pg_trgm")
    assert (await ask(one_database, text)).not_analysable == []
    one_database.run(function("similarity(text, varchar) RETURNS real", "1", "IMMUTABLE"))
    [refused] = (await ask(one_database, text)).not_analysable
    assert "similarity" in refused.reason


async def test_a_member_that_its_owner_added_is_not_trusted(one_database: Database) -> None:
    owner = f"owner_{one_database.name}"
    one_database.run(
        f"CREATE ROLE {owner}", f"GRANT CREATE ON DATABASE {one_database.name} TO {owner}",
        f"GRANT CREATE ON SCHEMA public TO {owner}", f"SET ROLE {owner}",
        "CREATE EXTENSION citext", function("added(int) RETURNS int", "1", "IMMUTABLE"),
        "ALTER EXTENSION citext ADD FUNCTION added(int)", "RESET ROLE", *PLANTED,
    )  # fmt: skip
    [refused] = (
        await ask(one_database, "SELECT * FROM t WHERE a = public.added(1)")
    ).not_analysable
    assert "public.added" in refused.reason
