"""Growth of the keys without a TTL over hours and days, in all and by prefix. Pure.

Two earlier counts are kept. Growth is reckoned from the older one, which is let go when the younger
one is a day old; so it spans one to two days once it is known. The older one is in status, and
outlives a restart.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from setpoint.api.cachetuning import CacheBaseline, PrefixCount
from setpoint.cache.guard import printable
from setpoint.cache.layouts import SampledKey
from setpoint.cache.prefixes import prefix
from setpoint.engine.conditions import read_time, wire_time

_SPAN = timedelta(days=1)
_MOST = 20


@dataclass(frozen=True)
class Earlier:
    """Two earlier counts, None while there are none."""

    older: CacheBaseline | None = None
    younger: CacheBaseline | None = None


@dataclass(frozen=True)
class Growth:
    """Keys without a TTL that came in so many hours, and by prefix, the most first."""

    hours: float
    keys: int
    before: int
    prefixes: tuple[tuple[str, int], ...]


def recall(stored: Any) -> Earlier:
    """From status; nothing where somebody else wrote it."""
    try:
        found = CacheBaseline.model_validate(stored) if stored else None
        if found is not None:
            read_time(found.taken_at)
    except (ValidationError, ValueError):
        return Earlier()
    return Earlier(found)


def advance(earlier: Earlier, now: datetime, keys: int, sample: Sequence[SampledKey]) -> Earlier:
    """With the count of now where it is time for one. `keys` are those without a TTL."""
    older, younger = earlier.older, earlier.younger
    if older is not None and younger is not None and abs(now - read_time(younger.taken_at)) < _SPAN:
        return earlier
    count = CacheBaseline(taken_at=wire_time(now), keys=keys, prefixes=by_prefix(keys, sample))
    if older is None:
        return Earlier(count, count)
    return Earlier(younger or older, count)


def by_prefix(keys: int, sample: Sequence[SampledKey]) -> list[PrefixCount]:
    """About how many of the keys without a TTL are of each prefix."""
    found = Counter(printable(prefix(item.key), 64) for item in sample if item.ttl is None)
    total = found.total()
    return [
        PrefixCount(prefix=name, keys=round(keys * number / total))
        for name, number in found.most_common(_MOST)
    ]


def growth(
    earlier: Earlier, now: datetime, keys: int, sample: Sequence[SampledKey]
) -> Growth | None:
    """What came since the older count; None where there is none, or the clock was put back."""
    if earlier.older is None:
        return None
    hours = (now - read_time(earlier.older.taken_at)).total_seconds() / 3600
    if hours <= 0:
        return None
    then = {entry.prefix: entry.keys for entry in earlier.older.prefixes}
    grown = {
        entry.prefix: entry.keys - then.get(entry.prefix, 0) for entry in by_prefix(keys, sample)
    }
    ranked = sorted(((name, n) for name, n in grown.items() if n > 0), key=lambda pair: -pair[1])
    return Growth(hours, keys - earlier.older.keys, earlier.older.keys, tuple(ranked))
