"""The best set of candidates that costs known so far make out. Pure.

A knapsack: greedy by gain per byte, with whole plans as steps, for two indexes may only help
together; then exchanges until none helps (as Extend and DTA do, over an own model of the costs).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from setpoint.database.indexes.costs import Costs, bits

Breathe = Callable[[], Awaitable[None]]
"""Awaited between steps, so that long work never holds up others."""

_LEAST_GAIN = 0.001
"""Of the workload's time: an index that saves less is not worth its name."""
_SHIFTS = (1.0, 0.6, 0.3)
"""How much a byte counts in the greedy's start: many small ones first, or the useful ones."""


@dataclass(frozen=True)
class Problem:
    """What is chosen from. By candidate: bytes, cost of its writes in ms, its table, and those
    that begin as it does: of two such, one would be redundant."""

    costs: Sequence[Costs]
    sizes: Sequence[int]
    writes: Sequence[float]
    tables: Sequence[int]
    rivals: Sequence[int]
    max_size: float
    max_indexes: int
    max_per_table: int

    @cached_property
    def time(self) -> float:
        """The workload's time as it is, in ms."""
        return sum(costs.weight for costs in self.costs)

    def size(self, chosen: int) -> int:
        """Bytes of a set."""
        return sum(self.sizes[number] for number in bits(chosen))

    def is_allowed(self, chosen: int) -> bool:
        """Whether a set is within the limits."""
        numbers = bits(chosen)
        if len(numbers) > self.max_indexes or self.size(chosen) > self.max_size:
            return False
        if any(self.rivals[number] & chosen for number in numbers):
            return False
        counts: dict[int, int] = {}
        for number in numbers:
            counts[self.tables[number]] = counts.get(self.tables[number], 0) + 1
        return all(count <= self.max_per_table for count in counts.values())

    def objective(self, chosen: int) -> float:
        """Time with the set, writes included, by what is known at least to be reached."""
        return sum(c.time(c.upper(chosen)) for c in self.costs) + self.written(chosen)

    def written(self, chosen: int) -> float:
        """Cost of a set's writes in ms."""
        return sum(self.writes[number] for number in bits(chosen))

    @cached_property
    def least(self) -> float:
        """The gain in ms below which an index is left out."""
        return _LEAST_GAIN * self.time


class Optimiser:
    """Searches a problem; costs that become known later are seen in the next search."""

    def __init__(self, problem: Problem, breathe: Breathe, is_over: Callable[[], bool]) -> None:
        self._problem = problem
        self._breathe = breathe
        self._is_over = is_over
        self._concerned = [
            sum(1 << n for n, costs in enumerate(problem.costs) if costs.relevant >> number & 1)
            for number in range(len(problem.sizes))
        ]
        self._scales = [costs.weight / costs.base for costs in problem.costs]

    async def best(self, starts: Sequence[int] = (), *, is_wide: bool = True) -> int:
        """The best set found from `starts` and the greedy's ends: several of them if `is_wide`."""
        shifts = _SHIFTS if is_wide else _SHIFTS[:1]
        ends = [*starts, *[await self._greedy(0, shift) for shift in shifts]]
        if is_wide:
            ends.append(self._fitted(self._wishes(), 0))
        found = [await self._improved(end) for end in dict.fromkeys(ends)]
        return min(found, key=lambda s: (self._problem.objective(s), self._problem.size(s), s))

    def gain(self, chosen: int, added: int, dropped: int = 0) -> float:
        """Time saved by a change, in ms."""
        after, concerned = (chosen | added) & ~dropped, 0
        saved = self._problem.written(dropped) - self._problem.written(added)
        for number in bits(added | dropped):
            concerned |= self._concerned[number]
        for number in bits(concerned):
            costs = self._problem.costs[number]
            saved += self._scales[number] * (costs.upper(chosen) - costs.upper(after))
        return saved

    def losses(self, chosen: int) -> dict[int, float]:
        """Time lost without one of those chosen, in ms, by its number."""
        lost = {number: -self._problem.writes[number] for number in bits(chosen)}
        for costs, scale in zip(self._problem.costs, self._scales, strict=True):
            for number, dearer in costs.losses(chosen):
                lost[number] += scale * dearer
        return lost

    def steps(self, chosen: int) -> list[int]:
        """What known plans lack: sets to add that some plan would use."""
        found: set[int] = set()
        for costs in self._problem.costs:
            now = costs.upper(chosen)
            for seen in costs.seen:
                if seen.cost >= now:
                    break
                found.add(seen.used & ~chosen)
        return sorted(found)

    async def _greedy(self, chosen: int, shift: float) -> int:
        while not self._is_over():
            best, best_score = 0, 0.0
            for added in self.steps(chosen):
                await self._breathe()
                if not self._problem.is_allowed(chosen | added):
                    continue
                gain = self.gain(chosen, added)
                if gain < self._problem.least * added.bit_count():
                    continue
                score = gain / max(self._problem.size(added), 1) ** shift
                if score > best_score * (1 + 1e-9):
                    best, best_score = added, score
            if not best:
                break
            chosen |= best
        return chosen

    async def _improved(self, chosen: int) -> int:
        """Exchanges until none helps: something in, and out what must go for it."""
        chosen = self._without_useless(chosen)
        reached = self._problem.objective(chosen)
        while not self._is_over():
            best, best_gain = chosen, self._problem.least / 2
            gains = sorted((-self.gain(chosen, added), added) for added in self.steps(chosen))
            for most, added in gains:
                if -most <= best_gain:  # what must go for it can only lessen the gain
                    break
                await self._breathe()
                after, gain = self._exchange(chosen, added, reached)
                if gain > best_gain * (1 + 1e-9):
                    best, best_gain = after, gain
            if best == chosen:
                return chosen
            better = self._without_useless(await self._greedy(best, 1.0))
            now = self._problem.objective(better)
            if now >= reached - self._problem.least / 4:
                return chosen
            chosen, reached = better, now
        return chosen

    def _exchange(self, chosen: int, added: int, now: float) -> tuple[int, float]:
        """The set with `added`, without what it makes least useful until it is allowed, and what
        that saves of the time that it takes `now`."""
        after = chosen | added
        for number in bits(added):
            after &= ~(self._problem.rivals[number] & ~added)
        after = self._fitted(after, added)
        if not self._problem.is_allowed(after):
            return chosen, 0.0
        return after, now - self._problem.objective(after)

    def _fitted(self, chosen: int, kept: int) -> int:
        """The set without what is least useful, by the byte where bytes are short, until it is
        allowed or has no more than what is `kept`."""
        problem = self._problem
        while chosen & ~kept and not problem.is_allowed(chosen):
            droppable = bits(chosen & ~kept)
            is_tight = problem.size(chosen) > problem.max_size
            rivals = tuple(n for n in droppable if problem.rivals[n] & chosen)
            lost = self.losses(chosen)
            _, least = min(
                (lost[n] / (problem.sizes[n] if is_tight else 1), n) for n in rivals or droppable
            )
            chosen &= ~(1 << least)
        return chosen

    def _wishes(self) -> int:
        """What every statement's best plan uses: too much, and a start from above."""
        wished = 0
        for costs in self._problem.costs:
            wished |= costs.seen[0].used
        return wished

    def _without_useless(self, chosen: int) -> int:
        while True:
            losses = [(lost, number) for number, lost in self.losses(chosen).items()]
            if not losses or min(losses)[0] >= self._problem.least:
                return chosen
            chosen &= ~(1 << min(losses)[1])
