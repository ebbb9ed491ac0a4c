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
    looks: bool = False
    """Whether more than INFO is captured: what our own look reads of keys, logs and servers."""
    rights: str = ""
    """What the user that looks may do, as ACL SETUSER has it; empty for the default user."""
    replica: Mapping[str, str] | None = None
    """Settings of a replica that runs beside it."""
    limit_share: float = 0.0
    """The container's limit, so that this share of it is resident."""


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


def _reads_slowly(client: Any) -> None:
    many(client, [("EVAL", "local n=0 for i=1,3e7 do n=n+i end return n", 0)] * 2)


def _without_ttl(name: str, count: int) -> Drive:
    return lambda client: many(client, [("SET", f"{name}:{n}", "x" * 50) for n in range(count)])


def _big(client: Any) -> None:
    many(client, [("SET", "report:all", "x" * 9_000_000, "EX", 3_600)])
    many(client, [("HSET", "index:all", f"field-{n}", "x" * 1_000) for n in range(8_000)])
    _some_keys(client)


def _held(count: int) -> Drive:
    def hold(client: Any) -> None:
        client.held = [client.connection_pool.make_connection() for _ in range(count)]
        for connection in client.held:
            connection.connect()

    return hold


def _locks(client: Any) -> None:
    many(client, [("SET", f"lock:order:{n}", "f3a0" * 8, "EX", 30) for n in range(20)])
    _some_keys(client)


def _sessions(client: Any) -> None:
    many(client, [("SET", f"sess:{n:032x}", "{}", "EX", 1_800) for n in range(50)])
    _some_keys(client)


def _recomputations(client: Any) -> None:
    many(client, [("SET", f"cache:lock:page:{n}", "1", "EX", 10) for n in range(20)])
    _some_keys(client)


def _alone(client: Any) -> None:
    client.execute_command("REPLICAOF", "127.0.0.1", "1")


_ALL_RIGHTS = "~* +@all"
_FEW_RIGHTS = "~* +info +client|setname +select +scan +randomkey +type +pttl +memory|usage"


def _limit(policy: str, size: str = "6mb") -> dict[str, str]:
    return {"maxmemory": size, "maxmemory_policy": policy}


