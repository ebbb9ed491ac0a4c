"""The alerts' part of a reconcile: from what a look brought to what must be told."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from setpoint.alerts import rules
from setpoint.alerts.delivery import Delivery, settle
from setpoint.alerts.outbox import Context
from setpoint.alerts.reading import Readings
from setpoint.alerts.rules import Look
from setpoint.alerts.step import Step, Transition, final, step
from setpoint.api.alerts import Alerts, AlertsStatus, AlertState
from setpoint.api.conditions import ConditionStatus, ConditionType, Reason
from setpoint.api.findings import Severity
from setpoint.engine import conditions, plan
from setpoint.engine.attempt import Attempt
from setpoint.engine.failure import Failure, Help
from setpoint.engine.model import Key
from setpoint.engine.track import Track
from setpoint.telemetry import metrics

log = structlog.get_logger()

_LATELY = timedelta(hours=1)

_SEEN = (Reason.REJECTED, Reason.UNSUPPORTED, Reason.BUSY, Reason.QUOTA_EXCEEDED)
"""Reasons of parts that failed although the target could be observed."""

_EVENTS = {
    AlertState.FIRING: "performance alerts triggered",
    AlertState.PENDING: "performance alerts pending",
    AlertState.RESOLVED: "performance alerts resolved",
    None: "performance alerts over",
}


class Outbox(Protocol):
    """Sends what status says must be sent; alerts.notifier has the real one."""

    def submit(self, key: Key, kind_name: str, spec: Alerts, alerts: AlertsStatus) -> None:
        """Take over the newest alerts: send the entries of the outbox not on their way yet."""
        ...

    def take(self, key: Key) -> list[Delivery]:
        """What was delivered since the last call."""
        ...

    def inherit(self, key: Key, alerts: AlertsStatus) -> None:
        """Entries that another process left in the outbox: it may have sent them already."""
        ...


class Alerting:
    """Runs the rules, and tells the world what changed once status has it."""

    def __init__(self, outbox: Outbox, now: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._now = now

    def begin(self, key: Key, stored: Mapping[str, Any]) -> None:
        """A resource is seen for the first time, with the status that another process left."""
        self._outbox.inherit(key, read(stored))

    def collect(self, key: Key, track: Track) -> None:
        """Fetch what was delivered; it is kept until status has it."""
        track.deliveries.extend(self._outbox.take(key))

    def after(self, stored: Mapping[str, Any], spec: Alerts, track: Track, look: Look) -> Step:
        """The alerts after a look. `stored` is status as it was written last."""
        before = settle(read(stored), track.deliveries)
        return self._step(before, rules.read(spec, look, before.items), spec, track)

    def later(self, stored: Mapping[str, Any], spec: Alerts, track: Track) -> Step:
        """The alerts after nothing but time has passed."""
        return self._step(settle(read(stored), track.deliveries), {}, spec, track)

    def written(self, key: Key, kind_name: str, spec: Alerts, track: Track, made: Step) -> None:
        """Status has it: remember it, send what is to be sent, log and count what changed."""
        own = track.alerts
        if made.status.items or own.status.items:
            _gauge(key, made.status)
        is_heard = bool(made.status.outbox or made.status.items or own.status.outbox)
        own.memory, own.spec, own.status, own.wake = made.memory, spec, made.status, made.wake
        _tell(key, made.transitions)
        if is_heard:
            self._outbox.submit(key, kind_name, spec, made.status)

    def gone(self, key: Key, kind_name: str, track: Track) -> None:
        """The resource was deleted: what was told is taken back."""
        own = track.alerts
        firing = [item for item in own.status.items if item.state is AlertState.FIRING]
        _tell(key, [Transition(item, AlertState.RESOLVED) for item in firing])
        _gauge(key, None)
        over = final(own.status, Context(track.uid, did="the resource was deleted"), self._now())
        if over.outbox:
            self._outbox.submit(key, kind_name, own.spec, over)

    def _step(self, before: AlertsStatus, readings: Readings, spec: Alerts, track: Track) -> Step:
        now, own = self._now(), track.alerts
        is_late = own.did_at is None or now - own.did_at > _LATELY
        context = Context(track.uid, "" if is_late else own.did, own.would)
        return step(before, readings, spec, own.memory, context, now)


def read(stored: Mapping[str, Any]) -> AlertsStatus:
    """The alerts in a status as stored."""
    try:
        return AlertsStatus.model_validate(stored.get("alerts") or {})
    except ValidationError:  # somebody else wrote it, or an older version: begin anew
        return AlertsStatus()


def note(track: Track, attempt: Attempt, now: datetime) -> None:
    """Remember for messages what setpoint did and what it would do."""
    done = [plan.sentence(action) for action in attempt.done if not action.background]
    if done:
        track.alerts.did, track.alerts.did_at = "; ".join(done), now
    track.alerts.would = "; ".join(plan.sentence(action) for action in attempt.gated.blocked)


def look_of(attempt: Attempt, made: Sequence[Mapping[str, Any]]) -> Look:
    """What an attempt brought for the rules; `made` are the conditions it led to."""
    failures, drifted = attempt.decision.failures, _true(made, ConditionType.DRIFTED)
    return Look(
        observed=True,
        complete=not failures,
        samples=attempt.decision.samples,
        findings=attempt.decision.findings,
        drifted=[drifted] if drifted else [],
        stalled=_true(made, ConditionType.STALLED),
        unreachable=_unreachable([one for one in failures if one.reason not in _SEEN]),
    )


def look_of_failure(failure: Failure, made: Sequence[Mapping[str, Any]]) -> Look:
    """The same after an attempt that could observe nothing."""
    return Look(
        observed=False,
        stalled=_true(made, ConditionType.STALLED),
        unreachable=_unreachable([failure]),
    )


def _unreachable(failures: Sequence[Failure]) -> str:
    """What a change of the spec would mend is no matter of reaching the target."""
    return next((one.message for one in failures if one.help is not Help.SPEC), "")


def _true(made: Sequence[Mapping[str, Any]], kind: ConditionType) -> str:
    found = conditions.find(made, kind)
    is_true = found is not None and found["status"] == ConditionStatus.TRUE
    return str(found["message"]) if found is not None and is_true else ""


def _tell(key: Key, transitions: Sequence[Transition]) -> None:
    for change in transitions:
        alert = change.alert
        to = change.to or "Inactive"
        metrics.TRANSITIONS.labels(key.plural, alert.rule, str(to)).inc()
        log.info(
            _EVENTS[change.to],
            key=str(key),
            rule=alert.rule,
            target=alert.target,
            severity=str(alert.severity),
            value=alert.value,
            threshold=alert.threshold,
            since=alert.since,
            suppressed_by=alert.suppressed_by,
        )


def _gauge(key: Key, alerts: AlertsStatus | None) -> None:
    """Series are there for resources that have, or had, alerts."""
    for severity in Severity:
        labels = (*key, str(severity))
        firing = [
            item
            for item in (alerts.items if alerts else ())
            if item.severity is severity and item.state is AlertState.FIRING
        ]
        if alerts is None:
            metrics.ALERTS.remove(*labels)
        else:
            metrics.ALERTS.labels(*labels).set(len(firing))
