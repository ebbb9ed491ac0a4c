"""ElastiCache: replication groups and their members, parameter groups, serverless caches."""

from typing import Any

import pytest

from stack.aws.client import AwsStack

from .conftest import REGION, Refused


class Cache:
    """A replication group with a parameter group of its own."""

    def __init__(self, account: AwsStack) -> None:
        self.client = account.boto3_client("elasticache", REGION)
        self.client.create_cache_parameter_group(
            CacheParameterGroupName="own", CacheParameterGroupFamily="redis7", Description="-"
        )
        self.client.create_replication_group(
            ReplicationGroupId="sessions", ReplicationGroupDescription="-", Engine="redis",
            EngineVersion="7.1", CacheNodeType="cache.t4g.small", CacheParameterGroupName="own",
        )  # fmt: skip

    def modify(self, group: str = "own", **values: str) -> dict[str, Any]:
        rows = [
            {"ParameterName": name.replace("_", "-"), "ParameterValue": value}
            for name, value in values.items()
        ]
        answer: dict[str, Any] = self.client.modify_cache_parameter_group(
            CacheParameterGroupName=group, ParameterNameValues=rows
        )
        return answer

    def parameters(self, **more: str) -> dict[str, str]:
        answer = self.client.describe_cache_parameters(CacheParameterGroupName="own", **more)
        return {row["ParameterName"]: row["ParameterValue"] for row in answer["Parameters"]}

    def group(self) -> dict[str, Any]:
        [cluster] = self.client.describe_cache_clusters()["CacheClusters"]
        found: dict[str, Any] = cluster["CacheParameterGroup"]
        return found


@pytest.fixture
def cache(account: AwsStack) -> Cache:
    return Cache(account)


def test_parameters_are_changed_and_reset(cache: Cache) -> None:
    assert cache.parameters()["maxmemory-policy"] == "volatile-lru"
    cache.modify(maxmemory_policy="allkeys-lru", timeout="60")
    changed = {"maxmemory-policy": "allkeys-lru", "timeout": "60"}
    assert cache.parameters(Source="user") == changed
    cache.client.reset_cache_parameter_group(
        CacheParameterGroupName="own", ParameterNameValues=[{"ParameterName": "timeout"}]
    )
    assert cache.parameters(Source="user") == {"maxmemory-policy": "allkeys-lru"}


@pytest.mark.parametrize(
    ("group", "values", "code"),
    [
        ("default.redis7", {"timeout": "60"}, "InvalidParameterValue"),
        ("absent", {"timeout": "60"}, "CacheParameterGroupNotFound"),
        ("own", {"coffee": "yes"}, "InvalidParameterValue"),
        ("own", {"maxmemory_policy": "sometimes"}, "InvalidParameterValue"),
        ("own", {"timeout": "-5"}, "InvalidParameterValue"),
        ("own", {"appendonly": "yes"}, "InvalidParameterValue"),
        ("own", {f"p{number}": "1" for number in range(21)}, "InvalidParameterCombination"),
    ],
    ids=["default", "absent", "unknown", "value", "range", "fixed", "21"],
)
def test_parameters_are_refused(
    cache: Cache, refused: Refused, group: str, values: dict[str, str], code: str
) -> None:
    before = cache.parameters()
    assert refused(cache.modify, group=group, **values)[0] == code
    assert cache.parameters() == before


def test_the_cluster_says_how_far_its_group_is_applied(cache: Cache, account: AwsStack) -> None:
    assert cache.group()["ParameterApplyStatus"] == "in-sync"
    cache.modify(databases="32")
    assert cache.group()["ParameterApplyStatus"] == "pending-reboot"
    account.settings(cacheSeconds=30)
    cache.modify(timeout="60")
    assert cache.group()["ParameterApplyStatus"] == "applying"


