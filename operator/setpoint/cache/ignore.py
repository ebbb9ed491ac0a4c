"""Findings that a resource does not want. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase

from setpoint.api.ignore import Ignore
from setpoint.engine.model import Finding


def wanted(findings: Iterable[Finding], ignored: Sequence[Ignore], now: datetime) -> list[Finding]:
    """The findings that no entry in force names."""
    in_force = [entry for entry in ignored if _is_in_force(entry, now)]
    return [f for f in findings if not any(_names(entry, f) for entry in in_force)]


def _is_in_force(entry: Ignore, now: datetime) -> bool:
    """Through its last day; a day that the calendar does not have has passed."""
    if entry.until is None:
        return True
    try:
        return now.date() <= date.fromisoformat(entry.until)
    except ValueError:
        return False


def _names(entry: Ignore, finding: Finding) -> bool:
    return (entry.finding is None or entry.finding == finding.id) and (
        entry.object is None or fnmatchcase(finding.object, entry.object.replace("[", "[[]"))
    )
