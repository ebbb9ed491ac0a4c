"""An index that could be: its identity, its name, its DDL. Pure."""

import hashlib
from dataclasses import dataclass

from setpoint.database.identifiers import qualified, quote
from setpoint.database.indexes.facts import TableFacts

_MAX_NAME = 63
"""Bytes of an identifier (PostgreSQL's documentation, 4.1.1)."""

_FULL = " WITH (fillfactor = 100)"
"""For a static table: pages that need no room for more (documentation, CREATE INDEX)."""


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A btree index of a table. `descending` are those of `columns` that run backwards."""

    table: int
    columns: tuple[str, ...]
    include: tuple[str, ...] = ()
    descending: tuple[str, ...] = ()

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Key and payload."""
        return self.columns + self.include


def rival(one: Candidate, other: Candidate) -> bool:
    """Whether one's key begins the other's: the shorter would be called redundant."""
    length = min(len(one.columns), len(other.columns))
    return (
        one != other
        and one.table == other.table
        and one.columns[:length] == other.columns[:length]
        and set(one.descending) & set(one.columns[:length])
        == set(other.descending) & set(one.columns[:length])
    )


def name(candidate: Candidate, table: TableFacts) -> str:
    """Deterministic, from the columns; cut names differ by a digest."""
    parts = [table.name, *candidate.columns]
    parts += ["incl", *candidate.include] if candidate.include else []
    parts += ["desc", *candidate.descending] if candidate.descending else []
    full = "_".join([*parts, "sp"])
    if len(full.encode()) <= _MAX_NAME and '"' not in full:
        return full
    digest = hashlib.sha256("\0".join([table.schema, *parts]).encode()).hexdigest()[:8]
    stem = full.encode()[: _MAX_NAME - 12].decode(errors="ignore")
    return f"{stem}_{digest}_sp"


def definition(candidate: Candidate) -> str:
    """What follows the table's name."""
    keys = ", ".join(
        quote(column) + (" DESC" if column in candidate.descending else "")
        for column in candidate.columns
    )
    if not candidate.include:
        return f"({keys})"
    return f"({keys}) INCLUDE ({', '.join(quote(column) for column in candidate.include)})"


def ddl(candidate: Candidate, table: TableFacts) -> tuple[str, ...]:
    """Statements that build it without blocking writes, to be run one by one.

    Of a partitioned table no index is built concurrently: the empty one of the parent first, then
    one of each leaf, which is attached to it (documentation, 5.12.2.1).
    """
    own, where = quote(name(candidate, table)), qualified(table.schema, table.name)
    keys = definition(candidate) + (_FULL if table.is_static else "")
    if table.kind != "p":
        return (f"CREATE INDEX CONCURRENTLY {own} ON {where} {keys}",)
    statements = [f"CREATE INDEX {own} ON ONLY {where} {keys}"]
    for number, leaf in enumerate(table.partitions, start=1):
        leaf_name = quote(_leaf_name(name(candidate, table), number))
        schema = quote(table.schema)
        statements += [
            f"CREATE INDEX CONCURRENTLY {leaf_name} ON {leaf} {keys}",
            f"ALTER INDEX {schema}.{own} ATTACH PARTITION {leaf.split('.')[0]}.{leaf_name}",
        ]
    return tuple(statements)


def _leaf_name(parent: str, number: int) -> str:
    suffix = f"_{number}"
    return parent.encode()[: _MAX_NAME - len(suffix)].decode(errors="ignore") + suffix


def hypothetical(candidate: Candidate, table: TableFacts) -> str:
    """The DDL that HypoPG takes; full pages, as its own estimate is above what is built."""
    where = qualified(table.schema, table.name)
    return f"CREATE INDEX ON {where} {definition(candidate)}{_FULL}"
