"""What AWS demands of a change of storage. Wordings as users quote them in public threads.

Sizes in GiB. gp3 below a threshold has a fixed performance, above it IOPS go with every change.
"""

import math
from collections.abc import Mapping
from typing import Any

from stack.aws.rds.performance import (
    MOST_THROUGHPUT,
    PLAIN_THROUGHPUT,
    STRIPED_IOPS,
    STRIPED_THROUGHPUT,
    has_iops,
    threshold,
)
from stack.aws.rds.progress import STORAGE, Instance
from stack.aws.wire import AWSError

MOST_IN_24_H = 4
_LEAST_PROVISIONED = 100  # GiB of io1 and io2
_MOST_RATIO = {"io1": 50, "io2": 1000}  # IOPS for each GiB


def check(instance: Instance, wanted: dict[str, Any]) -> None:
    """Raises AWSError, or rounds `wanted["AllocatedStorage"]` up to what AWS will apply."""
    given = {name: wanted[name] for name in STORAGE if name in wanted}
    changed = {n: v for n, v in given.items() if v != instance.current(n)}
    if not given:
        return
    check_alone(instance)
    size = given.get("AllocatedStorage", instance.planned("AllocatedStorage"))
    kind = given.get("StorageType", instance.planned("StorageType"))
    engine = instance.database.engine
    if size < instance.current("AllocatedStorage"):
        message = f"Invalid storage size for engine name {engine} and storage type {kind}: {size}"
        raise combination(message)
    _check_iops(engine, kind, size, given, changed)
    if not changed:
        return
    if instance.database.status == "storage-optimization":
        raise combination(
            "You can't currently modify the storage of this DB instance because the previous "
            "storage change is being optimized."
        )
    if instance.changes_today() >= MOST_IN_24_H:
        raise combination(
            "You can't currently modify the storage of this DB instance because the maximum of "
            f"{MOST_IN_24_H} storage modifications in 24 hours is reached."
        )
    if "AllocatedStorage" in changed:
        wanted["AllocatedStorage"] = max(size, least_growth(instance.current("AllocatedStorage")))
    before = instance.current("Iops") or 0
    same_kind = kind == instance.current("StorageType")
    if same_kind and "Iops" in changed and given["Iops"] > before:
        wanted["Iops"] = max(given["Iops"], least_growth(before))


def check_alone(instance: Instance) -> None:
    """Raises AWSError for a member of a cluster."""
    if instance.database.db_cluster_identifier:
        raise combination(
            "The specified DB instance is a member of a DB Cluster. Storage grows based on usage. "
            "You don't need to set it explicitly."
        )


def least_growth(size: int) -> int:
    """What less is rounded up to: 10 % more. For IOPS likewise."""
    return math.ceil(size * 11 / 10)


def check_maximum(maximum: int, size: int) -> None:
    """MaxAllocatedStorage: 10 % above the storage, or equal to it (that turns autoscaling off)."""
    if maximum != size and maximum < least_growth(size):
        message = "The maximum allocated storage must be increased by at least 10 percent."
        raise combination(message)


def combination(message: str) -> AWSError:
    """InvalidParameterCombination."""
    return AWSError("InvalidParameterCombination", message)


def _check_iops(
    engine: str, kind: str, size: int, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    if kind == "gp3" and not has_iops(engine, kind, size):
        if given.keys() & {"Iops", "StorageThroughput"}:
            raise combination(
                f"You can't specify IOPS or storage throughput for engine {engine} and a storage "
                f"size less than {threshold(engine)}."
            )
        return
    if not has_iops(engine, kind, size):
        _check_none(kind, given)
        return
    together = {"AllocatedStorage", "Iops"}
    if changed and not together <= given.keys():
        raise combination(
            "You must specify both the storage size and iops when modifying the storage size or "
            "iops on a DB instance that has iops."
        )
    if kind in _MOST_RATIO and changed:
        _check_ratio(engine, kind, size, given["Iops"])
    striped = kind == "gp3" and threshold(engine) > 0
    if striped and given.get("Iops", STRIPED_IOPS) < STRIPED_IOPS:
        message = f"Invalid iops value for engine name {engine} and storage type gp3:"
        raise combination(f"{message} {given['Iops']}")
    _check_throughput(engine, kind, given)


def _check_ratio(engine: str, kind: str, size: int, iops: int) -> None:
    """Reference of CreateDBInstance, AllocatedStorage and Iops; io2's: user guide."""
    if size < _LEAST_PROVISIONED:
        message = f"Invalid storage size for engine name {engine} and storage type {kind}: {size}"
        raise combination(message)
    if not _least_ratio(engine) <= iops / size <= _MOST_RATIO[kind]:
        raise combination(
            f"Invalid iops to storage (GB) ratio for engine name {engine} and storage type "
            f"{kind}: {iops / size:.4f}"
        )


def _least_ratio(engine: str) -> float:
    return 1.0 if engine.startswith("sqlserver") else 0.5


def check_iops_for(instance: Instance, maximum: int, wanted: Mapping[str, Any]) -> None:
    """The limit of autoscaling must leave the ratio of IOPS that its size would have. Raises
    AWSError, as users quote it."""
    kind = wanted.get("StorageType", instance.planned("StorageType"))
    engine, iops = instance.database.engine, wanted.get("Iops", instance.planned("Iops"))
    if kind in _MOST_RATIO and iops / maximum < _least_ratio(engine):
        raise combination(
            f"Invalid iops to max storage (GB) ratio for engine name {engine} and storage type "
            f"{kind}: {iops / maximum:.4f}"
        )


def _check_none(kind: str, given: dict[str, Any]) -> None:
    """gp2 and magnetic storage have the performance of their size."""
    if given.get("Iops") or given.get("StorageThroughput"):
        raise combination(f"You can't specify IOPS or storage throughput for storage type {kind}.")


def _check_throughput(engine: str, kind: str, given: dict[str, Any]) -> None:
    throughput = given.get("StorageThroughput")
    if throughput is None:
        return
    if kind != "gp3":
        raise combination(f"You can't specify storage throughput for storage type {kind}.")
    least = STRIPED_THROUGHPUT if threshold(engine) else PLAIN_THROUGHPUT
    if not least <= throughput <= MOST_THROUGHPUT:
        message = f"Invalid storage throughput value for engine name {engine} and storage type gp3:"
        raise combination(f"{message} {throughput}")
    if throughput * 4 > given["Iops"]:
        raise combination("The storage throughput to IOPS ratio must not exceed 0.25.")
