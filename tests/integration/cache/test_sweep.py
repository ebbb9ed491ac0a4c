"""The default TTL's sweep on real servers of three generations."""

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from setpoint.api.cachetuning import DefaultTTL, SweepPhase, SweepStatus
from setpoint.api.plan import Risk
from setpoint.cache import observe, passes, sweep
from setpoint.cache.connect import connect
from setpoint.cache.kin import Kin
from setpoint.cache.sizing_poll import poll
from setpoint.cache.target import from_secret
from setpoint.cli import main
from setpoint.engine.beside import Subject
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure
from stack.redis import RedisServer
from tests.integration.cache.conftest import NETWORK, Tuning, secret_of

SEED = 20261124
HOUR = 3600


def settings(**given: Any) -> DefaultTTL:
    return DefaultTTL.model_validate({"ttl": "1h", "include": ["*"], **given})


async def swept(
    server: RedisServer,
    default: DefaultTTL,
    before: SweepStatus | None = None,
    seconds: float = 60,
    secret: dict[str, str] | None = None,
) -> tuple[SweepStatus, int]:
    """One slice, as the kind does it."""
    target = from_secret("r", secret or secret_of(server))
    async with connect(target, NETWORK) as client:
        info = await observe.read_info(client)
        now = datetime.now(UTC)
        run_id = info.text("run_id")
        begun = passes.begin(default, before, [run_id], now)
        return await sweep.run_slice(
            client, default, begun, info, now, Kin(), run_id=run_id, seconds=seconds
        )


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


def hits(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.info("stats")["keyspace_hits"])


async def test_it_gives_a_ttl_to_keys_that_have_none_and_to_no_others(server: RedisServer) -> None:
    with server.client() as client, server.client(3) as third:
        client.mset({f"page:{n}": "x" for n in range(500)})
        for n in range(100):
            client.hset(f"user:{n}", "name", "x")
            client.set(f"own:{n}", "x", ex=77_777)
            client.rpush(f"recent:{n}", "x")
            client.set(f"pinned:{n}", "x")
        client.set(b"\xff\x00binary\r\n", "x")
        third.set("page:far", "x")
        found, _ = await swept(server, settings(exclude=["pinned:*"]))
        assert (found.phase, found.changed, found.passes) == (SweepPhase.DONE, 602, 1)
        assert {entry.prefix: entry.keys for entry in found.producers}["page"] == 501
        ttls = [client.ttl(f"page:{n}") for n in range(500)]
        assert min(ttls) >= 0.9 * HOUR - 60
        assert max(ttls) <= 1.1 * HOUR + 1
        assert len(set(ttls)) > 100, "spread"
        assert client.ttl(b"\xff\x00binary\r\n") > 0
        assert third.ttl("page:far") > 0
        assert {client.ttl(f"pinned:{n}") for n in range(100)} == {-1}
        assert {client.ttl(f"recent:{n}") for n in range(100)} == {-1}
        assert min(client.ttl(f"own:{n}") for n in range(100)) > 77_000


async def test_what_must_stay_stays_unless_it_is_named(server: RedisServer) -> None:
    with server.client() as client:
        client.hset("bull:mail:1", "data", "x")
        client.hset("rq:job:4f1c", "data", "x")
        client.set("lock:invoice", "x")
        client.set("session:abc", "x")
        client.set("page:1", "x")
        found, _ = await swept(server, settings())
        assert (found.changed, found.protected) == (1, 4)
        found, _ = await swept(server, settings(include=["bull:*", "page:*"]))
        assert (found.changed, found.protected) == (1, 0)
        assert client.ttl("bull:mail:1") > 0
        assert client.ttl("rq:job:4f1c") == -1


async def test_hits_are_those_of_the_application(server: RedisServer) -> None:
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(2000)})
        for n in range(500):
            client.hset(f"user:{n}", "name", "x")
        version = int(client.info()["redis_version"].split(".")[0])
    before = hits(server)
    found, own = await swept(server, settings())
    added = hits(server) - before
    assert found.changed == 2500
    assert added == own, "every hit of ours is counted, to be subtracted"
    assert added <= (2500 + 33 if version < 7 else 33), "at most the first batch of a prefix"
    if version >= 8:
        assert added == 0


