"""What a webhook of the user's own and Alertmanager's API v2 are sent. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from setpoint.alerts.message import Subject
from setpoint.api.alerts import EntryStatus, OutboxAlert, OutboxEntry
from setpoint.engine.conditions import wire_time

VERSION = "1"


def webhook(entry: OutboxEntry, subject: Subject) -> dict[str, Any]:
    """The JSON of the generic webhook: the entry as the outbox has it, and its resource.

    `id` is the same when it is sent again, so that a receiver can tell.
    """
    said = entry.model_dump(
        mode="json", by_alias=True, exclude={"message", "sent", "uid"}, exclude_none=True
    )
    return {
        "version": VERSION,
        "resource": {
            "kind": subject.kind,
            "namespace": subject.namespace,
            "name": subject.name,
            "uid": entry.uid,
        },
        **said,
    }


def alertmanager(
    alerts: Sequence[OutboxAlert],
    severity: str,
    subject: Subject,
    now: datetime,
    lifetime: timedelta,
) -> list[dict[str, Any]]:
    """Alerts for POST /api/v2/alerts.

    The labels are the alert's identity there, so they hold no numbers. A firing alert ends by
    itself after `lifetime` unless it is sent again; a resolved one has ended.
    """
    return [
        {
            "labels": {
                "alertname": alert.rule,
                "namespace": subject.namespace,
                "kind": subject.kind,
                "name": subject.name,
                "severity": severity.lower(),
                **({"target": alert.target} if alert.target else {}),
            },
            "annotations": {
                "summary": alert.summary or f"{alert.rule} {alert.value}",
                "value": alert.value,
                "threshold": alert.threshold,
            },
            "startsAt": alert.since,
            "endsAt": wire_time(now + lifetime)
            if alert.state is EntryStatus.FIRING
            else alert.ended or wire_time(now),
        }
        for alert in alerts
    ]
