"""Every rule, by INFO texts: when it finds, and when it must be silent."""

from typing import Any

import pytest

from setpoint.cache import rules
from setpoint.cache.layouts import SampledKey
from setpoint.cache.shares import without_ttl
from setpoint.cache.window import Command, Latency, from_info

GB = 1024**3
BASE = {
    "redis_version": "7.0.15", "run_id": "r1", "uptime_in_seconds": 90_000, "role": "master",
    "used_memory": GB // 2, "used_memory_rss": GB // 2, "maxmemory": GB, "maxmemory_policy":
    "allkeys-lru", "total_system_memory": 16 * GB, "keyspace_hits": 1000, "keyspace_misses": 100,
    "connected_clients": 10, "maxclients": 10_000, "mem_fragmentation_ratio": "1.05",
    "mem_fragmentation_bytes": 50_000_000, "rdb_last_bgsave_status": "ok",
    "db0": "keys=10000,expires=9000,avg_ttl=5",
}  # fmt: skip


def text(**changes: Any) -> str:
    return "# All\r\n" + "".join(f"{k}:{v}\r\n" for k, v in {**BASE, **changes}.items())


def found(after: dict[str, Any] | None = None, **options: Any) -> list[str]:
    before = options.pop("before", {})
    seen = from_info(text(**before), text(**(after or {})), 300, **options)
    return [finding.id for finding in rules.findings(seen)]


def test_a_healthy_cache_has_no_findings() -> None:
    assert found() == []
    assert found({"keyspace_hits": 9000, "keyspace_misses": 600}) == []


def test_an_empty_or_strange_info_has_none() -> None:
    for strange in ("", "gibberish", "redis_version:nan\nused_memory:-\ndb0:keys=x\nmaxmemory:"):
        assert rules.findings(from_info("", strange, 300)) == []


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("LowHitRate", {"keyspace_hits": 1500, "keyspace_misses": 600}, {}),
    ("OutOfMemoryRejections", {"errorstat_OOM": "count=5"}, {}),
    ("MemoryNearLimit", {"maxmemory": 0, "used_memory_rss": GB}, {"memory_limit": GB}),
    ("NoEvictionNearLimit", {"used_memory": int(0.85 * GB), "maxmemory_policy": "noeviction"}, {}),
    ("MaxmemoryUnset", {"maxmemory": 0}, {}),
    (
        "Fragmentation",
        {"mem_fragmentation_ratio": "1.9", "mem_fragmentation_bytes": 400_000_000},
        {},
    ),
    ("RejectedConnections", {"rejected_connections": 4}, {}),
    ("ClientsNearLimit", {"connected_clients": 8500}, {}),
    ("SlowCommands", {}, {"slow": [Command("KEYS", 250_000)]}),
    ("LatencyEvents", {}, {"latency": [Latency("fork", 400)]}),
    ("ReplicationLag", {"slave0": "ip=10.0.0.2,port=6379,state=online,offset=5,lag=30"}, {}),
    ("ReplicationLag", {"role": "slave", "master_link_status": "down"}, {}),
    ("PersistenceFailing", {"rdb_last_bgsave_status": "err"}, {}),
    (
        "KeysWithoutTTL",
        {"maxmemory_policy": "volatile-lru", "db0": "keys=10000,expires=100"},
        {"before": {"db0": "keys=10000,expires=100"}},
    ),
    (
        "GrowingKeysWithoutTTL",
        {"maxmemory_policy": "volatile-lru", "db0": "keys=12000,expires=9000"},
        {},
    ),
    ("ExpiredBacklog", {"expired_stale_perc": "30.5"}, {}),
    ("BigKey", {}, {"sampled": [SampledKey(b"blob", "string", 60.0, 50_000_000)]}),
    ("UnsafePolicy", {}, {"sampled": [SampledKey(b"queue:a", "list")]}),
    ("MissingPermission", {}, {"denied": ["config|get"]}),
    ("UnreachableNode", {}, {"unreachable": ["10.0.0.9:6379"]}),
]


@pytest.mark.parametrize(("name", "after", "options"), CASES)
def test_each_rule_finds_its_case_and_nothing_else(
    name: str, after: dict[str, Any], options: dict[str, Any]
) -> None:
    ids = set(found(after, **options))
    beside = {"MaxmemoryUnset"} if after.get("maxmemory") == 0 else set()
    assert ids == {name} | beside


def test_every_rule_has_a_case() -> None:
    # Evictions is below, and slow growth is in test_growth.py.
    assert len({name for name, _, _ in CASES}) == len(rules.RULES) - 2
    both = found(
        {"keyspace_hits": 1500, "keyspace_misses": 600, "evicted_keys": 900, "used_memory": GB}
    )
    assert both == ["LowHitRate", "Evictions"], "evictions are one only where look-ups miss"


@pytest.mark.parametrize(
    "after",
    [
        {"used_memory": GB, "evicted_keys": 5000, "keyspace_hits": 9000},
        {"keyspace_hits": 1040, "keyspace_misses": 150},
        {"used_memory": int(0.95 * GB), "maxmemory_policy": "volatile-lru"},
        {"db0": "keys=90000,expires=0"},
        {"run_id": "r2", "keyspace_misses": 99_999},
        {"keyspace_hits": 1, "keyspace_misses": 1},
        {"maxmemory_policy": "", "maxmemory": 0, "total_system_memory": 0},
        {"used_memory": int(0.99 * GB), "mem_not_counted_for_evict": int(0.3 * GB),
         "maxmemory_policy": "noeviction"},
        {"slave0": "ip=10.0.0.2,port=6379,state=online,offset=5,lag=1"},
        {"role": "slave", "master_link_status": "up", "master_last_io_seconds_ago": 1,
         "db0": "keys=99999,expires=1"},
    ],
    ids=["full but healthy", "too few look-ups", "volatile with TTLs", "allkeys without TTLs",
         "failover", "reset", "a service that says little", "replica buffers", "replica in time",
         "a replica's keys are its primary's"],
)  # fmt: skip
def test_what_is_no_finding(after: dict[str, Any]) -> None:
    assert found(after) == []


def test_a_cache_that_is_being_filled_is_not_judged() -> None:
    filling = {"uptime_in_seconds": 600, "keyspace_misses": 4100, "db0": "keys=13900,expires=12900"}
    assert found(filling, before={"uptime_in_seconds": 300}) == []


def test_arguments_and_keys_are_bounded() -> None:
    keys = [SampledKey(b"p%d:%d" % (n, n), "string", None, 10) for n in range(100_000)]
    assert len(without_ttl(keys)) == 100
    assert without_ttl([]) == []
