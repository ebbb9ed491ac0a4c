"""What happens to a sweep when its server, or the way to it, fails in the middle."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from setpoint.api.cachetuning import SweepPhase, SweepStatus
from setpoint.api.conditions import Reason
from setpoint.cache.sweep import BATCH
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action
from stack.certs import Authority
from stack.redis import RedisSentinel, RedisServer, versions
from stack.slow_proxy import Proxy
from tests.integration.cache.conftest import GENERATIONS, Tuning, secret_of

TTL = {"ttl": "1h", "include": ["*"]}
PASSING = (Reason.CONNECTION_FAILED, Reason.BUSY, Reason.TIMED_OUT)
OWN = 500_000
"""Seconds that the application gave its own keys."""


async def begun(tuning: Tuning) -> Action:
    """The sweep's action, once all keys were looked through."""
    for _ in range(200):
        _, decision = await tuning.look(1)
        [action] = decision.actions
        if action.blocked_by is None:
            return action
    raise AssertionError("the look through the keys does not end")


async def sweep_on(tuning: Tuning, action: Action) -> SweepStatus:
    tuning.memory = await tuning.kind.act(tuning.resource, action, tuning.memory)
    assert tuning.memory.sweep is not None
    return tuning.memory.sweep


async def to_the_end(tuning: Tuning, action: Action) -> SweepStatus:
    """Slices, as the engine has them: after trouble it tries again."""
    for _ in range(400):
        try:
            found = await sweep_on(tuning, action)
        except Failure as failure:
            if failure.reason not in PASSING:
                raise
            await asyncio.sleep(0.05)
            continue
        if found.phase is SweepPhase.DONE:
            return found
    raise AssertionError("the sweep does not end")


def fill(client: Any, number: int) -> None:
    """Pages without a TTL, and a hundred keys that have one."""
    client.mset({f"page:{n}": "x" * 40 for n in range(number)})
    for n in range(100):
        client.set(f"own:{n}", "x", ex=OWN)


def require_swept(client: Any, number: int) -> None:
    space = client.info("keyspace")["db0"]
    assert space["keys"] == space["expires"] == number + 100
    assert min(client.ttl(f"own:{n}") for n in range(100)) > OWN - 3600
    assert max(client.ttl(f"page:{n}") for n in range(100)) < 8000


def expires(client: Any) -> int:
    """EXPIREs that came from outside, whichever way this version has them."""
    stats = client.info("commandstats")
    name = "cmdstat_evalsha" if "cmdstat_evalsha" in stats else "cmdstat_expire"
    return int(stats[name]["calls"])


async def test_a_connection_that_breaks_costs_one_batch(server: RedisServer) -> None:
    """Not the slice, and not the pass: EXPIREs are counted by the server."""
    with server.client() as client:
        fill(client, 8000)
        async with Proxy(server.port) as proxy:
            secret = {"host": "127.0.0.1", "port": str(proxy.port), "password": server.password}
            tuning = Tuning(secret, defaultTTL=TTL)
            action = await begun(tuning)
            client.config_resetstat()
            for _ in range(3):
                proxy.cut_after(60_000)
                with contextlib.suppress(Failure):
                    await sweep_on(tuning, action)
            await to_the_end(tuning, action)
        assert proxy.cuts == 3
        require_swept(client, 8000)
        assert expires(client) <= 8100 + 3 * 2 * BATCH


async def test_a_slow_server_is_never_asked_for_more_than_a_batch(server: RedisServer) -> None:
    with server.client() as client:
        fill(client, 600)
        async with Proxy(server.port, delay=0.02) as proxy:
            secret = {"host": "127.0.0.1", "port": str(proxy.port), "password": server.password}
            tuning = Tuning(secret, defaultTTL=TTL)
            action = await begun(tuning)
            proxy.most_unanswered = 0
            await to_the_end(tuning, action)
        require_swept(client, 600)
        assert proxy.most_unanswered < 12_000, "bytes in flight"


async def test_a_server_that_becomes_a_replica_is_no_longer_written_to(
    server: RedisServer,
) -> None:
    with server.client() as client:
        fill(client, 300)
        tuning = Tuning(secret_of(server), defaultTTL=TTL)
        action = await begun(tuning)
        client.config_set("replica-serve-stale-data", "yes")
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            assert (await sweep_on(tuning, action)).changed == 0
            _, decision = await tuning.look()
        finally:
            client.execute_command("REPLICAOF", "NO", "ONE")
        assert (decision.actions, decision.failures[0].reason) == ([], Reason.REJECTED)
        await to_the_end(tuning, action)
        require_swept(client, 300)


