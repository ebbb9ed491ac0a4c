"""Tables read sequentially again and again, and indexes that may help. Pure.

The rule is the classic one, seq_scan > idx_scan and seq_scan > minScans, with its traps mended: a
table without any index has idx_scan NULL and is the worst case; a table of less than a MiB is read
sequentially for good reason; partitions count for their root.
"""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import qualified, quote
from setpoint.database.model import Column, Index, Snapshot, Table
from setpoint.engine.model import Finding

MIN_PAGES = 128
"""1 MiB: below it, the planner rightly prefers a sequential scan."""

_SUGGESTIONS = 3
_MIN_DISTINCT = 50
_MAX_NULLS = 0.9


def sequential_scans(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """One finding for each table that is scanned sequentially more than by index."""
    limits = analysis.sequential_scans
    for table in snapshot.tables:
        if table.pages < MIN_PAGES:
            continue
        if table.seq_scan <= limits.min_scans or table.seq_scan <= table.idx_scan:
            continue
        needs_index = table.seq_scan > limits.ratio * table.idx_scan
        sql = suggestions(table, snapshot) if needs_index else []
        yield Finding(
            id="SequentialScans",
            object=qualified(table.schema, table.name),
            severity=Severity.WARNING if needs_index else Severity.INFO,
            message="the table is read sequentially more often than through an index",
            evidence=_evidence(table, snapshot),
            remedy=_remedy(needs_index, sql),
            sql=sql,
            magnitude=float(table.seq_scan),
        )


def suggestions(table: Table, snapshot: Snapshot) -> list[str]:
    """DDL for at most three columns: foreign keys first, then the most selective.

    Never a column that an existing index already begins with.
    """
    led = {index.columns[0] for index in _usable(table, snapshot) if index.columns}
    foreign = {columns[0] for owner, columns in snapshot.foreign_keys if owner == table.oid}
    candidates = [
        column
        for column in snapshot.columns
        if column.table == table.oid
        and column.is_sortable
        and column.number not in led
        and (column.number in foreign or _is_selective(column, table))
    ]
    candidates.sort(
        key=lambda column: (
            column.number not in foreign, -_distinct(column, table), column.number
        )
    )  # fmt: skip
    name = qualified(table.schema, table.name)
    return [
        f"CREATE INDEX CONCURRENTLY ON {name} ({quote(column.name)})"
        for column in candidates[:_SUGGESTIONS]
    ]


def _usable(table: Table, snapshot: Snapshot) -> list[Index]:
    return [
        index
        for index in snapshot.indexes
        if index.table == table.oid and index.is_valid and not index.is_partial
    ]


def _distinct(column: Column, table: Table) -> float:
    """Number of distinct values; 0 where it is not known."""
    if column.n_distinct is None:
        return 0.0
    return -column.n_distinct * table.live if column.n_distinct < 0 else column.n_distinct


def _is_selective(column: Column, table: Table) -> bool:
    if column.n_distinct is None:  # not seen by our role, or never analysed
        return True
    return _distinct(column, table) >= _MIN_DISTINCT and (column.null_fraction or 0) <= _MAX_NULLS


def _evidence(table: Table, snapshot: Snapshot) -> str:
    rows = table.seq_tup_read // max(table.seq_scan, 1)
    return (
        f"{table.seq_scan} sequential and {table.idx_scan} index scans since "
        f"{snapshot.stats_since:%Y-%m-%d %H:%M} UTC, {rows} rows read each time, "
        f"{table.live} rows in {table.pages * 8 // 1024} MiB"
    )


def _remedy(needs_index: bool, sql: list[str]) -> str:
    if not needs_index:
        return "look for statements on this table that filter by a column without index"
    if not sql:
        return "add an index for the columns that its statements filter by"
    return (
        "an index on one of these columns may help; they are chosen by the catalog alone: check "
        "with EXPLAIN for the statements that read this table"
    )
