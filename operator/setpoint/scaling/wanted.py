"""What the spec asks AWS to hold: policies with their alarms, in AWS's own form. Pure.

`configuration` is what the spec says; `defaults` is what a policy of setpoint's own has where the
spec says nothing. A policy that was adopted keeps what the spec does not say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from setpoint.api.autoscaling import (
    CustomMetric,
    PredictiveScaling,
    ScalingMetric,
    TargetTracking,
)
from setpoint.api.scalingpolicy import (
    SHORT_METRICS,
    LoadBalancer,
    MetricSources,
    PolicyType,
    ScalingPolicySpec,
)
from setpoint.scaling import custom
from setpoint.scaling.model import scalable_id
from setpoint.scaling.steps import Alarm, step_policies

CONFIGURATION = {
    PolicyType.TARGET_TRACKING: "TargetTrackingScalingPolicyConfiguration",
    PolicyType.STEP: "StepScalingPolicyConfiguration",
    PolicyType.PREDICTIVE: "PredictiveScalingPolicyConfiguration",
}
"""Where a policy of each type holds its configuration."""

_COOLDOWN_SECONDS = 300
"""Of ECS services (the document's, and AWS's own default for them)."""

_PAIRS = {
    ScalingMetric.CPU: "ECSServiceCPUUtilization",
    ScalingMetric.MEMORY: "ECSServiceMemoryUtilization",
    ScalingMetric.REQUEST_COUNT: "ALBRequestCount",
}
"""Predefined pairs of a load and a scaling metric (API reference,
PredictiveScalingPredefinedMetricPairSpecification)."""


@dataclass(frozen=True)
class Policy:
    """One scaling policy. `metric` and `target` are for people; `default_name` is its name unless
    AWS has it under another; `by_name`: only its name tells it from others, not its metric."""

    type: PolicyType
    metric: str
    target: float | None
    default_name: str
    configuration: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    alarm: Alarm | None = None

    @property
    def by_name(self) -> bool:
        """AWS takes any number of step policies for a metric, and one of the others."""
        return self.type is PolicyType.STEP


def policies(spec: ScalingPolicySpec) -> list[Policy]:
    """All policies of a spec, in its order."""
    target = scalable_id(spec.target)
    return [
        *(_tracking(one, spec.metrics, target.namespace == "ecs") for one in spec.target_tracking),
        *(
            Policy(
                type=PolicyType.STEP,
                metric=item.metric or item.name,
                target=None,
                default_name=made.name,
                configuration=made.configuration,
                alarm=made.alarm,
            )
            for item in spec.step_scaling
            for made in step_policies(item, target, spec.metrics)
        ),
        *(_predictive(one, spec.metrics) for one in spec.predictive_scaling),
    ]


def resource_label(given: str | None, balancer: LoadBalancer | None) -> str | None:
    """The ResourceLabel of a request count: app/NAME/ID/targetgroup/NAME/ID."""
    if given is not None or balancer is None:
        return given
    return f"{balancer.load_balancer}/{balancer.target_group}"


def uses_high_resolution(spec: ScalingPolicySpec) -> bool:
    """Whether the service is measured every 20 seconds, as far as the spec tells."""
    return any("HighResolution" in one.metric for one in spec.target_tracking if not one.custom)


def _tracking(wanted: TargetTracking, sources: MetricSources, is_ecs: bool) -> Policy:
    configured: dict[str, Any] = {"TargetValue": wanted.target, **_metric(wanted, sources)}
    for name, cooldown in (
        ("ScaleOutCooldown", wanted.scale_out_cooldown),
        ("ScaleInCooldown", wanted.scale_in_cooldown),
    ):
        if cooldown is not None:
            configured[name] = int(cooldown.total_seconds())
    if wanted.disable_scale_in is not None:
        configured["DisableScaleIn"] = wanted.disable_scale_in
    defaults: dict[str, Any] = {"DisableScaleIn": False}
    if is_ecs:
        defaults |= dict.fromkeys(("ScaleOutCooldown", "ScaleInCooldown"), _COOLDOWN_SECONDS)
    return Policy(
        type=PolicyType.TARGET_TRACKING,
        metric=wanted.metric,
        target=wanted.target,
        default_name=wanted.name or f"{_slug(wanted.metric)}-scaling",
        configuration=configured,
        defaults=defaults,
    )


def _metric(wanted: TargetTracking, sources: MetricSources) -> dict[str, Any]:
    if wanted.custom is not None:
        return {"CustomizedMetricSpecification": _customized(wanted.custom)}
    predefined = {"PredefinedMetricType": SHORT_METRICS.get(wanted.metric, wanted.metric)}
    if predefined["PredefinedMetricType"] == SHORT_METRICS["RequestCountPerTarget"]:
        label = resource_label(wanted.resource_label, sources.load_balancer)
        predefined["ResourceLabel"] = label or ""
    return {"PredefinedMetricSpecification": predefined}


def _customized(metric: CustomMetric) -> dict[str, Any]:
    if metric.metrics is not None:
        return {"Metrics": custom.queries(metric.metrics)}
    return custom.single(metric)


def _predictive(wanted: PredictiveScaling, sources: MetricSources) -> Policy:
    pair = {"PredefinedMetricType": _PAIRS[wanted.metric]}
    if wanted.metric is ScalingMetric.REQUEST_COUNT:
        label = resource_label(wanted.resource_label, sources.load_balancer)
        pair["ResourceLabel"] = label or ""
    specification = {"TargetValue": wanted.target, "PredefinedMetricPairSpecification": pair}
    configured: dict[str, Any] = {"MetricSpecifications": [specification]}
    if wanted.mode is not None:
        configured["Mode"] = str(wanted.mode)
    if wanted.scheduling_buffer is not None:
        configured["SchedulingBufferTime"] = int(wanted.scheduling_buffer.total_seconds())
    if wanted.max_capacity_breach is not None:
        configured["MaxCapacityBreachBehavior"] = str(wanted.max_capacity_breach)
    if wanted.max_capacity_buffer is not None:
        configured["MaxCapacityBuffer"] = wanted.max_capacity_buffer
    return Policy(
        type=PolicyType.PREDICTIVE,
        metric=str(wanted.metric),
        target=wanted.target,
        default_name=wanted.name or f"{_slug(wanted.metric)}-forecast",
        configuration=configured,
        defaults={
            "Mode": "ForecastOnly",
            "SchedulingBufferTime": 300,
            "MaxCapacityBreachBehavior": "HonorMaxCapacity",
        },
    )


_SLUGS = {"RequestCountPerTarget": "request-count", "ALBRequestCountPerTarget": "request-count"}
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _slug(metric: str) -> str:
    """CPU → cpu, CPUHighResolution → cpu-high-resolution."""
    return _SLUGS.get(metric) or _WORD.sub("-", metric).lower()
