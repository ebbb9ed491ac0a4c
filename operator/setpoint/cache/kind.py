"""CacheTuning as the engine sees it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from setpoint.api.cachetuning import (
    CacheTuning,
    CacheTuningSpec,
    CacheTuningStatus,
    DefaultTTL,
    SweepPhase,
    SweepStatus,
)
from setpoint.api.plan import Applied, PlanOp
from setpoint.cache import act, decide, observe, passes, report, settings, sweep_nodes
from setpoint.cache.model import Memory, Observed, Setting
from setpoint.cache.observe import Look
from setpoint.cache.sweep_preview import Preview
from setpoint.cache.target import RedisTarget, from_secret
from setpoint.engine.display import Display
from setpoint.engine.fence import ALONE, Fence
from setpoint.engine.model import Action, Decision, Resource
from setpoint.telemetry import metrics
from setpoint.trust.network import Network
from setpoint.trust.secrets import SecretReader


def _now() -> datetime:
    return datetime.now(UTC)


class CacheTuningKind:
    """Implements engine.kind.Kind; it remembers samples and the sweep's place."""

    names = CacheTuning.names
    spec_model = CacheTuningSpec

    def __init__(
        self,
        secrets: SecretReader,
        network: Network,
        now: Callable[[], datetime] = _now,
        fence: Fence = ALONE,
    ) -> None:
        self._fence = fence
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
        target = await self._target(resource)
        observed = await observe.observe(target, look)
        return await self._looked_ahead(target, spec, observed, memory)

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
        return decide.decide(resource.spec, observed, memory, now, resource.generation)

    async def act(
        self, resource: Resource[CacheTuningSpec], action: Action, memory: Memory
    ) -> Memory:
        """Set one setting, or sweep for a slice. Raises Failure."""
        if action.op is PlanOp.SWEEP:
            target = await self._target(resource)
            swept = await self._sweep(target, action.payload, memory)
            _count(resource, memory.sweep, swept.sweep)
            return swept
        name, value = action.payload
        target, rewrite = await self._target(resource), resource.spec.config.rewrite
        run_ids = await act.set_everywhere(
            target, self._network, name, value, rewrite=rewrite, fence=self._fence
        )
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

    async def _sweep(self, target: RedisTarget, default: DefaultTTL, memory: Memory) -> Memory:
        current, hits = await sweep_nodes.go_on(
            target, self._network, default, memory.sweep, self._now(), fence=self._fence
        )
        return replace(memory, sweep=current, own_hits=memory.own_hits + hits)

    async def _looked_ahead(
        self, target: RedisTarget, spec: CacheTuningSpec, observed: Observed, memory: Memory
    ) -> Observed:
        """What a sweep that waits for approval would do, a slice further."""
        default = spec.default_ttl
        if default is None or not decide.wants_preview(spec, observed, memory, self._now()):
            return observed
        name = passes.digest(default)
        preview = memory.preview
        if preview is None or preview.digest != name:
            preview = Preview(name)
        hits = await sweep_nodes.look_on(target, self._network, default, preview)
        return replace(observed, preview=preview, own_hits=observed.own_hits + hits)

    async def _target(self, resource: Resource[CacheTuningSpec]) -> RedisTarget:
        name = resource.spec.redis.secret_ref.name
        return from_secret(name, await self._secrets.read(resource.key.namespace, name))


def _count(
    resource: Resource[CacheTuningSpec], before: SweepStatus | None, after: SweepStatus | None
) -> None:
    """Progress for Prometheus. A pass that begins anew counts from 0."""
    if after is None:
        return
    if before is None or before.phase is not SweepPhase.RUNNING or after.scanned < before.scanned:
        before = SweepStatus(phase=SweepPhase.PENDING)
    labels = resource.key.namespace, resource.key.name
    metrics.SWEPT_KEYS.labels(*labels, "scanned").inc(after.scanned - before.scanned)
    metrics.SWEPT_KEYS.labels(*labels, "changed").inc(after.changed - before.changed)
