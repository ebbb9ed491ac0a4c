"""What users of the cache feel: misses, evictions, refused writes. Pure."""

from collections.abc import Iterable

from setpoint.api.findings import Severity
from setpoint.cache import window as windows
from setpoint.cache.memory import evicts, human, usage
from setpoint.cache.window import OOM, Node, Window
from setpoint.engine.model import Finding

_YOUNG_SECONDS = 3600
_FILLING = 0.5
"""Share of the misses that became new keys: above, the cache is being filled for the first time."""


def low_hit_rate(window: Window) -> Iterable[Finding]:
    """The upper bound of the hit rate's confidence is below the threshold.

    A server that has just started and is being filled misses by nature.
    """
    found, threshold = windows.rates(window), window.thresholds.hit_rate
    if not found.is_telling or found.high is None or found.high >= threshold:
        return
    if _is_filling(window):
        return
    evicting = any(node.change("evicted_keys") > 0 for node in window.nodes)
    yield Finding(
        id="LowHitRate",
        object="cache",
        severity=Severity.WARNING,
        message=f"fewer than {threshold:g}% of look-ups find their key",
        evidence=f"{found.hit_rate:.1f}% of {found.lookups} look-ups in {_seconds(window):.0f} s "
        f"(95% confidence: {found.low:.1f}% to {found.high:.1f}%)",
        remedy="give it more memory: it evicts keys that are asked for again"
        if evicting
        else "lengthen the TTLs of keys that are read often, or fill the cache before it is asked",
        magnitude=max(100 - (found.hit_rate or 0.0), 1.0),
    )


def evictions(window: Window) -> Iterable[Finding]:
    """Keys are evicted and look-ups miss: what goes is still wanted.

    A full cache that evicts while its hit rate is good is doing its work.
    """
    found = windows.rates(window)
    is_low = found.is_telling and (found.high or 0.0) < window.thresholds.hit_rate
    for node in window.nodes:
        if not node.change("evicted_keys") or not is_low or not evicts(node.info):
            continue
        used = usage(node.info)
        yield Finding(
            id="Evictions",
            object=node.name,
            severity=Severity.WARNING,
            message="keys are evicted to make room while look-ups miss",
            evidence=f"{node.rate('evicted_keys'):.1f} evictions/s of {node.info.keys} keys, "
            f"{human(used.used)} of {human(used.total)}, policy {node.info.policy}",
            remedy="raise maxmemory, store less per key, or shorten the TTLs of what is not read "
            "again",
            magnitude=max(node.rate("evicted_keys"), 0.1),
        )


def out_of_memory_rejections(window: Window) -> Iterable[Finding]:
    """Writes were refused because memory is full."""
    for node in window.nodes:
        refused = node.change(OOM)
        if refused <= 0:
            continue
        policy = node.info.policy or "unknown"
        volatile = policy.startswith("volatile-")
        yield Finding(
            id="OutOfMemoryRejections",
            object=node.name,
            severity=Severity.CRITICAL,
            message="Redis refuses writes because its memory is full",
            evidence=f"{refused} commands refused with OOM in {node.seconds:.0f} s, policy "
            f"{policy}" + (", keys with a TTL are too few to make room" if volatile else ""),
            remedy="raise maxmemory or delete data now; then let it evict (allkeys-lru if every "
            "key may go), or give the cache's keys a TTL",
            magnitude=float(refused),
        )


def _is_filling(window: Window) -> bool:
    return all(_fills(node) for node in window.nodes if node.change("keyspace_misses") > 0)


def _fills(node: Node) -> bool:
    young = node.info.number("uptime_in_seconds") < _YOUNG_SECONDS
    grown = node.keys >= _FILLING * node.change("keyspace_misses")
    return young and grown and not node.change("evicted_keys")


def _seconds(window: Window) -> float:
    return max((node.seconds for node in window.nodes), default=0.0)
