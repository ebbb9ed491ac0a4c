"""DBTuning: class and storage of an RDS instance, and findings about a Postgres server."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field

from setpoint.api.alerts import SlackTarget
from setpoint.api.base import ATOMIC, Model, SecretRef, cel, list_map, validations
from setpoint.api.common import CommonSpec, CommonStatus, Interval
from setpoint.api.crd import Column, Names
from setpoint.api.types import (
    CRON_RULE,
    ZONE_RULE,
    Duration,
    Storage,
    checked_cron,
    checked_time_zone,
)

WindowDuration = Annotated[
    Duration,
    Field(
        json_schema_extra=validations(
            cel(
                "duration(self) >= duration('10m') && duration(self) <= duration('24h')",
                "rds.window.duration must be between 10m and 24h",
            )
        )
    ),
]


class MaintenanceWindow(Model):
    """When changes that cost downtime may begin."""

    cron: Annotated[
        str,
        Field(
            max_length=100,
            pattern=r"^[0-9A-Za-z*,/#-]+( +[0-9A-Za-z*,/#-]+){4}$",
            json_schema_extra=validations(cel(CRON_RULE, "write five cron fields: 0 3 * * SUN")),
        ),
        AfterValidator(checked_cron),
    ]
    """When the window opens: minute, hour, day of month, month, day of week, as cron has them;
    SUN#1 is the first Sunday of a month."""

    duration: WindowDuration
    """How long it stays open. A change is begun while it is open; how long RDS then takes is not
    in anybody's hands, so leave room."""

    time_zone: Annotated[
        str,
        Field(
            max_length=64,
            pattern=r"^[A-Za-z][A-Za-z0-9_+/-]*$",
            json_schema_extra=validations(cel(ZONE_RULE, "write a time zone: Europe/Berlin")),
        ),
        AfterValidator(checked_time_zone),
    ] = "UTC"
    """IANA time zone in which cron is meant, such as Europe/Berlin. A time that a change to
    daylight saving time skips is made up for right after it; one that comes twice counts once."""


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


class Postgres(Model):
    """The Postgres server to analyse."""

    secret_ref: SecretRef
    """Secret with the key uri, or with host, port, user, password, dbname, sslmode, ca.crt."""

    databases: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=63)]],
        Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Databases to analyse; without any, the one that the Secret names."""


class SequentialScans(Model):
    """When sequential scans are a finding."""

    min_scans: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1000
    """A table scanned sequentially more often than this, and more often than by index, is named."""

    ratio: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """With more than this many sequential scans for each index scan, indexes are suggested."""


class Analysis(Model):
    """Thresholds of the analysis."""

    sequential_scans: SequentialScans = SequentialScans()
    """When sequential scans are a finding."""


class DBAlerts(Model):
    """Where alerts go: today's only one is that the instance has no storage left."""

    slack: SlackTarget | None = None
    """Where in Slack alerts go. Without it, the channel that the operator's configuration sets
    for this namespace, if any."""


class DBTuningSpec(CommonSpec):
    """What the database should be, and what to look at."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("has(self.rds) || has(self.postgres)", "set rds, postgres or both"),
        )
    )

    interval: Interval = timedelta(minutes=10)
    """Time between two looks at the real system, spread by 10 %."""

    rds: RDS | None = None
    """Class and storage of an RDS instance."""

    postgres: Postgres | None = None
    """A Postgres server to analyse. Nothing is ever written to it."""

    analysis: Analysis = Analysis()
    """Thresholds of the analysis."""

    alerts: DBAlerts = DBAlerts()
    """Where alerts go."""


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


class DatabaseStatus(Model):
    """A database that was analysed."""

    name: Annotated[str, Field(max_length=63)]
    """Name of the database."""

    tables: int
    """Number of tables that were analysed."""

    stats_since: Annotated[str, Field(max_length=64)]
    """Since when the statistics count, as far as Postgres tells."""


class DBTuningStatus(CommonStatus):
    """What the database is, and what was found."""

    rds: RDSStatus | None = None
    """The RDS instance as AWS describes it."""

    server_version: Annotated[str, Field(max_length=64)] | None = None
    """Version of the Postgres server."""

    databases: Annotated[
        list[DatabaseStatus],
        Field(max_length=20, json_schema_extra=list_map("name")),
    ] = []
    """Databases that were analysed."""


class DBTuning(Model):
    """DBTuning keeps an RDS instance's class and storage as declared, and analyses Postgres."""

    names: ClassVar[Names] = Names("DBTuning", "dbtunings", "dbtuning", ("dbt",))
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Instance", ".spec.rds.instance"),
        Column("Class", ".status.rds.instanceClass"),
        Column("Storage", ".status.rds.allocatedStorage"),
        Column("Pending", ".status.rds.pending"),
        Column("Findings", ".status.findings.summary"),
        Column("Worst", ".status.findings.worst"),
    )

    spec: DBTuningSpec
    status: DBTuningStatus = DBTuningStatus()
