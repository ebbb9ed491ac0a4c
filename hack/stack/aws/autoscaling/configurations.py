"""What AWS refuses in the three kinds of policy configuration."""

import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

from stack.aws.autoscaling.alarms import TRACKING
from stack.aws.autoscaling.resources import invalid, takes

STEPS = "StepScalingPolicyConfiguration"
PREDICTIVE = "PredictiveScalingPolicyConfiguration"
BY_KIND = {"StepScaling": STEPS, "TargetTrackingScaling": TRACKING, "PredictiveScaling": PREDICTIVE}
_MOST_STEPS = 20
_PREFIXES = {
    "ECSService": "ecs", "DynamoDB": "dynamodb", "RDSReader": "rds", "EC2SpotFleet": "ec2",
    "SageMaker": "sagemaker", "AppStream": "appstream", "Comprehend": "comprehend",
    "Lambda": "lambda", "Cassandra": "cassandra", "Kafka": "kafka", "ElastiCache": "elasticache",
    "Neptune": "neptune", "WorkSpaces": "workspaces",
}  # fmt: skip


def check(kind: str, params: Mapping[str, Any], service: Any) -> None:
    """Raises AWSError: ValidationException. `service` is moto's ECS service, or None."""
    namespace = params["ServiceNamespace"]
    if not takes(namespace, kind):
        message = f"The policy type {kind} is not supported for the service namespace {namespace}."
        raise invalid(message)
    given = [name for name in BY_KIND.values() if params.get(name)]
    if given != [BY_KIND[kind]]:
        raise invalid(f"{BY_KIND[kind]} and no other must be specified for policy type {kind}")
    configured = params[BY_KIND[kind]]
    match kind:
        case "StepScaling":
            _check_steps(configured)
        case "PredictiveScaling":
            _check_predictive(configured)
        case _:
            _check_tracking(namespace, configured, service)


def metric_of(policy: Mapping[str, Any]) -> str | None:
    """The metric specification of a target-tracking policy, comparable; None for other kinds."""
    configured = policy.get(TRACKING)
    if not configured:
        return None
    own = configured.get("CustomizedMetricSpecification")
    return json.dumps(own or configured["PredefinedMetricSpecification"], sort_keys=True)


def _check_tracking(namespace: str, configured: Mapping[str, Any], service: Any) -> None:
    predefined = configured.get("PredefinedMetricSpecification")
    own = configured.get("CustomizedMetricSpecification")
    if bool(predefined) == bool(own):
        raise invalid(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must "
            "be specified"
        )
    if not 0 < configured["TargetValue"] < math.inf:
        raise invalid(f"Invalid target value: {configured['TargetValue']}")
    if min(configured.get("ScaleInCooldown") or 0, configured.get("ScaleOutCooldown") or 0) < 0:
        raise invalid("Cooldown must not be negative")
    if predefined:
        _check_predefined(namespace, predefined, service)
    elif own and own.get("Metrics"):
        _check_math(own)
    elif not own or not all(own.get(name) for name in ("MetricName", "Namespace", "Statistic")):
        raise invalid("MetricName, Namespace and Statistic must be specified for a metric")


def _check_predefined(namespace: str, metric: Mapping[str, Any], service: Any) -> None:
    kind = metric["PredefinedMetricType"]
    if kind == "ALBRequestCountPerTarget":
        fits = namespace in ("ecs", "ec2")
        label = metric.get("ResourceLabel") or ""
        if fits and not (label.startswith("app/") and "/targetgroup/" in label):
            raise invalid(f"ResourceLabel must be specified for {kind}, as app/.../targetgroup/...")
    else:
        fits = any(kind.startswith(p) for p, name in _PREFIXES.items() if name == namespace)
    if not fits:
        raise invalid(f"{kind} is not a valid predefined metric type for {namespace}")
    if kind.endswith("HighResolution") and namespace == "ecs" and not _has_high(service):
        raise invalid(f"{kind} needs the service's monitoring with a resolution of 20 seconds")


def _has_high(service: Any) -> bool:
    """UpdateService(monitoring=...) must come first."""
    monitoring = getattr(service, "monitoring", None) or {}
    found = monitoring.get("metricConfigurations") or []
    return any(configured.get("resolutionSeconds") == 20 for configured in found)


def _check_math(own: Mapping[str, Any]) -> None:
    others = [name for name in ("MetricName", "Namespace", "Statistic") if own.get(name)]
    if others:
        raise invalid(f"Metrics and {others[0]} must not be specified together")
    returned = [query for query in own["Metrics"] if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise invalid("Exactly one element of the metrics list should return data")


def _check_steps(configured: Mapping[str, Any]) -> None:
    steps = configured.get("StepAdjustments") or []
    if not configured.get("AdjustmentType") or not steps:
        raise invalid("AdjustmentType and StepAdjustments must be specified for step scaling")
    if len(steps) > _MOST_STEPS:
        raise invalid(f"A step scaling policy can have at most {_MOST_STEPS} step adjustments")
    percent = configured["AdjustmentType"] == "PercentChangeInCapacity"
    if configured.get("MinAdjustmentMagnitude") is not None and not percent:
        raise invalid("MinAdjustmentMagnitude is only supported for PercentChangeInCapacity")
    _check_intervals(steps)


def _check_intervals(steps: list[Mapping[str, Any]]) -> None:
    """AWS: no overlap, no gap, one open end on each side at most."""
    bounds = sorted((_bound(s, "Lower", -math.inf), _bound(s, "Upper", math.inf)) for s in steps)
    if any(low >= high for low, high in bounds):
        raise invalid("MetricIntervalLowerBound must be less than MetricIntervalUpperBound")
    for (_, high), (low, _) in itertools.pairwise(bounds):
        if low < high:
            raise invalid("The step adjustment intervals can't overlap")
        if low > high:
            raise invalid("There can't be gaps between the step adjustment intervals")


def _bound(step: Mapping[str, Any], side: str, otherwise: float) -> float:
    value = step.get(f"MetricInterval{side}Bound")
    return otherwise if value is None else float(value)


def _check_predictive(configured: Mapping[str, Any]) -> None:
    if len(configured["MetricSpecifications"]) != 1:
        raise invalid("Exactly one metric specification must be specified")
    grows = configured.get("MaxCapacityBreachBehavior") == "IncreaseMaxCapacity"
    if grows != (configured.get("MaxCapacityBuffer") is not None):
        raise invalid("MaxCapacityBuffer must be specified with IncreaseMaxCapacity, and only then")
    if not 0 <= (configured.get("SchedulingBufferTime") or 0) <= 3600:
        raise invalid("SchedulingBufferTime must be between 0 and 3600 seconds")
