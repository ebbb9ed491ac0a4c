"""A handful of the schedules of `make ha-schedules`, under a lease of 1.5 s."""

import pytest

from tests.ha.schedules import Schedule, World, plan

LEASE = 1.5
SEEDS = (3, 51, 72)


def test_the_seeds_strike_in_every_way() -> None:
    kinds = {fault.kind for seed in SEEDS for fault in plan(seed, LEASE)}
    assert kinds == {"kill", "stop", "nap", "cut", "stall", "end"}


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_happens_twice(world: World, seed: int) -> None:
    verdict = Schedule(world, seed, LEASE).run()

    print(verdict)
    assert verdict.violations == []
    assert len(verdict.landed) <= 2, "what had passed its check lands, and nothing else"
    assert min(verdict.writes[where] for where in ("aws", "kubernetes", "redis", "slack")) > 0
