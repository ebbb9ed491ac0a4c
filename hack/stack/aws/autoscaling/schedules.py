"""Scheduled actions: their syntax, and that a start or end that is not repeated is deleted."""

import re
import uuid
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from stack.aws import raw
from stack.aws.autoscaling import activities
from stack.aws.autoscaling.cron import is_cron
from stack.aws.autoscaling.resources import (
    check_listing,
    invalid,
    key_of,
    not_found,
    page_size,
    service_of,
    target_of,
    targets_asked_for,
)
from stack.aws.autoscaling.targets import move_into_bounds
from stack.aws.paging import take
from stack.aws.state import World
from stack.aws.wire import AWSError, Call

_PAGE = 50
_MOST = 200
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.+)\)")
_NO_SCHEDULES = ("kafka",)


def put(world: World, call: Call) -> dict[str, Any]:
    """PutScheduledAction. Start and end that are not given are deleted; all else stays."""
    key = key_of(call)
    if key.namespace in _NO_SCHEDULES:
        raise invalid(f"Scheduled actions are not supported for the namespace {key.namespace}.")
    target = target_of(world, call, key)
    params = {name: value for name, value in call.params.items() if value is not None}
    name = params["ScheduledActionName"]
    before = target.schedules.get(name, {})
    if not before and len(target.schedules) >= _MOST:
        message = f"Maximum number of scheduled actions of a scalable target exceeded: {_MOST}"
        raise AWSError("LimitExceededException", message)
    kept = {k: v for k, v in before.items() if k not in ("StartTime", "EndTime")}
    made = {"ScheduledActionARN": _arn(call, name), "CreationTime": datetime.now(UTC)}
    action = made | kept | params
    _check(action)
    target.schedules[name] = action
    return {}


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeScheduledActions."""
    size = page_size(call, _PAGE)
    check_listing(call)
    found, token = take(
        _found(world, call), call.params, size, partial=call.partial,
        refusal="InvalidNextTokenException",
    )  # fmt: skip
    return {"ScheduledActions": found} | ({"NextToken": token} if token else {})


def delete(world: World, call: Call) -> dict[str, Any]:
    """DeleteScheduledAction."""
    key = key_of(call)
    target = world.region(call).targets[key.namespace].get(key)
    name = call.params["ScheduledActionName"]
    if target is None or target.schedules.pop(name, None) is None:
        raise not_found(f"No scheduled action found for {key}, scheduled action name: {name}")
    return {}


def fire(world: World, call: Call) -> None:
    """Its time has come: the bounds are rewritten for good, and capacity moves into them.

    Raises AWSError if they would contradict each other; nothing happens while suspended.
    """
    key = key_of(call)
    target = target_of(world, call, key)
    if target.body["SuspendedState"]["ScheduledScalingSuspended"]:
        return
    name = call.params["ScheduledActionName"]
    action = target.schedules[name]["ScalableTargetAction"]
    bounds = {n: action.get(n, target.body[n]) for n in ("MinCapacity", "MaxCapacity")}
    if bounds["MinCapacity"] > bounds["MaxCapacity"]:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    target.body |= bounds
    world.region(call).activities.insert(0, activities.of_schedule(key, name, bounds))
    service = service_of(call, key)
    if service is not None:
        move_into_bounds(world.region(call), key, service, target)


def _check(action: Mapping[str, Any]) -> None:
    if "Schedule" not in action:
        raise invalid("Schedule must be specified to create a scheduled action")
    _check_schedule(action["Schedule"])
    zone = action.get("Timezone", "UTC")
    if zone not in _zones():
        raise invalid(f"Timezone {zone} is not valid")
    bounds = action.get("ScalableTargetAction") or {}
    low, high = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
    if low is None and high is None:
        raise invalid("At least one of minimum capacity and maximum capacity should be provided")
    if min(low or 0, high or 0) < 0:
        raise invalid("Minimum and maximum capacity must not be negative")
    if low is not None and high is not None and low > high:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    start, end = action.get("StartTime"), action.get("EndTime")
    if start and end and start >= end:
        raise invalid("StartTime must be earlier than EndTime")


def _check_schedule(text: str) -> None:
    """at(yyyy-mm-ddThh:mm:ss), rate(value unit), cron of six fields with one `?`."""
    if found := _AT.fullmatch(text):
        try:
            datetime.fromisoformat(found[1])
        except ValueError:
            raise invalid(f"Schedule expression {text} is not valid") from None
        return
    if found := _RATE.fullmatch(text):
        if (found[1] == "1") == (found[3] == ""):
            return
    elif (found := _CRON.fullmatch(text)) and is_cron(found[1]):
        return
    raise invalid(f"Schedule expression {text} is not valid")


@cache
def _zones() -> set[str]:
    return zoneinfo.available_timezones()


def _found(world: World, call: Call) -> Iterator[dict[str, Any]]:
    names = call.params.get("ScheduledActionNames")
    for _, target in targets_asked_for(world, call):
        for name, action in target.schedules.items():
            if not names or name in names:
                yield action
    yield from raw.found(world, call, "ScheduledActions")


def _arn(call: Call, name: str) -> str:
    where = f"arn:aws:autoscaling:{call.region}:{call.account}"
    return f"{where}:scheduledAction:{uuid.uuid4()}:scheduledActionName/{name}"
