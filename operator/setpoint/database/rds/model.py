"""What is observed of an RDS instance, and RDS's names of what can be changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from setpoint.engine.failure import Failure

CLASS = "DBInstanceClass"
STORAGE = "AllocatedStorage"
MAX_STORAGE = "MaxAllocatedStorage"
TYPE = "StorageType"
IOPS = "Iops"
THROUGHPUT = "StorageThroughput"

FIELDS = {
    CLASS: "instanceClass",
    STORAGE: "allocatedStorage",
    MAX_STORAGE: "maxAllocatedStorage",
    TYPE: "storageType",
    IOPS: "iops",
    THROUGHPUT: "storageThroughput",
}
"""Names in the spec of what setpoint changes, by RDS's names."""

OF_STORAGE = frozenset({STORAGE, TYPE, IOPS, THROUGHPUT})
"""Whose change is a storage modification."""


PREFIX = "rds/"
"""Of an instance as an object; no relation is written like that without quotes."""


@dataclass(frozen=True)
class Series:
    """A metric's datapoints in the order of their times, and when they are from (their start)."""

    values: Sequence[tuple[datetime, float]] = ()

    @property
    def numbers(self) -> list[float]:
        """The values alone."""
        return [value for _, value in self.values]


@dataclass(frozen=True)
class Metrics:
    """`recent`: of the last minutes; `days`: hourly ones of the last days; by their query's name.

    `failure`: why CloudWatch could not be read, where the role is to blame. `are_read`: it could,
    when it was last asked.
    """

    recent: Mapping[str, Series] = field(default_factory=dict)
    days: Mapping[str, Series] = field(default_factory=dict)
    failure: Failure | None = None
    are_read: bool = True


@dataclass(frozen=True)
class RDSObserved:
    """`current` and `pending` as DescribeDBInstances names things; storage in GiB.

    `optimizing`: RDS is not done with the last change of storage. `default_parameters`: the
    parameter group is RDS's own. `source`: what a read replica is one of.
    """

    arn: str
    instance: str
    state: str
    maintenance_window: str
    in_cluster: bool
    current: Mapping[str, Any]
    pending: Mapping[str, Any]
    optimizing: bool = False
    default_parameters: bool = False
    source: str = ""
    metrics: Metrics = Metrics()

    def effective(self, name: str) -> Any:
        """The value that holds once everything pending is applied."""
        return self.pending.get(name, self.current.get(name))

    @property
    def name(self) -> str:
        """The instance as plan, findings and records name it."""
        return PREFIX + self.instance

    @property
    def engine(self) -> str:
        """Such as postgres; of oracle-ee and the like the first word."""
        return str(self.current.get("Engine", "")).partition("-")[0]

    @property
    def is_of_multi_az_cluster(self) -> bool:
        """One of three with two readable standbys: nothing of it can be changed by itself."""
        return self.in_cluster and self.engine != "aurora"

    @property
    def size(self) -> int:
        """GiB, once everything pending is applied."""
        return int(self.effective(STORAGE) or 0)

    @property
    def limit(self) -> int:
        """GiB up to which RDS grows the storage by itself: the storage, where that is off."""
        return int(self.effective(MAX_STORAGE) or self.size)


def shown(name: str, value: Any) -> str:
    """A value as the spec writes it."""
    return f"{value}Gi" if name in (STORAGE, MAX_STORAGE) and value else str(value or "")
