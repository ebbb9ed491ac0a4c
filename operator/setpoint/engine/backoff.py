"""When to look again: after failures, and at the interval."""

from collections.abc import Callable
from datetime import timedelta


def after_failures(
    failures: int, base: timedelta, ceiling: timedelta, draw: Callable[[], float]
) -> float:
    """Seconds to wait after the n-th failure in a row (n ≥ 1).

    Exponential with equal jitter: between half of the step and the step, never above `ceiling`.
    `draw` gives a number in [0, 1).
    """
    exponent = min(failures - 1, 32)  # further doubling only overflows
    step = min(base.total_seconds() * 2.0**exponent, ceiling.total_seconds())
    return step * (0.5 + draw() / 2)


def at_interval(interval: timedelta, draw: Callable[[], float]) -> float:
    """Seconds until the next look: the interval, spread by ±10 %."""
    return interval.total_seconds() * (0.9 + draw() / 5)
