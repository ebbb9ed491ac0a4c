"""Tables as the advisor knows them."""

from setpoint.database.indexes.facts import ColumnFacts, IndexFacts, TableFacts, Tables


def column(name: str, number: int, distinct: float = 100, **changes: object) -> ColumnFacts:
    given = {
        "type": "integer", "null_fraction": 0.0, "width": 4.0, "length": 4, "alignment": 4,
        "is_indexable": True, "is_deduplicable": True, "sorts_by_bytes": False, "is_known": True,
        **changes,
    }  # fmt: skip
    return ColumnFacts(name, number, distinct=distinct, **given)  # type: ignore[arg-type]


def table(
    oid: int, name: str, columns: str, rows: float = 1e6, *indexes: IndexFacts, schema: str = "s"
) -> TableFacts:
    """Columns as `a:100 b c`: with a number of distinct values, else a hundred."""
    made = {}
    for number, text in enumerate(columns.split(), start=1):
        own, _, distinct = text.partition(":")
        made[own] = column(own, number, float(distinct or 100))
    return TableFacts(oid, schema, name, "r", rows, int(rows // 50), made, tuple(indexes))


def tables(*given: TableFacts) -> Tables:
    return Tables({t.oid: t for t in given}, {(t.schema, t.name): t.oid for t in given})
