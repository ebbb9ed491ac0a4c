"""What is done to a real server between two samples of INFO, and which findings follow from that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Drive = Callable[[Any], None]


@dataclass(frozen=True)
class Scenario:
    """`prepare` comes before the first sample, `drive` between the two."""

    why: str
    prepare: Drive
    drive: Drive
    expected: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    settings: Mapping[str, str] = field(default_factory=dict)


def many(client: Any, commands: list[tuple[Any, ...]]) -> None:
    """Send them in short pipelines, whose answers take little memory; errors of single commands are what some scenarios are about."""
    for start in range(0, len(commands), 50):
        pipeline = client.pipeline(transaction=False)
        for command in commands[start : start + 50]:
            pipeline.execute_command(*command)
        pipeline.execute(raise_on_error=False)


def _nothing(client: Any) -> None:
    client.ping()


def _some_keys(client: Any) -> None:
    many(client, [("SET", f"page:{n}", "x" * 50, "EX", 3_600) for n in range(500)])


def _reads(hits: int, misses: int) -> Drive:
    return lambda client: many(
        client,
        [("GET", f"page:{n % 500}") for n in range(hits)]
        + [("GET", f"absent:{n}") for n in range(misses)],
    )


def _fill(share: float, ttl: int | None) -> Drive:
    def fill(client: Any) -> None:
        limit = int(client.config_get("maxmemory")["maxmemory"]) * share
        life = () if ttl is None else ("EX", ttl)
        number = 0
        while int(client.info("memory")["used_memory"]) < limit - 12_000:
            many(client, [("SET", f"page:{number + n}", "x" * 900, *life) for n in range(20)])
            number += 20

    return fill


def _writes(count: int, ttl: int = 3_600) -> Drive:
    return lambda client: many(
        client, [("SET", f"new:{n}", "x" * 900, "EX", ttl) for n in range(count)]
    )


def _both(*drives: Drive) -> Drive:
    def drive(client: Any) -> None:
        for one in drives:
            one(client)

    return drive


def _reset(client: Any) -> None:
    client.config_resetstat()
    _reads(200, 0)(client)


def _lists(client: Any) -> None:
    many(client, [("LPUSH", "queue:default", f"job-{n}") for n in range(50)])
    many(client, [("SADD", "queues", "default"), ("SET", "stat:processed", "7")])
    _some_keys(client)


def _slow(client: Any) -> None:
    many(client, [("EVAL", "local n=0 for i=1,2e7 do n=n+i end return n", 0)] * 3)


def _limit(policy: str, size: str = "6mb") -> dict[str, str]:
    return {"maxmemory": size, "maxmemory_policy": policy}


_UNSET = frozenset({"MaxmemoryUnset"})
_NO_TTL = frozenset({"KeysWithoutTTL", "GrowingKeysWithoutTTL"})
_NEAR = frozenset({"MemoryNearLimit"})
_FULL = frozenset({"NoEvictionNearLimit", "MemoryNearLimit"})

SCENARIOS: dict[str, Scenario] = {
    "cold-start": Scenario("An empty server that nobody used yet.", _nothing, _nothing, settings=_limit("allkeys-lru", "64mb")),
    "no-traffic": Scenario("Keys, but no reader: a rate of 0/0 is no rate.", _some_keys, _nothing, settings=_limit("allkeys-lru", "64mb")),
    "no-maxmemory": Scenario("No limit is set.", _some_keys, _reads(9_000, 100), _UNSET),
    "no-maxmemory-low-hits": Scenario("No limit, and 40 % of 10,000 reads hit.", _some_keys, _reads(4_000, 6_000), _UNSET | {"LowHitRate"}),
    "reset-stat": Scenario("RESETSTAT between the samples; the few reads after it all hit.", _both(_some_keys, _reads(1_000, 9_000)), _reset, settings=_limit("allkeys-lru", "64mb")),
    "lifetime-bad-window-good": Scenario("Bad since the start, good in the window.", _both(_some_keys, _reads(500, 9_000)), _reads(9_900, 100), settings=_limit("allkeys-lru", "64mb")),
    "lifetime-good-window-bad": Scenario("Good since the start, bad in the window.", _both(_some_keys, _reads(20_000, 0)), _reads(3_000, 7_000), frozenset({"LowHitRate"}), settings=_limit("allkeys-lru", "64mb")),
    "full-allkeys-quiet": Scenario("A full cache that nobody writes to: healthy.", _fill(0.96, 3_600), _reads(9_900, 50), settings=_limit("allkeys-lru")),
    "full-allkeys-few-evictions": Scenario("A full cache takes a few writes and evicts for them; nearly all reads hit: healthy.", _fill(0.99, 3_600), _both(_reads(9_900, 50), _writes(20)), allowed=frozenset({"Evictions"}), settings=_limit("allkeys-lru")),
    "thrashing": Scenario("Most writes evict, most reads miss.", _fill(0.99, 3_600), _both(_writes(6_000), _reads(0, 6_000)), frozenset({"Evictions", "LowHitRate"}), _NEAR, _limit("allkeys-lru")),
    "thrashing-lfu": Scenario("The same under LFU.", _fill(0.99, 3_600), _both(_writes(6_000), _reads(0, 6_000)), frozenset({"Evictions", "LowHitRate"}), _NEAR, _limit("allkeys-lfu")),
    "noeviction-80": Scenario("A store at 84 % that refuses writes when full.", _fill(0.84, None), _reads(5_000, 0), frozenset({"NoEvictionNearLimit"}), _NO_TTL | _NEAR, _limit("noeviction")),
    "noeviction-97": Scenario("The same at 97 %.", _fill(0.97, None), _reads(5_000, 0), frozenset({"NoEvictionNearLimit"}), _NO_TTL | _NEAR, _limit("noeviction")),
    "noeviction-half": Scenario("A store at 55 %.", _fill(0.55, 3_600), _reads(5_000, 0), settings=_limit("noeviction")),
    "oom-rejections": Scenario("Writes are refused for want of memory.", _fill(0.995, None), _writes(2_000), frozenset({"OutOfMemoryRejections", "NoEvictionNearLimit"}), _NO_TTL | _NEAR, _limit("noeviction")),
    "oom-volatile-without-ttl": Scenario("volatile-lru with nothing to evict refuses writes.", _fill(0.995, None), lambda client: many(client, [("SET", f"n:{n}", "x" * 900) for n in range(500)]), frozenset({"OutOfMemoryRejections"}), _NO_TTL | _FULL | {"UnsafePolicy", "Evictions"}, _limit("volatile-lru")),
    "rejected-connections": Scenario("More clients than maxclients.", _some_keys, lambda client: connect(client, 12), frozenset({"RejectedConnections"}), frozenset({"ClientsNearLimit"}), {**_limit("allkeys-lru", "64mb"), "maxclients": "8"}),
    "keys-without-ttl": Scenario("Nothing has a TTL in a cache.", lambda client: many(client, [("SET", f"k:{n}", "x" * 50) for n in range(5_000)]), _nothing, frozenset({"KeysWithoutTTL"}), frozenset({"GrowingKeysWithoutTTL"}), _limit("allkeys-lru", "64mb")),
    "growing-without-ttl": Scenario("Keys without a TTL double.", lambda client: many(client, [("SET", f"k:{n}", "x" * 50) for n in range(5_000)]), lambda client: many(client, [("SET", f"m:{n}", "x" * 50) for n in range(6_000)]), frozenset({"KeysWithoutTTL", "GrowingKeysWithoutTTL"}), settings=_limit("allkeys-lru", "64mb")),
    "tiny-fragmented": Scenario("RSS is many times the tiny dataset: no problem.", _nothing, _nothing, settings=_limit("allkeys-lru", "512mb")),
    "bgsave-fails": Scenario("The directory of the snapshot cannot be written.", _some_keys, lambda client: many(client, [("SAVE",), ("BGSAVE",)]), frozenset({"PersistenceFailing"}), settings={**_limit("noeviction", "64mb"), "dbfilename": "missing.rdb"}),
    "slow-commands": Scenario("Commands of 200 ms.", _some_keys, _slow, allowed=frozenset({"SlowCommands", "LatencyEvents"}), settings=_limit("allkeys-lru", "64mb")),
    "queues-under-lru": Scenario("Jobs under an evicting policy; INFO alone does not show it.", _lists, _reads(5_000, 50), allowed=frozenset({"UnsafePolicy"}), settings=_limit("allkeys-lru", "64mb")),
}  # fmt: skip

for _policy in ("allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl"):
    for _hits in (9_800, 9_300):
        SCENARIOS[f"healthy-{_policy}-{_hits}"] = Scenario(
            f"{_hits} of 10,000 reads hit.", _some_keys, _reads(_hits, 10_000 - _hits), settings=_limit(_policy, "64mb")
        )  # fmt: skip
    SCENARIOS[f"misses-{_policy}"] = Scenario(
        "Half of 10,000 reads miss.", _some_keys, _reads(5_000, 5_000), frozenset({"LowHitRate"}), settings=_limit(_policy, "64mb")
    )  # fmt: skip
for _few in (3, 10):
    SCENARIOS[f"too-few-lookups-{_few}"] = Scenario(
        "Too few reads to say anything.", _some_keys, _reads(_few // 3, _few - _few // 3), settings=_limit("allkeys-lru", "64mb")
    )  # fmt: skip


def connect(client: Any, count: int) -> None:
    """Open that many connections at once; some are refused."""
    pool = client.connection_pool
    connections = [pool.make_connection() for _ in range(count)]
    for connection in connections:
        try:
            connection.connect()
        except Exception:  # noqa: BLE001, S112  refused: what the scenario is about
            continue
    for connection in connections:
        connection.disconnect()
