"""Indexes that may serve a statement. Pure.

Columns asked for a value come first, those with the most values before the others, then one range
or the order: with an index of (a, b), `a = 1 and b > 2` reads one stretch of it. Joined columns
lead as well, for a nested loop looks one value up at a time. Where all that a statement reads of a
table fits, an index with all of it spares the table.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

from setpoint.database.indexes.candidate import Candidate
from setpoint.database.indexes.facts import TableFacts
from setpoint.database.indexes.resolve import Use
from setpoint.database.indexes.size import distinct

MIN_PAGES = 16
"""A table of fewer pages is read as a whole, whatever its indexes are."""

_MAX_KEYS = 4
_MAX_COVERED = 8
_MAX_WIDTH = 200.0
"""Bytes of a value: wider ones do not belong into a btree, whose entries hold 2,704 bytes."""
_MAX_SHARE = 0.6
"""Of a row's width: an index with more of it spares little."""
_MAX_OF_USE = 48


def of_use(use: Use) -> list[Candidate]:
    """Candidates for one place of a table in a statement, the narrow ones first."""
    table = use.table
    if table.kind not in ("r", "p", "m") or table.pages < MIN_PAGES:
        return []
    keys = [key for key in _keys(use) if _is_sound(key, table)]
    found = [Candidate(table.oid, key) for key in keys]
    found += _ordered(use)
    found += [c for key in keys if (c := covering(key, use)) is not None]
    found += [c for order in _ordered(use) if (c := covering(order.columns, use)) is not None]
    unique = dict.fromkeys(c for c in found if not is_served(c, table))
    return list(unique)[:_MAX_OF_USE]


def _keys(use: Use) -> list[tuple[str, ...]]:
    table = use.table
    equal = _by_values(use.equal, table)
    ranges = _by_values(use.ranges - use.equal, table)
    joins = _by_values(set(use.joins) - use.equal, table)
    either = _by_values(use.either - use.equal, table)
    first = equal[: _MAX_KEYS - 1]
    keys: list[tuple[str, ...]] = [(c,) for c in [*equal, *joins, *ranges, *either]]
    keys += [tuple(first[:n]) for n in range(2, len(first) + 1)]
    keys += [(*first, r) for r in ranges if first]
    keys += [(e, r) for e in first[:2] for r in ranges]
    keys += [(r, s) for r in ranges for s in [*ranges, *either] if r != s][:6]
    keys += [(e, r) for e in either for r in [*first, *ranges]][:4]
    for join in joins:
        keys += [(join, c) for c in [*first, *ranges]]
        keys += [(c, join) for c in [*first, *ranges]]
        if first:
            keys += [(*first[: _MAX_KEYS - 1], join), (join, *first[: _MAX_KEYS - 1])]
        keys += [(join, *first[: _MAX_KEYS - 2], r) for r in ranges if first]
        keys += [(*first[: _MAX_KEYS - 2], r, join) for r in ranges if first]
    keys += _together(use, joins)
    for group in use.groups:
        if len(group) <= _MAX_KEYS:
            keys += [group, (*first, *group)]
        keys.append(group[:1])
    return [key[:_MAX_KEYS] for key in dict.fromkeys(_once(key) for key in keys) if key]


def _together(use: Use, joins: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """Columns joined with the same place are looked up at once."""
    for one, two in combinations(joins, 2):
        if use.joins[one] & use.joins[two] - {-1}:
            yield from ((one, two), (two, one))


def _ordered(use: Use) -> list[Candidate]:
    """Keys that give an ORDER BY its order, after the columns that are fixed."""
    table, found = use.table, list[Candidate]()
    equal = tuple(_by_values(use.equal, table)[: _MAX_KEYS - 1])
    for order in use.orders:
        keys = [(column, descends) for column, descends in order if column not in equal]
        if not keys or len(keys) > _MAX_KEYS:
            continue
        is_mixed = len({descends for _, descends in keys}) > 1
        names = tuple(column for column, _ in keys)
        descending = tuple(c for c, descends in keys if descends) if is_mixed else ()
        found += [
            Candidate(table.oid, key, (), descending)
            for key in ((*equal, *names), names)
            if _is_sound(key, table) and len(key) <= _MAX_KEYS + 1
        ]
    return found


def covering(key: tuple[str, ...], use: Use) -> Candidate | None:
    """The key with all else that is read, where the statement can then do without the table.

    As further key columns where that lets equal entries share a place, else as payload.
    """
    table = use.table
    rest = tuple(sorted(use.needed - set(key), key=lambda c: table.columns[c].number))
    if not rest or len(key) + len(rest) > _MAX_COVERED:
        return None
    columns = [table.columns[name] for name in (*key, *rest)]
    width = sum(column.width for column in columns)
    if width > _MAX_SHARE * table.row_width or any(c.width > _MAX_WIDTH for c in columns):
        return None
    if not _is_sound(key, table):
        return None
    shares = all(c.is_deduplicable for c in columns)
    if shares and distinct((*key, *rest), table) * 1.5 < table.rows:
        return Candidate(table.oid, (*key, *rest))
    return Candidate(table.oid, key, rest)


def is_served(candidate: Candidate, table: TableFacts) -> bool:
    """Whether an index that exists begins with the candidate, and has all its columns."""
    for index in table.indexes:
        if index.is_partial or candidate.descending:
            continue
        begins = index.columns[: len(candidate.columns)] == candidate.columns
        if begins and set(candidate.include) <= {*index.columns, *index.include}:
            return True
    return False


def _is_sound(key: tuple[str, ...], table: TableFacts) -> bool:
    columns = [table.columns[name] for name in key]
    return all(column.is_indexable and column.width <= _MAX_WIDTH for column in columns)


def _by_values(names: Iterable[str], table: TableFacts) -> list[str]:
    """Those with the most values first."""
    return sorted(names, key=lambda n: (-table.columns[n].distinct, table.columns[n].number))


def _once(key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key))
