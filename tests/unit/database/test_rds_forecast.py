"""When storage will be full: what is a trend, and what only looks like one."""

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from setpoint.database.rds.forecast import full
from setpoint.database.rds.model import Series

GIB = 2**30
SIZE = 100 * GIB
WEEK = 7 * 24
SOON = float(WEEK)
"""Hours: a forecast beyond them is no finding."""


def hours(free: Sequence[float], *, autoscales: bool = False) -> float | None:
    """The forecast for hourly free GiB of 100."""
    start = datetime(2026, 11, 17, tzinfo=UTC)
    points = [(start + timedelta(hours=n), value * GIB) for n, value in enumerate(free)]
    found = full(Series(points), SIZE, autoscales=autoscales)
    return None if found is None else found.hours


def is_soon(free: Sequence[float]) -> bool:
    found = hours(free)
    return found is not None and found < SOON


def saw(amplitude: float, phase: int, count: int = WEEK, a_day: float = 0.0) -> list[float]:
    """Falls all day long, and is cleaned up every night."""
    return [40 - amplitude * ((n + phase) % 24) / 24 - a_day * n / 24 for n in range(count)]


def test_a_steady_fall_ends_when_it_ends() -> None:
    falling = [100 - n / 2 for n in range(WEEK)]
    assert hours(falling) == pytest.approx(2 * falling[-1])
    noise = random.Random(3)
    assert hours([x + noise.uniform(-2, 2) for x in falling]) == pytest.approx(34, rel=0.2)


@pytest.mark.parametrize(
    "free",
    [[50.0] * WEEK, [n / 4 for n in range(WEEK)], [100.0 - n for n in range(23)], []],
    ids=["flat", "emptied", "known too short", "unknown"],
)
def test_what_does_not_fill_up_has_no_end(free: list[float]) -> None:
    assert hours(free) is None


@pytest.mark.parametrize("count", [24, 48, WEEK])
def test_noise_is_no_trend(count: int) -> None:
    for seed in range(200):
        noise = random.Random(seed)
        assert not is_soon([25 + noise.uniform(-4, 4) for _ in range(count)]), seed
        assert not is_soon([25 + noise.gauss(0, 1.5) for _ in range(count)]), seed


@pytest.mark.parametrize("drop", [4.0, 10.0, 30.0])
def test_a_load_that_was_made_at_once_is_no_trend_whenever_it_was(drop: float) -> None:
    for at in range(1, WEEK):
        assert not is_soon([60.0] * at + [60 - drop] * (WEEK - at)), at


@pytest.mark.parametrize("amplitude", [3, 10, 20])
def test_what_is_cleaned_up_every_night_is_no_trend(amplitude: float) -> None:
    for phase in range(24):
        assert not is_soon(saw(amplitude, phase)), phase
        wave = [30 + amplitude / 2 * math.sin((n + phase) / 24 * 2 * math.pi) for n in range(WEEK)]
        assert not is_soon(wave), phase


@pytest.mark.parametrize("amplitude", [0, 3, 10])
def test_a_trend_under_it_is_one_and_ends_in_the_evening_before_a_clean_up(
    amplitude: float,
) -> None:
    for phase in range(24):
        free = saw(amplitude, phase, a_day=4)
        assert hours(free) == pytest.approx(24 * min(free[-24:]) / 4, rel=0.35), phase


def test_what_comes_after_an_enlargement_counts() -> None:
    before, after = [30.0 - n for n in range(25)], [100.0 - n for n in range(30)]
    assert hours(before + after) == pytest.approx(71)
    assert hours(before + after[:20]) is None, "not known for long enough"


def test_what_comes_after_the_last_growth_by_rds_itself_counts() -> None:
    free, now = list[float](), 20.0
    for _ in range(150):
        now += -0.25 if now > 10 else 9.5
        free.append(now)
    since = len(free) - max(n for n in range(1, 150) if free[n] > free[n - 1])
    assert since > 24
    assert hours(free, autoscales=True) == pytest.approx(4 * free[-1])


@pytest.mark.parametrize(("lasted", "is_seen"), [(4, False), (10, True), (12, True)])
def test_a_flood_is_seen_within_the_day(lasted: int, is_seen: bool) -> None:
    free = [70.0] * (WEEK - lasted) + [70.0 - 4 * n for n in range(1, lasted + 1)]
    found = hours(free)
    assert (found is not None and found < 24) is is_seen


def test_a_fall_that_gets_faster_is_not_underestimated() -> None:
    free = [90 - 60 * (n / WEEK) ** 3 for n in range(WEEK)]
    at_this_pace = free[-1] / (free[-25] - free[-1]) * 24
    assert hours(free) == pytest.approx(at_this_pace, rel=0.1)
