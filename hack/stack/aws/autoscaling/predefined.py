"""The predefined metrics: which dimension has which, and what they need.

After the documentation in botocore's model and the user guides of the services.
"""

import re
from collections.abc import Mapping
from typing import Any

from stack.aws import ecs
from stack.aws.autoscaling.resources import invalid

_LABEL = re.compile(r"app/[^/]+/[^/]+/targetgroup/[^/]+/[^/]+")
_ALB = "ALBRequestCountPerTarget"
_VARIANT = "sagemaker:variant:DesiredInstanceCount"
_DIMENSIONS = {
    "ECSServiceAverageCPUUtilization": "ecs:",
    "ECSServiceAverageMemoryUtilization": "ecs:",
    "ECSServiceAverageCPUUtilizationHighResolution": "ecs:",
    "ECSServiceAverageMemoryUtilizationHighResolution": "ecs:",
    "DynamoDBReadCapacityUtilization": "dynamodb:*:ReadCapacityUnits",
    "DynamoDBWriteCapacityUtilization": "dynamodb:*:WriteCapacityUnits",
    "RDSReaderAverageCPUUtilization": "rds:",
    "RDSReaderAverageDatabaseConnections": "rds:",
    "EC2SpotFleetRequestAverageCPUUtilization": "ec2:",
    "EC2SpotFleetRequestAverageNetworkIn": "ec2:",
    "EC2SpotFleetRequestAverageNetworkOut": "ec2:",
    "SageMakerVariantInvocationsPerInstance": _VARIANT,
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": _VARIANT,
    "SageMakerVariantProvisionedConcurrencyUtilization":
        "sagemaker:variant:DesiredProvisionedConcurrency",
    "SageMakerInferenceComponentInvocationsPerCopy": "sagemaker:inference-component:",
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution":
        "sagemaker:inference-component:",
    "AppStreamAverageCapacityUtilization": "appstream:",
    "ComprehendInferenceUtilization": "comprehend:",
    "LambdaProvisionedConcurrencyUtilization": "lambda:",
    "CassandraReadCapacityUtilization": "cassandra:*:ReadCapacityUnits",
    "CassandraWriteCapacityUtilization": "cassandra:*:WriteCapacityUnits",
    "KafkaBrokerStorageUtilization": "kafka:",
    "ElastiCacheEngineCPUUtilization": "elasticache:",
    "ElastiCacheDatabaseMemoryUsagePercentage": "elasticache:",
    "ElastiCachePrimaryEngineCPUUtilization": "elasticache:replication-group:NodeGroups",
    "ElastiCacheDatabaseMemoryUsageCountedForEvictPercentage":
        "elasticache:replication-group:NodeGroups",
    "ElastiCacheDatabaseCapacityUsageCountedForEvictPercentage":
        "elasticache:replication-group:NodeGroups",
    "ElastiCacheReplicaEngineCPUUtilization": "elasticache:replication-group:Replicas",
    "NeptuneReaderAverageCPUUtilization": "neptune:",
    "WorkSpacesAverageUserSessionsCapacityUtilization": "workspaces:",
}  # fmt: skip
_PREDICTIVE = {
    "pair": ("ECSServiceCPUUtilization", "ECSServiceMemoryUtilization", "ALBRequestCount"),
    "load": ("ECSServiceTotalCPUUtilization", "ECSServiceTotalMemoryUtilization",
             "TotalALBRequestCount"),
    "scaling": ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization", _ALB),
}  # fmt: skip


def check(dimension: str, metric: Mapping[str, Any], service: Any) -> None:
    """A metric of target tracking. Raises AWSError: ValidationException.

    `service` is moto's ECS service, or None.
    """
    kind = metric["PredefinedMetricType"]
    if not has(dimension, kind):
        raise invalid(f"{kind} is not a valid predefined metric type for {dimension}")
    _check_label(kind, metric.get("ResourceLabel"), service, needed=kind == _ALB)
    if kind == _ALB and ecs.is_blue_green(service):
        raise invalid(f"{kind} is not supported for services that CodeDeploy deploys")
    if kind.startswith("ECS") and kind.endswith("HighResolution"):
        name = kind.removeprefix("ECSServiceAverage").removesuffix("HighResolution")
        if not ecs.is_fine(service, name):
            raise invalid(f"{kind} needs the service's monitoring with a resolution of 20 seconds")


def has(dimension: str, kind: str) -> bool:
    """Whether a scalable dimension has a predefined metric."""
    if kind == _ALB:
        return dimension.startswith(("ecs:", "ec2:"))
    first, _, last = _DIMENSIONS[kind].partition("*")
    return dimension.startswith(first) and dimension.endswith(last)


def check_predictive(role: str, metric: Mapping[str, Any], service: Any) -> None:
    """A metric of predictive scaling: as a `pair`, for the `load`, or for `scaling`."""
    kind = metric["PredefinedMetricType"]
    if kind not in _PREDICTIVE[role]:
        raise invalid(f"{kind} is not a valid predefined metric type for the {role} metric")
    _check_label(kind, metric.get("ResourceLabel"), service, needed="ALB" in kind)


def _check_label(kind: str, label: str | None, service: Any, *, needed: bool) -> None:
    if needed and not _LABEL.fullmatch(label or ""):
        raise invalid(f"ResourceLabel must be specified for {kind}, as app/.../targetgroup/...")
    if label and not needed:
        raise invalid(f"ResourceLabel must not be specified for {kind}")
    if label and service is not None:
        group = f"targetgroup/{label.partition('/targetgroup/')[2]}"
        if group not in ecs.target_groups(service):
            raise invalid(f"Target group {group} is not attached to the service {service.name}")
