"""CacheTuning as the engine sees it."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from redis.exceptions import RedisError

from setpoint.api.cachetuning import (
    CacheTuning,
    CacheTuningSpec,
    CacheTuningStatus,
    DefaultTTL,
    SweepStatus,
)
from setpoint.api.plan import Applied, PlanOp
from setpoint.cache import act, decide, nodes, observe, passes, report, settings, sweep
from setpoint.cache.connect import Client, connect, failure, leave_no_trace
from setpoint.cache.model import Memory, Observed, Setting
from setpoint.cache.observe import Look
from setpoint.cache.target import RedisTarget, from_secret
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

    def announce(self, namespace: str, spec: CacheTuningSpec) -> None:
        """Its server is read for it alone."""

    def new_memory(self, status: dict[str, Any]) -> Memory:
        """The sweep's place from status; samples begin anew."""
        try:
            stored = SweepStatus.model_validate(status["sweep"]) if status.get("sweep") else None
        except ValidationError:  # somebody else wrote it: sweep from the start
            stored = None
        return Memory(sweep=stored, shown_sweep=stored)

    async def observe(self, resource: Resource[CacheTuningSpec], memory: Memory) -> Observed:
        """One look at all servers. Raises Failure."""
        spec = resource.spec
        look = Look(self._network, memory, self._now(), settings.names(spec.config))
        look.survey_wanted = settings.wants_survey(spec, None)
        return await observe.observe(await self._target(resource), look)

    def targets(self, observed: Observed) -> Sequence[str]:
        """The server's run id; it changes when the server restarts."""
        return [f"redis/{observed.run_id}"] if observed.run_id else []

    def decide(
        self,
        resource: Resource[CacheTuningSpec],
        observed: Observed,
        memory: Memory,
        now: datetime,
    ) -> Decision[Memory]:
        """The plan, the findings and the values to alert on."""
        return decide.decide(resource.spec, observed, memory, now, resource.generation)

    async def act(
        self, resource: Resource[CacheTuningSpec], action: Action, memory: Memory
    ) -> Memory:
        """Set one setting, or sweep for a slice. Raises Failure."""
        if action.op is PlanOp.SWEEP:
            async with self._connected(resource) as client:
                return await self._sweep(client, action.payload, memory)
        name, value = action.payload
        target, rewrite = await self._target(resource), resource.spec.config.rewrite
        run_ids = await act.set_everywhere(target, self._network, name, value, rewrite=rewrite)
        before = memory.settings.get(name)
        reversions = before.reversions if before is not None else 0
        made = Setting(value, resource.generation, run_ids, reversions=reversions)
        return memory.with_setting(name, made)

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
        """Put settings back; TTLs cannot be taken back."""
        return settings.revert(observed, applied)

    async def _sweep(self, client: Client, default: DefaultTTL, memory: Memory) -> Memory:
        info = await observe.read_info(client)
        await leave_no_trace(client, info.version)
        now, run_id = self._now(), info.text("run_id")
        current = passes.begin(default, memory.sweep, run_id, now)
        try:
            current, hits = await sweep.run_slice(
                client,
                default,
                current,
                run_id,
                info.version,
                sorted(info.keyspace),
                now,
            )
        except RedisError as error:
            raise failure(error, "expire") from None
        return replace(memory, sweep=current, own_hits=memory.own_hits + hits)

    async def _target(self, resource: Resource[CacheTuningSpec]) -> RedisTarget:
        name = resource.spec.redis.secret_ref.name
        return from_secret(name, await self._secrets.read(resource.key.namespace, name))

    @contextlib.asynccontextmanager
    async def _connected(self, resource: Resource[CacheTuningSpec]) -> AsyncIterator[Client]:
        target = await nodes.seed(await self._target(resource), self._network)
        async with connect(target, self._network) as client:
            yield client
