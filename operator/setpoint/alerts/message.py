"""The Slack message of a resource's alerts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.alias_generators import to_snake

from setpoint.api.alerts import EntryStatus, OutboxAlert, OutboxEntry

TITLE = "performance"
_SHOWN = 20


@dataclass(frozen=True)
class Subject:
    """What the alerts are about."""

    kind: str
    plural: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Message:
    """Arguments of chat.postMessage and chat.update: the fallback text and the attachments."""

    text: str
    attachments: Sequence[Mapping[str, Any]]


def escape(text: str) -> str:
    """The three characters that are markup to Slack; nothing from data may mention or link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render(entry: OutboxEntry, subject: Subject) -> Message:
    """The message: title, colour, and a field for each breach with its value and threshold."""
    is_over = entry.status is EntryStatus.RESOLVED
    where = escape(f"{subject.kind} {subject.namespace}/{subject.name}")
    state = "resolved" if is_over else "firing"
    since = min((alert.since for alert in entry.alerts), default="")
    look = f"kubectl describe {subject.plural} -n {subject.namespace} {subject.name}"
    return Message(
        text=f"{TITLE}: {where}: {state}: {', '.join(_field(a)['title'] for a in entry.alerts)}",
        attachments=[
            {
                "color": "good" if is_over else "danger",
                "title": TITLE,
                "fallback": f"{TITLE}: {where}: {state}",
                "text": f"{where}: {state}, since {escape(since)}\n`{escape(look)}`",
                "mrkdwn_in": ["text"],
                "fields": [_field(alert) for alert in entry.alerts[:_SHOWN]],
            }
        ],
    )


def _field(alert: OutboxAlert) -> dict[str, Any]:
    return {
        "title": escape(to_snake(alert.rule)),
        "value": escape(f"{alert.value} (threshold: {alert.threshold})"),
        "short": True,
    }
