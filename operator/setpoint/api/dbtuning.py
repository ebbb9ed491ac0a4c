"""DBTuning: class and storage of an RDS instance, and findings about a Postgres server."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from setpoint.api.alerts import SlackTarget
from setpoint.api.base import Model, SecretRef, cel, list_map, validations
from setpoint.api.common import CommonSpec, CommonStatus, Interval
from setpoint.api.crd import Column, Names
from setpoint.api.rds import RDS, RDSStatus


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
