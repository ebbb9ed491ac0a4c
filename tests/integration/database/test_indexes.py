"""Index advice on real servers: with HypoPG on 15, and what is left of it without on 17 and 18."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from setpoint import cli
from setpoint.api.findings import Confidence
from setpoint.api.indexes import Indexes
from setpoint.database.advisor import Advisor, advise_on
from setpoint.database.indexes.model import Advice, Limits, Statement
from setpoint.database.postgres.target import from_secret
from setpoint.engine.beside import Beside, Subject
from setpoint.engine.model import Key
from tests.integration.aws.loop import Loop
from tests.integration.database.catalog import NETWORK, Database, kind
from tests.integration.database.test_kind import Secrets

SHOP = [
    "CREATE SCHEMA shop",
    "CREATE TABLE shop.customers (id int PRIMARY KEY, country int, name text)",
    (
        "CREATE TABLE shop.orders (id int PRIMARY KEY, customer_id int, state int, placed date,"
        " total numeric, note text)"
    ),
    (
        "CREATE TABLE shop.lines (order_id int, line int, sku int, amount int, note text,"
        " PRIMARY KEY (order_id, line))"
    ),
    "INSERT INTO shop.customers SELECT n, n % 25, 'name ' || n FROM generate_series(1, 5000) n",
    (
        "INSERT INTO shop.orders SELECT n, 1 + n::bigint * 7919 % 5000, abs(hashint4(n)) % 4, date '2020-01-01' + n * 31 % 900,"
        " n % 1000, repeat('x', 80) FROM generate_series(1, 60000) n"
    ),
    (
        "INSERT INTO shop.lines SELECT n / 3, n % 3, n::bigint * 104729 % 8000, 1 + n % 5, repeat('y', 60)"
        " FROM generate_series(3, 180000) n"
    ),
    "CREATE VIEW shop.open_orders AS SELECT * FROM shop.orders WHERE state = 1",
    "ANALYZE",
]
STATEMENTS = [
    "SELECT * FROM orders WHERE customer_id = 17",
    (
        "SELECT o.id, sum(l.amount) FROM orders o JOIN lines l ON l.order_id = o.id"
        " WHERE o.placed = date '2021-03-04' GROUP BY o.id"
    ),
    "SELECT o.* FROM shop.lines AS l JOIN shop.orders o ON o.id = l.order_id WHERE l.sku = 77",
    'SELECT "v".id FROM open_orders AS v WHERE v.customer_id = 3 ORDER BY placed DESC LIMIT 5',
    "UPDATE orders SET note = 'seen' WHERE customer_id = 4 AND state = 2",
    (
        "WITH c AS (SELECT id FROM customers WHERE country = 3) SELECT count(*) FROM c"
        " JOIN orders o ON o.customer_id = c.id WHERE o.placed > date '2022-06-01'"
    ),
]
NOW = datetime(2026, 11, 24, tzinfo=UTC)


async def ask(database: Database, *statements: Statement, **limits: Any) -> Advice:
    target = from_secret("db", database.data())
    return await advise_on(
        target, database.name, NETWORK, Limits(**limits), statements=statements, now=NOW
    )


@pytest.fixture
def shop(one_database: Database) -> Database:
    one_database.run("CREATE EXTENSION hypopg", *SHOP)
    return one_database


def workload(*texts: str) -> list[Statement]:
    return [Statement(text) for text in texts or STATEMENTS]


def costs(database: Database) -> list[float]:
    """Of the statements that only read, as they are planned now."""
    found = []
    with database.admin() as admin:
        admin.execute("SET search_path = shop")
        admin.execute("SET max_parallel_workers_per_gather = 0")
        for text in STATEMENTS:
            if not text.startswith("UPDATE"):
                row = admin.execute(f"EXPLAIN (FORMAT JSON) {text}").fetchone()
                found.append(row[0][0]["Plan"]["Total Cost"])
    return found


async def test_what_is_built_is_as_good_as_was_said(shop: Database) -> None:
    """A regression test of the answer's quality, on costs of real indexes."""
    before = costs(shop)
    advice = await ask(shop, *workload(), max_total_size=4 * 2**20)
    assert advice.not_analysable == []
    assert advice.is_validated
    assert advice.is_complete
    assert advice.size <= 4 * 2**20
    assert advice.relative_cost < 0.25
    assert advice.explains <= 400
    for suggestion in advice.suggestions:
        shop.run(*suggestion.ddl)
    shop.run("VACUUM ANALYZE")
    ratios = [now / then for now, then in zip(costs(shop), before, strict=True)]
    assert sum(ratios) / len(ratios) < 0.3
    with shop.admin() as admin:
        [built] = admin.execute(
            "SELECT sum(pg_relation_size(indexrelid)) FROM pg_stat_user_indexes"
            " WHERE indexrelname LIKE '%_sp'"
        ).fetchone()
    assert advice.size == pytest.approx(float(built), rel=0.1)
    again = await ask(shop, *workload(), max_total_size=4 * 2**20)
    assert not {s.name for s in again.suggestions} & {s.name for s in advice.suggestions}


