"""What is said about a group of alerts: the Slack message, and the line in its thread. Pure.

Slack's limits: 50 blocks a message, 150 characters a header, 3,000 a section, 10 fields a section
of 2,000 each (Block Kit's reference); about 13,200 characters of blocks in all before it answers
msg_blocks_too_long (found by users), so 10,000 is the budget.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic.alias_generators import to_snake

from setpoint.api.alerts import EntryStatus, OutboxAlert, OutboxEntry
from setpoint.api.findings import Severity
from setpoint.engine.conditions import read_time, wire_time

TITLE = "performance"
MAX_BLOCKS = 50
MAX_CHARACTERS = 10_000

_TEXT_SIZE = 1000
_FIELDS = 10
_SILENCE = timedelta(hours=4)
_BARS = "▁▂▃▄▅▆▇█"
_COLOURS = {Severity.CRITICAL: "danger", Severity.WARNING: "warning", Severity.INFO: "#439FE0"}
_AUTHOR = "'\"${USER:-on-call}\"'"
"""Out of the quotes and into them again: who types it, also where the shell does not know."""
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs"})

Block = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """What the alerts are about."""

    kind: str
    plural: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`ScalingPolicy shop/checkout`."""
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Message:
    """Arguments of chat.postMessage and chat.update: the fallback text and the attachments.

    Colours exist only on attachments, so the blocks are in one.
    """

    text: str
    attachments: Sequence[Mapping[str, Any]]


def escape(text: str) -> str:
    """Text from data for Slack: the three characters of its markup escaped, so that nothing in it
    mentions or links; control characters (ANSI's too) and ones that hide or turn text are gone."""
    if not text.isprintable():
        text = "".join(
            " " if char in "\r\n\t" else char
            for char in _ESCAPES.sub("", text)
            if char in "\r\n\t" or unicodedata.category(char) not in _HIDDEN
        )
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render(entry: OutboxEntry, subject: Subject) -> Message:
    """The whole message: title, colour, a field for each breach, and what to do."""
    is_over = entry.status is EntryStatus.RESOLVED
    text = f"{TITLE}: {escape(str(subject))}: {headline(entry)}: {escape(entry.summary)}"
    return Message(
        text=text,
        attachments=[
            {
                "color": "good" if is_over else _COLOURS[entry.severity],
                "fallback": text,
                "blocks": _blocks(entry, subject),
            }
        ],
    )


def thread_line(entry: OutboxEntry) -> str:
    """What a newer word adds to the message's history."""
    said = [_said(alert) for alert in entry.alerts[:_FIELDS]]
    counts = _counts(entry, entry.alerts[_FIELDS:])
    more = [f"and {counts}"] if counts else []
    return f"{_minute(entry.time)} {headline(entry)}: {'; '.join([*said, *more])}"


def headline(entry: OutboxEntry) -> str:
    """Critical, resolved, and the like: the group's state in a word or two."""
    match entry.status:
        case EntryStatus.RESOLVED:
            return "resolved"
        case EntryStatus.ESCALATED:
            return f"escalated to {entry.severity}"
        case EntryStatus.DIGEST:
            return f"{entry.severity}, many alerts"
        case EntryStatus.FIRING:
            return f"{entry.severity}, still firing" if entry.repeated else str(entry.severity)


def sparkline(trend: str) -> str:
    """A chart in text of numbers with spaces between, and their range; empty for fewer than two."""
    try:
        values = [float(word) for word in trend.split()]
    except ValueError:
        return ""
    if len(values) < 2 or not all(abs(value) < 1e300 for value in values):
        return ""
    low, high = min(values), max(values)
    width = (high - low) or 1.0
    bars = "".join(_BARS[int((value - low) / width * (len(_BARS) - 1))] for value in values)
    return f"{bars} {low:.4g} to {high:.4g}"


def commands(entry: OutboxEntry, subject: Subject) -> tuple[str, str]:
    """The kubectl commands to look closer, and to silence for four hours what the entry says.

    They hold names that Kubernetes has checked, and nothing else from data.
    """
    where = f"-n {subject.namespace}"
    look = f"kubectl describe {subject.plural} {where} {subject.name}"
    rules = {alert.rule for alert in entry.alerts if alert.state is EntryStatus.FIRING}
    rule = rules.pop() if len(rules) == 1 else ""
    slug = re.sub(r"[^a-z0-9]+", "-", to_snake(rule)).strip("-") or "all"
    silence = {"name": f"{slug[:40]}-{re.sub(r'[^0-9]', '', entry.time)}"}
    if re.fullmatch(r"[A-Za-z0-9]+", rule):
        silence["rule"] = rule
    until = wire_time(read_time(entry.time) + _SILENCE)
    silence |= {"reason": "being looked into", "author": "AUTHOR", "until": until}
    patch = [{"op": "add", "path": "/spec/alerts/silences/-", "value": silence}]
    text = json.dumps(patch, separators=(",", ":")).replace("AUTHOR", _AUTHOR)
    return look, f"kubectl patch {subject.plural} {where} {subject.name} --type=json -p '{text}'"


