"""What can be scaled: grammar of the resource ids, roles, rights, least capacities, policy types.

From the documentation in botocore's model of RegisterScalableTarget and PutScalingPolicy.
"""

import re
from collections.abc import Iterator
from typing import Any

from stack.aws import ecs, iam
from stack.aws.rights import Need
from stack.aws.state import Key, World
from stack.aws.wire import AWSError, Call

_IDS = {
    "ecs:service:DesiredCount": r"service/[^/]+/[^/]+",
    "ec2:spot-fleet-request:TargetCapacity": r"spot-fleet-request/sfr-[^/]+",
    "elasticmapreduce:instancegroup:InstanceCount": r"instancegroup/j-[^/]+/ig-[^/]+",
    "appstream:fleet:DesiredCapacity": r"fleet/[^/]+",
    "dynamodb:table:ReadCapacityUnits": r"table/[^/]+",
    "dynamodb:table:WriteCapacityUnits": r"table/[^/]+",
    "dynamodb:index:ReadCapacityUnits": r"table/[^/]+/index/[^/]+",
    "dynamodb:index:WriteCapacityUnits": r"table/[^/]+/index/[^/]+",
    "rds:cluster:ReadReplicaCount": r"cluster:[^/:]+",
    "sagemaker:variant:DesiredInstanceCount": r"endpoint/[^/]+/variant/[^/]+",
    "sagemaker:variant:DesiredProvisionedConcurrency": r"endpoint/[^/]+/variant/[^/]+",
    "sagemaker:inference-component:DesiredCopyCount": r"inference-component/[^/]+",
    "custom-resource:ResourceType:Property": r".+",
    "comprehend:document-classifier-endpoint:DesiredInferenceUnits":
        r"arn:aws[\w-]*:comprehend:[^:]+:\d{12}:document-classifier-endpoint/.+",
    "comprehend:entity-recognizer-endpoint:DesiredInferenceUnits":
        r"arn:aws[\w-]*:comprehend:[^:]+:\d{12}:entity-recognizer-endpoint/.+",
    "lambda:function:ProvisionedConcurrency": r"function:[^:]+:(?!\$LATEST)[^:]+",
    "cassandra:table:ReadCapacityUnits": r"keyspace/[^/]+/table/[^/]+",
    "cassandra:table:WriteCapacityUnits": r"keyspace/[^/]+/table/[^/]+",
    "kafka:broker-storage:VolumeSize": r"arn:aws[\w-]*:kafka:[^:]+:\d{12}:cluster/.+",
    "elasticache:cache-cluster:Nodes": r"cache-cluster/[^/]+",
    "elasticache:replication-group:NodeGroups": r"replication-group/[^/]+",
    "elasticache:replication-group:Replicas": r"replication-group/[^/]+",
    "neptune:cluster:ReadReplicaCount": r"cluster:[^/:]+",
    "workspaces:workspacespool:DesiredUserSessions": r"workspacespool/[^/]+",
}  # fmt: skip
_ROLES = {
    "ecs": "ECSService", "ec2": "EC2SpotFleetRequest", "appstream": "AppStreamFleet",
    "dynamodb": "DynamoDBTable", "rds": "RDSCluster", "sagemaker": "SageMakerEndpoint",
    "custom-resource": "CustomResource", "comprehend": "ComprehendEndpoint",
    "lambda": "LambdaConcurrency", "cassandra": "CassandraTable", "kafka": "KafkaCluster",
    "elasticache": "ElastiCacheRG", "neptune": "NeptuneCluster", "workspaces": "WorkSpacesPool",
    "elasticmapreduce": "EMRInstanceGroup",
}  # fmt: skip
_FROM_ZERO = (
    "appstream", "rds", "ecs", "elasticmapreduce", "lambda", "sagemaker", "ec2", "custom-resource",
)  # fmt: skip
_NO_STEPS = ("dynamodb", "comprehend", "lambda", "cassandra", "kafka", "elasticache", "neptune")
_RIGHTS = {
    "RegisterScalableTarget": ("iam:CreateServiceLinkedRole",),
    "PutScalingPolicy": ("cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms",
                         "cloudwatch:DeleteAlarms"),
}  # fmt: skip
_RIGHTS_ON = {
    "ecs": ("ecs:DescribeServices", "ecs:UpdateService"),
    "ec2": ("ec2:DescribeSpotFleetRequests", "ec2:ModifySpotFleetRequest"),
    "elasticmapreduce": ("elasticmapreduce:ListInstanceGroups",
                         "elasticmapreduce:ModifyInstanceGroups"),
    "appstream": ("appstream:DescribeFleets", "appstream:UpdateFleet"),
    "dynamodb": ("dynamodb:DescribeTable", "dynamodb:UpdateTable"),
    "rds": ("rds:DescribeDBClusters", "rds:CreateDBInstance", "rds:DeleteDBInstance"),
    "sagemaker": ("sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"),
    "custom-resource": ("execute-api:Invoke",),
    "comprehend": ("comprehend:DescribeEndpoint", "comprehend:UpdateEndpoint"),
    "lambda": ("lambda:GetProvisionedConcurrencyConfig", "lambda:PutProvisionedConcurrencyConfig"),
    "cassandra": ("cassandra:Select", "cassandra:Alter"),
    "kafka": ("kafka:DescribeCluster", "kafka:UpdateBrokerStorage"),
    "elasticache": ("elasticache:DescribeReplicationGroups",
                    "elasticache:ModifyReplicationGroupShardConfiguration"),
    "neptune": ("rds:DescribeDBClusters", "rds:CreateDBInstance", "rds:DeleteDBInstance"),
    "workspaces": ("workspaces:DescribeWorkspacesPools", "workspaces:UpdateWorkspacesPool"),
}  # fmt: skip