async def test_a_suggestion_says_what_it_does(shop: Database) -> None:
    write = Statement("INSERT INTO orders (id, customer_id) VALUES ($1, $2)", calls=1000, rows=1000)
    advice = await ask(shop, *workload(STATEMENTS[0]), write)
    [suggestion] = advice.suggestions
    assert suggestion.table == "shop.orders"
    assert suggestion.columns[0] == "customer_id"
    assert suggestion.ddl[0].startswith(f"CREATE INDEX CONCURRENTLY {suggestion.name} ON shop.")
    [effect] = suggestion.helps
    assert effect.after < effect.before / 10
    assert [h.statement for h in suggestion.hurts] == [write]
    assert suggestion.write_overhead.milliseconds > 0
    assert suggestion.confidence is Confidence.HIGH


async def test_pages_are_full_where_nothing_writes(shop: Database) -> None:
    """And only there: rows that are to come need room."""
    read = workload(STATEMENTS[0])
    write = Statement("INSERT INTO orders (id, customer_id) VALUES ($1, $2)", calls=1, rows=1)
    shop.run("SELECT pg_stat_force_next_flush()", "ANALYZE shop.orders")
    [static] = (await ask(shop, *read)).suggestions
    [written] = (await ask(shop, *read, write)).suggestions
    shop.run("DELETE FROM shop.orders WHERE id = 1", "SELECT pg_stat_force_next_flush()")
    [changed] = (await ask(shop, *read)).suggestions
    assert static.ddl[0] == f"{written.ddl[0]} WITH (fillfactor = 100)"
    assert written.ddl == changed.ddl
    assert static.size < written.size


async def test_writes_outweigh_what_little_reads_gain(shop: Database) -> None:
    read = Statement(STATEMENTS[0], calls=1, total_ms=10)
    write = Statement("INSERT INTO orders VALUES ($1)", calls=10**7, total_ms=10**6, rows=10**7)
    assert (await ask(shop, read, write)).suggestions == []
    assert len((await ask(shop, read)).suggestions) == 1


async def test_limits_hold_and_the_best_stays(shop: Database) -> None:
    one = await ask(shop, *workload(), max_indexes=1)
    assert len(one.suggestions) == 1
    for_one_table = await ask(shop, *workload(), max_per_table=1)
    tables = [s.table for s in for_one_table.suggestions]
    assert len(tables) == len(set(tables))
    assert (await ask(shop, *workload(), max_total_size=8192)).suggestions == []


async def test_the_same_answer_whatever_the_order(shop: Database) -> None:
    one = await ask(shop, *workload())
    other = await ask(shop, *reversed(workload()))
    assert [s.ddl for s in one.suggestions] == [s.ddl for s in other.suggestions]


async def test_no_time_is_an_answer_too(shop: Database) -> None:
    advice = await ask(shop, *workload(), budget_s=0.0)
    assert advice.suggestions == []
    assert not advice.is_complete
    assert "no time" in advice.not_analysable[0].reason


NORMALISED = [
    "SELECT * FROM shop.orders WHERE customer_id = $1 AND placed < date $2 - interval $3 day",
    "SELECT * FROM shop.orders WHERE total BETWEEN $1 - $2 AND $1 + $3 LIMIT $4",
    "SELECT sum(CASE WHEN state = $1 THEN $2 ELSE $3 END) FROM shop.orders WHERE id = $4",
    (
        "SELECT extract($1 FROM placed), count(*) FROM shop.orders WHERE customer_id IN ($2, $3)"
        " GROUP BY extract($1 FROM placed)"
    ),
    "UPDATE shop.orders SET note = $1, total = $2 WHERE customer_id = $3",
    "DELETE FROM shop.lines l USING shop.orders o WHERE o.id = l.order_id AND o.placed < $1",
    "SELECT * FROM shop.orders WHERE customer_id = ANY ($1) ORDER BY placed DESC LIMIT $2",
]


