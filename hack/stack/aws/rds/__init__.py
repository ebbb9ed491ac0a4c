"""RDS: moto's instances, with AWS's rules for changing them."""

from typing import Any

from stack.aws.rds import create, events, modify, progress
from stack.aws.state import World
from stack.aws.wire import Call


def handle(world: World, call: Call) -> dict[str, Any] | None:
    """The answer to a call; None for what is left to moto. Raises AWSError."""
    match call.operation:
        case "CreateDBInstance":
            return create.create(world, call)
        case "ModifyDBInstance":
            return modify.modify(world, call)
        case "DescribeEvents":
            return events.describe(world, call)
        case "DescribeDBInstances":
            return progress.describe(world, call)
        case "DeleteDBInstance":
            progress.forget(world, call)
    return None
