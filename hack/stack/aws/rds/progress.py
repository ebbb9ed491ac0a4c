"""How a change takes effect: pending, then modifying, then there, then storage-optimization.

The state lives on moto's own objects, so that every call of moto's sees it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name

from stack.aws.rds.performance import show_performance
from stack.aws.state import World, moto
from stack.aws.wire import AWSError, Call

STORAGE = ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput")
_DAY = 86_400
_RESTARTING = ("DBInstanceClass", "EngineVersion", "LicenseModel", "DedicatedLogVolume")
_ALIKE = ({"gp2", "gp3"}, {"io1", "io2"})


@dataclass
class Instance:
    """One DB instance: moto's object, and where it is in applying what. Times are monotonic,
    those of `storage_changes` seconds since 1970; `restarts` are UTC."""

    database: Any
    pending: dict[str, Any] = field(default_factory=dict)
    applying: dict[str, Any] = field(default_factory=dict)
    modifying_at: float = 0.0
    applied_at: float = 0.0
    optimized_at: float = 0.0
    storage_changes: list[float] = field(default_factory=list)
    restarts: list[datetime] = field(default_factory=list)

    def current(self, name: str) -> Any:
        """A value in force, by AWS's name."""
        return getattr(self.database, xform_name(name), None)

    def planned(self, name: str) -> Any:
        """A value as it will be: what is in force, overlaid with what is pending."""
        return self.pending.get(name, self.current(name))

    @property
    def is_of_multi_az_cluster(self) -> bool:
        """Two readable standbys: a member of a cluster that is not Aurora's."""
        is_aurora = self.database.engine.startswith("aurora")
        return bool(self.database.db_cluster_identifier) and not is_aurora

    def changes_today(self) -> int:
        """Storage modifications in the last 24 hours."""
        return sum(1 for at in self.storage_changes if time.time() - at < _DAY)


def find(world: World, call: Call, name: str) -> Instance:
    """An instance as it is by now. Raises AWSError: DBInstanceNotFound."""
    name = name.lower()
    database = moto("rds", call).databases.get(name)
    if database is None:
        raise AWSError("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
    known = world.region(call).instances
    if name not in known or known[name].database is not database:
        known[name] = Instance(database)
    _settle(world, call, known[name])
    return known[name]  # type: ignore[no-any-return]


def describe(world: World, call: Call) -> dict[str, Any] | None:
    """The one instance that a call names, in whatever case; None for moto, which has brought all
    others to where they are by now. Raises AWSError: DBInstanceNotFound."""
    if name := call.params.get("DBInstanceIdentifier"):
        return {"DBInstances": [find(world, call, name).database]}
    for known in list(moto("rds", call).databases):
        find(world, call, known)
    return None


def apply_all(world: World, call: Call, instance: Instance) -> None:
    """Apply everything that is pending: AWS knows no way to apply a part of it."""
    if not instance.pending:
        return
    settings, now = world.account(call).settings, time.monotonic()
    instance.applying = dict(instance.pending)
    instance.modifying_at = now + settings.rds_appear_seconds
    instance.applied_at = instance.modifying_at + settings.rds_seconds
    instance.optimized_at = 0.0
    if any(name in instance.applying for name in STORAGE):
        instance.storage_changes.append(time.time())
    _settle(world, call, instance)


def finish(world: World, call: Call, instance: Instance) -> None:
    """What is being applied takes effect now."""
    instance.applied_at = instance.optimized_at = 0.0
    _settle(world, call, instance)


def set_values(world: World, call: Call, name: str, values: Mapping[str, Any]) -> None:
    """Overwrite what DescribeDBInstances says, by AWS's names; a change under way is done first."""
    instance = find(world, call, name)
    finish(world, call, instance)
    for key, value in values.items():
        if key == "PendingModifiedValues":
            instance.pending = dict(value)
        else:
            attribute = "status" if key == "DBInstanceStatus" else xform_name(key)
            setattr(instance.database, attribute, value)
    _show(instance)


def forget(world: World, call: Call) -> None:
    """The instance goes."""
    world.region(call).instances.pop(call.params["DBInstanceIdentifier"].lower(), None)


def _settle(world: World, call: Call, instance: Instance) -> None:
    now, database = time.monotonic(), instance.database
    if instance.applying:
        if now >= instance.applied_at:
            _apply(world, call, instance)
        elif now >= instance.modifying_at:
            database.status = "modifying"
    if database.status == "storage-optimization" and now >= instance.optimized_at:
        database.status = "available"
    _show(instance)


def _apply(world: World, call: Call, instance: Instance) -> None:
    database = instance.database
    if any(_restarts(instance, name, value) for name, value in instance.applying.items()):
        instance.restarts.append(datetime.now(UTC))
    # the type before the throughput: moto forgets a throughput that is not gp3's
    for name, value in sorted(instance.applying.items(), reverse=True):
        setattr(database, xform_name(name), value)
        if instance.pending.get(name) == value:
            del instance.pending[name]
    is_storage = any(name in instance.applying for name in STORAGE)
    instance.applying = {}
    if is_storage:
        show_performance(database)
    seconds = world.account(call).settings.rds_optimize_seconds if is_storage else 0.0
    instance.optimized_at = instance.applied_at + seconds
    database.status = "storage-optimization" if seconds else "available"


def _restarts(instance: Instance, name: str, value: Any) -> bool:
    """Whether the database is down for a change (user guide, "Settings for DB instances")."""
    before = instance.current(name)
    if name == "StorageType":
        return value != before and not any({value, before} <= group for group in _ALIKE)
    if name == "BackupRetentionPeriod":
        return bool(value) != bool(before)
    return name in _RESTARTING and value != before


def _show(instance: Instance) -> None:
    """Where moto's serializer looks for what moto does not have."""
    database = instance.database
    optimizing = database.status == "storage-optimization"
    database.pending_modified_values = dict(instance.pending)
    database.storage_operation_status = "Optimizing" if optimizing else None
