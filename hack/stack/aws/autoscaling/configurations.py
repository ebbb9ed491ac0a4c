"""What AWS refuses in the three kinds of policy configuration."""

import itertools
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from stack.aws.autoscaling import predefined
from stack.aws.autoscaling.alarms import TRACKING
from stack.aws.autoscaling.resources import invalid, takes

STEPS = "StepScalingPolicyConfiguration"
PREDICTIVE = "PredictiveScalingPolicyConfiguration"
BY_KIND = {"StepScaling": STEPS, "TargetTrackingScaling": TRACKING, "PredictiveScaling": PREDICTIVE}
DEFAULTS: dict[str, dict[str, Any]] = {
    "StepScaling": {},
    "TargetTrackingScaling": {"DisableScaleIn": False},
    "PredictiveScaling": {"Mode": "ForecastOnly", "SchedulingBufferTime": 300,
                          "MaxCapacityBreachBehavior": "HonorMaxCapacity"},
}  # fmt: skip
"""What Describe shows of that which was not given, by policy type."""
_MOST_STEPS = 20
_MOST_TARGET = 2.0**360
_ID = re.compile(r"[a-z]\w*", re.ASCII)


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
            _check_predictive(configured, service)
        case _:
            _check_tracking(params["ScalableDimension"], configured, service)


def metric_of(policy: Mapping[str, Any]) -> str | None:
    """The metric specification of a target-tracking policy, comparable; None for other kinds."""
    configured = policy.get(TRACKING)
    if not configured:
        return None
    own = configured.get("CustomizedMetricSpecification")
    return json.dumps(own or configured["PredefinedMetricSpecification"], sort_keys=True)


def _check_tracking(dimension: str, configured: Mapping[str, Any], service: Any) -> None:
    metric = configured.get("PredefinedMetricSpecification")
    own = configured.get("CustomizedMetricSpecification")
    if bool(metric) == bool(own):
        raise invalid(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must "
            "be specified"
        )
    if not 0 < configured["TargetValue"] <= _MOST_TARGET:
        raise invalid(f"Invalid target value: {configured['TargetValue']}")
    if min(configured.get("ScaleInCooldown") or 0, configured.get("ScaleOutCooldown") or 0) < 0:
        raise invalid("Cooldown must not be negative")
    if metric:
        predefined.check(dimension, metric, service)
    elif own and own.get("Metrics"):
        _check_math(own)
    elif not own or not all(own.get(name) for name in ("MetricName", "Namespace", "Statistic")):
        raise invalid("MetricName, Namespace and Statistic must be specified for a metric")


def _check_math(own: Mapping[str, Any]) -> None:
    names = ("MetricName", "Namespace", "Statistic", "Dimensions", "Unit")
    others = [name for name in names if own.get(name)]
    if others:
        raise invalid(f"Metrics and {others[0]} must not be specified together")
    check_queries(own["Metrics"])


def check_queries(queries: list[Mapping[str, Any]]) -> None:
    """The rules of metric math. Raises AWSError: ValidationException."""
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids):
        raise invalid("The Id of each metric data query must be unique")
    for query in queries:
        if not _ID.fullmatch(query["Id"]):
            raise invalid(f"The Id {query['Id']} must start with a lowercase letter")
        if bool(query.get("Expression")) == bool(query.get("MetricStat")):
            raise invalid("Exactly one of Expression and MetricStat must be specified for a query")
        named = (query.get("MetricStat") or {}).get("Metric", {})
        if query.get("MetricStat") and not (named.get("MetricName") and named.get("Namespace")):
            raise invalid("MetricName and Namespace must be specified for a metric")
    if sum(query.get("ReturnData", True) for query in queries) != 1:
        raise invalid("Exactly one element of the metrics list should return data")


