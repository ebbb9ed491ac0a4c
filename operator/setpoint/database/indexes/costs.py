"""What is known of a statement's cost under sets of candidates. Pure.

Sets are bit masks. A plan under the set C that uses only U of it costs the same under every set
between U and C, for the planner takes the cheapest: so one EXPLAIN answers for many sets, and
bounds the others from above (U is there) and from below (all is in C). See "plan-based pruning" in
Siddiqui et al., "Wii", and Finkelstein's and Chaudhuri's atomic configurations.
"""

from dataclasses import dataclass, field
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Seen:
    """One EXPLAIN: the set it had, what the plan used of it, and the plan's cost.

    `fetched` are the rows that it reads one by one through indexes, `fetching` those of the set
    that do so.
    """

    given: int
    used: int
    cost: float
    fetched: float = 0.0
    fetching: int = 0


@dataclass
class Costs:
    """A statement's costs. `relevant` are the candidates on its tables; `weight` its time, ms;
    `base` and `fetched` are the cost and the rows read through indexes as it is."""

    relevant: int
    base: float
    weight: float
    fetched: float = 0.0
    seen: list[Seen] = field(default_factory=list)
    _used: int = 0
    _upper: dict[int, Seen] = field(default_factory=dict)
    _lower: dict[int, float] = field(default_factory=dict)
    _losses: dict[int, tuple[tuple[int, float], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.note(Seen(0, 0, self.base, self.fetched))

    def note(self, seen: Seen) -> None:
        """Take a plan in."""
        self.seen.append(seen)
        self.seen.sort(key=lambda s: (s.cost, s.used, s.given))
        self._used |= seen.used
        self._upper.clear()
        self._lower.clear()
        self._losses.clear()

    def upper(self, chosen: int) -> float:
        """The cost is at most this: a plan is known that needs no more than what is chosen."""
        return self.reached(chosen).cost

    def reached(self, chosen: int) -> Seen:
        """The cheapest plan known that needs no more than what is chosen."""
        chosen &= self._used
        found = self._upper.get(chosen)
        if found is None:
            found = next(s for s in self.seen if not s.used & ~chosen)
            self._upper[chosen] = found
        return found

    def losses(self, chosen: int) -> tuple[tuple[int, float], ...]:
        """By number, how much dearer it may become without one of those that are chosen; only
        those that the plan uses."""
        chosen &= self._used
        found = self._losses.get(chosen)
        if found is None:
            now = self.reached(chosen)
            found = tuple(
                (number, self.upper(chosen & ~(1 << number)) - now.cost)
                for number in bits(now.used)
            )
            self._losses[chosen] = found
        return found

    def lower(self, chosen: int) -> float:
        """The cost is at least this: with more, it was so much."""
        chosen &= self.relevant
        found = self._lower.get(chosen)
        if found is None:
            above = (s.cost for s in reversed(self.seen) if not chosen & ~s.given)
            found = min(next(above, 0.0), self.upper(chosen))
            self._lower[chosen] = found
        return found

    def is_known(self, chosen: int) -> bool:
        """Whether no EXPLAIN is needed, within a thousandth."""
        return self.upper(chosen) - self.lower(chosen) <= 0.001 * self.upper(chosen)

    def plan(self, chosen: int) -> Seen | None:
        """The plan that is known to be taken."""
        chosen &= self.relevant
        if not self.is_known(chosen):
            return None
        return self.reached(chosen)

    def time(self, cost: float) -> float:
        """The statement's time, scaled as its cost is; milliseconds."""
        return self.weight * cost / self.base


@lru_cache(maxsize=1 << 16)
def bits(mask: int) -> tuple[int, ...]:
    """The numbers in a set."""
    found: list[int] = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return tuple(found)
