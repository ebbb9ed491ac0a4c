"""What a sweep will cost, and when it must wait. Pure.

Measured: a TTL takes 40.5 bytes of memory a key, and 70 bytes of replication and of the AOF.
"""

from dataclasses import dataclass

from setpoint.cache.info import Info

MEMORY_PER_KEY = 40.5
REPLICATION_PER_KEY = 70

_FULL = 0.95
_EVICTABLE = 0.05
"""Share of maxmemory that an evicting cache may lose to the TTLs."""

_FORKS = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
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


def vitals(info: Info) -> Vitals:
    """From INFO; what is absent counts as calm."""
    offset = info.number("master_repl_offset")
    replicas = [entry for name, entry in info.entries("slave") if name.isdecimal()]
    online = [entry for entry in replicas if entry.get("state") == "online"]
    return Vitals(
        used=max(0, info.number("used_memory") - info.number("mem_not_counted_for_evict")),
        maxmemory=info.number("maxmemory"),
        policy=info.policy,
        is_forking=any(info.number(name) for name in _FORKS),
        is_syncing=len(online) < len(replicas),
        is_loading=bool(info.number("loading") or info.number("async_loading")),
        lag_bytes=max(
            (offset - _number(entry.get("offset"), offset) for entry in online), default=0
        ),
        lag_seconds=max((_number(entry.get("lag"), 0) for entry in online), default=0),
        backlog=info.number("repl_backlog_size") or 1 << 20,
    )


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


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
