"""Objects that a control call puts into AWS's listings as they are.

So tests show what a client makes of values that AWS has added since: an unknown policy type, a
dimension, a status.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from stack.aws.state import Region, World
from stack.aws.wire import Call

LISTINGS = ("ScalableTargets", "ScalingPolicies", "ScheduledActions", "MetricAlarms")
_SAME = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_AMONG = {"ResourceIds": "ResourceId", "PolicyNames": "PolicyName",
          "ScheduledActionNames": "ScheduledActionName", "AlarmNames": "AlarmName"}  # fmt: skip


def put(region: Region, listing: str, objects: list[dict[str, Any]]) -> None:
    """Replace the raw objects of a listing. Raises ValueError for a listing that has none."""
    if listing not in LISTINGS:
        raise ValueError(f"no listing is called {listing!r}: {', '.join(LISTINGS)}")
    region.raw[listing] = [_timed(item) for item in objects]


def found(world: World, call: Call, listing: str) -> Iterator[dict[str, Any]]:
    """Those that a Describe call asks for."""
    for item in world.region(call).raw.get(listing, ()):
        if _is_wanted(item, call.params):
            yield item


def _is_wanted(item: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(wanted.get(name) in (None, item.get(name)) for name in _SAME) and all(
        item.get(name) in wanted[names] for names, name in _AMONG.items() if wanted.get(names)
    )


def _timed(item: Mapping[str, Any]) -> dict[str, Any]:
    """With the times, which JSON has as ISO 8601, as times."""
    return {
        name: datetime.fromisoformat(value) if name.endswith(("Time", "Timestamp")) else value
        for name, value in item.items()
    }