_UNSET = frozenset({"MaxmemoryUnset"})
_NO_TTL = frozenset({"KeysWithoutTTL", "GrowingKeysWithoutTTL"})
_WEIGHTY = frozenset({"SlowCommands", "Fragmentation"})
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
    "keys-without-ttl": Scenario("Nothing has a TTL, and allkeys-lru evicts any key: healthy.", _without_ttl("k", 5_000), _nothing, settings=_limit("allkeys-lru", "64mb")),
    "growing-without-ttl": Scenario("Keys without a TTL double, and allkeys-lru evicts any key: healthy.", _without_ttl("k", 5_000), _without_ttl("m", 6_000), settings=_limit("allkeys-lru", "64mb")),
    "keys-without-ttl-volatile": Scenario("volatile-lru may evict nothing: no key has a TTL.", _without_ttl("k", 5_000), _nothing, frozenset({"KeysWithoutTTL"}), settings=_limit("volatile-lru", "64mb"), looks=True),
    "growing-without-ttl-volatile": Scenario("Keys without a TTL double, and volatile-lru evicts none of them.", _without_ttl("k", 5_000), _without_ttl("m", 6_000), frozenset({"KeysWithoutTTL", "GrowingKeysWithoutTTL"}), settings=_limit("volatile-lru", "64mb"), looks=True),
    "growing-without-ttl-store": Scenario("A cache with noeviction, half of it without a TTL, grows.", _both(_some_keys, _without_ttl("k", 2_000)), _without_ttl("m", 2_000), frozenset({"KeysWithoutTTL", "GrowingKeysWithoutTTL"}), settings=_limit("noeviction", "64mb")),
    "big-keys": Scenario("A string of 9 MB and a hash of 8 MB.", _big, _reads(5_000, 50), frozenset({"BigKey"}), _WEIGHTY, settings=_limit("allkeys-lru", "64mb"), looks=True),
    "middling-keys": Scenario("Strings of 1 MB are not big.", lambda client: many(client, [("SET", f"page:{n}", "x" * 1_000_000, "EX", 3_600) for n in range(20)]), _nothing, allowed=_WEIGHTY, settings=_limit("allkeys-lru", "64mb"), looks=True),
    "few-rights": Scenario("The user may not read settings and logs.", _some_keys, _reads(5_000, 50), frozenset({"MissingPermission"}), settings=_limit("allkeys-lru", "64mb"), looks=True, rights=_FEW_RIGHTS),
    "all-rights": Scenario("The user may do everything.", _some_keys, _reads(5_000, 50), settings=_limit("allkeys-lru", "64mb"), looks=True, rights=_ALL_RIGHTS),
    "replica-out-of-reach": Scenario("The replica gives an address where nobody listens.", _some_keys, _reads(5_000, 50), frozenset({"UnreachableNode"}), settings=_limit("allkeys-lru", "64mb"), looks=True, replica={"replica_announce_port": "1"}),
    "replica-in-reach": Scenario("The replica keeps up.", _some_keys, _reads(5_000, 50), settings=_limit("allkeys-lru", "64mb"), looks=True, replica={}),
    "stalls": Scenario("Scripts of 300 ms, noted by the slow log and by LATENCY.", _some_keys, _reads_slowly, frozenset({"SlowCommands", "LatencyEvents"}), settings={**_limit("allkeys-lru", "64mb"), "latency_monitor_threshold": "50"}, looks=True),
    "no-stalls": Scenario("Nothing is slow.", _some_keys, _reads(5_000, 50), settings={**_limit("allkeys-lru", "64mb"), "latency_monitor_threshold": "100"}, looks=True),
    "queues-under-lru-seen": Scenario("Jobs under an evicting policy.", _lists, _reads(5_000, 50), frozenset({"UnsafePolicy"}), settings=_limit("allkeys-lru", "64mb"), looks=True),
    "queues-under-noeviction-seen": Scenario("Jobs where nothing is evicted.", _lists, _reads(5_000, 50), settings=_limit("noeviction", "64mb"), looks=True),
    "locks-under-volatile-seen": Scenario("Locks with a TTL, which volatile-lru may evict.", _locks, _reads(5_000, 50), frozenset({"UnsafePolicy"}), settings=_limit("volatile-lru", "64mb"), looks=True),
    "sessions-under-lfu-seen": Scenario("Sessions under allkeys-lfu.", _sessions, _reads(5_000, 50), frozenset({"UnsafePolicy"}), settings=_limit("allkeys-lfu", "64mb"), looks=True),
    "recomputations-under-lru-seen": Scenario("Locks of a cache's own, which may go with it.", _recomputations, _reads(5_000, 50), settings=_limit("allkeys-lru", "64mb"), looks=True),
    "volatile-near-limit": Scenario("volatile-lru at 90 %, where no key has a TTL.", _fill(0.9, None), _reads(5_000, 0), frozenset({"MemoryNearLimit", "KeysWithoutTTL"}), settings=_limit("volatile-lru")),
    "volatile-full-with-ttls": Scenario("volatile-lru at 95 %, where every key has a TTL: healthy.", _fill(0.95, 3_600), _reads(5_000, 0), settings=_limit("volatile-lru")),
    "container-nearly-full": Scenario("No maxmemory, and 93 % of the container's limit is resident.", _some_keys, _reads(5_000, 50), frozenset({"MaxmemoryUnset", "MemoryNearLimit"}), looks=True, limit_share=0.93),
    "container-half-full": Scenario("No maxmemory, and half of the container's limit is resident.", _some_keys, _reads(5_000, 50), _UNSET, looks=True, limit_share=0.5),
    "container-near-limit-under-maxmemory": Scenario("maxmemory is far, but 95 % of the container's limit is resident.", _some_keys, _reads(5_000, 50), _NEAR, settings=_limit("allkeys-lru", "64mb"), looks=True, limit_share=0.95),
    "clients-near-limit": Scenario("17 of 20 clients.", _some_keys, _both(_reads(5_000, 50), _held(15)), frozenset({"ClientsNearLimit"}), settings={**_limit("allkeys-lru", "64mb"), "maxclients": "20"}),
    "primary-gone": Scenario("A replica whose primary is not there.", _both(_some_keys, _alone), _reads(5_000, 50), frozenset({"ReplicationLag"}), settings=_limit("allkeys-lru", "64mb")),
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
