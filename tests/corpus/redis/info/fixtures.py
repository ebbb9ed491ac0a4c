"""Labelled pairs of INFO: captured ones, and ones made from these by editing fields."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.corpus.redis.info.scenarios import SCENARIOS
from tests.corpus.redis.info.states import STATES

_CAPTURED = Path(__file__).parent / "captured"

FINDINGS = frozenset({
    "LowHitRate", "MemoryNearLimit", "Evictions", "OutOfMemoryRejections", "Fragmentation",
    "RejectedConnections", "ClientsNearLimit", "SlowCommands", "LatencyEvents", "ReplicationLag",
    "PersistenceFailing", "KeysWithoutTTL", "GrowingKeysWithoutTTL", "BigKey", "MissingPermission",
    "UnsafePolicy", "MaxmemoryUnset", "NoEvictionNearLimit", "ExpiredBacklog", "UnreachableNode",
})  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What a look reads besides INFO: keys as (name, type, TTL, bytes), slow commands as (name,
    microseconds), events as (name, milliseconds), and the container's limit in bytes, if known."""

    sampled: Sequence[tuple[bytes, str, float | None, int]] = ()
    slow: Sequence[tuple[str, int]] = ()
    latency: Sequence[tuple[str, int]] = ()
    denied: Sequence[str] = ()
    unreachable: Sequence[str] = ()
    memory_limit: int | None = None


@dataclass(frozen=True)
class Fixture:
    """Two texts of INFO, `seconds` apart, and CONFIG's values, or None where CONFIG is refused.

    `expected` findings must follow; `allowed` ones may; any other is wrong.
    """

    name: str
    before: str
    after: str
    seconds: float
    config: Mapping[str, str] | None
    expected: frozenset[str]
    allowed: frozenset[str]
    why: str
    captured: bool
    seen: Seen = field(default_factory=Seen)


