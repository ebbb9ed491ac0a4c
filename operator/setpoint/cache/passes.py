"""Passes of the default TTL over the keys: when one begins, and where it is. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from setpoint.api.cachetuning import (
    DefaultTTL,
    PrefixCount,
    SweepEffect,
    SweepPhase,
    SweepStatus,
)
from setpoint.cache.guard import printable
from setpoint.cache.info import Info
from setpoint.engine.conditions import read_time

MIN_EVERY = timedelta(hours=1)
"""A pass is not repeated more often, however short the TTL."""

_PACE = frozenset({"every", "window", "maxKeysPerSecond", "acknowledge"})


@dataclass(frozen=True)
class Position:
    """Where a pass is: the run it belongs to, the database, and SCAN's cursor in it.

    `kind` is the type that SCAN is asked for, empty where it is asked for all.
    """

    run_id: str
    database: int
    cursor: int = 0
    kind: str = ""

    @classmethod
    def read(cls, text: str) -> "Position | None":
        """From status; None for anything that `str` did not write."""
        parts = text.split(":")
        if len(parts) not in (3, 4) or not parts[1].isdecimal() or not parts[2].isdecimal():
            return None
        return cls(parts[0], int(parts[1]), int(parts[2]), *parts[3:])

    def __str__(self) -> str:
        """For status."""
        kind = f":{self.kind}" if self.kind else ""
        return f"{self.run_id}:{self.database}:{self.cursor}{kind}"


def digest(settings: DefaultTTL) -> str:
    """Names what a pass does; when and how quickly it does it may change meanwhile."""
    does = {name: value for name, value in settings.wire().items() if name not in _PACE}
    content = json.dumps(does, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def ended(settings: DefaultTTL, sweep: SweepStatus | None) -> int:
    """Passes that ended with these settings."""
    return sweep.passes if sweep is not None and sweep.digest == digest(settings) else 0


def is_due(settings: DefaultTTL, sweep: SweepStatus | None, now: datetime) -> bool:
    """Whether a pass is to begin or to go on."""
    if sweep is None or sweep.phase is not SweepPhase.DONE or sweep.digest != digest(settings):
        return True
    if sweep.completed_at is None:
        return True
    every = settings.every or max(settings.ttl, MIN_EVERY)
    return abs(now - read_time(sweep.completed_at)) >= every  # clocks are put back, too


def begin(
    settings: DefaultTTL, sweep: SweepStatus | None, run_ids: Collection[str], now: datetime
) -> SweepStatus:
    """The pass to go on with: the one in progress, or a new one from the start.

    After a failover or a restart the cursor means nothing: the server has another run id.
    """
    if sweep is not None and sweep.phase is SweepPhase.RUNNING:
        position = Position.read(sweep.cursor)
        if sweep.digest == digest(settings) and position and position.run_id in run_ids:
            return sweep
    elif sweep is not None and not is_due(settings, sweep, now):
        return sweep
    return SweepStatus(
        phase=SweepPhase.RUNNING, digest=digest(settings), passes=ended(settings, sweep)
    )


def may_repeat(settings: DefaultTTL, sweep: SweepStatus | None, info: Info) -> bool:
    """False where another pass would blind the eviction policy, and nobody accepted that.

    Without NO-TOUCH a pass makes every key that it looks at seem freshly used.
    """
    if (
        not ended(settings, sweep)
        or info.may_no_touch
        or not info.policy.endswith(("-lru", "-lfu"))
    ):
        return True
    return SweepEffect.RESETS_IDLE_TIME in settings.acknowledge


def first(run_id: str, databases: Sequence[int], kinds: Sequence[str] = ("",)) -> Position | None:
    """The beginning of a pass; None where there are no keys."""
    return Position(run_id, databases[0], kind=kinds[0]) if databases else None


def advance(
    position: Position, cursor: int, databases: Sequence[int], kinds: Sequence[str] = ("",)
) -> Position | None:
    """Where to go on: by the cursor, else with the next type, else in the next database; None at
    the end of everything."""
    if cursor:
        return replace(position, cursor=cursor)
    rest = kinds[kinds.index(position.kind) + 1 :] if position.kind in kinds else ()
    if rest:
        return replace(position, cursor=0, kind=rest[0])
    return first(position.run_id, [n for n in databases if n > position.database], kinds)


def ranked(
    before: Sequence[PrefixCount], counts: Mapping[bytes, int], limit: int = 20
) -> list[PrefixCount]:
    """The prefixes with the most keys, those of earlier slices added."""
    total: Counter[str] = Counter({entry.prefix: entry.keys for entry in before})
    for prefix, keys in counts.items():
        total[printable(prefix, 64)] += keys
    return [PrefixCount(prefix=name, keys=keys) for name, keys in total.most_common(limit)]
