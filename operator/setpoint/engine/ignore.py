"""Findings that a resource does not want. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase

from setpoint.api.ignore import Ignore
from setpoint.engine.model import Finding


def wanted(
    findings: Iterable[Finding], ignored: Sequence[Ignore], now: datetime
) -> tuple[list[Finding], int]:
    """The findings that no entry in force names, and the number of the others."""
    in_force = [entry for entry in ignored if _is_in_force(entry, now)]
    found = list(findings)
    kept = [f for f in found if not any(_names(entry, f) for entry in in_force)]
    return kept, len(found) - len(kept)


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
        entry.object is None or fnmatchcase(finding.object, _glob(entry.object))
    )


def _glob(pattern: str) -> str:
    """With * and ? only: a bracket is a character of a name."""
    return pattern.replace("[", "[[]")
