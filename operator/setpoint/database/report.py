"""Status of a DBTuning. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from setpoint.api.base import Mode
from setpoint.api.dbtuning import DatabaseStatus, DBTuningSpec, DBTuningStatus, Postgres
from setpoint.api.indexes import IndexAdvice, SuggestedIndex
from setpoint.api.rds import RDSStatus
from setpoint.database.indexes.model import Advice
from setpoint.database.memory import Memory
from setpoint.database.model import Observed, Snapshot
from setpoint.database.rds.decide import decide
from setpoint.database.rds.memory import RDSMemory
from setpoint.database.rds.report import report as report_rds
from setpoint.database.rules.advice import mebibytes
from setpoint.engine.conditions import wire_time


def report(
    spec: DBTuningSpec,
    observed: Observed,
    memory: Memory,
    previous: Mapping[str, Any],
    now: datetime,
) -> DBTuningStatus:
    """The kind's own part of status; of a part that could not be observed, what was known."""
    return DBTuningStatus(
        rds=_rds(spec, observed, memory.rds, previous, now) if spec.rds else None,
        server_version=_version(observed, previous) if spec.postgres else None,
        databases=_databases(spec.postgres, observed, previous) if spec.postgres else [],
        indexes=_indexes(spec, observed, previous),
        baseline=memory.postgres.persisted if spec.postgres else None,
    )


_BUDGET = 3 * 1024
"""Bytes of status that advice may take: the plan, the instance and the rest have theirs."""


def _indexes(
    spec: DBTuningSpec, observed: Observed, previous: Mapping[str, Any]
) -> list[IndexAdvice] | None:
    """Advice by database: what is known, where there is none that is newer."""
    if spec.indexes is None or spec.postgres is None:
        return None
    known = [IndexAdvice.model_validate(entry) for entry in previous.get("indexes") or ()]
    wanted = set(spec.postgres.databases)
    found = {e.database: e for e in known if not wanted or e.database in wanted}
    for snapshot in observed.snapshots:
        if snapshot.advice is not None and snapshot.advised_at is not None:
            found[snapshot.database] = _advice(snapshot, snapshot.advice, snapshot.advised_at)
    return _within_budget([found[name] for name in sorted(found)]) or None


def _advice(snapshot: Snapshot, advice: Advice, made_at: datetime) -> IndexAdvice:
    return IndexAdvice(
        database=snapshot.database,
        made_at=wire_time(made_at),
        relative_cost=f"{advice.relative_cost:.0%}" if advice.is_validated else None,
        analysed=advice.analysed,
        not_analysable=len(advice.not_analysable),
        total=len(advice.suggestions),
        suggestions=[
            SuggestedIndex(
                name=suggestion.name,
                table=suggestion.table,
                sql=suggestion.ddl[0],
                size=mebibytes(suggestion.size),
                saves=f"{suggestion.saves:.0%}",
                statements=len(suggestion.helps),
                confidence=suggestion.confidence,
            )
            for suggestion in advice.suggestions[:_SHOWN]
            if len(suggestion.ddl[0]) <= _SQL
        ],
    )


_SHOWN = 5
_SQL = 600


def _within_budget(found: list[IndexAdvice]) -> list[IndexAdvice]:
    """The least useful suggestions of all go first; the numbers stay."""
    while sum(len(entry.model_dump_json(by_alias=True)) for entry in found) > _BUDGET:
        longest = max(range(len(found)), key=lambda n: (len(found[n].suggestions), n))
        if not found[longest].suggestions:
            break
        shorter = found[longest].suggestions[:-1]
        found[longest] = found[longest].model_copy(update={"suggestions": shorter})
    return found


def _version(observed: Observed, previous: Mapping[str, Any]) -> str | None:
    if observed.snapshots:
        return observed.snapshots[0].server.version
    return previous.get("serverVersion")


def _databases(
    spec: Postgres, observed: Observed, previous: Mapping[str, Any]
) -> list[DatabaseStatus]:
    seen = {snapshot.database: _database(snapshot) for snapshot in observed.snapshots}
    if observed.failures:
        known = (DatabaseStatus.model_validate(entry) for entry in previous.get("databases") or ())
        wanted = set(spec.databases)
        seen = {e.name: e for e in known if not wanted or e.name in wanted} | seen
    return [seen[name] for name in sorted(seen)]


def _rds(
    spec: DBTuningSpec,
    observed: Observed,
    memory: RDSMemory,
    previous: Mapping[str, Any],
    now: datetime,
) -> RDSStatus | None:
    if spec.rds is not None and observed.rds is not None:
        waits = spec.mode is not Mode.OBSERVE
        waiting = decide(spec.rds, observed.rds, memory, now).waiting if waits else ""
        return report_rds(observed.rds, memory, waiting, now)
    known = previous.get("rds")
    return RDSStatus.model_validate(known) if known else None


def _database(snapshot: Snapshot) -> DatabaseStatus:
    return DatabaseStatus(
        name=snapshot.database,
        tables=len(snapshot.tables),
        stats_since=wire_time(snapshot.stats_since),
    )
