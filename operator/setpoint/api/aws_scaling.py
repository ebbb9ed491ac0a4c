"""What Application Auto Scaling supports.

Generated from botocore's model of the service by `make generate`. Do not edit.
"""

from collections.abc import Mapping

NAMESPACES: tuple[str, ...] = (
    "ecs",
    "elasticmapreduce",
    "ec2",
    "appstream",
    "dynamodb",
    "rds",
    "sagemaker",
    "custom-resource",
    "comprehend",
    "lambda",
    "cassandra",
    "kafka",
    "elasticache",
    "neptune",
    "workspaces",
)
"""ServiceNamespace."""

DIMENSIONS: Mapping[str, str] = {
    "ecs:service:DesiredCount": "ecs",
    "ec2:spot-fleet-request:TargetCapacity": "ec2",
    "elasticmapreduce:instancegroup:InstanceCount": "elasticmapreduce",
    "appstream:fleet:DesiredCapacity": "appstream",
    "dynamodb:table:ReadCapacityUnits": "dynamodb",
    "dynamodb:table:WriteCapacityUnits": "dynamodb",
    "dynamodb:index:ReadCapacityUnits": "dynamodb",
    "dynamodb:index:WriteCapacityUnits": "dynamodb",
    "rds:cluster:ReadReplicaCount": "rds",
    "sagemaker:variant:DesiredInstanceCount": "sagemaker",
    "custom-resource:ResourceType:Property": "custom-resource",
    "comprehend:document-classifier-endpoint:DesiredInferenceUnits": "comprehend",
    "comprehend:entity-recognizer-endpoint:DesiredInferenceUnits": "comprehend",
    "lambda:function:ProvisionedConcurrency": "lambda",
    "cassandra:table:ReadCapacityUnits": "cassandra",
    "cassandra:table:WriteCapacityUnits": "cassandra",
    "kafka:broker-storage:VolumeSize": "kafka",
    "elasticache:cache-cluster:Nodes": "elasticache",
    "elasticache:replication-group:NodeGroups": "elasticache",
    "elasticache:replication-group:Replicas": "elasticache",
    "neptune:cluster:ReadReplicaCount": "neptune",
    "sagemaker:variant:DesiredProvisionedConcurrency": "sagemaker",
    "sagemaker:inference-component:DesiredCopyCount": "sagemaker",
    "workspaces:workspacespool:DesiredUserSessions": "workspaces",
}
"""Dimension to namespace."""

POLICY_TYPES: Mapping[str, tuple[str, ...]] = {
    "ecs": ("StepScaling", "TargetTrackingScaling", "PredictiveScaling"),
    "elasticmapreduce": ("StepScaling",),
    "ec2": ("StepScaling", "TargetTrackingScaling"),
    "appstream": ("StepScaling", "TargetTrackingScaling"),
    "dynamodb": ("TargetTrackingScaling",),
    "rds": ("StepScaling", "TargetTrackingScaling"),
    "sagemaker": ("StepScaling", "TargetTrackingScaling"),
    "custom-resource": ("StepScaling", "TargetTrackingScaling"),
    "comprehend": ("TargetTrackingScaling",),
    "lambda": ("TargetTrackingScaling",),
    "cassandra": ("TargetTrackingScaling",),
    "kafka": ("TargetTrackingScaling",),
    "elasticache": ("TargetTrackingScaling",),
    "neptune": ("TargetTrackingScaling",),
    "workspaces": ("StepScaling", "TargetTrackingScaling"),
}
"""Namespace to the PolicyTypes it takes."""

