"""Scaling activities: what AWS did by itself, and what the control calls add."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from stack.aws.autoscaling.resources import page_size
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
    now = datetime.now(UTC)
    return {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": key.namespace,
        "ResourceId": key.resource,
        "ScalableDimension": key.dimension,
        "Description": f"Setting desired count to {capacity}.",
        "Cause": f"{bound} capacity was set to {capacity}",
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Successful",
        "StatusMessage": f"Successfully set desired count to {capacity}. Change successfully "
        "fulfilled by ecs.",
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
