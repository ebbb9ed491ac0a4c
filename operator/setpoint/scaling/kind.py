"""ScalingPolicy as the engine sees it."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from setpoint.api.base import Mode
from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied
from setpoint.api.scalingpolicy import ScalingPolicy, ScalingPolicySpec, ScalingPolicyStatus
from setpoint.aws.gateway import AWSGateway
from setpoint.aws.reads import Reads
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action, Decision, Resource
from setpoint.engine.plan import APPROVE
from setpoint.engine.store import requested_of
from setpoint.scaling import act, decide, observe, report, revert, support
from setpoint.scaling.model import Memory, Observed, grant_name, scalable_id
from setpoint.scaling.observe import Look


def _now() -> datetime:
    return datetime.now(UTC)


class ScalingKind:
    """Implements engine.kind.Kind."""

    names = ScalingPolicy.names
    spec_model = ScalingPolicySpec

    def __init__(
        self, gateway: AWSGateway, reads: Reads, now: Callable[[], datetime] = _now
    ) -> None:
        self._gateway = gateway
        self._reads = reads
        self._now = now

    def lane(self, namespace: str, spec: ScalingPolicySpec) -> str:
        """Bounded by region."""
        return f"aws/{self._gateway.default_region(spec.aws)}"

    def claim(self, namespace: str, spec: ScalingPolicySpec) -> str:
        """The scalable target, as far as the spec names it: the role stands for the account."""
        where = f"{self._gateway.default_region(spec.aws)}/{spec.aws.role or 'own'}"
        return f"aws/{where}/{scalable_id(spec.target)}"

    def announce(self, namespace: str, spec: ScalingPolicySpec) -> None:
        """The first reads of many resources, as after a start, are made together."""
        if support.problem(spec) is not None:
            return
        target = scalable_id(spec.target)
        with contextlib.suppress(Failure):  # its first look says so
            scope = self._gateway.scope(namespace, spec.aws, grant_name(target))
            observe.expect(self._reads, scope, target, spec)

    def new_memory(self, status: dict[str, Any]) -> Memory:
        """Nothing is known."""
        return Memory()

    async def observe(self, resource: Resource[ScalingPolicySpec], memory: Memory) -> Observed:
        """Read AWS. Raises Failure.

        What others' looks brought is good enough to see that nothing differs. Nothing is written on
        the strength of it: where something differs, what is older than this look is read anew.
        """
        start = self._reads.clock()
        look = self._look(resource, memory)
        if observe.changed(resource, memory, requested_of(resource.annotations)):
            return await observe.observe(replace(look, since=start))
        observed = await observe.observe(look)
        if not _may_act(resource):
            return observed
        if not decide.decide(resource, observed, memory, look.now).actions:
            return observed
        return await observe.observe(replace(look, since=start))

    def targets(self, observed: Observed) -> Sequence[str]:
        """The scalable target with its account: two roles may lead to the same."""
        return [f"aws/{observed.account}/{observed.region}/{observed.id}"]

    def decide(
        self,
        resource: Resource[ScalingPolicySpec],
        observed: Observed,
        memory: Memory,
        now: datetime,
    ) -> Decision[Memory]:
        """The plan, the findings and the values to alert on."""
        return decide.decide(resource, observed, memory, now)

    async def act(
        self, resource: Resource[ScalingPolicySpec], action: Action, memory: Memory
    ) -> Memory:
        """One call. Raises Failure."""
        scope = self._look(resource, memory).scope
        clock = self._reads.clock()
        return await act.act(self._gateway, scope, action.payload, memory, clock)

    def report(
        self,
        resource: Resource[ScalingPolicySpec],
        observed: Observed,
        decision: Decision[Memory],
        display: Display,
    ) -> ScalingPolicyStatus:
        """The kind's own part of status."""
        return report.report(resource, observed, display)

    def revert(
        self,
        resource: Resource[ScalingPolicySpec],
        observed: Observed,
        applied: Sequence[Applied],
    ) -> Sequence[Action]:
        """Remove what was created, put back what was changed."""
        return revert.revert(observed, applied)

    def _look(self, resource: Resource[ScalingPolicySpec], memory: Memory) -> Look:
        """Raises Failure for what the grants or AWS do not allow, before any call."""
        spec = resource.spec
        if (problem := support.problem(spec)) is not None:
            raise Failure(Reason.INVALID_SPEC, problem)
        target = scalable_id(spec.target)
        scope = self._gateway.scope(resource.key.namespace, spec.aws, grant_name(target))
        return Look(
            self._gateway, self._reads, scope, target, resource, memory, self._now(), since=None
        )


def _may_act(resource: Resource[ScalingPolicySpec]) -> bool:
    """Whether a difference could lead to a write."""
    return resource.spec.mode is Mode.ENFORCE or (
        resource.spec.mode is Mode.PLAN and APPROVE in resource.annotations
    )
