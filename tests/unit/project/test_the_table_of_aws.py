"""The table of what Application Auto Scaling supports, and the script that reads it off botocore."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from generate_aws_table import TableError, formatted, generate, load
from setpoint.api.aws_scaling import (
    DIMENSIONS,
    HIGH_RESOLUTION,
    LABELLED_METRICS,
    METRICS,
    NAMESPACES,
    POLICY_TYPES,
    PREDICTIVE_METRICS,
    RESOURCE_IDS,
)

ROOT = Path(__file__).parents[3]
Shapes = dict[str, Any]


@pytest.fixture(scope="module")
def model() -> Shapes:
    return load()


@pytest.fixture
def shapes(model: Shapes) -> Shapes:
    return copy.deepcopy(model)


def test_the_table_is_what_botocore_says(model: Shapes) -> None:
    on_disk = (ROOT / "operator/setpoint/api/aws_scaling.py").read_text()
    assert on_disk == formatted(generate(model)), "run `make generate`"


def test_its_size() -> None:
    metrics = {metric for those in METRICS.values() for metric in those}
    assert (len(NAMESPACES), len(DIMENSIONS), len(metrics)) == (15, 24, 31)
    assert set(DIMENSIONS) == set(METRICS)
    assert set(DIMENSIONS.values()) == set(NAMESPACES) == set(POLICY_TYPES)


def test_which_service_takes_which_policy() -> None:
    assert POLICY_TYPES["kafka"] == ("TargetTrackingScaling",)
    assert POLICY_TYPES["elasticmapreduce"] == ("StepScaling",)
    assert [name for name, kinds in POLICY_TYPES.items() if "PredictiveScaling" in kinds] == ["ecs"]
    without_steps = {name for name, kinds in POLICY_TYPES.items() if "StepScaling" not in kinds}
    assert without_steps == {
        "cassandra", "comprehend", "dynamodb", "elasticache", "kafka", "lambda", "neptune",
    }  # fmt: skip


def test_which_dimension_has_which_metric() -> None:
    assert METRICS["ecs:service:DesiredCount"] == (
        "ALBRequestCountPerTarget",
        "ECSServiceAverageCPUUtilization",
        "ECSServiceAverageMemoryUtilization",
        "ECSServiceAverageCPUUtilizationHighResolution",
        "ECSServiceAverageMemoryUtilizationHighResolution",
    )
    assert "ALBRequestCountPerTarget" in METRICS["ec2:spot-fleet-request:TargetCapacity"]
    for kind in ("table", "index"):
        for unit in ("Read", "Write"):
            assert METRICS[f"dynamodb:{kind}:{unit}CapacityUnits"] == (
                f"DynamoDB{unit}CapacityUtilization",
            )
    assert METRICS["sagemaker:variant:DesiredProvisionedConcurrency"] == (
        "SageMakerVariantProvisionedConcurrencyUtilization",
    )
    assert METRICS["sagemaker:inference-component:DesiredCopyCount"] == (
        "SageMakerInferenceComponentInvocationsPerCopy",
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    )
    assert [name for name, those in METRICS.items() if not those] == [
        "elasticmapreduce:instancegroup:InstanceCount",
        "custom-resource:ResourceType:Property",
    ]


def test_the_metrics_with_conditions() -> None:
    assert LABELLED_METRICS == ("ALBRequestCountPerTarget",)
    assert {
        f"{metric}HighResolution": metric
        for metric in ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization")
    } == HIGH_RESOLUTION
    assert "TotalALBRequestCount" in PREDICTIVE_METRICS


@pytest.mark.parametrize(
    ("dimension", "good", "bad"),
    [
        ("ecs:service:DesiredCount", "service/prod/web", "service/web"),
        ("ecs:service:DesiredCount", "service/prod/web", "service/prod/web/more"),
        ("dynamodb:table:ReadCapacityUnits", "table/t", "table/t/index/i"),
        ("dynamodb:index:ReadCapacityUnits", "table/t/index/i", "table/t"),
        ("rds:cluster:ReadReplicaCount", "cluster:orders", "cluster/orders"),
        ("lambda:function:ProvisionedConcurrency", "function:f:1", "function:f"),
        ("lambda:function:ProvisionedConcurrency", "function:f:live", "function:f:$LATEST"),
        ("cassandra:table:ReadCapacityUnits", "keyspace/k/table/t", "table/t"),
        (
            "kafka:broker-storage:VolumeSize",
            "arn:aws-cn:kafka:cn-north-1:123456789012:cluster/a/b-1",
            "cluster/a/b-1",
        ),
        (
            "comprehend:document-classifier-endpoint:DesiredInferenceUnits",
            "arn:aws:comprehend:eu-west-1:123456789012:document-classifier-endpoint/e",
            "arn:aws:comprehend:eu-west-1:123456789012:entity-recognizer-endpoint/e",
        ),
    ],
)
def test_how_a_resource_is_named(dimension: str, good: str, bad: str) -> None:
    pattern, example = RESOURCE_IDS[dimension]
    assert re.fullmatch(pattern, good)
    assert re.fullmatch(pattern, example)
    assert not re.fullmatch(pattern, bad)


def test_only_custom_resources_are_named_freely() -> None:
    assert set(DIMENSIONS) - set(RESOURCE_IDS) == {"custom-resource:ResourceType:Property"}


CHANGES = {
    "a service nobody knows": (
        "PutScalingPolicyRequest.PolicyType", "Not supported for Amazon EMR", "Not supported for X",
    ),
    "a policy type without its sentence": (
        "PutScalingPolicyRequest.PolicyType", "Not supported for Amazon EMR", "Use with care",
    ),
    "a metric's note on something nobody knows": (
        "PredefinedMetricSpecification.PredefinedMetricType", "only to Spot Fleets", "only to Pods",
    ),
    "the rule on labels, in other words": (
        "PredefinedMetricSpecification.ResourceLabel", "unless the metric type is", "except for",
    ),
    "a high-resolution metric that does not exist": (
        "PredefinedMetricSpecification.PredefinedMetricType", "version of <code>ECS", "version of <code>X",
    ),
    "a resource nobody knows": (
        "PutScalingPolicyRequest.ResourceId", "EMR cluster -", "EMR something -",
    ),
    "a resource without example": (
        "PutScalingPolicyRequest.ResourceId", "Example: <code>service/", "Such as <code>service/",
    ),
}  # fmt: skip
"""What AWS might change in its texts: where, from, to."""


@pytest.mark.parametrize("change", CHANGES)
def test_a_text_that_is_not_understood_gives_no_table(change: str, shapes: Shapes) -> None:
    where, before, after = CHANGES[change]
    shape, member = where.split(".")
    text = shapes[shape]["members"][member]["documentation"]
    assert before in text
    shapes[shape]["members"][member]["documentation"] = text.replace(before, after)
    with pytest.raises(TableError):
        generate(shapes)


@pytest.mark.parametrize(
    ("enum", "value"),
    [
        ("ServiceNamespace", "quantum"),
        ("ScalableDimension", "ecs:task-set:Scale"),
        ("ScalableDimension", "quantum:circuit:Qubits"),
        ("PolicyType", "WishfulScaling"),
        ("MetricType", "QuantumEntanglement"),
    ],
)
def test_a_value_that_is_not_known_gives_no_table(enum: str, value: str, shapes: Shapes) -> None:
    shapes[enum]["enum"].append(value)
    with pytest.raises(TableError):
        generate(shapes)


@pytest.mark.parametrize("enum", ["ServiceNamespace", "ScalableDimension", "MetricType"])
def test_a_value_that_went_gives_no_table(enum: str, shapes: Shapes) -> None:
    shapes[enum]["enum"].pop(0 if enum != "MetricType" else 3)
    if enum == "MetricType":  # the last of its family
        shapes[enum]["enum"].remove("RDSReaderAverageDatabaseConnections")
    with pytest.raises(TableError):
        generate(shapes)


def test_the_predictive_metrics_are_one_list(shapes: Shapes) -> None:
    shape = shapes["PredictiveScalingPredefinedLoadMetricSpecification"]
    shape["documentation"] = shape["documentation"].replace("TotalALBRequestCount", "Other")
    with pytest.raises(TableError):
        generate(shapes)
