"""Every keyspace of the guard corpus can exist: a real Redis 7 takes it and sees it as labelled."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from setpoint.api.cachetuning import SweepPhase
from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy, PlanOp
from stack.redis import RedisServer
from tests.corpus.redis import second
from tests.corpus.redis.guard import keyspaces, unsafe
from tests.corpus.redis.keyspace import Keyspace, load
from tests.integration.cache.conftest import Tuning, secret_of

SEED = 20_261_124


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Any]:
    with redis_server.client(database=13) as client:
        client.flushdb()
        yield client
        client.flushdb()


HARD = [
    space
    for space in (*unsafe(SEED), *second.unsafe(SEED))
    if "among" in space.name
    or "custom-prefix" in space.name
    or space.name in ("faktory-busy", "second-celery-with-named-queues", "second-plain-lists")
]
"""Few among many, and those that only the keys beside them tell."""


@pytest.mark.parametrize("keyspace", HARD, ids=lambda space: space.name)
async def test_nothing_that_must_stay_is_evicted_or_expires(
    keyspace: Keyspace, servers: dict[str, RedisServer]
) -> None:
    """The whole way: looked through, refused, swept; on a real server."""
    server = servers["8.2"]
    with server.client() as client:
        client.flushall()
        client.config_set("maxmemory-policy", "noeviction")
        load(client, keyspace.entries)
        tuning = Tuning(
            secret_of(server),
            config={"maxmemoryPolicy": "allkeys-lru"},
            defaultTTL={"ttl": "1h", "include": ["*"], "types": ["string", "hash", "list"]},
        )
        _, decision = await tuning.look()
        while any(action.blocked_by is BlockedBy.STATE for action in decision.actions):
            _, decision = await tuning.look(1)
        assert [failure.reason for failure in decision.failures] == [Reason.REJECTED]
        [sweep] = decision.actions
        assert sweep.op is PlanOp.SWEEP
        while tuning.memory.sweep is None or tuning.memory.sweep.phase is not SweepPhase.DONE:
            tuning.memory = await tuning.kind.act(tuning.resource, sweep, tuning.memory)
        lasting = [e for e in keyspace.entries if e.ttl is None and e.key in keyspace.protected]
        assert lasting
        for entry in lasting:
            assert client.ttl(entry.key) == -1, entry.key
        client.flushall()


@pytest.mark.parametrize(
    "keyspace", [*keyspaces(SEED), *second.unsafe(SEED)], ids=lambda keyspace: keyspace.name
)
def test_a_server_sees_types_and_ttls_as_labelled(keyspace: Keyspace, client: Any) -> None:
    load(client, keyspace.entries)
    assert client.dbsize() == len(keyspace.entries)
    looked_at = [entry for entry in keyspace.entries if entry.key in keyspace.protected]
    looked_at += random.Random(SEED).sample(keyspace.entries, min(500, len(keyspace.entries)))
    pipeline = client.pipeline(transaction=False)
    for entry in looked_at:
        pipeline.type(entry.key)
        pipeline.ttl(entry.key)
    answers = pipeline.execute()
    for entry, kind, ttl in zip(looked_at, answers[::2], answers[1::2], strict=True):
        assert kind.decode() == entry.type, entry.key
        if entry.ttl is None:
            assert ttl == -1, entry.key
        else:
            assert entry.ttl - 10 <= ttl <= entry.ttl, entry.key
