"""A parameter group of ElastiCache, through the API server and under the operator's own role."""

import pytest

from stack import shop
from tests.e2e.conftest import Space, is_set_up


class Group:
    """A replication group of its own, and what happens to its parameter group."""

    def __init__(self, space: Space) -> None:
        self.space, self.name = space, f"cache-{space.name}"
        self.client = space.aws.boto3_client("elasticache", shop.REGION)
        self.client.create_cache_parameter_group(
            CacheParameterGroupName=self.name, CacheParameterGroupFamily="valkey8", Description="-"
        )
        self.client.create_replication_group(
            ReplicationGroupId=self.name, ReplicationGroupDescription="-", Engine="valkey",
            CacheNodeType="cache.r7g.large", NumNodeGroups=1, ReplicasPerNodeGroup=1,
            AutomaticFailoverEnabled=True, CacheParameterGroupName=self.name,
        )  # fmt: skip
        dimensions = {"CacheClusterId": f"{self.name}-001"}
        for metric, value in {"CacheHits": 700, "CacheMisses": 300}.items():
            space.aws.set_metric(
                shop.REGION, "AWS/ElastiCache", metric, dimensions, value, minutes=20
            )

    def apply(self, **spec: object) -> str:
        named = {"elastiCache": {"replicationGroup": self.name}, "config": {"timeout": 300}}
        return self.space.apply("CacheTuning", "carts", {**named, **spec})

    def timeout(self) -> str:
        answer = self.client.describe_cache_parameters(CacheParameterGroupName=self.name)
        found: dict[str, str] = {
            row["ParameterName"]: row["ParameterValue"] for row in answer["Parameters"]
        }
        return found["timeout"]

    def mutations(self) -> list[str]:
        return [
            call["operation"]
            for call in self.space.aws.ledger()
            if call["mutating"] and not is_set_up(call) and self.name in str(call["params"])
        ]


@pytest.fixture
def group(space: Space) -> Group:
    return Group(space)


def test_from_a_plan_to_enforce_and_back(space: Space, group: Group) -> None:
    group.apply(mode="Observe")
    space.wait_ready("cachetuning", "carts", reason="Observed")
    group.apply(mode="Plan")
    space.wait_ready("cachetuning", "carts", reason="ChangePending")
    assert (group.mutations(), group.timeout()) == ([], "0")
    status = space.status("cachetuning", "carts")
    assert status["cache"]["hitRate"] == "70.0%"
    assert status["elastiCache"]["engine"] == "Valkey 8.0"
    assert [finding["id"] for finding in status["findings"]["items"]] == ["LowHitRate"]
    assert status["target"].endswith(f":replicationgroup:{group.name}")

    group.apply(mode="Enforce", deletionPolicy="Revert")
    space.wait_ready("cachetuning", "carts", reason="InSync")
    assert group.timeout() == "300"
    assert group.mutations() == ["ModifyCacheParameterGroup"]

    space.cluster.kubectl("delete", "cachetuning", "carts", "-n", space.name, "--timeout=20s")
    assert group.timeout() == "0"


def test_awss_own_group_is_named_in_the_condition(space: Space, group: Group) -> None:
    group.client.create_replication_group(
        ReplicationGroupId=f"{group.name}-b", ReplicationGroupDescription="-", Engine="valkey",
        CacheNodeType="cache.r7g.large",
    )  # fmt: skip
    group.apply(elastiCache={"replicationGroup": f"{group.name}-b"})
    ready = space.wait_ready("cachetuning", "carts", status="False", reason="Rejected")
    assert "default.valkey8" in ready["message"]
    assert space.status("cachetuning", "carts")["elastiCache"]["parameterGroup"] == (
        "default.valkey8"
    )