async def test_normalised_texts_are_explained(database: Database) -> None:
    """With PREPARE on 15, with GENERIC_PLAN from 16 on, and there without HypoPG."""
    has_hypopg = database.server.has_hypopg
    database.run(*(["CREATE EXTENSION hypopg"] if has_hypopg else []), *SHOP)
    advice = await ask(database, *workload(*NORMALISED))
    assert {n.statement.text: n.reason for n in advice.not_analysable} == {}
    assert advice.analysed == len(NORMALISED)
    assert advice.is_validated == has_hypopg
    if has_hypopg:
        assert any(s.columns[0] == "customer_id" for s in advice.suggestions)
        assert {s.confidence for s in advice.suggestions} == {Confidence.MEDIUM}
    else:
        assert "HypoPG" in advice.why_not


async def test_one_bad_statement_never_stops_the_rest(shop: Database) -> None:
    shop.run(
        "CREATE SCHEMA other", "CREATE TABLE other.orders (id int)", "CREATE TABLE gone (a int)"
    )
    bad = {
        "SELECT * FROM shop.gone": "gone is not there",
        "SELECT * FROM elsewhere": "no table elsewhere",
        "SELECT * FROM orders WHERE id = 1": "several schemas",
        "SELECT nothing FROM shop.orders": "column of it does not exist",
        "SELECT * FROM shop.orders WHERE note = 5": "search_path finds",
        "VACUUM shop.orders": "no SELECT",
        "SELECT count(*) FROM pg_class": "server's own",
        "SELECT '" + "x" * 1_000_000 + "'": "longer than",
        "SELECT * FROM shop.orders WHERE": "no SQL",
    }
    advice = await ask(shop, *workload(*bad, "SELECT * FROM shop.orders WHERE customer_id = 9"))
    reasons = {n.statement.text: n.reason for n in advice.not_analysable}
    assert {text: part for text, part in bad.items() if part not in reasons.get(text, "")} == {}
    assert len(advice.suggestions) == 1


async def test_search_paths_of_roles_and_databases_are_followed(shop: Database) -> None:
    shop.run(
        "CREATE SCHEMA other",
        "CREATE TABLE other.orders AS SELECT * FROM shop.orders",
        f"ALTER DATABASE {shop.name} SET search_path = nothing, shop",
        f"CREATE ROLE app_{shop.name}",
        f"ALTER ROLE app_{shop.name} SET search_path = other",
        "ANALYZE other.orders",
    )
    text = "SELECT * FROM orders WHERE customer_id = 17"
    plain = await ask(shop, Statement(text))
    own = await ask(shop, Statement(text, user=f"app_{shop.name}"))
    assert [s.table for s in plain.suggestions] == ["shop.orders"]
    assert [s.table for s in own.suggestions] == ["other.orders"]


async def test_partitions_get_one_index_together(shop: Database) -> None:
    shop.run(
        "CREATE TABLE shop.events (id int, kind int, at date) PARTITION BY RANGE (id)",
        "CREATE TABLE shop.events_1 PARTITION OF shop.events FOR VALUES FROM (0) TO (50000)",
        "CREATE TABLE shop.events_2 PARTITION OF shop.events FOR VALUES FROM (50000) TO (100000)",
        "INSERT INTO shop.events SELECT n, n::bigint * 7919 % 9000, now() FROM generate_series(1, 99000) n",
        "ANALYZE",
    )
    advice = await ask(shop, Statement("SELECT * FROM shop.events WHERE kind = 5"))
    [suggestion] = advice.suggestions
    assert suggestion.table == "shop.events"
    shop.run(*suggestion.ddl)
    with shop.admin() as admin:
        row = admin.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass",
            (f"shop.{suggestion.name}",),
        ).fetchone()
    assert row == (True,)


async def test_a_role_that_may_read_nothing_is_told_so(one_database: Database) -> None:
    database = Database(one_database.server, "pg_monitor")
    database.run("CREATE EXTENSION hypopg", *SHOP)
    advice = await ask(database, *workload(STATEMENTS[0]))
    assert advice.analysed == 0
    assert not advice.is_validated
    assert "pg_read_all_data" in advice.not_analysable[0].reason
    assert "pg_read_all_data" in advice.why_not


