"""ElastiCache: moto's replication groups and clusters as AWS describes them, parameter groups,
serverless caches."""

from collections.abc import Callable
from typing import Any

from stack.aws.elasticache import clusters, groups, serverless
from stack.aws.state import World
from stack.aws.wire import Call

_OPERATIONS: dict[str, Callable[[World, Call], dict[str, Any] | None]] = {
    **groups.OPERATIONS,
    **clusters.OPERATIONS,
    **serverless.OPERATIONS,
}


def handle(world: World, call: Call) -> dict[str, Any] | None:
    """The answer to a call; None for what is left to moto. Raises AWSError."""
    clusters.settle(world, call)
    operation = _OPERATIONS.get(call.operation)
    return operation(world, call) if operation else None
