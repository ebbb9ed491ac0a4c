"""RDS instances, by AWS's rules for ModifyDBInstance (shared by its reference and user guide)."""

import math
import time
from collections.abc import Mapping
from typing import Any

from stack.aws.state import Instance, Region, World
from stack.aws.wire import ACCOUNT, AWSError, Call

_DEFERRED = ("DBInstanceClass", "AllocatedStorage", "EngineVersion", "StorageType", "Iops",
             "StorageThroughput", "MultiAZ", "BackupRetentionPeriod")  # fmt: skip
_STORAGE_STATES = ("available", "storage-full")
_SMALL_GP3 = 400
_MAX_IN_24_H = 4


def handle(world: World, call: Call) -> dict[str, Any] | None:
    """The answer to a call; None for what is left to moto. Raises AWSError."""
    region = world.region(call.region)
    match call.operation:
        case "CreateDBInstance":
            return {"DBInstance": _create(region, call)}
        case "DescribeDBInstances":
            return {"DBInstances": _describe(region, call.params)}
        case "ModifyDBInstance":
            return {"DBInstance": _modify(world, region, call.params)}
        case "DeleteDBInstance":
            return {"DBInstance": region.instances.pop(call.params["DBInstanceIdentifier"]).body}
    return None


def run_maintenance(region: Region) -> None:
    """The maintenance window: what is pending takes effect."""
    for instance in region.instances.values():
        _apply(instance)


def _create(region: Region, call: Call) -> dict[str, Any]:
    params = call.params
    name = params["DBInstanceIdentifier"]
    if name in region.instances:
        raise AWSError("DBInstanceAlreadyExists", "DB instance already exists")
    body = {
        "DBInstanceIdentifier": name,
        "DBInstanceArn": f"arn:aws:rds:{call.region}:{ACCOUNT}:db:{name}",
        "DBInstanceStatus": "available",
        "DBInstanceClass": params["DBInstanceClass"],
        "Engine": params["Engine"],
        "AllocatedStorage": params.get("AllocatedStorage") or 20,
        "StorageType": params.get("StorageType") or "gp3",
        "MaxAllocatedStorage": params.get("MaxAllocatedStorage"),
        "Iops": params.get("Iops"),
        "DBClusterIdentifier": params.get("DBClusterIdentifier"),
        "PreferredMaintenanceWindow": params.get("PreferredMaintenanceWindow")
        or "sun:05:00-sun:06:00",
        "PendingModifiedValues": {},
    }
    region.instances[name] = Instance({k: v for k, v in body.items() if v is not None})
    return region.instances[name].body


def _describe(region: Region, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = params.get("DBInstanceIdentifier")
    if name is not None:
        return [_find(region, name).body]
    return [_settled(instance).body for instance in region.instances.values()]


def _find(region: Region, name: str) -> Instance:
    instance = region.instances.get(name)
    if instance is None:
        raise AWSError("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
    return _settled(instance)


def _settled(instance: Instance) -> Instance:
    if instance.body["DBInstanceStatus"] == "modifying" and time.monotonic() > instance.busy_until:
        instance.body["DBInstanceStatus"] = "available"
    return instance


def _modify(world: World, region: Region, params: Mapping[str, Any]) -> dict[str, Any]:
    instance = _find(region, params["DBInstanceIdentifier"])
    body = instance.body
    wanted = {
        name: params[name]
        for name in (*_DEFERRED, "MaxAllocatedStorage")
        if params.get(name) is not None and params[name] != body.get(name)
    }
    _check(instance, wanted)
    if "AllocatedStorage" in wanted:
        least = math.ceil(body["AllocatedStorage"] * 11 / 10)
        wanted["AllocatedStorage"] = max(wanted["AllocatedStorage"], least)
        instance.modifications.append(time.time())
    if "MaxAllocatedStorage" in wanted:  # at once, whatever ApplyImmediately says
        body["MaxAllocatedStorage"] = wanted.pop("MaxAllocatedStorage")
    body["PendingModifiedValues"] = body["PendingModifiedValues"] | wanted
    if params.get("ApplyImmediately"):
        _apply(instance)  # all that is pending, not only this
        body["DBInstanceStatus"] = "modifying"
        instance.busy_until = time.monotonic() + world.rds_seconds
    return body


def _apply(instance: Instance) -> None:
    instance.body |= instance.body["PendingModifiedValues"]
    instance.body["PendingModifiedValues"] = {}


def _check(instance: Instance, wanted: Mapping[str, Any]) -> None:
    body = instance.body
    state = body["DBInstanceStatus"]
    storage = wanted.get("AllocatedStorage")
    if wanted and state not in (_STORAGE_STATES if storage else ("available",)):
        raise AWSError(
            "InvalidDBInstanceState", f"Database instance is not in available state. ({state})"
        )
    if storage is None:
        return
    if body.get("DBClusterIdentifier"):
        raise _combination(
            "AllocatedStorage is not supported for a DB instance that is a member of a DB cluster"
        )
    if storage < body["AllocatedStorage"]:
        raise _combination(
            "Invalid storage size for engine name "
            f"{body['Engine']} and storage type {body['StorageType']}: {storage}"
        )
    if wanted.get("Iops") and body["StorageType"] == "gp3" and storage < _SMALL_GP3:
        raise _combination(
            "You can't specify IOPS or storage throughput for engine "
            f"{body['Engine']} and a storage size less than {_SMALL_GP3}."
        )
    recent = [at for at in instance.modifications if time.time() - at < 86_400]
    if len(recent) >= _MAX_IN_24_H:
        raise _combination(
            "You can't currently modify the storage of this DB instance because the previous "
            "storage changes are being optimized."
        )


def _combination(message: str) -> AWSError:
    return AWSError("InvalidParameterCombination", message)
