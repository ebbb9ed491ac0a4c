"""Replication groups and cache clusters: moto's, described as AWS does.

Members of a replication group are clusters too, and only they name its parameter group and the
version of its engine. What moto leaves out, and what a control call has set, is filled in here.
"""

import inspect
from collections.abc import Callable
from typing import Any

from moto.elasticache.models import CacheCluster

from stack.aws.elasticache import groups
from stack.aws.state import World, moto
from stack.aws.wire import AWSError, Call

_COPIED = ("engine", "engine_version", "cache_node_type", "cache_parameter_group_name", "port",
           "replication_group_id", "transit_encryption_enabled")  # fmt: skip
_VERSIONS = {"redis": "7.1", "valkey": "8.0"}


def settle(world: World, call: Call) -> None:
    """Every member is a cluster, and every cluster of Redis or Valkey names a parameter group."""
    region, backend = world.region(call), moto("elasticache", call)
    for replication in backend.replication_groups.values():
        replication.engine_version = replication.engine_version or _VERSIONS[replication.engine]
        for name in replication.member_clusters:
            if name not in backend.cache_clusters:
                backend.cache_clusters[name] = _member(call, name, replication)
    for cluster in backend.cache_clusters.values():
        if cluster.engine in _VERSIONS:
            cluster.engine_version = cluster.engine_version or _VERSIONS[cluster.engine]
            if cluster.cache_parameter_group_name is None:
                owner = backend.replication_groups.get(_owner(cluster))
                cluster.cache_parameter_group_name = _default_group(cluster, owner)
        values = region.caches.get(cluster.cache_cluster_id, {})
        cluster.cache_cluster_status = values.get("CacheClusterStatus", "available")


def set_values(world: World, call: Call, name: str, values: dict[str, Any]) -> None:
    """Overwrite what is described of a replication group, a cluster or a serverless cache."""
    region, backend = world.region(call), moto("elasticache", call)
    settle(world, call)
    if name in region.serverless_caches:
        region.serverless_caches[name].update(values)
    elif name in backend.replication_groups or name in backend.cache_clusters:
        region.caches.setdefault(name, {}).update(values)
    elif name in region.parameter_groups:
        region.parameter_groups[name].is_global = bool(values["IsGlobal"])
    else:
        raise KeyError(f"ElastiCache has no {name}")


def _create(world: World, call: Call) -> None:
    """Moto creates it; AWS checks the parameter group first."""
    name = call.params.get("CacheParameterGroupName")
    if name is None:
        return
    group = groups.find(world.region(call), call, name)
    engine = call.params.get("Engine") or "redis"
    if not group.family.startswith(engine):
        message = f"Expected a parameter group of {engine} but found one of family {group.family}"
        raise AWSError("InvalidParameterCombination", message)


def _describe_groups(world: World, call: Call) -> dict[str, Any]:
    backend, name = moto("elasticache", call), call.params.get("ReplicationGroupId")
    if name and name not in backend.replication_groups:
        message = f"ReplicationGroup {name} not found."
        raise AWSError("ReplicationGroupNotFoundFault", message, 404)
    wanted = [backend.replication_groups[name]] if name else backend.replication_groups.values()
    found, marker = groups.page(call, [_shown_group(world, call, each) for each in wanted])
    return {"ReplicationGroups": found, "Marker": marker}


def _describe_clusters(world: World, call: Call) -> dict[str, Any]:
    backend, name = moto("elasticache", call), call.params.get("CacheClusterId")
    if name and name not in backend.cache_clusters:
        raise AWSError("CacheClusterNotFound", f"CacheCluster not found: {name}", 404)
    wanted = [backend.cache_clusters[name]] if name else backend.cache_clusters.values()
    rows = [_shown_cluster(world, call, each) for each in wanted]
    if call.params.get("ShowCacheClustersNotInReplicationGroups"):
        rows = [row for row in rows if row["ReplicationGroupId"] is None]
    found, marker = groups.page(call, rows)
    return {"CacheClusters": found, "Marker": marker}


def _shown_group(world: World, call: Call, group: Any) -> dict[str, Any]:
    shards = [
        {
            "NodeGroupId": shard["node_group_id"],
            "Status": "available",
            "NodeGroupMembers": [
                {
                    "CacheClusterId": member["cache_cluster_id"],
                    "CacheNodeId": "0001",
                    "CurrentRole": member.get("current_role"),  # none in cluster mode
                }
                for member in shard["node_group_members"]
            ],
        }
        for shard in group.node_groups
    ]
    return {
        "ReplicationGroupId": group.replication_group_id,
        "Description": group.description,
        "Status": "available",
        "PendingModifiedValues": {},
        "MemberClusters": list(group.member_clusters),
        "NodeGroups": shards,
        "AutomaticFailover": group.automatic_failover,
        "MultiAZ": group.multi_az,
        "ClusterEnabled": group.cluster_enabled,
        "CacheNodeType": group.cache_node_type,
        "SnapshotRetentionLimit": group.snapshot_retention_limit,
        "ARN": f"arn:aws:elasticache:{call.region}:{call.account}:replicationgroup:"
        f"{group.replication_group_id}",
        "Engine": group.engine,
        **world.region(call).caches.get(group.replication_group_id, {}),
    }


def _shown_cluster(world: World, call: Call, cluster: Any) -> dict[str, Any]:
    region, name = world.region(call), cluster.cache_cluster_id
    parameters = None
    if cluster.cache_parameter_group_name is not None:
        group = region.parameter_groups.get(cluster.cache_parameter_group_name)
        parameters = {
            "CacheParameterGroupName": cluster.cache_parameter_group_name,
            "ParameterApplyStatus": groups.apply_status(group),
            "CacheNodeIdsToReboot": ["0001"] if group and group.needs_reboot else [],
        }
    return {
        "CacheClusterId": name,
        "CacheNodeType": cluster.cache_node_type,
        "Engine": cluster.engine,
        "EngineVersion": cluster.engine_version,
        "CacheClusterStatus": cluster.cache_cluster_status,
        "NumCacheNodes": 1,
        "ReplicationGroupId": _owner(cluster),
        "CacheParameterGroup": parameters,
        "ARN": f"arn:aws:elasticache:{call.region}:{call.account}:cluster:{name}",
        **region.caches.get(name, {}),
    }


def _owner(cluster: Any) -> str | None:
    """Its replication group; moto has the attribute for redis only."""
    return getattr(cluster, "replication_group_id", None)


def _member(call: Call, name: str, replication: Any) -> CacheCluster:
    arguments: dict[str, Any] = dict.fromkeys(inspect.signature(CacheCluster).parameters)
    arguments |= {attribute: getattr(replication, attribute) for attribute in _COPIED}
    arguments |= {"account_id": call.account, "region_name": call.region, "cache_cluster_id": name}
    made = CacheCluster(**arguments)
    made.replication_group_id = replication.replication_group_id  # moto keeps it for redis only
    return made


def _default_group(cluster: Any, owner: Any) -> str:
    """`default.redis7`, `default.redis6.x`, `default.valkey8.cluster.on`."""
    major = str(cluster.engine_version).partition(".")[0]
    name = f"default.{cluster.engine}{major}" + (".x" if major == "6" else "")
    return name + (".cluster.on" if owner is not None and owner.cluster_enabled else "")


OPERATIONS: dict[str, Callable[[World, Call], dict[str, Any] | None]] = {
    "CreateReplicationGroup": _create,
    "CreateCacheCluster": _create,
    "DescribeReplicationGroups": _describe_groups,
    "DescribeCacheClusters": _describe_clusters,
}
