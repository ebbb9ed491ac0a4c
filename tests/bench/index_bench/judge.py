"""One judge for all advisors: their indexes built, the planner asked in fresh sessions."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean, median

from psycopg import Rollback, sql
from tests.bench.index_bench.data import Loaded
from tests.bench.index_bench.plans import Costs, Session, cost

ROUNDS = 3
"""Each begins with an ANALYZE, which samples other rows."""


@dataclass(frozen=True)
class Built:
    """An index that was really made."""

    name: str
    ddl: str
    size: int
    """Bytes on disk."""


@dataclass(frozen=True)
class Round:
    """The planner's costs under the statistics of one ANALYZE."""

    before: Costs
    after: Costs

    @property
    def relative_cost(self) -> float:
        """Of the sums."""
        return sum(self.after.values()) / sum(self.before.values())


@dataclass(frozen=True)
class Verdict:
    """What a set of indexes is worth, and what it takes."""

    indexes: Sequence[Built]
    build_seconds: float
    rounds: Sequence[Round]

    @property
    def megabytes(self) -> float:
        """Built."""
        return sum(index.size for index in self.indexes) / 2**20

    @property
    def relative_cost(self) -> float:
        """The median of the rounds."""
        return median(each.relative_cost for each in self.rounds)

    @property
    def ratios(self) -> Mapping[int, float]:
        """Query by query, the medians of the rounds."""
        return {
            number: median(each.after[number] / each.before[number] for each in self.rounds)
            for number in self.rounds[0].before
        }

    @property
    def mean_ratio(self) -> float:
        """Each query alike, whatever it costs."""
        return fmean(self.ratios.values())


def judge(loaded: Loaded, ddl: Sequence[str], queries: Mapping[int, str]) -> Verdict:
    """Build the indexes, ask the planner, and drop them again. Raises psycopg.Error."""
    started = time.monotonic()
    with built(loaded, ddl) as indexes:
        took = time.monotonic() - started
        return Verdict(indexes, took, [_round(loaded, indexes, queries) for _ in range(ROUNDS)])


@contextmanager
def built(loaded: Loaded, ddl: Sequence[str]) -> Iterator[list[Built]]:
    """The indexes of the statements, dropped at the end. Raises psycopg.Error."""
    with loaded.admin() as session:
        indexes: list[Built] = []
        try:
            for statement in ddl:
                known = _indexes(session)
                session.execute(statement)
                [name] = _indexes(session).keys() - known.keys()
                indexes.append(Built(name, statement, _indexes(session)[name]))
            yield indexes
        finally:
            for index in indexes:
                session.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index.name)))


@contextmanager
def without(session: Session, indexes: Sequence[Built]) -> Iterator[None]:
    """As if the indexes were not there, with the same statistics."""
    with session.transaction():
        for index in indexes:
            session.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index.name)))
        yield
        raise Rollback


def _round(loaded: Loaded, indexes: Sequence[Built], queries: Mapping[int, str]) -> Round:
    with loaded.admin() as session:
        session.execute("ANALYZE")
    with loaded.admin() as session:
        after = costs(session, queries)
        with without(session, indexes):
            before = costs(session, queries)
    return Round(before, after)


def costs(session: Session, queries: Mapping[int, str]) -> Costs:
    """Of every query, as it is planned now. Raises psycopg.Error."""
    return {number: cost(session, text) for number, text in queries.items()}


def _indexes(session: Session) -> dict[str, int]:
    rows = session.execute(
        "SELECT c.relname, pg_relation_size(c.oid) FROM pg_class c"
        " WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace"
    )
    return dict(rows.fetchall())
