"""Reads what AWS knows of a cache. Writes nothing.

The clusters of a region are listed once for all resources: who else has a parameter group can be
seen there only.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.elasticache import ElastiCache
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.reads import Freshness, Reads
from setpoint.cache.elasticache import metrics
from setpoint.cache.elasticache.model import (
    ElastiCacheObserved,
    Metrics,
    Node,
    Parameter,
    ParameterGroup,
)
from setpoint.engine.failure import Failure, Help

EVERY = timedelta(seconds=15)
"""How often the clusters of a region are listed at most, however many resources look."""

_CLUSTER, _GROUP = "CacheClusterId", "ReplicationGroupId"
_OPTIONAL = (Reason.ACCESS_DENIED, Reason.TARGET_NOT_FOUND)
Item = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """One look at one cache. `whole`: also the metrics that a connection to Redis would tell;
    `known`: the metrics as last read; `since`: what was listed before (seconds of the reader's
    clock) is too old."""

    gateway: AWSGateway
    reads: Reads
    scope: Scope
    cache: ElastiCache
    now: datetime
    whole: bool
    known: Metrics = field(default_factory=Metrics)
    since: float | None = None


async def observe(look: Look) -> ElastiCacheObserved:
    """Raises Failure."""
    if look.cache.serverless_cache is not None:
        return await _serverless(look, look.cache.serverless_cache)
    group = await _replication_group(look)
    clusters = await look.reads.cache_clusters(look.scope, Freshness(EVERY, look.since))
    members = _members(look, clusters, group)
    roles = _roles(group)
    nodes = tuple(_node(member, roles) for member in members)
    parameters, failure = await _parameter_group(look, clusters, members)
    first = members[0]
    return ElastiCacheObserved(
        arn=group["ARN"] if group else first["ARN"],
        resource=look.cache.resource,
        state=group["Status"] if group else first["CacheClusterStatus"],
        engine=str(first["Engine"]),
        version=str(first["EngineVersion"]),
        nodes=nodes,
        failover=str(group.get("AutomaticFailover") or "") if group else "",
        is_global=bool(group and (group.get("GlobalReplicationGroupInfo") or {})
                       .get("GlobalReplicationGroupId")),
        group=parameters,
        group_failure=failure,
        metrics=await _metrics(
            look, {node.name: metrics.of_node(node.name, whole=look.whole) for node in nodes}
        ),
    )  # fmt: skip


def users(clusters: Sequence[Item], group: str) -> frozenset[str]:
    """The caches that have a parameter group, by the names that grants know."""
    return frozenset(
        _resource(cluster) for cluster in clusters if _group_name(cluster) == group
    )  # fmt: skip


async def parameters_of(
    gateway: AWSGateway, scope: Scope, group: str
) -> tuple[dict[str, Parameter], dict[str, int]]:
    """A group's parameters, and what memory each node type has, in bytes. Raises Failure."""
    pages = await gateway.all_pages(
        scope, "elasticache", "describe_cache_parameters", CacheParameterGroupName=group
    )
    found = {
        row["ParameterName"]: Parameter(
            value=str(row.get("ParameterValue", "")),
            allowed=str(row.get("AllowedValues", "")),
            modifiable=bool(row.get("IsModifiable")),
            needs_reboot=row.get("ChangeType") == "requires-reboot",
        )
        for page in pages
        for row in page.get("Parameters", ())
    }
    memory = {
        value["CacheNodeType"]: int(value["Value"])
        for page in pages
        for row in page.get("CacheNodeTypeSpecificParameters", ())
        if row["ParameterName"] == "maxmemory"
        for value in row.get("CacheNodeTypeSpecificValues", ())
        if value["Value"].isdecimal()
    }
    return found, memory


async def _replication_group(look: Look) -> Item | None:
    name = look.cache.replication_group
    if name is None:
        return None
    answer = await look.gateway.call(
        look.scope, "elasticache", "describe_replication_groups", ReplicationGroupId=name
    )
    found: Item = answer["ReplicationGroups"][0]
    return found


def _members(look: Look, clusters: Sequence[Item], group: Item | None) -> list[Item]:
    """The cache's own clusters. Raises Failure where there are none, or they are no Redis."""
    name, where = look.cache.name, look.scope.region
    by = _GROUP if look.cache.replication_group is not None else _CLUSTER
    found = [cluster for cluster in clusters if cluster.get(by) == name]
    if not found and group is not None:
        raise Failure(Reason.BUSY, f"{name} has no nodes yet: it is {group['Status']}")
    if not found:
        raise Failure(
            Reason.TARGET_NOT_FOUND,
            f"ElastiCache has no cluster {name} in {where}: check its name, region and account; "
            "it is looked for again",
        )
    if by == _CLUSTER and found[0].get(_GROUP):
        raise Failure(
            Reason.INVALID_SPEC,
            f"cluster {name} is a member of replication group {found[0][_GROUP]}: name that one in "
            "spec.elastiCache.replicationGroup",
        )
    _require_redis(name, str(found[0]["Engine"]))
    return sorted(found, key=lambda cluster: str(cluster[_CLUSTER]))


