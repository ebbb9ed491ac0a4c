"""Status of a CacheTuning. Pure."""

from collections.abc import Mapping
from typing import Any

from setpoint.api.cachetuning import (
    CacheStatus,
    CacheTuningSpec,
    CacheTuningStatus,
    SweepPhase,
    SweepStatus,
)
from setpoint.cache import window
from setpoint.cache.decide import usage
from setpoint.cache.model import Memory, Observed
from setpoint.engine.display import PERCENT, PERCENT_1, Display


def report(
    spec: CacheTuningSpec,
    observed: Observed,
    memory: Memory,
    previous: Mapping[str, Any],
    display: Display,
) -> CacheTuningStatus:
    """The kind's own part of status."""
    limits, shown = spec.alerts.thresholds, previous.get("cache") or {}
    rates, used = window.rates(memory.samples), usage(observed)
    miss = None if rates.hit_rate is None else 100 - rates.hit_rate
    cache = CacheStatus(
        state=rates.state,
        hit_rate=display.text(shown.get("hitRate"), rates.hit_rate, PERCENT_1, [limits.hit_rate]),
        miss_rate=display.text(shown.get("missRate"), miss, PERCENT_1, [100 - limits.hit_rate]),
        memory_usage=display.text(
            shown.get("memoryUsage"), used.percent, PERCENT, [limits.memory_usage]
        ),
        memory_limit=used.limit,
        maxmemory_policy=observed.policy or None,
    )
    sweep = memory.shown_sweep
    return CacheTuningStatus(
        server_version=observed.version,
        cache=cache,
        sweep=sweep.model_copy(update={"summary": summary(sweep, observed)}) if sweep else None,
    )


def summary(sweep: SweepStatus, observed: Observed) -> str:
    """The sweep in short: `done 1.2M`, `running 40%`."""
    if sweep.phase is SweepPhase.DONE:
        return f"done {_short(sweep.changed)}"
    if sweep.phase is SweepPhase.PENDING:
        return "pending"
    percent = min(99, 100 * sweep.scanned // max(observed.keys, 1))
    return f"running {percent}%"


def _short(number: int) -> str:
    if number >= 1_000_000:
        return f"{number / 1_000_000:.1f}M"
    return f"{number / 1000:.1f}k" if number >= 1000 else str(number)
