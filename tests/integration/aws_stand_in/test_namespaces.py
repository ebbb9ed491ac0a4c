"""Every namespace and dimension that botocore knows: ids, policy types, predefined metrics."""

import contextlib
from typing import Any

import pytest
from botocore.session import get_session

from stack.aws.client import AwsStack

from .conftest import REGION, Refused

MODEL = get_session().get_service_model("application-autoscaling")
DIMENSIONS = MODEL.shape_for("ScalableDimension").enum
METRICS = MODEL.shape_for("MetricType").enum
ROLE = "arn:aws:iam::123456789012:role/EMR_AutoScaling_DefaultRole"
LABEL = "app/prod/50dc6c495c0c9188/targetgroup/web/73e2d6bc24d8a067"
IDS = {
    "ec2:spot-fleet-request": "spot-fleet-request/sfr-73fbd2ce-aa30-494c-8788-1cee4EXAMPLE",
    "elasticmapreduce:instancegroup": "instancegroup/j-2EEZNYKUA1NTV/ig-1791Y4E1L8YI0",
    "appstream:fleet": "fleet/sample-fleet",
    "dynamodb:table": "table/my-table",
    "dynamodb:index": "table/my-table/index/my-table-index",
    "rds:cluster": "cluster:my-db-cluster",
    "sagemaker:variant": "endpoint/my-end-point/variant/KMeansClustering",
    "sagemaker:inference-component": "inference-component/my-inference-component",
    "custom-resource:ResourceType": "https://example.execute-api.eu-central-1.amazonaws.com/x",
    "comprehend:document-classifier-endpoint":
        "arn:aws:comprehend:us-west-2:123456789012:document-classifier-endpoint/EXAMPLE",
    "comprehend:entity-recognizer-endpoint":
        "arn:aws:comprehend:us-west-2:123456789012:entity-recognizer-endpoint/EXAMPLE",
    "lambda:function": "function:my-function:prod",
    "cassandra:table": "keyspace/mykeyspace/table/mytable",
    "kafka:broker-storage": "arn:aws:kafka:us-east-1:123456789012:cluster/demo/6357e0b2-0e6a-2",
    "elasticache:cache-cluster": "cache-cluster/mycluster",
    "elasticache:replication-group": "replication-group/mycluster",
    "neptune:cluster": "cluster:mycluster",
    "workspaces:workspacespool": "workspacespool/wspool-123456",
}  # fmt: skip
OTHERS = [dimension for dimension in DIMENSIONS if not dimension.startswith("ecs:")]
STEPS = ("ec2", "elasticmapreduce", "appstream", "rds", "sagemaker", "custom-resource",
         "workspaces")  # fmt: skip


def key_of(dimension: str) -> dict[str, str]:
    kind = dimension.rpartition(":")[0]
    return {
        "ServiceNamespace": dimension.partition(":")[0],
        "ResourceId": IDS[kind],
        "ScalableDimension": dimension,
    }


def register(client: Any, dimension: str) -> dict[str, str]:
    key = key_of(dimension)
    role = {"RoleARN": ROLE} if dimension.startswith("elasticmapreduce") else {}
    client.register_scalable_target(**key, MinCapacity=1, MaxCapacity=2, **role)
    return key


def steps(key: dict[str, str]) -> dict[str, Any]:
    return {
        **key,
        "PolicyName": "steps",
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    }


def tracking(key: dict[str, str], kind: str) -> dict[str, Any]:
    label = {"ResourceLabel": LABEL} if kind == "ALBRequestCountPerTarget" else {}
    metric = {"PredefinedMetricType": kind, **label}
    return {
        **key,
        "PolicyName": kind,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 50.0,
            "PredefinedMetricSpecification": metric,
        },
    }


@pytest.fixture
def scaling(account: AwsStack) -> Any:
    return account.boto3_client("application-autoscaling", REGION)


@pytest.mark.parametrize("dimension", OTHERS)
def test_a_target_needs_no_resource_but_a_well_formed_id(
    scaling: Any, refused: Refused, dimension: str
) -> None:
    key = register(scaling, dimension)
    named = {"ServiceNamespace": key["ServiceNamespace"], "ResourceIds": [key["ResourceId"]]}
    [found] = scaling.describe_scalable_targets(**named)["ScalableTargets"]
    assert found["ScalableDimension"] == dimension
    if dimension.startswith("elasticmapreduce"):
        assert found["RoleARN"] == ROLE
    else:
        assert ":role/aws-service-role/" in found["RoleARN"]
    scaling.deregister_scalable_target(**key)
    if not dimension.startswith("custom-resource"):
        wrong = {**key, "ResourceId": "service/prod/web"}
        bounds = {"MinCapacity": 1, "MaxCapacity": 2}
        code, _ = refused(scaling.register_scalable_target, **wrong, **bounds)
        assert code == "ValidationException"