@pytest.mark.parametrize("version", GENERATIONS)
async def test_a_restart_in_the_middle_begins_the_pass_anew(
    run_dir: Path, authority: Authority, version: str
) -> None:
    with RedisServer(
        run_dir, authority, name=f"restarts-{version}", program=versions()[version]
    ) as server:
        with server.client() as client:
            fill(client, 4000)
            client.save()
        tuning = Tuning(secret_of(server), defaultTTL={**TTL, "maxKeysPerSecond": 2000})
        half = await sweep_on(tuning, await begun(tuning))
        assert half.phase is SweepPhase.RUNNING
        server.restart()
        done = await to_the_end(tuning, await begun(tuning))
        assert done.scanned >= 4100, "from the start: the cursor meant nothing any more"
        with server.client() as client:
            require_swept(client, 4000)


async def test_a_failover_by_sentinel_in_the_middle(run_dir: Path, authority: Authority) -> None:
    version, program = "8.2", versions()["8.2"]
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(
            RedisServer(
                run_dir, authority, name=f"watched-{version}", program=program,
                repl_diskless_sync_delay="0",
            )
        )  # fmt: skip
        fill_client = stack.enter_context(primary.client())
        fill(fill_client, 4000)
        replica = stack.enter_context(_replica(run_dir, authority, primary, f"heir-{version}"))
        primary.cli("CONFIG", "SET", "masterauth", primary.password)
        sentinel = stack.enter_context(
            RedisSentinel(
                run_dir, authority, primary, name=f"watcher-{version}", program=program
            )
        )  # fmt: skip
        secret = {
            "sentinels": f"127.0.0.1:{sentinel.port}", "master-name": "mymaster",
            "password": primary.password, "sentinel-password": sentinel.password,
        }  # fmt: skip
        tuning = Tuning(secret, defaultTTL={**TTL, "maxKeysPerSecond": 2000})
        half = await sweep_on(tuning, await begun(tuning))
        assert half.phase is SweepPhase.RUNNING
        await _until(lambda: asyncio.to_thread(_fails_over, sentinel, replica.port))
        done = await to_the_end(tuning, await begun(tuning))
        assert done.scanned >= 4100
        with replica.client() as client:
            require_swept(client, 4000)


