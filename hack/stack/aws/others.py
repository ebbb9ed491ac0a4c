"""STS, and where moto's ECS is laxer than AWS."""

from typing import Any

from moto.backends import get_backend

from stack.aws.state import World
from stack.aws.wire import ACCOUNT, AWSError, Call

_MAX_SERVICES = 10


def handle_sts(world: World, call: Call) -> dict[str, Any] | None:
    """Refuses roles as told; all else is left to moto. Raises AWSError."""
    if call.operation != "AssumeRole":
        return None
    role = call.params["RoleArn"]
    wanted = world.external_ids.get(role)
    if role in world.refused_roles or (wanted and call.params.get("ExternalId") != wanted):
        raise AWSError(
            "AccessDenied",
            f"User: arn:aws:iam::{ACCOUNT}:user/operator is not authorized to perform: "
            f"sts:AssumeRole on resource: {role}",
            403,
        )
    return None


def handle_ecs(_: World, call: Call) -> dict[str, Any] | None:
    """DescribeServices takes ten names; tasks run as soon as they are wanted."""
    if call.operation == "DescribeServices":
        if len(call.params.get("services") or ()) > _MAX_SERVICES:
            raise AWSError(
                "InvalidParameterException", "Services cannot be empty or exceed 10 items"
            )
        services = get_backend("ecs")[ACCOUNT][call.region].services
        for service in services.values():
            service.running_count = service.desired_count
    return None
