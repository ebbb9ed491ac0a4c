"""The rules: pure functions from a window to findings."""

from collections.abc import Callable, Iterable

from setpoint.cache.rules.access import missing_permission, unreachable_node
from setpoint.cache.rules.keys import (
    big_key,
    expired_backlog,
    growing_keys_without_ttl,
    keys_without_ttl,
    slowly_growing_keys_without_ttl,
    unsafe_policy,
)
from setpoint.cache.rules.memory import (
    fragmentation,
    maxmemory_unset,
    memory_near_limit,
    no_eviction_near_limit,
)
from setpoint.cache.rules.service import (
    clients_near_limit,
    latency_events,
    persistence_failing,
    rejected_connections,
    replication_lag,
    slow_commands,
)
from setpoint.cache.rules.traffic import evictions, low_hit_rate, out_of_memory_rejections
from setpoint.cache.window import Window
from setpoint.engine.model import Finding

Rule = Callable[[Window], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    low_hit_rate,
    evictions,
    out_of_memory_rejections,
    memory_near_limit,
    no_eviction_near_limit,
    maxmemory_unset,
    fragmentation,
    rejected_connections,
    clients_near_limit,
    slow_commands,
    latency_events,
    replication_lag,
    persistence_failing,
    keys_without_ttl,
    growing_keys_without_ttl,
    slowly_growing_keys_without_ttl,
    expired_backlog,
    big_key,
    unsafe_policy,
    missing_permission,
    unreachable_node,
)


def findings(window: Window) -> list[Finding]:
    """What all rules find, in the rules' order."""
    return [finding for rule in RULES for finding in rule(window)]
