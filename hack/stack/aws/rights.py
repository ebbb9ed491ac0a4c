"""IAM policies: which actions a call needs on which resources, and whether a caller has them.

Sources: the service authorization references of Application Auto Scaling, CloudWatch, ECS, RDS and
STS (which action takes which type of resource), and the API references of PutMetricAlarm and
RegisterScalableTarget (a call with tags needs TagResource too).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from stack.aws.wire import Call

_WITHOUT_RIGHTS = ("sts:GetCallerIdentity", "sts:AssumeRoleWithWebIdentity")
_AUTOSCALING = "application-autoscaling"
_ON_ITS_TARGET = (
    "RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy",
    "DeleteScalingPolicy", "PutScheduledAction", "DeleteScheduledAction", "TagResource",
)  # fmt: skip
_KEYS = ("Effect", "Action", "Resource", "Condition", "Sid")


@dataclass(frozen=True)
class Need:
    """One action on one resource (an ARN, or `*` where the action knows no resources)."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys."""


@dataclass
class Policy:
    """Documents of those whose access key or role's ARN matches a glob, and what came of them."""

    principal: str
    documents: list[Mapping[str, Any]]
    used: set[str] = field(default_factory=set)
    """Actions that were allowed."""
    refused: set[str] = field(default_factory=set)
    """Actions, and what on, that no statement allows."""

    def __post_init__(self) -> None:
        for statement in self.statements():
            unknown = set(statement) - set(_KEYS)
            if unknown or statement["Effect"] != "Allow":
                raise ValueError(f"no statement can be read with {unknown or statement['Effect']}")

    def statements(self) -> list[Mapping[str, Any]]:
        """All of them."""
        return [each for document in self.documents for each in document["Statement"]]

    def allows(self, need: Need) -> bool:
        """Whether a statement allows it. What was asked is noted."""
        found = any(_allows(statement, need) for statement in self.statements())
        if found:
            self.used.add(need.action)
        else:
            self.refused.add(f"{need.action} on {need.resource}")
        return found


def needs(call: Call) -> list[Need]:
    """What a call itself needs; a list, as it may name several alarms, or tags."""
    action = f"{call.service}:{call.operation}"
    if action in _WITHOUT_RIGHTS:
        return []
    found = [Need(action, resource) for resource in resources(call, action)]
    if call.params.get("Tags") and call.operation in ("RegisterScalableTarget", "PutMetricAlarm"):
        found.append(Need(f"{call.service}:TagResource", found[0].resource))
    return found


def resources(call: Call, action: str) -> list[str]:
    """ARNs of what an action is about."""
    service, _, operation = action.partition(":")
    if service == _AUTOSCALING:
        if operation == "ListTagsForResource":
            return [call.params["ResourceARN"]]
        return [_arn(call, service, "scalable-target/*") if operation in _ON_ITS_TARGET else "*"]
    if service == "sts":
        return [call.params["RoleArn"]]
    of = _OF.get(service)
    found = of(call, operation) if of else ()
    return [_arn(call, service, path) for path in found] or ["*"]


def _alarms(call: Call, operation: str) -> Iterable[str]:
    if operation not in ("PutMetricAlarm", "DeleteAlarms", "TagResource"):
        return ()
    named = [call.params["AlarmName"]] if "AlarmName" in call.params else []
    named += call.params.get("AlarmNames", ())
    return [f"alarm:{name}" for name in named or ["TargetTracking-*"]]


def _services(call: Call, operation: str) -> Iterable[str]:
    if "ResourceId" in call.params:  # Application Auto Scaling asks on the caller's behalf
        return [call.params["ResourceId"]]
    if operation not in ("DescribeServices", "UpdateService"):
        return ()
    named = call.params.get("services") or [call.params.get("service", "*")]
    return [f"service/{call.params.get('cluster', 'default')}/{name}" for name in named]


def _instances(call: Call, _operation: str) -> Iterable[str]:
    return [f"db:{call.params.get('DBInstanceIdentifier') or '*'}"]


def _parameter_groups(call: Call, operation: str) -> Iterable[str]:
    if operation != "ModifyCacheParameterGroup":
        return ()
    return [f"parametergroup:{call.params['CacheParameterGroupName']}"]


_OF: dict[str, Callable[[Call, str], Iterable[str]]] = {
    "cloudwatch": _alarms,
    "ecs": _services,
    "elasticache": _parameter_groups,
    "rds": _instances,
}


def _arn(call: Call, service: str, path: str) -> str:
    return f"arn:aws:{service}:{call.region}:{call.account}:{path}"


def _allows(statement: Mapping[str, Any], need: Need) -> bool:
    return (
        any(fnmatchcase(need.action.lower(), each.lower()) for each in _list(statement["Action"]))
        and any(_covers(each, need.resource) for each in _list(statement["Resource"]))
        and all(
            need.context.get(key) in _list(value)
            for operator, conditions in statement.get("Condition", {}).items()
            for key, value in conditions.items()
            if _is_known(operator)
        )
    )


def _covers(pattern: str, resource: str) -> bool:
    """Whether a pattern has all of a resource, which may end in `*` itself."""
    return pattern == "*" or (resource != "*" and fnmatchcase(resource, pattern))


def _is_known(operator: str) -> bool:
    if operator != "StringEquals":
        raise ValueError(f"the stand-in for AWS knows no condition {operator}")
    return True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
