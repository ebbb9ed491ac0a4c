"""What RDS holds in its queue, and what would come of firing it. Pure.

ApplyImmediately applies everything that is pending, not only what is sent with it (RDS's reference
of ModifyDBInstance). What costs downtime is told by its user guide, "Settings for DB instances";
what is not known from there counts as downtime.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from setpoint.database.rds.memory import RDSMemory
from setpoint.database.rds.model import CLASS, FIELDS, TYPE, RDSObserved, shown
from setpoint.database.rds.storage import needs_downtime
from setpoint.engine.window import shown as shown_time

_HARMLESS = frozenset(
    {"AllocatedStorage", "MaxAllocatedStorage", "Iops", "StorageThroughput", "MultiAZ",
     "MasterUserPassword",
     "IAMDatabaseAuthenticationEnabled", "PendingCloudwatchLogsExports", "AutomationMode",
     "ResumeFullAutomationModeTime"}
)  # fmt: skip
_BACKUP = "BackupRetentionPeriod"
_SHORT = {"instanceClass": "class", "allocatedStorage": "storage", "EngineVersion": "engine"}


def costs_downtime(observed: RDSObserved, name: str) -> bool:
    """Whether applying a pending value interrupts the database."""
    value, now = observed.pending[name], observed.current.get(name)
    if name == TYPE:
        return needs_downtime(now, value)
    if name == _BACKUP:  # between none and some backups only
        return bool(value) != bool(now)
    return name not in _HARMLESS and value != now


def would_interrupt(observed: RDSObserved, params: Mapping[str, Any]) -> list[str]:
    """Pending values that a modification sent with ApplyImmediately would fire, at the cost of
    downtime. What it sends itself takes the place of what is pending."""
    others = observed.pending.keys() - params.keys()
    return sorted(name for name in others if costs_downtime(observed, name))


def foreign(observed: RDSObserved, memory: RDSMemory, wanted: Mapping[str, Any]) -> list[str]:
    """Pending values that somebody else left there, but for what the spec wants anyway. `wanted`:
    the spec, by its own names."""

    def is_known(name: str, value: Any) -> bool:
        if name == CLASS and value == memory.queued_class:
            return True
        if any(entry.values.get(name) == value for entry in memory.sent):
            return True
        return name in FIELDS and wanted.get(FIELDS[name]) == shown(name, value)

    return sorted(name for name, value in observed.pending.items() if not is_known(name, value))


def listed(observed: RDSObserved, names: Sequence[str]) -> str:
    """Pending values in words: `EngineVersion 17.4`. Of secrets only the name."""
    secret = ("MasterUserPassword",)
    return ", ".join(
        FIELDS.get(name, name)
        + ("" if name in secret else f" {shown(name, _plain(observed.pending[name]))}")
        for name in names
    )


def queue_text(observed: RDSObserved) -> str:
    """For people in a hurry: `class, Sun 03:00`. Empty if nothing is pending."""
    if not observed.pending:
        return ""
    return in_short([FIELDS.get(n, n) for n in observed.pending], opens(observed))


def in_short(fields: Sequence[str], when: str) -> str:
    """`class+storage, Sun 03:00`."""
    return f"{'+'.join(sorted(_SHORT.get(name, name) for name in fields))}, {when}"


def opens(observed: RDSObserved) -> str:
    """When RDS's own maintenance window opens (UTC): `Sun 03:00`."""
    day, _, time = observed.maintenance_window.partition("-")[0].partition(":")
    return f"{day.capitalize()} {time}".strip()


def local(moment: datetime) -> str:
    """An opening of our window: `Sun 03:00`, and the zone where it is not UTC."""
    zone = str(moment.tzinfo)
    return shown_time(moment) if zone == str(UTC) else f"{shown_time(moment)} {zone}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int) else "(changed)"
