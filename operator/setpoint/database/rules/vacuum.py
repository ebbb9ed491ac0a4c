"""Statistics of the planner, dead rows, and autovacuum's work on them. Pure.

A partition has its own statistics and its own dead rows; what is wrong with partitions is one
finding of their table.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence, Severity
from setpoint.database.identifiers import qualified
from setpoint.database.model import (
    Part,
    Server,
    Snapshot,
    Table,
    is_switched_off,
    parameter,
)
from setpoint.database.rules.words import when
from setpoint.engine.model import Finding

_MIN_ROWS = 1000
"""A plan for fewer rows is good enough without statistics, and their dead ones cost nothing."""

_MIN_NEW = 10_000
"""New rows that are not frozen yet; fewer are no work to speak of."""

_TIME_TO_COME = timedelta(minutes=2)
"""Two rounds of autovacuum (autovacuum_naptime)."""

_BEHIND = 2.0
"""Autovacuum visits a table soon after its trigger: at twice the trigger it does not come."""


def never_analyzed(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Rows without statistics: the planner guesses."""

    def is_unknown(part: Part) -> bool:
        if part.analyzed_at is not None or part.rows < _MIN_ROWS:
            return False
        if part.counted_rows < 0 or (part.counted_rows == 0 and part.counted_pages == 0):
            return True
        # Counted by VACUUM, CREATE INDEX or an ANALYZE that a reset of the statistics forgot.
        if part.hides_statistics:
            return False
        columns = snapshot.columns_of.get(part.oid, ())
        if any(column.width is not None for column in columns):
            return False
        return bool(columns) and not snapshot.server.unread_schemas

    for table, parts in _concerned(snapshot.tables, is_unknown):
        rows = sum(part.rows for part in parts)
        yield Finding(
            id="NeverAnalyzed",
            object=qualified(table.schema, table.name),
            severity=Severity.WARNING,
            message="the table was never analysed: the planner guesses how many rows it will find",
            evidence=f"{rows} rows without statistics{_of(table, parts)}",
            remedy="analyse it, and find out why autovacuum does not: it may be off for this table",
            sql=[f"ANALYZE {qualified(table.schema, table.name)}"],
            magnitude=float(max(rows, 1)),
        )