def _require_redis(name: str, engine: str) -> None:
    if engine not in ("redis", "valkey"):
        raise Failure(
            Reason.UNSUPPORTED,
            f"{name} runs {engine[:32]}: a CacheTuning is for Valkey and Redis OSS",
        )


def _roles(group: Item | None) -> dict[str, str]:
    """Primary or replica by cluster; AWS does not tell in cluster mode."""
    return {
        member[_CLUSTER]: str(member.get("CurrentRole") or "")
        for shard in (group or {}).get("NodeGroups", ())
        for member in shard.get("NodeGroupMembers", ())
    }


def _node(cluster: Item, roles: Mapping[str, str]) -> Node:
    applied = cluster.get("CacheParameterGroup") or {}
    return Node(
        name=cluster[_CLUSTER],
        state=str(cluster["CacheClusterStatus"]),
        type=str(cluster["CacheNodeType"]),
        version=str(cluster["EngineVersion"]),
        role=roles.get(cluster[_CLUSTER], ""),
        parameters=str(applied.get("ParameterApplyStatus") or "in-sync"),
    )


async def _parameter_group(
    look: Look, clusters: Sequence[Item], members: Sequence[Item]
) -> tuple[ParameterGroup | None, Failure | None]:
    """The group of the members, or why it cannot be read: the rest goes on."""
    names = {_group_name(member) for member in members}
    if len(names) > 1:
        return None, Failure(
            Reason.BUSY,
            f"the nodes of {look.cache.name} are between two parameter groups: it is looked at "
            "again",
        )
    name = names.pop()
    try:
        parameters, memory = await parameters_of(look.gateway, look.scope, name)
    except Failure as failure:
        if failure.reason not in _OPTIONAL:
            raise
        return None, failure
    sharing = users(clusters, name)
    return (
        ParameterGroup(name, parameters, memory, sharing, _ungranted(look, sharing)),
        None,
    )


def _ungranted(look: Look, sharing: frozenset[str]) -> frozenset[str]:
    """Those that the namespace may not touch: a shared group would lead it to others' caches."""
    return frozenset(name for name in sharing if not is_granted(look.gateway, look.scope, name))


def is_granted(gateway: AWSGateway, scope: Scope, resource: str) -> bool:
    """Whether the same namespace and role have a grant for another cache."""
    try:
        gateway.identity(replace(scope, resource=resource))
    except Failure:
        return False
    return True


async def _metrics(look: Look, queries: Mapping[str, Sequence[dict[str, Any]]]) -> Metrics:
    """The cache's own affairs go on while CloudWatch cannot be read; what is known of it stays for
    as long as a window reaches back, so that nothing is taken for mended."""
    start, end = metrics.window(look.now)
    try:
        results = await asyncio.gather(
            *(
                look.reads.metric_data(look.scope, f"elasticache/{name}", asked, start, end)
                for name, asked in queries.items()
            )
        )
    except Failure as failure:
        at = look.known.at
        known = look.known if at and look.now - at < metrics.WINDOW else Metrics()
        return replace(known, failure=failure if failure.help is not Help.TIME else None)
    return Metrics(
        {name: metrics.newest(found) for name, found in zip(queries, results, strict=True)},
        look.now,
    )


async def _serverless(look: Look, name: str) -> ElastiCacheObserved:
    answer = await look.gateway.call(
        look.scope, "elasticache", "describe_serverless_caches", ServerlessCacheName=name
    )
    found = answer["ServerlessCaches"][0]
    engine = str(found["Engine"])
    _require_redis(name, engine)
    most = ((found.get("CacheUsageLimits") or {}).get("DataStorage") or {}).get("Maximum")
    return ElastiCacheObserved(
        arn=found["ARN"],
        resource=look.cache.resource,
        state=str(found["Status"]).lower(),
        engine=engine,
        version=str(found.get("FullEngineVersion") or found.get("MajorEngineVersion") or ""),
        most_bytes=int(most) * 1024**3 if most else None,
        metrics=await _metrics(look, {name: metrics.of_serverless(name)}),
    )


def _resource(cluster: Item) -> str:
    group = cluster.get(_GROUP)
    return f"replicationgroup:{group}" if group else f"cluster:{cluster[_CLUSTER]}"


def _group_name(cluster: Item) -> str:
    return str((cluster.get("CacheParameterGroup") or {}).get("CacheParameterGroupName") or "")
