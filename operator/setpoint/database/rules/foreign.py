"""Foreign keys that no index serves. Pure."""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import qualified, quote
from setpoint.database.model import MIB_PAGES, ForeignKey, Snapshot, Table
from setpoint.engine.model import Finding


def foreign_keys_without_index(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Deleting or re-keying a referenced row reads the whole referring table, under locks.

    Not for tables of one page, which are read whole in any case.
    """
    unserved: dict[int, list[ForeignKey]] = {}
    for key in snapshot.foreign_keys:
        table = snapshot.table_of.get(key.table)
        indexes = snapshot.indexes_of.get(key.table, ())
        if table is None or table.oid != key.table or table.pages <= 1:
            continue
        if not any(key.is_served_by(index) for index in indexes):
            unserved.setdefault(key.table, []).append(key)
    for oid, keys in unserved.items():
        yield _finding(snapshot.table_of[oid], keys, snapshot)


def _finding(table: Table, keys: list[ForeignKey], snapshot: Snapshot) -> Finding:
    names = {c.number: c.name for c in snapshot.columns_of.get(table.oid, ())}
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
        "are never deleted and their keys never change",
        sql=[_statement(table, key, names) for key in keys[:5] if set(key.columns) <= set(names)],
        magnitude=float(max(table.rows, 1)),
    )


def _removed(key: ForeignKey, snapshot: Snapshot) -> int:
    referenced = snapshot.table_of.get(key.referenced)
    return sum(part.removed for part in referenced.parts) if referenced else 0


def _statement(table: Table, key: ForeignKey, names: dict[int, str]) -> str:
    how = "INDEX ON ONLY" if table.is_partitioned else "INDEX CONCURRENTLY ON"
    columns = ", ".join(quote(names[number]) for number in key.columns)
    return f"CREATE {how} {qualified(table.schema, table.name)} ({columns})"
