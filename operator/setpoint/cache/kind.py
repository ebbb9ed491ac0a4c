"""CacheTuning as the engine sees it."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from setpoint.api.cachetuning import (
    CacheTuning,
    CacheTuningSpec,
    CacheTuningStatus,
    DefaultTTL,
    SizingStatus,
    SweepPhase,
    SweepStatus,
)
from setpoint.api.conditions import Reason
from setpoint.api.elasticache import ElastiCache
from setpoint.api.plan import Applied, PlanOp
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.reads import Reads
from setpoint.cache import act, decide, growth, observe, passes, report, settings, sweep_nodes
from setpoint.cache.elasticache import act as parameter_group
from setpoint.cache.elasticache import observe as elasticache
from setpoint.cache.elasticache import settings as parameters
from setpoint.cache.elasticache.model import PREFIX, ElastiCacheObserved, Order
from setpoint.cache.model import Memory, Observed, Setting
from setpoint.cache.observe import Look
from setpoint.cache.sizer import Sizer
from setpoint.cache.sweep_preview import Preview
from setpoint.cache.target import RedisTarget, from_secret
from setpoint.engine.beside import Beside
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure, caught
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
        gateway: AWSGateway,
        reads: Reads,
        now: Callable[[], datetime] = _now,
        beside: Beside[SizingStatus] | None = None,
        fence: Fence = ALONE,
    ) -> None:
        self._sizer = Sizer(network, beside or Beside(now))
        self._fence = fence
        self._secrets = secrets
        self._network = network
        self._gateway = gateway
        self._reads = reads
        self._now = now

    def lane(self, namespace: str, spec: CacheTuningSpec) -> str:
        """Bounded by server, as far as its Secret tells, else by region."""
        if spec.redis is not None:
            return f"redis/{namespace}/{spec.redis.secret_ref.name}"
        return f"aws/{self._gateway.default_region(spec.aws)}"

    def claim(self, namespace: str, spec: CacheTuningSpec) -> str | None:
        """The cache of ElastiCache: the role stands for the account. Which server a Secret leads to
        is told by a look only."""
        if spec.elasti_cache is None:
            return None
        where = f"{self._gateway.default_region(spec.aws)}/{spec.aws.role or 'own'}"
        return f"aws/{where}/{spec.elasti_cache.resource}"

    def announce(self, namespace: str, spec: CacheTuningSpec) -> None:
        """Its first look is soon enough."""

    def new_memory(self, status: dict[str, Any]) -> Memory:
        """The sweep's place and an earlier count from status; samples begin anew."""
        try:
            stored = SweepStatus.model_validate(status["sweep"]) if status.get("sweep") else None
        except ValidationError:  # somebody else wrote it: sweep from the start
            stored = None
        try:
            found = status.get("sizing")
            sizing = SizingStatus.model_validate(found) if found else None
        except ValidationError:
            sizing = None
        earlier = growth.recall(status.get("baseline"))
        return Memory(sweep=stored, shown_sweep=stored, sizing=sizing, earlier=earlier)

    async def observe(self, resource: Resource[CacheTuningSpec], memory: Memory) -> Observed:
        """One look at all servers, and at what AWS says of them, at once. Raises Failure where
        there is nothing to see."""
        redis, cache = resource.spec.redis, resource.spec.elasti_cache
        async with asyncio.TaskGroup() as group:
            servers = managed = None
            if redis is not None:
                servers = group.create_task(caught(self._servers(resource, memory)))
            if cache is not None:
                managed = group.create_task(caught(self._elasticache(resource, cache, memory)))
        return _together(
            servers.result() if servers else None, managed.result() if managed else None
        )

    def targets(self, observed: Observed) -> Sequence[str]:
        """The ARN of the cache; the server's run id, which changes when it restarts."""
        found = [observed.elasticache.arn] if observed.elasticache is not None else []
        if observed.nodes and observed.run_id:
            found.append(f"redis/{observed.run_id}")
        return found

    def decide(
        self,
        resource: Resource[CacheTuningSpec],
        observed: Observed,
        memory: Memory,
        now: datetime,
    ) -> Decision[Memory]:
        """The plan, the findings and the values to alert on."""
        return decide.decide(
            resource.spec, observed, memory, now, resource.generation, resource.status
        )

    async def act(
        self, resource: Resource[CacheTuningSpec], action: Action, memory: Memory
    ) -> Memory:
        """Set one setting, or sweep for a slice; nothing for None, which goes along with the action
        before. Raises Failure."""
        payload = action.payload
        if payload is None:
            return memory
        if isinstance(payload, Order):
            return await self._change(resource, payload, memory)
        if action.op is PlanOp.SWEEP:
            target = await self._target(resource)
            swept = await self._sweep(target, payload, memory)
            _count(resource, memory.sweep, swept.sweep)
            return swept
        name, value = payload
        target, rewrite = await self._target(resource), resource.spec.config.rewrite
        run_ids = await act.set_everywhere(
            target, self._network, name, value, rewrite=rewrite, fence=self._fence
        )
        return _with_settings(memory, {name: value}, resource.generation, run_ids)

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
        """Put settings back; TTLs cannot be taken back. Raises Failure where a parameter group
        cannot be seen."""
        cache = resource.spec.elasti_cache
        if not any(entry.object.startswith(PREFIX) for entry in applied):
            return settings.revert(observed, applied) if observed.nodes else []
        if cache is None or observed.elasticache is None:
            raise _unseen(observed)
        return parameters.revert(observed.elasticache, applied, frozenset(cache.shared_with))

    async def _servers(self, resource: Resource[CacheTuningSpec], memory: Memory) -> Observed:
        spec = resource.spec
        # ElastiCache refuses CONFIG, and its parameter group tells.
        names = settings.names(spec.config) if spec.elasti_cache is None else []
        look = Look(self._network, memory, self._now(), names)
        look.survey_wanted = settings.wants_survey(spec, None)
        target = await self._target(resource)
        hits_before = self._sizer.hits(resource)
        observed = replace(
            await observe.observe(target, look),
            sizing=self._sizer.ask(resource, target, memory.sizing),
            hits_before=hits_before,
        )
        return await self._looked_ahead(target, spec, observed, memory)

    async def _elasticache(
        self, resource: Resource[CacheTuningSpec], cache: ElastiCache, memory: Memory
    ) -> ElastiCacheObserved:
        return await elasticache.observe(
            elasticache.Look(
                self._gateway,
                self._reads,
                self._scope(resource, cache),
                cache,
                self._now(),
                whole=resource.spec.redis is None,
                known=memory.metrics,
                since=memory.changed_at,
            )
        )

    async def _change(
        self, resource: Resource[CacheTuningSpec], order: Order, memory: Memory
    ) -> Memory:
        cache = resource.spec.elasti_cache
        if cache is None:
            raise _unseen(Observed())
        scope = self._scope(resource, cache)
        await parameter_group.change(self._gateway, self._reads, scope, order)
        made = _with_settings(memory, order.values, resource.generation, {order.group})
        return replace(made, changed_at=self._reads.clock())

    def _scope(self, resource: Resource[CacheTuningSpec], cache: ElastiCache) -> Scope:
        return self._gateway.scope(resource.key.namespace, resource.spec.aws, cache.resource)

    async def _sweep(self, target: RedisTarget, default: DefaultTTL, memory: Memory) -> Memory:
        if memory.preview is None:
            raise Failure(Reason.BUSY, "the keys are still being looked through")
        kin = memory.preview.kin
        current, hits = await sweep_nodes.go_on(
            target, self._network, default, memory.sweep, self._now(), kin, fence=self._fence
        )
        return replace(memory, sweep=current, own_hits=memory.own_hits + hits)

    async def _looked_ahead(
        self, target: RedisTarget, spec: CacheTuningSpec, observed: Observed, memory: Memory
    ) -> Observed:
        """What the pass that is due would do, a slice further."""
        default = spec.default_ttl
        if default is None or not decide.wants_preview(spec, observed, memory, self._now()):
            return observed
        name, ended, preview = (
            passes.digest(default),
            passes.ended(default, memory.sweep),
            memory.preview,
        )
        if (
            preview is None
            or preview.is_complete
            or (preview.digest, preview.passes) != (name, ended)
        ):
            preview = Preview(name, ended, self._now())
        try:
            hits = await sweep_nodes.look_on(target, self._network, default, preview)
        except Failure as problem:  # the analysis goes on
            return replace(observed, failures=(*observed.failures, problem))
        return replace(observed, preview=preview, own_hits=observed.own_hits + hits)

    async def _target(self, resource: Resource[CacheTuningSpec]) -> RedisTarget:
        if resource.spec.redis is None:
            raise Failure(Reason.INVALID_SPEC, "spec.redis is needed to reach the keys")
        name = resource.spec.redis.secret_ref.name
        return from_secret(name, await self._secrets.read(resource.key.namespace, name))


