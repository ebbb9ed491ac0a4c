"""CacheTuning as the engine sees it."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from redis.exceptions import RedisError

from setpoint.api.alerts import SlackTarget
from setpoint.api.cachetuning import (
    CacheTuning,
    CacheTuningSpec,
    CacheTuningStatus,
    DefaultTTL,
    SweepStatus,
)
from setpoint.api.plan import Applied, PlanOp, Risk
from setpoint.cache import decide, observe, passes, report, sweep
from setpoint.cache.connect import Client, connect, failure
from setpoint.cache.model import Memory, Observed
from setpoint.cache.target import from_secret
from setpoint.engine.display import Display
from setpoint.engine.model import Action, Decision, Resource
from setpoint.trust.network import Network
from setpoint.trust.secrets import SecretReader


def _now() -> datetime:
    return datetime.now(UTC)


class CacheTuningKind:
    """Implements engine.kind.Kind; it remembers samples and the sweep's place."""

    names = CacheTuning.names
    spec_model = CacheTuningSpec

    def __init__(
        self, secrets: SecretReader, network: Network, now: Callable[[], datetime] = _now
    ) -> None:
        self._secrets = secrets
        self._network = network
        self._now = now

    def lane(self, namespace: str, spec: CacheTuningSpec) -> str:
        """Bounded by server, as far as its Secret tells."""
        return f"redis/{namespace}/{spec.redis.secret_ref.name}"

    def claim(self, namespace: str, spec: CacheTuningSpec) -> str | None:
        """Only a look tells which server it is."""
        return None

    def slack(self, spec: CacheTuningSpec) -> SlackTarget | None:
        """Where its alerts go."""
        return spec.alerts.slack

    def new_memory(self, status: dict[str, Any]) -> Memory:
        """The sweep's place from status; samples begin anew."""
        try:
            stored = SweepStatus.model_validate(status["sweep"]) if status.get("sweep") else None
        except ValidationError:  # somebody else wrote it: sweep from the start
            stored = None
        return Memory(sweep=stored, shown_sweep=stored)

    async def observe(self, resource: Resource[CacheTuningSpec], memory: Memory) -> Observed:
        """One INFO. Raises Failure."""
        async with self._connected(resource) as client:
            return await observe.observe(client)

    def identity(self, observed: Observed) -> str | None:
        """The server's run id; it changes when the server restarts."""
        return f"redis/{observed.run_id}" if observed.run_id else None

    def decide(
        self,
        resource: Resource[CacheTuningSpec],
        observed: Observed,
        memory: Memory,
        now: datetime,
    ) -> Decision[Memory]:
        """The plan, the findings and the values to alert on."""
        return decide.decide(resource.spec, observed, memory, now)

    async def act(
        self, resource: Resource[CacheTuningSpec], action: Action, memory: Memory
    ) -> Memory:
        """Set one setting, or sweep for a slice. Raises Failure."""
        async with self._connected(resource) as client:
            if action.op is PlanOp.SWEEP:
                return await self._sweep(client, action.payload, memory)
            try:
                await client.config_set(*action.payload)
            except RedisError as error:
                raise failure(error, "config|set") from None
            return memory

    def report(
        self,
        resource: Resource[CacheTuningSpec],
        observed: Observed,
        decision: Decision[Memory],
        display: Display,
    ) -> CacheTuningStatus:
        """The kind's own part of status."""
        return report.report(resource.spec, observed, decision.memory, resource.status, display)

    def revert(
        self,
        resource: Resource[CacheTuningSpec],
        observed: Observed,
        applied: Sequence[Applied],
    ) -> Sequence[Action]:
        """Put the eviction policy back; TTLs cannot be taken back."""
        return [
            Action(
                op=PlanOp.UPDATE,
                object=entry.object,
                field=entry.field,
                from_=observed.policy,
                to=entry.original,
                reason="the resource is deleted and its deletionPolicy is Revert",
                risk=Risk.HIGH,
                payload=(entry.field, entry.original),
            )
            for entry in applied
            if entry.field == "maxmemory-policy" and entry.original != observed.policy
        ]

    async def _sweep(self, client: Client, settings: DefaultTTL, memory: Memory) -> Memory:
        try:
            info = await client.info()
            observed = observe.read(info)
            now = self._now()
            current = passes.begin(settings, memory.sweep, observed.run_id, now)
            current, hits = await sweep.run_slice(
                client, settings, current, info, observed.keyspace, now
            )
        except RedisError as error:
            raise failure(error, "expire") from None
        return replace(memory, sweep=current, own_hits=memory.own_hits + hits)

    @contextlib.asynccontextmanager
    async def _connected(self, resource: Resource[CacheTuningSpec]) -> AsyncIterator[Client]:
        name = resource.spec.redis.secret_ref.name
        data = await self._secrets.read(resource.key.namespace, name)
        async with connect(from_secret(name, data), self._network) as client:
            yield client
