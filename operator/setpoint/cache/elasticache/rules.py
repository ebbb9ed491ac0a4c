"""Findings about a cache of ElastiCache, and the values to alert on. Pure.

What Redis itself tells is judged here only where there is no connection to it, under the same ids
as from there; see docs/cache.md. Thresholds of AWS's are from its user guide, "Which metrics should
I monitor?".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from setpoint.api.cachetuning import AnalysisState, CacheTuningSpec
from setpoint.api.findings import Severity
from setpoint.cache.elasticache import metrics
from setpoint.cache.elasticache.model import RESERVED, ElastiCacheObserved, Node
from setpoint.cache.elasticache.settings import volatile_share
from setpoint.cache.memory import NOEVICTION, Usage, human
from setpoint.cache.rules.memory import ENOUGH_TTLS, FRAGMENTED, FRAGMENTED_BYTES, FULL
from setpoint.cache.rules.service import CLIENTS_NEAR, LAG_SECONDS
from setpoint.cache.window import MIN_LOOKUPS, Rates, confidence
from setpoint.engine.model import Finding

MIB = 1024**2
_SECONDS = metrics.PERIOD
_CPU, _CPU_MUCH = 90.0, 98.0
_NOTICED = ("incompatible-network", "restore-failed", "create-failed")
_CLIENTS = 65_000
_FREEABLE = 100 * MIB


@dataclass(frozen=True)
class Facts:
    """What the rules judge by. `connected`: the spec names a connection to Redis."""

    spec: CacheTuningSpec
    cache: ElastiCacheObserved

    @property
    def connected(self) -> bool:
        """Whether Redis itself is asked."""
        return self.spec.redis is not None


Rule = Callable[[Facts], Iterable[Finding]]


def rates(cache: ElastiCacheObserved) -> Rates:
    """The hit rate over all nodes and five minutes."""
    found = metrics.lookups(list(cache.metrics.nodes.values()))
    if found is None:
        return Rates(AnalysisState.COLLECTING)
    hits, lookups = round(found[0]), round(sum(found))
    if lookups <= 0:
        return Rates(AnalysisState.NO_TRAFFIC)
    low, high = confidence(hits, lookups)
    state = AnalysisState.OK if lookups >= MIN_LOOKUPS else AnalysisState.TOO_FEW_LOOKUPS
    return Rates(state, 100 * hits / lookups, lookups, 100 * low, 100 * high)


def usage(cache: ElastiCacheObserved) -> Usage:
    """Memory of the node that is nearest to its limit, or of a serverless cache."""
    if cache.is_serverless:
        used, most = cache.metrics.of(cache.name, "bytes"), cache.most_bytes
        if used is None or not most:
            return Usage(None, "no limit" if most is None else "unknown", is_certain=True)
        return Usage(100 * used / most, "data storage limit", is_certain=True, used=round(used),
                     total=most)  # fmt: skip
    found = [_usage_of(cache, node) for node in cache.nodes]
    known = [each for each in found if each.percent is not None]
    return max(known, key=lambda each: each.percent or 0.0, default=found[0])


def findings(facts: Facts) -> list[Finding]:
    """What all rules find."""
    return [finding for rule in _RULES for finding in rule(facts)]


def _attention(facts: Facts) -> Iterable[Finding]:
    """A state that it does not leave by itself."""
    cache = facts.cache
    states = {cache.object: cache.state, **{node.object: node.state for node in cache.nodes}}
    for name, state in states.items():
        if state in _NOTICED:
            yield Finding(
                id="ElastiCacheNeedsAttention",
                object=name,
                severity=Severity.CRITICAL,
                message="ElastiCache has given it up: it does not come back by itself",
                evidence=f"its state is {state}",
                remedy="see the cache's events in ElastiCache; it has to be mended or replaced",
            )


def _cpu(facts: Facts) -> Iterable[Finding]:
    """Redis runs commands on one core, so the engine's own share counts."""
    for node in facts.cache.nodes:
        used = facts.cache.metrics.of(node.name, "engine_cpu")
        if used is not None and used >= _CPU:
            yield Finding(
                id="EngineCPUHigh",
                object=node.object,
                severity=Severity.CRITICAL if used >= _CPU_MUCH else Severity.WARNING,
                message="the engine's thread is busy nearly all the time: commands wait in line",
                evidence=f"EngineCPUUtilization is {used:.0f}% over five minutes, {node.type}"
                + (f", {node.role}" if node.role else ""),
                remedy="read from replicas, spread the keys over more shards, look for slow "
                "commands; a larger node of the same family is hardly faster",
                magnitude=used,
            )
        host = facts.cache.metrics.of(node.name, "cpu")
        if host is not None and host >= _CPU and (used is None or used < _CPU):
            yield Finding(
                id="HostCPUHigh",
                object=node.object,
                severity=Severity.WARNING,
                message="the node's CPU is used up, but not by the engine's own thread",
                evidence=f"CPUUtilization is {host:.0f}%, EngineCPUUtilization "
                + ("unknown" if used is None else f"{used:.0f}%"),
                remedy="new connections with TLS, and snapshots, take it: keep connections open, "
                "snapshot a replica, or take a node with more vCPUs",
                magnitude=host,
            )


