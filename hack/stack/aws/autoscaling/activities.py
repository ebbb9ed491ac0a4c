"""Scaling activities: what AWS did by itself, and what the control calls add."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from stack.aws.autoscaling.resources import check_listing, page_size
from stack.aws.paging import take
from stack.aws.state import Key, World
from stack.aws.wire import Call

_PAGE = 50
_KEPT = timedelta(weeks=6)
_TIMES = ("StartTime", "EndTime")


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeScalingActivities: six weeks, the newest first; those that did not scale on demand,
    and only then with the reasons."""
    wanted, oldest = call.params, datetime.now(UTC) - _KEPT
    check_listing(call)
    with_idle = bool(wanted.get("IncludeNotScaledActivities"))
    found, token = take(
        (
            activity
            for activity in world.region(call).activities
            if activity["ServiceNamespace"] == wanted["ServiceNamespace"]
            and wanted.get("ResourceId") in (None, activity["ResourceId"])
            and wanted.get("ScalableDimension") in (None, activity["ScalableDimension"])
            and activity["StartTime"] >= oldest
            and (with_idle or not activity.get("NotScaledReasons"))
        ),
        wanted, page_size(call, _PAGE), partial=call.partial,
        refusal="InvalidNextTokenException",
    )  # fmt: skip
    return {"ScalingActivities": found} | ({"NextToken": token} if token else {})


def of_bound(key: Key, capacity: int, bound: str) -> dict[str, Any]:
    """The activity of AWS that moves the capacity to a bound."""
    return _done(key) | {
        "Description": f"Setting desired count to {capacity}.",
        "Cause": f"{bound} capacity was set to {capacity}",
        "StatusMessage": f"Successfully set desired count to {capacity}. Change successfully "
        "fulfilled by ecs.",
    }


def of_schedule(key: Key, name: str, bounds: Mapping[str, int]) -> dict[str, Any]:
    """The activity of a scheduled action that rewrites the bounds."""
    words = f"min capacity to {bounds['MinCapacity']} and max capacity to {bounds['MaxCapacity']}"
    return _done(key) | {
        "Description": f"Setting {words}",
        "Cause": f"scheduled action name {name} was triggered",
        "StatusMessage": f"Successfully set {words}",
    }


def _done(key: Key) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": key.namespace,
        "ResourceId": key.resource,
        "ScalableDimension": key.dimension,
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Successful",
    }


def from_control(values: dict[str, Any]) -> dict[str, Any]:
    """An activity as a control call gives it: ISO times, all but the resource may be left out."""
    times = {n: datetime.fromisoformat(values[n]) for n in _TIMES if n in values}
    return {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "Description": "Setting desired count.",
        "Cause": "monitor alarm was in state ALARM and triggered policy",
        "StartTime": datetime.now(UTC),
        "StatusCode": "Successful",
        **values,
        **times,
    }
