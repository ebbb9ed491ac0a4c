"""DBTuning: class and storage of an RDS instance, and findings about a Postgres server."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from setpoint.api.alerts import Alerts, RuleName, rules_of_kind
from setpoint.api.base import ATOMIC, Model, SecretRef, cel, list_map, validations
from setpoint.api.common import CommonSpec, CommonStatus, Interval
from setpoint.api.crd import Column, Names
from setpoint.api.ignore import Ignore
from setpoint.api.indexes import IndexAdvice, Indexes
from setpoint.api.rds import RDS, RDSStatus
from setpoint.api.types import Duration, Percent, Storage


class Replica(Model):
    """A streaming replica of the Postgres server, which serves reads."""

    secret_ref: SecretRef
    """Secret of the replica, with the same keys as that of the server."""


class Postgres(Model):
    """The Postgres server to analyse."""

    secret_ref: SecretRef
    """Secret with the key uri, or with host, port, user, password, dbname, sslmode, ca.crt."""

    databases: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=63)]],
        Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Databases to analyse; without any, the one that the Secret names."""

    replicas: Annotated[list[Replica], Field(max_length=5, json_schema_extra=ATOMIC)] = []
    """Replicas that serve reads: their scans count, so that an index that only they use is not
    taken for unused."""

    memory: Storage | None = None
    """Memory of the server's machine, which Postgres does not tell; settings are compared with it.
    """


class SequentialScans(Model):
    """When sequential scans are a finding."""

    min_scans: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1000
    """A table scanned sequentially more often than this, and more often than by index, is named."""

    ratio: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """With more than this many sequential scans for each index scan, indexes are suggested."""


class SlowStatements(Model):
    """When a statement of pg_stat_statements is a finding."""

    mean_time: Duration = timedelta(milliseconds=100)
    """Mean time of execution from which on a statement is slow."""

    min_calls: Annotated[int, Field(ge=1, le=1_000_000_000)] = 10
    """A statement that ran less often is not looked at."""


Share = Annotated[
    Percent,
    Field(
        json_schema_extra=validations(
            cel(
                "double(self.replace('%', '')) > 0.0 && double(self.replace('%', '')) <= 100.0",
                "a share must be above 0% and at most 100%",
            )
        )
    ),
]
"""A share of a whole."""


class Analysis(Model):
    """Thresholds of the analysis."""

    sequential_scans: SequentialScans = SequentialScans()
    """When sequential scans are a finding."""

    slow_statements: SlowStatements = SlowStatements()
    """When a statement of pg_stat_statements is a finding."""

    unused_index_age: Duration = timedelta(days=7)
    """An index without a scan is a warning only where the statistics count for this long."""

    dead_tuples: Share = 20.0
    """Share of dead rows in a table from which on they are a finding."""

    bloat: Share = 50.0
    """Share of a table or index that is empty, by estimate, from which on it is a finding."""

    sequence_used: Share = 75.0
    """Share of a sequence's values that are gone; from 90 % on it is critical."""

    cache_hit_ratio: Share = 90.0
    """A smaller share of block reads served from shared buffers is a finding."""

    connections: Share = 80.0
    """Share of the connections in use from which on it is a finding; from 95 % on it is critical.
    """

    long_transaction: Duration = timedelta(minutes=5)
    """How long a transaction may run."""

    idle_in_transaction: Duration = timedelta(minutes=1)
    """How long a session may wait for its client inside a transaction."""

    blocked_session: Duration = timedelta(seconds=10)
    """How long a session may wait for a lock."""


class DBAlerts(Alerts):
    """When to alert, and where to."""

    model_config = ConfigDict(json_schema_extra=rules_of_kind(RuleName.STORAGE_FULL))


class DBTuningSpec(CommonSpec):
    """What the database should be, and what to look at."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("has(self.rds) || has(self.postgres)", "set rds, postgres or both"),
            cel("!has(self.indexes) || has(self.postgres)", "indexes needs postgres"),
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

    indexes: Indexes | None = None
    """Index advice for what runs in the databases; without it there is none."""

    ignore: Annotated[list[Ignore], Field(max_length=100, json_schema_extra=ATOMIC)] = []
    """Findings that are not wanted; status counts them."""

    alerts: DBAlerts = DBAlerts()
    """When to alert, and where to."""


class DatabaseStatus(Model):
    """A database that was analysed."""

    name: Annotated[str, Field(max_length=63)]
    """Name of the database."""

    tables: int
    """Number of tables that were analysed."""

    stats_since: Annotated[str, Field(max_length=64)]
    """Since when the statistics count, as far as Postgres tells."""


class Baseline(Model):
    """Counters of an earlier look, from which rates are reckoned after a restart."""

    taken_at: Annotated[str, Field(max_length=64)]
    """When they were read."""

    counters: Annotated[
        list[Annotated[str, Field(max_length=200)]], Field(max_length=100, json_schema_extra=ATOMIC)
    ] = []
    """Of the tables that carry findings: database, oid, sequential scans, rows read, index scans.
    """


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

    indexes: Annotated[list[IndexAdvice], Field(max_length=20, json_schema_extra=ATOMIC)] | None = (
        None
    )
    """Index advice, as it was last made."""

    baseline: Baseline | None = None
    """Counters of an earlier look; written at most once an hour."""


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
