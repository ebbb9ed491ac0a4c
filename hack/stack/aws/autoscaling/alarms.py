"""The CloudWatch alarms of target-tracking policies. They are moto's, so everybody sees them.

Periods and thresholds as seen in real accounts: above the target three minutes, below nine tenths
of it fifteen minutes.
"""

import uuid
from collections.abc import Mapping
from typing import Any, cast

from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat

from stack.aws.state import moto
from stack.aws.wire import Call

TRACKING = "TargetTrackingScalingPolicyConfiguration"
_METRICS = {
    "ECSServiceAverageCPUUtilization": "CPUUtilization",
    "ECSServiceAverageMemoryUtilization": "MemoryUtilization",
    "ECSServiceAverageCPUUtilizationHighResolution": "CPUUtilization",
    "ECSServiceAverageMemoryUtilizationHighResolution": "MemoryUtilization",
}
_PERIOD = 60  # seconds
_NAMESPACES = {"ecs": "AWS/ECS", "dynamodb": "AWS/DynamoDB", "rds": "AWS/RDS",
               "lambda": "AWS/Lambda", "elasticache": "AWS/ElastiCache"}  # fmt: skip


def make(call: Call, policy: Mapping[str, Any]) -> list[dict[str, str]]:
    """Make the alarms of a policy; what PutScalingPolicy answers of them."""
    configured = policy[TRACKING]
    target = float(configured["TargetValue"])
    sides = [("AlarmHigh", "GreaterThanThreshold", target, 3)]
    if not configured.get("DisableScaleIn"):
        sides.append(("AlarmLow", "LessThanThreshold", 0.9 * target, 15))
    if policy["ServiceNamespace"] == "dynamodb":
        sides += [(f"ProvisionedCapacity{s[0][5:]}", *s[1:]) for s in sides]
    made = []
    for side, comparison, threshold, periods in sides:
        name = f"TargetTracking-{policy['ResourceId']}-{side}-{uuid.uuid4()}"
        alarm = moto("cloudwatch", call).put_metric_alarm(
            name=name,
            comparison_operator=comparison,
            evaluation_periods=periods,
            threshold=threshold,
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy "
            f"{policy['PolicyARN']}.",
            alarm_actions=[policy["PolicyARN"]],
            **_metric(policy),
        )
        made.append({"AlarmName": name, "AlarmARN": alarm.alarm_arn})
    return made


def drop(call: Call, policy: Mapping[str, Any]) -> None:
    """Delete those that AWS made for a policy; the ones of a step policy are its owner's."""
    if TRACKING in policy:
        moto("cloudwatch", call).delete_alarms([a["AlarmName"] for a in policy["Alarms"]])


def pointing_at(call: Call, policies: list[dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """The alarms whose actions name a policy, by the policy's ARN."""
    found: dict[str, list[dict[str, str]]] = {policy["PolicyARN"]: [] for policy in policies}
    for alarm in moto("cloudwatch", call).alarms.values():
        for action in alarm.alarm_actions:
            if action in found:
                found[action].append({"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn})
    return found


def _metric(policy: Mapping[str, Any]) -> dict[str, Any]:
    """What an alarm watches, by the names of moto's put_metric_alarm."""
    configured = policy[TRACKING]
    nothing: dict[str, Any] = dict.fromkeys(("namespace", "metric_name", "period", "statistic"))
    own = configured.get("CustomizedMetricSpecification")
    if own and own.get("Metrics"):
        return nothing | {
            "dimensions": [],
            "metric_data_queries": [_query(query) for query in own["Metrics"]],
        }
    if own:
        watched = (own["Namespace"], own["MetricName"], own.get("Dimensions") or [])
        statistic = own["Statistic"]
    else:
        watched = _predefined(policy, configured["PredefinedMetricSpecification"])
        statistic = "Sum" if watched[1] == "RequestCountPerTarget" else "Average"
    namespace, name, dimensions = watched
    return {
        "namespace": namespace,
        "metric_name": name,
        "dimensions": dimensions,
        "period": _PERIOD,
        "statistic": statistic,
    }


def _predefined(
    policy: Mapping[str, Any], metric: Mapping[str, Any]
) -> tuple[str, str, list[dict[str, str]]]:
    kind, parts = metric["PredefinedMetricType"], policy["ResourceId"].split("/")
    if kind == "ALBRequestCountPerTarget":
        balancer, _, group = metric["ResourceLabel"].partition("/targetgroup/")
        named = {"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"}
        return "AWS/ApplicationELB", "RequestCountPerTarget", _dimensions(named)
    namespace = policy["ServiceNamespace"]
    if namespace == "ecs":
        named = {"ClusterName": parts[1], "ServiceName": parts[2]}
        return "AWS/ECS", _METRICS[kind], _dimensions(named)
    return _NAMESPACES.get(namespace, f"AWS/{namespace}"), kind, []


def _dimensions(named: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in named.items()]


def _query(query: Mapping[str, Any]) -> MetricDataQuery:
    """A query of metric math as moto keeps it."""
    stat: Any = query.get("MetricStat")
    kept = None
    if stat:
        named = stat["Metric"]
        dimensions = [Dimension(d["Name"], d["Value"]) for d in named.get("Dimensions") or []]
        metric = Metric(named.get("MetricName"), named.get("Namespace"), dimensions)
        kept = MetricStat(metric, cast("Any", _PERIOD), stat["Stat"], stat.get("Unit"))
    values: dict[str, Any] = {
        "label": query.get("Label"),
        "period": None,
        "return_data": query.get("ReturnData"),
        "expression": query.get("Expression"),
    }
    return MetricDataQuery(query_id=query["Id"], metric_stat=kept, **values)