def _memory_pressure(facts: Facts) -> Iterable[Finding]:
    """The machine, not Redis, runs out of memory."""
    for node in facts.cache.nodes:
        free, swap = (facts.cache.metrics.of(node.name, name) for name in ("freeable", "swap"))
        if free is None or swap is None or not (swap > free or (free < _FREEABLE and swap > 0)):
            continue
        yield Finding(
            id="NodeMemoryPressure",
            object=node.object,
            severity=Severity.WARNING,
            message="the node swaps: answers take long, and a failover may fail",
            evidence=f"SwapUsage {human(swap)}, FreeableMemory {human(free)}",
            remedy=f"raise {RESERVED} (less room for data), or take a node with more memory",
            magnitude=max(swap / MIB, 1.0),
        )


def _network(facts: Facts) -> Iterable[Finding]:
    """AWS shapes what is above the node type's allowance."""
    for node in facts.cache.nodes:
        both = [facts.cache.metrics.of(node.name, f"bandwidth_{way}") for way in ("in", "out")]
        lost = sum(value for value in both if value is not None)
        if lost > 0:
            yield Finding(
                id="NetworkAllowanceExceeded",
                object=node.object,
                severity=Severity.WARNING,
                message="the node needs more bandwidth than its type has: packets wait or are lost",
                evidence=f"{lost:.0f} packets queued or dropped in five minutes, {node.type}",
                remedy="read less at once (big values, whole hashes), read from replicas, or take "
                "a larger node",
                magnitude=max(lost, 1.0),
            )


def _failover(facts: Facts) -> Iterable[Finding]:
    """Nobody takes over when a primary fails."""
    cache = facts.cache
    if cache.is_serverless or cache.failover in ("enabled", "enabling"):
        return
    several = len(cache.nodes) > 1
    yield Finding(
        id="NoAutomaticFailover",
        object=cache.object,
        severity=Severity.WARNING if several else Severity.INFO,
        message="when the primary fails, nothing takes over until somebody acts"
        if several
        else "a single node: when it fails, the cache is away and its keys are lost",
        evidence=f"automatic failover is {cache.failover or 'not there'}, {len(cache.nodes)} nodes",
        remedy="turn on automatic failover (and Multi-AZ) of the replication group"
        if several
        else "a replication group with a replica and automatic failover, if the keys matter",
    )


def _reserved(facts: Facts) -> Iterable[Finding]:
    """Snapshots and failovers need memory beside the data."""
    cache, reserved = facts.cache, facts.cache.reserved
    least = {"micro": 50, "small": 30}.get(cache.node_type.rpartition(".")[2], 25)
    if reserved is None or reserved >= least:
        return
    yield Finding(
        id="ReservedMemoryLow",
        object=cache.object,
        severity=Severity.WARNING if reserved < 25 else Severity.INFO,
        message="little memory is reserved for what is not data: a snapshot or a failover may swap "
        "or fail",
        evidence=f"{RESERVED} is {reserved}, AWS recommends {least} for {cache.node_type}",
        remedy=f"raise {RESERVED} in the parameter group {cache.group.name if cache.group else ''}"
        ", if the data leave room",
        magnitude=float(least - reserved),
    )


def _reboot(facts: Facts) -> Iterable[Finding]:
    """Parameters that are set and not in force."""
    cache = facts.cache
    if (waiting := cache.waiting_for_reboot()) and cache.group is not None:
        yield Finding(
            id="PendingReboot",
            object=cache.group.object,
            severity=Severity.INFO,
            message="parameters of the group take effect only with a reboot of the nodes",
            evidence=f"pending-reboot: {', '.join(waiting[:5])}, {len(waiting)} of "
            f"{len(cache.nodes)} nodes",
            remedy="reboot them at a quiet hour, replicas first: what is in memory only is lost",
            magnitude=float(len(waiting)),
        )


