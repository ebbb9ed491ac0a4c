"""Reads an RDS instance. Writes nothing."""

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.database.rds.model import RDSObserved
from setpoint.engine.failure import Failure

_FIELDS = (
    "DBInstanceClass",
    "AllocatedStorage",
    "MaxAllocatedStorage",
    "StorageType",
    "Iops",
    "Engine",
)


async def observe(gateway: AWSGateway, scope: Scope, instance: str) -> RDSObserved:
    """One DescribeDBInstances. Raises Failure."""
    answer = await gateway.call(
        scope, "rds", "describe_db_instances", DBInstanceIdentifier=instance
    )
    if not answer.get("DBInstances"):
        raise Failure(
            Reason.TARGET_NOT_FOUND,
            f"RDS has no instance {instance} in {scope.region}: check its name",
        )
    found = answer["DBInstances"][0]
    return RDSObserved(
        arn=found["DBInstanceArn"],
        instance=found["DBInstanceIdentifier"],
        state=found["DBInstanceStatus"],
        maintenance_window=found.get("PreferredMaintenanceWindow", ""),
        in_cluster=bool(found.get("DBClusterIdentifier")),
        current={name: found[name] for name in _FIELDS if found.get(name) is not None},
        pending=found.get("PendingModifiedValues") or {},
    )
