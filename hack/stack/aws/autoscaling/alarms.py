"""The CloudWatch alarms of target-tracking policies. They are moto's, so everybody sees them.

Periods and thresholds as seen in real accounts: above the target three minutes, below nine tenths
of it fifteen minutes. Other metrics' names and dimensions than those of ECS are the metric type's.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stack.aws.cloudwatch import alarms as cloudwatch
from stack.aws.state import World, moto
from stack.aws.wire import AWSError, Call

TRACKING = "TargetTrackingScalingPolicyConfiguration"
_METRICS = {
    "ECSServiceAverageCPUUtilization": "CPUUtilization",
    "ECSServiceAverageMemoryUtilization": "MemoryUtilization",
    "ECSServiceAverageCPUUtilizationHighResolution": "CPUUtilization",
    "ECSServiceAverageMemoryUtilizationHighResolution": "MemoryUtilization",
}
_PERIOD, _HIGH_PERIOD = 60, 20  # seconds
_NAMESPACES = {"ecs": "AWS/ECS", "dynamodb": "AWS/DynamoDB", "rds": "AWS/RDS",
               "lambda": "AWS/Lambda", "elasticache": "AWS/ElastiCache"}  # fmt: skip


def make(call: Call, policy: Mapping[str, Any]) -> list[dict[str, str]]:
    """Write the alarms of a policy; what PutScalingPolicy answers of them.

    Those that it had keep their names, missing ones are made anew, and the rest is deleted.
    """
    known, before = moto("cloudwatch", call).alarms, [a["AlarmName"] for a in policy["Alarms"]]
    made = []
    for side, comparison, threshold, periods in _sides(policy):
        start = f"TargetTracking-{policy['ResourceId']}-{side}-"
        kept = (name for name in before if name.startswith(start) and name in known)
        name = next(kept, f"{start}{uuid.uuid4()}")
        alarm = cloudwatch.write(
            call,
            {
                "AlarmName": name,
                "AlarmDescription": "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy "
                f"{policy['PolicyARN']}.",
                "AlarmActions": [policy["PolicyARN"]],
                "ComparisonOperator": comparison,
                "Threshold": threshold,
                "EvaluationPeriods": periods,
                **_metric(policy),
            },
        )
        made.append({"AlarmName": name, "AlarmARN": alarm.alarm_arn})
    cloudwatch.delete(call, set(before) - {alarm["AlarmName"] for alarm in made})
    return made


def drop(call: Call, policy: Mapping[str, Any]) -> None:
    """Delete those that AWS made for a policy; the ones of a step policy are its owner's."""
    if TRACKING in policy:
        cloudwatch.delete(call, [alarm["AlarmName"] for alarm in policy["Alarms"]])


def shown(call: Call, policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The policies with the alarms that CloudWatch has for them at the moment."""
    known = moto("cloudwatch", call).alarms
    watching: dict[str, list[dict[str, str]]] = {
        policy["PolicyARN"]: [] for policy in policies if policy.get("PolicyType") == "StepScaling"
    }
    for alarm in known.values() if watching else ():
        for action in alarm.alarm_actions:
            if action in watching:
                watching[action].append({"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn})
    return [
        policy
        | {
            "Alarms": watching.get(policy.get("PolicyARN", ""))
            or [a for a in policy.get("Alarms", ()) if a["AlarmName"] in known]
        }
        for policy in policies
    ]


def ask(world: World, call: Call, operation: str) -> None:
    """Ask CloudWatch for the caller. Raises AWSError: FailedResourceAccessException."""
    behind = replace(call, service="cloudwatch", operation=operation, params={})
    error = world.faults.take_behind(behind)
    if error is not None:
        raise AWSError(
            "FailedResourceAccessException",
            f"{error.message} (Service: AmazonCloudWatch; Status Code: {error.status}; "
            f"Error Code: {error.code}; Request ID: {uuid.uuid4()})",
        )


def _sides(policy: Mapping[str, Any]) -> list[tuple[str, str, float, int]]:
    """Of each alarm: side, comparison, threshold, number of periods."""
    configured = policy[TRACKING]
    target = float(configured["TargetValue"])
    sides = [("AlarmHigh", "GreaterThanThreshold", target, 3)]
    if not configured.get("DisableScaleIn"):
        sides.append(("AlarmLow", "LessThanThreshold", 0.9 * target, 15))
    if policy["ServiceNamespace"] == "dynamodb":
        sides += [(f"ProvisionedCapacity{s[0][5:]}", *s[1:]) for s in sides]
    return sides


def _metric(policy: Mapping[str, Any]) -> dict[str, Any]:
    """What an alarm watches, by the names of PutMetricAlarm."""
    configured = policy[TRACKING]
    own = configured.get("CustomizedMetricSpecification")
    if own and own.get("Metrics"):
        return {"Metrics": [_timed(query) for query in own["Metrics"]]}
    if own:
        return {**own, "Period": _PERIOD}
    metric = configured["PredefinedMetricSpecification"]
    namespace, name, dimensions = _predefined(policy, metric)
    is_high = metric["PredefinedMetricType"].endswith("HighResolution")
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": each, "Value": value} for each, value in dimensions.items()],
        "Period": _HIGH_PERIOD if is_high else _PERIOD,
        "Statistic": "Sum" if name == "RequestCountPerTarget" else "Average",
    }


def _predefined(
    policy: Mapping[str, Any], metric: Mapping[str, Any]
) -> tuple[str, str, dict[str, str]]:
    kind, parts = metric["PredefinedMetricType"], policy["ResourceId"].split("/")
    if kind == "ALBRequestCountPerTarget":
        balancer, _, group = metric["ResourceLabel"].partition("/targetgroup/")
        named = {"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"}
        return "AWS/ApplicationELB", "RequestCountPerTarget", named
    namespace = policy["ServiceNamespace"]
    if namespace == "ecs":
        return "AWS/ECS", _METRICS[kind], {"ClusterName": parts[1], "ServiceName": parts[2]}
    return _NAMESPACES.get(namespace, f"AWS/{namespace}"), kind, {}


def _timed(query: Mapping[str, Any]) -> dict[str, Any]:
    """A query of a policy has no period, one of an alarm has."""
    stat = query.get("MetricStat")
    return {**query, **({"MetricStat": {**stat, "Period": _PERIOD}} if stat else {})}
