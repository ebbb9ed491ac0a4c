"""Redis of three generations, and a network that lets the tests' own machine be reached."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from setpoint.api.cachetuning import CacheTuningSpec
from setpoint.aws.reads import Reads
from setpoint.cache.kind import CacheTuningKind
from setpoint.cache.model import Memory, Observed
from setpoint.config import Config
from setpoint.engine.model import Decision, Key, Resource
from setpoint.trust.network import Network
from stack.certs import Authority
from stack.redis import RedisServer, versions
from tests.integration.aws.account import gateway

GENERATIONS = ("6.2", "7.0", "8.2")
NETWORK = Network(lambda: Config.model_validate({"networks": {"allow": ["127.0.0.0/8", "::1"]}}))


class Secrets:
    """The Secrets of the tests' namespace."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {}

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        return self.data


class Tuning:
    """One resource, looked at and acted on as the engine does it; its clock is the test's."""

    def __init__(self, secret: dict[str, str], **spec: Any) -> None:
        self.secrets = Secrets()
        self.secrets.data = secret
        self.now = datetime.now(UTC)
        aws = gateway()
        self.kind = CacheTuningKind(self.secrets, NETWORK, aws, Reads(aws), lambda: self.now)
        self.memory = Memory()
        self.resource = self._resource(spec)

    async def look(self, seconds: float = 60) -> tuple[Observed, Decision[Memory]]:
        self.now += timedelta(seconds=seconds)
        observed = await self.kind.observe(self.resource, self.memory)
        decision = self.kind.decide(self.resource, observed, self.memory, self.now)
        self.memory = decision.memory
        return observed, decision

    async def settle(self) -> Decision[Memory]:
        """Look, carry everything out, and look again."""
        _, decision = await self.look()
        for action in decision.actions:
            if action.blocked_by is None:
                self.memory = await self.kind.act(self.resource, action, self.memory)
        return (await self.look())[1]

    def respec(self, **spec: Any) -> None:
        self.resource = self._resource(spec, self.resource.generation + 1)

    @staticmethod
    def _resource(spec: dict[str, Any], generation: int = 1) -> Resource[CacheTuningSpec]:
        made = CacheTuningSpec.model_validate({"redis": {"secretRef": {"name": "r"}}, **spec})
        key = Key("cachetunings", "shop", "sessions")
        return Resource(key, "u1", generation, datetime.now(UTC), made, {})


@pytest.fixture(scope="session")
def servers(run_dir: Path, authority: Authority) -> Iterator[dict[str, RedisServer]]:
    started: dict[str, RedisServer] = {}
    try:
        for version, program in versions().items():
            name = f"redis-{version}"
            started[version] = RedisServer(run_dir, authority, name=name, program=program)
        yield started
    finally:
        for server in started.values():
            server.stop()


@pytest.fixture(params=GENERATIONS)
def server(request: pytest.FixtureRequest, servers: dict[str, RedisServer]) -> RedisServer:
    """One of each generation, empty, with its defaults."""
    found = servers[request.param]
    with found.client() as client:
        client.flushall()
        client.config_resetstat()
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-samples", 5)
        client.execute_command("SLOWLOG RESET")
    return found


@pytest.fixture
def tuning(server: RedisServer) -> Tuning:
    return Tuning(secret_of(server))


def secret_of(server: RedisServer, *, tls: bool = False) -> dict[str, str]:
    ca = {"ca.crt": server.ca_file.read_text()} if tls else {}
    return {"url": server.url(tls=tls, host="localhost" if tls else "127.0.0.1"), **ca}


def ids(decision: Decision[Memory]) -> list[str]:
    return [finding.id for finding in decision.findings]
