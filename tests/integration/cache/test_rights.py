"""The ACLs of deploy/redis on each generation: enough, and no command too many."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from setpoint.api.cachetuning import SweepPhase
from setpoint.engine.failure import Failure
from stack.certs import Authority
from stack.redis import RedisSentinel, RedisServer, versions
from tests.integration.cache.conftest import GENERATIONS, Tuning

ACLS = Path(__file__).parents[3] / "deploy/redis"
FILES = {"6.2": "6.2", "7.0": "7.0", "8.2": "8.0"}
"""By the version of the server; for 7.2, of which there is no server here, is what 7.0 and 8.0 need."""
ALWAYS = {"auth", "hello", "client|setinfo", "config|resetstat", "acl|log", "acl"}
"""What needs no right, and what the test does itself."""
FULL: dict[str, Any] = {
    "config": {"maxmemorySamples": 10, "rewrite": True},
    "defaultTTL": {"ttl": "1h", "include": ["page:*", "user:*"]},
}


@pytest.fixture(params=GENERATIONS)
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def server(version: str, run_dir: Path, authority: Authority) -> Iterator[RedisServer]:
    name = f"rights-{version}-{len(list(run_dir.iterdir()))}"
    program = versions()[version]
    with RedisServer(run_dir, authority, name=name, program=program) as found:
        with found.client() as client, found.client(3) as third:
            client.mset({f"page:{n}": "x" for n in range(700)})  # more than one sample holds
            for number in range(200):
                client.hset(f"user:{number}", "name", "x")
            third.set("page:1", "x")
        yield found


def install(server: RedisServer, *names: str, more: tuple[str, ...] = ()) -> set[str]:
    """Make the user of these files, as an administrator does it; the commands it is given."""
    words = [w for name in names for w in (ACLS / f"{name}.acl").read_text().split()[2:]]
    rules = [word.replace("CHOOSE-ONE", "s3cret") for word in (*words, *more)]
    server.cli("ACL", "SETUSER", "setpoint", *rules)
    server.cli("ACL", "LOG", "RESET")
    server.cli("CONFIG", "RESETSTAT")
    return {rule.removeprefix("+") for rule in rules if rule.startswith("+")}


def secret(server: RedisServer) -> dict[str, str]:
    return {"url": f"redis://setpoint:s3cret@127.0.0.1:{server.port}/0"}


def used(server: RedisServer) -> set[str]:
    """Commands that were carried out; before 7.0 a command is counted with its subcommands."""
    stats = server.cli("INFO", "commandstats")
    return {name.removeprefix("cmdstat_") for name in stats} - ALWAYS


def check(server: RedisServer, granted: set[str], version: str) -> None:
    assert server.cli("ACL", "LOG") == [], "a command or a key was denied"
    if version == "6.2":
        granted = {command.partition("|")[0] for command in granted}
    assert used(server) == granted


async def test_observing_takes_what_the_acl_has(server: RedisServer, version: str) -> None:
    granted = install(server, f"observe-{FILES[version]}")
    tuning = Tuning(secret(server), **FULL)
    for _ in range(4):
        observed, _ = await tuning.look(seconds=700)

    assert observed.denied == frozenset()
    check(server, granted, version)


async def test_enforcing_takes_what_the_acl_has(server: RedisServer, version: str) -> None:
    granted = install(server, f"enforce-{FILES[version]}")
    tuning = Tuning(secret(server), **FULL)
    for _ in range(8):
        await tuning.settle()
        if tuning.memory.sweep and tuning.memory.sweep.phase is SweepPhase.DONE:
            break

    assert tuning.memory.sweep is not None
    assert tuning.memory.sweep.changed == 901
    check(server, granted, version)


async def test_a_cluster_takes_cluster_nodes_too(
    version: str, run_dir: Path, authority: Authority
) -> None:
    with RedisServer(
        run_dir,
        authority,
        name=f"rights-cluster-{version}",
        program=versions()[version],
        cluster_enabled="yes",
    ) as node:
        install(node, f"observe-{FILES[version]}")
        assert "cluster|nodes" in (await Tuning(secret(node), **FULL).look())[0].denied
        install(node, f"observe-{FILES[version]}", more=("+cluster|nodes",))
        assert (await Tuning(secret(node), **FULL).look())[0].denied == frozenset()


async def test_sentinel_takes_what_its_acl_has(
    server: RedisServer, version: str, run_dir: Path, authority: Authority
) -> None:
    program = versions()[version]
    install(server, f"observe-{FILES[version]}")
    with RedisSentinel(
        run_dir, authority, server, name=f"rights-sentinel-{version}", program=program
    ) as sentinel:
        granted = install_on_sentinel(sentinel)
        data = {
            "sentinels": f"127.0.0.1:{sentinel.port}",
            "master-name": "mymaster",
            "username": "setpoint",
            "password": "s3cret",
            "sentinel-username": "setpoint",
            "sentinel-password": "s3cret",
        }
        await Tuning(data).look()
        assert sentinel.cli("ACL", "LOG") == []
        for command in granted:
            sentinel.cli("ACL", "SETUSER", "setpoint", f"-{command.partition('|')[0]}")
            sentinel.cli("ACL", "LOG", "RESET")
            with contextlib.suppress(Failure):  # what it lacks is in the log
                await Tuning(data).look()
            assert sentinel.cli("ACL", "LOG"), f"{command} is never used"
            sentinel.cli("ACL", "SETUSER", "setpoint", f"+{command}")


def install_on_sentinel(sentinel: RedisSentinel) -> set[str]:
    rules = (ACLS / "sentinel.acl").read_text().replace("CHOOSE-ONE", "s3cret").split()[2:]
    sentinel.cli("ACL", "SETUSER", "setpoint", *rules)
    sentinel.cli("ACL", "LOG", "RESET")
    return {rule.removeprefix("+") for rule in rules if rule.startswith("+")}


def test_between_generations_both_are_needed() -> None:
    def commands(name: str) -> set[str]:
        return set((ACLS / f"{name}.acl").read_text().split())

    assert commands("enforce-7.2") == commands("enforce-7.0") | commands("enforce-8.0")
    assert commands("observe-7.2") == commands("observe-8.0")


def test_the_documentation_has_the_same_commands() -> None:
    text = (Path(__file__).parents[3] / "docs/rights.md").read_text()
    for path in ACLS.glob("*.acl"):
        assert f"[{path.name}](" in text
        assert path.read_text().strip() in text, f"docs/rights.md lacks the line of {path.name}"
