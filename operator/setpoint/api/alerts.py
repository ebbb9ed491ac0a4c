"""Alerts: when they fire and where they go (spec.alerts), and what status keeps of them."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from setpoint.api.base import ATOMIC, Model, SecretKeyRef, SecretRef, cel, list_map, validations
from setpoint.api.findings import Severity
from setpoint.api.types import Duration, Moment, Percent, duration_up_to, percent_up_to
from setpoint.api.window import Cron, TimeZone

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in whole seconds, as status has it."""

UpToADay = Annotated[Duration, duration_up_to("24h")]
Pattern = Annotated[str, Field(min_length=1, max_length=256)]
"""A name; `*` and `?` in it stand for any characters."""


class RuleName(StrEnum):
    """Every rule that has settings. Alerts about findings have their findings' ids for rules."""

    CPU = "cpu"
    MEMORY = "memory"
    RESPONSE_TIME = "responseTime"
    ERROR_RATE = "errorRate"
    SCALING_LIMITED = "scalingLimited"
    ERROR_BUDGET = "errorBudget"
    LATENCY_BUDGET = "latencyBudget"
    HIT_RATE = "hitRate"
    MEMORY_USAGE = "memoryUsage"
    STORAGE_FULL = "storageFull"
    FINDINGS = "findings"
    DRIFT = "drift"
    STALLED = "stalled"
    UNREACHABLE = "unreachable"
    NO_DATA = "noData"


COMMON_RULES = (
    RuleName.FINDINGS,
    RuleName.DRIFT,
    RuleName.STALLED,
    RuleName.UNREACHABLE,
    RuleName.NO_DATA,
)
"""Rules of every kind."""


def rules_of_kind(*own: RuleName) -> dict[str, Any]:
    """CEL for a kind's alerts: `rules` may name its own rules and the common ones."""
    names = [str(name) for name in (*own, *COMMON_RULES)]
    return validations(
        cel(
            f"self.rules.all(r, r.rule in {names})",
            f"this kind has the rules {', '.join(names)}",
        )
    )


class SlackTarget(Model):
    """Where in Slack alerts go: a bot token with a channel, or an incoming webhook."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "has(self.webhookSecretRef) != has(self.channel)",
                "set either channel (with a bot token) or webhookSecretRef, not both",
            ),
            cel(
                "!has(self.tokenSecretRef) || has(self.channel)",
                "tokenSecretRef needs channel: the ID of the channel to post to",
            ),
        )
    )

    channel: Annotated[str, Field(max_length=32, pattern=r"^[CGD][A-Z0-9]{6,}$")] | None = None
    """ID of the channel (C0123456789), not its name: names change."""

    token_secret_ref: SecretKeyRef | None = None
    """The bot token. Without it the operator's own token is used, if its configuration grants
    the channel to this namespace."""

    webhook_secret_ref: SecretKeyRef | None = None
    """URL of an incoming webhook: messages are posted, but cannot be updated when resolved."""


class HTTPTarget(Model):
    """An HTTP endpoint that takes alerts."""

    secret_ref: SecretRef
    """Secret with the key url, and with the key token if the endpoint wants a bearer token."""


class Evaluations(Model):
    """How many of the last looks must see a breach."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("self.breaches <= self.of", "evaluations.breaches must not be greater than of")
        )
    )

    breaches: Annotated[int, Field(ge=1, le=30)]
    """So many breaches …"""

    of: Annotated[int, Field(ge=1, le=30)]
    """… in so many looks. A look without data does not count."""


class AlertSeverity(StrEnum):
    """How bad an alert is; alerts of one severity share a message."""

    CRITICAL = "Critical"
    WARNING = "Warning"


Hysteresis = Annotated[Percent, percent_up_to(50)]