def stale_statistics(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """So many rows changed since the last ANALYZE that autovacuum should long have come."""
    server = snapshot.server

    def is_stale(part: Part) -> bool:
        changed = part.unseen(part.modified)
        if _just_analyzed(part, snapshot):
            return False
        return (
            (part.analyzed_at is not None or part.counted_rows > 0)
            and part.rows >= _MIN_ROWS
            and changed >= _MIN_ROWS
            and changed > _BEHIND * _trigger(part, server, "autovacuum_analyze", 0.1)
        )

    unknown = {f.object for f in never_analyzed(snapshot, Analysis())}
    for table, parts in _concerned(snapshot.tables, is_stale):
        if qualified(table.schema, table.name) in unknown:
            continue
        changed, rows = sum(p.unseen(p.modified) for p in parts), sum(p.rows for p in parts)
        oldest = min((p.analyzed_at for p in parts if p.analyzed_at), default=None)
        yield Finding(
            id="StaleStatistics",
            object=qualified(table.schema, table.name),
            severity=Severity.WARNING,
            message="the table changed much since it was analysed: plans rest on old statistics",
            evidence=(
                f"{changed} changes since {when(oldest)}, {rows} rows{_of(table, parts)}; "
                f"autovacuum {_state(parts, server)}"
            ),
            remedy="analyse it, and let autovacuum do so earlier",
            sql=[f"ANALYZE {qualified(table.schema, table.name)}"],
            magnitude=float(max(changed, 1)),
        )


def _just_analyzed(part: Part, snapshot: Snapshot) -> bool:
    """Whether autovacuum has had no time to come since the last ANALYZE."""
    if part.analyzed_at is None or not _is_on(part, snapshot.server):
        return False
    return snapshot.taken_at - part.analyzed_at < _TIME_TO_COME


def dead_tuples(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """A large share of dead rows, which every scan reads past."""

    def is_littered(part: Part) -> bool:
        share = part.dead_rows / max(part.live + part.dead_rows, 1)
        return part.dead_rows >= _MIN_ROWS and share * 100 >= analysis.dead_tuples

    for table, parts in _concerned(snapshot.tables, is_littered):
        dead, live = sum(p.dead_rows for p in parts), sum(p.live for p in parts)
        oldest = min((p.vacuumed_at for p in parts if p.vacuumed_at), default=None)
        yield Finding(
            id="DeadTuples",
            object=qualified(table.schema, table.name),
            severity=Severity.WARNING,
            message="much of the table is dead rows, which every scan reads past",
            evidence=(
                f"{dead} dead and {live} live rows{_of(table, parts)}, last vacuum {when(oldest)}"
            ),
            remedy="vacuum it; if that removes nothing, a long transaction, a replication slot or "
            "a prepared transaction still needs the dead rows",
            sql=[f"VACUUM (ANALYZE) {qualified(table.schema, table.name)}"],
            magnitude=float(max(dead, 1)),
        )


def autovacuum_behind(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Dead or new rows beyond twice what calls autovacuum, or where it is told not to come."""
    server = snapshot.server

    def is_behind(part: Part) -> bool:
        trigger = _trigger(part, server, "autovacuum_vacuum", 0.2)
        if not _is_on(part, server):
            return part.dead_rows >= _MIN_ROWS and part.dead_rows > trigger
        new = _trigger(part, server, "autovacuum_vacuum_insert", 0.2, 1000)
        comes_for_new = _parameter(part, server, "autovacuum_vacuum_insert_threshold", 1000) >= 0
        return (part.dead_rows >= _MIN_ROWS and part.dead_rows > _BEHIND * trigger) or (
            comes_for_new
            and part.vacuumed_at is not None
            and part.unseen(part.inserted) >= max(_MIN_NEW, _BEHIND * new)
        )

    for table, parts in _concerned(snapshot.tables, is_behind):
        dead = sum(p.dead_rows for p in parts)
        new = sum(p.unseen(p.inserted) for p in parts)
        trigger = sum(_trigger(p, server, "autovacuum_vacuum", 0.2) for p in parts)
        oldest = min((p.vacuumed_at for p in parts if p.vacuumed_at), default=None)
        name = qualified(table.schema, table.name)
        is_off = _state(parts, server) == "is off"
        yield Finding(
            id="AutovacuumBehind",
            object=name,
            severity=Severity.WARNING,
            message="autovacuum is off and the table needs it"
            if is_off
            else "autovacuum should have come to this table and did not",
            evidence=(
                f"{dead} dead rows and {new} new ones since {when(oldest)}, where autovacuum "
                f"comes at {trigger:.0f}{_of(table, parts)}; it {_state(parts, server)}"
            ),
            remedy="let it come: turn it on for the table"
            if is_off
            else "look for sessions that block it, and give it more: autovacuum_max_workers, "
            "autovacuum_vacuum_cost_limit",
            sql=_wake(parts, server),
            magnitude=float(max(dead + new, 1)),
            confidence=Confidence.HIGH if is_off else Confidence.MEDIUM,
        )


def _wake(parts: Sequence[Part], server: Server) -> list[str]:
    off = [part for part in parts if is_switched_off(part.options, "autovacuum_enabled")]
    if not off or not server.settings.get("autovacuum", 1):
        return []
    return [
        f"ALTER TABLE {qualified(part.schema, part.name)} RESET (autovacuum_enabled)"
        for part in off[:5]
    ]


def _is_on(part: Part, server: Server) -> bool:
    """Whether autovacuum comes to it at all."""
    if not server.settings.get("autovacuum", 1) or not server.settings.get("track_counts", 1):
        return False
    return not is_switched_off(part.options, "autovacuum_enabled")


def _state(parts: Sequence[Part], server: Server) -> str:
    return "is on" if all(_is_on(part, server) for part in parts) else "is off"


def _trigger(part: Part, server: Server, name: str, scale: float, threshold: float = 50) -> float:
    """Rows at which autovacuum comes (documentation, 25.1.6), by the table's own parameters."""
    base = _parameter(part, server, f"{name}_threshold", threshold)
    factor = _parameter(part, server, f"{name}_scale_factor", scale)
    trigger = base + factor * max(part.counted_rows, 0)
    most = _parameter(part, server, "autovacuum_vacuum_max_threshold", -1)  # PostgreSQL 18
    return min(trigger, most) if most >= 0 and name == "autovacuum_vacuum" else trigger


def _parameter(part: Part, server: Server, name: str, default: float) -> float:
    return parameter(part.options, name, server.settings.get(name, default))


def _concerned(
    tables: Iterable[Table], is_concerned: Callable[[Part], bool]
) -> Iterable[tuple[Table, list[Part]]]:
    for table in tables:
        if parts := [part for part in table.parts if is_concerned(part)]:
            yield table, parts


def _of(table: Table, parts: Sequence[Part]) -> str:
    return f" in {len(parts)} of {len(table.parts)} partitions" if table.is_partitioned else ""
