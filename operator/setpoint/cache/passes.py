"""Passes of the default TTL over the keys: when one begins, and where it is. Pure."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from setpoint.api.cachetuning import DefaultTTL, SweepPhase, SweepStatus
from setpoint.engine.conditions import read_time

MIN_EVERY = timedelta(hours=1)
"""A pass is not repeated more often, however short the TTL."""


@dataclass(frozen=True)
class Position:
    """Where a pass is: the run it belongs to, the database, and SCAN's cursor in it."""

    run_id: str
    database: int
    cursor: int = 0

    @classmethod
    def read(cls, text: str) -> "Position | None":
        """From status; None for anything that `str` did not write."""
        parts = text.split(":")
        if len(parts) != 3 or not parts[1].isdecimal() or not parts[2].isdecimal():
            return None
        return cls(parts[0], int(parts[1]), int(parts[2]))

    def __str__(self) -> str:
        """For status."""
        return f"{self.run_id}:{self.database}:{self.cursor}"


def digest(settings: DefaultTTL) -> str:
    """Names the settings of a pass."""
    content = json.dumps(settings.wire(), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def is_due(settings: DefaultTTL, sweep: SweepStatus | None, now: datetime) -> bool:
    """Whether a pass is to begin or to go on."""
    if sweep is None or sweep.phase is not SweepPhase.DONE or sweep.digest != digest(settings):
        return True
    if sweep.completed_at is None:
        return True
    return now - read_time(sweep.completed_at) >= max(settings.ttl, MIN_EVERY)


def begin(
    settings: DefaultTTL, sweep: SweepStatus | None, run_id: str, now: datetime
) -> SweepStatus:
    """The pass to go on with: the one in progress, or a new one from the start."""
    if sweep is not None and sweep.phase is SweepPhase.RUNNING:
        position = Position.read(sweep.cursor)
        if sweep.digest == digest(settings) and position and position.run_id == run_id:
            return sweep
    elif sweep is not None and not is_due(settings, sweep, now):
        return sweep
    return SweepStatus(phase=SweepPhase.RUNNING, digest=digest(settings), cursor="")


def first(run_id: str, databases: Sequence[int]) -> Position | None:
    """The beginning of a pass; None where there are no keys."""
    return Position(run_id, databases[0]) if databases else None


def advance(position: Position, cursor: int, databases: Sequence[int]) -> Position | None:
    """Where to go on: by the cursor, else in the next database; None at the end of everything."""
    if cursor:
        return Position(position.run_id, position.database, cursor)
    return first(position.run_id, [n for n in databases if n > position.database])
