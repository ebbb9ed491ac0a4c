"""What is found on real servers, and that looking leaves no trace."""

import re
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.cache import decide, window
from setpoint.engine.failure import Failure
from stack.redis import RedisServer
from tests.integration.cache.conftest import Tuning, ids, secret_of


def rates(tuning: Tuning, observed: Any) -> window.Rates:
    return window.rates(decide.windowed(tuning.resource.spec, observed, tuning.memory))


async def test_looking_adds_nothing_to_the_hit_rate(server: RedisServer, tuning: Tuning) -> None:
    with server.client() as client:
        client.mset({f"product:{n}": "x" * 20 for n in range(300)})
        await tuning.look()
        for n in range(100):
            client.get(f"product:{n}")
            client.get(f"missing:{n}")
    observed, _ = await tuning.look()
    found = rates(tuning, observed)
    assert (found.hit_rate, found.lookups) == (50.0, 200)
    observed, _ = await tuning.look(700)  # another sample of the keys
    assert observed.own_hits == 600
    observed, _ = await tuning.look(200)
    assert rates(tuning, observed).state == "NoTraffic"


async def test_looking_does_not_count_as_use(server: RedisServer, tuning: Tuning) -> None:
    """An LFU counter rises with use, without any waiting."""
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lfu")
        client.config_set("lfu-log-factor", 0)
        client.mset({f"k:{n}": "value" for n in range(50)})
        before = [client.object("freq", f"k:{n}") for n in range(50)]
        observed, _ = await tuning.look()
        after = [client.object("freq", f"k:{n}") for n in range(50)]
        client.get("k:1")
        used = client.object("freq", "k:1")
        client.config_set("lfu-log-factor", 10)
    assert observed.own_hits == 100
    assert after == before
    assert used > before[1]


async def test_a_reset_of_the_counters_is_no_window(server: RedisServer, tuning: Tuning) -> None:
    with server.client() as client:
        client.set("a", 1)
        for _ in range(300):
            client.get("a")
        await tuning.look()
        client.config_resetstat()
    observed, _ = await tuning.look()
    assert rates(tuning, observed).state == "Collecting"


async def test_writes_that_are_refused_are_found(server: RedisServer, tuning: Tuning) -> None:
    with server.client() as client:
        await tuning.look()
        client.config_set("maxmemory", "1kb")
        for _ in range(3):
            with pytest.raises(Exception, match="maxmemory"):
                client.set("a", "x" * 1000)
    _, decision = await tuning.look()
    refused = next(f for f in decision.findings if f.id == "OutOfMemoryRejections")
    assert refused.evidence.startswith("3 commands refused")
    assert "NoEvictionNearLimit" in ids(decision)


async def test_slow_commands_are_named_without_their_arguments(
    server: RedisServer, tuning: Tuning
) -> None:
    with server.client() as client:
        script = "local n = 0 while n < 3000000 do n = n + 1 end return n --secret"
        client.eval(script, 0)
    _, decision = await tuning.look()
    slow = next(f for f in decision.findings if f.id == "SlowCommands")
    assert "EVAL" in slow.evidence
    assert "secret" not in str(slow)


async def test_big_keys_and_shares_by_prefix(server: RedisServer, tuning: Tuning) -> None:
    with server.client() as client:
        client.set("blob:1", b"\xff\xfe" * 4 * 1024 * 1024)
        client.set(b"\xff\x00bin", "x", ex=1000)
    _, decision = await tuning.look()
    big = next(f for f in decision.findings if f.id == "BigKey")
    assert big.object == "blob:1"
    assert re.fullmatch(r"(8|9|10)\.[0-9] MiB, string", big.evidence), "as the allocator has it"
    assert {item.key for item in tuning.memory.sample} == {b"blob:1", b"\xff\x00bin"}


async def test_a_user_with_few_rights_sees_what_it_may(server: RedisServer) -> None:
    with server.client() as client:
        client.set("a", 1)
        client.execute_command(
            "ACL SETUSER", "few", "on", ">pw", "~*", "+info", "+client|setname", "+scan", "+type",
            "+select",
        )  # fmt: skip
    secret = {"host": "127.0.0.1", "port": str(server.port), "username": "few", "password": "pw"}
    _, decision = await Tuning(secret).look()
    missing = {f.object: f.remedy for f in decision.findings if f.id == "MissingPermission"}
    assert {"config|get", "slowlog|get", "latency|latest", "pttl"} <= set(missing)
    assert missing["config|get"] == "ACL SETUSER few +config|get"
    _, decision = await Tuning(secret, config={"maxmemorySamples": 10}).look()
    assert decision.failures[0].reason is Reason.ACCESS_DENIED


async def test_the_acl_line_of_the_docs_is_enough(server: RedisServer) -> None:
    with server.client() as client:
        version = tuple(map(int, client.info("server")["redis_version"].split(".")[:2]))
        rights = [
            "+info",
            "+config|get",
            "+config|set",
            "+slowlog|get",
            "+latency|latest",
            "+client|setname",
            "+client|no-touch",
            "+select",
            "+scan",
            "+randomkey",
            "+type",
            "+pttl",
            "+memory|usage",
            "+cluster|nodes",
        ]
        if version < (7, 2):
            rights.remove("+client|no-touch")
        client.execute_command("ACL SETUSER", "enough", "on", ">pw", "~*", *rights)
        client.set("a", 1)
    secret = {"host": "127.0.0.1", "port": str(server.port), "username": "enough"}
    tuning = Tuning({**secret, "password": "pw"}, config={"maxmemorySamples": 10})
    observed, _ = await tuning.look()
    assert observed.denied == frozenset()
    assert (await tuning.settle()).actions == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": "wrong"}, Reason.AUTHENTICATION_FAILED),
        ({"port": "1"}, Reason.CONNECTION_FAILED),
        ({"tls": "true"}, Reason.TLS_FAILED),
        ({"host": "169.254.169.254"}, Reason.HOST_REFUSED),
    ],
)
async def test_a_server_that_cannot_be_used(
    server: RedisServer, changes: dict[str, str], reason: Reason
) -> None:
    secret = {"host": "127.0.0.1", "port": str(server.port), "password": server.password}
    if "tls" in changes:
        secret["port"] = str(server.tls_port)
    with pytest.raises(Failure) as caught:
        await Tuning({**secret, **changes}).look()
    assert caught.value.reason is reason
    assert server.password not in caught.value.message


async def test_tls_is_verified_by_name(server: RedisServer) -> None:
    observed, _ = await Tuning(secret_of(server, tls=True)).look()
    assert observed.version.startswith(("6.2", "7.0", "8.2"))


async def test_info_that_is_taken_away(server: RedisServer) -> None:
    with server.client() as client:
        client.execute_command("ACL SETUSER", "none", "on", ">pw", "~*", "+ping")
    secret = {"host": "127.0.0.1", "port": str(server.port), "username": "none", "password": "pw"}
    with pytest.raises(Failure) as caught:
        await Tuning(secret).look()
    assert caught.value.reason is Reason.ACCESS_DENIED
    assert "+info" in caught.value.message