def key_of(call: Call) -> Key:
    """The scalable target that a call names. Raises AWSError if there can be none like it."""
    params = call.params
    key = Key(params["ServiceNamespace"], params["ResourceId"], params["ScalableDimension"])
    belongs = key.dimension.startswith(key.namespace + ":")
    if not belongs or not re.fullmatch(_IDS[key.dimension], key.resource):
        raise invalid("Unsupported service namespace, resource type or scalable dimension")
    return key


def target_of(world: World, call: Call, key: Key) -> Any:
    """The registered target. Raises AWSError: ObjectNotFoundException, also just after Register."""
    target = world.region(call).targets[key.namespace].get(key)
    if target is None or not target.is_settled():
        raise not_found(f"No scalable target registered for {key}")
    return target


def targets_asked_for(world: World, call: Call) -> Iterator[tuple[Key, Any]]:
    """The targets that a listing is about: one resource's, or all of a namespace."""
    wanted = call.params
    namespace, dimension = wanted["ServiceNamespace"], wanted.get("ScalableDimension")
    known = world.region(call).targets[namespace]
    if wanted.get("ResourceId") is None:
        yield from known.items()
        return
    for each in [dimension] if dimension else dimensions_of(namespace):
        key = Key(namespace, wanted["ResourceId"], each)
        if key in known:
            yield key, known[key]


def dimensions_of(namespace: str) -> list[str]:
    """All scalable dimensions of a namespace."""
    return [dimension for dimension in _IDS if dimension.startswith(namespace + ":")]


def check_listing(call: Call) -> None:
    """Raises AWSError: a listing by dimension needs the resource, too."""
    named = call.params.get("ResourceId") or call.params.get("ResourceIds")
    if call.params.get("ScalableDimension") and not named:
        raise invalid("Resource ID must be specified when scalable dimension is specified")


def service_of(call: Call, key: Key) -> Any:
    """Moto's ECS service behind a target; None for other namespaces. Raises AWSError."""
    if key.namespace != "ecs":
        return None
    _, cluster, name = key.resource.split("/")
    found = ecs.service(call, cluster, name)
    if found is None:
        raise invalid(f"ECS service doesn't exist: {key.resource}")
    return found


def check_rights(world: World, call: Call) -> None:
    """AWS asks for the caller's rights on the target service and on CloudWatch, and calls their
    lack a ValidationException."""
    for action in _RIGHTS_ON[call.params["ServiceNamespace"]] + _RIGHTS[call.operation]:
        refused = iam.denied(world, call, action, _needs(call, action))
        if refused is not None:
            raise invalid(refused)


def _needs(call: Call, action: str) -> list[Need] | None:
    if action != "iam:CreateServiceLinkedRole":
        return None
    namespace = call.params["ServiceNamespace"]
    service = f"{namespace}.application-autoscaling.amazonaws.com"
    role = linked_role(call.account, namespace)
    return [Need(action, role, {"iam:AWSServiceName": service})]


def linked_role(account: str, namespace: str) -> str:
    """The ARN of the service-linked role."""
    return (
        f"arn:aws:iam::{account}:role/aws-service-role/{namespace}.application-autoscaling."
        f"amazonaws.com/AWSServiceRoleForApplicationAutoScaling_{_ROLES[namespace]}"
    )


def least(namespace: str) -> int:
    """The smallest capacity that a namespace takes."""
    return 0 if namespace in _FROM_ZERO else 1


def takes(namespace: str, kind: str) -> bool:
    """Whether a namespace has policies of a kind."""
    match kind:
        case "StepScaling":
            return namespace not in _NO_STEPS
        case "PredictiveScaling":
            return namespace == "ecs"
    return namespace != "elasticmapreduce"


def invalid(message: str) -> AWSError:
    """ValidationException."""
    return AWSError("ValidationException", message)


def not_found(message: str) -> AWSError:
    """ObjectNotFoundException."""
    return AWSError("ObjectNotFoundException", message)


def page_size(call: Call, most: int) -> int:
    """How many items the caller wants on a page. Raises AWSError."""
    wanted = call.params.get("MaxResults") or most
    if not 1 <= wanted <= most:
        bound = "less than or equal to" if wanted > most else "greater than or equal to"
        raise invalid(
            f"1 validation error detected: Value '{wanted}' at 'maxResults' failed to satisfy "
            f"constraint: Member must have value {bound} {most if wanted > most else 1}"
        )
    return int(wanted)
