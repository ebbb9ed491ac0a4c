"""Scaling policies: by name within a target, ten a page, each with its alarms."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from stack.aws import iam, raw
from stack.aws.autoscaling import alarms, configurations
from stack.aws.autoscaling.resources import (
    check_listing,
    check_rights,
    invalid,
    key_of,
    not_found,
    page_size,
    service_of,
    target_of,
    targets_asked_for,
)
from stack.aws.autoscaling.targets import Target
from stack.aws.paging import take
from stack.aws.state import World
from stack.aws.wire import AWSError, Call

_PAGE = 10
_MOST = 50


def put(world: World, call: Call) -> dict[str, Any]:
    """PutScalingPolicy: a known name keeps its ARN and gets the whole new configuration."""
    key = key_of(call)
    target = target_of(world, call, key)
    params = {name: value for name, value in call.params.items() if value is not None}
    before = target.policies.get(params["PolicyName"])
    kind = _kind(before, params)
    configurations.check(kind, params, service_of(call, key))
    _check_others(target, params)
    check_rights(world, call)
    name = configurations.BY_KIND[kind]
    policy = {
        "PolicyARN": before["PolicyARN"] if before else _arn(call, params),
        "CreationTime": before["CreationTime"] if before else datetime.now(UTC),
        **params,
        "PolicyType": kind,
        name: configurations.DEFAULTS[kind] | params[name],
        "Alarms": before["Alarms"] if before else [],
    }
    if kind == "TargetTrackingScaling":
        alarms.ask(world, call, "PutMetricAlarm")
        policy["Alarms"] = alarms.make(call, policy)
    target.policies[params["PolicyName"]] = policy
    return {"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeScalingPolicies. It asks CloudWatch for the alarms on the caller's behalf."""
    size = page_size(call, _PAGE)
    check_listing(call)
    refused = iam.denied(world, call, "cloudwatch:DescribeAlarms")
    if refused is not None:
        raise AWSError("FailedResourceAccessException", refused)
    found, token = take(
        _found(world, call), call.params, size, partial=call.partial,
        refusal="InvalidNextTokenException",
    )  # fmt: skip
    if found:
        alarms.ask(world, call, "DescribeAlarms")
    shown = alarms.shown(call, found)
    return {"ScalingPolicies": shown} | ({"NextToken": token} if token else {})


def delete(world: World, call: Call) -> dict[str, Any]:
    """DeleteScalingPolicy: the alarms that AWS made for it go, too."""
    key = key_of(call)
    target = world.region(call).targets[key.namespace].get(key)
    name = call.params["PolicyName"]
    if target is None or name not in target.policies:
        raise not_found(f"No scaling policy found for {key}, policy name: {name}")
    if target.policies[name]["PolicyType"] == "TargetTrackingScaling":
        alarms.ask(world, call, "DeleteAlarms")
    alarms.drop(call, target.policies.pop(name))
    return {}


def _kind(before: Mapping[str, Any] | None, params: Mapping[str, Any]) -> str:
    if before is None and "PolicyType" not in params:
        raise invalid("PolicyType must be specified to create a scaling policy")
    kind: str = params.get("PolicyType") or (before or {})["PolicyType"]
    if before is not None and before["PolicyType"] != kind:
        raise invalid(
            "You cannot change a TargetTrackingScaling policy to a non TargetTrackingScaling "
            "policy, or vice versa"
            if "TargetTrackingScaling" in (kind, before["PolicyType"])
            else f"You cannot change a {before['PolicyType']} policy to a {kind} policy"
        )
    return kind


def _check_others(target: Target, params: Mapping[str, Any]) -> None:
    others = [p for name, p in target.policies.items() if name != params["PolicyName"]]
    if len(others) >= _MOST:
        message = f"Maximum number of scaling policies of a scalable target exceeded: {_MOST}"
        raise AWSError("LimitExceededException", message)
    metric = configurations.metric_of(params)
    if metric and any(configurations.metric_of(other) == metric for other in others):
        raise invalid(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed."
        )


def _found(world: World, call: Call) -> Iterator[dict[str, Any]]:
    names = call.params.get("PolicyNames")
    for _, target in targets_asked_for(world, call):
        for name, policy in target.policies.items():
            if not names or name in names:
                yield policy
    yield from raw.found(world, call, "ScalingPolicies")


def _arn(call: Call, params: Mapping[str, Any]) -> str:
    return (
        f"arn:aws:autoscaling:{call.region}:{call.account}:scalingPolicy:{uuid.uuid4()}:resource/"
        f"{params['ServiceNamespace']}/{params['ResourceId']}:policyName/{params['PolicyName']}"
    )