def test_a_group_in_use_stays(cache: Cache, refused: Refused) -> None:
    delete = cache.client.delete_cache_parameter_group
    assert refused(delete, CacheParameterGroupName="own")[0] == "InvalidCacheParameterGroupState"
    groups = cache.client.describe_cache_parameter_groups()["CacheParameterGroups"]
    names = {group["CacheParameterGroupName"] for group in groups}
    assert {"own", "default.redis7", "default.valkey8.cluster.on"} <= names


def test_a_group_with_pending_changes_is_not_changed(
    cache: Cache, account: AwsStack, refused: Refused
) -> None:
    account.settings(cacheSeconds=30)
    cache.modify(timeout="60")
    assert refused(cache.modify, timeout="90")[0] == "InvalidCacheParameterGroupState"
    code, message = refused(
        cache.client.reset_cache_parameter_group,
        CacheParameterGroupName="own",
        ParameterNameValues=[{"ParameterName": "timeout"}],
    )
    assert code == "InvalidCacheParameterGroupState"
    assert "pending changes" in message


def test_a_group_whose_clusters_are_modified_is_not_changed(
    cache: Cache, account: AwsStack, refused: Refused
) -> None:
    account.set_cache(REGION, "sessions-001", CacheClusterStatus="modifying")
    assert refused(cache.modify, timeout="60")[0] == "InvalidCacheParameterGroupState"
    account.set_cache(REGION, "sessions-001", CacheClusterStatus="available")
    cache.modify(timeout="60")


def test_the_group_of_a_global_datastore_is_not_changed(
    cache: Cache, account: AwsStack, refused: Refused
) -> None:
    account.set_cache(REGION, "own", IsGlobal=True)
    assert refused(cache.modify, timeout="60")[0] == "InvalidGlobalReplicationGroupState"


def test_a_replication_group_and_its_members(cache: Cache, account: AwsStack) -> None:
    cache.client.create_replication_group(
        ReplicationGroupId="orders", ReplicationGroupDescription="-", Engine="valkey",
        CacheNodeType="cache.r7g.large", NumNodeGroups=1, ReplicasPerNodeGroup=1,
    )  # fmt: skip
    [group] = cache.client.describe_replication_groups(ReplicationGroupId="orders")[
        "ReplicationGroups"
    ]
    [shard] = group["NodeGroups"]
    roles = {m["CacheClusterId"]: m["CurrentRole"] for m in shard["NodeGroupMembers"]}
    assert roles == {"orders-001": "primary", "orders-002": "replica"}
    assert (group["Engine"], group["Status"]) == ("valkey", "available")
    clusters = cache.client.describe_cache_clusters()["CacheClusters"]
    members = [c for c in clusters if c["ReplicationGroupId"] == "orders"]
    assert [m["CacheParameterGroup"]["CacheParameterGroupName"] for m in members] == [
        "default.valkey8"
    ] * 2
    alone = cache.client.describe_cache_clusters(ShowCacheClustersNotInReplicationGroups=True)
    assert alone["CacheClusters"] == []


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("describe_replication_groups", {"ReplicationGroupId": "no"}, "ReplicationGroupNotFoundFault"),
        ("describe_cache_clusters", {"CacheClusterId": "no"}, "CacheClusterNotFound"),
        ("describe_serverless_caches", {"ServerlessCacheName": "no"}, "ServerlessCacheNotFoundFault"),
        ("describe_cache_clusters", {"MaxRecords": 5}, "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_what_is_not_there(
    cache: Cache, refused: Refused, operation: str, parameters: dict[str, Any], code: str
) -> None:
    assert refused(getattr(cache.client, operation), **parameters)[0] == code


@pytest.mark.parametrize(
    ("engine", "group", "code"),
    [
        ("redis", "absent", "CacheParameterGroupNotFound"),
        ("valkey", "own", "InvalidParameterCombination"),
    ],
)
def test_a_new_group_needs_parameters_of_its_engine(
    cache: Cache, refused: Refused, engine: str, group: str, code: str
) -> None:
    found, _ = refused(
        cache.client.create_replication_group,
        ReplicationGroupId="more",
        ReplicationGroupDescription="-",
        Engine=engine,
        CacheParameterGroupName=group,
    )
    assert found == code


