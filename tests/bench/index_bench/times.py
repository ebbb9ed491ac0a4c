"""How long the queries really take, with indexes and without: the planner's word is no proof."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import psycopg
from tests.bench.index_bench.data import Loaded
from tests.bench.index_bench.judge import Bench
from tests.bench.index_bench.plans import Session

LIMIT_SECONDS = 30
SLOWER = 1.5
_RUNS = 2
_ALTERNATING = 5
_LEAST_MS = 50
"""A query that is slower by less is not looked at again: it is noise."""


@dataclass(frozen=True)
class Timed:
    """Milliseconds of execution; a query that reached the limit took the limit."""

    before: Mapping[int, float]
    after: Mapping[int, float]
    suspected: Mapping[int, tuple[float, float]]
    """Those that seemed slower, before and after: the medians of runs by turns."""

    def pair(self, number: int) -> tuple[float, float]:
        """Before and after, by the better measurement."""
        return self.suspected.get(number) or (self.before[number], self.after[number])

    @property
    def ratio(self) -> float:
        """Of the sums."""
        pairs = [self.pair(number) for number in self.before]
        return sum(after for _, after in pairs) / sum(before for before, _ in pairs)

    @property
    def slower(self) -> list[int]:
        """Queries that got more than 1.5 times slower, by at least 50 ms."""
        return [number for number in self.before if _is_slower(*self.pair(number))]


def baseline(loaded: Loaded, queries: Mapping[int, str]) -> Mapping[int, float]:
    """Without any advised index: the best of two runs."""
    with _session(loaded) as session:
        return {number: _best(session, text) for number, text in queries.items()}


def timed(
    loaded: Loaded,
    bench: Bench,
    ddl: Sequence[str],
    queries: Mapping[int, str],
    before: Mapping[int, float],
) -> Timed:
    """With the indexes; what seems slower than `before` is run again with and without by turns."""
    with _session(loaded) as session:
        with bench.only(session, ddl):
            after = {number: _best(session, text) for number, text in queries.items()}
        suspected = {
            number: _by_turns(session, bench, ddl, queries[number])
            for number in queries
            if _is_slower(before[number], after[number])
        }
    return Timed(before, after, suspected)


def _is_slower(before: float, after: float) -> bool:
    return after > SLOWER * before and after - before > _LEAST_MS


def _session(loaded: Loaded) -> Session:
    return loaded.admin(statement_timeout=f"{LIMIT_SECONDS}s")


def _best(session: Session, text: str) -> float:
    first = _run(session, text)
    if first >= LIMIT_SECONDS * 1000:
        return first
    return min(first, *(_run(session, text) for _ in range(_RUNS - 1)))


def _by_turns(session: Session, bench: Bench, ddl: Sequence[str], text: str) -> tuple[float, float]:
    before: list[float] = []
    after: list[float] = []
    for _ in range(_ALTERNATING):
        for indexes, runs in (([], before), (ddl, after)):
            with bench.only(session, indexes):
                runs.append(_run(session, text))
    return median(before), median(after)


def _run(session: Session, text: str) -> float:
    try:
        with session.transaction():
            row = session.execute(f"EXPLAIN (ANALYZE, TIMING off, FORMAT json) {text}").fetchone()
    except psycopg.errors.QueryCanceled:
        return LIMIT_SECONDS * 1000.0
    assert row is not None
    return float(row[0][0]["Execution Time"])