async def test_a_failover_of_a_cluster_in_the_middle_leaves_no_key_out(
    run_dir: Path, authority: Authority
) -> None:
    """The primary that comes last in the pass is replaced by its replica."""
    program = versions()["8.2"]
    with contextlib.ExitStack() as stack:
        nodes: list[RedisServer] = []
        for number in range(3):
            nodes.append(
                stack.enter_context(
                    RedisServer(
                        run_dir, authority, name=f"fails-{number}", program=program,
                        password=nodes[0].password if nodes else None, cluster_enabled="yes",
                        masterauth=nodes[0].password if nodes else "",
                        repl_diskless_sync_delay="0",
                    )
                )
            )  # fmt: skip
        first, second, heir = nodes
        first.cli("CLUSTER", "ADDSLOTSRANGE", "0", "8191")
        second.cli("CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
        second.cli("CONFIG", "SET", "masterauth", first.password)
        for node in (second, heir):
            first.cli("CLUSTER", "MEET", node.host, str(node.port))
        await _until(lambda: asyncio.to_thread(_knows_all, nodes))
        heir.cli("CLUSTER", "REPLICATE", second.cli("CLUSTER", "MYID").decode())
        for node in (first, second):
            with node.client() as client:
                for n in range(4000):
                    with contextlib.suppress(Exception):  # its slot is the other's
                        client.set(f"page:{n}", "x")
        await _until(lambda: asyncio.to_thread(_follows, heir))
        tuning = Tuning(secret_of(first), defaultTTL={**TTL, "maxKeysPerSecond": 1000})
        half = await sweep_on(tuning, await begun(tuning))
        assert half.phase is SweepPhase.RUNNING
        heir.cli("CLUSTER", "FAILOVER")
        await _until(lambda: asyncio.to_thread(_is_primary, heir))
        await to_the_end(tuning, await begun(tuning))
        spaces = [node.cli("INFO", "keyspace")["db0"] for node in (first, heir)]
        assert sum(space["keys"] for space in spaces) == 4000
        assert sum(space["expires"] for space in spaces) == 4000


@pytest.mark.parametrize("version", GENERATIONS)
async def test_a_server_that_cannot_save_takes_settings_but_no_ttls(
    run_dir: Path, authority: Authority, version: str
) -> None:
    """MISCONF: what was done stays, and the pass goes on from there once it can save again."""
    name = f"unsaved-{version}"
    with (
        RedisServer(
            run_dir, authority, name=name, program=versions()[version],
            dbfilename="blocked.rdb",
        ) as server,
        server.client() as client,
    ):  # fmt: skip
        fill(client, 4000)
        paced = {**TTL, "maxKeysPerSecond": 1000}
        tuning = Tuning(secret_of(server), defaultTTL=paced)
        half = await sweep_on(tuning, await begun(tuning))
        assert half.phase is SweepPhase.RUNNING
        client.config_set("save", "3600 1000000")
        blocker = Path(client.config_get("dir")["dir"]) / "blocked.rdb"
        blocker.mkdir()
        await _save(client, "err")
        action = await begun(tuning)
        with pytest.raises(Failure) as caught:
            await sweep_on(tuning, action)
        assert caught.value.reason is Reason.REJECTED
        assert "cannot save its data" in caught.value.message
        assert "MISCONF" not in caught.value.message
        assert tuning.memory.sweep == half, "nothing is counted that was refused"

        setting = Tuning(secret_of(server), config={"maxmemorySamples": 7})
        assert (await setting.settle()).actions == []
        observed, decision = await setting.look()
        assert observed.first.config["maxmemory-samples"] == "7"
        assert "PersistenceFailing" in [finding.id for finding in decision.findings]

        blocker.rmdir()
        await _save(client, "ok")
        done = await to_the_end(tuning, await begun(tuning))
        assert done.scanned >= 4100
        require_swept(client, 4000)


async def test_hashes_whose_fields_have_ttls_are_the_applications(
    servers: dict[str, RedisServer],
) -> None:
    """A TTL of the key would end fields that are to live longer; strings beside them get theirs."""
    server = servers["8.2"]
    with server.client() as client:
        client.flushall()
        fill(client, 300)
        for n in range(20):
            client.hset(f"basket:{n}", "a", "1")
            client.execute_command("HEXPIRE", f"basket:{n}", OWN, "FIELDS", 1, "a")
        tuning = Tuning(secret_of(server), defaultTTL=TTL)
        done = await to_the_end(tuning, await begun(tuning))
        assert (done.changed, done.protected) == (300, 20)
        assert {client.ttl(f"basket:{n}") for n in range(20)} == {-1}
        client.flushall()


async def _save(client: Any, outcome: str) -> None:
    """Save, and wait for how that ended."""
    client.bgsave()

    async def ended() -> bool:
        found = client.info("persistence")
        is_over = not found["rdb_bgsave_in_progress"]
        return is_over and found["rdb_last_bgsave_status"] == outcome

    await _until(ended)


def _replica(run_dir: Path, authority: Authority, primary: RedisServer, name: str) -> RedisServer:
    return RedisServer(
        run_dir, authority, name=name, program=primary._program,
        password=primary.password, masterauth=primary.password,
        lines=(f"replicaof 127.0.0.1 {primary.port}",),
    )  # fmt: skip


def _fails_over(sentinel: RedisServer, port: int) -> bool:
    """Ask for it until the sentinel names the other one."""
    found = sentinel.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
    if int(found[1]) == port:
        return True
    with contextlib.suppress(Exception):  # it has not seen the replica yet, or is at it
        sentinel.cli("SENTINEL", "FAILOVER", "mymaster")
    return False


def _knows_all(nodes: list[RedisServer]) -> bool:
    texts = [str(node.cli("CLUSTER", "INFO")) for node in nodes]
    return all("cluster_known_nodes:3" in text and "cluster_state:ok" in text for text in texts)


def _follows(node: RedisServer) -> bool:
    found = node.cli("INFO", "replication")
    return bool(found["role"] == "slave" and found["master_link_status"] == "up")


def _is_primary(node: RedisServer) -> bool:
    return bool(node.cli("INFO", "replication")["role"] == "master")


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(600):
        with contextlib.suppress(ConnectionError):
            if await is_so():
                return
        await asyncio.sleep(0.05)
    raise AssertionError("it never came")
