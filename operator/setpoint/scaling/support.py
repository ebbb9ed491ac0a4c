"""What Application Auto Scaling does not support, said before any call. Pure.

The definition's schema refuses the same; this is for resources that an older one let in.
"""

import re

from setpoint.api.autoscaling import ScalingMetric, StepScaling
from setpoint.api.aws_scaling import DIMENSIONS, RESOURCE_IDS
from setpoint.api.scalingpolicy import (
    ScalingPolicySpec,
    allowed_metrics,
    supports,
    supports_schedules,
)
from setpoint.aws.names import ScalableId
from setpoint.scaling import schedule
from setpoint.scaling.model import scalable_id
from setpoint.scaling.policies import metric_of
from setpoint.scaling.wanted import policies

_UTILISATIONS = ("CPU", "Memory", "CPUHighResolution", "MemoryHighResolution")


def problem(spec: ScalingPolicySpec) -> str | None:
    """A sentence about the first thing that cannot be, or None."""
    target = scalable_id(spec.target)
    return _of_target(target) or _of_policies(spec, target) or _of_schedules(spec, target)


def _of_target(target: ScalableId) -> str | None:
    if DIMENSIONS.get(target.dimension) != target.namespace:
        return f"{target.dimension} is no dimension of {target.namespace}"
    form, example = RESOURCE_IDS.get(target.dimension, ("", ""))
    if form and not re.fullmatch(form, target.resource_id):
        return f"resourceId {target.resource_id} should have the form of {example}"
    return None


def _of_policies(spec: ScalingPolicySpec, target: ScalableId) -> str | None:
    for policy in policies(spec):
        if not supports(target.namespace, policy.type):
            return f"AWS has no {policy.type} policies for {target.namespace}"
        specification = policy.configuration.get("PredefinedMetricSpecification", {})
        if specification.get("ResourceLabel") == "":
            return f"{policy.metric} needs resourceLabel, or metrics.loadBalancer"
    if (twice := _twice(spec)) is not None:
        return twice
    known = allowed_metrics(target.dimension)
    for one in spec.target_tracking:
        if one.custom is None and one.metric not in known:
            offered = ", ".join(known) or "none"
            return (
                f"{one.metric} is no metric that AWS predefines for {target.dimension} ({offered})"
            )
    counted = [one for one in spec.step_scaling if one.metric == ScalingMetric.REQUEST_COUNT]
    if counted and spec.metrics.load_balancer is None:
        return f"stepScaling {counted[0].name} needs metrics.loadBalancer"
    if target.namespace != "ecs" and any(step.custom is None for step in spec.step_scaling):
        return "metric of stepScaling is one of an ECS service: set custom for another"
    return next(filter(None, map(_of_steps, spec.step_scaling)), None) or _of_values(spec)


def _twice(spec: ScalingPolicySpec) -> str | None:
    """AWS takes one policy of a type for a metric."""
    seen: set[tuple[str, str]] = set()
    for policy in policies(spec):
        looks_at = (str(policy.type), metric_of(policy.configuration))
        if looks_at in seen and not policy.by_name:
            return (
                f"{policy.metric} looks at the same metric as another policy: keep one of the two"
            )
        seen.add(looks_at)
    return None


def _of_values(spec: ScalingPolicySpec) -> str | None:
    asked = [(one.metric, one.target, one.custom is None) for one in spec.target_tracking]
    asked += [(str(one.metric), one.target, True) for one in spec.predictive_scaling]
    for metric, value, is_predefined in asked:
        is_share = is_predefined and metric in _UTILISATIONS
        if value <= 0 or (is_share and value > 100):
            return f"the target of {metric} must be above 0" + ", at most 100" * is_share
    return None


def _of_steps(wanted: StepScaling) -> str | None:
    name = f"stepScaling {wanted.name}"
    above = [step.above for step in wanted.steps if step.above is not None]
    below = [step.below for step in wanted.steps if step.below is not None]
    if len(set(above)) < len(above) or len(set(below)) < len(below):
        return f"{name}: two steps begin at the same value"
    if above and below and min(above) < max(below):
        return f"{name}: a step below begins above a step above, so both would act at once"
    seconds = 60.0 if wanted.period is None else wanted.period.total_seconds()
    if seconds not in (10, 30) and (seconds < 60 or seconds % 60):
        return f"{name}: period must be 10s, 30s or whole minutes"
    if seconds * (wanted.evaluations or 1) > 86_400:
        return f"{name}: period times evaluations must not be longer than a day"
    shares = [amount for step in wanted.steps if (amount := step.add or step.remove)]
    if wanted.min_adjustment is not None and not any(amount.is_percent for amount in shares):
        return f"{name}: minAdjustment goes with shares such as 20%"
    return None


def _of_schedules(spec: ScalingPolicySpec, target: ScalableId) -> str | None:
    if spec.schedules and not supports_schedules(target.namespace):
        return f"AWS has no scheduled scaling for {target.namespace}"
    for one in spec.schedules:
        if (wrong := schedule.validate(one.schedule, one.time_zone)) is not None:
            return f"schedule {one.name}: {wrong}"
    return None