async def test_it_leaves_no_trace_of_use_where_the_server_can(
    servers: dict[str, RedisServer],
) -> None:
    server = servers["8.2"]
    with server.client() as client:
        client.flushall()
        client.config_set("maxmemory-policy", "noeviction")
        client.mset({f"page:{n}": "x" for n in range(300)})
        await until(lambda: client.object("idletime", "page:1") >= 3)
        before, began = idle(client), time.monotonic()
        tuning = Tuning(secret_of(server), defaultTTL={"ttl": "1h", "include": ["*"]})
        _, decision = await tuning.look()
        await tuning.kind.act(tuning.resource, decision.actions[0], tuning.memory)
        assert _expires(client) == 300
        passed = time.monotonic() - began
        assert -1 <= before + passed - idle(client) <= 1, "mean seconds, which only passed"


def idle(client: Any) -> float:
    """Mean idle seconds of the pages."""
    return float(sum(client.object("idletime", f"page:{n}") for n in range(300))) / 300


async def test_it_goes_on_where_it_was_and_begins_anew_on_another_server(
    server: RedisServer,
) -> None:
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(20_000)})
    default = settings(maxKeysPerSecond=20_000)
    found, slices = None, 0
    while found is None or found.phase is not SweepPhase.DONE:
        found, _ = await swept(server, default, found, seconds=0.2)
        slices += 1
        assert slices < 60
    assert slices > 2
    assert found.changed == 20_000
    half, _ = await swept(server, default, seconds=0.1)
    assert half.phase is SweepPhase.RUNNING
    elsewhere = half.model_copy(
        update={"cursor": "another" + half.cursor[half.cursor.index(":") :]}
    )
    again, _ = await swept(server, default, elsewhere)
    assert again.scanned >= 20_000


async def test_a_ttl_of_the_application_is_never_overwritten(server: RedisServer) -> None:
    """PERSIST and SETEX as fast as they go, while it sweeps again and again."""
    print("seed", SEED)
    numbers, keys, wanted = random.Random(SEED), 3000, 500_000
    stop, written = threading.Event(), Counter[int]()

    def application() -> None:
        with server.client() as client:
            while not stop.is_set():
                pipe = client.pipeline(transaction=False)
                chosen = numbers.sample(range(keys), 200)
                for n in chosen:
                    pipe.persist(f"page:{n}")
                for n in chosen:
                    pipe.set(f"page:{n}", "x", ex=wanted)
                pipe.execute()
                written.update(chosen)

    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(keys)})
        writer = threading.Thread(target=application)
        writer.start()
        try:
            await until(lambda: written.total() > 3000)
            found = [await swept(server, settings(), seconds=5) for _ in range(2)]
        finally:
            stop.set()
            writer.join()
        assert sum(sweep_.changed for sweep_, _ in found) > 100
        assert min(client.ttl(f"page:{n}") for n in written) > wanted - 600


async def test_it_waits_where_the_ttls_would_fill_the_memory(server: RedisServer) -> None:
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(3000)})
        client.config_set("maxmemory", int(client.info("memory")["used_memory"]) + 20_000)
        found, _ = await swept(server, settings(), seconds=0.1)
        client.config_set("maxmemory", 0)
        assert found.phase is SweepPhase.RUNNING
        assert "memory" in found.paused
        assert client.ttl("page:1") == -1
        found, _ = await swept(server, settings(), found)
        assert (found.paused, found.changed) == ("", 3000)


async def test_keys_that_the_user_may_not_touch_are_counted(server: RedisServer) -> None:
    with server.client() as client:
        client.set("page:1", "x")
        client.set("other:1", "x")
        client.execute_command("ACL SETUSER sweeper on >pw ~page:* +@all")
        try:
            url = f"redis://sweeper:pw@127.0.0.1:{server.port}"
            found, _ = await swept(server, settings(), secret={"url": url})
        finally:
            client.execute_command("ACL DELUSER sweeper")
        assert (found.phase, found.changed) == (SweepPhase.DONE, 1)
        assert client.ttl("other:1") == -1


async def test_a_lost_connection_costs_nothing(server: RedisServer) -> None:
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(30_000)})
        tuning = Tuning(secret_of(server), defaultTTL={"ttl": "1h", "include": ["*"]})
        _, decision = await tuning.look()
        [action] = decision.actions
        slice_ = asyncio.create_task(tuning.kind.act(tuning.resource, action, tuning.memory))
        await until(lambda: _expires(client) > 0)
        for entry in client.client_list():
            if entry["name"] == "setpoint":
                client.client_kill_filter(_id=entry["id"])
        with contextlib.suppress(Failure):  # where not one batch was done
            tuning.memory = await slice_
        assert tuning.memory.sweep is None or tuning.memory.sweep.phase is SweepPhase.RUNNING
        while tuning.memory.sweep is None or tuning.memory.sweep.phase is not SweepPhase.DONE:
            tuning.memory = await tuning.kind.act(tuning.resource, action, tuning.memory)
        assert _expires(client) == 30_000


