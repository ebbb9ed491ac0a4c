"""Settings on real servers: set, read back, re-applied, put back, refused."""

from pathlib import Path

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, AppliedOp
from stack.certs import Authority
from stack.redis import RedisServer, versions
from tests.integration.cache.conftest import GENERATIONS, Tuning, secret_of


async def test_what_differs_is_set_once_and_read_back(server: RedisServer) -> None:
    config = {"maxmemory": "512Mi", "maxmemorySamples": 10, "maxmemoryPolicy": "allkeys-lru"}
    tuning = Tuning(secret_of(server), config=config)
    assert (await tuning.settle()).actions == []
    with server.client() as client:
        found = client.config_get("maxmemory*")
        calls = client.info("commandstats")
    assert found["maxmemory"] == str(512 * 1024 * 1024)
    assert (found["maxmemory-samples"], found["maxmemory-policy"]) == ("10", "allkeys-lru")
    await tuning.settle()
    with server.client() as client:
        again = client.info("commandstats")
    name = "cmdstat_config|set" if "cmdstat_config|set" in calls else "cmdstat_config"
    if name == "cmdstat_config|set":
        assert again[name]["calls"] == calls[name]["calls"], "nothing differs, nothing is set"


async def test_a_policy_that_evicts_a_queue_is_refused(server: RedisServer) -> None:
    with server.client() as client:
        client.mset({f"product:{n}": 1 for n in range(2000)})
        client.lpush("queue:default", "job")
    tuning = Tuning(secret_of(server), config={"maxmemoryPolicy": "allkeys-lru"})
    decision = await tuning.settle()
    assert (decision.actions, decision.failures[0].reason) == ([], Reason.REJECTED)
    assert "Sidekiq" in decision.failures[0].message
    tuning.respec(config={"maxmemoryPolicy": "allkeys-lru", "acknowledge": ["Sidekiq"]})
    assert (await tuning.settle()).actions == []


async def test_another_controller_is_left_alone_after_two_rounds(server: RedisServer) -> None:
    tuning = Tuning(secret_of(server), config={"maxmemorySamples": 10})
    with server.client() as client:
        for _ in range(2):
            await tuning.settle()
            client.config_set("maxmemory-samples", 7)
        decision = await tuning.settle()
        assert client.config_get("maxmemory-samples")["maxmemory-samples"] == "7"
    assert decision.failures[0].reason is Reason.TARGET_CONFLICT


async def test_settings_are_put_back(server: RedisServer) -> None:
    tuning = Tuning(secret_of(server), config={"maxmemorySamples": 10})
    await tuning.settle()
    observed, _ = await tuning.look()
    was = Applied(object="config", field="maxmemory-samples", op=AppliedOp.CHANGED, original="5")
    [action] = tuning.kind.revert(tuning.resource, observed, [was])
    await tuning.kind.act(tuning.resource, action, tuning.memory)
    observed, _ = await tuning.look()
    assert tuning.kind.revert(tuning.resource, observed, [was]) == []


@pytest.mark.parametrize("version", GENERATIONS)
async def test_a_primary_and_its_replica(run_dir: Path, authority: Authority, version: str) -> None:
    program = versions()[version]
    with (
        RedisServer(
            run_dir,
            authority,
            name=f"primary-{version}",
            program=program,
            repl_diskless_sync_delay="0",
        ) as primary,
        RedisServer(
            run_dir,
            authority,
            name=f"replica-{version}",
            program=program,
            password=primary.password,
            masterauth=primary.password,
        ) as replica,
    ):
        replica.cli("REPLICAOF", "127.0.0.1", str(primary.port))
        _wait_for_replica(primary)
        tuning = Tuning(secret_of(primary), config={"maxmemorySamples": 10})
        await tuning.settle()
        observed, _ = await tuning.look()
        assert [node.info.is_replica for node in observed.nodes] == [False, True]
        assert replica.cli("CONFIG GET", "maxmemory-samples") in (
            {b"maxmemory-samples": b"10"}, {"maxmemory-samples": "10"}, [b"maxmemory-samples", b"10"]
        )  # fmt: skip
        primary.restart()
        assert (await tuning.settle()).actions == [], "a restart loses it, and it is set again"
        assert tuning.memory.settings["maxmemory-samples"].reversions == 0
        only_replica = Tuning(secret_of(replica), config={"maxmemorySamples": 20})
        _, decision = await only_replica.look()
        assert decision.failures[0].reason is Reason.REJECTED


@pytest.mark.parametrize("version", GENERATIONS)
async def test_settings_go_to_the_file_when_asked(
    run_dir: Path, authority: Authority, version: str
) -> None:
    with RedisServer(
        run_dir, authority, name=f"rewrite-{version}", program=versions()[version]
    ) as server:
        tuning = Tuning(secret_of(server), config={"maxmemorySamples": 10, "rewrite": True})
        assert (await tuning.settle()).actions == []
        conf = (run_dir / f"rewrite-{version}" / "redis.conf").read_text()
        assert "maxmemory-samples 10" in conf


def _wait_for_replica(primary: RedisServer) -> None:
    assert any(primary.cli("WAIT", "1", "1000") == 1 for _ in range(20))
