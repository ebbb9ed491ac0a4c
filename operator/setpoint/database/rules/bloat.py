"""Space in tables and indexes that holds nothing, by estimate. Pure.

What the rows would take is reckoned from the catalog's number of rows and the columns' average
widths, by the layout of a page (documentation, 73.6); what the file has beyond that, and beyond
dead rows, which are another finding, is empty. Without statistics of the columns there is no
estimate, and nothing is said.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence, Severity
from setpoint.database.identifiers import qualified
from setpoint.database.model import (
    MIB_PAGES,
    PAGE_BYTES,
    Column,
    Index,
    Part,
    Snapshot,
    parameter,
)
from setpoint.database.rules.words import mebibytes
from setpoint.engine.model import Finding

_PAGE_HEADER = 24
_POINTER = 4
_ROW_HEADER = 23
_INDEX_SPECIAL = 16
_INDEX_ROW_HEADER = 8
_SHORT = 127
"""Bytes: a shorter value of varying length has a header of one byte, and is not aligned."""

_WARNING_PAGES = 100 * MIB_PAGES
_MIN_PAGES = MIB_PAGES


def table_bloat(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Tables that could be much smaller; their partitions together."""
    for table in snapshot.tables:
        empty = pages = 0.0
        for part in table.parts:
            needed = _table_pages(part, snapshot.columns_of.get(part.oid, ()))
            if needed is not None:
                pages += part.counted_pages
                empty += part.counted_pages - needed
        if empty < _MIN_PAGES or 100 * empty < analysis.bloat * pages:
            continue
        name = qualified(table.schema, table.name)
        yield Finding(
            id="TableBloat",
            object=name,
            severity=Severity.WARNING if empty >= _WARNING_PAGES else Severity.INFO,
            message="much of the table's file is empty: scans read it, caches hold it",
            evidence=f"about {mebibytes(empty)} of {mebibytes(pages)} ({empty / pages:.0%})",
            remedy="rewrite it with pg_repack or pg_squeeze, or VACUUM FULL while nobody needs it; "
            "a table that fills up again may stay as it is",
            magnitude=empty,
            confidence=Confidence.MEDIUM,
        )


def index_bloat(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """B-tree indexes that could be much smaller. That equal keys share space is not reckoned."""
    for index in snapshot.indexes:
        if index.method != "btree" or not index.is_valid or 0 in (*index.key, *index.included):
            continue
        table = snapshot.table_of.get(index.table)
        if table is None or index.pages < _MIN_PAGES:
            continue
        columns = next((c for part in table.parts if (c := snapshot.columns_of.get(part.oid))), ())
        dead = sum(part.dead_rows for part in table.parts)
        needed = _index_pages(index, {column.number: column for column in columns}, dead)
        if needed is None:
            continue
        empty = index.pages - needed
        if empty < _MIN_PAGES or 100 * empty < analysis.bloat * index.pages:
            continue
        name = qualified(index.schema, index.name)
        yield Finding(
            id="IndexBloat",
            object=name,
            severity=Severity.WARNING if empty >= _WARNING_PAGES else Severity.INFO,
            message="much of the index is empty: it could be a fraction of its size",
            evidence=f"about {mebibytes(empty)} of {mebibytes(index.pages)} "
            f"({empty / index.pages:.0%}), {index.rows:.0f} entries",
            remedy="build it anew; that takes as much disk as the new index needs",
            sql=[f"REINDEX INDEX CONCURRENTLY {name}"],
            magnitude=empty,
            confidence=Confidence.MEDIUM,
        )


def _table_pages(part: Part, columns: Sequence[Column]) -> float | None:
    """Pages that live and dead rows need; None without statistics."""
    if part.counted_rows < 0 or part.counted_pages < _MIN_PAGES or not columns:
        return None
    if any(column.width is None for column in columns):
        return None
    has_nulls = any(column.null_fraction for column in columns)
    header = _ROW_HEADER + (math.ceil(len(columns) / 8) if has_nulls else 0)
    row = _aligned(_aligned(header, 8) + _width(columns), 8) + _POINTER
    room = (PAGE_BYTES - _PAGE_HEADER) * parameter(part.options, "fillfactor", 100) / 100
    per_page = max(math.floor(room / row), 1)
    return (part.counted_rows + part.dead_rows) / per_page


def _index_pages(index: Index, columns: Mapping[int, Column], dead: int) -> float | None:
    """Pages that entries of live and of `dead` rows need; None where the width is not known.

    Of the rows that a partial index has, nobody knows the width of values but where all are alike.
    """
    if index.rows < 0:
        return None
    keys = [columns.get(number) for number in (*index.key, *index.included)]
    known = [column for column in keys if column is not None and column.width is not None]
    if len(known) < len(keys) or any(column.is_out_of_line for column in known):
        return None
    if index.predicate:
        if any(column.length == -1 for column in known):
            return None
        known = [replace(column, null_fraction=0.0) for column in known]
    row = _aligned(_INDEX_ROW_HEADER + _width(known), 8) + _POINTER
    room = (PAGE_BYTES - _PAGE_HEADER - _INDEX_SPECIAL) * index.fillfactor / 100
    return (index.rows + dead) * row / room + 1


def _width(columns: Iterable[Column]) -> float:
    """Average bytes of a row's values, one after the other, each aligned as its type wants."""
    at = 0.0
    for column in columns:
        width = column.width or 0
        share = 1 - (column.null_fraction or 0)
        is_short = column.length == -1 and width < _SHORT
        begin = at if is_short else _aligned(at, column.alignment)
        at += share * (begin - at + width)
    return at


def _aligned(size: float, to: int) -> float:
    return math.ceil(size / to) * to
