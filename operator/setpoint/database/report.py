"""Status of a DBTuning. Pure."""

from collections.abc import Mapping
from typing import Any

from setpoint.api.dbtuning import DatabaseStatus, DBTuningStatus, RDSStatus
from setpoint.database.model import Observed, Snapshot
from setpoint.database.rds.report import report as report_rds
from setpoint.engine.conditions import wire_time


def report(observed: Observed, previous: Mapping[str, Any]) -> DBTuningStatus:
    """The kind's own part of status; of a part that could not be observed, what was known."""
    rds = previous.get("rds")
    known = {entry["name"]: entry for entry in previous.get("databases") or ()}
    seen = {snapshot.database: _database(snapshot) for snapshot in observed.snapshots}
    if observed.failures:
        kept = {name: DatabaseStatus.model_validate(entry) for name, entry in known.items()}
        seen = {**kept, **seen}
    version = previous.get("serverVersion")
    return DBTuningStatus(
        rds=report_rds(observed.rds)
        if observed.rds
        else (RDSStatus.model_validate(rds) if rds else None),
        server_version=observed.snapshots[0].server.version if observed.snapshots else version,
        databases=[seen[name] for name in sorted(seen)],
    )


def _database(snapshot: Snapshot) -> DatabaseStatus:
    return DatabaseStatus(
        name=snapshot.database,
        tables=len(snapshot.tables),
        stats_since=wire_time(snapshot.stats_since),
    )
