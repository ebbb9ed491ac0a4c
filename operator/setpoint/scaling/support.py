"""What Application Auto Scaling does not support, said before any call. Pure.

The definition's schema refuses the same; this is for resources that an older one let in.
"""

import re

from setpoint.api.autoscaling import ScalingMetric
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
from setpoint.scaling.wanted import policies


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
    return None


def _of_schedules(spec: ScalingPolicySpec, target: ScalableId) -> str | None:
    if spec.schedules and not supports_schedules(target.namespace):
        return f"AWS has no scheduled scaling for {target.namespace}"
    for one in spec.schedules:
        if (wrong := schedule.validate(one.schedule, one.time_zone)) is not None:
            return f"schedule {one.name}: {wrong}"
    return None
