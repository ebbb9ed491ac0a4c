"""Status of a CacheTuning. Pure."""

from collections.abc import Mapping
from typing import Any

from setpoint.api.cachetuning import (
    CacheStatus,
    CacheTuningSpec,
    CacheTuningStatus,
    ConfigSource,
    PreviewRow,
    SweepPhase,
    SweepStatus,
)
from setpoint.api.elasticache import ElastiCacheStatus
from setpoint.cache import window
from setpoint.cache.decide import windowed, worst_usage
from setpoint.cache.elasticache import report as elasticache
from setpoint.cache.guard import Guard, printable
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
    sweep = memory.shown_sweep
    return CacheTuningStatus(
        server_version=_version(observed, previous),
        cache=_measured(spec, observed, memory, previous.get("cache") or {}, display),
        sweep=_sweep(spec, sweep, observed, memory) if sweep else None,
        sizing=memory.sizing if spec.sizing is not None else None,
        elasti_cache=_elasticache(spec, observed, previous),
        baseline=memory.earlier.older,
    )


def _version(observed: Observed, previous: Mapping[str, Any]) -> str | None:
    if observed.nodes:
        return observed.version
    if observed.elasticache is not None:
        return observed.elasticache.version[:64] or None
    return previous.get("serverVersion")


def _elasticache(
    spec: CacheTuningSpec, observed: Observed, previous: Mapping[str, Any]
) -> ElastiCacheStatus | None:
    """As AWS says it; where it could not be asked, as it was known."""
    if observed.elasticache is not None:
        return elasticache.report(observed.elasticache)
    known = previous.get("elastiCache") if spec.elasti_cache is not None else None
    return ElastiCacheStatus.model_validate(known) if known else None


def _measured(
    spec: CacheTuningSpec,
    observed: Observed,
    memory: Memory,
    shown: Mapping[str, Any],
    display: Display,
) -> CacheStatus | None:
    if observed.nodes:
        return _cache(spec, observed, memory, shown, display)
    if spec.redis is None and observed.elasticache is not None:
        return elasticache.measured(spec, observed.elasticache, shown, display)
    return CacheStatus.model_validate(shown) if shown else None


def _sweep(
    spec: CacheTuningSpec, sweep: SweepStatus, observed: Observed, memory: Memory
) -> SweepStatus:
    """With the dry run, once it is complete and as long as nothing was begun."""
    rows, found, default = [], memory.preview, spec.default_ttl
    if found is not None and found.is_complete and default and sweep.phase is SweepPhase.PENDING:
        rows = [
            PreviewRow(
                prefix=printable(row.prefix, 64),
                type=row.type[:32],
                keys=row.keys,
                without_ttl=row.to_change,
                protected=row.protected,
            )
            for row in found.rows(default)[:20]
        ]
    return sweep.model_copy(update={"summary": summary(sweep, observed), "preview": rows})


def _cache(
    spec: CacheTuningSpec,
    observed: Observed,
    memory: Memory,
    shown: Mapping[str, Any],
    display: Display,
) -> CacheStatus:
    limits = spec.alerts.thresholds
    rates, used = window.rates(windowed(spec, observed, memory)), worst_usage(spec, observed)
    rate = rates.hit_rate if rates.is_telling else None
    miss = None if rate is None else 100 - rate
    keys = observed.keys
    without = 100 * (keys - observed.volatile_keys) / keys if keys else None
    share = Guard(memory.sample).volatile_share
    unlimited = None if share is None else 100 * (1 - share)
    return CacheStatus(
        state=rates.state,
        hit_rate=display.text(shown.get("hitRate"), rate, PERCENT_1, [limits.hit_rate]),
        miss_rate=display.text(shown.get("missRate"), miss, PERCENT_1, [100 - limits.hit_rate]),
        memory_usage=display.text(
            shown.get("memoryUsage"), used.percent, PERCENT, [limits.memory_usage]
        ),
        memory_limit=used.limit,
        maxmemory_policy=observed.policy[:32] or None,
        nodes=len(observed.nodes),
        keys_without_ttl=display.text(shown.get("keysWithoutTtl"), without, PERCENT),
        bytes_without_ttl=display.text(shown.get("bytesWithoutTtl"), unlimited, PERCENT),
        config_source=_source(spec),
    )


def _source(spec: CacheTuningSpec) -> ConfigSource | None:
    if not spec.config.settings():
        return None
    if spec.elasti_cache is not None:
        return ConfigSource.PARAMETER_GROUP
    return ConfigSource.FILE if spec.config.rewrite else ConfigSource.RUNTIME


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
