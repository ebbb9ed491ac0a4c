"""Indexes that nobody reads. Pure."""

from collections.abc import Iterable
from datetime import timedelta

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import qualified
from setpoint.database.model import Index, Snapshot
from setpoint.engine.model import Finding

TRUSTED_AGE = timedelta(days=7)
"""Below this age of the statistics, an index may just not have had its day yet."""

_SMALL = 1024 * 1024


def unused_indexes(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Never scanned, never read, and nothing but reads could need it."""
    foreign = {(owner, columns) for owner, columns in snapshot.foreign_keys}
    for index in snapshot.indexes:
        if index.scans or index.tuples_read or _is_needed(index, foreign):
            continue
        is_sure = snapshot.stats_age >= TRUSTED_AGE and index.size >= _SMALL
        name = qualified(index.schema, index.name)
        yield Finding(
            id="UnusedIndex",
            object=name,
            severity=Severity.WARNING if is_sure else Severity.INFO,
            message="no query has used this index, while every write pays for it",
            evidence=(
                f"0 scans since {snapshot.stats_since:%Y-%m-%d %H:%M} UTC, "
                f"{index.size / 1048576:.1f} MiB"
            ),
            remedy=(
                "drop it, if replicas and rare reports do not use it either: this server's "
                "statistics do not see them"
            ),
            sql=[f"DROP INDEX CONCURRENTLY {name}"],
            magnitude=float(max(index.size, 1)),
        )


def _is_needed(index: Index, foreign: set[tuple[int, tuple[int, ...]]]) -> bool:
    """Whether it serves something that its number of scans does not show."""
    supports_foreign_key = any(
        owner == index.table and set(index.columns[: len(columns)]) == set(columns)
        for owner, columns in foreign
    )
    return (
        index.is_unique
        or index.is_primary
        or index.is_exclusion
        or index.is_replica_identity
        or index.is_clustered
        or not index.is_valid
        or index.is_partition
        or supports_foreign_key
    )
