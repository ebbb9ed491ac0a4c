"""What many resources read of AWS, coalesced over all resources of an identity and a
region. Answers keep AWS's names."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from setpoint.aws.batch import EpochBatch, Freshness, Host
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.listing import Items, Listing
from setpoint.aws.lists import ACTIVITIES, POLICIES, SCHEDULES, SERVICE, List
from setpoint.aws.names import ScalableId
from setpoint.aws.sessions import Identity
from setpoint.aws.windows import Query, Results, Window, WindowBatch, period_of
from setpoint.engine.failure import Failure

__all__ = ["Freshness", "Reads", "ScalableId"]

Item = Mapping[str, Any]
T = TypeVar("T")

_SERVICE_FIELDS = (
    "serviceName", "serviceArn", "clusterArn", "status", "desiredCount", "runningCount",
    "pendingCount", "launchType", "schedulingStrategy", "deploymentController", "loadBalancers",
    "createdAt",
)  # fmt: skip
_CLUSTER_FIELDS = (
    "CacheClusterId", "ReplicationGroupId", "CacheClusterStatus", "CacheNodeType", "Engine",
    "EngineVersion", "CacheParameterGroup", "ARN",
)  # fmt: skip
_DEPLOYMENT_FIELDS = (
    "id", "status", "desiredCount", "runningCount", "pendingCount", "failedTasks", "createdAt",
    "updatedAt", "rolloutState",
)  # fmt: skip


class Reads:
    """One for the process. Every method raises Failure; `scope.resource` is what grants know."""

    def __init__(self, gateway: AWSGateway, clock: Callable[[], float] = time.monotonic) -> None:
        self._gateway = gateway
        self._clock = clock
        self._groups: dict[Hashable, Any] = {}

    def clock(self) -> float:
        """Seconds, as `Freshness.since` means them."""
        return self._clock()

    async def scalable_target(
        self, scope: Scope, target: ScalableId, fresh: Freshness
    ) -> Item | None:
        """The ScalableTarget; None if none is registered."""
        found = await self._target_batch(scope, target).get(scope, [target.resource_id], fresh)
        return found[target.resource_id]

    async def scaling_policies(self, scope: Scope, target: ScalableId, fresh: Freshness) -> Items:
        """All ScalingPolicies of a target."""
        return await self._listed(scope, POLICIES, target, fresh)

    async def scheduled_actions(self, scope: Scope, target: ScalableId, fresh: Freshness) -> Items:
        """All ScheduledActions of a target."""
        return await self._listed(scope, SCHEDULES, target, fresh)

    async def scaling_activities(self, scope: Scope, target: ScalableId, fresh: Freshness) -> Items:
        """The latest 20 ScalingActivities of a target, the newest first, with those that did not
        scale."""
        return await self._listed(scope, ACTIVITIES, target, fresh)

    async def ecs_service(
        self, scope: Scope, cluster: str, service: str, fresh: Freshness
    ) -> Item | None:
        """The active service, without its events and task sets; None if there is none."""
        return (await self._service_batch(scope, cluster).get(scope, [service], fresh))[service]

    async def alarms(
        self, scope: Scope, names: Sequence[str], fresh: Freshness
    ) -> Mapping[str, Item]:
        """MetricAlarms by name; those that do not exist are absent."""
        found = await self._alarm_batch(scope).get(scope, names, fresh)
        return {name: alarm for name, alarm in found.items() if alarm is not None}

    async def cache_clusters(self, scope: Scope, fresh: Freshness) -> Sequence[Item]:
        """All cache clusters of ElastiCache in the region, members of replication groups too."""
        batch: EpochBatch[str, Sequence[Item]] = self._group(
            scope,
            ("cache_cluster",),
            lambda host: EpochBatch("cache_cluster", 1, host, self._cache_clusters),
        )
        found = await batch.get(scope, [scope.region], fresh)
        return found[scope.region] or ()

    async def metric_data(
        self,
        scope: Scope,
        key: str,
        queries: Sequence[Query],
        start: datetime,
        end: datetime,
        since: float | None = None,
    ) -> Results:
        """MetricDataResults of a resource's queries in a window, whole over all pages.

        `key` names the queries of one reader among all of the identity and region. The same window
        is fetched once (again, where it was before `since`); windows should be aligned, so that
        resources share them.
        """
        batch = self._window_batch(scope, end - start, queries)
        return await batch.get(scope, key, queries, (start, end), since)

    def expect_target(
        self, scope: Scope, target: ScalableId, often: Freshness, rarely: Freshness
    ) -> None:
        """A scalable target will be looked at soon: others' calls take it along until then.

        `often` is for the target and its activities, `rarely` for its policies and schedules.
        """
        self._target_batch(scope, target).expect(scope, target.resource_id, often)
        for kind in (POLICIES, SCHEDULES):
            self._listing(scope, kind, target).expect(scope, target, rarely)
        self._listing(scope, ACTIVITIES, target).expect(scope, target, often)

    def expect_service(self, scope: Scope, cluster: str, service: str, fresh: Freshness) -> None:
        """An ECS service will be looked at soon."""
        self._service_batch(scope, cluster).expect(scope, service, fresh)

    def expect_metric_data(
        self, scope: Scope, key: str, queries: Sequence[Query], length: timedelta
    ) -> None:
        """Metrics will be looked at soon, in windows of a length."""
        self._window_batch(scope, length, queries).expect(scope, key, queries)

    def _expect_alarms(self, scope: Scope, items: Items, every: float) -> None:
        """Whoever reads policies looks at their alarms next."""
        for item in items:
            for alarm in item.get("Alarms", ()):
                fresh = Freshness(timedelta(seconds=every))
                self._alarm_batch(scope).expect(scope, alarm["AlarmName"], fresh)

    def _alarm_batch(self, scope: Scope) -> EpochBatch[str, Item]:
        return self._group(
            scope, ("alarm",), lambda host: EpochBatch("alarm", 100, host, self._alarms)
        )

    def _target_batch(self, scope: Scope, target: ScalableId) -> EpochBatch[str, Item]:
        group = (target.namespace, target.dimension)
        return self._group(
            scope,
            ("scalable_target", *group),
            lambda host: EpochBatch("scalable_target", 50, host, partial(self._targets, *group)),
        )

    def _service_batch(self, scope: Scope, cluster: str) -> EpochBatch[str, Item]:
        return self._group(
            scope,
            ("ecs_service", cluster),
            lambda host: EpochBatch("ecs_service", 10, host, partial(self._services, cluster)),
        )

    def _window_batch(
        self, scope: Scope, length: timedelta, queries: Sequence[Query]
    ) -> WindowBatch:
        period = period_of(queries)
        return self._group(
            scope,
            ("metric_data", length, period),
            lambda host: WindowBatch(period, host, self._metric_data),
        )

    def _group(self, scope: Scope, group: tuple[Hashable, ...], make: Callable[[Host], T]) -> T:
        """What is read together: one identity, one region, one kind of call."""
        identity = self._gateway.identity(scope)
        key = (identity, *group)
        if key not in self._groups:
            host = Host(self._clock, self._gateway.spawn, partial(self._permits, identity))
            self._groups[key] = make(host)
        found: T = self._groups[key]
        return found

    def _permits(self, identity: Identity, scope: Scope) -> bool:
        try:
            return self._gateway.identity(scope) == identity
        except Failure:
            return False

    async def _targets(
        self, namespace: str, dimension: str, scope: Scope, ids: Sequence[str]
    ) -> Mapping[str, Item]:
        found = await self._gateway.pages(
            scope, SERVICE, "describe_scalable_targets", "ScalableTargets",
            ServiceNamespace=namespace, ResourceIds=list(ids), ScalableDimension=dimension,
        )  # fmt: skip
        return {target["ResourceId"]: target for target in found}

    async def _services(
        self, cluster: str, scope: Scope, names: Sequence[str]
    ) -> Mapping[str, Item]:
        answer = await self._gateway.call(
            scope, "ecs", "describe_services", cluster=cluster, services=list(names)
        )
        active = (service for service in answer["services"] if service["status"] == "ACTIVE")
        return {service["serviceName"]: _service(service) for service in active}

    async def _cache_clusters(
        self, scope: Scope, regions: Sequence[str]
    ) -> Mapping[str, Sequence[Item]]:
        found = await self._gateway.pages(
            scope, "elasticache", "describe_cache_clusters", "CacheClusters", MaxRecords=100
        )
        kept = [{k: v for k, v in item.items() if k in _CLUSTER_FIELDS} for item in found]
        return dict.fromkeys(regions, kept)

    async def _alarms(self, scope: Scope, names: Sequence[str]) -> Mapping[str, Item]:
        found = await self._gateway.pages(
            scope, "cloudwatch", "describe_alarms", "MetricAlarms",
            AlarmNames=list(names), MaxRecords=100,  # it would give 50
        )  # fmt: skip
        return {
            alarm["AlarmName"]: {k: v for k, v in alarm.items() if k != "StateReasonData"}
            for alarm in found
        }

    async def _metric_data(self, scope: Scope, window: Window, queries: Sequence[Query]) -> Results:
        start, end = window
        return await self._gateway.pages(
            scope, "cloudwatch", "get_metric_data", "MetricDataResults",
            MetricDataQueries=list(queries), StartTime=start, EndTime=end,
        )  # fmt: skip

    async def _listed(
        self, scope: Scope, kind: List, target: ScalableId, fresh: Freshness
    ) -> Items:
        return await self._listing(scope, kind, target).one(scope, target, fresh)

    def _listing(self, scope: Scope, kind: List, target: ScalableId) -> Listing[ScalableId]:
        return self._group(
            scope,
            (kind.read, target.namespace),
            lambda host: kind.listing(self._gateway, host, target.namespace, self._expect_alarms),
        )


def _service(service: Item) -> Item:
    """The fields that are read: events and task sets would fill the memory."""
    kept = {name: service[name] for name in _SERVICE_FIELDS if name in service}
    kept["deployments"] = [
        {name: deployment[name] for name in _DEPLOYMENT_FIELDS if name in deployment}
        for deployment in service.get("deployments", ())
    ]
    return kept
