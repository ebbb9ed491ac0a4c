"""How far apart the TTLs of a pass are set, so that the keys do not expire together. Pure.

Measured: a million keys with one TTL expire at 532,000 a second, and other clients' p99 is then a
hundred times the idle one; at 2,000 a second nobody notices.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

from setpoint.api.types import format_duration

CALM_PER_SECOND = 2_000
"""Expirations a second that nobody notices."""

MIN_TTL_SECONDS = 60
_LONGEST = 2.0


@dataclass(frozen=True)
class Spread:
    """TTLs are drawn evenly from `low` to `high` seconds; `per_second` keys then expire at most."""

    low: int
    high: int
    per_second: float

    def draw(self) -> int:
        """A TTL in seconds, never so small that it deletes."""
        return self.low + int(random.random() * (self.high - self.low + 1))  # noqa: S311

    @property
    def is_calm(self) -> bool:
        """Whether the expirations will go unnoticed."""
        return self.per_second <= CALM_PER_SECOND * 1.01

    def __str__(self) -> str:
        """`54m to 1h6m`, with the rate where it is high."""
        low, high = (format_duration(timedelta(seconds=n)) for n in (self.low, self.high))
        rate = "" if self.is_calm else f", expiring at up to {self.per_second:,.0f} keys a second"
        return f"{low} to {high}{rate}"


def spread(ttl: timedelta, jitter: float, keys: int) -> Spread:
    """The spread for so many keys. `jitter` in percent of the TTL is the least on either side.

    What the calm rate needs beyond that lengthens the TTLs, to twice the TTL at most.
    """
    seconds, share = ttl.total_seconds(), jitter / 100
    low = max(MIN_TTL_SECONDS, round(seconds * (1 - share)))
    least = max(low, round(seconds * (1 + share)))
    high = max(least, min(round(_LONGEST * seconds), low + -(-keys // CALM_PER_SECOND)))
    return Spread(low, high, keys / max(1, high - low))