def _blocks(entry: OutboxEntry, subject: Subject) -> list[Block]:
    head = _head(entry, subject)
    tail = _tail(entry, subject)
    for listed in range(len(entry.alerts), -1, -1):
        made = [*head, *_listing(entry, listed), *tail]
        if len(made) <= MAX_BLOCKS and _size(made) <= MAX_CHARACTERS:
            return made
    return [*head, *tail]


def _head(entry: OutboxEntry, subject: Subject) -> list[Block]:
    line = f"*{escape(str(subject))}*: {headline(entry)}, since {_minute(entry.since)}"
    title = {"type": "plain_text", "text": TITLE, "emoji": False}
    return [{"type": "header", "text": title}, _section(line)]


def _listing(entry: OutboxEntry, listed: int) -> list[Block]:
    """A field for each of the first alerts, then what is to be said of each, then the others."""
    shown = entry.alerts[:listed]
    made: list[Block] = [
        {"type": "section", "fields": [_mrkdwn(_field(a)) for a in shown[at : at + _FIELDS]]}
        for at in range(0, len(shown), _FIELDS)
    ]
    made += [_section(text) for alert in shown if (text := _details(alert))]
    counts = _counts(entry, entry.alerts[listed:])
    return [*made, _section(f"… and {counts}")] if counts else made


def _tail(entry: OutboxEntry, subject: Subject) -> list[Block]:
    """What setpoint did and would do; and, while something fires, what to type."""
    made = []
    for label, text in (("Done", entry.did), ("Would", entry.would)):
        if text:
            made.append(_section(f"*{label}:* {escape(text)}"))
    if entry.status is not EntryStatus.RESOLVED:
        look, silence = (escape(text) for text in commands(entry, subject))
        made.append(_section(f"Look closer:\n```{look}```\nSilence:\n```{silence}```"))
    return made


def _field(alert: OutboxAlert) -> str:
    mark = "" if alert.state is EntryStatus.FIRING else "~"
    name = f"{mark}*{_name(alert)}*{mark}"
    return f"{name}\n{_value(alert)}"[:_TEXT_SIZE]


def _value(alert: OutboxAlert) -> str:
    limit = f" (threshold: {escape(alert.threshold)})" if alert.threshold else ""
    return f"{escape(alert.value)}{limit}" if alert.value else "firing"


def _details(alert: OutboxAlert) -> str:
    if alert.state is EntryStatus.RESOLVED:
        return f"*{_name(alert)}* resolved {_minute(alert.ended or alert.since)}"
    if alert.state is EntryStatus.ESCALATED:
        return f"*{_name(alert)}* escalated: it goes on in a message of its new severity"
    chart = sparkline(alert.trend)
    parts = [f"*{_name(alert)}* since {_minute(alert.since)}"]
    parts += [f"`{chart}{escape(alert.unit)}`"] if chart else []
    parts += [escape(alert.summary)] if alert.summary else []
    return "  ".join(parts)


def _said(alert: OutboxAlert) -> str:
    if alert.state is EntryStatus.FIRING:
        return f"{_name(alert)} {_value(alert)}"
    return f"{_name(alert)} {str(alert.state).lower()}"


def _name(alert: OutboxAlert) -> str:
    rule = to_snake(alert.rule) if alert.rule[:1].islower() else alert.rule
    return escape(f"{rule} {alert.target}" if alert.target else rule)


def _counts(entry: OutboxEntry, unlisted: Sequence[OutboxAlert]) -> str:
    """`3 more: 2 cpu, 1 memory`."""
    counts: dict[str, int] = {}
    for rule, number in (
        *((alert.rule, 1) for alert in unlisted),
        *((other.rule, other.count) for other in entry.others),
    ):
        counts[rule] = counts.get(rule, 0) + number
    if not counts:
        return ""
    each = ", ".join(f"{number} {escape(rule)}" for rule, number in sorted(counts.items()))
    return f"{sum(counts.values())} more: {each}"


def _minute(text: str) -> str:
    return f"{text[:10]} {text[11:16]} UTC"


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    """`verbatim`: Slack makes no links or mentions of what looks like one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _size(blocks: Sequence[Block]) -> int:
    return len(json.dumps(blocks, ensure_ascii=False))


_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
