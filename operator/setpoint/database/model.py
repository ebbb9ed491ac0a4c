"""A database as plain values: what the rules look at."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile

from setpoint.database.indexes.model import Advice
from setpoint.database.rds.model import RDSObserved
from setpoint.engine.failure import Failure

PAGE_BYTES = 8192
"""Postgres' own block size, of every server that anybody runs."""

MIB_PAGES = 128
"""Pages in 1 MiB."""

_BLOCKS_OF_ROW = 3
"""At most, for one that is written or fetched: its own, its new version's, the free space's."""


def parameter(options: Mapping[str, str], name: str, default: float) -> float:
    """A storage parameter that is a number, as Postgres reads it: `70`, `70.0`, `7e1` and `0x46`.

    The catalog keeps them as they were written.
    """
    text = options.get(name, "").strip()
    for read in (_whole, float):
        with contextlib.suppress(ValueError, OverflowError):
            return float(read(text))
    return default


def _whole(text: str) -> int:
    return int(text, 0)


def is_switched_off(options: Mapping[str, str], name: str) -> bool:
    """Whether a storage parameter says no: `false`, `OFF`, `no` and `0`, or how they begin."""
    text = options.get(name, "").strip().lower()
    return text in _NO


_NO = frozenset({"0", "f", "fa", "fal", "fals", "false", "n", "no", "of", "off"})


@dataclass(frozen=True)
class Server:
    """The Postgres server, and what our role may see of it.

    `unread_schemas` have tables that our role may not read, and so not the statistics of their
    columns either. `address` is what the server takes itself to be reached at. `standbys` stream
    from it. `closed_schema` has pg_stat_statements, out of our role's reach. `settings`
    are numbers in bytes, milliseconds or as they are; switches are 0 and 1.
    """

    version: str
    role: str
    system_identifier: str | None
    address: str
    in_recovery: bool
    sees_activity: bool
    unread_schemas: Sequence[str] = ()
    closed_schema: str | None = None
    standbys: int = 0
    connections: int = 0
    settings: Mapping[str, float] = field(default_factory=dict)

    @property
    def major(self) -> int:
        """The major version, such as 15; also of 19beta1."""
        return int("".join(takewhile(str.isdecimal, self.version)) or 0)

    @property
    def identity(self) -> str | None:
        """Names the server; a replica shares its primary's identifier. None if it is not told."""
        if self.system_identifier is None or not self.in_recovery:
            return self.system_identifier
        return f"{self.system_identifier}@{self.address}"


@dataclass(frozen=True, slots=True)
class Database:
    """A database of the server, as every database of it shows it.

    Ages in transactions; blocks of 8 KiB since the statistics' reset.
    """

    name: str
    transaction_age: int
    multixact_age: int
    connections: int
    connection_limit: int
    blocks_hit: int
    blocks_read: int


