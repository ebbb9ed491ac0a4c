"""Indexes that nobody reads, that another one makes superfluous, or that are no use. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence, Severity
from setpoint.database.identifiers import qualified, quote
from setpoint.database.model import MIB_PAGES, Index, Snapshot, Table
from setpoint.database.rules.words import mebibytes, when
from setpoint.engine.model import Finding

_LEFTOVER = re.compile(r"_cc(new|old)[0-9]*$")
"""What REINDEX CONCURRENTLY calls its copies, with a number where the name is taken."""

_RESET = timedelta(hours=1)
"""An hour after a reset, that an index has no scan says nothing yet."""


def unused_indexes(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Never scanned, never read, and nothing but reads could need it.

    Silent just after a reset of the statistics or a crash, while a replica cannot be asked, and for
    tables of one page, where no index is ever used. Info only, where the statistics are young, the
    index is small, or the server is a replica: its primary may well use the index.
    """
    if _is_young(snapshot, snapshot.stats_reset) or snapshot.unseen_replicas:
        return
    is_old = snapshot.stats_age >= analysis.unused_index_age
    others = snapshot.server.standbys > snapshot.seen_replicas or snapshot.server.in_recovery
    heirs = _heirs(snapshot)
    for index in snapshot.indexes:
        if _is_used(index) or index.oid in heirs or _is_needed(index, snapshot):
            continue
        table = snapshot.table_of.get(index.table)
        if table is not None and (table.pages <= 1 or _were_lost(table, snapshot)):
            continue
        is_warning = is_old and not others and index.pages >= MIB_PAGES
        yield Finding(
            id="UnusedIndex",
            object=qualified(index.schema, index.name),
            severity=Severity.WARNING if is_warning else Severity.INFO,
            message="no query has used this index, while every write pays for it",
            evidence=(
                f"0 scans since {when(snapshot.stats_since)} "
                f"({snapshot.stats_age.days} days), {mebibytes(index.pages)}"
            ),
            remedy=_unused_remedy(index, snapshot),
            sql=[_drop(index)],
            magnitude=float(max(index.pages, 1)),
            confidence=_confidence(is_sure=is_old and not others),
        )


def _is_used(index: Index) -> bool:
    return bool(index.scans or index.tuples_read)


def _heirs(snapshot: Snapshot) -> set[int]:
    """Indexes that are to serve the reads of a superfluous one: of twins, the planner uses one."""
    found: set[int] = set()
    for index in snapshot.indexes:
        heir = _lesser(index, snapshot) if _is_used(index) else None
        while heir is not None and heir.oid not in found:
            found.add(heir.oid)
            heir = _lesser(heir, snapshot)
    return found


def _confidence(*, is_sure: bool) -> Confidence:
    return Confidence.HIGH if is_sure else Confidence.LOW


def _is_young(snapshot: Snapshot, since: datetime | None) -> bool:
    return since is not None and snapshot.taken_at - since < _RESET


def _were_lost(table: Table, snapshot: Snapshot) -> bool:
    """Whether the counters are young and know nothing of how the rows came: a crash has emptied
    them, which no stats_reset tells. On a replica they never count a row."""
    if snapshot.server.in_recovery or not _is_young(snapshot, snapshot.stats_since):
        return False
    return any(part.rows and not part.added for part in table.parts)


def _is_needed(index: Index, snapshot: Snapshot) -> bool:
    """Whether it serves something that its number of scans does not show."""
    return (
        _is_kept(index)
        or index.is_unique
        or not index.is_valid
        or _serves_foreign_key(index, snapshot)
        or _lesser(index, snapshot) is not None
    )


def _serves_foreign_key(index: Index, snapshot: Snapshot) -> bool:
    """Whether it finds the rows that refer to one, or some of its columns do for want of better."""
    for key in snapshot.foreign_keys_of.get(index.table, ()):
        if key.is_served_by(index):
            return True
        is_start = index.method in ("btree", "hash") and not index.predicate
        if is_start and index.key[0] in key.columns:
            others = snapshot.siblings_of[index.table]
            if not any(key.is_served_by(other) for other in others):
                return True
    return False


