"""A database as plain values: what the rules look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from setpoint.database.rds.model import RDSObserved
from setpoint.engine.failure import Failure


@dataclass(frozen=True)
class Server:
    """The Postgres server, and what our role may see of it."""

    version: str
    role: str
    system_identifier: str | None
    in_recovery: bool
    sees_statistics: bool
    sees_columns: bool


@dataclass(frozen=True)
class Table:
    """A table, a materialised view, or a partitioned table with the sums of its partitions.

    Counters since the statistics' reset; pages of 8 KiB.
    """

    oid: int
    schema: str
    name: str
    seq_scan: int
    seq_tup_read: int
    idx_scan: int
    live: int
    pages: int


@dataclass(frozen=True)
class Index:
    """An index. `columns` are attribute numbers of its key, 0 for an expression; size in bytes."""

    oid: int
    table: int
    schema: str
    name: str
    scans: int
    tuples_read: int
    size: int
    is_unique: bool
    is_primary: bool
    is_exclusion: bool
    is_valid: bool
    is_replica_identity: bool
    is_clustered: bool
    is_partial: bool
    is_partition: bool
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Column:
    """A column. `n_distinct` as pg_stats has it: negative is a share of the rows."""

    table: int
    number: int
    name: str
    n_distinct: float | None
    null_fraction: float | None
    is_sortable: bool


@dataclass(frozen=True)
class Snapshot:
    """One database at one moment."""

    server: Server
    database: str
    stats_since: datetime
    taken_at: datetime
    tables: Sequence[Table]
    indexes: Sequence[Index]
    columns: Sequence[Column] = ()
    foreign_keys: Sequence[tuple[int, tuple[int, ...]]] = ()
    tls_verified: bool = True

    @property
    def stats_age(self) -> timedelta:
        """For how long the statistics have counted, as far as Postgres tells."""
        return self.taken_at - self.stats_since


@dataclass(frozen=True)
class Observed:
    """What could be seen of a DBTuning's targets, and what could not."""

    rds: RDSObserved | None
    snapshots: Sequence[Snapshot]
    failures: Sequence[Failure]
