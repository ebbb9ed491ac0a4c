"""Application Auto Scaling, by its own rules (AWS's API reference, as botocore's model has it)."""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from moto.backends import get_backend

from stack.aws.state import Region, World
from stack.aws.wire import ACCOUNT, AWSError, Call

_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)
_TRACKING = "TargetTrackingScalingPolicyConfiguration"
_MAX_POLICIES, _MAX_SCHEDULES = 50, 200
_PAGE = {"targets": 50, "policies": 10, "schedules": 50, "activities": 50}
_SUSPENDED = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)
_NO_STEPS = ("dynamodb", "comprehend", "lambda", "cassandra", "kafka", "elasticache", "neptune")


def handle(world: World, call: Call) -> dict[str, Any]:
    """The answer to a call. Raises AWSError."""
    if call.operation not in _OPERATIONS:
        raise AWSError("UnknownOperationException", call.operation)
    params = {name: value for name, value in call.params.items() if value is not None}
    return _OPERATIONS[call.operation](_Request(world, world.region(call.region), call), params)


class _Request(NamedTuple):
    """Where a call goes."""

    world: World
    region: Region
    call: Call


def _key(params: Mapping[str, Any]) -> tuple[str, str, str]:
    return params["ServiceNamespace"], params["ResourceId"], params["ScalableDimension"]


