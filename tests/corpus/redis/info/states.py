"""More of what a server may be in, by somebody who did not know the rules: see `scenarios`."""

import time
from typing import Any

from tests.corpus.redis.info.scenarios import (
    Drive,
    Scenario,
    _both,
    _fill,
    _held,
    _limit,
    _nothing,
    _reads,
    _some_keys,
    _without_ttl,
    many,
)

_HUNG_SECONDS = 15
_CACHE = _limit("allkeys-lru", "64mb")
_STORE = _limit("noeviction", "64mb")


def _swap(client: Any) -> None:
    """The replica beside it becomes the primary, and it the replica: it has copied everything."""
    other = _other(client)
    other.execute_command("CONFIG", "SET", "masterauth", _password(client))
    client.execute_command("CONFIG", "SET", "masterauth", _password(client))
    port = other.connection_pool.connection_kwargs["port"]
    other.execute_command("REPLICAOF", "NO", "ONE")
    client.execute_command("REPLICAOF", "127.0.0.1", port)
    while client.info("replication")["master_link_status"] != "up":
        time.sleep(0.1)


def _other(client: Any) -> Any:
    port = client.info("replication")["slave0"]["port"]
    arguments = {**client.connection_pool.connection_kwargs, "host": "127.0.0.1", "port": port}
    return type(client)(connection_pool=type(client.connection_pool)(**arguments))


def _password(client: Any) -> str:
    return str(client.connection_pool.connection_kwargs["password"])


def _hang(client: Any) -> None:
    """The replica does nothing for so long that it has not answered for more than ten seconds."""
    until = f"redis.call('TIME')[1] + {_HUNG_SECONDS}"
    script = f"local e = {until} while tonumber(redis.call('TIME')[1]) < e do end"
    connection = _other(client).connection_pool.make_connection()
    connection.connect()
    connection.send_command("EVAL", script, 0)
    time.sleep(_HUNG_SECONDS - 2)


def _reset(client: Any) -> None:
    _reads(1_000, 4_000)(client)
    client.config_resetstat()
    _reads(100, 400)(client)


def _blocked(client: Any) -> None:
    client.held = [client.connection_pool.make_connection() for _ in range(20)]
    for number, connection in enumerate(client.held):
        connection.connect()
        connection.send_command("BLPOP", f"never:{number}", 60)


def _tracking(client: Any) -> None:
    client.held = [client.connection_pool.make_connection() for _ in range(5)]
    for connection in client.held:
        connection.connect()
        connection.send_command("CLIENT", "TRACKING", "ON", "BCAST", "REDIRECT", client.client_id())
        connection.read_response()


def _scripts(client: Any) -> None:
    many(client, [("EVAL", f"return {n}", 0) for n in range(300)])


def _databases(client: Any) -> None:
    for number in (0, 3, 15):
        pipeline = client.pipeline(transaction=False)
        pipeline.execute_command("SELECT", number)
        for n in range(500):
            pipeline.execute_command("SET", f"page:{n}", "x" * 50, "EX", 3_600)
        pipeline.execute_command("SELECT", 0)
        pipeline.execute()


def _expiring(client: Any) -> None:
    many(client, [("SET", f"short:{n}", "x" * 50, "PX", 1_000) for n in range(20_000)])


def _fragmented(client: Any) -> None:
    """Three quarters of what it holds go, everywhere."""
    many(client, [("SET", f"page:{n}", "x" * 900) for n in range(60_000)])
    many(client, [("DEL", f"page:{n}") for n in range(60_000) if n % 4])


def _emptied(client: Any) -> None:
    many(client, [("SET", f"page:{n}", "x" * 900) for n in range(40_000)])
    client.flushall(asynchronous=True)


def _script_writes(client: Any) -> None:
    script = "return redis.call('SET', KEYS[1], ARGV[1])"
    many(client, [("EVAL", script, 1, f"n:{n}", "x" * 900) for n in range(500)])


def _sidekiq(client: Any) -> None:
    many(client, [("RPUSH", f"queue:q{n}", "job") for n in range(220)])
    many(client, [("SADD", "queues", f"q{n}") for n in range(220)])
    many(client, [("SET", f"stat:processed:2026-11-{n:02}", n, "EX", 90_000) for n in range(1, 25)])


def _saves_slowly(client: Any) -> None:
    _some_keys(client)
    client.execute_command("CONFIG", "SET", "rdb-key-save-delay", 100_000)
    client.bgsave()


def _mostly(with_ttl: int, without: int) -> Drive:
    return _both(
        lambda client: many(
            client, [("SET", f"page:{n}", "x" * 50, "EX", 3_600) for n in range(with_ttl)]
        ),
        _without_ttl("k", without),
    )


def _overwrites(client: Any) -> None:
    many(client, [("SET", f"page:{n % 500}", "y" * 50, "EX", 3_600) for n in range(5_000)])


def _refills(client: Any) -> None:
    for n in range(3_000):
        if n % 2 == 0 and client.get(f"new:{n}") is None:
            client.set(f"new:{n}", "x" * 50, ex=3_600)


_LOW = frozenset({"LowHitRate"})
_FRAGMENTED = frozenset({"Fragmentation"})
_FULL = frozenset({"NoEvictionNearLimit", "MemoryNearLimit", "KeysWithoutTTL", "GrowingKeysWithoutTTL"})  # fmt: skip

