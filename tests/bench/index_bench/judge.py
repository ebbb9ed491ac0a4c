"""One judge for all advisors: their indexes built, the planner asked in fresh sessions.

Every index of any set is built once. A set is judged in a transaction that drops all others and is
rolled back: so all sets are judged under the same statistics, and none is built twice.
"""

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
    """An index that was really made, by this statement."""

    name: str
    ddl: str
    size: int
    """Bytes on disk."""
    seconds: float


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
    rounds: Sequence[Round]

    @property
    def megabytes(self) -> float:
        """Built."""
        return sum(index.size for index in self.indexes) / 2**20

    @property
    def build_seconds(self) -> float:
        """One after the other."""
        return sum(index.seconds for index in self.indexes)

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


class Bench:
    """The indexes of all sets, built."""

    def __init__(self, loaded: Loaded, indexes: Mapping[str, Built]) -> None:
        self._loaded = loaded
        self._indexes = indexes

    def of(self, ddl: Sequence[str]) -> list[Built]:
        """The indexes of a set, by its statements."""
        return [self._indexes[_definition(statement)] for statement in ddl]

    def verdicts(self, sets: Sequence[Sequence[str]], queries: Mapping[int, str]) -> list[Verdict]:
        """On every set, under the same three ANALYZEs. Raises psycopg.Error."""
        rounds: list[list[Round]] = [[] for _ in sets]
        for _ in range(ROUNDS):
            with self._loaded.admin() as session:
                session.execute("ANALYZE")
            before = self._costs([], queries)
            for place, ddl in enumerate(sets):
                rounds[place].append(Round(before, self._costs(ddl, queries)))
        return [Verdict(self.of(ddl), each) for ddl, each in zip(sets, rounds, strict=True)]

    @contextmanager
    def only(self, session: Session, ddl: Sequence[str]) -> Iterator[None]:
        """As if these indexes were there, and no other of the bench."""
        kept = {index.name for index in self.of(ddl)}
        with session.transaction():
            for index in self._indexes.values():
                if index.name not in kept:
                    session.execute(_drop(index))
            yield
            raise Rollback

    def _costs(self, ddl: Sequence[str], queries: Mapping[int, str]) -> Costs:
        with self._loaded.admin() as session, self.only(session, ddl):
            return costs(session, queries)


@contextmanager
def built(loaded: Loaded, sets: Sequence[Sequence[str]]) -> Iterator[Bench]:
    """All indexes of all sets, each built once, dropped at the end. Raises psycopg.Error."""
    indexes: dict[str, Built] = {}
    with loaded.admin() as session:
        try:
            for statement in (statement for ddl in sets for statement in ddl):
                if _definition(statement) not in indexes:
                    indexes[_definition(statement)] = _build(session, statement)
            yield Bench(loaded, indexes)
        finally:
            for index in indexes.values():
                session.execute(_drop(index))


def costs(session: Session, queries: Mapping[int, str]) -> Costs:
    """Of every query, as it is planned now. Raises psycopg.Error."""
    return {number: cost(session, text) for number, text in queries.items()}


def _build(session: Session, statement: str) -> Built:
    known = _indexes(session)
    started = time.monotonic()
    session.execute(statement)
    took = time.monotonic() - started
    there = _indexes(session)
    [name] = there.keys() - known.keys()
    return Built(name, statement, there[name], took)


def _drop(index: Built) -> sql.Composed:
    return sql.SQL("DROP INDEX {}").format(sql.Identifier(index.name))


def _definition(statement: str) -> str:
    """What tells indexes apart: all but the name."""
    return statement.split(" ON ", 1)[1].replace("public.", "")


def _indexes(session: Session) -> dict[str, int]:
    rows = session.execute(
        "SELECT c.relname, pg_relation_size(c.oid) FROM pg_class c"
        " WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace"
    )
    return dict(rows.fetchall())