async def test_no_session_is_left_of_one_that_is_given_up(shop: Database) -> None:
    """While a plan waits for a lock: hypothetical indexes go with their session."""
    target = from_secret("db", shop.data())
    with shop.admin() as admin, admin.transaction():
        admin.execute("LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.7):
                await advise_on(
                    target, shop.name, NETWORK, Limits(), statements=workload(), now=NOW
                )
    assert sessions(shop) == 0


async def test_a_locked_table_costs_its_statements_only(shop: Database) -> None:
    with shop.admin() as admin, admin.transaction():
        admin.execute("LOCK TABLE shop.lines IN ACCESS EXCLUSIVE MODE")
        advice = await ask(shop, *workload(STATEMENTS[0], STATEMENTS[2]))
    assert len(advice.suggestions) == 1
    [waits] = advice.not_analysable
    assert "waited for a lock" in waits.reason


def sessions(database: Database) -> int:
    with database.admin() as admin:
        row = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (database.role,)
        ).fetchone()
    return int(row[0])


@pytest.fixture
def busy(shop: Database) -> Database:
    """A database that an application works in."""
    shop.run("CREATE EXTENSION pg_stat_statements")
    with shop.admin() as admin:
        admin.execute("SELECT pg_stat_statements_reset()")
        admin.execute("SET search_path = shop")
        for text in STATEMENTS:
            admin.execute(text)
    return shop


DB: dict[str, Any] = {"postgres": {"secretRef": {"name": "db"}}}


async def test_in_status_and_as_findings_once_it_is_made(busy: Database) -> None:
    beside = Beside[Advice](lambda: datetime.now(UTC))
    made = kind(Secrets(db=busy.data()), beside=beside)
    run = Loop(made, {**DB, "indexes": {"maxTotalSize": "5Mi"}})
    done = await run.attempt()
    assert done.decision.again == timedelta(seconds=30)
    assert "indexes" not in run.status
    await beside.settled()
    done = await run.attempt()
    assert done.decision.again is None
    [shown] = run.status["indexes"]
    assert shown["database"] == busy.name
    assert shown["analysed"] == len(STATEMENTS)
    assert float(shown["relativeCost"].rstrip("%")) < 50
    assert shown["suggestions"][0]["sql"].startswith("CREATE INDEX CONCURRENTLY ")
    assert len(json.dumps(run.status["indexes"])) < 4096
    missing = [f for f in done.decision.findings if f.id == "MissingIndex"]
    assert len(missing) == shown["total"]
    before = run.status
    await run.attempt()
    assert run.status == before
    await beside.close()


async def test_it_ends_when_nobody_wants_it(busy: Database) -> None:
    wanted = [True]
    beside = Beside[Advice](lambda: NOW, lambda *_: wanted[0])
    advisor = Advisor(NETWORK, beside)
    target = from_secret("db", busy.data())
    subject = Subject(Key("dbtunings", "shop", "orders"), "uid", busy.name)
    with busy.admin() as admin, admin.transaction():
        admin.execute("LOCK TABLE pg_stat_statements IN ACCESS EXCLUSIVE MODE")
        assert advisor.ask(subject, 1, Indexes(), target) == (None, True)
        task = beside._entries[subject].task
        assert task is not None
        running = asyncio.create_task(beside.run())
        await asyncio.sleep(0)
        wanted[0] = False
        done, _ = await asyncio.wait([task], timeout=5)
    assert done == {task}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_the_command_line(
    shop: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "workload.sql"
    file.write_text(";\n".join(STATEMENTS))
    options = ["analyze", "postgres", shop.uri(), "--ca", str(shop.server.ca_file)]
    assert cli.main([*options, "--statements", str(file), "--format", "json"]) == 0
    [database] = json.loads(capsys.readouterr().out)["databases"]
    advice = database["indexAdvice"]
    assert advice["validated"]
    assert advice["analysed"] == len(STATEMENTS)
    assert advice["suggestions"][0]["helps"]
    assert cli.main([*options, "--indexes"]) == 0
    assert "pg_stat_statements" in capsys.readouterr().out
    assert cli.main([*options, "--statements", str(tmp_path / "absent")]) == 2
