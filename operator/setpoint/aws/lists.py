"""What Application Auto Scaling lists of its targets: policies, scheduled actions, activities."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from setpoint.aws.batch import Host
from setpoint.aws.gateway import AWSGateway, Scope, next_token
from setpoint.aws.listing import Items, Listing, Source
from setpoint.aws.names import ScalableId

SERVICE = "application-autoscaling"

PATIENCE = 120.0
"""Seconds that a page in the background waits while AWS throttles."""

KEPT = 20
"""Activities kept of each target; AWS has six weeks of them."""

_ACTIVITY_PAGES = 10
_UNDER_WAY = ("Pending", "InProgress")

OVERLAP = timedelta(minutes=30)
"""More is listed than is new: an activity changes until it has ended, and clocks differ."""


Listed = Callable[[Scope, Items, float], None]
"""Told of a resource's items and how often (seconds) they are looked at."""


@dataclass(frozen=True)
class List:
    """One of the operations. `resources_per_page` is a guess, `newest_first` of activities."""

    read: str
    operation: str
    items: str
    resources_per_page: float
    newest_first: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def listing(
        self, gateway: AWSGateway, host: Host, namespace: str, listed: Listed
    ) -> Listing[ScalableId]:
        """The lists of all targets of a namespace; `listed` is told what a listing has brought."""
        source = Source[ScalableId](
            self.items, partial(self._page, gateway, namespace), _owner, self.resources_per_page
        )
        if self.newest_first:
            source = Source(
                source.items, source.page, source.key, source.resources_per_page,
                _ACTIVITY_PAGES, reaches, has_no_old_work, newest,
            )  # fmt: skip
        return Listing(self.read, host, partial(self._single, gateway), source, listed)

    async def _page(
        self, gateway: AWSGateway, namespace: str, scope: Scope, token: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """Of a whole namespace: AWS takes no dimension without a resource."""
        parameters = {"ServiceNamespace": namespace, **self.parameters, **token}
        return await gateway.send(scope, SERVICE, self.operation, parameters, PATIENCE)

    async def _single(
        self, gateway: AWSGateway, scope: Scope, targets: Sequence[ScalableId]
    ) -> Mapping[ScalableId, Items]:
        [target] = targets
        parameters = {**target.parameters, **self.parameters}
        found: list[Mapping[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = await gateway.send(scope, SERVICE, self.operation, parameters | token)
            found += page.get(self.items, [])
            what = f"{SERVICE} {self.operation} in {scope.region}"
            following = next_token(page, token, what)
            if self.newest_first and len(found) >= KEPT:
                return {target: found[:KEPT]}
            if following is None:
                return {target: found}
            token = following


POLICIES = List("scaling_policies", "describe_scaling_policies", "ScalingPolicies", 5)
"""10 a page; CPU and memory make two of each target."""

SCHEDULES = List("scheduled_actions", "describe_scheduled_actions", "ScheduledActions", 50)
"""50 a page; most targets have none."""

ACTIVITIES = List(
    "scaling_activities",
    "describe_scaling_activities",
    "ScalingActivities",
    50,
    newest_first=True,
    parameters={"IncludeNotScaledActivities": True},
)
"""50 a page, and only those since the last look are listed."""


def _owner(item: Mapping[str, Any]) -> ScalableId:
    return ScalableId(item["ServiceNamespace"], item["ResourceId"], item["ScalableDimension"])


def reaches(page: Mapping[str, Any], seconds: float) -> bool:
    """Whether all activities on a page are older than so many seconds."""
    edge = datetime.now(UTC) - timedelta(seconds=seconds) - OVERLAP
    items = page.get(ACTIVITIES.items, ())
    return bool(items) and all(item["StartTime"] < edge for item in items)


def has_no_old_work(items: Items) -> bool:
    """Whether no activity is under way that is too old for a listing of what is new."""
    edge = datetime.now(UTC) - OVERLAP
    return not any(item["StatusCode"] in _UNDER_WAY and item["StartTime"] < edge for item in items)


def newest(old: Items, new: Items) -> Items:
    """The newest of both; what is listed anew replaces what was known of the same activity."""
    by_id = {item["ActivityId"]: item for item in (*old, *new)}
    return sorted(by_id.values(), key=lambda item: item["StartTime"], reverse=True)[:KEPT]
