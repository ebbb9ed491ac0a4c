"""What the advisor knows of a database's tables: plain values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column. `distinct` values as a number, 0 where nobody knows; `width` in bytes on average.

    `length` is the type's, negative where values differ; `alignment` in bytes. `is_indexable`: its
    type has a btree order of its own; `is_deduplicable`: equal values share a place in the index.
    `sorts_by_bytes`: LIKE with a fixed beginning is a range of it.
    """

    name: str
    number: int
    type: str
    distinct: float
    null_fraction: float
    width: float
    length: int
    alignment: int
    is_indexable: bool
    is_deduplicable: bool
    sorts_by_bytes: bool
    is_known: bool
    """Whether there are statistics."""


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """An existing, valid btree index without expressions: names of its columns."""

    name: str
    columns: tuple[str, ...]
    include: tuple[str, ...]
    is_unique: bool
    is_partial: bool


@dataclass(frozen=True)
class TableFacts:
    """A table, a partitioned one with the numbers of all its partitions, or a view.

    `kind` as pg_class has it. `inserted`, `updated` and `hot` are rows ever, since the statistics
    count: `hot` those of `updated` that needed no new index entry. `partitions` are the names, as
    SQL writes them, of the leaves. `is_static`: no row was ever updated or deleted and none came
    since the last ANALYZE, as far as the statistics know, which begin before it.
    """

    oid: int
    schema: str
    name: str
    kind: str
    rows: float
    pages: int
    columns: Mapping[str, ColumnFacts] = field(default_factory=dict)
    indexes: tuple[IndexFacts, ...] = ()
    view: str = ""
    inserted: int = 0
    updated: int = 0
    hot: int = 0
    is_static: bool = False
    partitions: tuple[str, ...] = ()

    @property
    def is_view(self) -> bool:
        """Whether it stands for its query."""
        return self.kind == "v"

    @cached_property
    def row_width(self) -> float:
        """Bytes of a row with its header and line pointer."""
        return 28 + sum(column.width for column in self.columns.values())


@dataclass(frozen=True)
class Tables:
    """The tables by oid, and the oid that a name of the statement stands for."""

    by_oid: Mapping[int, TableFacts]
    by_name: Mapping[tuple[str, str], int]

    def find(self, schema: str | None, name: str) -> TableFacts | None:
        """A table by its qualified name."""
        oid = self.by_name.get((schema or "", name))
        return self.by_oid.get(oid) if oid is not None else None
