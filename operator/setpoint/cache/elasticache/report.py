"""Status of a cache of ElastiCache. Pure."""

from collections.abc import Mapping
from typing import Any

from setpoint.api.cachetuning import CacheStatus, CacheTuningSpec, ConfigSource
from setpoint.api.elasticache import ElastiCacheStatus
from setpoint.cache.elasticache import rules
from setpoint.cache.elasticache.model import (
    APPLYING,
    IN_SYNC,
    PENDING_REBOOT,
    ElastiCacheObserved,
)
from setpoint.cache.elasticache.settings import volatile_share
from setpoint.cache.memory import human
from setpoint.engine.display import PERCENT, PERCENT_1, Display


def report(cache: ElastiCacheObserved) -> ElastiCacheStatus:
    """What AWS says of the cache."""
    return ElastiCacheStatus(
        state=cache.state[:64],
        engine=cache.product[:64],
        node_type=cache.node_type[:64] or None,
        node_memory=_memory(cache),
        nodes=len(cache.nodes) or None,
        automatic_failover=cache.failover[:16] or None,
        parameter_group=cache.group.name[:255] if cache.group else None,
        parameters=_parameters(cache),
    )


def measured(
    spec: CacheTuningSpec, cache: ElastiCacheObserved, shown: Mapping[str, Any], display: Display
) -> CacheStatus:
    """What CloudWatch measured, where there is no connection to Redis."""
    limits = spec.alerts.thresholds
    found, used = rules.rates(cache), rules.usage(cache)
    rate = found.hit_rate if found.is_telling else None
    miss, share = None if rate is None else 100 - rate, volatile_share(cache)
    without = None if share is None else 100 * (1 - share)
    return CacheStatus(
        state=found.state,
        hit_rate=display.text(shown.get("hitRate"), rate, PERCENT_1, [limits.hit_rate]),
        miss_rate=display.text(shown.get("missRate"), miss, PERCENT_1, [100 - limits.hit_rate]),
        memory_usage=display.text(
            shown.get("memoryUsage"), used.percent, PERCENT, [limits.memory_usage]
        ),
        memory_limit=used.limit[:64],
        maxmemory_policy=cache.policy[:32] or None,
        nodes=len(cache.nodes) or None,
        keys_without_ttl=display.text(shown.get("keysWithoutTtl"), without, PERCENT),
        config_source=ConfigSource.PARAMETER_GROUP if spec.config.settings() else None,
    )


def _memory(cache: ElastiCacheObserved) -> str | None:
    if cache.memory is None:
        return None
    reserved = f", {cache.reserved}% reserved" if cache.reserved is not None else ""
    return human(cache.memory) + reserved


def _parameters(cache: ElastiCacheObserved) -> str | None:
    """The least advanced state, with the nodes that are in it."""
    for state in (APPLYING, PENDING_REBOOT):
        if names := [node.name for node in cache.nodes if node.parameters == state]:
            return f"{state}: {', '.join(names)}"[:256]
    return IN_SYNC if cache.group is not None else None
