"""Memory: limits, policies, fragmentation. Pure."""

from collections.abc import Iterable

from setpoint.api.findings import Severity
from setpoint.cache.info import Info
from setpoint.cache.memory import (
    CONTAINER,
    MAXMEMORY,
    NOEVICTION,
    evicts,
    evicts_any,
    human,
    usage,
)
from setpoint.cache.window import Window
from setpoint.engine.model import Finding

_MIB = 1024 * 1024
_LEAST = 5 * _MIB
FRAGMENTED_BYTES = 10 * _MIB
FRAGMENTED, _ALLOCATOR_RATIO, _PEAK_RATIO = 1.4, 1.1, 1.5
FULL = 95.0
ENOUGH_TTLS = 0.5
_DEFRAG = {
    "no": "set activedefrag to yes",
    "yes": "activedefrag is on: give it time, or raise active-defrag-cycle-max",
}


def memory_near_limit(window: Window) -> Iterable[Finding]:
    """Memory is used up where nothing makes room in time.

    A full allkeys-* cache is healthy; noeviction has a finding of its own. A container's limit is
    judged besides maxmemory, because it counts what is resident, and kills.
    """
    threshold = window.thresholds.memory_usage
    for node in window.nodes:
        info, used = node.info, usage(node.info, window.memory_limit)
        resident = info.number("used_memory_rss")
        limit = window.memory_limit
        if limit and used.limit == MAXMEMORY and 100 * resident / limit > max(threshold, 90.0):
            yield _near(
                node.name, 100 * resident / limit, CONTAINER, Severity.CRITICAL,
                f"{human(resident)} resident of {human(limit)}, maxmemory {human(used.total)}",
                "lower maxmemory to at most 75% of the container's limit, or raise the limit",
            )  # fmt: skip
            continue
        if used.percent is None or used.percent <= threshold or _makes_room(info):
            continue
        if used.limit == MAXMEMORY and info.policy == NOEVICTION:
            continue
        doubt = "" if used.is_certain else "; a container's own limit is not known to Redis"
        yield _near(
            node.name, used.percent, used.limit, Severity.WARNING,
            f"{used.percent:.0f}% of {used.limit} ({human(used.used)} of {human(used.total)}), "
            f"policy {info.policy or 'unknown'}{doubt}",
            "give it more memory, or give the cache's keys a TTL so that they can be evicted",
        )  # fmt: skip


def no_eviction_near_limit(window: Window) -> Iterable[Finding]:
    """A store that evicts nothing comes near maxmemory: then every write fails."""
    threshold = window.thresholds.memory_usage
    for node in window.nodes:
        used = usage(node.info)
        if node.info.policy != NOEVICTION or used.limit != MAXMEMORY or used.percent is None:
            continue
        if used.percent <= threshold or node.info.is_replica:
            continue
        yield Finding(
            id="NoEvictionNearLimit",
            object=node.name,
            severity=Severity.CRITICAL if used.percent >= FULL else Severity.WARNING,
            message=f"Redis uses more than {threshold:g}% of maxmemory and evicts nothing: at 100% "
            "every write fails",
            evidence=f"{used.percent:.0f}% ({human(used.used)} of {human(used.total)}), policy "
            "noeviction",
            remedy="raise maxmemory or delete data; if it is a cache, let it evict: allkeys-lru if "
            "every key may go, volatile-lru if only keys with a TTL may",
            magnitude=used.percent,
        )


def maxmemory_unset(window: Window) -> Iterable[Finding]:
    """Nothing limits it: it grows until the machine or the container kills it."""
    for node in window.nodes:
        info = node.info
        if not info.has("maxmemory") or info.number("maxmemory") > 0 or info.is_replica:
            continue
        if not info.policy:  # a service that limits memory by other means, and does not say so
            continue
        limit = window.memory_limit
        wanted = f"{human(0.75 * limit)} (75% of the container's limit)" if limit else "a limit"
        evicting = info.policy != NOEVICTION
        yield Finding(
            id="MaxmemoryUnset",
            object=node.name,
            severity=Severity.WARNING,
            message="maxmemory is not set: Redis grows until it is killed"
            + (f", and {info.policy} never evicts" if evicting else ""),
            evidence=f"maxmemory is 0, {human(info.number('used_memory'))} used, policy "
            f"{info.policy}",
            remedy=f"set spec.config.maxmemory to {wanted}",
        )


def fragmentation(window: Window) -> Iterable[Finding]:
    """MEMORY DOCTOR's rules (redis, src/object.c) with its own thresholds."""
    for node in window.nodes:
        info = node.info
        if info.number("used_memory") < _LEAST:
            continue
        signs = list(_signs(info))
        if not signs:
            continue
        ratio = info.ratio("mem_fragmentation_ratio")
        used, peak = info.number("used_memory"), info.number("used_memory_peak")
        if peak > _PEAK_RATIO * used:
            signs.append(f"it once used {human(peak)}")
        yield Finding(
            id="Fragmentation",
            object=node.name,
            severity=Severity.WARNING,
            message="much of the memory that Redis takes holds no data",
            evidence="; ".join(signs),
            remedy=_DEFRAG.get(window.config.get("activedefrag", ""), "turn on activedefrag")
            + " (it needs jemalloc and some CPU), or restart or fail over at a quiet hour",
            magnitude=max(ratio, 1.0),
        )


def _signs(info: Info) -> Iterable[str]:
    # The program's own pages are no fragmentation: 8 MiB, and all of it in a small server.
    program = max(0, info.number("rss_overhead_bytes"))
    total = info.ratio("mem_fragmentation_ratio") - program / max(info.number("used_memory"), 1)
    total_bytes = info.number("mem_fragmentation_bytes") - program
    if total > FRAGMENTED and total_bytes > FRAGMENTED_BYTES:
        yield f"resident is {total:.2f} times what is used ({human(total_bytes)} more)"
    ratio, wasted = info.ratio("allocator_frag_ratio"), info.number("allocator_frag_bytes")
    if ratio > _ALLOCATOR_RATIO and wasted > FRAGMENTED_BYTES:
        yield f"the allocator's pages are {ratio:.2f} times what is in them ({human(wasted)} more)"


def _makes_room(info: Info) -> bool:
    """Whether eviction has something to evict."""
    if evicts_any(info):
        return True
    keys = info.keys
    return evicts(info) and keys > 0 and info.volatile_keys / keys >= ENOUGH_TTLS


def _near(
    name: str, percent: float, limit: str, severity: Severity, evidence: str, remedy: str
) -> Finding:
    return Finding(
        id="MemoryNearLimit",
        object=name,
        severity=severity,
        message=f"Redis' memory is nearly used up ({limit})",
        evidence=evidence,
        remedy=remedy,
        magnitude=max(percent, 1.0),
    )
