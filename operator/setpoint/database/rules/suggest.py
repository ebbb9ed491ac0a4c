"""Indexes that may help a table that is read sequentially, from the catalog alone. Pure."""

from setpoint.database.identifiers import qualified, quote
from setpoint.database.model import Column, ForeignKey, Snapshot, Table

_SUGGESTIONS = 3
_MIN_DISTINCT = 50
_MAX_NULLS = 0.9
_MAX_WIDTH = 100
"""Bytes: wider values are texts to read, and an index of them is as large as the table."""

ON_PARTITIONS = (
    ". The table is partitioned: after this statement, create the index CONCURRENTLY on "
    "each partition, and ALTER INDEX … ATTACH PARTITION each of them"
)

Key = tuple[int, ...]


def suggestions(table: Table, snapshot: Snapshot) -> list[str]:
    """DDL for at most three indexes: foreign keys without one first, then selective columns.

    Never one that an existing index already begins with.
    """
    return [statement(table, columns) for columns in keys(table, snapshot)]


def keys(table: Table, snapshot: Snapshot) -> list[list[str]]:
    """The columns of those indexes."""
    names = {column.number: column.name for column in snapshot.columns_of.get(table.oid, ())}
    taken = [
        index.key
        for index in snapshot.indexes_of.get(table.oid, ())
        if index.is_valid and not index.predicate
    ]
    found = [key for key in _foreign(table, snapshot, taken) if set(key) <= set(names)]
    led = {key[0] for key in [*taken, *found] if key}
    found += [(c.number,) for c in _selective(table, snapshot) if c.number not in led]
    return [[names[number] for number in key] for key in found[:_SUGGESTIONS]]


def _foreign(table: Table, snapshot: Snapshot, taken: list[Key]) -> list[Key]:
    """Foreign keys that no index serves, none of them served by another one's index either."""
    found: list[ForeignKey] = []
    own = snapshot.foreign_keys_of.get(table.oid, ())
    for foreign in sorted(own, key=lambda key: (-len(key.columns), key.columns)):
        if not any(_begins(k, foreign.columns) for k in [*taken, *(f.columns for f in found)]):
            found.append(foreign)
    return sorted(foreign.columns for foreign in found)


def _begins(key: Key, columns: Key) -> bool:
    """Whether a key begins with the columns, in any order."""
    return set(key[: len(columns)]) == set(columns)


def _selective(table: Table, snapshot: Snapshot) -> list[Column]:
    """Columns by which one finds few rows, those with the most values first."""
    columns = [
        column
        for column in snapshot.columns_of.get(table.oid, ())
        if column.is_searched_by_value and _is_selective(column, table)
    ]
    return sorted(columns, key=lambda column: (-_distinct(column, table), column.number))


def _is_selective(column: Column, table: Table) -> bool:
    if column.n_distinct is None:  # not seen by our role, or never analysed
        return True
    return (
        _distinct(column, table) >= _MIN_DISTINCT
        and (column.null_fraction or 0) <= _MAX_NULLS
        and (column.width or 0) <= _MAX_WIDTH
    )


def _distinct(column: Column, table: Table) -> float:
    """Number of distinct values; 0 where it is not known."""
    if column.n_distinct is None:
        return 0.0
    return -column.n_distinct * table.rows if column.n_distinct < 0 else column.n_distinct


def statement(table: Table, columns: list[str]) -> str:
    """Postgres builds no index of a partitioned table concurrently; ONLY makes an empty one."""
    how = "INDEX ON ONLY" if table.is_partitioned else "INDEX CONCURRENTLY ON"
    listed = ", ".join(quote(column) for column in columns)
    return f"CREATE {how} {qualified(table.schema, table.name)} ({listed})"