def _unseen(facts: Facts) -> Iterable[Finding]:
    """What the role may not read."""
    cache = facts.cache
    if cache.metrics.failure is not None:
        yield Finding(
            id="ElastiCacheMetricsUnavailable",
            object=cache.object,
            severity=Severity.INFO,
            message="CloudWatch cannot be read: what the cache's nodes do is not judged",
            evidence=cache.metrics.failure.message,
            remedy="allow the role cloudwatch:GetMetricData",
        )
    if cache.group_failure is not None and not facts.spec.config.settings():
        yield Finding(
            id="ElastiCacheParametersUnavailable",
            object=cache.object,
            severity=Severity.INFO,
            message="the parameter group cannot be read: eviction policy and reserved memory are "
            "not known",
            evidence=cache.group_failure.message,
            remedy="allow the role elasticache:DescribeCacheParameters",
        )


def _low_hit_rate(facts: Facts) -> Iterable[Finding]:
    found, threshold = rates(facts.cache), facts.spec.alerts.thresholds.hit_rate
    if facts.connected or not found.is_telling or (found.high or 0.0) >= threshold:
        return
    evicting = (facts.cache.metrics.total("evictions") or 0.0) > 0
    yield Finding(
        id="LowHitRate",
        object=facts.cache.object,
        severity=Severity.WARNING,
        message=f"fewer than {threshold:g}% of look-ups find their key",
        evidence=f"{found.hit_rate:.1f}% of {found.lookups} look-ups in {_SECONDS} s "
        f"(95% confidence: {found.low:.1f}% to {found.high:.1f}%)",
        remedy="give it more memory: it evicts keys that are asked for again"
        if evicting
        else "lengthen the TTLs of keys that are read often, or fill the cache before it is asked",
        magnitude=max(100 - (found.hit_rate or 0.0), 1.0),
    )


def _evictions(facts: Facts) -> Iterable[Finding]:
    """As from Redis: a full cache that evicts while its hit rate is good does its work."""
    cache, found = facts.cache, rates(facts.cache)
    evicted = cache.metrics.total("evictions") or 0.0
    is_low = found.is_telling and (found.high or 0.0) < facts.spec.alerts.thresholds.hit_rate
    if facts.connected or evicted <= 0 or not is_low:
        return
    yield Finding(
        id="Evictions",
        object=cache.object,
        severity=Severity.WARNING,
        message="keys are evicted to make room while look-ups miss",
        evidence=f"{evicted / _SECONDS:.1f} evictions/s, policy {cache.policy or 'unknown'}",
        remedy="take larger nodes or more shards, store less per key, or shorten the TTLs of what "
        "is not read again",
        magnitude=max(evicted / _SECONDS, 0.1),
    )


def _memory(facts: Facts) -> Iterable[Finding]:
    """Memory is used up where nothing makes room. A full allkeys-* cache is healthy."""
    cache, used, threshold = facts.cache, usage(facts.cache), facts.spec.alerts.thresholds
    if facts.connected or used.percent is None or used.percent <= threshold.memory_usage:
        return
    if is_full_healthy(cache):
        return
    noeviction = cache.policy == NOEVICTION
    yield Finding(
        id="NoEvictionNearLimit" if noeviction else "MemoryNearLimit",
        object=cache.object,
        severity=Severity.CRITICAL if noeviction and used.percent >= FULL else Severity.WARNING,
        message=f"more than {threshold.memory_usage:g}% of the memory is used and nothing is "
        "evicted: at 100% every write fails"
        if noeviction
        else "the memory for data is nearly used up",
        evidence=f"{used.percent:.0f}% of {used.limit}, policy {cache.policy or 'unknown'}",
        remedy="take larger nodes or more shards, or delete data; if it is a cache, let it evict"
        if noeviction
        else "take larger nodes or more shards, or give the cache's keys a TTL so that they can be "
        "evicted",
        magnitude=used.percent,
    )