@pytest.mark.parametrize(
    ("engine", "version", "mode", "group"),
    [
        ("redis", "6.2", "disabled", "default.redis6.x"),
        ("redis", "7.1", "enabled", "default.redis7.cluster.on"),
        ("valkey", "7.2", "disabled", "default.valkey7"),
    ],
)
def test_awss_own_groups_by_engine_and_mode(
    cache: Cache, engine: str, version: str, mode: str, group: str
) -> None:
    cache.client.create_replication_group(
        ReplicationGroupId="more", ReplicationGroupDescription="-", Engine=engine,
        EngineVersion=version, ClusterMode=mode, NumNodeGroups=1,
    )  # fmt: skip
    found = cache.client.describe_cache_clusters()["CacheClusters"]
    assert {
        c["CacheParameterGroup"]["CacheParameterGroupName"]
        for c in found
        if c["ReplicationGroupId"] == "more"
    } == {group}


def test_a_cluster_that_is_in_no_group(cache: Cache) -> None:
    for name, engine in {"alone": "valkey", "memory": "memcached"}.items():
        cache.client.create_cache_cluster(
            CacheClusterId=name, Engine=engine, CacheNodeType="cache.t4g.small"
        )
    answer = cache.client.describe_cache_clusters(ShowCacheClustersNotInReplicationGroups=True)
    found = {cluster["CacheClusterId"]: cluster for cluster in answer["CacheClusters"]}
    assert found["alone"]["CacheParameterGroup"]["CacheParameterGroupName"] == "default.valkey8"
    assert "CacheParameterGroup" not in found["memory"]


def test_clusters_come_in_pages(cache: Cache) -> None:
    for number in range(24):
        cache.client.create_cache_cluster(
            CacheClusterId=f"c{number}", Engine="redis", CacheNodeType="cache.t4g.small"
        )
    pages = list(
        cache.client.get_paginator("describe_cache_clusters").paginate(
            PaginationConfig={"PageSize": 20}
        )
    )
    assert [len(page["CacheClusters"]) for page in pages] == [20, 5]


def test_a_family_says_what_memory_each_node_type_has(cache: Cache) -> None:
    answer = cache.client.describe_cache_parameters(CacheParameterGroupName="default.valkey8")
    [row] = answer["CacheNodeTypeSpecificParameters"]
    sizes = {v["CacheNodeType"]: v["Value"] for v in row["CacheNodeTypeSpecificValues"]}
    assert (row["ParameterName"], row["IsModifiable"]) == ("maxmemory", False)
    assert sizes["cache.r7g.large"] == "14037181030"


def test_a_serverless_cache(cache: Cache) -> None:
    made = cache.client.create_serverless_cache(
        ServerlessCacheName="carts", Engine="valkey",
        CacheUsageLimits={"DataStorage": {"Maximum": 10, "Unit": "GB"}},
    )["ServerlessCache"]  # fmt: skip
    assert made["Status"] == "creating"
    [found] = cache.client.describe_serverless_caches()["ServerlessCaches"]
    assert (found["Status"], found["FullEngineVersion"]) == ("available", "8.0")
    assert found["CacheUsageLimits"]["DataStorage"]["Maximum"] == 10


def test_denials_and_throttling(cache: Cache, account: AwsStack, refused: Refused) -> None:
    account.deny({"action": "elasticache:ModifyCacheParameterGroup", "resource": "own"})
    assert refused(cache.modify, timeout="60")[0] == "AccessDenied"
    account.deny()
    account.set_faults([{"service": "elasticache", "operation": "Modify*", "kind": "throttle"}])
    assert refused(cache.modify, timeout="60")[0] == "Throttling"
    assert [call["code"] for call in account.mutations()[-2:]] == ["AccessDenied", "Throttling"]