def _check_steps(configured: Mapping[str, Any]) -> None:
    steps = configured.get("StepAdjustments") or []
    if not configured.get("AdjustmentType") or not steps:
        raise invalid("AdjustmentType and StepAdjustments must be specified for step scaling")
    if len(steps) > _MOST_STEPS:
        raise invalid(f"There can be at most {_MOST_STEPS} step adjustments per scaling policy")
    percent = configured["AdjustmentType"] == "PercentChangeInCapacity"
    if configured.get("MinAdjustmentMagnitude") is not None and not percent:
        raise invalid("MinAdjustmentMagnitude is only supported for PercentChangeInCapacity")
    if min(configured.get("Cooldown") or 0, configured.get("MinAdjustmentMagnitude") or 0) < 0:
        raise invalid("Cooldown and MinAdjustmentMagnitude must not be negative")
    if configured["AdjustmentType"] == "ExactCapacity" and any(
        step["ScalingAdjustment"] < 0 for step in steps
    ):
        raise invalid("ScalingAdjustment must not be negative for ExactCapacity")
    _check_intervals(steps)


def _check_intervals(steps: list[Mapping[str, Any]]) -> None:
    """AWS: no overlap, no gap; a side that reaches away from the threshold ends open."""
    bounds = sorted((_bound(s, "Lower", -math.inf), _bound(s, "Upper", math.inf)) for s in steps)
    if any(low >= high for low, high in bounds):
        raise invalid("MetricIntervalLowerBound must be less than MetricIntervalUpperBound")
    for (_, high), (low, _) in itertools.pairwise(bounds):
        if low < high:
            raise invalid("The step adjustment intervals can't overlap")
        if low > high:
            raise invalid("There can't be gaps between the step adjustment intervals")
    least, most = bounds[0][0], bounds[-1][1]
    if len(bounds) == 1 and (least, most) == (-math.inf, math.inf):
        raise invalid("Both lower and upper bounds of a step adjustment cannot be left unspecified")
    if -math.inf < least < 0:
        raise _no_open_end("lower", "negative")
    if 0 < most < math.inf:
        raise _no_open_end("upper", "positive")


def _no_open_end(side: str, sign: str) -> Exception:
    return invalid(
        f"There must be a StepAdjustment with an unspecified {side} bound (i.e., {side} bound is "
        f"null) when one StepAdjustment has a {sign} {side} bound"
    )


def _bound(step: Mapping[str, Any], side: str, otherwise: float) -> float:
    value = step.get(f"MetricInterval{side}Bound")
    return otherwise if value is None else float(value)


def _check_predictive(configured: Mapping[str, Any], service: Any) -> None:
    specifications = configured["MetricSpecifications"]
    if len(specifications) != 1:
        raise invalid("Exactly one metric specification must be specified")
    _check_specification(specifications[0], service)
    grows = configured.get("MaxCapacityBreachBehavior") == "IncreaseMaxCapacity"
    if grows != (configured.get("MaxCapacityBuffer") is not None):
        raise invalid("MaxCapacityBuffer must be specified with IncreaseMaxCapacity, and only then")


def _check_specification(specification: Mapping[str, Any], service: Any) -> None:
    """A pair, or a metric of load and one of scaling."""
    if not 0 < specification["TargetValue"] <= _MOST_TARGET:
        raise invalid(f"Invalid target value: {specification['TargetValue']}")
    roles = {
        role: [specification[name] for name in names if specification.get(name)]
        for role, names in _ROLES.items()
    }
    counts = {role: len(found) for role, found in roles.items()}
    if counts not in ({"pair": 1, "load": 0, "scaling": 0}, {"pair": 0, "load": 1, "scaling": 1}):
        raise invalid(
            "Either a metric pair or exactly one load metric and one scaling metric must be "
            "specified"
        )
    capacity = specification.get("CustomizedCapacityMetricSpecification")
    if capacity and not specification.get("CustomizedLoadMetricSpecification"):
        raise invalid("A customized capacity metric needs a customized load metric")
    for role, found in roles.items():
        for metric in found:
            if "MetricDataQueries" in metric:
                check_queries(metric["MetricDataQueries"])
            else:
                predefined.check_predictive(role, metric, service)


_ROLES = {
    "pair": ("PredefinedMetricPairSpecification",),
    "load": ("PredefinedLoadMetricSpecification", "CustomizedLoadMetricSpecification"),
    "scaling": ("PredefinedScalingMetricSpecification", "CustomizedScalingMetricSpecification"),
}
