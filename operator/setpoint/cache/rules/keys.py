"""Keys: those without a TTL, big ones, those that must not be evicted. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from setpoint.api.findings import Severity
from setpoint.cache.guard import Guard, printable
from setpoint.cache.kin import Kin
from setpoint.cache.layouts import SampledKey
from setpoint.cache.memory import NOEVICTION, evicts, evicts_any, human
from setpoint.cache.prefixes import prefix
from setpoint.cache.window import Window
from setpoint.engine.model import Finding

_MIB = 1024 * 1024
_BIG_BYTES = 5 * _MIB
_HUGE_BYTES = 100 * _MIB
_SHOWN = 3
_SHARE = 0.5
_USED_AS_CACHE = 0.05
_LEAST_KEYS = 100
_GROWTH = 0.01
_SLOW_GROWTH, _SLOW_HOURS = 0.05, 1.0
_STALE_PERCENT, _STALE_MUCH = 10.0, 25.0


def keys_without_ttl(window: Window) -> Iterable[Finding]:
    """Keys that neither expire nor can be evicted, in what is used as a cache.

    Under an allkeys-* policy with a limit they are evicted like any other. In a store that has
    hardly any TTL they are its data, and so are jobs and other keys of the guard's layouts.
    """
    lacking = 1.0 - _share_of_layouts(window)
    for node in window.nodes:
        info = node.info
        keys, volatile = info.keys, evicts(info)
        without = keys - info.volatile_keys if volatile else info.unlimited_keys
        if keys < _LEAST_KEYS or without < _SHARE * keys or info.is_replica or not info.policy:
            continue
        is_cache = volatile or info.volatile_keys >= _USED_AS_CACHE * keys
        if evicts_any(info) or not is_cache or (not volatile and without * lacking < _SHARE * keys):
            continue
        yield Finding(
            id="KeysWithoutTTL",
            object=node.name,
            severity=Severity.WARNING if volatile else Severity.INFO,
            message=f"{info.policy} can evict only keys with a TTL, and most have none"
            if volatile
            else "most keys have no TTL, so they stay for ever",
            evidence=f"{without} of {keys} keys have no TTL{_where(window.sample)}",
            remedy="set a TTL where the application writes them, or use spec.defaultTTL for those "
            "prefixes; or an allkeys-* policy if every key may go",
            magnitude=float(without),
        )


def growing_keys_without_ttl(window: Window) -> Iterable[Finding]:
    """The number of keys without a TTL grows, and nothing will ever remove them."""
    for node in window.nodes:
        info, grown = node.info, node.unlimited
        if node.changes is None or info.is_replica or evicts_any(info):
            continue
        before = info.unlimited_keys - grown
        if grown < _LEAST_KEYS or grown < _GROWTH * before:
            continue
        hourly = 3600 * grown / node.seconds if node.seconds > 0 else 0.0
        yield Finding(
            id="GrowingKeysWithoutTTL",
            object=node.name,
            severity=Severity.WARNING,
            message="keys without a TTL become ever more",
            evidence=f"{grown} more in {node.seconds:.0f} s ({hourly:.0f} an hour) of "
            f"{before + grown}{_where(window.sample)}",
            remedy="set a TTL where the application writes them: that is where the fix belongs; "
            "spec.defaultTTL helps until then",
            magnitude=float(grown),
        )


def slowly_growing_keys_without_ttl(window: Window) -> Iterable[Finding]:
    """The same over a day or two, in what is used as a cache: a leak that no window shows."""
    found = window.growth
    infos = [node.info for node in window.nodes if not node.info.is_replica]
    if found is None or found.hours < _SLOW_HOURS or not infos or any(map(evicts_any, infos)):
        return
    keys, volatile = (sum(n) for n in zip(*((i.keys, i.volatile_keys) for i in infos), strict=True))
    is_cache = all(map(evicts, infos)) or volatile >= _USED_AS_CACHE * keys
    if not is_cache or found.keys < _LEAST_KEYS or found.keys < _SLOW_GROWTH * found.before:
        return
    if any(True for _ in growing_keys_without_ttl(window)):  # said already
        return
    most = ", ".join(f"{name} {number} more" for name, number in found.prefixes[:_SHOWN])
    yield Finding(
        id="GrowingKeysWithoutTTL",
        object="cache",
        severity=Severity.WARNING,
        message="keys without a TTL become ever more",
        evidence=f"{found.keys} more in {found.hours:.0f} hours, after {found.before}"
        + (f"; by a sample: {most}" if most else ""),
        remedy="set a TTL where the application writes them: that is where the fix belongs; "
        "spec.defaultTTL helps until then",
        magnitude=float(found.keys),
    )


def expired_backlog(window: Window) -> Iterable[Finding]:
    """Expired keys pile up faster than Redis removes them, and hold memory."""
    for node in window.nodes:
        stale = node.info.ratio("expired_stale_perc")
        capped = node.change("expired_time_cap_reached_count") > 0
        if node.info.is_replica or stale * node.info.volatile_keys < 100 * _LEAST_KEYS:
            continue
        if stale < _STALE_PERCENT or (stale < _STALE_MUCH and not capped):
            continue
        yield Finding(
            id="ExpiredBacklog",
            object=node.name,
            severity=Severity.WARNING,
            message="expired keys wait to be removed and still take memory",
            evidence=f"about {stale:.0f}% of the keys with a TTL have expired already",
            remedy="spread the TTLs (jitter), or raise active-expire-effort in spec.config",
            magnitude=max(stale, 1.0),
        )


def big_key(window: Window) -> Iterable[Finding]:
    """Keys so big that reading or deleting one holds up everybody."""
    big = sorted(
        (item for item in window.sample if item.size >= _BIG_BYTES),
        key=lambda item: item.size,
        reverse=True,
    )
    for item in big[:_SHOWN]:
        yield Finding(
            id="BigKey",
            object=printable(item.key),
            severity=Severity.WARNING if item.size >= _HUGE_BYTES else Severity.INFO,
            message="a key is so big that reading or deleting it makes other clients wait",
            evidence=f"{human(item.size)}, {item.type}",
            remedy="split it, read it in parts (HSCAN, SSCAN, GETRANGE), delete it with UNLINK",
            magnitude=float(item.size),
        )


def unsafe_policy(window: Window) -> Iterable[Finding]:
    """The policy in force evicts keys that must stay."""
    guard = Guard([*window.sample, *window.protected])
    for node in window.nodes:
        info = node.info
        if info.is_replica or info.policy in ("", NOEVICTION):
            continue
        refusal = guard.refuse(info.policy, [*window.acknowledged, "few TTLs"])
        if refusal is None:
            continue
        yield Finding(
            id="UnsafePolicy",
            object=node.name,
            severity=Severity.CRITICAL if evicts(info) else Severity.WARNING,
            message="the eviction policy in force may delete jobs, locks, sessions or tag sets",
            evidence=refusal.evidence,
            remedy=f"set maxmemory-policy to noeviction, or {refusal.remedy}",
        )


def _share_of_layouts(window: Window) -> float:
    """Of the sampled keys without a TTL: those that the guard protects. 0.0 without a sample."""
    without = [item for item in window.sample if item.ttl is None]
    kin = Kin([*window.sample, *window.protected])
    return sum(kin.layout_of(item) is not None for item in without) / max(len(without), 1)


def _where(sample: Sequence[SampledKey]) -> str:
    """The prefixes and types that have the most keys without a TTL."""
    without = Counter((prefix(i.key), i.type) for i in sample if i.ttl is None)
    shown = ", ".join(
        f"{printable(name)} ({kind}) {100 * number / len(sample):.0f}%"
        for (name, kind), number in without.most_common(_SHOWN)
    )
    return f"; by a sample: {shown}" if shown else ""