def _keys_without_ttl(facts: Facts) -> Iterable[Finding]:
    cache, share = facts.cache, volatile_share(facts.cache)
    items = cache.metrics.total("items") or 0.0
    if facts.connected or share is None or items < 100 or share > ENOUGH_TTLS:
        return
    if not cache.policy.startswith("volatile-"):
        return
    yield Finding(
        id="KeysWithoutTTL",
        object=cache.object,
        severity=Severity.WARNING,
        message=f"{cache.policy} can evict only keys with a TTL, and most have none",
        evidence=f"{100 * share:.0f}% of {items:.0f} keys have a TTL (CurrVolatileItems)",
        remedy="set a TTL where the application writes them; or an allkeys-* policy if every key "
        "may go",
        magnitude=max(items * (1 - share), 1.0),
    )


def _clients(facts: Facts) -> Iterable[Finding]:
    for node in facts.cache.nodes:
        clients = facts.cache.metrics.of(node.name, "connections")
        if not facts.connected and clients is not None and clients >= CLIENTS_NEAR * _CLIENTS:
            yield Finding(
                id="ClientsNearLimit",
                object=node.object,
                severity=Severity.WARNING,
                message="clients come near the limit, above which they are turned away",
                evidence=f"{clients:.0f} connections of {_CLIENTS}, which AWS does not raise",
                remedy="find who opens connections without a pool, or set timeout for idle clients",
                magnitude=clients,
            )


def _lag(facts: Facts) -> Iterable[Finding]:
    for node in facts.cache.nodes:
        lag = facts.cache.metrics.of(node.name, "lag")
        if not facts.connected and lag is not None and lag >= LAG_SECONDS:
            yield Finding(
                id="ReplicationLag",
                object=node.object,
                severity=Severity.CRITICAL,
                message="a replica does not keep up: it serves old data, and a failover loses "
                "writes",
                evidence=f"ReplicationLag is up to {lag:.0f} s",
                remedy="write less at once, or take nodes with more bandwidth",
                magnitude=lag,
            )


def _fragmentation(facts: Facts) -> Iterable[Finding]:
    """MEMORY DOCTOR's threshold, as for a server that is connected to."""
    for node in facts.cache.nodes:
        ratio, used = (facts.cache.metrics.of(node.name, n) for n in ("fragmentation", "bytes"))
        if facts.connected or ratio is None or used is None or ratio <= FRAGMENTED:
            continue
        if (ratio - 1) * used > FRAGMENTED_BYTES:
            yield Finding(
                id="Fragmentation",
                object=node.object,
                severity=Severity.WARNING,
                message="much of the memory that the node takes holds no data",
                evidence=f"MemoryFragmentationRatio is {ratio:.2f} of {human(used)}",
                remedy="set activedefrag to yes in spec.config",
                magnitude=ratio,
            )


def _throttled(facts: Facts) -> Iterable[Finding]:
    """A serverless cache grows no faster than it may."""
    lost = facts.cache.metrics.total("throttled") or 0.0
    if lost > 0:
        yield Finding(
            id="CommandsThrottled",
            object=facts.cache.object,
            severity=Severity.CRITICAL,
            message="ElastiCache refuses commands because there are more than it may serve",
            evidence=f"{lost:.0f} ThrottledCmds in five minutes",
            remedy="raise the cache's limit of ECPUs, or its minimum before traffic that comes at "
            "once",
            magnitude=max(lost, 1.0),
        )


_RULES: tuple[Rule, ...] = (
    _attention,
    _cpu,
    _memory_pressure,
    _network,
    _failover,
    _reserved,
    _reboot,
    _unseen,
    _low_hit_rate,
    _evictions,
    _memory,
    _keys_without_ttl,
    _clients,
    _lag,
    _fragmentation,
    _throttled,
)


def is_full_healthy(cache: ElastiCacheObserved) -> bool:
    """With an allkeys-* policy, or where keys with a TTL make room, full is how it should be."""
    if cache.policy.startswith("allkeys-"):
        return True
    share = volatile_share(cache)
    return cache.policy.startswith("volatile-") and share is not None and share >= ENOUGH_TTLS


def _usage_of(cache: ElastiCacheObserved, node: Node) -> Usage:
    """Against the node's maxmemory. What eviction does not count is taken off, where AWS does."""
    percent = cache.metrics.of(node.name, "counted")
    if percent is None:
        percent = cache.metrics.of(node.name, "memory")
    used = cache.metrics.of(node.name, "bytes")
    return Usage(percent, f"maxmemory of {node.type}", is_certain=True, used=round(used or 0.0))
