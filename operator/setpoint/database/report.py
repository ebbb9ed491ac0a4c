"""Status of a DBTuning. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from setpoint.api.base import Mode
from setpoint.api.dbtuning import DatabaseStatus, DBTuningSpec, DBTuningStatus, Postgres
from setpoint.api.rds import RDSStatus
from setpoint.database.memory import Memory
from setpoint.database.model import Observed, Snapshot
from setpoint.database.rds.report import report as report_rds
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
        rds=_rds(spec, observed, memory, previous, now) if spec.rds else None,
        server_version=_version(observed, previous) if spec.postgres else None,
        databases=_databases(spec.postgres, observed, previous) if spec.postgres else [],
        baseline=memory.postgres.persisted if spec.postgres else None,
    )


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
    memory: Memory,
    previous: Mapping[str, Any],
    now: datetime,
) -> RDSStatus | None:
    if spec.rds is not None and observed.rds is not None:
        waiting = memory.waiting if spec.mode is not Mode.OBSERVE else ""
        return report_rds(observed.rds, memory.rds, waiting, now)
    known = previous.get("rds")
    return RDSStatus.model_validate(known) if known else None


def _database(snapshot: Snapshot) -> DatabaseStatus:
    return DatabaseStatus(
        name=snapshot.database,
        tables=len(snapshot.tables),
        stats_since=wire_time(snapshot.stats_since),
    )
