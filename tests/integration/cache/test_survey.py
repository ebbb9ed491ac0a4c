"""The guard's look through all keys: one queue among many, in slices, begun anew where it must."""

from dataclasses import replace

from setpoint.api.plan import BlockedBy
from setpoint.cache.model import Survey
from stack.redis import RedisServer
from tests.integration.cache.conftest import Tuning, secret_of

LRU = {"config": {"maxmemoryPolicy": "allkeys-lru"}}


async def test_one_queue_among_many_keys_is_found(server: RedisServer) -> None:
    with server.client() as client:
        client.mset({f"product:{n}:detail": "x" for n in range(30_000)})
        client.lpush("unacked-jobs", 1)
    tuning = Tuning(secret_of(server), **LRU)
    observed, decision = await tuning.look()
    while any(action.blocked_by is BlockedBy.STATE for action in decision.actions):
        observed, decision = await tuning.look(1)
    assert decision.actions == []
    assert "unacked-jobs" in decision.failures[0].message
    assert observed.own_hits <= 1200, "names tell; only candidates are asked for their type"


async def test_streams_of_any_name_are_found(server: RedisServer) -> None:
    with server.client() as client:
        client.xadd("anything", {"a": 1})
    _, decision = await Tuning(secret_of(server), **LRU).look()
    assert "stream (streams) such as anything" in decision.failures[0].message


async def test_keys_of_all_databases_are_seen(server: RedisServer) -> None:
    with server.client(3) as client:
        client.lpush("queue:default", 1)
    with server.client() as client:
        client.set("a", 1)
    _, decision = await Tuning(secret_of(server), **LRU).look()
    assert "Sidekiq" in decision.failures[0].message


async def test_after_a_failover_it_begins_anew(server: RedisServer) -> None:
    with server.client() as client:
        client.set("a", 1)
    tuning = Tuning(secret_of(server), **LRU)
    gone = Survey(tuning.now, (("another-run", 0, 17),))
    tuning.memory = replace(tuning.memory, survey=gone)
    _, decision = await tuning.look()
    assert decision.actions[0].blocked_by is BlockedBy.STATE
    _, decision = await tuning.look(1)
    assert decision.actions[0].blocked_by is None
