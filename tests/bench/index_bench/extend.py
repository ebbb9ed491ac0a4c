"""The method of Extend: Schlosser, Kossmann, Boissier, "Efficient Scalable Multi-Attribute Index
Selection Using Recursive Strategies", ICDE 2019, with the stopping rule of their evaluation
(Kossmann and others, "Magic mirror in my hand, which is the best in the land?", VLDB 2020).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.bench.index_bench.plans import Session
from tests.bench.index_bench.what_if import Index, WhatIf, columns, missing

_WIDEST = 2
_LEAST_GAIN = 1.003
"""A step has to lower the cost by this factor."""

Size = Callable[[Index], float]


def extend(
    session: Session, queries: Mapping[int, str], budget: float, size: Size | None = None
) -> list[Index]:
    """Indexes within `budget` bytes by `size`, which is HypoPG's estimate if not given.

    Step by step, a new index of one column or a further column for one that was chosen: whichever
    lowers the cost most for each byte it adds. Raises psycopg.Error.
    """
    what_if = WhatIf(session, queries)
    measure = size or what_if.size
    words = what_if.words
    further = [index for index in columns(session) if index.columns[0] in words]
    first = missing(session, further)
    chosen: list[Index] = []
    now = what_if.cost(chosen)
    while True:
        best: tuple[float, float, list[Index]] | None = None
        for step in _steps(chosen, first, further):
            if sum(map(measure, step)) > budget:
                continue
            cost = what_if.cost(step)
            if cost * _LEAST_GAIN >= now:
                continue
            added = sum(map(measure, step)) - sum(map(measure, chosen))
            gain = (now - cost) / max(added, 1)
            if best is None or gain > best[0]:
                best = (gain, cost, step)
        if best is None:
            return chosen
        _, now, chosen = best


def _steps(
    chosen: Sequence[Index], first: Sequence[Index], further: Sequence[Index]
) -> Iterator[list[Index]]:
    for index in first:
        if index not in chosen:
            yield [*chosen, index]
    for column in further:
        for position, index in enumerate(chosen):
            wider = Index(index.table, index.columns + column.columns)
            if (
                column.table == index.table
                and column.columns[0] not in index.columns
                and len(wider.columns) <= _WIDEST
                and wider not in chosen
            ):
                yield [*chosen[:position], *chosen[position + 1 :], wider]
