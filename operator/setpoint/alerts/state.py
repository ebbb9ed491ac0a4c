"""Which alerts fire, and what must be said about them. Pure.

What must be said stands in the outbox of status before it is sent, and is dropped only when it is
known to be delivered, so that a restart loses nothing and repeats at most what was in flight.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from setpoint.api.alerts import AlertsStatus, FiringAlert, OutboxEntry
from setpoint.engine.conditions import wire_time
from setpoint.engine.model import Sample

FIRING = "Firing"
RESOLVED = "Resolved"
KEPT = 10
"""Entries of the outbox; older ones of the same incident are merged into the newest."""


@dataclass(frozen=True)
class Delivery:
    """What became of an entry of the outbox. `error` None: it was delivered, and `ts` names the
    message in `channel` where Slack says so. Otherwise it was refused for good."""

    entry_id: str
    channel: str | None = None
    ts: str | None = None
    error: str | None = None


def evaluate(samples: Sequence[Sample], previous: AlertsStatus, now: datetime) -> AlertsStatus:
    """The alerts after a look. A value without data changes nothing.

    What is shown of an alert is from when it began to fire, so that status is still while values
    move.
    """
    known = {sample.rule: sample for sample in samples}
    kept = [alert for alert in previous.firing if _goes_on(alert, known)]
    names = {alert.rule for alert in kept}
    begun = [
        _begin(sample, now) for sample in samples if sample.breached and sample.rule not in names
    ]
    if not begun and len(kept) == len(previous.firing):
        return previous
    firing = sorted([*kept, *begun], key=lambda alert: (alert.severity.rank, alert.rule))
    ended = [alert for alert in previous.firing if alert not in kept]
    entry = _entry(firing or ended, FIRING if firing else RESOLVED, now)
    return previous.model_copy(
        update={
            "firing": firing,
            "count": len(firing),
            "outbox": _appended(previous.outbox, entry),
        }
    )


def settle(previous: AlertsStatus, deliveries: Sequence[Delivery]) -> AlertsStatus:
    """The alerts after messages were delivered, or refused for good."""
    state = previous
    for delivery in deliveries:
        entry = next((e for e in state.outbox if e.id == delivery.entry_id), None)
        if entry is None:  # replaced by a newer one while it was on its way
            if state.ts is None and state.firing and delivery.ts is not None:
                update = {"channel": delivery.channel, "ts": delivery.ts}
                state = state.model_copy(update=update)
            continue
        if delivery.error is not None:
            state = state.model_copy(update={"error": delivery.error})
            continue
        is_over = entry.kind == RESOLVED
        state = state.model_copy(
            update={
                "outbox": [e for e in state.outbox if e.id != entry.id],
                "channel": None if is_over else delivery.channel,
                "ts": None if is_over else delivery.ts,
                "error": None,
            }
        )
    return state


def _goes_on(alert: FiringAlert, known: dict[str, Sample]) -> bool:
    """An alert ends when its value is good again, or its rule is gone."""
    sample = known.get(alert.rule)
    return sample is not None and sample.breached is not False


def _begin(sample: Sample, now: datetime) -> FiringAlert:
    return FiringAlert(
        rule=sample.rule,
        severity=sample.severity,
        value=sample.shown,
        threshold=sample.shown_threshold,
        since=wire_time(now),
    )


def _entry(alerts: Sequence[FiringAlert], kind: str, now: datetime) -> OutboxEntry:
    content = json.dumps([kind, wire_time(now), [alert.wire() for alert in alerts]])
    name = hashlib.sha256(content.encode()).hexdigest()[:16]
    return OutboxEntry(id=name, kind=kind, alerts=list(alerts))


def _appended(outbox: Sequence[OutboxEntry], entry: OutboxEntry) -> list[OutboxEntry]:
    """The newest state of an incident says all that the older ones of it would have said.

    A resolved incident that nobody heard of is not worth two messages: an undelivered Firing is
    kept before its Resolved, all further ones in between are merged.
    """
    if outbox and outbox[-1].kind == entry.kind == FIRING:
        return [*outbox[:-1], entry]
    return [*outbox, entry][-KEPT:]
