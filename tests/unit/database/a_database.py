"""Databases that exist only as values, for the rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from setpoint.api.dbtuning import Analysis
from setpoint.database import rules
from setpoint.database.model import (
    Column,
    Database,
    ForeignKey,
    Index,
    Part,
    Server,
    Snapshot,
    Table,
)
from setpoint.engine.model import Finding

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SERVER = Server("15.20", "setpoint", "7", "127.0.0.1:5432", in_recovery=False, sees_activity=True)

_PART = Part(
    oid=1, schema="public", name="orders", seq_scan=0, seq_tup_read=0, live=100_000, dead=0,
    modified=0, inserted=0, added=100_000, updated=0, removed=0, counted_rows=100_000,
    counted_pages=600, transaction_age=1000, multixact_age=0,
    analyzed_at=NOW - timedelta(hours=1), vacuumed_at=NOW - timedelta(hours=1),
    hides_statistics=False, options={},
)  # fmt: skip

_INDEX = Index(
    oid=100, table=1, schema="public", name="orders_a", method="btree", scans=10, tuples_read=10,
    pages=300, rows=100_000, is_partitioned=False, is_unique=False, is_primary=False,
    is_exclusion=False, is_valid=True, is_building=False, is_replica_identity=False,
    is_clustered=False, is_immediate=True, nulls_not_distinct=False, constraint=None,
    is_referenced=False, key=(1,), classes=(10,), collations=(0,), orders=(0,),
)  # fmt: skip


def part(oid: int = 1, name: str = "orders", **values: Any) -> Part:
    return replace(_PART, oid=oid, name=name, **values)


def table(oid: int = 1, name: str = "orders", idx_scan: int = 0, **values: Any) -> Table:
    return Table(oid, "public", name, False, (part(oid, name, **values),), idx_scan)


def partitioned(oid: int, name: str, *parts: Part) -> Table:
    return Table(oid, "public", name, True, parts)


def index(oid: int = 100, name: str = "", **values: Any) -> Index:
    key = values.get("key", (1,))
    filled = {"classes": (10,) * len(key), "collations": (0,) * len(key), "orders": (0,) * len(key)}
    return replace(_INDEX, oid=oid, name=name or f"orders_{oid}", **{**filled, **values})


def column(number: int = 1, name: str = "a", **values: Any) -> Column:
    plain = Column(1, number, name, -1.0, 0.0, 4, True, 4, 4)
    return replace(plain, **values)


def foreign_key(*columns: int, **values: Any) -> ForeignKey:
    return replace(ForeignKey("orders_fk", 1, 2, columns), **values)


def database(**values: Any) -> Database:
    return replace(Database("shop", 1000, 0, 5, -1, 0, 0), **values)


def snapshot(**values: Any) -> Snapshot:
    """The database `shop`, whose statistics count for 90 days."""
    plain = Snapshot(
        SERVER, "shop", NOW - timedelta(days=90), NOW, tables=[table()], indexes=[],
        databases=[database()],
    )  # fmt: skip
    return replace(plain, **values)


def findings(seen: Snapshot, analysis: Analysis | None = None) -> list[Finding]:
    return rules.findings(seen, analysis or Analysis())


def found(seen: Snapshot, analysis: Analysis | None = None) -> set[tuple[str, str]]:
    return {(finding.id, finding.object) for finding in findings(seen, analysis)}
