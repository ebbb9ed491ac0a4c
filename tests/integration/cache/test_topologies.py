"""A cluster and what Sentinel watches, on each generation."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from setpoint.api.cachetuning import SweepPhase
from setpoint.api.conditions import Reason
from setpoint.cache.connect import connect
from setpoint.cache.target import from_secret
from setpoint.engine.failure import Failure
from stack.certs import Authority
from stack.redis import RedisSentinel, RedisServer, versions
from tests.integration.cache.conftest import GENERATIONS, NETWORK, Tuning, ids, secret_of

_SLOTS = 16384
_NODES = 3


@pytest.fixture(scope="module", params=GENERATIONS)
def cluster(
    request: pytest.FixtureRequest, run_dir: Path, authority: Authority
) -> Iterator[list[RedisServer]]:
    """Three primaries."""
    with contextlib.ExitStack() as stack:
        nodes: list[RedisServer] = []
        for number in range(_NODES):
            server = RedisServer(
                run_dir,
                authority,
                name=f"cluster-{request.param}-{number}",
                program=versions()[request.param],
                password=nodes[0].password if nodes else None,
                cluster_enabled="yes",
            )
            nodes.append(stack.enter_context(server))
        for number, node in enumerate(nodes):
            slots = range(number * _SLOTS // _NODES, (number + 1) * _SLOTS // _NODES)
            node.cli("CLUSTER", "ADDSLOTS", *map(str, slots))
            if number:
                nodes[0].cli("CLUSTER", "MEET", node.host, str(node.port))
        for node in nodes:
            _wait_for_all(node)
        yield nodes


async def test_a_cluster_is_seen_and_set_as_a_whole(cluster: list[RedisServer]) -> None:
    tuning = Tuning(secret_of(cluster[0]), config={"maxmemorySamples": 10})
    for node in cluster:
        with node.client() as client:
            client.flushall()
            for number in range(400):
                with contextlib.suppress(Exception):  # its slot is another's
                    client.set(f"product:{number}", "x")
    assert (await tuning.settle()).actions == []
    observed, decision = await tuning.look()
    assert len(observed.primaries) == _NODES
    assert observed.keys == 400
    assert {item.key for item in tuning.memory.sample} <= {b"product:%d" % n for n in range(400)}
    assert len(tuning.memory.sample) > 200
    for node in cluster:
        with node.client() as client:
            assert client.config_get("maxmemory-samples") == {"maxmemory-samples": "10"}
    assert "UnreachableNode" not in ids(decision)


async def test_a_queue_on_any_node_of_a_cluster_is_found(cluster: list[RedisServer]) -> None:
    for node in cluster:
        with node.client() as client, contextlib.suppress(Exception):
            client.lpush("bull:mail:wait", 1)
    tuning = Tuning(secret_of(cluster[0]), config={"maxmemoryPolicy": "allkeys-lru"})
    decision = await tuning.settle()
    assert (decision.actions, decision.failures[0].reason) == ([], Reason.REJECTED)
    assert "BullMQ" in decision.failures[0].message


async def test_a_sweep_goes_through_every_primary_of_a_cluster(
    cluster: list[RedisServer],
) -> None:
    for node in cluster:
        with node.client() as client:
            client.flushall()
            for number in range(600):
                with contextlib.suppress(Exception):  # its slot is another's
                    client.set(f"product:{number}", "x")
    tuning = Tuning(secret_of(cluster[0]), defaultTTL={"ttl": "1h", "include": ["*"]})
    for _ in range(3):  # the dry run, a slice for each primary
        _, decision = await tuning.look()
    [action] = decision.actions
    assert "about 600 keys" in action.reason
    for _ in cluster:
        tuning.memory = await tuning.kind.act(tuning.resource, action, tuning.memory)
    assert tuning.memory.sweep is not None
    assert (tuning.memory.sweep.phase, tuning.memory.sweep.changed) == (SweepPhase.DONE, 600)
    for node in cluster:
        with node.client() as client:
            space = client.info("keyspace")["db0"]
            assert space["keys"] == space["expires"]


async def test_a_key_of_another_server_or_on_its_way_to_it_is_passing_trouble(
    cluster: list[RedisServer],
) -> None:
    """MOVED and ASK: what setpoint asks one server by itself is tried again later."""
    source, target = cluster[0], cluster[1]
    slot = 10  # of the first server
    key = next(f"k{n}" for n in range(100_000) if source.cli("CLUSTER", "KEYSLOT", f"k{n}") == slot)
    assert (await _refused(target, "GET", key)).reason is Reason.BUSY
    names = [node.cli("CLUSTER", "MYID").decode() for node in (source, target)]
    target.cli("CLUSTER", "SETSLOT", str(slot), "IMPORTING", names[0])
    source.cli("CLUSTER", "SETSLOT", str(slot), "MIGRATING", names[1])
    try:
        failure = await _refused(source, "GET", key)
    finally:
        for node in (source, target):
            node.cli("CLUSTER", "SETSLOT", str(slot), "STABLE")
    assert failure.reason is Reason.BUSY
    assert "slots" in failure.message


@pytest.mark.parametrize("done", [True, False], ids=["given back", "handed over"])
async def test_a_sweep_while_a_slot_moves(cluster: list[RedisServer], *, done: bool) -> None:
    """Half of its keys are on the other server, which does not own them yet: they get TTLs, too,
    and no look takes what is asked of them for a missing right."""
    source, target = cluster[0], cluster[1]
    for node in cluster:
        with node.client() as client:
            client.flushall()
    tag = _tag_of_first(source)
    with source.client() as client:
        client.mset({f"{{{tag}}}:{n}": "x" for n in range(300)})
        for n in range(100):
            client.hset(f"{{{tag}}}:hash:{n}", "a", "1")
    slot = _open(source, target, tag)
    try:
        _hand_over(source, target, [f"{{{tag}}}:{n}" for n in range(150)])
        _hand_over(source, target, [f"{{{tag}}}:hash:{n}" for n in range(50)])
        tuning = Tuning(secret_of(source), defaultTTL={"ttl": "1h", "include": ["*"]})
        observed, decision = await tuning.look()
        assert "type" not in observed.denied
        assert "MissingPermission" not in ids(decision)
        for _ in range(3):
            _, decision = await tuning.look()
        [action] = decision.actions
        for _ in cluster:
            tuning.memory = await tuning.kind.act(tuning.resource, action, tuning.memory)
        assert tuning.memory.sweep is not None
        assert (tuning.memory.sweep.phase, tuning.memory.sweep.changed) == (SweepPhase.DONE, 400)
        for node, keys in ((source, 200), (target, 200)):
            space = node.cli("INFO", "keyspace")["db0"]
            assert (space["keys"], space["expires"]) == (keys, keys)
    finally:
        _close(cluster, slot, target if done else source, target)


async def test_keys_that_move_between_two_commands_of_a_sweep(cluster: list[RedisServer]) -> None:
    """They are gone when their TTL comes (ASK), and are found on the server that has them next."""
    source, target = cluster[0], cluster[1]
    for node in cluster:
        with node.client() as client:
            client.flushall()
    tag = _tag_of_first(source)
    names = [f"{{{tag}}}:{n}" for n in range(2000)]
    with source.client() as client:
        client.mset(dict.fromkeys(names, "x"))
    default = {"ttl": "1h", "include": ["*"], "maxKeysPerSecond": 1000}
    tuning = Tuning(secret_of(source), defaultTTL=default)
    for _ in range(10):
        _, decision = await tuning.look()
        if decision.actions and decision.actions[0].blocked_by is None:
            break
    [action] = decision.actions
    slot = _open(source, target, tag)
    try:
        moving = asyncio.create_task(asyncio.to_thread(_hand_over, source, target, names, 10))
        for _ in range(20):
            tuning.memory = await tuning.kind.act(tuning.resource, action, tuning.memory)
            assert tuning.memory.sweep is not None
            if tuning.memory.sweep.phase is SweepPhase.DONE:
                break
        await moving
        done = tuning.memory.sweep
        assert done is not None
        assert (done.phase, done.refused) == (SweepPhase.DONE, 0)
        space = target.cli("INFO", "keyspace")["db0"]
        assert (space["keys"], space["expires"]) == (2000, 2000)
    finally:
        _close(cluster, slot, target, target)


def _tag_of_first(source: RedisServer) -> str:
    """A hash tag whose keys are of the cluster's first slots."""
    return next(
        f"t{n}" for n in range(100) if source.cli("CLUSTER", "KEYSLOT", f"t{n}") < _SLOTS // _NODES
    )


