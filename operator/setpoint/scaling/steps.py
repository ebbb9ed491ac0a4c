"""Friendly steps as AWS wants them: a step-scaling policy and an alarm for each direction. Pure.

`{above: 80, add: 2}, {above: 90, add: 4}` become one policy whose intervals are relative to the
alarm's threshold of 80: [0, 10) adds 2, [10, ∞) adds 4 (API reference, StepAdjustment).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from setpoint.api.autoscaling import ScalingMetric, Step, StepScaling
from setpoint.api.scalingpolicy import MetricSources
from setpoint.aws.names import ScalableId
from setpoint.scaling import custom
from setpoint.scaling.model import ecs_names

_COOLDOWN_SECONDS = 300
_PERIOD_SECONDS = 60
_EVALUATIONS = 3
_NAME_LENGTH = 255
"""Characters of an alarm's name (API reference, PutMetricAlarm)."""


@dataclass(frozen=True)
class Alarm:
    """An alarm that sets a policy off: parameters of PutMetricAlarm, but for its action."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class StepPolicy:
    """One direction of a StepScaling."""

    name: str
    configuration: Mapping[str, Any]
    alarm: Alarm


def step_policies(
    wanted: StepScaling, target: ScalableId, sources: MetricSources
) -> list[StepPolicy]:
    """The policies of both directions, as far as there are steps for them."""
    found = []
    for direction, steps in (("out", _above(wanted)), ("in", _below(wanted))):
        if steps:
            name = f"{wanted.name}-{direction}"
            alarm = _alarm(wanted, name, direction, steps[0], target, sources)
            found.append(StepPolicy(name, _configuration(wanted, direction, steps), alarm))
    return found


def _above(wanted: StepScaling) -> list[Step]:
    return sorted((s for s in wanted.steps if s.above is not None), key=lambda s: s.above or 0)


def _below(wanted: StepScaling) -> list[Step]:
    return sorted((s for s in wanted.steps if s.below is not None), key=lambda s: -(s.below or 0))


def _threshold(step: Step) -> float:
    return float(step.above if step.above is not None else step.below or 0)


def _configuration(wanted: StepScaling, direction: str, steps: list[Step]) -> dict[str, Any]:
    kind, first = _adjustment_type(steps[0]), _threshold(steps[0])
    offsets: list[float | None] = [_threshold(step) - first for step in steps]
    adjustments = []
    for step, (near, far) in zip(steps, pairwise([*offsets, None]), strict=True):
        lower, upper = (near, far) if direction == "out" else (far, near)
        adjustment: dict[str, Any] = {"ScalingAdjustment": _change(step)}
        if lower is not None:
            adjustment["MetricIntervalLowerBound"] = lower
        if upper is not None:
            adjustment["MetricIntervalUpperBound"] = upper
        adjustments.append(adjustment)
    cooldown = wanted.cooldown
    found = {
        "AdjustmentType": kind,
        "StepAdjustments": adjustments,
        "Cooldown": _COOLDOWN_SECONDS if cooldown is None else int(cooldown.total_seconds()),
        "MetricAggregationType": "Average",
    }
    if wanted.min_adjustment is not None and kind == "PercentChangeInCapacity":
        found["MinAdjustmentMagnitude"] = wanted.min_adjustment
    return found


def _adjustment_type(step: Step) -> str:
    amount = step.add or step.remove
    if amount is None:
        return "ExactCapacity"
    return "PercentChangeInCapacity" if amount.is_percent else "ChangeInCapacity"


def _change(step: Step) -> int:
    if step.add is not None:
        return step.add.value
    return -step.remove.value if step.remove is not None else int(step.set or 0)


def _alarm(
    wanted: StepScaling,
    name: str,
    direction: str,
    first: Step,
    target: ScalableId,
    sources: MetricSources,
) -> Alarm:
    period = _PERIOD_SECONDS if wanted.period is None else int(wanted.period.total_seconds())
    evaluations = wanted.evaluations or _EVALUATIONS
    comparison = "GreaterThanThreshold" if direction == "out" else "LessThanThreshold"
    return Alarm(
        name=_alarm_name(target, name),
        parameters={
            "AlarmDescription": f"Sets off scaling policy {name}. Managed by setpoint.",
            "ActionsEnabled": True,
            "EvaluationPeriods": evaluations,
            "DatapointsToAlarm": evaluations,
            "Threshold": _threshold(first),
            "ComparisonOperator": comparison,
            "TreatMissingData": "missing",
            **_metric(wanted, period, target, sources),
        },
    )


def _alarm_name(target: ScalableId, policy: str) -> str:
    """One account and region has all alarms, so the name says whose it is; a long one by a hash."""
    place = f"{target.resource_id}/{target.dimension.rpartition(':')[2]}"
    name = f"setpoint/{place}/{policy}"
    if len(name) <= _NAME_LENGTH:
        return name
    mark = hashlib.sha256(place.encode()).hexdigest()[:16]
    room = _NAME_LENGTH - len(f"setpoint/~{mark}/{policy}")
    return f"setpoint/{place[:room]}~{mark}/{policy}"


def _metric(
    wanted: StepScaling, period: int, target: ScalableId, sources: MetricSources
) -> dict[str, Any]:
    if wanted.custom is None:
        return {"Period": period, **_ecs_metric(wanted.metric, target, sources)}
    if wanted.custom.metrics is not None:
        return {"Metrics": custom.queries(wanted.custom.metrics, period)}
    return {"Period": period, **custom.single(wanted.custom)}


def _ecs_metric(
    metric: ScalingMetric | None, target: ScalableId, sources: MetricSources
) -> dict[str, Any]:
    names, balancer = ecs_names(target), sources.load_balancer
    if metric is ScalingMetric.REQUEST_COUNT and balancer is not None:
        return {
            "Namespace": "AWS/ApplicationELB",
            "MetricName": "RequestCountPerTarget",
            "Dimensions": custom.dimensions(
                {"LoadBalancer": balancer.load_balancer, "TargetGroup": balancer.target_group}
            ),
            "Statistic": "Sum",  # the only one that is valid, although it is an average
        }
    cluster, service = names or ("", "")
    return {
        "Namespace": "AWS/ECS",
        "MetricName": "MemoryUtilization" if metric is ScalingMetric.MEMORY else "CPUUtilization",
        "Dimensions": custom.dimensions({"ClusterName": cluster, "ServiceName": service}),
        "Statistic": "Average",
    }
