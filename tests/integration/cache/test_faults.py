"""What real servers say when they cannot or will not, and the reason that each becomes."""

import asyncio
from pathlib import Path

import pytest

from setpoint.api.conditions import Reason
from setpoint.cache.connect import connect
from setpoint.cache.target import from_secret
from setpoint.engine.failure import Failure
from stack.certs import Authority
from stack.redis import RedisServer, versions
from tests.integration.cache.conftest import GENERATIONS, NETWORK, Tuning, secret_of


async def reason_of(server: RedisServer, *command: str) -> Failure:
    with pytest.raises(Failure) as caught:
        async with connect(from_secret("r", secret_of(server)), NETWORK) as client:
            await client.execute_command(*command)
    return caught.value


@pytest.mark.parametrize("version", GENERATIONS)
async def test_config_is_taken_away(run_dir: Path, authority: Authority, version: str) -> None:
    """As managed services do: the analysis goes on, and what is missing is said."""
    name, program = f"managed-{version}", versions()[version]
    with RedisServer(
        run_dir, authority, name=name, program=program, lines=('rename-command CONFIG ""',)
    ) as server:
        observed, decision = await Tuning(secret_of(server)).look()
        assert "config|get" in observed.denied
        assert decision.failures == []
        wanted = Tuning(secret_of(server), config={"maxmemoryPolicy": "volatile-lru"})
        _, decision = await wanted.look()
        with pytest.raises(Failure) as caught:
            await wanted.kind.act(wanted.resource, decision.actions[0], wanted.memory)
        assert caught.value.reason is Reason.UNSUPPORTED


async def test_writes_on_a_full_server(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory", "1kb")
    assert (await reason_of(server, "SET", "a", "1")).reason is Reason.REJECTED


async def test_a_script_that_does_not_end(server: RedisServer) -> None:
    """A look while it runs says Busy, and works again afterwards."""
    with server.client() as client:
        client.config_set("lua-time-limit", 50)
    script = asyncio.create_task(asyncio.to_thread(_loop, server))
    try:
        failure = await _until_busy(server)
        assert failure.reason is Reason.BUSY
    finally:
        server.cli("SCRIPT", "KILL")
        await script
    observed, _ = await Tuning(secret_of(server)).look()
    assert observed.nodes


async def test_a_replica_without_its_primary(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("replica-serve-stale-data", "no")
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert (await reason_of(server, "GET", "a")).reason is Reason.BUSY
        assert (await reason_of(server, "SET", "a", "1")).reason in (Reason.BUSY, Reason.REJECTED)
    finally:
        with server.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
            client.config_set("replica-serve-stale-data", "yes")


async def test_commands_that_no_server_knows(server: RedisServer) -> None:
    failure = await reason_of(server, "NOSUCHCOMMAND")
    assert failure.reason is Reason.UNSUPPORTED


async def test_an_error_in_one_never_shows_another_systems_words(server: RedisServer) -> None:
    failure = await reason_of(server, "CONFIG", "SET", "maxmemory", "s3cret")
    assert "s3cret" not in failure.message


def _loop(server: RedisServer) -> None:
    with server.client() as client:
        client.connection_pool.connection_kwargs["socket_timeout"] = 30
        with pytest.raises(Exception, match="killed"):
            client.eval("while true do end", 0)


async def _until_busy(server: RedisServer) -> Failure:
    while True:
        try:
            await Tuning(secret_of(server)).look()
        except Failure as failure:
            return failure
