"""What happened between our own looks at a database. Pure.

Postgres counts since a reset, which may be a minute or three years ago. Two earlier looks are kept
for each database: differences are taken to the older one, which is let go when the younger one is a
day old. So once a day has passed, what is known spans one to two days.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from setpoint.api.dbtuning import Baseline
from setpoint.database.model import Snapshot, Table, TableWindow, Window
from setpoint.engine.conditions import wire_time

_SPAN = timedelta(days=1)
_PERSIST_EVERY = timedelta(hours=1)
_PERSISTED = 100
_BUDGET = 4 * 1024
"""Bytes of status that they may take."""

Counts = tuple[int, int, int]
"""Of a table: sequential scans, rows that they read, index scans."""


@dataclass(frozen=True)
class Look:
    """The counters of one database at one moment. `blocks` is None if they are not known."""

    taken_at: datetime
    tables: Mapping[int, Counts]
    blocks: tuple[int, int] | None = None


@dataclass(frozen=True)
class Memory:
    """By database, an older and a younger look; `recalled` are those of before a restart, of few
    tables. `persisted` is what status has, written at `persisted_at`, as far as is known."""

    older: Mapping[str, Look] = field(default_factory=dict)
    younger: Mapping[str, Look] = field(default_factory=dict)
    recalled: Mapping[str, Look] = field(default_factory=dict)
    persisted: Baseline | None = None
    persisted_at: datetime | None = None


def recall(baseline: Baseline | None) -> Memory:
    """The memory after a restart: of the tables that had findings, as status tells."""
    if baseline is None:
        return Memory()
    tables: dict[str, dict[int, Counts]] = {}
    try:
        taken_at = datetime.fromisoformat(baseline.taken_at)
        for entry in baseline.counters:
            database, *numbers = entry.rsplit("/", 4)
            oid, scans, rows, by_index = map(int, numbers)
            tables.setdefault(database, {})[oid] = (scans, rows, by_index)
    except ValueError:  # somebody else wrote it
        return Memory()
    looks = {name: Look(taken_at, counts) for name, counts in tables.items()}
    return Memory(recalled=looks, persisted=baseline)


def advance(memory: Memory, snapshots: Sequence[Snapshot]) -> tuple[list[Snapshot], Memory]:
    """The snapshots with what happened since, and the memory with them."""
    older, younger, recalled = dict(memory.older), dict(memory.younger), dict(memory.recalled)
    made = []
    for snapshot in snapshots:
        name, now = snapshot.database, _look(snapshot)
        windows = [_window(look, now) for look in (older.get(name), recalled.get(name)) if look]
        if None in windows:  # the statistics were reset
            windows = []
            older.pop(name, None)
            recalled.pop(name, None)
        if name not in older:
            older[name] = younger[name] = now
        elif now.taken_at - younger[name].taken_at >= _SPAN:
            older[name], younger[name] = younger[name], now
            recalled.pop(name, None)
        made.append(replace(snapshot, window=_together([w for w in windows if w is not None])))
    return made, replace(memory, older=older, younger=younger, recalled=recalled)


def persist(memory: Memory, concerned: Iterable[tuple[str, int]], now: datetime) -> Memory:
    """The memory with what status is to have, once an hour: at most 100 tables, in 4 KiB."""
    if memory.persisted_at is not None and now - memory.persisted_at < _PERSIST_EVERY:
        return memory
    looks: dict[tuple[str, int], Look] = {}
    for database, oid in concerned:
        for known in (memory.recalled, memory.older):
            if database in known and oid in known[database].tables:
                looks.setdefault((database, oid), known[database])
    counters = _within_budget(
        "/".join((database, *map(str, (oid, *look.tables[oid]))))
        for (database, oid), look in sorted(looks.items(), key=lambda item: item[0])
    )
    before = memory.persisted
    if not counters:
        return replace(memory, persisted=None)
    if before is not None and list(before.counters) == counters:
        return memory
    youngest = max(look.taken_at for look in looks.values())
    made = Baseline(taken_at=wire_time(youngest), counters=counters)
    return replace(memory, persisted=made, persisted_at=now)


def _within_budget(entries: Iterable[str]) -> list[str]:
    kept: list[str] = []
    size = 0
    for entry in entries:
        size += len(entry.encode()) + 3
        if size > _BUDGET or len(kept) == _PERSISTED:
            break
        kept.append(entry)
    return kept


def _look(snapshot: Snapshot) -> Look:
    itself = snapshot.itself
    return Look(
        taken_at=snapshot.taken_at,
        tables={table.oid: _counts(table) for table in snapshot.tables if any(_counts(table))},
        blocks=(itself.blocks_hit, itself.blocks_read) if itself is not None else None,
    )


def _counts(table: Table) -> Counts:
    return table.seq_scan, table.seq_tup_read, table.idx_scan


def _window(before: Look, now: Look) -> Window | None:
    """The differences; None where a counter went back, which is a reset."""
    seconds = (now.taken_at - before.taken_at).total_seconds()
    is_whole = before.blocks is not None
    tables = {}
    for oid, counts in now.tables.items():
        then = before.tables.get(oid, (0, 0, 0) if is_whole else None)
        if then is None:
            continue
        scans, rows, by_index = (new - old for new, old in zip(counts, then, strict=True))
        if min(scans, rows, by_index) < 0:
            return None
        tables[oid] = TableWindow(seconds, scans, rows, by_index)
    if before.blocks is None or now.blocks is None:
        return Window(seconds, tables)
    hit, read = (new - old for new, old in zip(now.blocks, before.blocks, strict=True))
    return Window(seconds, tables, hit, read) if min(hit, read) >= 0 else None


def _together(windows: Sequence[Window]) -> Window | None:
    """The first one, with the tables of the others, which span more time."""
    if not windows:
        return None
    tables = {oid: seen for window in windows for oid, seen in window.tables.items()}
    return replace(windows[0], tables=tables)
