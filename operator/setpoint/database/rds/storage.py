"""Which parameters a change of storage needs, and which ones RDS would refuse. Pure.

Sources: RDS's reference of ModifyDBInstance (growth of storage and of IOPS is rounded up to 10 %;
AllocatedStorage and Iops go together for gp3, io1 and io2), and its user guide, "gp3 storage"
(below a size that depends on the engine a gp3 volume has 3,000 IOPS and 125 MiB/s and takes
neither; from there on it is striped, with at least 12,000 and 500, and at most a quarter of a MiB/s
for each of the IOPS), "Provisioned IOPS storage" (io1 and io2: from 100 GiB on, and how many IOPS
for each GiB) and "Settings for DB instances" (which changes of type cost downtime).
"""

import math
from dataclasses import dataclass, field
from typing import Any

from setpoint.api.rds import RDS, StorageType
from setpoint.database.rds.model import IOPS, STORAGE, THROUGHPUT, TYPE, RDSObserved

PLAIN_IOPS, PLAIN_THROUGHPUT = 3000, 125
STRIPED_IOPS, STRIPED_THROUGHPUT = 12_000, 500
_STRIPED_FROM = {"oracle": 200, "sqlserver": 0}  # GiB; SQL Server: IOPS at any size
_OTHERS_FROM = 400
PROVISIONED_FROM = 100  # GiB of io1 and io2
_MOST_RATIO = {StorageType.IO1: 50, StorageType.IO2: 1000}  # IOPS for each GiB

# RDS's table names brief downtime for all that concerns magnetic storage, and between the two
# groups for single instances with a parameter group of their own: we count it always.
_ALIKE = ({StorageType.GP2, StorageType.GP3}, {StorageType.IO1, StorageType.IO2})

_TOO_FEW_IOPS = "rds.storageThroughput may be at most a quarter of the IOPS: raise rds.iops"


@dataclass(frozen=True)
class StorageChange:
    """`values`: what is to change. `params`: that, and what RDS wants to be told with it.
    `refusals`: sentences about fields of the spec that this storage cannot have."""

    values: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()


