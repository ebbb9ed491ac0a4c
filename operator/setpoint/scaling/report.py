"""Status of a ScalingPolicy. Pure."""

from collections.abc import Mapping
from typing import Any

from setpoint.api.scalingpolicy import (
    CapacityStatus,
    EffectiveBounds,
    MetricValues,
    PolicyState,
    PolicyStatus,
    ScalingPolicySpec,
    ScalingPolicyStatus,
    TargetTracking,
)
from setpoint.engine.display import MILLISECONDS, PERCENT, PERCENT_1, Display
from setpoint.engine.model import Resource
from setpoint.scaling.decide import differences, policy_for, policy_name
from setpoint.scaling.model import Observed


def report(
    resource: Resource[ScalingPolicySpec], observed: Observed, display: Display
) -> ScalingPolicyStatus:
    """The kind's own part of status."""
    spec, service, target = resource.spec, observed.service, observed.target
    bounds = None
    if target is not None:
        same = (target.min, target.max) == (spec.capacity.min, spec.capacity.max)
        source = "Spec" if same else "AWS"
        bounds = EffectiveBounds(min=target.min, max=target.max, source=source)
    shown = f"{service.desired} ({target.min}-{target.max})" if target else f"{service.desired}"
    ecs = spec.target.ecs
    return ScalingPolicyStatus(
        resource=f"ecs/{ecs.cluster}/{ecs.service}",
        capacity=CapacityStatus(desired=service.desired, running=service.running, summary=shown),
        effective_bounds=bounds,
        metrics=_metrics(spec, observed, resource.status.get("metrics") or {}, display),
        policies=[_policy(wanted, observed) for wanted in spec.target_tracking],
    )


def _metrics(
    spec: ScalingPolicySpec, observed: Observed, shown: Mapping[str, Any], display: Display
) -> MetricValues:
    if observed.failures and shown:  # not known now; what was known stays
        return MetricValues.model_validate(shown)
    limits, now = spec.alerts.thresholds, observed.metrics
    seconds = limits.response_time.total_seconds()
    return MetricValues(
        cpu=display.text(shown.get("cpu"), now.cpu, PERCENT, [limits.cpu]),
        memory=display.text(shown.get("memory"), now.memory, PERCENT, [limits.memory]),
        response_time=display.text(
            shown.get("responseTime"), now.response_time, MILLISECONDS, [seconds]
        ),
        error_rate=display.text(
            shown.get("errorRate"), now.error_rate, PERCENT_1, [limits.error_rate]
        ),
        requests=display.number(shown.get("requests"), now.requests),
        window="5m",
    )


def _policy(wanted: TargetTracking, observed: Observed) -> PolicyStatus:
    existing = policy_for(wanted.metric, observed.policies)
    if existing is None:
        state = PolicyState.MISSING
    else:
        state = PolicyState.DIFFERS if differences(wanted, existing) else PolicyState.IN_SYNC
    name = policy_name(wanted.metric, observed.policies)
    return PolicyStatus(name=name, metric=wanted.metric, target=wanted.target, state=state)
