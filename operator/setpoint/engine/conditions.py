"""Conditions of a resource, as a pure function of what happened (the contract of kstatus).

Ready is always there. Reconciling and Stalled are there only while True, and never both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from setpoint.api.conditions import ConditionStatus, ConditionType, Reason
from setpoint.api.findings import Severity
from setpoint.engine.failure import Failure, Help
from setpoint.engine.model import KindCondition

_FINDINGS_REASON = {
    Severity.CRITICAL: Reason.CRITICAL_FINDINGS,
    Severity.WARNING: Reason.WARNING_FINDINGS,
    Severity.INFO: Reason.INFO_FINDINGS,
}

_KEPT = (ConditionType.DRIFTED, ConditionType.FINDINGS_PRESENT, ConditionType.SCALING_LIMITED)
"""What was found by the last look stays until the next."""


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to.

    `waiting`: sentences about changes that wait (approval, window, mode). `drifted`: sentences
    about differences that this mode does not mend. `running`: what is still to be done by
    itself. `own`: the kind's own conditions.
    """

    failures: Sequence[Failure] = ()
    waiting: Sequence[str] = ()
    drifted: Sequence[str] = ()
    running: Sequence[str] = ()
    findings: Mapping[Severity, int] = field(default_factory=dict)
    read_only: bool = False
    observed: bool = True
    own: Sequence[KindCondition] = ()


def wire_time(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as Kubernetes writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: str) -> datetime:
    """The moment in a text that `wire_time` made."""
    return datetime.fromisoformat(text)


def find(conditions: Sequence[Mapping[str, Any]], kind: ConditionType) -> Mapping[str, Any] | None:
    """The condition of a type, or None."""
    return next((entry for entry in conditions if entry.get("type") == kind), None)


def is_stalled(
    failure: Failure, previous: Sequence[Mapping[str, Any]], now: datetime, after: timedelta
) -> bool:
    """Whether only a human can help: at once for the spec, after a while for the outside.

    How long it lasts is read from the conditions, so that a restart does not begin anew.
    """
    if failure.help is not Help.OUTSIDE:
        return failure.help is Help.SPEC
    ready = find(previous, ConditionType.READY)
    if not ready or ready["status"] != "False" or ready["reason"] != failure.reason:
        return after <= timedelta(0)
    return now - read_time(ready["lastTransitionTime"]) >= after


class Conditions:
    """Builds the list for one generation; transition times move only with the status."""

    def __init__(
        self, previous: Sequence[Mapping[str, Any]], generation: int, now: datetime
    ) -> None:
        self._previous = previous
        self._generation = generation
        self._now = wire_time(now)
        self._entries: list[dict[str, Any]] = []

    def set(
        self, kind: ConditionType, status: ConditionStatus, reason: Reason, message: str
    ) -> None:
        """Add one condition; `message` is cut at 1,024 characters."""
        before = find(self._previous, kind)
        same = before is not None and before["status"] == status
        self._entries.append(
            {
                "type": str(kind),
                "status": str(status),
                "reason": str(reason),
                "message": message[:1024],
                "observedGeneration": self._generation,
                "lastTransitionTime": before["lastTransitionTime"]
                if before and same
                else self._now,
            }
        )

    def keep(self, *kinds: ConditionType) -> None:
        """Take over conditions as they were, for this generation."""
        for kind in kinds:
            if before := find(self._previous, kind):
                self._entries.append({**before, "observedGeneration": self._generation})

    def wire(self) -> list[dict[str, Any]]:
        """The list as status stores it."""
        return self._entries


def first_visit(generation: int, now: datetime) -> list[dict[str, Any]]:
    """Before the first attempt: Ready is Unknown, work is under way."""
    return progressing((), generation, now, "the first reconcile has begun")


def progressing(
    previous: Sequence[Mapping[str, Any]], generation: int, now: datetime, message: str
) -> list[dict[str, Any]]:
    """Work on this generation is under way and not finished."""
    made = Conditions(previous, generation, now)
    made.set(ConditionType.READY, ConditionStatus.UNKNOWN, Reason.PROGRESSING, message)
    made.set(ConditionType.RECONCILING, ConditionStatus.TRUE, Reason.PROGRESSING, message)
    made.keep(*_KEPT)
    return made.wire()