def grown(size: int) -> int:
    """GiB: what less than 10 % more is rounded up to. For IOPS likewise."""
    return -(-size * 11 // 10)


def needs_downtime(before: Any, after: Any) -> bool:
    """Whether a change of storage type may interrupt the database."""
    return before != after and not any({before, after} <= group for group in _ALIKE)


def takes_iops(kind: Any, engine: str, size: int) -> bool:
    """Whether IOPS of such storage can be chosen, and must then go with every change."""
    if kind == StorageType.GP3:
        return size >= _STRIPED_FROM.get(engine, _OTHERS_FROM)
    return kind in (StorageType.IO1, StorageType.IO2)


def growth(spec: RDS, observed: RDSObserved) -> int:
    """The size in GiB that the spec leads to: what is there, or more."""
    wanted = spec.allocated_storage
    if wanted is None or observed.size >= wanted:
        return observed.size
    return max(wanted, grown(int(observed.current.get(STORAGE, 0))))


def change(spec: RDS, observed: RDSObserved, size: int, kind: str) -> StorageChange:
    """From what the instance has to `size` (GiB) of the type `kind`, with the spec's IOPS and
    throughput. With refusals there is nothing else."""
    wanted: dict[str, Any] = {STORAGE: size, TYPE: kind}
    if not takes_iops(kind, observed.engine, size):
        values = _of(observed, wanted)
        refusals = _fixed(spec, kind, observed.engine)
        return StorageChange(refusals=refusals) if refusals else StorageChange(values, values)
    iops, refusal = _iops(spec, observed, kind, size)
    if refusal:
        return StorageChange(refusals=(refusal,))
    if spec.iops is not None:  # else they only go along
        wanted[IOPS] = iops
    if spec.storage_throughput is not None:
        if refusal := _throughput(spec.storage_throughput, kind, observed.engine, iops):
            return StorageChange(refusals=(refusal,))
        wanted[THROUGHPUT] = spec.storage_throughput
    elif kind == StorageType.GP3 and int(observed.effective(THROUGHPUT) or 0) * 4 > iops:
        return StorageChange(refusals=(_TOO_FEW_IOPS,))
    values = _of(observed, wanted)
    return StorageChange(values, {**values, STORAGE: size, IOPS: iops} if values else {})


def _of(observed: RDSObserved, wanted: dict[str, Any]) -> dict[str, Any]:
    """What differs."""
    return {name: value for name, value in wanted.items() if value != observed.effective(name)}


def limit_refused(spec: RDS, observed: RDSObserved, kind: str, found: StorageChange) -> str:
    """Why the storage may not be let grow to the spec's limit by itself; empty if it may.

    RDS calls that "Invalid iops to max storage (GB) ratio".
    """
    limit, iops = spec.max_allocated_storage, found.params.get(IOPS, observed.effective(IOPS))
    if limit is None or limit == observed.limit or kind not in _MOST_RATIO or not iops:
        return ""
    most = int(iops / _least_ratio(observed.engine))
    if limit <= max(most, observed.size):
        return ""
    return f"rds.maxAllocatedStorage may be at most {most}Gi with {iops} IOPS: raise rds.iops"


def _iops(spec: RDS, observed: RDSObserved, kind: str, size: int) -> tuple[int, str]:
    """The IOPS to have, or why the spec's cannot be had."""
    before = observed.effective(TYPE)
    had = takes_iops(before, observed.engine, observed.size)
    now = int(observed.effective(IOPS) or 0) if had else 0
    if kind in _MOST_RATIO and size < PROVISIONED_FROM:
        smallest = f"{PROVISIONED_FROM}Gi"
        return 0, f"{kind} storage begins at {smallest}: raise rds.allocatedStorage to {smallest}"
    least, most = _range(observed.engine, kind, size)
    wanted = spec.iops
    if wanted is None:
        if not now and kind != StorageType.GP3:
            return 0, f"rds.storageType {kind} needs rds.iops too"
        if now >= least:
            return now, ""
        return max(least, grown(now) if kind == before else 0), ""
    if wanted < least:
        return 0, f"rds.iops must be at least {least} for {kind} of this size"
    if wanted > most:
        return 0, f"rds.iops may be at most {most} for {kind} of this size"
    if kind == before and now:
        if wanted > now:
            wanted = max(wanted, grown(now))
        elif now <= grown(wanted):
            wanted = now  # RDS had rounded it up
    return wanted, ""


def _range(engine: str, kind: str, size: int) -> tuple[int, float]:
    """The least and the most IOPS of storage of `size` GiB, as far as its size tells."""
    if kind == StorageType.GP3:
        return _least(engine, STRIPED_IOPS, PLAIN_IOPS), math.inf
    return math.ceil(size * _least_ratio(engine)), size * _MOST_RATIO[StorageType(kind)]


def _least_ratio(engine: str) -> float:
    return 1.0 if engine == "sqlserver" else 0.5


def _throughput(wanted: int, kind: str, engine: str, iops: int) -> str:
    """Why a throughput cannot be had; empty if it can."""
    if kind != "gp3":
        return "rds.storageThroughput can be chosen for gp3 only: remove it"
    least = _least(engine, STRIPED_THROUGHPUT, PLAIN_THROUGHPUT)
    if wanted < least:
        return f"rds.storageThroughput must be at least {least} for gp3 of this size"
    if wanted * 4 > iops:
        return _TOO_FEW_IOPS
    return ""


def _fixed(spec: RDS, kind: Any, engine: str) -> tuple[str, ...]:
    """Refusals for storage whose performance cannot be chosen."""
    has = {"iops": PLAIN_IOPS, "storageThroughput": PLAIN_THROUGHPUT}
    chosen = {"iops": spec.iops, "storageThroughput": spec.storage_throughput}
    if kind == StorageType.GP3:
        chosen = {name: None if value == has[name] else value for name, value in chosen.items()}
    names = " and ".join(f"rds.{name}" for name, value in chosen.items() if value is not None)
    if not names:
        return ()
    if kind == StorageType.GP3:
        size = _STRIPED_FROM.get(engine, _OTHERS_FROM)
        return (f"gp3 below {size} GiB takes no {names}: raise rds.allocatedStorage to {size}Gi",)
    return (f"{kind} storage takes no {names}: remove it, or choose another rds.storageType",)


def _least(engine: str, striped: int, plain: int) -> int:
    """SQL Server's volumes are never striped."""
    return plain if engine == "sqlserver" else striped
