"""Reads an RDS instance and its metrics. Writes nothing.

Metrics are read for many instances in one call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.rds import RDS, StorageType
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.reads import Reads
from setpoint.database.rds import metrics
from setpoint.database.rds.hardware import is_burstable
from setpoint.database.rds.memory import RDSMemory
from setpoint.database.rds.model import CLASS, TYPE, Metrics, RDSObserved, Series
from setpoint.engine.failure import Failure, Help, caught

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


@dataclass(frozen=True)
class Look:
    """One look at one instance."""

    gateway: AWSGateway
    reads: Reads
    scope: Scope
    memory: RDSMemory
    now: datetime


async def observe(look: Look) -> RDSObserved:
    """One DescribeDBInstances, and now and then a share of GetMetricData. Raises Failure."""
    instance = look.scope.resource.removeprefix("db:")
    answer = await look.gateway.call(
        look.scope, "rds", "describe_db_instances", DBInstanceIdentifier=instance
    )
    if not answer.get("DBInstances"):
        raise Failure(
            Reason.TARGET_NOT_FOUND,
            f"RDS has no instance {instance} in {look.scope.region}: check its name",
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
        source=_source(found),
        metrics=await _metrics(look, found["DBInstanceIdentifier"], current),
    )
    look.memory.read_back(seen, look.now)
    return seen


def expect(reads: Reads, scope: Scope, spec: RDS) -> None:
    """Its metrics will be looked at soon. Which ones it has is guessed until it is described."""
    name = spec.instance.lower()
    burstable = is_burstable(spec.instance_class or "")
    gp2 = spec.storage_type is StorageType.GP2
    recent = metrics.recent_queries(name, burstable=burstable, gp2=gp2)
    reads.expect_metric_data(scope, _key(name), recent, metrics.RECENT)
    days = metrics.days_queries(name, burstable=burstable)
    reads.expect_metric_data(scope, _key(name), days, metrics.DAYS)


def _source(found: Mapping[str, Any]) -> str:
    """Of a read replica; one in another region is named by its ARN."""
    instance = found.get("ReadReplicaSourceDBInstanceIdentifier")
    cluster = found.get("ReadReplicaSourceDBClusterIdentifier")
    return str(instance or cluster or "").rpartition(":")[2]


async def _metrics(look: Look, instance: str, current: Mapping[str, Any]) -> Metrics:
    """The metrics as last read, what is old of them read again; the memory keeps them.

    `instance` as RDS spells it: CloudWatch knows only that. The instance's own affairs go on while
    CloudWatch cannot be read.
    """
    memory, now, known = look.memory, look.now, look.memory.metrics
    burstable = is_burstable(str(current.get(CLASS, "")))
    recent: Mapping[str, Series] | Failure = known.recent
    days: Mapping[str, Series] | Failure = known.days
    is_recent_due = metrics.is_due(memory.recent_at, metrics.RECENT_EVERY, now)
    is_days_due = metrics.is_due(memory.days_at, metrics.DAYS_EVERY, now)
    if not is_recent_due and not is_days_due:
        return known
    if is_recent_due:
        memory.recent_at = now
        asked = metrics.recent_queries(
            instance, burstable=burstable, gp2=current.get(TYPE) == StorageType.GP2
        )
        window = metrics.recent_window(now)
        recent = await caught(_read(look, instance, asked, window, known.recent))
    if is_days_due:
        memory.days_at = now
        asked = metrics.days_queries(instance, burstable=burstable)
        days = await caught(_read(look, instance, asked, metrics.days_window(now), known.days))
        if isinstance(days, Failure):  # not after an hour only
            memory.days_at = now - metrics.DAYS_EVERY + metrics.RECENT_EVERY
    failures = [found for found in (recent, days) if isinstance(found, Failure)]
    lasting = [failure for failure in failures if failure.help is not Help.TIME]
    memory.metrics = Metrics(
        known.recent if isinstance(recent, Failure) else recent,
        known.days if isinstance(days, Failure) else days,
        lasting[0] if lasting else None,
        are_read=not failures,
    )
    return memory.metrics


async def _read(
    look: Look,
    instance: str,
    queries: Sequence[dict[str, Any]],
    window: tuple[datetime, datetime],
    before: Mapping[str, Series],
) -> dict[str, Series]:
    results = await look.reads.metric_data(look.scope, _key(instance), queries, *window)
    return metrics.read(results, before)


def _key(instance: str) -> str:
    """Its queries among those of all that the reader reads for."""
    return f"rds/{instance}"
