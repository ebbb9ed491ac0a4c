"""Answers from before the last write, as an eventually consistent service may give them."""

import copy
from collections.abc import Callable
from typing import Any

from stack.aws.state import World
from stack.aws.wire import Call


def answer(
    world: World, call: Call, operation: Callable[[World, Call], dict[str, Any]]
) -> dict[str, Any]:
    """What an operation answers. With the setting `stale_calls` so many calls of each listing show
    what was there before the write. Raises AWSError."""
    region, allowed = world.region(call), world.account(call).settings.stale_calls
    if call.mutating:
        before = copy.deepcopy(region.targets) if allowed else None
        answered = operation(world, call)
        region.before, region.stale_calls = before, {}
        return answered
    seen = region.stale_calls.get(call.operation, 0)
    if region.before is None or seen >= allowed:
        return operation(world, call)
    region.stale_calls[call.operation] = seen + 1
    now, region.targets = region.targets, region.before
    try:
        return operation(world, call)
    finally:
        region.targets = now