class RuleSettings(Model):
    """Settings of one rule, in place of those of all."""

    rule: RuleName
    """The rule, such as cpu. `findings` stands for all alerts about findings."""

    enabled: bool | None = None
    """False switches the rule off. noData is off unless this is true."""

    severity: AlertSeverity | None = None
    """Critical or Warning."""

    for_: Annotated[UpToADay | None, Field(alias="for")] = None
    """How long it must be breached before it fires."""

    evaluations: Evaluations | None = None
    """How many of the last looks must see the breach."""

    keep_firing_for: UpToADay | None = None
    """How long it must be good again before it is resolved."""

    hysteresis: Hysteresis | None = None
    """How far the value must come back, in percent of the threshold."""


MAX_SILENCES = 20
"""Silences that a resource may have."""


class FindingAlerts(StrEnum):
    """Findings that alert."""

    CRITICAL = "Critical"
    WARNING = "Warning"
    INFO = "Info"
    NONE = "None"


class Silence(Model):
    """Alerts that are not to be told for a while."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "!has(self.since) || timestamp(self.since) < timestamp(self.until)",
                "until must be after since",
            )
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*)$")]
    """Names the silence."""

    rule: Pattern | None = None
    """Rules that it silences, such as cpu or UnusedIndex; findings stands for those of all
    findings; without it, all."""

    target: Pattern | None = None
    """What the alerts are about, such as public.orders; without it, anything."""

    reason: Annotated[str, Field(min_length=1, max_length=256)]
    """Why."""

    author: Annotated[str, Field(min_length=1, max_length=128)]
    """Who wanted it."""

    since: Moment | None = None
    """When it begins; without it, it has begun."""

    until: Moment
    """When it ends."""


class MuteWindow(Model):
    """A time that comes back, in which nothing new is told."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*)$")]
    """Names the window."""

    cron: Cron
    """When it begins: "0 22 * * *"; minute, hour, day of month, month, day of week."""

    duration: Annotated[Duration, duration_up_to("168h")]
    """How long it lasts."""

    time_zone: TimeZone
    """IANA time zone in which cron is meant, such as Europe/Berlin or UTC."""


