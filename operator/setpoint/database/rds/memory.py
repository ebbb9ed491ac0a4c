"""What must be known of our own earlier modifications: kept in status, and so over restarts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from setpoint.api.conditions import Reason
from setpoint.api.rds import Modification, RDSStatus
from setpoint.database.rds.model import CLASS, OF_STORAGE, Metrics, RDSObserved
from setpoint.engine.conditions import read_time, wire_time
from setpoint.engine.failure import Failure

DAY = timedelta(hours=24)
MOST_KEPT = 20
SETTLE = timedelta(minutes=5)
"""For how long RDS may go on describing an instance as it was before a modification."""

_PATIENCE = {  # first wait and longest wait before the same refused modification is sent again
    Reason.QUOTA_EXCEEDED: (timedelta(minutes=15), timedelta(hours=6)),
    Reason.REJECTED: (timedelta(minutes=30), timedelta(hours=6)),
    Reason.BUSY: (timedelta(minutes=5), timedelta(hours=1)),
}

Values = Mapping[str, Any]
"""What a modification asks for, by RDS's names."""


@dataclass(frozen=True)
class Sent:
    """A modification that RDS has taken, or may have taken."""

    at: datetime
    values: Values
    immediately: bool


@dataclass(frozen=True)
class Refusal:
    """A modification that RDS has refused: why, how often, and until when it is not repeated."""

    values: Values
    failure: Failure
    times: int
    until: datetime


@dataclass
class RDSMemory:
    """Of one instance; changed in place, so that nothing is lost when an attempt fails half-way.

    `sent` in the order of time. `queued_class`: the class that we left in RDS's queue.
    `withdrawn_class`: the one that we took back for the time being. `class_name`: the one that ran
    at the last look; `class_since`: when it was first seen in the place of another one. Refusals
    and metrics live in this process only.
    """

    sent: list[Sent] = field(default_factory=list)
    queued_class: str | None = None
    withdrawn_class: str | None = None
    class_name: str = ""
    class_since: datetime | None = None
    refusal: Refusal | None = None
    metrics: Metrics = field(default_factory=Metrics)
    recent_at: datetime | None = None
    days_at: datetime | None = None

    def today(self, now: datetime) -> Sequence[Sent]:
        """Modifications of the last 24 hours."""
        return [entry for entry in self.sent if now - entry.at < DAY]

    def storage_today(self, now: datetime) -> int:
        """Number of those that changed storage."""
        return sum(1 for entry in self.today(now) if OF_STORAGE & entry.values.keys())

    def held(self, values: Values, now: datetime) -> Failure | None:
        """Why this very modification is not sent again yet."""
        refusal = self.refusal
        if refusal is None or refusal.values != values or now >= refusal.until:
            return None
        return refusal.failure

    def add(self, entry: Sent) -> None:
        """Write a modification down; before it is made, for it may be made without an answer."""
        self.sent = [*self.today(entry.at), entry][-MOST_KEPT:]

    def refused(self, entry: Sent, failure: Failure) -> None:
        """It was not made after all."""
        self.sent = [kept for kept in self.sent if kept is not entry]
        waits = _PATIENCE.get(failure.reason)
        if waits is None:
            return
        before = self.refusal
        again = before is not None and before.values == entry.values
        times = before.times + 1 if before is not None and again else 1
        wait = min(waits[0] * 2 ** min(times - 1, 16), waits[1])
        self.refusal = Refusal(entry.values, failure, times, entry.at + wait)

    def may_have_taken(self, entry: Sent, *, withdraws: bool) -> None:
        """RDS is asked and may never answer: what it would leave in its queue counts as left there,
        and what is there counts as there, until a look tells."""
        if CLASS not in entry.values:
            return
        if withdraws:
            self.withdrawn_class = self.queued_class
        elif not entry.immediately:
            self.queued_class = str(entry.values[CLASS])

    def taken(self, entry: Sent, *, withdraws: bool) -> None:
        """RDS has taken it; `withdraws`: it took our class out of the queue for the time being."""
        self.refusal = None
        if CLASS not in entry.values:
            return
        self.withdrawn_class = self.queued_class if withdraws else None
        self.queued_class = None if withdraws or entry.immediately else str(entry.values[CLASS])

    def read_back(self, observed: RDSObserved, now: datetime) -> None:
        """Note the class that runs. Forget what the instance shows to be otherwise, once the last
        modification must show."""
        running = str(observed.current.get(CLASS, ""))
        if self.class_name not in ("", running):
            self.class_since = now
        self.class_name = running
        if self.sent and now - self.sent[-1].at < SETTLE:
            return
        queued = observed.pending.get(CLASS)
        if self.queued_class != queued:
            self.queued_class = None
        if self.withdrawn_class in (queued, observed.current.get(CLASS)):
            self.withdrawn_class = None

    def keep_approval_of(self, wanted: str | None) -> None:
        """A class that was taken back goes back without approval only while it is still wanted."""
        if self.withdrawn_class != wanted:
            self.withdrawn_class = None


def from_status(status: Mapping[str, Any] | None) -> RDSMemory:
    """What status.rds keeps; nothing where it cannot be read."""
    try:
        known = RDSStatus.model_validate(status)
        sent = [
            Sent(read_time(m.at), _values(m.values), m.immediately) for m in known.modifications
        ]
        since = read_time(known.class_since) if known.class_since else None
    except (ValidationError, ValueError):
        return RDSMemory()
    return RDSMemory(
        sent,
        known.queued_class,
        known.withdrawn_class,
        known.instance_class,
        since,
    )


def wire(memory: RDSMemory, now: datetime) -> list[Modification]:
    """The modifications for status: those of the last day, and the last one, however old."""
    kept = memory.today(now) or memory.sent[-1:]
    return [
        Modification(
            at=wire_time(entry.at),
            values=" ".join(f"{name}={value}" for name, value in sorted(entry.values.items())),
            immediately=entry.immediately,
        )
        for entry in kept
    ]


def _values(text: str) -> Values:
    pairs = (part.split("=", 1) for part in text.split())
    return {name: int(value) if value.isdecimal() else value for name, value in pairs}
