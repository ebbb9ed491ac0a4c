"""Application Auto Scaling, by its own rules: botocore's model of it is AWS's API reference."""

from collections.abc import Callable
from typing import Any

from stack.aws.autoscaling import activities, policies, schedules, staleness, targets
from stack.aws.state import World
from stack.aws.validation import validate
from stack.aws.wire import AWSError, Call

_OPERATIONS: dict[str, Callable[[World, Call], dict[str, Any]]] = {
    "RegisterScalableTarget": targets.register,
    "DescribeScalableTargets": targets.describe,
    "DeregisterScalableTarget": targets.deregister,
    "TagResource": targets.tag,
    "UntagResource": targets.untag,
    "ListTagsForResource": targets.tags,
    "PutScalingPolicy": policies.put,
    "DescribeScalingPolicies": policies.describe,
    "DeleteScalingPolicy": policies.delete,
    "PutScheduledAction": schedules.put,
    "DescribeScheduledActions": schedules.describe,
    "DeleteScheduledAction": schedules.delete,
    "DescribeScalingActivities": activities.describe,
}


def handle(world: World, call: Call) -> dict[str, Any]:
    """The answer to a call. Raises AWSError."""
    operation = _OPERATIONS.get(call.operation)
    if operation is None:
        message = f"the stand-in for AWS has no application-autoscaling {call.operation}"
        raise AWSError("NotImplemented", message, 501)
    validate(call)
    return staleness.answer(world, call, operation)
