"""Hit rate over a window, from the differences between our own samples. Pure.

Redis' counters count since its start. A server that restarted, failed over, or had its counters
reset (CONFIG RESETSTAT changes neither run_id nor uptime) begins a new window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from setpoint.api.cachetuning import AnalysisState
from setpoint.cache.model import Counters, Observed

WINDOW = timedelta(minutes=5)
MIN_LOOKUPS = 100
"""Fewer look-ups in a window say nothing about a rate."""


@dataclass(frozen=True)
class Rates:
    """Hit rate in percent over the window; None where it is not known."""

    state: AnalysisState
    hit_rate: float | None = None
    lookups: int = 0

    @property
    def is_telling(self) -> bool:
        """Whether there were enough look-ups to judge by."""
        return self.hit_rate is not None and self.lookups >= MIN_LOOKUPS


def extend(
    samples: Sequence[Counters], observed: Observed, own_hits: int, now: datetime
) -> tuple[Counters, ...]:
    """The samples with a new one; those older than the window go, but for the newest of them."""
    new = Counters(now, observed.run_id, observed.uptime, observed.hits, observed.misses, own_hits)
    if samples and _was_reset(samples[-1], new):
        return (new,)
    outside = [sample for sample in samples if now - sample.at > WINDOW]
    inside = [sample for sample in samples if now - sample.at <= WINDOW]
    if not inside:
        return (*outside[-1:], new)
    return (*inside, new)


def rates(samples: Sequence[Counters]) -> Rates:
    """The rates between the oldest and the newest sample."""
    if len(samples) < 2:
        return Rates(AnalysisState.COLLECTING)
    first, last = samples[0], samples[-1]
    hits = max(0, last.hits - first.hits - (last.own - first.own))
    lookups = hits + last.misses - first.misses
    if lookups == 0:
        return Rates(AnalysisState.NO_TRAFFIC)
    return Rates(AnalysisState.OK, 100 * hits / lookups, lookups)


def _was_reset(before: Counters, after: Counters) -> bool:
    return (
        after.run_id != before.run_id
        or after.uptime < before.uptime
        or after.hits < before.hits
        or after.misses < before.misses
    )
