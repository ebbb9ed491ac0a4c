"""Foreign keys that no index serves. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import qualified, quote
from setpoint.database.model import MIB_PAGES, ForeignKey, Snapshot, Table
from setpoint.database.rules.suggest import ON_PARTITIONS
from setpoint.engine.model import Finding


def foreign_keys_without_index(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Deleting or re-keying a referenced row reads the whole referring table, under locks.

    Not for tables of one page, which are read whole in any case.
    """
    unserved: dict[int, list[ForeignKey]] = {}
    parents = {key.oid: key.parent for key in snapshot.foreign_keys}
    of_parts: dict[int, list[ForeignKey]] = {}
    for key in snapshot.foreign_keys:
        if key.parent:
            of_parts.setdefault(_top(key, parents), []).append(key)
    for key in snapshot.foreign_keys:
        table = snapshot.table_of.get(key.table)
        if key.parent or table is None or table.pages <= 1:
            continue
        if not _is_served(key, table, of_parts.get(key.oid, ()), snapshot):
            unserved.setdefault(table.oid, []).append(key)
    for oid, keys in unserved.items():
        yield _finding(snapshot.table_of[oid], keys, snapshot)


def _top(key: ForeignKey, parents: Mapping[int, int]) -> int:
    """The oid of the key that a partition's one comes from in the end."""
    oid = key.parent
    while parents.get(oid):
        oid = parents[oid]
    return oid


def _is_served(
    key: ForeignKey, table: Table, of_parts: Sequence[ForeignKey], snapshot: Snapshot
) -> bool:
    """By an index of the table, or by one on each of its partitions; of a key that only one
    partition has, by an index of that one too."""

    def has_index(own: ForeignKey, oid: int) -> bool:
        return any(own.is_served_by(index) for index in snapshot.indexes_of.get(oid, ()))

    if has_index(key, table.oid) or has_index(key, key.table):
        return True
    parents = {own.oid: own for own in of_parts}

    def is_covered(own: ForeignKey) -> bool:
        """By its own index, or by that of the partition of which it is a partition."""
        above = parents.get(own.parent)
        return has_index(own, own.table) or (above is not None and is_covered(above))

    served = {own.table for own in of_parts if is_covered(own)}
    return table.is_partitioned and {part.oid for part in table.parts} <= served


def _finding(table: Table, keys: list[ForeignKey], snapshot: Snapshot) -> Finding:
    removed = sum(_removed(key, snapshot) for key in keys)
    is_large = table.pages >= MIB_PAGES
    named = ", ".join(quote(key.name) for key in keys[:5])
    return Finding(
        id="ForeignKeyWithoutIndex",
        object=qualified(table.schema, table.name),
        severity=Severity.WARNING if is_large else Severity.INFO,
        message="a delete from the referenced table reads this whole table: its foreign key has "
        "no index",
        evidence=(
            f"{len(keys)} without an index that begins with its columns; {table.rows} rows, "
            f"{removed} deletes from the referenced tables"
        ),
        remedy=f"create an index for the columns of {named}, unless rows of the referenced table "
        "are never deleted and their keys never change"
        + (ON_PARTITIONS if table.is_partitioned else ""),
        sql=[line for key in keys[:5] for line in _statement(table, key, snapshot)],
        magnitude=float(max(table.rows, 1)),
    )


def _removed(key: ForeignKey, snapshot: Snapshot) -> int:
    referenced = snapshot.table_of.get(key.referenced)
    return sum(part.removed for part in referenced.parts) if referenced else 0


def _statement(table: Table, key: ForeignKey, snapshot: Snapshot) -> list[str]:
    """Nothing where the columns' names are not known."""
    names = {c.number: c.name for c in snapshot.columns_of.get(key.table, ())}
    owner = next((part for part in table.parts if part.oid == key.table), table)
    if not set(key.columns) <= set(names):
        return []
    is_whole = table.is_partitioned and key.table == table.oid
    how = "INDEX ON ONLY" if is_whole else "INDEX CONCURRENTLY ON"
    columns = ", ".join(quote(names[number]) for number in key.columns)
    return [f"CREATE {how} {qualified(owner.schema, owner.name)} ({columns})"]
