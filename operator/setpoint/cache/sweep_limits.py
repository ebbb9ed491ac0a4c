"""What a sweep will cost, and when it must wait. Pure.

Measured: a TTL takes 40.5 bytes of memory a key, and 70 bytes of replication and of the AOF.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEMORY_PER_KEY = 40.5
REPLICATION_PER_KEY = 70

_FULL = 0.95
_EVICTABLE = 0.05
"""Share of maxmemory that an evicting cache may lose to the TTLs."""

_LAG_SECONDS = 10
_BACKLOG_SHARE = 0.5


@dataclass(frozen=True)
class Vitals:
    """What INFO says of a server's burdens. Bytes and seconds."""

    used: int
    maxmemory: int
    policy: str
    is_forking: bool
    is_syncing: bool
    is_loading: bool
    lag_bytes: int
    lag_seconds: int
    backlog: int

    @property
    def is_store(self) -> bool:
        """A server that evicts nothing holds data, not a cache."""
        return self.policy in ("", "noeviction") or self.maxmemory == 0


def vitals(info: Mapping[str, Any]) -> Vitals:
    """From INFO as redis-py parses it; what is absent counts as calm."""
    offset = int(info.get("master_repl_offset", 0))
    replicas = [
        entry
        for name, entry in info.items()
        if name.startswith("slave") and name[5:].isdecimal() and isinstance(entry, Mapping)
    ]
    online = [entry for entry in replicas if entry.get("state") == "online"]
    return Vitals(
        used=max(
            0, int(info.get("used_memory", 0)) - int(info.get("mem_not_counted_for_evict", 0))
        ),
        maxmemory=int(info.get("maxmemory", 0)),
        policy=str(info.get("maxmemory_policy", "")),
        is_forking=any(
            info.get(name)
            for name in (
                "rdb_bgsave_in_progress",
                "aof_rewrite_in_progress",
                "aof_rewrite_scheduled",
            )
        ),
        is_syncing=len(online) < len(replicas),
        is_loading=bool(info.get("loading") or info.get("async_loading")),
        lag_bytes=max((offset - int(entry.get("offset", offset)) for entry in online), default=0),
        lag_seconds=max((int(entry.get("lag", 0)) for entry in online), default=0),
        backlog=int(info.get("repl_backlog_size", 1 << 20)),
    )


def forecast(keys: int) -> str:
    """What giving a TTL to so many keys costs, for people."""
    memory, replication = (
        f"{keys * size / 1_000_000:,.1f} MB" for size in (MEMORY_PER_KEY, REPLICATION_PER_KEY)
    )
    return f"{memory} of memory, {replication} of replication"


def brake(found: Vitals, keys: int) -> str:
    """Why a sweep that has `keys` left must wait now; empty if it may go on."""
    if found.is_loading:
        return "the server loads its data"
    if found.is_forking:
        return "the server saves its data in a forked process"
    if found.is_syncing:
        return "a replica is being synchronised"
    if found.lag_seconds >= _LAG_SECONDS or found.lag_bytes > found.backlog * _BACKLOG_SHARE:
        return "a replica lags behind"
    return _memory(found, keys)


def _memory(found: Vitals, keys: int) -> str:
    if found.maxmemory == 0:
        return ""
    needed = keys * MEMORY_PER_KEY
    if found.used + needed <= _FULL * found.maxmemory:
        return ""
    if found.is_store:
        return "the TTLs would fill the memory: writes would fail"
    if needed > _EVICTABLE * found.maxmemory:
        return "the TTLs would have the cache evict more than 5% of its keys"
    return ""