class Grouping(Model):
    """When the alerts of one severity are told. They share one message, which is updated."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "duration(self.interval) >= duration('1s')",
                "group.interval must be at least 1s",
            ),
            cel(
                "duration(self.repeat) >= duration(self.interval)",
                "group.repeat must not be shorter than group.interval",
            ),
            cel(
                "duration(self.digestWindow) >= duration(self.interval)",
                "group.digestWindow must not be shorter than group.interval",
            ),
        )
    )

    wait: Annotated[Duration, duration_up_to("1h")] = timedelta(seconds=30)
    """From the first alert until the first message: others that begin meanwhile are in it, and one
    that is good again by then is not told at all."""

    interval: UpToADay = timedelta(minutes=5)
    """Between two messages about changes."""

    repeat: Annotated[Duration, duration_up_to("720h")] = timedelta(hours=4)
    """Between two messages about what goes on unchanged."""

    digest_after: Annotated[int, Field(ge=1, le=1000)] = 10
    """With more alerts than this begun in a digestWindow, they are told in a digest, and what else
    begins in the window is told at its end."""

    digest_window: UpToADay = timedelta(minutes=30)
    """Time in which alerts are counted for digestAfter."""


class Alerts(Model):
    """When to alert, and where to; of every kind."""

    for_: Annotated[UpToADay, Field(alias="for")] = timedelta(0)
    """How long a rule must be breached before it fires."""

    evaluations: Evaluations = Evaluations(breaches=1, of=1)
    """How many of the last looks must see the breach."""

    keep_firing_for: UpToADay = timedelta(0)
    """How long a rule must be good again before its alert is resolved."""

    hysteresis: Hysteresis = 0.0
    """How far a value must come back before its alert is resolved, in percent of the threshold."""

    findings: FindingAlerts = FindingAlerts.CRITICAL
    """Findings of this severity and of worse ones alert; None: none does."""

    rules: Annotated[
        list[RuleSettings], Field(max_length=20, json_schema_extra=list_map("rule"))
    ] = []
    """Settings of single rules."""

    silences: Annotated[
        list[Silence], Field(max_length=MAX_SILENCES, json_schema_extra=list_map("name"))
    ] = []
    """Alerts that are not to be told for a while. That a told one is resolved is told all the
    same."""

    mute_windows: Annotated[
        list[MuteWindow], Field(max_length=10, json_schema_extra=list_map("name"))
    ] = []
    """Times that come back in which nothing new is told."""

    group: Grouping = Grouping()
    """When the alerts of one severity are told."""

    slack: SlackTarget | None = None
    """Where in Slack alerts go. Without it, the channel that the operator's configuration sets
    for this namespace, if it does."""

    webhook: HTTPTarget | None = None
    """An endpoint of your own that alerts are posted to as JSON."""

    alertmanager: HTTPTarget | None = None
    """An Alertmanager that alerts are sent to by its API v2."""


class AlertState(StrEnum):
    """Where an alert is between its first breach and its end."""

    PENDING = "Pending"
    FIRING = "Firing"
    RESOLVED = "Resolved"


class Alert(Model):
    """An alert that is pending, fires, or was resolved and is not told yet."""

    rule: Annotated[str, Field(max_length=64)]
    """The rule, such as cpu, or the id of a finding."""

    target: Annotated[str, Field(max_length=128)]
    """What of the resource it is about; empty for the resource as a whole."""

    severity: Severity
    """Critical, Warning or Info."""

    state: AlertState
    """Pending, Firing or Resolved."""

    value: Annotated[str, Field(max_length=64)]
    """The value when it began."""

    threshold: Annotated[str, Field(max_length=64)]
    """The threshold it crossed."""

    since: Time
    """When it began."""

    good_since: Time | None = None
    """Since when the value of a firing alert is good again, while keepFiringFor passes."""

    ended: Time | None = None
    """When it was resolved."""

    told: Annotated[list[Severity], Field(max_length=3, json_schema_extra=ATOMIC)] | None = None
    """Severities whose message says that it fires."""

    suppressed_by: Annotated[str, Field(max_length=128)] | None = None
    """Why it is not told: Silence/NAME, MuteWindow/NAME, or Rule/NAME of an alert that explains
    it."""


class MessageRef(Model):
    """Where a group's message stands in a channel; its thread has the same ts."""

    channel: Annotated[str, Field(max_length=64)]
    """Slack's ID of the channel."""

    ts: Annotated[str, Field(max_length=64)]
    """Slack's timestamp of the message, by which it is updated and its thread is found."""


class AlertGroup(Model):
    """The alerts of one severity from the first until all are resolved: one incident."""

    severity: Severity
    """Critical, Warning or Info."""

    incident: Annotated[str, Field(max_length=32)]
    """Names the incident; the same after a restart."""

    since: Time
    """When its first alert fired; group.wait and group.interval count from it."""

    changed: Time | None = None
    """Since when something is to be told."""

    told: Time | None = None
    """When it was last told."""

    message: MessageRef | None = None
    """The message that is updated until the incident is over."""


class Storm(Model):
    """Alerts of one severity that are counted for group.digestAfter."""

    severity: Severity
    """Critical, Warning or Info."""

    since: Time
    """When the digestWindow began."""

    count: int
    """Alerts told as new in it."""


class EntryStatus(StrEnum):
    """What an entry of the outbox says of its group as a whole."""

    FIRING = "Firing"
    RESOLVED = "Resolved"
    ESCALATED = "Escalated"
    DIGEST = "Digest"


