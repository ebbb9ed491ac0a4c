"""What the baselines share: candidates of one column, and costs under hypothetical indexes."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod

from psycopg import sql
from tests.bench.index_bench.plans import Session, cost

_TYPES = (
    "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "date", "time", "timestamp",
    "timestamptz", "uuid", "text", "char", "bpchar", "varchar",
)  # fmt: skip
"""Those that Supabase's index_advisor makes indexes of."""


@dataclass(frozen=True, order=True)
class Index:
    """A btree that is not there yet."""

    table: str
    columns: tuple[str, ...]

    @property
    def ddl(self) -> str:
        """Without a name: Postgres gives one."""
        return f"CREATE INDEX ON {self.table} ({', '.join(self.columns)})"


def columns(session: Session) -> list[Index]:
    """One index for every column of every table, there already or not."""
    rows = session.execute(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        " AND a.attnum > 0 AND NOT a.attisdropped AND t.typname = ANY(%s)"
        " ORDER BY c.relname, a.attnum",
        (list(_TYPES),),
    )
    return [Index(table, (column,)) for table, column in rows]


def missing(session: Session, candidates: Sequence[Index]) -> list[Index]:
    """Those of one column of which there is no equal: a prefix of a wider one is offered."""
    rows = session.execute(
        "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND i.indnatts = 1 AND i.indkey[0] = a.attnum"
    )
    there = {Index(table, (column,)) for table, column in rows}
    return [index for index in candidates if index not in there]


class WhatIf:
    """Costs of queries under sets of hypothetical indexes, each asked for once."""

    def __init__(self, session: Session, queries: Mapping[int, str]) -> None:
        self._session = session
        self._queries = queries
        self._words = {number: set(re.findall(r"\w+", text)) for number, text in queries.items()}
        self._known: dict[tuple[int, frozenset[Index]], float] = {}
        self._oids: dict[Index, int] = {}
        self._sizes: dict[Index, int] = {}
        self.explains = 0
        session.execute("SELECT hypopg_reset()")

    @property
    def words(self) -> set[str]:
        """Of all texts."""
        return set().union(*self._words.values())

    def cost(self, indexes: Collection[Index]) -> float:
        """The sum over all queries."""
        return sum(self._cost(number, indexes) for number in self._queries)

    def size(self, index: Index) -> int:
        """Bytes, as HypoPG estimates them."""
        if index not in self._sizes:
            self._show({*self._oids, index})
            row = self._session.execute(
                "SELECT hypopg_relation_size(%s)", (self._oids[index],)
            ).fetchone()
            assert row is not None
            self._sizes[index] = int(row[0])
        return self._sizes[index]

    def _cost(self, number: int, indexes: Collection[Index]) -> float:
        words = self._words[number]
        relevant = frozenset(index for index in indexes if words & set(index.columns))
        key = (number, relevant)
        if key not in self._known:
            self._show(set(indexes))
            self._known[key] = cost(self._session, self._queries[number])
            self.explains += 1
        return self._known[key]

    def _show(self, indexes: set[Index]) -> None:
        """Make exactly these hypothetical."""
        for index in sorted(self._oids.keys() - indexes):
            self._session.execute("SELECT hypopg_drop_index(%s)", (self._oids.pop(index),))
        for index in sorted(indexes - self._oids.keys()):
            row = self._session.execute(
                sql.SQL("SELECT indexrelid FROM hypopg_create_index({})").format(
                    sql.Literal(index.ddl)
                )
            ).fetchone()
            assert row is not None
            self._oids[index] = row[0]


def deduplicated_size(session: Session) -> Callable[[Index], float]:
    """Bytes of an index as Postgres builds it, roughly: equal integers, dates and texts share a
    tuple, which HypoPG does not know. Rows and n_distinct are the statistics'."""
    rows = session.execute(
        "SELECT c.relname, a.attname, c.reltuples, s.n_distinct, s.avg_width,"
        " t.typname IN ('numeric', 'float4', 'float8', 'bpchar')"
        " FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname"
        " JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE s.schemaname = 'public' AND c.relnamespace = 'public'::regnamespace"
    )
    facts = {(table, column): rest for table, column, *rest in rows}

    def size(index: Index) -> float:
        columns = [facts[index.table, column] for column in index.columns]
        count = float(columns[0][0])
        distinct = prod(n if n > 0 else -n * count for _, n, _, _ in columns)
        each = count / max(1.0, min(count, distinct))
        plain = 12 + 8 * ceil(sum(width for _, _, width, _ in columns) / 8)
        if each > 1.5 and not any(is_whole for *_, is_whole in columns):
            plain = 6 + plain / each if each >= 3 else 0.7 * plain
        return float(count * plain / 0.9)

    return size
