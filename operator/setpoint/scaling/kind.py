"""ScalingPolicy as the engine sees it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from setpoint.api.alerts import SlackTarget
from setpoint.api.plan import Applied
from setpoint.api.scalingpolicy import ScalingPolicy, ScalingPolicySpec, ScalingPolicyStatus
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.engine.display import Display
from setpoint.engine.model import Action, Decision, Resource
from setpoint.scaling import act, decide, observe, report, revert
from setpoint.scaling.model import DIMENSION, Observed


def _now() -> datetime:
    return datetime.now(UTC)


class ScalingKind:
    """Implements engine.kind.Kind; it remembers nothing between two looks."""

    names = ScalingPolicy.names
    spec_model = ScalingPolicySpec

    def __init__(self, gateway: AWSGateway, now: Callable[[], datetime] = _now) -> None:
        self._gateway = gateway
        self._now = now

    def lane(self, namespace: str, spec: ScalingPolicySpec) -> str:
        """Bounded by region."""
        return f"aws/{self._gateway.default_region(spec.aws)}"

    def claim(self, namespace: str, spec: ScalingPolicySpec) -> str:
        """The scalable target, as far as the spec names it: the role stands for the account."""
        where = f"{self._gateway.default_region(spec.aws)}/{spec.aws.role or 'own'}"
        return f"aws/{where}/{_resource_id(spec)}/{DIMENSION}"

    def slack(self, spec: ScalingPolicySpec) -> SlackTarget | None:
        """Where its alerts go."""
        return spec.alerts.slack

    def new_memory(self, status: dict[str, Any]) -> None:
        """Nothing."""

    async def observe(self, resource: Resource[ScalingPolicySpec], memory: None) -> Observed:
        """Read AWS. Raises Failure."""
        scope = self._scope(resource)
        return await observe.observe(self._gateway, scope, resource.spec, self._now())

    def identity(self, observed: Observed) -> str:
        """The scalable target with its account: two roles may lead to the same."""
        return f"aws/{observed.account}/{observed.region}/{observed.resource_id}/{DIMENSION}"

    def decide(
        self,
        resource: Resource[ScalingPolicySpec],
        observed: Observed,
        memory: None,
        now: datetime,
    ) -> Decision[None]:
        """The plan and the values to alert on."""
        return decide.decide(resource, observed)

    async def act(
        self, resource: Resource[ScalingPolicySpec], action: Action, memory: None
    ) -> None:
        """One call to Application Auto Scaling. Raises Failure."""
        await act.act(self._gateway, self._scope(resource), action.payload)

    def report(
        self,
        resource: Resource[ScalingPolicySpec],
        observed: Observed,
        decision: Decision[None],
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

    def _scope(self, resource: Resource[ScalingPolicySpec]) -> Scope:
        spec = resource.spec
        return self._gateway.scope(resource.key.namespace, spec.aws, _resource_id(spec))


def _resource_id(spec: ScalingPolicySpec) -> str:
    return f"service/{spec.target.ecs.cluster}/{spec.target.ecs.service}"
