"""Every rule: what it says, and what it is not fooled by."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.database.a_database import (
    NOW,
    SERVER,
    column,
    database,
    findings,
    foreign_key,
    found,
    index,
    part,
    partitioned,
    snapshot,
    table,
)

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence, Severity
from setpoint.database.model import (
    SequenceUse,
    Session,
    Snapshot,
    Statement,
    TableWindow,
    Window,
)
from setpoint.database.rules.statements import redacted

SCANNED: dict[str, Any] = {"seq_scan": 2000, "seq_tup_read": 200_000_000}


def ids(seen: Snapshot) -> set[str]:
    return {rule for rule, _ in found(seen)}


def only(seen: Snapshot) -> Any:
    [finding] = findings(seen)
    return finding


def test_a_sound_database_has_no_findings() -> None:
    assert found(snapshot(indexes=[index()])) == set()


# Sequential scans


def test_a_table_without_index_is_the_worst_case() -> None:
    finding = only(snapshot(tables=[table(**SCANNED)]))
    assert (finding.id, finding.object) == ("SequentialScans", "public.orders")
    assert finding.severity is Severity.WARNING
    assert "2000 sequential and 0 index scans since 2026-08-26" in finding.evidence
    assert "rates are being collected" in finding.evidence


@pytest.mark.parametrize(
    ("values", "idx_scan", "severity"),
    [
        ({"seq_scan": 1000}, 0, None),
        ({"seq_scan": 1001}, 0, Severity.WARNING),
        ({"seq_scan": 2000}, 2000, None),
        ({"seq_scan": 2000}, 1999, Severity.INFO),
        ({"seq_scan": 2000}, 200, Severity.INFO),
        ({"seq_scan": 2001}, 200, Severity.WARNING),
        ({"seq_scan": 9999, "counted_pages": 1, "live": 20, "counted_rows": 20}, 0, None),
    ],
    ids=["few", "enough", "as many", "more", "ten times", "beyond", "one page"],
)
def test_the_classic_thresholds(
    values: dict[str, Any], idx_scan: int, severity: Severity | None
) -> None:
    seen = findings(snapshot(tables=[table(idx_scan=idx_scan, **values)]))
    assert [finding.severity for finding in seen] == ([severity] if severity else [])


def test_partitions_are_scanned_as_one_table() -> None:
    parts = [part(n, f"p{n}", seq_scan=400, counted_pages=60) for n in (2, 3, 4)]
    assert found(snapshot(tables=[partitioned(1, "events", *parts)])) == {
        ("SequentialScans", "public.events")
    }


def test_a_few_reports_over_many_partitions_are_few() -> None:
    parts = [part(n, f"p{n}", seq_scan=20, counted_pages=60) for n in range(2, 100)]
    assert found(snapshot(tables=[partitioned(1, "events", *parts)])) == set()


def test_what_a_day_of_our_own_looks_does_not_show_is_over() -> None:
    seen = snapshot(tables=[table(**SCANNED)])
    calm = Window(90_000, {1: TableWindow(90_000, 3, 300, 5000)})
    assert found(replace(seen, window=calm)) == set()
    busy = Window(90_000, {1: TableWindow(90_000, 500, 1, 20)})
    assert "20 sequential and 1 index scans an hour in the last 1d 1h" in (
        only(replace(seen, window=busy)).evidence
    )
    fresh = Window(0.4, {1: TableWindow(0.4, 0, 0, 0)})
    assert "rates are being collected" in only(replace(seen, window=fresh)).evidence
    short = Window(600, {1: TableWindow(600, 0, 0, 0)})
    assert ids(replace(seen, window=short)) == {"SequentialScans"}


def test_confidence_needs_the_statement_and_whole_scans() -> None:
    seen = snapshot(tables=[table(**SCANNED)])
    assert only(seen).confidence is Confidence.MEDIUM
    early = snapshot(tables=[table(seq_scan=2000, seq_tup_read=2000)])
    assert only(early).confidence is Confidence.LOW
    statement = Statement(5, "SELECT * FROM orders WHERE a = $1", 2000, 300, 600_000, 1, 0.5)
    known = findings(replace(seen, statements=[statement]))
    assert {f.confidence for f in known if f.id == "SequentialScans"} == {Confidence.HIGH}


# Indexes


def test_an_index_that_nobody_reads() -> None:
    finding = only(snapshot(indexes=[index(scans=0, tuples_read=0)]))
    assert (finding.id, finding.object) == ("UnusedIndex", "public.orders_100")
    assert list(finding.sql) == ["DROP INDEX CONCURRENTLY public.orders_100"]
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.HIGH)


@pytest.mark.parametrize(
    "needed",
    [
        {"is_unique": True}, {"is_primary": True, "is_unique": True}, {"is_exclusion": True},
        {"constraint": "c"}, {"is_referenced": True}, {"is_replica_identity": True},
        {"is_clustered": True}, {"scans": 1}, {"tuples_read": 1},
    ],
    ids=str,
)  # fmt: skip
def test_an_index_that_something_needs_is_kept(needed: dict[str, Any]) -> None:
    unused: dict[str, Any] = {"scans": 0, "tuples_read": 0, **needed}
    assert found(snapshot(indexes=[index(**unused)])) == set()


def test_an_index_that_supports_a_foreign_key_is_kept() -> None:
    served = snapshot(
        indexes=[index(scans=0, tuples_read=0, key=(2, 1, 3))], foreign_keys=[foreign_key(1, 2)]
    )
    assert found(served) == set()


def test_young_statistics_a_replica_and_a_reset_weaken_an_unused_index() -> None:
    seen = snapshot(indexes=[index(scans=0, tuples_read=0)])
    young = only(replace(seen, stats_since=NOW - timedelta(minutes=5)))
    assert (young.severity, young.confidence) == (Severity.INFO, Confidence.LOW)
    streaming = only(replace(seen, server=replace(SERVER, standbys=1)))
    assert streaming.severity is Severity.INFO
    assert "spec.postgres.replicas" in streaming.remedy
    asked = only(replace(seen, server=replace(SERVER, standbys=1), seen_replicas=1))
    assert asked.severity is Severity.WARNING
    assert found(replace(seen, unseen_replicas=1)) == set()
    minute = NOW - timedelta(minutes=1)
    assert found(replace(seen, stats_reset=minute, stats_since=minute)) == set()


def test_after_a_crash_no_scan_says_nothing_for_a_while() -> None:
    """It empties the counters and is no reset: that they know of no insert gives it away."""
    old = snapshot(indexes=[index(scans=0, tuples_read=0)], tables=[table(added=0, live=0)])
    assert only(old).id == "UnusedIndex"
    assert found(replace(old, stats_since=NOW - timedelta(minutes=59))) == set()
    assert only(replace(old, stats_since=NOW - timedelta(minutes=61))).id == "UnusedIndex"
    replica = replace(SERVER, in_recovery=True)
    young = replace(old, stats_since=NOW - timedelta(minutes=5), server=replica)
    assert only(young).id == "UnusedIndex"


def test_an_index_on_one_page_costs_and_serves_nothing() -> None:
    tiny = table(live=20, counted_rows=20, counted_pages=1)
    assert found(snapshot(tables=[tiny], indexes=[index(scans=0, tuples_read=0, pages=2)])) == set()


@pytest.mark.parametrize(
    ("first", "second", "rule", "which"),
    [
        ({}, {}, "DuplicateIndex", 101),
        ({}, {"is_unique": True}, "DuplicateIndex", 100),
        ({}, {"is_unique": True, "constraint": "c"}, "DuplicateIndex", 100),
        ({"is_unique": True}, {"is_unique": True, "constraint": "c"}, "DuplicateIndex", 100),
        ({}, {"is_clustered": True}, "DuplicateIndex", 100),
        ({"predicate": "x"}, {"predicate": "x"}, "DuplicateIndex", 101),
        ({"method": "brin", "parameters": "4"}, {"method": "brin"}, None, 0),
        ({"key": (0,), "expressions": ("x",)}, {"key": (0,), "expressions": ("x",)}, "DuplicateIndex", 101),
        ({}, {"key": (1, 2)}, "RedundantIndex", 100),
        ({"key": (1, 2)}, {}, "RedundantIndex", 101),
        ({}, {"included": (2,)}, "RedundantIndex", 100),
        ({"included": (2,)}, {"key": (1, 2)}, "RedundantIndex", 100),
        ({}, {"predicate": "x"}, None, 0),
        ({"predicate": "y"}, {"predicate": "x"}, None, 0),
        ({"key": (0,), "expressions": ("x",)}, {"key": (0,), "expressions": ("y",)}, None, 0),
        ({}, {"collations": (100,)}, None, 0),
        ({}, {"classes": (11,)}, None, 0),
        ({}, {"orders": (3,)}, None, 0),
        ({}, {"method": "hash"}, None, 0),
        ({"method": "hash"}, {"method": "hash", "key": (1, 2)}, None, 0),
        ({"included": (2,)}, {"included": (3,)}, None, 0),
        ({"included": (2,)}, {"key": (1, 3)}, None, 0),
        ({}, {"key": (2, 1)}, None, 0),
        ({}, {"key": (10, 2)}, None, 0),
        ({"is_unique": True}, {"key": (1, 2)}, None, 0),
        ({"is_replica_identity": True}, {"key": (1, 2)}, None, 0),
        ({}, {"key": (1, 2), "predicate": "x"}, None, 0),
        ({}, {"key": (1, 2), "is_valid": False, "is_building": True}, None, 0),
        ({"is_unique": True}, {"is_unique": True, "is_immediate": False, "constraint": "c"}, None, 0),
        ({"is_unique": True}, {"is_unique": True, "nulls_not_distinct": True}, None, 0),
        ({"is_exclusion": True, "constraint": "a"}, {"is_exclusion": True, "constraint": "b"}, None, 0),
        ({}, {"table": 2}, None, 0),
    ],
    ids=str,
)  # fmt: skip
def test_of_two_indexes_one_too_many(
    first: dict[str, Any], second: dict[str, Any], rule: str | None, which: int
) -> None:
    seen = snapshot(
        tables=[table(), table(2, "others")], indexes=[index(100, **first), index(101, **second)]
    )
    assert found(seen) == ({(rule, f"public.orders_{which}")} if rule else set())


def test_a_superfluous_index_is_not_called_unused_as_well() -> None:
    idle: dict[str, Any] = {"scans": 0, "tuples_read": 0}
    assert found(snapshot(indexes=[index(100, **idle), index(101, key=(1, 2))])) == {
        ("RedundantIndex", "public.orders_100")
    }


def test_what_serves_the_reads_of_a_superfluous_index_is_not_called_unused() -> None:
    idle: dict[str, Any] = {"scans": 0, "tuples_read": 0}
    assert found(snapshot(indexes=[index(100, **idle), index(101)])) == {
        ("DuplicateIndex", "public.orders_101")
    }
    chain = [index(100), index(101, key=(1, 2), **idle), index(102, key=(1, 2, 3), **idle)]
    assert found(snapshot(indexes=chain)) == {
        ("RedundantIndex", "public.orders_100"), ("RedundantIndex", "public.orders_101"),
    }  # fmt: skip


def test_a_doubled_constraint_is_dropped_as_one() -> None:
    twins = [
        index(100, is_unique=True, is_primary=True, constraint="orders_pkey"),
        index(101, is_unique=True, constraint='Un"ique'),
    ]
    assert list(only(snapshot(indexes=twins)).sql) == [
        'ALTER TABLE public.orders DROP CONSTRAINT "Un""ique"'
    ]


def test_a_primary_key_stays_and_what_foreign_keys_hold_on_to_is_not_dropped() -> None:
    twins = [
        index(100, is_unique=True, constraint="older", is_referenced=True),
        index(101, is_unique=True, is_primary=True, constraint="orders_pkey"),
    ]
    finding = only(snapshot(indexes=twins))
    assert finding.object == "public.orders_100"
    assert list(finding.sql) == [], "foreign keys would not let it go"


def test_an_invalid_index_but_not_one_in_the_making() -> None:
    finding = only(snapshot(indexes=[index(is_valid=False, scans=0, tuples_read=0)]))
    assert finding.id == "InvalidIndex"
    assert list(finding.sql) == ["REINDEX INDEX CONCURRENTLY public.orders_100"]
    assert found(snapshot(indexes=[index(is_valid=False, is_building=True)])) == set()
    blind = snapshot(server=replace(SERVER, sees_activity=False), indexes=[index(is_valid=False)])
    seen = {f.id: f for f in findings(blind)}
    assert seen["InvalidIndex"].confidence is Confidence.LOW
    for name in ("orders_a_ccnew", "orders_a_ccnew1", "orders_a_ccold12"):
        left = only(snapshot(indexes=[index(name=name, is_valid=False)]))
        assert list(left.sql) == [f"DROP INDEX CONCURRENTLY public.{name}"]


@pytest.mark.parametrize(
    ("made", "is_served"),
    [
        (None, False),
        ({"key": (1, 2)}, True),
        ({"key": (2, 1, 3)}, True),
        ({"key": (1, 3, 2)}, False),
        ({"key": (1,)}, False),
        ({"key": (1, 2), "predicate": "x"}, False),
        ({"key": (1, 2), "predicate": "x", "not_null": 1}, True),
        ({"key": (1, 2), "predicate": "x", "not_null": 9}, False),
        ({"key": (1, 2), "is_valid": False, "is_building": True}, False),
        ({"key": (1, 2), "method": "gin"}, False),
        ({"key": (1, 2, 3), "method": "gist"}, True),
        ({"key": (3, 1, 2), "method": "gist"}, False),
        ({"key": (2, 1), "collations": (0, 100)}, True),
        ({"key": (2, 1), "collations": (0, 950)}, False),
    ],
    ids=str,
)
def test_a_foreign_key_and_what_serves_it(made: dict[str, Any] | None, is_served: bool) -> None:
    seen = snapshot(
        foreign_keys=[foreign_key(1, 2, collations=(100, 0))],
        indexes=[index(**{"collations": (), **made})] if made else [],
        columns=[column(1, "a"), column(2, "B")],
    )
    expected = set() if is_served else {("ForeignKeyWithoutIndex", "public.orders")}
    assert found(seen) == expected
    if made is None:
        assert list(only(seen).sql) == ['CREATE INDEX CONCURRENTLY ON public.orders (a, "B")']


def test_a_foreign_key_of_one_page_needs_no_index() -> None:
    tiny = table(live=20, counted_rows=20, counted_pages=1)
    assert found(snapshot(tables=[tiny], foreign_keys=[foreign_key(1)])) == set()


# Statistics and dead rows


def test_rows_that_were_never_analysed() -> None:
    unknown: dict[str, Any] = {"analyzed_at": None, "counted_rows": -1, "counted_pages": 0}
    assert found(snapshot(tables=[table(**unknown)])) == {("NeverAnalyzed", "public.orders")}
    assert found(snapshot(tables=[table(live=900, **unknown)])) == set()


def test_a_reset_or_a_vacuum_forgets_only_the_date() -> None:
    counted = snapshot(tables=[table(analyzed_at=None)])
    assert found(counted) == set()  # nothing is known of its columns
    with_statistics = replace(counted, columns=[column()])
    assert found(with_statistics) == set()
    without = replace(counted, columns=[column(width=None, n_distinct=None)])
    assert ids(without) == {"NeverAnalyzed"}
    hidden = replace(without, tables=[table(analyzed_at=None, hides_statistics=True)])
    assert found(hidden) == set()
    blind = replace(without, server=replace(SERVER, unread_schemas=["public"]))
    assert ids(blind) == {"MissingPrivilege"}


def test_statistics_grow_stale_by_the_tables_own_measure() -> None:
    long_ago = NOW - timedelta(days=9)
    assert ids(snapshot(tables=[table(modified=20_101, analyzed_at=long_ago)])) == {
        "StaleStatistics"
    }
    assert found(snapshot(tables=[table(modified=20_000, analyzed_at=long_ago)])) == set()
    patient: dict[str, Any] = {"autovacuum_analyze_scale_factor": "0.5"}
    assert found(snapshot(tables=[table(modified=90_000, options=patient)])) == set()


def test_autovacuum_is_given_time_to_come() -> None:
    fresh: dict[str, Any] = {"modified": 50_000, "analyzed_at": NOW - timedelta(seconds=30)}
    assert found(snapshot(tables=[table(**fresh)])) == set()
    off: dict[str, Any] = {"options": {"autovacuum_enabled": "false"}}
    assert ids(snapshot(tables=[table(**fresh, **off)])) == {"StaleStatistics"}


def test_a_load_that_was_analysed_at_once_is_counted_late() -> None:
    loaded: dict[str, Any] = {
        "modified": 100_000,
        "live": 200_000,
        "analyzed_at": NOW - timedelta(days=1),
    }
    assert found(snapshot(tables=[table(**loaded)])) == set()


def test_rows_that_analyze_counted_were_inserted_before_it() -> None:
    told_late: dict[str, Any] = {"updated": 300, "modified": 100_300}
    assert found(snapshot(tables=[table(**told_late)])) == set()
    told_late = {"updated": 60_000, "modified": 160_000}
    assert ids(snapshot(tables=[table(**told_late)])) == {"StaleStatistics"}


def test_deletes_that_were_vacuumed_at_once_are_counted_late() -> None:
    left: dict[str, Any] = {
        "added": 100_000, "removed": 90_000, "dead": 90_000, "modified": 190_000,
        "inserted": 100_000, "live": 20_000, "counted_rows": 10_000, "visible_pages": 600,
    }  # fmt: skip
    assert found(snapshot(tables=[table(**left)])) == set()
    since = snapshot(tables=[table(**left | {"counted_rows": 100_000})])
    assert {"DeadTuples", "StaleStatistics"} <= ids(since), "it counted all of them"
    analysed = snapshot(tables=[table(**left | {"visible_pages": 60})])
    assert ids(analysed) == {"DeadTuples", "AutovacuumBehind"}, "VACUUM came before the deletes"


def test_storage_parameters_are_read_as_postgres_reads_them() -> None:
    for text in ("OFF", "False", "no", "0"):
        off = table(dead=24_000, options={"autovacuum_enabled": text})
        assert "AutovacuumBehind" in ids(snapshot(tables=[off])), text
    for text, is_behind in (("0.1", True), ("1e-1", True), ("50", False), ("0x32", False)):
        own = table(dead=24_000, live=200_000, options={"autovacuum_vacuum_scale_factor": text})
        assert ("AutovacuumBehind" in ids(snapshot(tables=[own]))) is is_behind, text


def test_a_table_without_vacuum_for_new_rows_has_none_to_wait_for() -> None:
    new: dict[str, Any] = {"inserted": 100_000, "added": 200_000, "live": 200_000}
    never: dict[str, Any] = {"options": {"autovacuum_vacuum_insert_threshold": "-1"}}
    assert ids(snapshot(tables=[table(**new)])) == {"AutovacuumBehind"}
    assert found(snapshot(tables=[table(**new, **never)])) == set()


def test_dead_rows_and_who_should_remove_them() -> None:
    assert ids(snapshot(tables=[table(dead=30_000)])) == {"DeadTuples"}
    assert ids(snapshot(tables=[table(dead=60_000)])) == {"DeadTuples", "AutovacuumBehind"}
    assert found(snapshot(tables=[table(dead=10_000)])) == set()
    assert found(snapshot(tables=[table(live=5, dead=40, counted_rows=5)])) == set()
    off: dict[str, Any] = {"options": {"autovacuum_enabled": "off"}}
    seen = {f.id: f for f in findings(snapshot(tables=[table(dead=30_000, **off)]))}
    assert list(seen["AutovacuumBehind"].sql) == [
        "ALTER TABLE public.orders RESET (autovacuum_enabled)"
    ]


def test_rows_of_a_load_that_are_told_late_are_no_work_for_autovacuum() -> None:
    new: dict[str, Any] = {"inserted": 100_000, "added": 100_000, "live": 200_000}
    assert found(snapshot(tables=[table(**new)])) == set()
    grown = table(inserted=100_000, added=200_000, live=200_000)
    assert ids(snapshot(tables=[grown])) == {"AutovacuumBehind"}


def test_the_dead_rows_of_partitions_are_their_roots() -> None:
    bad = part(2, "p1", dead=90_000)
    seen = findings(snapshot(tables=[partitioned(1, "events", bad, part(3, "p2"))]))
    assert {finding.object for finding in seen} == {"public.events"}
    assert all("1 of 2 partitions" in finding.evidence for finding in seen)


# Wraparound, sequences


def test_old_transaction_ids_and_multixacts() -> None:
    assert found(snapshot(tables=[table(transaction_age=299_000_000)])) == set()
    warned = only(snapshot(tables=[table(transaction_age=301_000_000)]))
    assert (warned.id, warned.severity) == ("TransactionIdWraparound", Severity.WARNING)
    worst = only(snapshot(tables=[table(transaction_age=1_700_000_000)]))
    assert worst.severity is Severity.CRITICAL
    assert "447483648 are left" in worst.evidence
    assert found(snapshot(tables=[table(multixact_age=601_000_000)])) == {
        ("MultixactWraparound", "public.orders")
    }


def test_another_database_can_stop_the_server_too() -> None:
    others = [database(), database(name="Old one", transaction_age=1_500_000_000)]
    assert found(snapshot(databases=others)) == {("TransactionIdWraparound", '"Old one"')}


@pytest.mark.parametrize(
    ("begin", "last", "limit", "severity"),
    [
        (1, 1_500_000_000, 2**31 - 1, None),
        (1, 1_700_000_000, 2**31 - 1, Severity.WARNING),
        (1, 2_000_000_000, 2**31 - 1, Severity.CRITICAL),
        (-1, -2_000_000_000, -(2**31), Severity.CRITICAL),
        (-1, -5, -(2**63), None),
        (9 * 10**18, 9 * 10**18 + 100, 2**63 - 1, None),
        (2**31 - 1, 2**31 - 50, 1, None),
    ],
)
def test_sequences_near_their_end(
    begin: int, last: int, limit: int, severity: Severity | None
) -> None:
    sequence = SequenceUse("public", "orders_id_seq", begin, last, limit, None)
    seen = findings(snapshot(sequences=[sequence]))
    assert [finding.severity for finding in seen] == ([severity] if severity else [])


# Sessions, connections, statements


def session(**values: Any) -> Session:
    return replace(Session(77, "app", "web", False, 1.0, 1.0), **values)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (session(in_transaction=299), set()),
        (session(in_transaction=300), {("LongTransaction", "session 77")}),
        (session(is_idle=True, in_state=59, in_transaction=299), set()),
        (session(is_idle=True, in_state=59, in_transaction=900),
         {("LongTransaction", "session 77")}),
        (session(is_idle=True, in_state=60), {("IdleInTransaction", "session 77")}),
        (session(waits_for_lock=9), set()),
        (session(waits_for_lock=10, blockers=(8,)), {("BlockedSession", "session 77")}),
        (session(pid=0, is_idle=True, application="gid", in_transaction=900, in_state=900),
         {("LongTransaction", "prepared gid")}),
    ],
)  # fmt: skip
def test_sessions_in_the_way(seen: Session, expected: set[tuple[str, str]]) -> None:
    assert found(snapshot(sessions=[seen])) == expected


def test_connections_near_the_limit() -> None:
    settings: dict[str, Any] = {"max_connections": 103, "superuser_reserved_connections": 3}
    server = replace(SERVER, settings=settings)
    assert found(snapshot(server=replace(server, connections=79))) == set()
    assert only(snapshot(server=replace(server, connections=80))).object == "server"
    full = only(snapshot(server=replace(server, connections=95)))
    assert (full.severity, full.evidence) == (Severity.CRITICAL, "95 of 100 connections (95%)")
    limited = snapshot(databases=[database(connections=9, connection_limit=10)])
    assert found(limited) == {("ConnectionsNearLimit", "shop")}


def test_slow_statements_are_named_by_their_id() -> None:
    statement = Statement(-42, "SELECT $1", 100, 250.0, 25_000, 100, 0.2)
    finding = only(snapshot(statements=[statement]))
    assert finding.object == "statement -42"
    assert "100 calls of 250 ms on average, 25 s in all, 20%" in finding.evidence


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SELECT  a\nFROM t WHERE b = $1", "SELECT a FROM t WHERE b = $1"),
        ("SELECT 'it''s secret', 5, x1", "SELECT ?, ?, x1"),
        ("SELECT E'secret', $$secret$$, $q$secret$q$, 1.5", "SELECT ?, ?, ?, ?"),
        ("/* secret */ SELECT a -- secret\nFROM t", "SELECT a FROM t"),
        ("SELECT 'cut in the midd", "SELECT ?"),
        ("SELECT a /* cut in the midd", "SELECT a"),
    ],
)
def test_constants_and_comments_of_statements_are_not_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown


# Bloat, cache, settings


def wide(number: int = 1, width: int = 100) -> Any:
    return column(number, f"c{number}", width=width, length=-1)


def test_empty_space_in_a_table() -> None:
    rows: dict[str, Any] = {"live": 10_000, "counted_rows": 10_000, "added": 100_000}
    seen = snapshot(tables=[table(counted_pages=1700, **rows)], columns=[wide()])
    finding = only(seen)
    assert (finding.id, finding.confidence) == ("TableBloat", Confidence.MEDIUM)
    assert found(replace(seen, columns=[])) == set()
    assert found(replace(seen, columns=[wide(width=None)])) == set()  # type: ignore[arg-type]
    littered = snapshot(tables=[table(counted_pages=1700, dead=90_000, **rows)], columns=[wide()])
    assert "TableBloat" not in ids(littered)
    loose: dict[str, Any] = {"options": {"fillfactor": "10"}}
    assert (
        found(snapshot(tables=[table(counted_pages=1700, **rows, **loose)], columns=[wide()]))
        == set()
    )


def test_rows_of_half_a_page_leave_the_rest_free() -> None:
    rows: dict[str, Any] = {"live": 1200, "counted_rows": 1200, "added": 1200}
    seen = snapshot(tables=[table(counted_pages=1200, **rows)], columns=[wide(width=4204)])
    assert found(seen) == set()


def test_empty_space_in_an_index() -> None:
    kept = snapshot(indexes=[index(pages=300, rows=100_000)], columns=[column()])
    assert found(kept) == set()
    hollow = replace(kept, indexes=[index(pages=300, rows=5_000)])
    assert found(hollow) == {("IndexBloat", "public.orders_100")}
    loose = replace(kept, indexes=[index(pages=300, rows=20_000, fillfactor=10)])
    assert found(loose) == set()
    for other in ({"method": "gin"}, {"key": (0,), "expressions": ("x",)}, {"key": (5,)}):
        assert found(replace(kept, indexes=[index(pages=300, rows=5_000, **other)])) == set()


def test_an_index_has_entries_of_dead_rows_and_a_partial_one_values_of_its_own() -> None:
    hollow = snapshot(indexes=[index(pages=600, rows=100_000)], columns=[column()])
    assert ids(hollow) == {"IndexBloat"}
    littered = replace(hollow, tables=[table(dead=110_000)])
    assert "IndexBloat" not in ids(littered)
    partial = index(pages=600, rows=100_000, predicate="x")
    assert ids(replace(hollow, indexes=[partial])) == {"IndexBloat"}
    sparse = column(null_fraction=0.95, width=100, length=-1)
    assert found(replace(hollow, indexes=[partial], columns=[sparse])) == set()
    pointers = column(width=18, length=-1, is_out_of_line=True)
    assert found(replace(hollow, columns=[pointers])) == set()


def test_scans_tell_the_pages_that_nobody_has_counted() -> None:
    wide: dict[str, Any] = {
        "counted_pages": 0, "counted_rows": -1, "analyzed_at": None, "vacuumed_at": None,
        "live": 10_000, "added": 10_000, "seq_scan": 2000, "seq_tup_read": 20_000_000,
        "blocks": 330 * 2000 + 10_000,
    }  # fmt: skip
    assert "SequentialScans" in ids(snapshot(tables=[table(**wide)]))
    restless = table(**wide | {"updated": 300_000})
    assert "SequentialScans" not in ids(snapshot(tables=[restless]))


def test_reads_that_miss_the_cache() -> None:
    cold = snapshot(databases=[database(blocks_hit=40_000, blocks_read=40_000)])
    assert found(cold) == {("CacheHitRatio", "shop")}
    assert found(snapshot(databases=[database(blocks_hit=10_000, blocks_read=10_000)])) == set()
    warm = replace(cold, window=Window(600, {}, blocks_hit=99_000, blocks_read=1_000))
    assert found(warm) == set()


GIB = 1024**3


@pytest.mark.parametrize(
    ("settings", "memory", "objects"),
    [
        ({"shared_buffers": 4 * GIB, "effective_cache_size": 12 * GIB}, 16, set()),
        ({"shared_buffers": GIB / 8, "effective_cache_size": 12 * GIB}, 16, {"shared_buffers"}),
        ({"shared_buffers": 4 * GIB, "effective_cache_size": GIB}, 16, {"effective_cache_size"}),
        ({"shared_buffers": GIB, "effective_cache_size": GIB / 2}, None, {"effective_cache_size"}),
        ({"shared_buffers": GIB, "effective_cache_size": GIB, "maintenance_work_mem": 2**20},
         None, {"maintenance_work_mem"}),
        ({"shared_buffers": GIB, "effective_cache_size": GIB, "work_mem": GIB,
          "max_connections": 100}, None, {"work_mem"}),
        ({"shared_buffers": 4 * GIB, "effective_cache_size": 12 * GIB, "work_mem": GIB,
          "max_connections": 100}, 16, {"work_mem"}),
        ({"shared_buffers": GIB / 128, "effective_cache_size": GIB, "work_mem": 4 * 2**20,
          "max_connections": 100}, None, set()),
        ({}, 16, set()),
    ],
)  # fmt: skip
def test_settings_for_the_machine(
    settings: dict[str, float], memory: int | None, objects: set[str]
) -> None:
    seen = snapshot(server=replace(SERVER, settings=settings), memory=memory)
    assert found(seen) == {("Setting", name) for name in objects}


def test_new_buffers_for_much_data() -> None:
    settings: dict[str, Any] = {"shared_buffers": GIB / 8, "effective_cache_size": 4 * GIB}
    large = table(counted_pages=2_000_000)
    seen = snapshot(server=replace(SERVER, settings=settings), tables=[large])
    assert ("Setting", "shared_buffers") in found(seen)


# What cannot be seen


def test_what_the_role_or_the_connection_lacks() -> None:
    blind = replace(SERVER, sees_activity=False, unread_schemas=["shop", "We ird"], role="the role")
    seen = {f.object: f for f in findings(snapshot(server=blind))}
    assert list(seen["pg_monitor"].sql) == ['GRANT pg_monitor TO "the role"']
    assert list(seen["pg_read_all_data"].sql) == ['GRANT pg_read_all_data TO "the role"']
    old = replace(blind, version="13.4")
    seen = {f.object: f for f in findings(snapshot(server=old))}
    assert seen["pg_read_all_data"].sql[0] == 'GRANT USAGE ON SCHEMA shop, "We ird" TO "the role"'
    assert found(snapshot(tls_verified=False)) == {("TLSNotVerified", "connection")}
    assert found(snapshot(is_cut=True)) == {("AnalysisIncomplete", "shop")}


def test_thresholds_are_the_specs() -> None:
    strict = Analysis.model_validate(
        {"deadTuples": "1%", "sequenceUsed": "5%", "longTransaction": "1s", "connections": "1%"}
    )
    sequence = SequenceUse("public", "s", 1, 100, 1000, None)
    settings: dict[str, Any] = {"max_connections": 100}
    seen = snapshot(
        tables=[table(dead=2000)], sequences=[sequence], sessions=[session(in_transaction=2)],
        server=replace(SERVER, settings=settings, connections=5),
    )  # fmt: skip
    assert found(seen) == set()
    assert {rule for rule, _ in found(seen, strict)} == {
        "DeadTuples", "SequenceNearEnd", "LongTransaction", "ConnectionsNearLimit",
    }  # fmt: skip


def test_a_server_before_its_release_has_a_version_too() -> None:
    server = replace(SERVER, version="19beta1", unread_schemas=("app",))
    [missing] = findings(snapshot(server=server))
    assert missing.sql == ["GRANT pg_read_all_data TO setpoint"]