@dataclass(frozen=True, slots=True)
class Part:
    """Where rows are: a plain table, a materialised view, or one partition.

    Counters since the statistics' reset; `modified` since the last ANALYZE, `inserted` since the
    last VACUUM; `added`, `updated` and `removed` are all rows ever.
    `blocks` were read for all of it, `fetched` are rows that indexes led to.
    `counted_rows` (negative: never), `counted_pages` and, of them, `visible_pages` are the
    catalog's, as the last VACUUM, ANALYZE or CREATE INDEX left them. `options` are the storage
    parameters that are set. A table with row security `hides_statistics` of its columns from all
    but its owner.
    """

    oid: int
    schema: str
    name: str
    seq_scan: int
    seq_tup_read: int
    live: int
    dead: int
    modified: int
    inserted: int
    added: int
    updated: int
    removed: int
    counted_rows: float
    counted_pages: int
    transaction_age: int
    multixact_age: int
    analyzed_at: datetime | None
    vacuumed_at: datetime | None
    hides_statistics: bool
    options: Mapping[str, str]
    blocks: int = 0
    fetched: int = 0
    visible_pages: int = 0

    @property
    def rows(self) -> int:
        """The best guess: the counters start from 0 at a reset, the catalog may be old."""
        return max(self.live, int(self.counted_rows), 0)

    @property
    def pages(self) -> int:
        """Never vacuumed nor analysed, the catalog has no pages yet, however many rows there are.

        28 bytes is the least a row takes: its header and its line pointer (documentation, 73.6).
        And a sequential scan reads no more blocks than there are: those that no single row
        accounts for, written or found by an index, were read by scans.
        """
        if self.counted_pages:
            return max(self.counted_pages, self.live * 28 // PAGE_BYTES)
        by_rows = _BLOCKS_OF_ROW * (self.added + self.updated + self.removed + self.fetched)
        scanned = (self.blocks - by_rows) // max(self.seq_scan, 1)
        return max(scanned if self.live else 0, self.live * 28 // PAGE_BYTES)

    def unseen(self, changes: int) -> int:
        """Of the changes counted since the last ANALYZE or VACUUM, those that it cannot have seen.

        A session tells the server of its changes up to a second late: those of a load that is
        analysed at once count as made since, and so do deletes. Then it counted as many rows as
        there are with all of them; had they come later, it would have counted others. And rows
        that it counted were there, so their inserts came before.
        """
        if self._saw_all(changes):
            return 0
        if changes >= self.added >= self.counted_rows > 0:
            return changes - int(self.counted_rows)
        return changes

    def _saw_all(self, changes: int) -> bool:
        left = self.added - self.removed
        return (
            changes in (self.added, self.removed, self.added + self.removed)
            and not self.updated
            and abs(left - self.counted_rows) <= left / 100
        )

    @property
    def dead_rows(self) -> int:
        """Dead rows, without those that VACUUM removed before the server was told of them.

        It left no dead row behind if it found nearly all pages visible to everybody.
        """
        is_clean = self.vacuumed_at is not None and self.visible_pages >= 0.9 * self.counted_pages
        is_late = is_clean and self.dead == self.removed and self._saw_all(self.modified)
        return 0 if is_late else self.dead


@dataclass(frozen=True)
class Table:
    """A table, a materialised view, or a partitioned table with all its partitions.

    `idx_scan` is of all its indexes together.
    """

    oid: int
    schema: str
    name: str
    is_partitioned: bool
    parts: Sequence[Part]
    idx_scan: int = 0

    @cached_property
    def seq_scan(self) -> int:
        """Sequential scans since the statistics' reset."""
        return sum(part.seq_scan for part in self.parts)

    @cached_property
    def seq_tup_read(self) -> int:
        """Rows that they read."""
        return sum(part.seq_tup_read for part in self.parts)

    @cached_property
    def rows(self) -> int:
        """Live rows, about."""
        return sum(part.rows for part in self.parts)

    @cached_property
    def pages(self) -> int:
        """Pages, about; without TOAST."""
        return sum(part.pages for part in self.parts)


@dataclass(frozen=True, slots=True)
class Index:
    """An index, or a partitioned one with the sums of its partitions.

    `key` are attribute numbers, 0 for an expression, `included` those of INCLUDE; `classes`,
    `collations` and `orders` go with `key`. `expressions`, one for each 0, and `predicate` are
    digests, empty without. `not_null` is the column of a predicate that says no more than that it
    is not null. `is_attached`: it is a partition's part of a partitioned one. `parameters` are
    those of operator classes and of BRIN that make it another index.
    """

    oid: int
    table: int
    schema: str
    name: str
    method: str
    scans: int
    tuples_read: int
    pages: int
    rows: float
    is_partitioned: bool
    is_unique: bool
    is_primary: bool
    is_exclusion: bool
    is_valid: bool
    is_building: bool
    is_replica_identity: bool
    is_clustered: bool
    is_immediate: bool
    nulls_not_distinct: bool
    constraint: str | None
    is_referenced: bool
    key: tuple[int, ...]
    included: tuple[int, ...] = ()
    classes: tuple[int, ...] = ()
    collations: tuple[int, ...] = ()
    orders: tuple[int, ...] = ()
    expressions: tuple[str, ...] = ()
    predicate: str = ""
    not_null: int | None = None
    parameters: str = ""
    fillfactor: int = 90
    is_attached: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `n_distinct` as pg_stats has it: negative is a share of the rows; width in bytes.

    `is_searched_by_value`: of a type whose values one looks for by equality or range. `length` is
    the type's, -1 where values differ; `alignment` in bytes. `is_out_of_line`: its values are so
    wide that the table has pointers to most, and only `width` of those is known; an index has them
    all.
    """

    table: int
    number: int
    name: str
    n_distinct: float | None
    null_fraction: float | None
    width: int | None
    is_searched_by_value: bool
    length: int
    alignment: int
    is_out_of_line: bool | None = False


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key's own side: attribute numbers of `table`; `referenced` is the other table.

    `parent` is the oid of the one of which it is a partition's part, else 0. `collations` go with
    `columns`.
    """

    name: str
    table: int
    referenced: int
    columns: tuple[int, ...]
    oid: int = 0
    parent: int = 0
    collations: tuple[int, ...] = ()

    def is_served_by(self, index: Index) -> bool:
        """Whether `index` finds the rows that refer to one: its columns in any order, but first.

        Of the partial ones only those that leave out nothing but nulls, which refer to nothing;
        none of another collation than the column's, for the planner takes none. A GiST index of
        such a column is that of an exclusion constraint, and finds equal values too.
        """
        if not index.is_valid or index.method not in ("btree", "hash", "gist"):
            return False
        if index.predicate and index.not_null not in self.columns:
            return False
        own = dict(zip(self.columns, self.collations, strict=False))
        if any(own.get(n, c) != c for n, c in zip(index.key, index.collations, strict=False)):
            return False
        return set(index.key[: len(self.columns)]) == set(self.columns)


@dataclass(frozen=True, slots=True)
class SequenceUse:
    """A sequence that was used. `limit` is where it ends: its own end, or its column's type's;
    `begin` the other end of its range, wherever it started in it."""

    schema: str
    name: str
    begin: int
    last: int
    limit: int
    column: str | None
    """The column whose type ends before the sequence does."""

    @property
    def used(self) -> float:
        """Share of its values that are gone, 0 to 1 (more where the type ended long ago)."""
        return abs(self.last - self.begin) / max(abs(self.limit - self.begin), 1)


@dataclass(frozen=True, slots=True)
class Session:
    """A client's session that is in a transaction, or a prepared transaction (pid 0).

    Seconds; `waits_for_lock` is None unless it waits, `blockers` are pids.
    """

    pid: int
    user: str
    application: str
    is_idle: bool
    in_transaction: float
    in_state: float
    waits_for_lock: float | None = None
    blockers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of pg_stat_statements, normalised; milliseconds. `share` of all time, 0 to 1."""

    id: int
    text: str
    calls: int
    mean: float
    total: float
    rows: int
    share: float


@dataclass(frozen=True, slots=True)
class TableWindow:
    """What happened to a table while it was watched, for so many seconds."""

    seconds: float
    seq_scan: int
    seq_tup_read: int
    idx_scan: int


@dataclass(frozen=True)
class Window:
    """What happened since an earlier look of our own: differences, so no reset can fool them."""

    seconds: float
    tables: Mapping[int, TableWindow]
    blocks_hit: int = 0
    blocks_read: int = 0


@dataclass(frozen=True)
class Snapshot:
    """One database at one moment. `stats_reset` is None where nobody ever reset its statistics.

    `attached` are parts of partitioned indexes, of partitions that have indexes of their own.
    """

    server: Server
    database: str
    stats_since: datetime
    taken_at: datetime
    tables: Sequence[Table]
    indexes: Sequence[Index]
    attached: Sequence[Index] = ()
    stats_reset: datetime | None = None
    columns: Sequence[Column] = ()
    foreign_keys: Sequence[ForeignKey] = ()
    sequences: Sequence[SequenceUse] = ()
    sessions: Sequence[Session] = ()
    statements: Sequence[Statement] = ()
    databases: Sequence[Database] = ()
    analysed: frozenset[str] = frozenset()
    """Databases of the server that are looked into at the same time."""
    tls_verified: bool = True
    is_cut: bool = False
    """There are more relations than are looked at."""
    unseen_replicas: int = 0
    """Replicas of spec.postgres.replicas that could not be asked."""
    seen_replicas: int = 0
    memory: int | None = None
    """GiB of the server's machine, as far as the resource says."""
    advice: Advice | None = None
    """Index advice, where it was asked for and is there."""
    advised_at: datetime | None = None
    """When it was made."""
    window: Window | None = None
    """What happened since an earlier look; None while it is still being collected."""

    @property
    def stats_age(self) -> timedelta:
        """For how long the statistics have counted, as far as Postgres tells."""
        return self.taken_at - self.stats_since

    @property
    def itself(self) -> Database | None:
        """The database that was looked at, among the server's."""
        return next((d for d in self.databases if d.name == self.database), None)

    @cached_property
    def columns_of(self) -> Mapping[int, Sequence[Column]]:
        """Columns by table, in their order; only of tables that are worth the look."""
        by_table: dict[int, list[Column]] = {}
        for column in self.columns:
            by_table.setdefault(column.table, []).append(column)
        return by_table

    @cached_property
    def indexes_of(self) -> Mapping[int, Sequence[Index]]:
        """Indexes by table."""
        by_table: dict[int, list[Index]] = {}
        for index in self.indexes:
            by_table.setdefault(index.table, []).append(index)
        return by_table

    @cached_property
    def siblings_of(self) -> Mapping[int, Sequence[Index]]:
        """Indexes by table; those too that a partition has of its root's."""
        by_table: dict[int, list[Index]] = {}
        for index in (*self.indexes, *self.attached):
            by_table.setdefault(index.table, []).append(index)
        return by_table

    @cached_property
    def table_of(self) -> Mapping[int, Table]:
        """Tables by their own oid and by those of their partitions."""
        own = {table.oid: table for table in self.tables}
        return own | {part.oid: table for table in self.tables for part in table.parts}

    @cached_property
    def foreign_keys_of(self) -> Mapping[int, Sequence[ForeignKey]]:
        """Foreign keys by the table that has them."""
        by_table: dict[int, list[ForeignKey]] = {}
        for key in self.foreign_keys:
            by_table.setdefault(key.table, []).append(key)
        return by_table


@dataclass(frozen=True)
class Observed:
    """What could be seen of a DBTuning's targets, and what could not.

    `targets` are their names, those too that cannot be looked at now and were known before.
    """

    rds: RDSObserved | None
    snapshots: Sequence[Snapshot]
    failures: Sequence[Failure]
    targets: Sequence[str] = ()
    advising: bool = False
    """Whether index advice is being made just now."""