def suspended(
    previous: Sequence[Mapping[str, Any]], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """Conditions stay as they are; a resource suspended from its birth is not Ready."""
    made = Conditions(previous, generation, now)
    ready = find(previous, ConditionType.READY)
    if ready is None or ready["status"] == "Unknown":
        made.set(
            ConditionType.READY,
            ConditionStatus.FALSE,
            Reason.SUSPENDED,
            "suspended before the first reconcile was finished; set spec.suspend to false",
        )
    else:
        made.keep(ConditionType.READY, ConditionType.STALLED)
    made.keep(*_KEPT)
    return made.wire()


def finished(
    previous: Sequence[Mapping[str, Any]],
    generation: int,
    now: datetime,
    outcome: Outcome,
    stalled_after: timedelta,
) -> list[dict[str, Any]]:
    """After an attempt, good or bad."""
    made = Conditions(previous, generation, now)
    if outcome.failures:
        _failed(made, outcome.failures, previous, now, stalled_after)
    elif outcome.running:
        text = "; ".join(outcome.running)
        made.set(ConditionType.READY, ConditionStatus.UNKNOWN, Reason.PROGRESSING, text)
        made.set(ConditionType.RECONCILING, ConditionStatus.TRUE, Reason.PROGRESSING, text)
    else:
        _ready(made, outcome)
    if not outcome.observed:
        made.keep(*_KEPT)
        return made.wire()
    _drifted(made, outcome)
    _findings(made, outcome)
    for own in outcome.own:
        made.set(own.type, own.status, own.reason, own.message)
    return made.wire()


def with_delivery(
    made: Sequence[Mapping[str, Any]],
    previous: Sequence[Mapping[str, Any]],
    error: str | None,
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """Conditions with AlertsUndelivered, which is there only while it is True."""
    kept = [dict(one) for one in made if one.get("type") != ConditionType.ALERTS_UNDELIVERED]
    if error is None:
        return kept
    new = Conditions(previous, generation, now)
    new.set(ConditionType.ALERTS_UNDELIVERED, ConditionStatus.TRUE, Reason.DELIVERY_REFUSED, error)
    return [*kept, *new.wire()]


def _failed(
    made: Conditions,
    failures: Sequence[Failure],
    previous: Sequence[Mapping[str, Any]],
    now: datetime,
    stalled_after: timedelta,
) -> None:
    # The one that a human must mend speaks first: the others may pass by themselves.
    worst = max(failures, key=lambda failure: failure.help is not Help.TIME)
    text = "; ".join(dict.fromkeys([worst.message, *(failure.message for failure in failures)]))
    made.set(ConditionType.READY, ConditionStatus.FALSE, worst.reason, text)
    if is_stalled(worst, previous, now, stalled_after):
        made.set(ConditionType.STALLED, ConditionStatus.TRUE, worst.reason, text)
    else:
        made.set(
            ConditionType.RECONCILING, ConditionStatus.TRUE, Reason.PROGRESSING_WITH_RETRY, text
        )


def _ready(made: Conditions, outcome: Outcome) -> None:
    if outcome.waiting:
        reason, text = Reason.CHANGE_PENDING, "; ".join(outcome.waiting)
    elif outcome.read_only:
        reason, text = Reason.OBSERVED, "observed; this mode changes nothing"
    else:
        reason, text = Reason.IN_SYNC, "everything is as the spec says"
    made.set(ConditionType.READY, ConditionStatus.TRUE, reason, text)


def _drifted(made: Conditions, outcome: Outcome) -> None:
    if outcome.drifted:
        text = "; ".join(outcome.drifted)
        made.set(ConditionType.DRIFTED, ConditionStatus.TRUE, Reason.DRIFT_DETECTED, text)
    else:
        text = "no difference from the spec"
        made.set(ConditionType.DRIFTED, ConditionStatus.FALSE, Reason.NO_DRIFT, text)


def _findings(made: Conditions, outcome: Outcome) -> None:
    worst = min(
        (severity for severity, number in outcome.findings.items() if number),
        key=lambda severity: severity.rank,
        default=None,
    )
    if worst is None:
        made.set(
            ConditionType.FINDINGS_PRESENT, ConditionStatus.FALSE, Reason.NO_FINDINGS, "no findings"
        )
        return
    parts = [f"{n} {severity}" for severity in Severity if (n := outcome.findings.get(severity))]
    text = ", ".join(parts) + ": see status.findings"
    made.set(ConditionType.FINDINGS_PRESENT, ConditionStatus.TRUE, _FINDINGS_REASON[worst], text)