def _open(source: RedisServer, target: RedisServer, tag: str) -> str:
    """Begin to move the slot of a hash tag."""
    slot = str(source.cli("CLUSTER", "KEYSLOT", tag))
    names = [node.cli("CLUSTER", "MYID").decode() for node in (source, target)]
    target.cli("CLUSTER", "SETSLOT", slot, "IMPORTING", names[0])
    source.cli("CLUSTER", "SETSLOT", slot, "MIGRATING", names[1])
    return slot


def _hand_over(
    source: RedisServer, target: RedisServer, keys: Sequence[str], some: int = 50
) -> None:
    with source.client() as client:
        for start in range(0, len(keys), some):
            client.execute_command(
                "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "AUTH", target.password,
                "KEYS", *keys[start : start + some],
            )  # fmt: skip


def _close(cluster: list[RedisServer], slot: str, owner: RedisServer, holder: RedisServer) -> None:
    """Give the slot to its owner, and to the first server in the end, as the fixture has it."""
    source = cluster[0]
    for node in (holder, source):
        with node.client() as client:
            client.flushall()
    for server in (owner, source):
        name = server.cli("CLUSTER", "MYID").decode()
        for node in (holder, source):
            node.cli("CLUSTER", "SETSLOT", slot, "NODE", name)


async def _refused(server: RedisServer, *command: str) -> Failure:
    with pytest.raises(Failure) as caught:
        async with connect(from_secret("r", secret_of(server)), NETWORK) as client:
            await client.execute_command(*command)
    return caught.value


@pytest.mark.parametrize("version", GENERATIONS)
async def test_sentinel_names_the_primary(
    run_dir: Path, authority: Authority, version: str, servers: dict[str, RedisServer]
) -> None:
    primary, program = servers[version], versions()[version]
    with RedisSentinel(
        run_dir, authority, primary, name=f"sentinel-{version}", program=program
    ) as sentinel:
        secret = {
            "sentinels": f"127.0.0.1:1,127.0.0.1:{sentinel.port}",
            "master-name": "mymaster",
            "password": primary.password,
            "sentinel-password": sentinel.password,
        }
        observed, _ = await Tuning(secret).look()
        assert observed.first.name == f"127.0.0.1:{primary.port}"
        with pytest.raises(Failure) as caught:
            await Tuning({**secret, "master-name": "other"}).look()
        assert caught.value.reason is Reason.TARGET_NOT_FOUND


def _wait_for_all(node: RedisServer) -> None:
    for _ in range(2000):
        state = node.cli("CLUSTER", "INFO")
        if "cluster_state:ok" in str(state) and f"cluster_known_nodes:{_NODES}" in str(state):
            return
    pytest.fail("the cluster did not form")
