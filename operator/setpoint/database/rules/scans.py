"""Tables read sequentially again and again. Pure.

The rule is the classic one, seq_scan > idx_scan and seq_scan > minScans, with its traps mended: a
table without any index has idx_scan NULL and is the worst case; a table of less than a MiB is read
sequentially for good reason; partitions count for their root.
"""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import qualified
from setpoint.database.model import Snapshot, Table
from setpoint.database.rules.suggest import suggestions
from setpoint.engine.model import Finding

MIN_PAGES = 128
"""1 MiB: below it, the planner rightly prefers a sequential scan."""


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
            remedy=_remedy(table, sql, needs_index=needs_index),
            sql=sql,
            magnitude=float(table.seq_scan),
        )


def _evidence(table: Table, snapshot: Snapshot) -> str:
    rows = table.seq_tup_read // max(table.seq_scan, 1)
    return (
        f"{table.seq_scan} sequential and {table.idx_scan} index scans since "
        f"{snapshot.stats_since:%Y-%m-%d %H:%M} UTC, {rows} rows read each time, "
        f"{table.rows} rows in {table.pages * 8 // 1024} MiB"
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
        text += (
            ". The table is partitioned: after this statement, create the index CONCURRENTLY on "
            "each partition, and ALTER INDEX … ATTACH PARTITION each of them"
        )
    return text