def _is_kept(index: Index) -> bool:
    """Whether something else than queries rests on this very index."""
    return (
        index.is_primary
        or index.is_exclusion
        or index.constraint is not None
        or index.is_referenced
        or index.is_replica_identity
        or index.is_clustered
    )


def _unused_remedy(index: Index, snapshot: Snapshot) -> str:
    if snapshot.server.in_recovery:
        text = "drop it on the primary, if the primary, other replicas and rare reports"
        text += " do not use it either: this server's statistics do not see them"
    elif snapshot.server.standbys > snapshot.seen_replicas:
        text = (
            f"{snapshot.server.standbys} replicas stream from this server and may use it: name "
            "them in spec.postgres.replicas, and drop it if it stays unused"
        )
    else:
        text = "drop it, if rare reports do not use it either"
    return text + _locks(index)


def duplicate_indexes(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Two indexes of the same definition: the one that nothing rests on is superfluous."""
    for index in snapshot.indexes:
        keeper = _double(index, snapshot)
        if keeper is None:
            continue
        yield Finding(
            id="DuplicateIndex",
            object=qualified(index.schema, index.name),
            severity=Severity.WARNING,
            message="another index of the table has the same definition; every write pays twice",
            evidence=f"same as {qualified(keeper.schema, keeper.name)}, {mebibytes(index.pages)}",
            remedy=f"drop it and keep {qualified(keeper.schema, keeper.name)}"
            + (_REFERRED if index.is_referenced else _locks(index)),
            sql=[] if index.is_referenced else [_drop_for_good(index, snapshot)],
            magnitude=float(max(index.pages, 1)),
        )


_REFERRED = ": foreign keys hold on to it, so drop and add them again first, for the other one"


def redundant_indexes(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """A btree whose key is where another one's begins."""
    for index in snapshot.indexes:
        longer = None if _double(index, snapshot) else _longer(index, snapshot)
        if longer is None:
            continue
        yield Finding(
            id="RedundantIndex",
            object=qualified(index.schema, index.name),
            severity=Severity.INFO if index.pages < MIB_PAGES else Severity.WARNING,
            message="another index of the table begins with the same columns and serves its reads",
            evidence=(
                f"{qualified(longer.schema, longer.name)} begins with its {len(index.key)} "
                f"columns; {mebibytes(index.pages)} of {mebibytes(longer.pages)}, "
                f"{index.scans} scans since {when(snapshot.stats_since)}"
            ),
            remedy=f"drop it, for {qualified(longer.schema, longer.name)} does its work, unless "
            "its smaller size matters to hot queries" + _locks(index),
            sql=[_drop(index)],
            magnitude=float(max(index.pages, 1)),
            confidence=Confidence.MEDIUM,
        )


def invalid_indexes(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """What a failed CREATE INDEX CONCURRENTLY leaves: it costs every write and serves no read."""
    for index in snapshot.indexes:
        if index.is_valid or index.is_building:
            continue
        name = qualified(index.schema, index.name)
        is_certain = snapshot.server.sees_activity
        sql = [f"REINDEX INDEX CONCURRENTLY {name}"]
        remedy = "build it anew, or drop it"
        if index.is_exclusion:
            sql = [f"REINDEX INDEX {name}"]
            remedy = "build it anew; that of an exclusion constraint locks the table meanwhile"
        elif _LEFTOVER.search(index.name):
            sql = [f"DROP INDEX CONCURRENTLY {name}"]
            remedy = "drop it: a REINDEX CONCURRENTLY left it behind"
        if index.is_partitioned:
            sql = []
            remedy = "create the index on the partitions without it, and attach it to this one"
        yield Finding(
            id="InvalidIndex",
            object=name,
            severity=Severity.INFO if index.is_partitioned else Severity.WARNING,
            message="the index is not valid: no query can use it, and writes may pay for it",
            evidence=(
                "indisvalid is false, and it is not being built"
                if is_certain
                else "indisvalid is false; whether it is being built is not seen"
            ),
            remedy=remedy,
            sql=sql,
            magnitude=float(max(index.pages, 1)),
            confidence=Confidence.HIGH if is_certain else Confidence.LOW,
        )


def _siblings(index: Index, snapshot: Snapshot) -> Iterable[Index]:
    return (
        other
        for other in snapshot.siblings_of[index.table]
        if other is not index and other.is_valid and other.method == index.method
    )


def _double(index: Index, snapshot: Snapshot) -> Index | None:
    """The index of the same definition that stays, if this one is to go."""
    if not index.is_valid:
        return None
    for other in _siblings(index, snapshot):
        if other.key != index.key or _definition(other) != _definition(index):
            continue
        if not _serves_uniqueness(other, index):
            continue
        if other.is_attached:  # it goes only with its root
            return other
        if not _serves_uniqueness(index, other) or _rank(other) < _rank(index):
            return other
    return None


def _definition(index: Index) -> Sequence[object]:
    return (
        index.key, tuple(sorted(index.included)), index.classes, index.collations, index.orders,
        index.expressions, index.predicate, index.parameters,
    )  # fmt: skip


def _serves_uniqueness(other: Index, index: Index) -> bool:
    """Whether `other` enforces what `index` does."""
    if index.is_exclusion:
        return False
    if not index.is_unique:
        return True
    return (
        other.is_unique
        and other.is_immediate == index.is_immediate
        and other.nulls_not_distinct == index.nulls_not_distinct
    )


def _rank(index: Index) -> tuple[object, ...]:
    """Of two alike, the one that comes first stays."""
    return (
        not index.is_primary, not index.is_referenced, index.constraint is None,
        not index.is_replica_identity, not index.is_clustered, index.oid,
    )  # fmt: skip


def _longer(index: Index, snapshot: Snapshot) -> Index | None:
    """An index that begins like this one and goes on, where nothing rests on this one."""
    if index.method != "btree" or index.is_unique or _is_kept(index) or not index.is_valid:
        return None
    length = len(index.key)
    found = [
        other
        for other in _siblings(index, snapshot)
        if len(other.key) >= length
        and (len(other.key) > length or set(other.included) > set(index.included))
        and other.key[:length] == index.key
        and other.classes[:length] == index.classes
        and other.collations[:length] == index.collations
        and other.orders[:length] == index.orders
        and other.predicate == index.predicate
        and set(index.included) <= {*other.key, *other.included}
        and _same_expressions(index, other)
    ]
    return min(found, key=lambda other: (len(other.key), other.oid), default=None)


def _same_expressions(index: Index, other: Index) -> bool:
    return index.expressions == other.expressions[: len(index.expressions)]


def _lesser(index: Index, snapshot: Snapshot) -> Index | None:
    """The one that makes this one superfluous: its own finding says more than being unused."""
    return _double(index, snapshot) or _longer(index, snapshot)


def _locks(index: Index) -> str:
    if index.is_partitioned:
        return ". A partitioned index cannot be dropped concurrently: its tables are locked"
    return ""


def _drop(index: Index) -> str:
    how = "INDEX" if index.is_partitioned else "INDEX CONCURRENTLY"
    return f"DROP {how} {qualified(index.schema, index.name)}"


def _drop_for_good(index: Index, snapshot: Snapshot) -> str:
    table = snapshot.table_of.get(index.table)
    if index.constraint is None or table is None:
        return _drop(index)
    name = qualified(table.schema, table.name)
    return f"ALTER TABLE {name} DROP CONSTRAINT {quote(index.constraint)}"
