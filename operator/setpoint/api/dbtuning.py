"""DBTuning: class and storage of an RDS instance, and findings about a Postgres server."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from setpoint.api.base import Model, SecretRef, cel, list_map, validations
from setpoint.api.common import CommonSpec, CommonStatus, Interval
from setpoint.api.crd import Column, Names
from setpoint.api.types import Storage


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
                "self.instance == oldSelf.instance",
                "rds.instance cannot be changed: create another DBTuning",
            ),
        )
    )

    instance: Annotated[str, Field(max_length=63, pattern=r"^[a-zA-Z](-?[a-zA-Z0-9])*$")]
    """Identifier of the DB instance."""

    instance_class: (
        Annotated[str, Field(max_length=64, pattern=r"^db\.[a-z0-9-]+\.[a-z0-9.-]+$")] | None
    ) = None
    """DB instance class, such as db.r6g.large. A change restarts the instance, in AWS's own
    maintenance window."""

    allocated_storage: Storage | None = None
    """The least storage. RDS storage never shrinks, and storage autoscaling may grow it further,
    so a larger disk is no difference."""

    max_allocated_storage: Storage | None = None
    """Upper limit of RDS storage autoscaling."""


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
    """Changes that RDS holds until its maintenance window."""


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