@dataclass(frozen=True)
class Score:
    """Counts over all fixtures; an allowed finding counts neither way."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Of the findings reported: the share that is right; 1 if there is none."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Of the findings expected: the share that was reported; 1 if there is none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def score(find: Callable[[Fixture], Iterable[str]], on: Sequence[Fixture] | None = None) -> Score:
    """What `find` reports for every fixture, against the labels."""
    right = wrong = missed = 0
    for fixture in fixtures() if on is None else on:
        found = frozenset(find(fixture))
        right += len(found & fixture.expected)
        wrong += len(found - fixture.expected - fixture.allowed)
        missed += len(fixture.expected - found)
    return Score(right, wrong, missed)


@cache
def fixtures() -> Sequence[Fixture]:
    """All of them, always in the same order."""
    captured = [_read(path) for path in sorted(_CAPTURED.glob("*.txt"))]
    return (*captured, *_edited({fixture.name: fixture for fixture in captured}))


def _read(path: Path) -> Fixture:
    head, rest = path.read_text(encoding="utf-8").split("=== before\n")
    before, after = rest.split("=== after\n")
    seconds, config, *seen = head.splitlines()
    scenario = {**SCENARIOS, **STATES}[path.stem.split("-", 1)[1]]
    return Fixture(
        path.stem, before, after, float(seconds.removeprefix("seconds ")),
        json.loads(config.removeprefix("config ")),
        scenario.expected, scenario.allowed, scenario.why, captured=True,
        seen=_seen(json.loads(seen[0].removeprefix("seen "))) if seen else Seen(),
    )  # fmt: skip


def _seen(found: Mapping[str, Any]) -> Seen:
    return Seen(
        [(name.encode("latin-1"), kind, ttl, size) for name, kind, ttl, size in found["sampled"]],
        [tuple(entry) for entry in found["slow"]],
        [tuple(entry) for entry in found["latency"]],
        found["denied"],
        found["unreachable"],
        found["memory_limit"],
    )


@dataclass(frozen=True)
class _Edit:
    """`fields` in the second sample, `both` in both; None removes the line."""

    why: str
    base: str
    both: Mapping[str, object] = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=dict)
    expected: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    config: bool = True


def _set(text: str, fields: Mapping[str, object]) -> str:
    for name, value in fields.items():
        line = "" if value is None else f"{name}:{value}\n"
        text, count = re.subn(
            rf"^{re.escape(name)}:.*\n", line.replace("\\", r"\\"), text, flags=re.MULTILINE
        )
        if not count:
            text += line
    return text


def _edited(captured: Mapping[str, Fixture]) -> Iterable[Fixture]:
    for version in ("6.2", "7.0", "8.2"):
        for name, edit in _EDITS.items():
            base = captured[f"{version}-{edit.base}"]
            before = _set(base.before, edit.both)
            yield replace(
                base, name=f"{version}-edited-{name}", before=before,
                after=_set(base.after, {**edit.both, **edit.fields}),
                config=base.config if edit.config else None,
                expected=edit.expected, allowed=edit.allowed, why=edit.why, captured=False,
            )  # fmt: skip


_GOOD = "healthy-allkeys-lru-9800"
_GIB = 2**30
_REPLICA = {"role": "slave", "master_host": "10.0.0.7", "master_port": 6379}
_UP = {
    **_REPLICA,
    "master_link_status": "up",
    "master_last_io_seconds_ago": 1,
    "master_sync_in_progress": 0,
}
_BIG = {
    "used_memory": 4 * _GIB, "used_memory_dataset": 4 * _GIB - 10**7, "maxmemory": 16 * _GIB,
    "used_memory_rss": int(4.2 * _GIB), "used_memory_peak": 4 * _GIB, "mem_fragmentation_ratio": 1.05,
    "allocator_allocated": 4 * _GIB, "allocator_active": int(4.05 * _GIB),
    "allocator_resident": int(4.1 * _GIB), "allocator_frag_ratio": 1.01, "allocator_frag_bytes": _GIB // 20,
}  # fmt: skip
_SECTIONS = {
    "keyspace_hits": None,
    "keyspace_misses": None,
    "expired_keys": None,
    "evicted_keys": None,
}

_EDITS: dict[str, _Edit] = {
    "failover": _Edit("Another server answers: nothing can be said of the window.", "misses-allkeys-lru", {}, {"run_id": "f" * 40, "uptime_in_seconds": 1, "keyspace_hits": 5, "keyspace_misses": 90}),
    "restart-same-id": _Edit("The uptime went down.", "misses-allkeys-lru", {"uptime_in_seconds": 9_000}, {"uptime_in_seconds": 2, "keyspace_hits": 3, "keyspace_misses": 40}),
    "counter-down": _Edit("One counter went down: reset in between.", "thrashing", {"evicted_keys": 90_000}, {"evicted_keys": 3}, allowed=frozenset({"MemoryNearLimit"})),
    "quiet-replica": _Edit("Nobody reads from this replica.", "no-traffic", _UP),
    "busy-replica": _Edit("A replica that is read and keeps up.", _GOOD, _UP),
    "link-down": _Edit("The replica lost its primary.", _GOOD, {**_UP, "master_link_status": "down", "master_last_io_seconds_ago": -1, "master_link_down_since_seconds": 400}, {}, frozenset({"ReplicationLag"})),
    "replica-behind": _Edit("A replica is 80 MB and 45 s behind.", _GOOD, {"connected_slaves": 1, "master_repl_offset": 100_000_000, "slave0": "ip=10.0.0.8,port=6379,state=online,offset=20000000,lag=45"}, {}, frozenset({"ReplicationLag"})),
    "replica-keeps-up": _Edit("A replica without lag.", _GOOD, {"connected_slaves": 1, "master_repl_offset": 100_000_000, "slave0": "ip=10.0.0.8,port=6379,state=online,offset=99999990,lag=0"}),
    "aof-write-error": _Edit("The AOF cannot be written.", _GOOD, {"aof_enabled": 1, "aof_last_write_status": "err"}, {}, frozenset({"PersistenceFailing"})),
    "rdb-error": _Edit("The last snapshot failed.", _GOOD, {"rdb_last_bgsave_status": "err", "rdb_changes_since_last_save": 90_000}, {}, frozenset({"PersistenceFailing"})),
    "fragmented-large": _Edit("4 GiB of data take 8.5 GiB.", _GOOD, {**_BIG, "used_memory_rss": int(8.5 * _GIB), "mem_fragmentation_ratio": 2.12, "mem_fragmentation_bytes": int(4.5 * _GIB), "allocator_active": int(8.2 * _GIB), "allocator_resident": int(8.4 * _GIB), "allocator_frag_ratio": 2.05, "allocator_frag_bytes": int(4.2 * _GIB)}, {}, frozenset({"Fragmentation"})),
    "large-compact": _Edit("4 GiB without fragmentation.", _GOOD, _BIG),
    "fragmentation-ratio-of-a-tiny-set": _Edit("A ratio of 9 on a megabyte is the program itself.", _GOOD, {"mem_fragmentation_ratio": "9.31"}),
    "clients-near-limit": _Edit("9,700 of 10,000 clients.", _GOOD, {"connected_clients": 9_700, "maxclients": 10_000}, {}, frozenset({"ClientsNearLimit"})),
    "rejected": _Edit("400 connections were refused in the window.", _GOOD, {"rejected_connections": 10}, {"rejected_connections": 410}, frozenset({"RejectedConnections"}), frozenset({"ClientsNearLimit"})),
    "rejected-long-ago": _Edit("Refusals lie before the window.", _GOOD, {"rejected_connections": 410}),
    "evicted-long-ago": _Edit("Evictions lie before the window.", _GOOD, {"evicted_keys": 9_000_000}),
    "huge-counters": _Edit("Counters beyond 2^63 and good hits.", _GOOD, {"total_net_output_bytes": 2**64 - 1}, {}),
    "no-stats": _Edit("A proxy leaves the counters out.", _GOOD, _SECTIONS),
    "no-config-and-no-policy": _Edit("Redis Enterprise names no policy.", _GOOD, {"maxmemory_policy": "", "redis_mode": "enterprise"}, config=False, allowed=frozenset({"MissingPermission"})),
    "elasticache": _Edit("CONFIG is refused; INFO has policy and limit.", _GOOD, {"os": "Amazon ElastiCache"}, config=False, allowed=frozenset({"MissingPermission"})),
    "dragonfly": _Edit("Dragonfly's cache mode; fields are missing.", _GOOD, {"redis_version": "7.4.0", "dragonfly_version": "df-v1.25.0", "maxmemory_policy": "eviction", "mem_fragmentation_ratio": None, "allocator_frag_ratio": None, "used_memory_dataset": None, "mem_not_counted_for_evict": None}, allowed=frozenset({"MissingPermission"})),
    "valkey": _Edit("Valkey says who it is.", _GOOD, {"server_name": "valkey", "valkey_version": "8.1.0", "redis_version": "7.2.4"}),
    "keydb": _Edit("KeyDB has its own fields.", _GOOD, {"redis_version": "6.3.4", "server_threads": 4, "storage_provider": "none"}),
    "decimal-comma": _Edit("A ratio with a comma, an uptime below zero.", _GOOD, {"mem_fragmentation_ratio": "1,05", "rss_overhead_bytes": -741_376}),
    "unlimited-in-a-container": _Edit("No limit, and the host's memory says nothing of the container's.", "no-maxmemory", {"total_system_memory": 128 * _GIB}, {}, frozenset({"MaxmemoryUnset"})),
    "buffers-not-counted": _Edit("96 % used, but half of it is replica buffers.", "noeviction-half", {"used_memory": 6_040_000, "mem_not_counted_for_evict": 2_900_000}, {}, allowed=frozenset({"MemoryNearLimit"})),
    "expired-backlog": _Edit("Half of the keys are expired and still there.", _GOOD, {"expired_stale_perc": "52.40"}, {"expired_time_cap_reached_count": 900}, frozenset({"ExpiredBacklog"})),
    "stale-a-little": _Edit("The usual share of expired keys.", _GOOD, {"expired_stale_perc": "1.20"}),
    "loading": _Edit("It loads its snapshot and has no keys yet.", "cold-start", {"loading": 1, "loading_loaded_perc": "12.00"}),
    "dragonfly-full": _Edit("Dragonfly's cache mode evicts any key: full and without a TTL is healthy.", "noeviction-97", {"redis_version": "7.4.0", "dragonfly_version": "df-v1.25.0", "maxmemory_policy": "eviction", "mem_fragmentation_ratio": None, "mem_not_counted_for_evict": None}, allowed=frozenset({"MissingPermission"})),
    "dragonfly-store-full": _Edit("Dragonfly without cache mode refuses writes when full.", "noeviction-97", {"redis_version": "7.4.0", "dragonfly_version": "df-v1.25.0", "mem_fragmentation_ratio": None, "mem_not_counted_for_evict": None}, {}, frozenset({"NoEvictionNearLimit"}), frozenset({"MissingPermission", "MemoryNearLimit", "KeysWithoutTTL", "GrowingKeysWithoutTTL"})),
    "append-only-file-off": _Edit("A rewrite failed once; the append-only file has been turned off since.", _GOOD, {"aof_enabled": 0, "aof_last_bgrewrite_status": "err", "aof_last_write_status": "err"}),
    "rewrite-error": _Edit("The append-only file cannot be rewritten.", _GOOD, {"aof_enabled": 1, "aof_last_bgrewrite_status": "err"}, {}, frozenset({"PersistenceFailing"})),
    "fields-expire": _Edit("Hashes whose fields have TTLs go by themselves.", _GOOD, {"maxmemory_policy": "noeviction", "db0": "keys=5000,expires=400,avg_ttl=3598105,subexpiry=4500"}),
    "fields-expire-volatile": _Edit("volatile-lru does not evict hashes whose fields have TTLs.", _GOOD, {"maxmemory_policy": "volatile-lru", "db0": "keys=5000,expires=400,avg_ttl=3598105,subexpiry=4500"}, {}, frozenset({"KeysWithoutTTL"})),
    "fields-expire-more": _Edit("Ever more hashes whose fields have TTLs.", _GOOD, {"maxmemory_policy": "noeviction", "db0": "keys=5000,expires=400,avg_ttl=3598105,subexpiry=4500"}, {"db0": "keys=9000,expires=400,avg_ttl=3598105,subexpiry=8500"}),
    "stale-few": _Edit("Nine of fifteen keys with a TTL are expired: nothing that takes memory.", _GOOD, {"expired_stale_perc": "60.00", "db0": "keys=515,expires=15,avg_ttl=100"}),
    "chained-replica-behind": _Edit("A replica of this replica has not answered for a minute.", _GOOD, {**_UP, "connected_slaves": 1, "master_repl_offset": 1_000_000, "slave0": "ip=10.0.0.9,port=6379,state=online,offset=900000,lag=61"}, {}, frozenset({"ReplicationLag"})),
    "valkey-copies-on-two-channels": _Edit("A new replica of Valkey copies everything; its second connection counts as one, too.", _GOOD, {"server_name": "valkey", "valkey_version": "8.1.0", "redis_version": "7.2.4", "connected_slaves": 2, "master_repl_offset": 1_000_000, "slave0": "ip=10.0.0.9,port=6379,state=bg_transfer,offset=0,lag=0,type=main-channel", "slave1": "ip=10.0.0.9,port=6379,state=send_bulk,offset=0,lag=0,type=rdb-channel"}),
    "replica-copies": _Edit("A new replica waits for its copy.", _GOOD, {"connected_slaves": 1, "master_repl_offset": 9_000_000, "slave0": "ip=10.0.0.9,port=6379,state=wait_bgsave,offset=0,lag=0"}),
    "replica-says-nonsense": _Edit("A proxy tells no numbers of its replicas.", _GOOD, {"connected_slaves": 1, "slave0": "ip=,port=?,state=online,offset=?,lag=?"}),
    "keydb-active-replica": _Edit("KeyDB's active replicas take writes.", _GOOD, {"redis_version": "6.3.4", "server_threads": 4, "role": "active-replica", "master_link_status": "up", "master_last_io_seconds_ago": 1}),
    "keydb-active-replica-alone": _Edit("An active replica of KeyDB lost its peer.", _GOOD, {"redis_version": "6.3.4", "server_threads": 4, "role": "active-replica", "master_host": "10.0.0.7", "master_port": 6379, "master_link_status": "down", "master_last_io_seconds_ago": -1, "master_link_down_since_seconds": 300, "master_sync_in_progress": 0}, {}, frozenset({"ReplicationLag"})),
    "enterprise": _Edit("Redis Enterprise limits memory elsewhere: 0, and no policy.", _GOOD, {"redis_mode": "standalone", "maxmemory": 0, "maxmemory_policy": "", "mem_fragmentation_ratio": None, "used_memory_rss": None, "total_system_memory": None, "rdb_last_bgsave_status": "ok"}, config=False, allowed=frozenset({"MissingPermission"})),
    "lazy-free": _Edit("Objects wait to be freed in the background.", _GOOD, {"lazyfree_pending_objects": 800_000}),
    "evicted-clients-and-scripts": _Edit("Clients and scripts were evicted, no keys.", _GOOD, {}, {"evicted_clients": 40, "evicted_scripts": 900}),
    "long-snapshot": _Edit("A snapshot has run for an hour.", _GOOD, {"rdb_bgsave_in_progress": 1, "rdb_current_bgsave_time_sec": 3_600}),
    "many-errors": _Edit("Wrong types and unknown commands.", _GOOD, {}, {"errorstat_WRONGTYPE": "count=4000", "errorstat_ERR": "count=900", "total_error_replies": 4_900}),
}  # fmt: skip