METRICS: Mapping[str, tuple[str, ...]] = {
    "ecs:service:DesiredCount": (
        "ALBRequestCountPerTarget",
        "ECSServiceAverageCPUUtilization",
        "ECSServiceAverageMemoryUtilization",
        "ECSServiceAverageCPUUtilizationHighResolution",
        "ECSServiceAverageMemoryUtilizationHighResolution",
    ),
    "ec2:spot-fleet-request:TargetCapacity": (
        "ALBRequestCountPerTarget",
        "EC2SpotFleetRequestAverageCPUUtilization",
        "EC2SpotFleetRequestAverageNetworkIn",
        "EC2SpotFleetRequestAverageNetworkOut",
    ),
    "elasticmapreduce:instancegroup:InstanceCount": (),
    "appstream:fleet:DesiredCapacity": ("AppStreamAverageCapacityUtilization",),
    "dynamodb:table:ReadCapacityUnits": ("DynamoDBReadCapacityUtilization",),
    "dynamodb:table:WriteCapacityUnits": ("DynamoDBWriteCapacityUtilization",),
    "dynamodb:index:ReadCapacityUnits": ("DynamoDBReadCapacityUtilization",),
    "dynamodb:index:WriteCapacityUnits": ("DynamoDBWriteCapacityUtilization",),
    "rds:cluster:ReadReplicaCount": (
        "RDSReaderAverageCPUUtilization",
        "RDSReaderAverageDatabaseConnections",
    ),
    "sagemaker:variant:DesiredInstanceCount": (
        "SageMakerVariantInvocationsPerInstance",
        "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ),
    "custom-resource:ResourceType:Property": (),
    "comprehend:document-classifier-endpoint:DesiredInferenceUnits": (
        "ComprehendInferenceUtilization",
    ),
    "comprehend:entity-recognizer-endpoint:DesiredInferenceUnits": (
        "ComprehendInferenceUtilization",
    ),
    "lambda:function:ProvisionedConcurrency": ("LambdaProvisionedConcurrencyUtilization",),
    "cassandra:table:ReadCapacityUnits": ("CassandraReadCapacityUtilization",),
    "cassandra:table:WriteCapacityUnits": ("CassandraWriteCapacityUtilization",),
    "kafka:broker-storage:VolumeSize": ("KafkaBrokerStorageUtilization",),
    "elasticache:cache-cluster:Nodes": (
        "ElastiCacheEngineCPUUtilization",
        "ElastiCacheDatabaseMemoryUsagePercentage",
        "ElastiCachePrimaryEngineCPUUtilization",
        "ElastiCacheReplicaEngineCPUUtilization",
        "ElastiCacheDatabaseMemoryUsageCountedForEvictPercentage",
        "ElastiCacheDatabaseCapacityUsageCountedForEvictPercentage",
    ),
    "elasticache:replication-group:NodeGroups": (
        "ElastiCacheEngineCPUUtilization",
        "ElastiCacheDatabaseMemoryUsagePercentage",
        "ElastiCachePrimaryEngineCPUUtilization",
        "ElastiCacheReplicaEngineCPUUtilization",
        "ElastiCacheDatabaseMemoryUsageCountedForEvictPercentage",
        "ElastiCacheDatabaseCapacityUsageCountedForEvictPercentage",
    ),
    "elasticache:replication-group:Replicas": (
        "ElastiCacheEngineCPUUtilization",
        "ElastiCacheDatabaseMemoryUsagePercentage",
        "ElastiCachePrimaryEngineCPUUtilization",
        "ElastiCacheReplicaEngineCPUUtilization",
        "ElastiCacheDatabaseMemoryUsageCountedForEvictPercentage",
        "ElastiCacheDatabaseCapacityUsageCountedForEvictPercentage",
    ),
    "neptune:cluster:ReadReplicaCount": ("NeptuneReaderAverageCPUUtilization",),
    "sagemaker:variant:DesiredProvisionedConcurrency": (
        "SageMakerVariantProvisionedConcurrencyUtilization",
    ),
    "sagemaker:inference-component:DesiredCopyCount": (
        "SageMakerInferenceComponentInvocationsPerCopy",
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ),
    "workspaces:workspacespool:DesiredUserSessions": (
        "WorkSpacesAverageUserSessionsCapacityUtilization",
    ),
}
"""Dimension to its PredefinedMetricTypes of target tracking."""

LABELLED_METRICS: tuple[str, ...] = ("ALBRequestCountPerTarget",)
"""PredefinedMetricTypes that need a ResourceLabel; no other may have one."""

HIGH_RESOLUTION: Mapping[str, str] = {
    "ECSServiceAverageCPUUtilizationHighResolution": "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageMemoryUtilizationHighResolution": "ECSServiceAverageMemoryUtilization",
}
"""PredefinedMetricTypes that need 20-second metrics switched on in ECS, to the common one."""

PREDICTIVE_METRICS: tuple[str, ...] = (
    "ECSServiceAverageCPUUtilization",
    "ECSServiceAverageMemoryUtilization",
    "ECSServiceCPUUtilization",
    "ECSServiceMemoryUtilization",
    "ECSServiceTotalCPUUtilization",
    "ECSServiceTotalMemoryUtilization",
    "ALBRequestCount",
    "ALBRequestCountPerTarget",
    "TotalALBRequestCount",
)
"""PredefinedMetricTypes of predictive scaling."""

RESOURCE_IDS: Mapping[str, tuple[str, str]] = {
    "ecs:service:DesiredCount": ("service/[^/\\s]+/[^/\\s]+", "service/my-cluster/my-service"),
    "ec2:spot-fleet-request:TargetCapacity": (
        "spot-fleet-request/[^/\\s]+",
        "spot-fleet-request/sfr-73fbd2ce-aa30-494c-8788-1cee4EXAMPLE",
    ),
    "elasticmapreduce:instancegroup:InstanceCount": (
        "instancegroup/[^/\\s]+/[^/\\s]+",
        "instancegroup/j-2EEZNYKUA1NTV/ig-1791Y4E1L8YI0",
    ),
    "appstream:fleet:DesiredCapacity": ("fleet/[^/\\s]+", "fleet/sample-fleet"),
    "dynamodb:table:ReadCapacityUnits": ("table/[^/\\s]+", "table/my-table"),
    "dynamodb:table:WriteCapacityUnits": ("table/[^/\\s]+", "table/my-table"),
    "dynamodb:index:ReadCapacityUnits": (
        "table/[^/\\s]+/index/[^/\\s]+",
        "table/my-table/index/my-table-index",
    ),
    "dynamodb:index:WriteCapacityUnits": (
        "table/[^/\\s]+/index/[^/\\s]+",
        "table/my-table/index/my-table-index",
    ),
    "rds:cluster:ReadReplicaCount": ("cluster:[^:\\s]+", "cluster:my-db-cluster"),
    "sagemaker:variant:DesiredInstanceCount": (
        "endpoint/[^/\\s]+/variant/[^/\\s]+",
        "endpoint/my-end-point/variant/KMeansClustering",
    ),
    "comprehend:document-classifier-endpoint:DesiredInferenceUnits": (
        "arn:aws[a-z-]*:comprehend:[a-z0-9-]+:[0-9]{12}:document-classifier-endpoint/[^/\\s]+",
        "arn:aws:comprehend:us-west-2:123456789012:document-classifier-endpoint/EXAMPLE",
    ),
    "comprehend:entity-recognizer-endpoint:DesiredInferenceUnits": (
        "arn:aws[a-z-]*:comprehend:[a-z0-9-]+:[0-9]{12}:entity-recognizer-endpoint/[^/\\s]+",
        "arn:aws:comprehend:us-west-2:123456789012:entity-recognizer-endpoint/EXAMPLE",
    ),
    "lambda:function:ProvisionedConcurrency": (
        "function:[^:\\s]+:[^:\\s$]+",
        "function:my-function:prod",
    ),
    "cassandra:table:ReadCapacityUnits": (
        "keyspace/[^/\\s]+/table/[^/\\s]+",
        "keyspace/mykeyspace/table/mytable",
    ),
    "cassandra:table:WriteCapacityUnits": (
        "keyspace/[^/\\s]+/table/[^/\\s]+",
        "keyspace/mykeyspace/table/mytable",
    ),
    "kafka:broker-storage:VolumeSize": (
        "arn:aws[a-z-]*:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/\\s]+/[^/\\s]+",
        "arn:aws:kafka:us-east-1:123456789012:cluster/demo-cluster-1/6357e0b2-0e6a-4b86-a0b4-70df934c2e31-5",
    ),
    "elasticache:cache-cluster:Nodes": ("cache-cluster/[^/\\s]+", "cache-cluster/mycluster"),
    "elasticache:replication-group:NodeGroups": (
        "replication-group/[^/\\s]+",
        "replication-group/mycluster",
    ),
    "elasticache:replication-group:Replicas": (
        "replication-group/[^/\\s]+",
        "replication-group/mycluster",
    ),
    "neptune:cluster:ReadReplicaCount": ("cluster:[^:\\s]+", "cluster:mycluster"),
    "sagemaker:variant:DesiredProvisionedConcurrency": (
        "endpoint/[^/\\s]+/variant/[^/\\s]+",
        "endpoint/my-end-point/variant/KMeansClustering",
    ),
    "sagemaker:inference-component:DesiredCopyCount": (
        "inference-component/[^/\\s]+",
        "inference-component/my-inference-component",
    ),
    "workspaces:workspacespool:DesiredUserSessions": (
        "workspacespool/[^/\\s]+",
        "workspacespool/wspool-123456",
    ),
}
"""Dimension to the pattern of a whole ResourceId (valid RE2 as well) and an example."""
