"""Every keyspace of the guard corpus can exist: a real Redis 7 takes it and sees it as labelled."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from stack.redis import RedisServer
from tests.corpus.redis.guard import keyspaces
from tests.corpus.redis.keyspace import Keyspace, load

SEED = 20_261_124


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Any]:
    with redis_server.client(database=13) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.mark.parametrize("keyspace", keyspaces(SEED), ids=lambda keyspace: keyspace.name)
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