@pytest.mark.parametrize("dimension", OTHERS)
def test_policy_types_of_a_namespace(scaling: Any, refused: Refused, dimension: str) -> None:
    key = register(scaling, dimension)
    put = scaling.put_scaling_policy
    if key["ServiceNamespace"] in STEPS:
        put(**steps(key))
    else:
        assert refused(put, **steps(key))[0] == "ValidationException"
    pair = {"PredefinedMetricType": "ECSServiceCPUUtilization"}
    specification = {"TargetValue": 50.0, "PredefinedMetricPairSpecification": pair}
    found = refused(
        put, **key, PolicyName="p", PolicyType="PredictiveScaling",
        PredictiveScalingPolicyConfiguration={"MetricSpecifications": [specification]},
    )  # fmt: skip
    namespace = key["ServiceNamespace"]
    words = "The policy type PredictiveScaling is not supported for the service namespace"
    assert found == ("ValidationException", f"{words} {namespace}.")


def taken(scaling: Any, dimension: str) -> set[str]:
    """The predefined metrics that a dimension takes."""
    key = register(scaling, dimension)
    for kind in METRICS:
        with contextlib.suppress(scaling.exceptions.ValidationException):
            scaling.put_scaling_policy(**tracking(key, kind))
    pages = scaling.get_paginator("describe_scaling_policies").paginate(
        ServiceNamespace=key["ServiceNamespace"],
        ResourceId=key["ResourceId"],
        ScalableDimension=dimension,
    )
    return {policy["PolicyName"] for page in pages for policy in page["ScalingPolicies"]}


def test_every_predefined_metric_has_its_dimensions(scaling: Any) -> None:
    found = {dimension: taken(scaling, dimension) for dimension in OTHERS}
    everything = {kind for kinds in found.values() for kind in kinds}
    assert {kind for kind in METRICS if not kind.startswith("ECSService")} == everything
    assert found["dynamodb:index:ReadCapacityUnits"] == {"DynamoDBReadCapacityUtilization"}
    assert found["cassandra:table:WriteCapacityUnits"] == {"CassandraWriteCapacityUtilization"}
    assert found["elasticmapreduce:instancegroup:InstanceCount"] == set()
    assert found["custom-resource:ResourceType:Property"] == set()
    assert "ALBRequestCountPerTarget" in found["ec2:spot-fleet-request:TargetCapacity"]
    assert found["elasticache:replication-group:Replicas"] >= {
        "ElastiCacheReplicaEngineCPUUtilization"
    }
    assert "ElastiCacheReplicaEngineCPUUtilization" not in found[
        "elasticache:replication-group:NodeGroups"
    ]  # fmt: skip


def test_emr_has_no_linked_role_and_kafka_no_schedules(scaling: Any, refused: Refused) -> None:
    emr = key_of("elasticmapreduce:instancegroup:InstanceCount")
    code, message = refused(scaling.register_scalable_target, **emr, MinCapacity=1, MaxCapacity=2)
    assert (code, "RoleARN" in message) == ("ValidationException", True)
    kafka = register(scaling, "kafka:broker-storage:VolumeSize")
    code, message = refused(
        scaling.put_scheduled_action, **kafka, ScheduledActionName="x", Schedule="rate(1 day)",
        ScalableTargetAction={"MinCapacity": 1},
    )  # fmt: skip
    assert (code, "not supported" in message) == ("ValidationException", True)


def test_a_schedule_of_another_namespace_fires(account: AwsStack, scaling: Any) -> None:
    key = register(scaling, "dynamodb:table:ReadCapacityUnits")
    scaling.put_scheduled_action(
        **key, ScheduledActionName="night", Schedule="rate(1 day)",
        ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 9},
    )  # fmt: skip
    account.fire_schedule(
        REGION, key["ResourceId"], "night", namespace="dynamodb",
        dimension=key["ScalableDimension"],
    )  # fmt: skip
    [target] = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 9)


def test_the_rights_asked_for_are_those_of_the_namespace(
    account: AwsStack, scaling: Any, refused: Refused
) -> None:
    account.deny({"action": "ecs:*"})
    key = register(scaling, "dynamodb:table:ReadCapacityUnits")
    account.deny({"action": "dynamodb:UpdateTable"})
    code, message = refused(scaling.register_scalable_target, **key, MaxCapacity=5)
    assert code == "ValidationException"
    assert "is not authorized to perform: dynamodb:UpdateTable" in message