def _together(
    servers: Observed | Failure | None, managed: ElastiCacheObserved | Failure | None
) -> Observed:
    """Both parts, each of which may have failed. Raises Failure where there is nothing to see."""
    failures = tuple(part for part in (managed, servers) if isinstance(part, Failure))
    seen = servers if isinstance(servers, Observed) else Observed()
    cache = managed if isinstance(managed, ElastiCacheObserved) else None
    if cache is None and not seen.nodes:
        raise failures[0] if failures else Failure(Reason.INVALID_SPEC, "set redis or elastiCache")
    return replace(seen, elasticache=cache, failures=(*failures, *seen.failures))


def _unseen(observed: Observed) -> Failure:
    """Why the parameter group cannot be put back."""
    if observed.failures:
        return observed.failures[0]
    return Failure(
        Reason.INVALID_SPEC, "spec.elastiCache was removed: its parameter group cannot be put back"
    )


def _with_settings(
    memory: Memory, values: Mapping[str, str], generation: int, where: Collection[str]
) -> Memory:
    """The memory with what was set; how often it was put back stays known."""
    for name, value in values.items():
        before = memory.settings.get(name)
        reversions = before.reversions if before is not None else 0
        made = Setting(value, generation, frozenset(where), reversions=reversions)
        memory = memory.with_setting(name, made)
    return memory


def _count(
    resource: Resource[CacheTuningSpec], before: SweepStatus | None, after: SweepStatus | None
) -> None:
    """Progress for Prometheus. A pass that begins anew counts from 0."""
    if after is None:
        return
    went_on = (
        before is not None
        and before.phase is SweepPhase.RUNNING
        and after.scanned >= before.scanned
        and after.changed >= before.changed  # a pass begun anew by a failover finds them changed
    )
    if before is None or not went_on:
        before = SweepStatus(phase=SweepPhase.PENDING)
    labels = resource.key.namespace, resource.key.name
    metrics.SWEPT_KEYS.labels(*labels, "scanned").inc(after.scanned - before.scanned)
    metrics.SWEPT_KEYS.labels(*labels, "changed").inc(after.changed - before.changed)
