"""A database as plain values: what the rules look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from setpoint.database.rds.model import RDSObserved
from setpoint.engine.failure import Failure


@dataclass(frozen=True)
class Server:
    """The Postgres server, and what our role may see of it.

    `unread_schemas` have tables that our role may not read, and so not the statistics of their
    columns either. `address` is what the server takes itself to be reached at.
    """

    version: str
    role: str
    system_identifier: str | None
    address: str
    in_recovery: bool
    sees_activity: bool
    unread_schemas: Sequence[str] = ()

    @property
    def major(self) -> int:
        """The major version, such as 15."""
        return int(self.version.partition(".")[0])

    @property
    def identity(self) -> str | None:
        """Names the server; a replica shares its primary's identifier. None if it is not told."""
        if self.system_identifier is None or not self.in_recovery:
            return self.system_identifier
        return f"{self.system_identifier}@{self.address}"


@dataclass(frozen=True)
class Table:
    """A table, a materialised view, or a partitioned table with the sums of its partitions.

    Counters since the statistics' reset; pages of 8 KiB.
    """

    oid: int
    schema: str
    name: str
    is_partitioned: bool
    seq_scan: int
    seq_tup_read: int
    idx_scan: int
    rows: int
    pages: int


@dataclass(frozen=True)
class Index:
    """An index, or a partitioned one with the sums of its partitions.

    `columns` are attribute numbers of its key, 0 for an expression; pages of 8 KiB.
    """

    oid: int
    table: int
    schema: str
    name: str
    scans: int
    tuples_read: int
    pages: int
    is_partitioned: bool
    is_unique: bool
    is_primary: bool
    is_exclusion: bool
    is_valid: bool
    is_replica_identity: bool
    is_clustered: bool
    is_partial: bool
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Column:
    """A column. `n_distinct` as pg_stats has it: negative is a share of the rows; width in bytes.

    `is_searched_by_value`: of a type whose values one looks for by equality or range.
    """

    table: int
    number: int
    name: str
    n_distinct: float | None
    null_fraction: float | None
    width: int | None
    is_searched_by_value: bool


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key's own side: attribute numbers of `table`."""

    table: int
    columns: tuple[int, ...]

    def is_served_by(self, key: tuple[int, ...]) -> bool:
        """Whether an index on `key` finds the rows that refer to one: in any order, but first."""
        return set(key[: len(self.columns)]) == set(self.columns)


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
    foreign_keys: Sequence[ForeignKey] = ()
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
