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

SMALL_PAGES = 128
"""1 MiB: below it, an index costs little."""


def unused_indexes(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Never scanned, never read, and nothing but reads could need it.

    Info only, where the statistics are young, the index is small, or the server is a replica: its
    primary may well use the index.
    """
    is_sure = snapshot.stats_age >= TRUSTED_AGE and not snapshot.server.in_recovery
    for index in snapshot.indexes:
        if index.scans or index.tuples_read or _is_needed(index, snapshot):
            continue
        is_warning = is_sure and index.pages >= SMALL_PAGES
        yield Finding(
            id="UnusedIndex",
            object=qualified(index.schema, index.name),
            severity=Severity.WARNING if is_warning else Severity.INFO,
            message="no query has used this index, while every write pays for it",
            evidence=(
                f"0 scans since {snapshot.stats_since:%Y-%m-%d %H:%M} UTC, "
                f"{index.pages / 128:.1f} MiB"
            ),
            remedy=_remedy(index, snapshot),
            sql=[_statement(index)],
            magnitude=float(max(index.pages, 1)),
        )


def _is_needed(index: Index, snapshot: Snapshot) -> bool:
    """Whether it serves something that its number of scans does not show."""
    return (
        index.is_unique
        or index.is_primary
        or index.is_exclusion
        or index.is_replica_identity
        or index.is_clustered
        or not index.is_valid
        or any(
            key.table == index.table and key.is_served_by(index.columns)
            for key in snapshot.foreign_keys
        )
    )


def _remedy(index: Index, snapshot: Snapshot) -> str:
    if snapshot.server.in_recovery:
        text = "drop it on the primary, if the primary, other replicas and rare reports"
    else:
        text = "drop it, if replicas and rare reports"
    text += " do not use it either: this server's statistics do not see them"
    if index.is_partitioned:
        text += ". A partitioned index cannot be dropped concurrently: its tables are locked"
    return text


def _statement(index: Index) -> str:
    how = "INDEX" if index.is_partitioned else "INDEX CONCURRENTLY"
    return f"DROP {how} {qualified(index.schema, index.name)}"
