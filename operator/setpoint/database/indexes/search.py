"""Which EXPLAINs are worth making, until the best set is known. Does no I/O itself.

First every statement is looked at with all its candidates, with the narrow ones, with single
columns. Then those that promise to save the most are explored first, without what a plan used, and
so on: that shows the plans they could have, from the best on. The best set by what is known then
is checked, its neighbours are tried where they might be better, and what is learned goes into the
next round.
"""

import heapq
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from setpoint.database.indexes.costs import Costs, Seen, bits
from setpoint.database.indexes.selection import Breathe, Optimiser, Problem

Ask = Callable[[int, int], Awaitable[Seen | None]]
"""EXPLAIN a statement, by its number, under a set of candidates; None where it could not be."""

_HOPELESS = 0.98
"""Of the cost without any: a statement that all candidates together bring no lower is left."""
_EXPLORED = 28
_LEAST_EXPLORED = 4
_EXPLORING, _ASKED = 0.7, 0.9
"""Shares of the time after which no more is explored, and no more is asked."""
_ROUNDS = 20

_Lead = tuple[float, int, int]
"""A plan seen: its cost, the set it had, and what it used of it."""


@dataclass
class Budget:
    """What may still be spent: EXPLAINs, and time.

    `used` is the share of the time that is over, 0 to 1: exploring ends early, and what was learned
    is always made use of.
    """

    explains: int
    used: Callable[[], float]

    @property
    def is_spent(self) -> bool:
        """Whether the search must end."""
        return self.explains <= 0 or self.used() >= _ASKED

    @property
    def is_explored(self) -> bool:
        """Whether exploring must end."""
        return self.explains <= 0 or self.used() >= _EXPLORING


class Search:
    """The search for one workload."""

    def __init__(self, problem: Problem, ask: Ask, budget: Budget, breathe: Breathe) -> None:
        self._problem = problem
        self._ask = ask
        self._budget = budget
        self._optimiser = Optimiser(problem, breathe, lambda: budget.used() >= 1)
        self._failed: set[tuple[int, int]] = set()
        self._each = _EXPLORED

    async def best(self, roots: Sequence[Sequence[int]]) -> int:
        """The best set within the budget; `roots` are each statement's sets to explore from."""
        order = sorted(range(len(roots)), key=lambda n: (-self._problem.costs[n].weight, n))
        each = self._budget.explains * 2 // max(3 * len(order), 1)
        self._each = max(min(each, _EXPLORED), _LEAST_EXPLORED)
        ahead = {number: await self._seen(number, roots[number]) for number in order}
        for number in sorted(order, key=lambda n: (-self._promise(n), n)):
            await self._explore(number, ahead[number])
        chosen, is_wide = await self._optimiser.best(), True
        for _ in range(_ROUNDS):
            if self._budget.is_spent:
                break
            if await self._checked(chosen) or await self._tried(chosen):
                chosen, is_wide = await self._optimiser.best([chosen], is_wide=False), False
            elif is_wide:
                break
            else:  # with all that is known by now, from every start once more
                chosen, is_wide = await self._optimiser.best([chosen]), True
        return await self._settled(chosen)

    async def know(self, number: int, chosen: int) -> float:
        """The cost under a set, asked for if need be; else what it is at most."""
        costs = self._problem.costs[number]
        if not costs.is_known(chosen):
            await self._look(number, chosen)
        return costs.upper(chosen)

    async def _settled(self, chosen: int) -> int:
        """The set without what turns out to be useless."""
        await self._checked(chosen)
        return chosen

    async def _look(self, number: int, chosen: int) -> Seen | None:
        costs = self._problem.costs[number]
        chosen &= costs.relevant
        if (plan := costs.plan(chosen)) is not None:
            return plan
        if (number, chosen) in self._failed:
            return None
        self._budget.explains -= 1
        seen = await self._ask(number, chosen)
        if seen is None:
            self._failed.add((number, chosen))
            return None
        costs.note(seen)
        return seen

    def _promise(self, number: int) -> float:
        """Milliseconds that the best plan seen of a statement saves."""
        costs = self._problem.costs[number]
        return costs.time(costs.base - costs.seen[0].cost)

    async def _seen(self, number: int, roots: Sequence[int]) -> list[_Lead]:
        """What the first plans show: where to go on from, nothing where that is hopeless."""
        costs = self._problem.costs[number]
        found: list[_Lead] = []
        for root in [costs.relevant, *roots] if costs.relevant else ():
            if self._budget.is_explored:
                break
            seen = await self._look(number, root)
            if seen is not None:
                if root == costs.relevant and seen.cost > _HOPELESS * costs.base:
                    return []
                heapq.heappush(found, (seen.cost, root & costs.relevant, seen.used))
        return found

    async def _explore(self, number: int, ahead: list[_Lead]) -> None:
        costs = self._problem.costs[number]
        done: set[int] = set()
        left = self._each
        while ahead and left > 0 and not self._budget.is_explored:
            _, given, used = heapq.heappop(ahead)
            for bit in bits(used):
                smaller = given & ~(1 << bit)
                if smaller in done:
                    continue
                done.add(smaller)
                before = self._budget.explains
                seen = await self._look(number, smaller)
                left -= before - self._budget.explains
                if seen is not None and seen.used and seen.cost < _HOPELESS * costs.base:
                    heapq.heappush(ahead, (seen.cost, smaller, seen.used))
        for bit in bits(self._used(costs)):
            if self._budget.is_explored:
                return
            await self._look(number, 1 << bit)

    @staticmethod
    def _used(costs: Costs) -> int:
        used = 0
        for seen in costs.seen:
            used |= seen.used
        return used

    async def _checked(self, chosen: int) -> bool:
        """Make the costs of a set known; whether that changed anything."""
        changed = False
        for number, costs in enumerate(self._problem.costs):
            if self._budget.is_spent:
                break
            if not costs.is_known(chosen):
                before = costs.upper(chosen)
                await self._look(number, chosen)
                changed |= costs.upper(chosen) < before
        return changed

    async def _tried(self, chosen: int) -> bool:
        """Ask about neighbours of a set that might be better; whether one was found.

        How much one might save at most tells which to ask about first.
        """
        hopes = []
        for number in range(len(self._problem.sizes)):
            if chosen >> number & 1:
                continue
            hope = self._hope(chosen, number)
            if hope > self._problem.least:
                hopes.append((-hope / max(self._problem.sizes[number], 1) ** 0.5, number))
        found = False
        for _, number in sorted(hopes):
            if self._budget.is_spent:
                break
            found |= await self._try(chosen, number)
        return found

    def _hope(self, chosen: int, number: int) -> float:
        after = chosen | 1 << number
        return sum(
            costs.time(costs.upper(chosen) - costs.lower(after))
            for costs in self._problem.costs
            if costs.relevant >> number & 1
        )

    async def _try(self, chosen: int, number: int) -> bool:
        after, found = chosen | 1 << number, False
        for place, costs in enumerate(self._problem.costs):
            if self._budget.is_spent:
                break
            if costs.relevant >> number & 1 and not costs.is_known(after):
                before = costs.upper(after)
                await self._look(place, after)
                found |= costs.upper(after) < before * 0.999
        return found
