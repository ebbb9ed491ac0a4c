"""How large a btree index will be once it is built. Pure.

HypoPG takes each entry for one of its own and is 1.8 to 4.4 times off; here equal keys share a
posting list, as a build makes it (nbtree/README, "Notes about deduplication"; nbtsort.c:
a posting list is at most a tenth of a page while an index is built).
"""

import math

from setpoint.database.indexes.candidate import Candidate
from setpoint.database.indexes.facts import ColumnFacts, TableFacts

_PAGE = 8192
_USABLE = (_PAGE - 24 - 16) * 0.9
"""Bytes of a leaf page: without its header and special space, filled to 90 %."""
_SPACE = _PAGE - 24 - 16 - 4
_LINE_POINTER = 4
_HEADER = 8
_TID = 6
_MAX_POSTING = _PAGE // 10 - _LINE_POINTER
_LEAST_COPIES = 1.0
_LONG_LISTS = 1.03
"""Pages of long posting lists are less full: the last one often does not fit (measured)."""


def size(candidate: Candidate, table: TableFacts) -> int:
    """Bytes of the built index."""
    rows = max(table.rows, 1.0)
    columns = [table.columns[name] for name in candidate.all_columns]
    width = _aligned(_HEADER + _data_width(columns))
    entries = rows * (width + _LINE_POINTER)
    copies = 1.0
    if not candidate.include and all(column.is_deduplicable for column in columns):
        keys = distinct(candidate.columns, table)
        copies, entries = rows / max(keys, 1.0), _deduplicated(rows, keys, width)
    leaves = math.ceil(entries / _USABLE * (_filled(width, copies) if table.is_static else 1))
    inner_width = _aligned(_HEADER + _data_width(columns[: len(candidate.columns)])) + _LINE_POINTER
    return _PAGE * (1 + leaves + _inner(leaves, inner_width))


def _filled(width: int, copies: float) -> float:
    """Pages at a fillfactor of 100, to those at 90.

    A page ends before the tuple that does not fit; at 90 already where less than a tenth is free,
    not counting the last one's posting list; the last tuple goes to the next page in both cases
    (nbtsort.c, _bt_buildadd).
    """
    listed = 0 if copies <= _LEAST_COPIES else min(copies * _TID, _MAX_POSTING - width)
    tuple_size = width + listed + _LINE_POINTER
    full = _SPACE - 1.5 * tuple_size
    return min((_SPACE - _PAGE / 10 + listed - tuple_size / 2) / full, 1.0)


def _deduplicated(rows: float, keys: float, width: int) -> float:
    """Bytes where equal keys share posting lists.

    Copies are taken to be spread at random over the keys: of a Poisson distribution's keys, those
    with one row keep a plain entry.
    """
    plain = width + _LINE_POINTER
    copies = rows / max(keys, 1.0)
    if copies <= _LEAST_COPIES:
        return rows * plain
    per_list = max((_MAX_POSTING - width) // _TID, 2)
    if copies < 4:
        return keys * _few(copies, width)
    full, rest = divmod(copies, per_list)
    listed = full * (_aligned(width + per_list * _TID) + _LINE_POINTER)
    if full:
        listed *= _LONG_LISTS
    return keys * (listed + ((_mean_posting(width, rest)) if rest else 0))


def _few(copies: float, width: int) -> float:
    """Expected bytes of a key with so many copies: 1 + Poisson(copies - 1)."""
    mean = copies - 1
    total, chance = 0.0, math.exp(-mean)
    for number in range(1, 25):
        posting = width if number == 1 else _aligned(width + number * _TID)
        total += chance * (posting + _LINE_POINTER)
        chance *= mean / number
    return total


def _mean_posting(width: int, rows: float) -> float:
    """Alignment costs half of its step on average."""
    return width + rows * _TID + 4 + _LINE_POINTER


def distinct(columns: tuple[str, ...], table: TableFacts) -> float:
    """Distinct keys: the columns taken for independent, but never more than rows."""
    product = 1.0
    for name in columns:
        product *= max(table.columns[name].distinct, 1.0)
        if product >= table.rows:
            return max(table.rows, 1.0)
    return product


def _data_width(columns: list[ColumnFacts]) -> int:
    """Bytes of the values, each at its alignment; short texts have none."""
    place = 0.0
    for column in columns:
        if column.length > 0:
            place = math.ceil(place / column.alignment) * column.alignment
        place += max(column.width * (1 - column.null_fraction), 0)
    return math.ceil(place)


def _aligned(width: float) -> int:
    return math.ceil(width / 8) * 8


def _inner(leaves: int, width: int) -> int:
    """Pages above the leaves, filled to 70 %."""
    fan_out, pages, total = max(int((_PAGE - 40) * 0.7 / width), 2), leaves, 0
    while pages > 1:
        pages = math.ceil(pages / fan_out)
        total += pages
    return total