class OutboxAlert(Model):
    """An alert as a message says it."""

    fingerprint: Annotated[str, Field(max_length=32)]
    """Names (resource uid, rule, target): the same whatever the numbers and the wording are."""

    rule: Annotated[str, Field(max_length=64)]
    """The rule, such as cpu, or the id of a finding."""

    target: Annotated[str, Field(max_length=128)] = ""
    """What of the resource it is about; empty for the resource as a whole."""

    state: EntryStatus
    """Firing, Resolved, or Escalated: of the lower severity's message, that it goes on in that of
    a higher one."""

    value: Annotated[str, Field(max_length=64)]
    """The newest value, with its unit: 93%."""

    threshold: Annotated[str, Field(max_length=64)]
    """The threshold, with its unit: 80%."""

    unit: Annotated[str, Field(max_length=8)] = ""
    """The unit of value, threshold and trend: %, ms, or nothing."""

    since: Time
    """When it began."""

    ended: Time | None = None
    """When it was resolved."""

    trend: Annotated[str, Field(max_length=160)] = ""
    """The last values without their unit, the oldest first, with spaces between: 41 55 72 93."""

    summary: Annotated[str, Field(max_length=256)] = ""
    """What is wrong and what to do, in a sentence."""


class RuleCount(Model):
    """Alerts of a rule that are counted and not listed."""

    rule: Annotated[str, Field(max_length=64)]
    """The rule."""

    count: Annotated[int, Field(ge=1)]
    """How many."""


class OutboxEntry(Model):
    """The newest word on a group, written down and not yet known to be delivered to all receivers.

    A group has one entry at most: a newer one takes its place, with what the older one said and
    nobody has read yet.
    """

    id: Annotated[str, Field(max_length=64)]
    """Names the entry; the same after a restart. A newer word on the same group has another."""

    incident: Annotated[str, Field(max_length=32)]
    """The group's incident: its key, by which its message is found."""

    uid: Annotated[str, Field(max_length=64)]
    """uid of the resource."""

    severity: Severity
    """The group's severity."""

    status: EntryStatus
    """Firing; Resolved when all of its alerts are; Escalated when one came from a lower severity;
    Digest when there are too many to tell them one by one."""

    repeated: bool = False
    """Nothing is new: said again after group.repeat."""

    time: Time
    """When it was written."""

    since: Time
    """When the incident began."""

    summary: Annotated[str, Field(max_length=256)]
    """The whole in a line: cpu is 93% (above 80%) and 1 more."""

    alerts: Annotated[list[OutboxAlert], Field(max_length=40, json_schema_extra=ATOMIC)]
    """Its alerts, the firing ones first."""

    others: Annotated[
        list[RuleCount], Field(max_length=40, json_schema_extra=list_map("rule"))
    ] = []
    """Alerts beyond those listed, by rule."""

    did: Annotated[str, Field(max_length=256)] = ""
    """What setpoint did about the resource lately."""

    would: Annotated[str, Field(max_length=256)] = ""
    """What it would do, and what holds it back."""

    message: MessageRef | None = None
    """The group's message, as far as it is known: it is updated instead of posting another."""

    sent: Annotated[
        list[Annotated[str, Field(max_length=32)]], Field(max_length=4, json_schema_extra=ATOMIC)
    ] = []
    """Receivers that have it already: Slack, Webhook, Alertmanager."""


class AlertsStatus(Model):
    """Alerts: what fires, what is on its way, and where it was posted."""

    count: int = 0
    """Number of alerts that fire now."""

    items: Annotated[
        list[Alert], Field(max_length=80, json_schema_extra=list_map("rule", "target"))
    ] = []
    """Alerts that are pending, fire, or were resolved and are not told yet."""

    groups: Annotated[
        list[AlertGroup], Field(max_length=3, json_schema_extra=list_map("severity"))
    ] = []
    """Incidents, one for each severity."""

    storms: Annotated[list[Storm], Field(max_length=3, json_schema_extra=list_map("severity"))] = []
    """How many alerts began lately, one count for each severity."""

    outbox: Annotated[list[OutboxEntry], Field(max_length=3, json_schema_extra=list_map("id"))] = []
    """Messages not yet known to be delivered: written before they are sent, one for each group."""

    error: Annotated[str, Field(max_length=256)] | None = None
    """Why the last message could not be delivered."""
