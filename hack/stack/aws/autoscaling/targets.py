"""Scalable targets: an upsert that moves capacity, pages of 50, a deletion that takes all along."""

import itertools
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stack.aws import ecs, raw
from stack.aws.autoscaling import activities, alarms
from stack.aws.autoscaling.resources import (
    check_listing,
    check_rights,
    dimensions_of,
    invalid,
    key_of,
    least,
    linked_role,
    not_found,
    page_size,
    service_of,
)
from stack.aws.paging import take
from stack.aws.state import Key, Region, World
from stack.aws.wire import AWSError, Call

_PAGE = 50
_MOST_ECS_TARGETS = 3000
_MOST_TAGS = 50
_SWITCHES = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)


@dataclass
class Target:
    """A scalable target with what hangs on it. `body` is what DescribeScalableTargets says."""

    body: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    settled_at: float = 0.0
    unseen_calls: int = 0

    def is_settled(self) -> bool:
        """Whether others see it by now; each question counts."""
        if self.unseen_calls > 0:
            self.unseen_calls -= 1
            return False
        return time.monotonic() >= self.settled_at


def register(world: World, call: Call) -> dict[str, Any]:
    """RegisterScalableTarget. What is not given stays; only a new target can be given tags."""
    key = key_of(call)
    region = world.region(call)
    known = region.targets[key.namespace]
    target = known.get(key)
    body = target.body if target else {}
    bounds = {n: call.params.get(n, body.get(n)) for n in ("MinCapacity", "MaxCapacity")}
    _check_bounds(key, bounds["MinCapacity"], bounds["MaxCapacity"])
    if target is not None and call.params.get("Tags"):
        raise invalid(
            "The scalable target that you tried to tag already exists. To update tags on an "
            "existing scalable target, use the TagResource API."
        )
    service = service_of(call, key)
    check_rights(world, call)
    role = call.params.get("RoleARN")
    if target is None:
        if key.namespace == "elasticmapreduce" and not role:
            raise invalid("RoleARN must be specified for the service namespace elasticmapreduce")
        _check_tags(call.params.get("Tags") or {})
        if key.namespace == "ecs" and len(known) >= _MOST_ECS_TARGETS:
            message = f"Maximum number of scalable targets of ecs exceeded: {_MOST_ECS_TARGETS}"
            raise AWSError("LimitExceededException", message)
        target = known[key] = _new(world, call, key)
    target.body |= bounds
    target.body["SuspendedState"] |= call.params.get("SuspendedState") or {}
    if role and key.namespace == "elasticmapreduce":
        target.body["RoleARN"] = role
    if service is not None:
        move_into_bounds(region, key, service, target)
    return {"ScalableTargetARN": target.body["ScalableTargetARN"]}


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeScalableTargets."""
    size = page_size(call, _PAGE)
    check_listing(call)
    found, token = take(
        itertools.chain(
            (target.body for target in _found(world.region(call), call)),
            raw.found(world, call, "ScalableTargets"),
        ),
        call.params, size, partial=call.partial, refusal="InvalidNextTokenException",
    )  # fmt: skip
    return {"ScalableTargets": found} | ({"NextToken": token} if token else {})


def deregister(world: World, call: Call) -> dict[str, Any]:
    """DeregisterScalableTarget: everybody's policies and scheduled actions go, too."""
    key = key_of(call)
    target = world.region(call).targets[key.namespace].pop(key, None)
    if target is None:
        raise not_found(f"No scalable target found for {key}")
    for policy in target.policies.values():
        alarms.drop(call, policy)
    return {}


def tag(world: World, call: Call) -> dict[str, Any]:
    """TagResource: at most 50 tags."""
    target = _by_arn(world, call)
    merged = target.tags | call.params["Tags"]
    _check_tags(merged)
    target.tags = merged
    return {}


def untag(world: World, call: Call) -> dict[str, Any]:
    """UntagResource."""
    target = _by_arn(world, call)
    for name in call.params["TagKeys"]:
        target.tags.pop(name, None)
    return {}


def tags(world: World, call: Call) -> dict[str, Any]:
    """ListTagsForResource."""
    return {"Tags": _by_arn(world, call).tags}


def set_values(region: Region, key: Key, values: Mapping[str, Any]) -> None:
    """Overwrite what DescribeScalableTargets says. Raises KeyError if it is not registered."""
    if key not in region.targets[key.namespace]:
        raise KeyError(f"no scalable target {key}")
    region.targets[key.namespace][key].body |= values


def move_into_bounds(region: Region, key: Key, service: Any, target: Target) -> None:
    """AWS does so at every update, even one that says nothing of the bounds."""
    low, high = target.body["MinCapacity"], target.body["MaxCapacity"]
    before = service.desired_count
    after = min(max(before, low), high)
    if after != before:
        ecs.set_desired(service, after)
        bound = "minimum" if after == low else "maximum"
        region.activities.insert(0, activities.of_bound(key, after, bound))


def _new(world: World, call: Call, key: Key) -> Target:
    settings = world.account(call).settings
    arn = f"arn:aws:application-autoscaling:{call.region}:{call.account}:scalable-target/"
    return Target(
        {
            "ServiceNamespace": key.namespace,
            "ResourceId": key.resource,
            "ScalableDimension": key.dimension,
            "RoleARN": linked_role(call.account, key.namespace),
            "CreationTime": datetime.now(UTC),
            "SuspendedState": dict.fromkeys(_SWITCHES, False),
            "ScalableTargetARN": arn + uuid.uuid4().hex,
        },
        tags=dict(call.params.get("Tags") or {}),
        settled_at=time.monotonic() + settings.settle_seconds,
        unseen_calls=settings.settle_calls,
    )


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > _MOST_TAGS:
        message = f"The request exceeds the limit of {_MOST_TAGS} tags of a resource."
        raise AWSError("TooManyTagsException", message)
    if any(name.lower().startswith("aws:") for name in tags):
        raise invalid("aws: prefixed tag key names are not allowed for external use.")


def _check_bounds(key: Key, low: int | None, high: int | None) -> None:
    if low is None or high is None:
        missing = "MinCapacity" if low is None else "MaxCapacity"
        raise invalid(f"{missing} must be specified to register a new scalable target")
    if low < least(key.namespace):
        raise invalid(f"Minimum capacity must be at least {least(key.namespace)}")
    if high < low:
        raise invalid("Maximum capacity cannot be less than minimum capacity")


def _found(region: Region, call: Call) -> Iterator[Target]:
    """The targets that a call asks for; with ids without a look at all the others."""
    namespace, wanted = call.params["ServiceNamespace"], call.params.get("ScalableDimension")
    known = region.targets[namespace]
    ids = call.params.get("ResourceIds")
    if not ids:
        yield from (t for key, t in known.items() if wanted in (None, key.dimension))
        return
    dimensions = [wanted] if wanted else dimensions_of(namespace)
    for resource in dict.fromkeys(ids):
        for dimension in dimensions:
            target = known.get(Key(namespace, resource, dimension))
            if target is not None:
                yield target


def _by_arn(world: World, call: Call) -> Target:
    wanted = call.params["ResourceARN"]
    for known in world.region(call).targets.values():
        for target in known.values():
            if target.body["ScalableTargetARN"] == wanted:
                return target  # type: ignore[no-any-return]
    raise AWSError("ResourceNotFoundException", f"Resource not found: {wanted}")
