"""ModifyDBInstance. After AWS's reference and user guide: what waits for the maintenance window,
what applies at once, which state allows what."""

import re
from collections.abc import Mapping
from typing import Any

from botocore import xform_name

from stack.aws.rds import storage
from stack.aws.rds.create import through_moto
from stack.aws.rds.progress import STORAGE, Instance, apply_all, find, finish
from stack.aws.state import World, moto
from stack.aws.wire import AWSError, Call

_DEFERRED = (*STORAGE, "DBInstanceClass", "EngineVersion", "MultiAZ", "BackupRetentionPeriod",
             "LicenseModel", "CACertificateIdentifier", "IAMDatabaseAuthenticationEnabled",
             "DedicatedLogVolume")  # fmt: skip
_NOT_VALUES = ("DBInstanceIdentifier", "ApplyImmediately", "AllowMajorVersionUpgrade",
               "MaxAllocatedStorage")  # fmt: skip
_CLASS = re.compile(r"db\.[a-z0-9-]+\.[a-z0-9-]+")
_OF_CLUSTER = {"EngineVersion": "the DB engine version",
               "BackupRetentionPeriod": "backup retention"}  # fmt: skip


def modify(world: World, call: Call) -> dict[str, Any]:
    """The answer. Raises AWSError."""
    params = {name: value for name, value in call.params.items() if value is not None}
    instance = find(world, call, params["DBInstanceIdentifier"])
    if instance.is_of_multi_az_cluster:
        raise storage.combination(
            "ModifyDBInstance isn't supported for a DB instance in a Multi-AZ DB Cluster."
        )
    wanted = {name: params[name] for name in _DEFERRED if name in params}
    _check_state(instance, wanted)
    _check_values(instance, wanted, params)
    storage.check(instance, wanted)
    _check_limit(instance, params, wanted)
    _set_maximum(instance, params, wanted)
    _set_at_once(call, instance, params)
    at_once = bool(params.get("ApplyImmediately"))
    for name, value in wanted.items():
        if value != instance.current(name):
            instance.pending[name] = value
        elif at_once:  # the one way that RDS's user guide knows to take a change back
            instance.pending.pop(name, None)
    if at_once:
        apply_all(world, call, instance)
    return {"DBInstance": find(world, call, params["DBInstanceIdentifier"]).database}


def run_maintenance(world: World, call: Call, name: str | None) -> None:
    """The maintenance window of one instance or of all is over: what was pending is done."""
    for known in [name] if name else list(moto("rds", call).databases):
        instance = find(world, call, known)
        if instance.database.status == "available":
            apply_all(world, call, instance)
            finish(world, call, instance)


def _check_state(instance: Instance, wanted: Mapping[str, Any]) -> None:
    """Storage may also grow in storage-full, and nothing else may change; all but storage may
    change while it is optimized."""
    state = instance.database.status
    fits = {
        "available": not instance.applying,
        "storage-full": wanted.keys() <= set(STORAGE),
        "storage-optimization": True,
    }
    if not fits.get(state, False):
        message = "Database instance is not in available state."
        raise AWSError("InvalidDBInstanceState", message)


def _check_values(instance: Instance, wanted: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    name = wanted.get("DBInstanceClass")
    if name and name != "db.serverless" and not _CLASS.fullmatch(name):
        raise AWSError("InvalidParameterValue", f"Invalid DB Instance class: {name}")
    if instance.database.db_cluster_identifier:
        for known, shown in _OF_CLUSTER.items():
            if known in wanted:
                raise storage.combination(
                    f"The specified DB Instance is a member of a cluster. Modify {shown} for the "
                    "DB Cluster using the ModifyDbCluster API"
                )
        return
    version = wanted.get("EngineVersion")
    before = str(instance.current("EngineVersion")).partition(".")[0]
    is_major = version is not None and version.partition(".")[0] != before
    if is_major and not params.get("AllowMajorVersionUpgrade"):
        raise storage.combination(
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major "
            "version."
        )


def _check_limit(instance: Instance, params: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Storage grows below the limit of its autoscaling only, where that is on or is turned on."""
    size = wanted.get("AllocatedStorage")
    now = instance.current("AllocatedStorage")
    limit = params.get("MaxAllocatedStorage", instance.current("MaxAllocatedStorage"))
    if size is not None and size > now and limit is not None and now < limit <= size:
        raise storage.combination("Max storage size must be greater than storage size")


def _set_maximum(instance: Instance, params: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """At once, whatever ApplyImmediately says."""
    maximum = params.get("MaxAllocatedStorage")
    if maximum is None:
        return
    storage.check_alone(instance)
    size = wanted.get("AllocatedStorage", instance.planned("AllocatedStorage"))
    storage.check_maximum(maximum, size)
    storage.check_iops_for(instance, maximum, wanted)
    off = instance.current("AllocatedStorage")  # moto shows nothing then, as AWS does
    instance.database.max_allocated_storage = off if maximum == size else maximum


def _set_at_once(call: Call, instance: Instance, params: Mapping[str, Any]) -> None:
    """What no window concerns; moto checks it."""
    others = {
        xform_name(name): value
        for name, value in params.items()
        if name not in _DEFERRED and name not in _NOT_VALUES
    }
    if others:
        name = instance.database.db_instance_identifier
        through_moto(moto("rds", call).modify_db_instance, name, others)
