"""The one entry: from a workload to advice."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from setpoint.database.indexes import report
from setpoint.database.indexes.candidate import Candidate, rival
from setpoint.database.indexes.candidates import of_use
from setpoint.database.indexes.costs import Costs, Seen, bits
from setpoint.database.indexes.errors import UnanalysableError
from setpoint.database.indexes.model import Advice, Limits, NotAnalysable, Statement
from setpoint.database.indexes.reading import NO_TIME, read
from setpoint.database.indexes.search import Budget, Search
from setpoint.database.indexes.selection import Problem
from setpoint.database.indexes.size import size
from setpoint.database.indexes.workload import Readable, Workload
from setpoint.database.indexes.writes import milliseconds
from setpoint.database.postgres.connect import Connection
from setpoint.database.postgres.whatif import (
    MAY_NOT_READ,
    Explainable,
    NoHypoPGError,
    WhatIf,
    settle,
    whatif,
)

_EXPLAINS_EACH, _EXPLAINS_MORE, _MAX_EXPLAINS = 70, 200, 4300
"""EXPLAINs for each statement, for the workload beside, and in all."""

_READING = 0.12
"""Of the time may go by before the statements that take the most are read."""

_OF_LIMIT = 0.998
"""Of the size that is allowed: estimates are not exact."""

_AT_LEAST = 20
"""Statements that are explained even where it is late."""

_COST_MS = 0.01
"""Milliseconds of a unit of cost (one page read in sequence), where nobody measured the time."""

_OUTLIER = 10

_WITH_CANDIDATES = 250
"""Statements whose own candidates are looked at: those that take the most time."""

_SLICE = 0.02
"""Seconds of computing after which others get their turn."""


async def advise(
    connection: Connection, statements: Sequence[Statement], limits: Limits, *, now: datetime
) -> Advice:
    """The indexes that the workload wants, within the limits.

    The connection is used for this alone and holds no hypothetical index afterwards. Statements
    that cannot be explained are listed, and never stop the rest. Without HypoPG the advice is
    empty and says why. Raises Failure behind a pooler, psycopg.Error where the server is lost.
    """
    started = time.monotonic()
    await settle(connection)

    def is_read() -> bool:
        return time.monotonic() - started > limits.budget_s * _READING

    workload = await read(connection, _merged(statements), is_read)
    try:
        async with whatif(connection) as session:
            return await _Work(session, workload, limits, started).advice(now)
    except NoHypoPGError as error:
        session = WhatIf(connection, None)
        return await _Work(session, workload, limits, started).unvalidated(str(error))


def _merged(statements: Sequence[Statement]) -> list[Statement]:
    """Each text once; in an order that does not hang on the order they came in."""
    found: dict[tuple[str, str], Statement] = {}
    for one in statements:
        key = (one.text, one.user)
        known = found.get(key, Statement(one.text, 0, 0.0, 0, one.user))
        found[key] = replace(
            known,
            calls=known.calls + one.calls,
            total_ms=known.total_ms + one.total_ms,
            rows=known.rows + one.rows,
        )
    return sorted(found.values(), key=lambda s: (-s.total_ms, s.text, s.user))


@dataclass
class _Explained:
    """A statement with a text that the server takes, and its cost as it is."""

    readable: Readable
    source: Explainable
    base: float
    fetched: float


class _Work:
    """One piece of advice in the making."""

    def __init__(self, session: WhatIf, workload: Workload, limits: Limits, started: float) -> None:
        self._session = session
        self._workload = workload
        self._limits = limits
        self._started = started
        self._slice = started

    async def advice(self, now: datetime) -> Advice:
        explained = await self._explained()
        refusals = {entry.reason for entry in self._workload.not_analysable}
        if not explained and MAY_NOT_READ in refusals:
            return self._unasked(0, MAY_NOT_READ)
        pool, problem, roots = await self._problem(explained)
        place = {candidate: number for number, candidate in enumerate(pool)}

        async def ask(number: int, chosen: int) -> Seen | None:
            return await self._ask(explained[number], pool, place, chosen)

        most = min(_EXPLAINS_MORE + _EXPLAINS_EACH * len(explained), _MAX_EXPLAINS)
        budget = Budget(most - self._session.explains, self._used)
        search = Search(problem, ask, budget, self._breathe)
        chosen = await search.best(roots) if pool else 0
        refusals = {entry.reason for entry in self._workload.not_analysable}
        is_complete = not budget.is_spent and NO_TIME not in refusals
        budget.explains = max(budget.explains, 0) + 40 * len(bits(chosen))
        budget.used = lambda: 0.0
        return await report.advice(
            report.Found(
                statements=[e.readable for e in explained],
                problem=problem,
                pool=pool,
                chosen=chosen,
                workload=self._workload,
                is_complete=is_complete,
            ),
            know=search.know,
            spent=lambda: (self._session.explains, time.monotonic() - self._started),
            now=now,
        )

    async def unvalidated(self, why: str) -> Advice:
        """Without HypoPG: which statements could be analysed with it."""
        return self._unasked(len(await self._explained()), why)

    def _unasked(self, analysed: int, why: str) -> Advice:
        return Advice(
            suggestions=[],
            relative_cost=1.0,
            analysed=analysed,
            not_analysable=self._workload.not_analysable,
            explains=self._session.explains,
            seconds=time.monotonic() - self._started,
            is_validated=False,
            why_not=why,
        )

    def _used(self) -> float:
        """The share of the time that is over."""
        return (time.monotonic() - self._started) / max(self._limits.budget_s, 1e-6)

    def _is_late(self) -> bool:
        """Whether half of the time is over, and the search should begin."""
        return self._used() > 1 / 2

    async def _breathe(self) -> None:
        if time.monotonic() - self._slice > _SLICE:
            await asyncio.sleep(0)
            self._slice = time.monotonic()

    async def _explained(self) -> list[_Explained]:
        """The statements with their costs as they are; those that the planner refuses are noted."""
        found: list[_Explained] = []
        for readable in self._workload.readable:
            if self._is_late() and len(found) >= _AT_LEAST:
                self._refuse(readable, NO_TIME)
                continue
            try:
                found.append(await self._base(readable))
            except UnanalysableError as error:
                self._refuse(readable, str(error))
        return found

    async def _base(self, readable: Readable) -> _Explained:
        reason: UnanalysableError | None = None
        for text in readable.texts:
            source = Explainable(text, readable.parameters)
            try:
                plan = await self._session.explain(source)
            except UnanalysableError as error:
                reason = reason or error
            else:
                return _Explained(readable, source, max(plan.cost, 0.01), plan.fetched)
        raise reason or UnanalysableError("it has no text")

    def _refuse(self, readable: Readable, reason: str) -> None:
        self._workload.not_analysable.append(NotAnalysable(readable.statement, reason))

    async def _problem(
        self, explained: Sequence[_Explained]
    ) -> tuple[list[Candidate], Problem, list[list[int]]]:
        weights = _weights(explained)
        own = []
        heavy = set(sorted(range(len(weights)), key=lambda n: (-weights[n], n))[:_WITH_CANDIDATES])
        for place, e in enumerate(explained):
            await self._breathe()
            uses = e.readable.uses if place in heavy else ()
            own.append(sorted({candidate for use in uses for candidate in of_use(use)}))
        pool = sorted({candidate for found in own for candidate in found})
        number = {candidate: place for place, candidate in enumerate(pool)}
        tables = self._workload.tables
        costs = [
            Costs(_mask(number[c] for c in found), e.base, weight, e.fetched)
            for e, found, weight in zip(explained, own, weights, strict=True)
        ]
        limit = self._limits.max_total_size
        problem = Problem(
            costs=costs,
            sizes=[size(c, tables[c.table]) for c in pool],
            writes=[milliseconds(c, self._workload.writes, tables[c.table]) for c in pool],
            tables=[c.table for c in pool],
            rivals=_rivals(pool),
            max_size=float("inf") if limit is None else limit * _OF_LIMIT,
            max_indexes=self._limits.max_indexes,
            max_per_table=self._limits.max_per_table,
        )
        return pool, problem, [_roots(found, number) for found in own]

    async def _ask(
        self,
        explained: _Explained,
        pool: Sequence[Candidate],
        place: Mapping[Candidate, int],
        chosen: int,
    ) -> Seen | None:
        candidates = [pool[number] for number in bits(chosen)]
        try:
            plan = await self._session.explain(explained.source, candidates, self._workload.tables)
        except UnanalysableError:  # too many to choose from, or too slow with them
            return None
        return Seen(
            chosen,
            _mask(place[c] for c in plan.used),
            plan.cost,
            plan.fetched,
            _mask(place[c] for c in plan.fetching),
        )


def _rivals(pool: Sequence[Candidate]) -> list[int]:
    """For each, those that begin as it does: they share its first column at least."""
    alike: dict[tuple[int, str], list[int]] = {}
    for number, candidate in enumerate(pool):
        alike.setdefault((candidate.table, candidate.columns[0]), []).append(number)
    return [_mask(n for n in alike[c.table, c.columns[0]] if rival(c, pool[n])) for c in pool]


def _weights(explained: Sequence[_Explained]) -> list[float]:
    """Milliseconds: those observed, else by the costs.

    No cost counts more than ten times the median, for a planner's estimate can be off by orders of
    magnitude, and one statement would hide all others.
    """
    observed = [e.readable.statement.total_ms for e in explained]
    if any(observed):
        return observed
    guessed = [e.base * e.readable.statement.calls * _COST_MS for e in explained]
    most = _OUTLIER * median(guessed) if guessed else 0.0
    return [min(weight, most) for weight in guessed]


def _mask(numbers: Iterable[int]) -> int:
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


def _roots(found: Sequence[Candidate], number: dict[Candidate, int]) -> list[int]:
    """Sets to explore from beside all: without those that cover, of two columns, of one."""
    narrow = [c for c in found if len(c.all_columns) <= 3]
    pairs = [c for c in found if len(c.all_columns) <= 2]
    single = [c for c in found if len(c.all_columns) == 1]
    return [_mask(number[c] for c in part) for part in (narrow, pairs, single)]