def _expires(client: Any) -> int:
    return int(client.info("keyspace").get("db0", {}).get("expires", 0))


async def test_a_data_store_waits_for_approval_with_the_dry_run_in_status(
    server: RedisServer,
) -> None:
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(300)})
        client.mset({f"lock:{n}": "x" for n in range(40)})
        client.hset("user:1", "name", "x")
        tuning = Tuning(secret_of(server), defaultTTL={"ttl": "1h", "include": ["*"]})
        observed, decision = await tuning.look()
        [action] = decision.actions
        assert (action.risk, action.blocked_by) == (Risk.HIGH, None)
        assert "about 301 keys" in action.reason
        assert "Revert cannot take TTLs back" in action.reason
        before = hits(server)
        status = tuning.kind.report(
            tuning.resource, observed, decision, Display(tuning.now)
        ).wire()["sweep"]
        assert status["preview"][0] == {
            "prefix": "page", "type": "string", "keys": 300, "withoutTTL": 300, "protected": 0,
        }  # fmt: skip
        assert {row["prefix"]: row["protected"] for row in status["preview"]}["lock"] == 40
        assert _expires(client) == 0, "nothing was written"
        assert hits(server) == before
        assert tuning.memory.own_hits == before, "every hit of ours is counted"


async def test_the_command_tells_first_and_sweeps_when_approved(
    server: RedisServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDISCLI_AUTH", server.password)
    command = ["sweep", "redis", f"redis://127.0.0.1:{server.port}", "--include", "page:*"]
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(300)})
        assert await asyncio.to_thread(main, [*command, "--dry-run"]) == 0
        out = capsys.readouterr().out
        assert "about 300 of 300 keys" in out
        assert "nothing was changed" in out
        assert _expires(client) == 0
        assert await asyncio.to_thread(main, [*command, "--approve"]) == 0
        assert "300 keys were given a TTL" in capsys.readouterr().out
        assert _expires(client) == 300
        assert await asyncio.to_thread(main, [*command, "--ttl", "1y"]) == 2
        assert "--ttl" in capsys.readouterr().err


async def test_the_hit_rate_at_other_sizes_is_polled(server: RedisServer) -> None:
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(300)})
        client.config_resetstat()
        async with connect(from_secret("r", secret_of(server)), NETWORK) as ours:
            sizing = await poll(ours, 0.5, 5)
        assert sizing.polls == 5
        assert sizing.resident == 300
        assert sizing.curve() == [], "nobody looked anything up"
        client.config_set("maxmemory-policy", "allkeys-lfu")
        with pytest.raises(Failure, match="unknown under allkeys-lfu"):
            async with connect(from_secret("r", secret_of(server)), NETWORK) as ours:
                await poll(ours, 0.5, 5)


async def test_the_curve_of_sizes_is_printed(
    server: RedisServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDISCLI_AUTH", server.password)
    command = ["size", "redis", f"redis://127.0.0.1:{server.port}"]
    with server.client() as client:
        client.mset({f"page:{n}": "x" for n in range(100)})
    assert await asyncio.to_thread(main, [*command, "--minutes", "0.005", "--polls", "3"]) == 0
    assert "unknown" in capsys.readouterr().out
    assert await asyncio.to_thread(main, [*command, "--polls", "1"]) == 2


async def test_sizes_are_measured_beside_the_loop_and_cost_no_hit(server: RedisServer) -> None:
    with server.client() as client:
        for number in range(200):
            client.set(f"page:{number}", "x" * 100)
    tuning = Tuning(secret_of(server), sizing={"every": "1h", "duration": "1m"})
    observed, _ = await tuning.look()
    assert observed.sizing is None
    subject = Subject(tuning.resource.key, tuning.resource.uid)
    await _until(lambda: tuning.kind._sizer._hits.get(subject, 0) >= 200)
    _, decision = await tuning.look()
    assert decision.memory.own_hits >= 200
    again = tuning.kind.new_memory({"sizing": {"measuredAt": "2026-11-24T12:00:00Z"}})
    assert again.sizing is not None
    await tuning.kind._sizer._beside.close()


async def _until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not check():  # noqa: ASYNC110 - the measurement runs meanwhile
            await asyncio.sleep(0.05)
