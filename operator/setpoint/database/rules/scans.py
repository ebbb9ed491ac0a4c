"""Tables read sequentially again and again. Pure.

The rule is the classic one, seq_scan > idx_scan and seq_scan > minScans, with its traps mended: a
table without any index has idx_scan NULL and is the worst case; a table of less than a MiB is read
sequentially for good reason; partitions count for their root; replicas' scans count; and where a
day or more of our own looks shows no more of it, it is over.
"""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence, Severity
from setpoint.database.identifiers import qualified
from setpoint.database.model import MIB_PAGES, Snapshot, Table
from setpoint.database.rules.suggest import ON_PARTITIONS, suggestions
from setpoint.database.rules.words import lasting, when
from setpoint.engine.model import Finding

_TELLING = 60.0
"""Seconds of our own looks below which a rate an hour says nothing."""

MIN_PAGES = MIB_PAGES
"""1 MiB: below it, the planner rightly prefers a sequential scan."""

_LONG_ENOUGH = 24 * 3600.0
"""Seconds of our own looks that outweigh the counters since the reset."""

_PARTITIONS = 10
"""Partitions that count together: a report over a year of days is one scan, not 365."""

_FEW_ROWS = 100
"""A scan that reads no more ends early, by a LIMIT; it hardly hurts."""


def sequential_scans(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """One finding for each table that is scanned sequentially more than by index."""
    limits = analysis.sequential_scans
    for table in snapshot.tables:
        if table.pages < MIN_PAGES:
            continue
        if _scans(table) <= limits.min_scans or table.seq_scan <= table.idx_scan:
            continue
        if _is_over(table, snapshot):
            continue
        needs_index = table.seq_scan > limits.ratio * table.idx_scan
        sql = suggestions(table, snapshot) if needs_index else []
        yield Finding(
            id="SequentialScans",
            object=qualified(table.schema, table.name),
            severity=Severity.WARNING if needs_index else Severity.INFO,
            message="the table is read sequentially more often than through an index",
            evidence=_evidence(table, snapshot),
            remedy=_remedy(table, sql, needs_index=needs_index),
            sql=sql,
            magnitude=float(table.seq_scan),
            confidence=_confidence(table, snapshot),
        )


def _scans(table: Table) -> int:
    """Of all partitions, or ten times those of the busiest, whichever are fewer."""
    busiest = max((part.seq_scan for part in table.parts), default=0)
    return min(table.seq_scan, _PARTITIONS * busiest)


def _is_over(table: Table, snapshot: Snapshot) -> bool:
    """Whether the table has not been scanned like this for as long as we watched."""
    window = snapshot.window
    seen = window.tables.get(table.oid) if window is not None else None
    if seen is None or seen.seconds < _LONG_ENOUGH:
        return False
    return seen.seq_scan <= seen.idx_scan


def _confidence(table: Table, snapshot: Snapshot) -> Confidence:
    """High only with the statements that cause it; a scan that stops early is a suspicion."""
    if table.seq_tup_read < _FEW_ROWS * table.seq_scan:
        return Confidence.LOW
    read_by = any(table.name in statement.text for statement in snapshot.statements)
    return Confidence.HIGH if read_by else Confidence.MEDIUM


def _evidence(table: Table, snapshot: Snapshot) -> str:
    rows = table.seq_tup_read // max(table.seq_scan, 1)
    return (
        f"{table.seq_scan} sequential and {table.idx_scan} index scans since "
        f"{when(snapshot.stats_since)}, {rows} rows read each time, "
        f"{table.rows} rows in {table.pages * 8 // 1024} MiB; {_rate(table, snapshot)}"
    )


def _rate(table: Table, snapshot: Snapshot) -> str:
    window = snapshot.window
    seen = window.tables.get(table.oid) if window is not None else None
    if seen is None or seen.seconds < _TELLING:
        return "rates are being collected"
    hours = seen.seconds / 3600
    return (
        f"{seen.seq_scan / hours:.0f} sequential and {seen.idx_scan / hours:.0f} index scans an "
        f"hour in the last {lasting(seen.seconds)}"
    )


def _remedy(table: Table, sql: list[str], *, needs_index: bool) -> str:
    if not needs_index:
        return "look for statements on this table that filter by a column without index"
    if not sql:
        return "add an index for the columns that its statements filter by"
    text = (
        "an index on one of these may help; they are chosen by the catalog alone, not validated: "
        "check with EXPLAIN for the statements that read this table"
    )
    if table.is_partitioned:
        text += ON_PARTITIONS
    return text