STATES: dict[str, Scenario] = {
    "replica-read-well": Scenario("A replica that keeps up, and whose reads hit.", _both(_some_keys, _swap), _reads(5_000, 50), settings=_CACHE, replica={}),
    "replica-read-badly": Scenario("A replica that keeps up, half of whose reads miss.", _both(_some_keys, _swap), _reads(3_000, 3_000), _LOW, settings=_CACHE, replica={}),
    "replica-unread": Scenario("A replica that nobody reads.", _both(_some_keys, _swap), _nothing, settings=_STORE, replica={}),
    "demoted-in-between": Scenario("A failover in the window makes it a replica; reads hit.", _some_keys, _both(_reads(3_000, 20), _swap, _reads(3_000, 20)), settings=_CACHE, replica={}),
    "replica-hangs": Scenario("Its replica has not answered for more than ten seconds.", _some_keys, _both(_reads(3_000, 20), _hang), frozenset({"ReplicationLag"}), settings=_CACHE, replica={}),
    "reset-while-bad": Scenario("RESETSTAT in a window of misses: nothing can be said yet.", _both(_some_keys, _reads(1_000, 4_000)), _reset, settings=_CACHE),
    "blocked-clients": Scenario("Twenty clients wait for lists, as workers do.", _some_keys, _both(_reads(5_000, 50), _blocked), settings=_CACHE),
    "tracking-clients": Scenario("Clients that cache by themselves.", _some_keys, _both(_tracking, _reads(5_000, 50)), settings=_CACHE),
    "many-scripts": Scenario("Three hundred scripts.", _some_keys, _both(_scripts, _reads(5_000, 50)), settings=_CACHE),
    "many-databases": Scenario("Three databases with a cache each.", _databases, _reads(5_000, 50), settings=_CACHE),
    "mass-expiry": Scenario("20,000 keys expire within a second, and are gone soon.", _some_keys, _both(_expiring, _reads(5_000, 50)), allowed=frozenset({"ExpiredBacklog"}), settings=_CACHE),
    "fragmented": Scenario("Three of four keys go from every page of memory.", _fragmented, _reads(0, 0), _FRAGMENTED, settings=_limit("allkeys-lru", "512mb")),
    "emptied": Scenario("All keys went at once: what is resident is not used, and small.", _some_keys, _emptied, allowed=_FRAGMENTED, settings=_limit("allkeys-lru", "512mb")),
    "oom-in-scripts": Scenario("Scripts that write are refused for want of memory; 6.2 counts any error of a script alike, so its capture is not kept.", _fill(0.995, None), _script_writes, frozenset({"OutOfMemoryRejections"}), _FULL, _limit("noeviction")),
    "jobs-in-a-store": Scenario("Sidekiq's queues have no TTL, and must not.", _sidekiq, _nothing, settings=_STORE, looks=True),
    "store-without-ttl": Scenario("A store none of whose keys has a TTL.", _without_ttl("k", 5_000), _reads(0, 0), settings=_STORE, looks=True),
    "cache-with-few-without-ttl": Scenario("300 of 5,300 keys have no TTL.", _mostly(5_000, 300), _reads(5_000, 0), settings=_STORE, looks=True),
    "few-keys-without-ttl": Scenario("Fifty keys, none with a TTL.", _without_ttl("k", 50), _nothing, settings=_limit("volatile-lru", "64mb")),
    "half-full-volatile": Scenario("volatile-lru at 55 %.", _fill(0.55, 3_600), _reads(5_000, 50), settings=_limit("volatile-lru")),
    "store-with-overwrites": Scenario("The same keys are written again and again.", _some_keys, _overwrites, settings=_STORE),
    "write-only-full": Scenario("A full cache is written and never read: nothing misses.", _fill(0.99, 3_600), lambda client: many(client, [("SET", f"new:{n}", "x" * 900, "EX", 3_600) for n in range(2_000)]), settings=_limit("allkeys-lru")),
    "filling": Scenario("A new cache is filled: every look-up misses once, and what it asked for is set.", _nothing, _refills, settings=_CACHE),
    "appendonly": Scenario("An append-only file that is written.", _some_keys, _both(_overwrites, _reads(5_000, 50)), settings={**_STORE, "appendonly": "yes"}),
    "saves": Scenario("A snapshot is being written, slowly.", _saves_slowly, _reads(5_000, 50), settings=_STORE),
    "slow-log-of-everything": Scenario("The slow log notes everything; nothing is slow.", _some_keys, _reads(5_000, 50), settings={**_CACHE, "slowlog_log_slower_than": "0"}, looks=True),
    "latency-of-everything": Scenario("LATENCY notes what takes a millisecond.", _some_keys, _both(_expiring, _reads(5_000, 50)), allowed=frozenset({"ExpiredBacklog"}), settings={**_CACHE, "latency_monitor_threshold": "1"}, looks=True),
    "half-of-the-clients": Scenario("Ten of twenty clients.", _some_keys, _both(_reads(5_000, 50), _held(8)), settings={**_CACHE, "maxclients": "20"}),
}  # fmt: skip
