"""What real servers say when they cannot or will not, and the reason that each becomes."""

import asyncio
import json
from pathlib import Path

import pytest

from setpoint.api.cachetuning import SweepPhase
from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy
from setpoint.cache.connect import connect
from setpoint.cache.target import from_secret
from setpoint.engine.display import Display
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


async def test_a_replica_takes_no_writes(server: RedisServer) -> None:
    with server.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert (await reason_of(server, "SET", "a", "1")).reason is Reason.REJECTED
    finally:
        with server.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")


async def test_a_server_that_takes_no_more_clients(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxclients", 1)
        try:
            with pytest.raises(Failure) as caught:
                await Tuning(secret_of(server)).look()
        finally:
            client.config_set("maxclients", 10_000)
    assert caught.value.reason is Reason.BUSY


@pytest.mark.parametrize("version", GENERATIONS)
async def test_a_server_that_loads_its_data(
    run_dir: Path, authority: Authority, version: str
) -> None:
    """Busy while it loads; a look afterwards works."""
    debug = ("enable-debug-command yes",) if version != "6.2" else ()
    slow = ("rdbcompression no", *debug)  # it looks after clients at every 2 MB of the file
    with RedisServer(
        run_dir, authority, name=f"loads-{version}", program=versions()[version], lines=slow
    ) as server:
        with server.client() as client:
            for n in range(30):
                client.set(f"page:{n}", "x" * 1_000_000)
            client.config_set("key-load-delay", 40_000)
        reload = asyncio.create_task(asyncio.to_thread(_reload, server))
        failure = await _until_busy(server)
        assert failure.reason is Reason.BUSY
        await reload
        observed, _ = await Tuning(secret_of(server)).look()
        assert observed.keys == 30


@pytest.mark.parametrize("version", GENERATIONS)
async def test_a_proxy_without_info(run_dir: Path, authority: Authority, version: str) -> None:
    name, lines = f"no-info-{version}", ('rename-command INFO ""',)
    with (
        RedisServer(
            run_dir, authority, name=name, program=versions()[version], lines=lines
        ) as server,
        pytest.raises(Failure) as caught,
    ):
        await Tuning(secret_of(server)).look()
    assert caught.value.reason is Reason.UNSUPPORTED
    assert "does not know info" in caught.value.message


async def test_a_user_who_may_read_settings_but_not_set_them(server: RedisServer) -> None:
    secret = {"host": "127.0.0.1", "port": str(server.port), "username": "looks", "password": "pw"}
    with server.client() as client:
        client.execute_command("ACL SETUSER looks on >pw ~* +@all -config +config|get")
        try:
            tuning = Tuning(secret, config={"maxmemorySamples": 10})
            _, decision = await tuning.look()
            with pytest.raises(Failure) as caught:
                await tuning.kind.act(tuning.resource, decision.actions[0], tuning.memory)
        finally:
            client.execute_command("ACL DELUSER looks")
    assert caught.value.reason is Reason.ACCESS_DENIED
    assert "+config|set" in caught.value.message


async def test_a_sweep_by_a_user_who_may_not_scan(server: RedisServer) -> None:
    """The analysis goes on, and what the sweep lacks is said."""
    secret = {"host": "127.0.0.1", "port": str(server.port), "username": "blind", "password": "pw"}
    with server.client() as client:
        client.set("page:1", "x")
        client.execute_command("ACL SETUSER blind on >pw ~* +@all -scan")
        try:
            tuning = Tuning(secret, defaultTTL={"ttl": "1h", "include": ["*"]})
            observed, decision = await tuning.look()
        finally:
            client.execute_command("ACL DELUSER blind")
        assert client.ttl("page:1") == -1
    assert observed.keys == 1
    assert [f.reason for f in decision.failures] == [Reason.ACCESS_DENIED]
    assert decision.actions[0].blocked_by is BlockedBy.STATE


async def test_tls_where_there_is_none_and_none_where_there_is(
    servers: dict[str, RedisServer],
) -> None:
    server = servers["8.2"]
    plain = {"host": "127.0.0.1", "password": server.password, "port": str(server.port)}
    with pytest.raises(Failure) as caught:
        await Tuning({**plain, "tls": "true"}).look()
    assert caught.value.reason is Reason.TIMED_OUT
    assert "speaks no TLS" in caught.value.message
    with pytest.raises(Failure) as caught:
        await Tuning({**plain, "port": str(server.tls_port)}).look()
    assert caught.value.reason in (Reason.CONNECTION_FAILED, Reason.TIMED_OUT)


async def test_a_secret_without_the_password(server: RedisServer) -> None:
    with pytest.raises(Failure) as caught:
        await Tuning({"host": "127.0.0.1", "port": str(server.port)}).look()
    assert caught.value.reason is Reason.AUTHENTICATION_FAILED


async def test_a_value_of_half_a_gigabyte_is_never_fetched(server: RedisServer) -> None:
    with server.client() as client:
        client.setrange("blob:1", 512 * 1024 * 1024 - 1, "x")
        before = int(client.info("stats")["total_net_output_bytes"])
        tuning = Tuning(secret_of(server), defaultTTL={"ttl": "1h", "include": ["*"]})
        _, decision = await tuning.look()
        for action in decision.actions:
            tuning.memory = await tuning.kind.act(tuning.resource, action, tuning.memory)
        sent = int(client.info("stats")["total_net_output_bytes"]) - before
        assert client.ttl("blob:1") > 0
        client.unlink("blob:1")
    assert sent < 1_000_000
    big = next(f for f in decision.findings if f.id == "BigKey")
    assert big.evidence in ("512.0 MiB, string", "640.0 MiB, string"), "as the allocator has it"


async def test_a_hundred_thousand_prefixes_stay_bounded(servers: dict[str, RedisServer]) -> None:
    server = servers["7.0"]
    with server.client() as client:
        client.flushall()
        for start in range(0, 100_000, 10_000):
            client.mset({f"p{n}:page": "x" for n in range(start, start + 10_000)})
        tuning = Tuning(secret_of(server), defaultTTL={"ttl": "1h", "include": ["*"]})
        observed, decision = await tuning.look()
        while decision.actions[0].blocked_by is BlockedBy.STATE:
            observed, decision = await tuning.look(1)
        status = tuning.kind.report(tuning.resource, observed, decision, Display(tuning.now)).wire()
        assert "about 100,000 keys" in decision.actions[0].reason
        assert len(json.dumps(status)) < 8 * 1024
        sweep = None
        while sweep is None or sweep.phase is not SweepPhase.DONE:
            action = decision.actions[0]
            tuning.memory = await tuning.kind.act(tuning.resource, action, tuning.memory)
            sweep = tuning.memory.sweep
        assert sweep.changed == client.info("keyspace")["db0"]["expires"] == 100_000
        assert len(sweep.producers) <= 20


async def test_a_clock_that_is_put_back_stops_nothing(server: RedisServer) -> None:
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(100)})
    tuning = Tuning(secret_of(server), defaultTTL={"ttl": "1h", "include": ["*"]})
    _, decision = await tuning.look(400 * 24 * 3600)
    tuning.memory = await tuning.kind.act(tuning.resource, decision.actions[0], tuning.memory)
    observed, decision = await tuning.look(-400 * 24 * 3600)
    assert observed.sample, "the sample of the other year is not waited for"
    [action] = decision.actions
    assert action.blocked_by is None, "nor is the pass"


def _reload(server: RedisServer) -> None:
    with server.client() as client:
        client.connection_pool.connection_kwargs["socket_timeout"] = 60
        client.execute_command("DEBUG", "RELOAD")


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