def _register(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    world, region, call = request
    key = _key(params)
    before = region.targets.get(key)
    service = _ecs_service(call.region, key) if key[0] == "ecs" else None
    low = params.get("MinCapacity", before["MinCapacity"] if before else None)
    high = params.get("MaxCapacity", before["MaxCapacity"] if before else None)
    if low is None or high is None:
        raise _invalid("MinCapacity and MaxCapacity are required for a new scalable target")
    if low > high:
        raise _invalid("Maximum capacity cannot be less than minimum capacity")
    if low < 0:
        raise _invalid("Minimum capacity must not be negative")
    target = before or {
        "ServiceNamespace": key[0],
        "ResourceId": key[1],
        "ScalableDimension": key[2],
        "RoleARN": _ROLE,
        "CreationTime": datetime.now(UTC),
        "ScalableTargetARN": (
            f"arn:aws:application-autoscaling:{call.region}:{ACCOUNT}:scalable-target/"
            f"{uuid.uuid4().hex}"
        ),
        "SuspendedState": dict.fromkeys(_SUSPENDED, False),
        "_settled": time.monotonic() + world.settle_seconds,
    }
    target |= {"MinCapacity": low, "MaxCapacity": high}
    target["SuspendedState"] = target["SuspendedState"] | params.get("SuspendedState", {})
    region.targets[key] = target
    if service is not None:  # any update moves capacity into the bounds
        service.desired_count = min(max(service.desired_count, low), high)
        service.running_count = service.desired_count
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def _ecs_service(region: str, key: tuple[str, str, str]) -> Any:
    found = re.fullmatch(r"service/([^/]+)/([^/]+)", key[1])
    if found is None or key[2] != "ecs:service:DesiredCount":
        raise _invalid(
            f"Unsupported service namespace, resource type or scalable dimension: {key[1]}"
        )
    services = get_backend("ecs")[ACCOUNT][region].services
    for service in services.values():
        if (service.cluster_name, service.name) == found.groups() and service.status == "ACTIVE":
            return service
    raise _invalid(f"ECS service doesn't exist: {key[1]}")


def _describe_targets(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    ids, dimension = params.get("ResourceIds"), params.get("ScalableDimension")
    if ids is not None and len(ids) > _PAGE["targets"]:
        raise _invalid("1 validation error detected: ResourceIds must have length less than 51")
    found = [
        {name: value for name, value in target.items() if not name.startswith("_")}
        for key, target in request.region.targets.items()
        if key[0] == params["ServiceNamespace"]
        and (ids is None or key[1] in ids)
        and dimension in (None, key[2])
    ]
    return _page(found, "ScalableTargets", params, _PAGE["targets"])


def _deregister(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    """Deletes everybody's policies and scheduled actions of the target, too."""
    region = request.region
    key = _key(params)
    if region.targets.pop(key, None) is None:
        raise _not_registered(key)
    for name in [name for name in region.policies if name[:3] == key]:
        _drop_alarms(region, region.policies.pop(name))
    for name in [name for name in region.schedules if name[:3] == key]:
        del region.schedules[name]
    return {}


def _put_policy(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    _, region, call = request
    key = _key(params)
    target = region.targets.get(key)
    if target is None or time.monotonic() < target["_settled"]:
        raise _not_registered(key)
    name = (*key, params["PolicyName"])
    before = region.policies.get(name)
    kind = params.get("PolicyType") or (before or {}).get("PolicyType") or "StepScaling"
    _check_policy(region, name, kind, before, params)
    policy = {
        "PolicyARN": (
            f"arn:aws:autoscaling:{call.region}:{ACCOUNT}:scalingPolicy:{uuid.uuid4()}:resource/"
            f"{key[0]}/{key[1]}:policyName/{params['PolicyName']}"
        ),
        "CreationTime": datetime.now(UTC),
        **(before or {}),
        **params,
        "PolicyType": kind,
    }
    if before is not None:
        _drop_alarms(region, before)
    policy["Alarms"] = _make_alarms(region, call.region, policy) if _TRACKING in params else []
    region.policies[name] = policy
    return {"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}


def _check_policy(
    region: Region,
    name: tuple[str, str, str, str],
    kind: str,
    before: Mapping[str, Any] | None,
    params: Mapping[str, Any],
) -> None:
    if before is not None and before["PolicyType"] != kind:
        raise _invalid("The policy type of an existing scaling policy cannot be changed.")
    if kind == "StepScaling" and name[0] in _NO_STEPS:
        raise _invalid(f"Policy type StepScaling is not supported for {name[0]}")
    if kind == "PredictiveScaling" and name[0] != "ecs":
        raise _invalid(f"Policy type PredictiveScaling is not supported for {name[0]}")
    if kind == "TargetTrackingScaling" and _TRACKING not in params:
        raise _invalid(f"{_TRACKING} is required for policy type TargetTrackingScaling")
    mine = [(n, p) for n, p in region.policies.items() if n[:3] == name[:3] and n != name]
    if len(mine) >= _MAX_POLICIES:
        raise AWSError("LimitExceededException", "Too many scaling policies for this target")
    metric = _metric(params)
    if metric is not None and any(_metric(policy) == metric for _, policy in mine):
        raise _invalid(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed."
        )


def _metric(policy: Mapping[str, Any]) -> Any:
    configured = policy.get(_TRACKING) or {}
    return configured.get("PredefinedMetricSpecification") or configured.get(
        "CustomizedMetricSpecification"
    )


def _make_alarms(
    region: Region, region_name: str, policy: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """AlarmHigh above the target 3 times, AlarmLow below 0.9 of it 15 times, a minute each."""
    configured = policy[_TRACKING]
    target = float(configured["TargetValue"])
    sides = [("High", "GreaterThanThreshold", target, 3)]
    if not configured.get("DisableScaleIn"):
        sides.append(("Low", "LessThanThreshold", 0.9 * target, 15))
    made = []
    for side, comparison, threshold, periods in sides:
        name = f"TargetTracking-{policy['ResourceId']}-Alarm{side}-{uuid.uuid4()}"
        arn = f"arn:aws:cloudwatch:{region_name}:{ACCOUNT}:alarm:{name}"
        region.alarms[name] = {
            "AlarmName": name,
            "AlarmArn": arn,
            "StateValue": "OK",
            "Period": 60,
            "EvaluationPeriods": periods,
            "Threshold": threshold,
            "ComparisonOperator": comparison,
            "AlarmActions": [policy["PolicyARN"]],
        }
        made.append({"AlarmName": name, "AlarmARN": arn})
    return made


def _drop_alarms(region: Region, policy: Mapping[str, Any]) -> None:
    for alarm in policy.get("Alarms", ()):
        region.alarms.pop(alarm["AlarmName"], None)


def _describe_policies(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    found = _named(request.region.policies, params, "PolicyNames", "PolicyName")
    return _page(found, "ScalingPolicies", params, _PAGE["policies"])


def _describe_schedules(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    name = "ScheduledActionName"
    found = _named(request.region.schedules, params, f"{name}s", name)
    return _page(found, "ScheduledActions", params, _PAGE["schedules"])


def _tag(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    _by_arn(request.region, params).setdefault("_tags", {}).update(params["Tags"])
    return {}


def _tags(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"Tags": _by_arn(request.region, params).get("_tags", {})}


def _delete_policy(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    region = request.region
    policy = region.policies.pop((*_key(params), params["PolicyName"]), None)
    if policy is None:
        raise AWSError(
            "ObjectNotFoundException",
            f"No scaling policy found for service namespace: {params['ServiceNamespace']}, "
            f"resource ID: {params['ResourceId']}, scalable dimension: "
            f"{params['ScalableDimension']}: {params['PolicyName']}",
        )
    _drop_alarms(region, policy)
    return {}


def _put_schedule(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    """Start and end that are not given are deleted; all else that is not given stays."""
    _, region, call = request
    key = _key(params)
    if key not in region.targets:
        raise _not_registered(key)
    name = (*key, params["ScheduledActionName"])
    before = region.schedules.get(name, {})
    if not before and sum(1 for n in region.schedules if n[:3] == key) >= _MAX_SCHEDULES:
        raise AWSError("LimitExceededException", "Too many scheduled actions for this target")
    schedule = params.get("Schedule", before.get("Schedule", ""))
    if not re.fullmatch(r"(cron|rate|at)\(.+\)", schedule):
        raise _invalid(f"Schedule expression {schedule} is not valid")
    kept = {k: v for k, v in before.items() if k not in ("StartTime", "EndTime")}
    region.schedules[name] = {
        "ScheduledActionARN": (
            f"arn:aws:autoscaling:{call.region}:{ACCOUNT}:scheduledAction:{uuid.uuid4()}"
        ),
        "CreationTime": datetime.now(UTC),
        **kept,
        **params,
    }
    return {}


def _delete_schedule(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    if request.region.schedules.pop((*_key(params), params["ScheduledActionName"]), None) is None:
        raise AWSError("ObjectNotFoundException", "No scheduled action found")
    return {}


def _activities(request: _Request, params: Mapping[str, Any]) -> dict[str, Any]:
    found = [
        activity
        for activity in request.region.activities
        if activity["ServiceNamespace"] == params["ServiceNamespace"]
        and params.get("ResourceId") in (None, activity["ResourceId"])
        and (params.get("IncludeNotScaledActivities") or not activity.get("NotScaledReasons"))
    ]
    return _page(found, "ScalingActivities", params, _PAGE["activities"])


def _named(
    items: Mapping[Any, Mapping[str, Any]], params: Mapping[str, Any], many: str, one: str
) -> list[Any]:
    return [
        item
        for key, item in items.items()
        if key[0] == params["ServiceNamespace"]
        and params.get("ResourceId") in (None, key[1])
        and params.get("ScalableDimension") in (None, key[2])
        and (not params.get(many) or item[one] in params[many])
    ]


def _page(found: list[Any], name: str, params: Mapping[str, Any], size: int) -> dict[str, Any]:
    wanted = params.get("MaxResults") or size
    if not 1 <= wanted <= size:
        raise _invalid(f"MaxResults must be between 1 and {size}")
    token = params.get("NextToken", "0")
    if not token.isdecimal():
        raise AWSError("InvalidNextTokenException", "The next token supplied is invalid.")
    start = int(token)
    page: dict[str, Any] = {name: found[start : start + wanted]}
    if start + wanted < len(found):
        page["NextToken"] = str(start + wanted)
    return page


def _by_arn(region: Region, params: Mapping[str, Any]) -> dict[str, Any]:
    for target in region.targets.values():
        if target["ScalableTargetARN"] == params["ResourceARN"]:
            return target
    raise AWSError("ResourceNotFoundException", "The specified resource doesn't exist.")


def _not_registered(key: tuple[str, str, str]) -> AWSError:
    return AWSError(
        "ObjectNotFoundException",
        f"No scalable target registered for service namespace: {key[0]}, resource ID: {key[1]}, "
        f"scalable dimension: {key[2]}",
    )


def _invalid(message: str) -> AWSError:
    return AWSError("ValidationException", message)


_OPERATIONS: dict[str, Callable[[_Request, Mapping[str, Any]], dict[str, Any]]] = {
    "RegisterScalableTarget": _register,
    "DescribeScalableTargets": _describe_targets,
    "DeregisterScalableTarget": _deregister,
    "PutScalingPolicy": _put_policy,
    "DescribeScalingPolicies": _describe_policies,
    "DeleteScalingPolicy": _delete_policy,
    "PutScheduledAction": _put_schedule,
    "DescribeScheduledActions": _describe_schedules,
    "DeleteScheduledAction": _delete_schedule,
    "DescribeScalingActivities": _activities,
    "ListTagsForResource": _tags,
    "TagResource": _tag,
}
