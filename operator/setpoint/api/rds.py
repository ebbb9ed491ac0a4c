"""What an RDS instance should be, and what it is: the RDS part of DBTuning."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from setpoint.api.base import ATOMIC, Model, cel, validations
from setpoint.api.types import Storage
from setpoint.api.window import MaintenanceWindow


class StorageType(StrEnum):
    """Kinds of RDS storage."""

    STANDARD = "standard"
    GP2 = "gp2"
    GP3 = "gp3"
    IO1 = "io1"
    IO2 = "io2"


class RDS(Model):
    """What an RDS instance should be. What is not set is left alone."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "!has(self.allocatedStorage) || !has(self.maxAllocatedStorage) || "
                "quantity(self.maxAllocatedStorage).compareTo("
                "quantity(self.allocatedStorage)) >= 0",
                "rds.maxAllocatedStorage must not be smaller than rds.allocatedStorage",
            ),
            cel(
                "!has(self.iops) || !has(self.storageType) || "
                "!(self.storageType in ['standard', 'gp2'])",
                "rds.iops can be chosen for gp3, io1 and io2 only",
            ),
            cel(
                "!has(self.storageThroughput) || !has(self.storageType) || "
                "self.storageType == 'gp3'",
                "rds.storageThroughput can be chosen for gp3 only",
            ),
            cel(
                "!has(self.iops) || !has(self.storageThroughput) || "
                "self.storageThroughput * 4 <= self.iops",
                "rds.storageThroughput may be at most a quarter of rds.iops",
            ),
            cel(
                "self.instance == oldSelf.instance",
                "rds.instance cannot be changed: create another DBTuning",
            ),
        )
    )

    instance: Annotated[str, Field(max_length=63, pattern=r"^[a-zA-Z](-?[a-zA-Z0-9])*$")]
    """Identifier of the DB instance."""

    instance_class: (
        Annotated[
            str,
            Field(max_length=64, pattern=r"^db\.([a-z0-9-]+\.[a-z0-9.-]+|serverless)$"),
        ]
        | None
    ) = None
    """DB instance class, such as db.r6g.large. A change restarts the instance (a failover, with
    Multi-AZ): in `window`, or without one in AWS's own maintenance window."""

    allocated_storage: Storage | None = None
    """The least storage. RDS storage never shrinks, and storage autoscaling may grow it further,
    so a larger disk is no difference. It grows by at least 10 %, at once and without downtime."""

    max_allocated_storage: Storage | None = None
    """Upper limit of RDS storage autoscaling. One that equals the storage turns it off."""

    storage_type: StorageType | None = None
    """gp2, gp3, io1, io2 or standard. Between gp2 and gp3, and between io1 and io2, it changes at
    once; any other change counts as downtime."""

    iops: Annotated[int, Field(ge=1000, le=256_000)] | None = None
    """Provisioned IOPS, for io1, io2, and gp3 from 400 GiB on (Oracle: 200 GiB). RDS raises them
    by at least 10 %."""

    storage_throughput: Annotated[int, Field(ge=125, le=4000)] | None = None
    """Throughput in MiB/s, for gp3 from 400 GiB on (Oracle: 200 GiB)."""

    window: MaintenanceWindow | None = None
    """When changes that cost downtime are made, at once. Without it RDS makes them in the
    instance's own maintenance window."""

    max_modifications_per_day: Annotated[int, Field(ge=1, le=20)] = 4
    """The breaker: setpoint modifies the instance at most this often in 24 hours."""


class Modification(Model):
    """A modification that setpoint sent."""

    at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When."""

    values: Annotated[str, Field(max_length=256)]
    """What was asked for, by RDS's names: DBInstanceClass=db.r6g.large."""

    immediately: bool
    """Whether RDS was to apply it, and all that was pending, at once."""


class RDSStatus(Model):
    """The RDS instance as AWS describes it."""

    instance: Annotated[str, Field(max_length=63)]
    """Identifier of the DB instance."""

    state: Annotated[str, Field(max_length=64)]
    """RDS's own status of the instance."""

    instance_class: Annotated[str, Field(max_length=64)]
    """Class that runs now."""

    class_since: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When setpoint first saw it in the place of another one: what the metrics said before is no
    evidence for its size."""

    allocated_storage: Annotated[str, Field(max_length=16)]
    """Storage now."""

    pending: Annotated[str, Field(max_length=256)] = ""
    """Changes that wait for a maintenance window, and when it opens."""

    modifications: Annotated[
        list[Modification], Field(max_length=21, json_schema_extra=ATOMIC)
    ] = []
    """What setpoint sent in the last 24 hours, and last; the breaker counts them."""

    queued_class: Annotated[str, Field(max_length=64)] | None = None
    """Class that setpoint has left with RDS until its maintenance window."""

    withdrawn_class: Annotated[str, Field(max_length=64)] | None = None
    """Class that setpoint took back from there so that storage can grow without a restart. It is
    left there again afterwards, under the approval that it had."""
