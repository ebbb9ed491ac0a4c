"""Memory against what limits it. Pure."""

from dataclasses import dataclass

from setpoint.cache.info import Info

NOEVICTION = "noeviction"
MAXMEMORY, CONTAINER, MACHINE = "maxmemory", "spec.redis.memoryLimit", "machine (maxmemory is 0)"


@dataclass(frozen=True)
class Usage:
    """Memory in percent of what it is measured against; None where nothing limits it."""

    percent: float | None
    limit: str
    is_certain: bool
    used: int = 0
    total: int = 0


def usage(info: Info, memory_limit: int | None = None) -> Usage:
    """Against maxmemory, else the container's limit, else the machine's: Redis cannot tell a
    container's.

    Against maxmemory, what eviction does not count (replica and AOF buffers) is taken off, as
    Redis itself does. Containers and machines count what is resident.
    """
    used = info.number("used_memory")
    maxmemory = info.number("maxmemory")
    if maxmemory > 0:
        counted = max(0, used - info.number("mem_not_counted_for_evict"))
        return Usage(100 * counted / maxmemory, MAXMEMORY, is_certain=True, used=counted,
                     total=maxmemory)  # fmt: skip
    resident = max(used, info.number("used_memory_rss"))
    if memory_limit:
        return Usage(100 * resident / memory_limit, CONTAINER, is_certain=True, used=resident,
                     total=memory_limit)  # fmt: skip
    machine = info.number("total_system_memory")
    if machine > 0 and info.has("used_memory"):
        return Usage(100 * resident / machine, MACHINE, is_certain=False, used=resident,
                     total=machine)  # fmt: skip
    return Usage(None, "unknown", is_certain=False, used=used)


def evicts(info: Info) -> bool:
    """Whether it makes room by itself: a policy that evicts, and a limit to evict at."""
    return info.number("maxmemory") > 0 and info.policy not in ("", NOEVICTION)


def evicts_any(info: Info) -> bool:
    """With an allkeys-* policy and a limit, a full cache is how it should be; so it is in
    Dragonfly's cache mode, whose policy is called eviction."""
    return evicts(info) and (info.policy.startswith("allkeys-") or info.policy == "eviction")


def human(size: float) -> str:
    """Bytes as people say them: 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
