"""Reads an RDS instance and its metrics. Writes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.database.rds import metrics
from setpoint.database.rds.hardware import is_burstable
from setpoint.database.rds.memory import RDSMemory
from setpoint.database.rds.model import CLASS, TYPE, Metrics, RDSObserved, Series
from setpoint.engine.failure import Failure, Help

_FIELDS = (
    "DBInstanceClass",
    "AllocatedStorage",
    "MaxAllocatedStorage",
    "StorageType",
    "Iops",
    "StorageThroughput",
    "Engine",
    "EngineVersion",
    "BackupRetentionPeriod",
    "MultiAZ",
    "LicenseModel",
    "DedicatedLogVolume",
)
_OPTIMIZING = "storage-optimization"


async def observe(
    gateway: AWSGateway, scope: Scope, instance: str, memory: RDSMemory, now: datetime
) -> RDSObserved:
    """One DescribeDBInstances, and now and then GetMetricData. Raises Failure."""
    answer = await gateway.call(
        scope, "rds", "describe_db_instances", DBInstanceIdentifier=instance
    )
    if not answer.get("DBInstances"):
        raise Failure(
            Reason.TARGET_NOT_FOUND,
            f"RDS has no instance {instance} in {scope.region}: check its name",
        )
    found = answer["DBInstances"][0]
    current = {name: found[name] for name in _FIELDS if found.get(name) is not None}
    engine = str(found.get("Engine", ""))
    groups = found.get("DBParameterGroups") or ()
    seen = RDSObserved(
        arn=found["DBInstanceArn"],
        instance=found["DBInstanceIdentifier"],
        state=found["DBInstanceStatus"],
        maintenance_window=found.get("PreferredMaintenanceWindow", ""),
        in_cluster=bool(found.get("DBClusterIdentifier")) or engine.startswith("aurora"),
        current=current,
        pending=found.get("PendingModifiedValues") or {},
        optimizing=found["DBInstanceStatus"] == _OPTIMIZING
        or found.get("StorageOperationStatus") == "Optimizing",
        default_parameters=all(
            str(group.get("DBParameterGroupName", "")).startswith("default.") for group in groups
        ),
        metrics=await _metrics(gateway, scope, found["DBInstanceIdentifier"], current, memory, now),
    )
    memory.read_back(seen, now)
    return seen


async def _metrics(
    gateway: AWSGateway,
    scope: Scope,
    instance: str,
    current: dict[str, Any],
    memory: RDSMemory,
    now: datetime,
) -> Metrics:
    """The metrics as last read, what is old of them read again; `memory` keeps them.

    `instance` as RDS spells it: CloudWatch knows only that. The instance's own affairs go on while
    CloudWatch cannot be read.
    """
    burstable = is_burstable(str(current.get(CLASS, "")))
    recent, days = memory.metrics.recent, memory.metrics.days
    try:
        if metrics.is_due(memory.recent_at, metrics.RECENT_EVERY, now):
            memory.recent_at = now
            asked = metrics.recent_queries(
                instance, burstable=burstable, gp2=current.get(TYPE) == "gp2"
            )
            recent = await _read(gateway, scope, asked, *metrics.recent_window(now))
        if metrics.is_due(memory.days_at, metrics.DAYS_EVERY, now):
            memory.days_at = now
            asked = metrics.days_queries(instance, burstable=burstable)
            days = await _read(gateway, scope, asked, *metrics.days_window(now))
    except Failure as failure:
        lasting = failure if failure.help is not Help.TIME else None
        memory.metrics = Metrics(recent, days, lasting, are_read=False)
    else:
        if now in (memory.recent_at, memory.days_at):
            memory.metrics = Metrics(recent, days)
    return memory.metrics


async def _read(
    gateway: AWSGateway,
    scope: Scope,
    queries: Sequence[dict[str, Any]],
    start: datetime,
    end: datetime,
) -> dict[str, Series]:
    results = await gateway.pages(
        scope, "cloudwatch", "get_metric_data", "MetricDataResults",
        MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending",
    )  # fmt: skip
    return metrics.read(results)
