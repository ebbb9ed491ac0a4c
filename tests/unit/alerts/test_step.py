"""What is written down to be told: entries, their budget, what becomes of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.alerts import outbox, rules
from setpoint.alerts.delivery import Delivery, settle
from setpoint.alerts.outbox import Context
from setpoint.alerts.rules import Look
from setpoint.alerts.state import Memory
from setpoint.alerts.step import final, step
from setpoint.api.alerts import Alerts, AlertsStatus, EntryStatus, MessageRef, OutboxEntry
from setpoint.api.findings import Severity
from setpoint.engine.model import Finding, Sample

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FAST: dict[str, Any] = {"group": {"wait": "0s", "interval": "10s"}}
HERE = MessageRef(channel="C1", ts="12.3")


class Bench:
    """One resource's alerts, a look every ten seconds."""

    def __init__(self, **spec: Any) -> None:
        self.spec = Alerts.model_validate({**FAST, **spec})
        self.status = AlertsStatus()
        self.memory = Memory()
        self.now = NOW
        self.context = Context("uid", did="Update x", would="Update y waits for Approval")
        self.wake: datetime | None = None

    def look(self, *findings: Finding, after: float = 10, **values: float | None) -> None:
        self.now += timedelta(seconds=after)
        samples = [
            Sample(rule, value, 80, f"{value}%", "80%", unit="%") for rule, value in values.items()
        ]
        seen = Look(observed=True, samples=samples, findings=findings)
        readings = rules.read(self.spec, seen, self.status.items)
        made = step(self.status, readings, self.spec, self.memory, self.context, self.now)
        self.status, self.memory, self.wake = made.status, made.memory, made.wake

    @property
    def entry(self) -> OutboxEntry:
        [found] = self.status.outbox
        return found

    def deliver(self, message: MessageRef | None = HERE, **changes: Any) -> None:
        made = Delivery(self.entry.id, self.entry.incident, message=message, **changes)
        self.status = settle(self.status, [made])


def test_an_entry_says_what_the_message_needs() -> None:
    bench = Bench()
    for value in (41, 55, 72, 93):
        bench.look(cpu=value)
    entry = bench.entry
    assert (entry.status, entry.severity, entry.uid) == ("Firing", "Critical", "uid")
    assert (entry.did, entry.would) == ("Update x", "Update y waits for Approval")
    [alert] = entry.alerts
    assert (alert.rule, alert.value, alert.threshold, alert.unit) == ("cpu", "93%", "80%", "%")
    assert alert.trend == "41 55 72 93"
    assert alert.summary == "cpu is 93% (threshold 80%)"
    assert alert.since == "2026-11-23T12:00:40Z"


def test_one_message_for_an_incident_across_restarts() -> None:
    bench = Bench()
    bench.look(cpu=93)
    incident = bench.entry.incident
    bench.deliver()
    bench.status = AlertsStatus.model_validate(json.loads(json.dumps(bench.status.wire())))
    bench.memory = Memory()
    bench.look(cpu=93, memory=91)
    assert (bench.entry.incident, bench.entry.message) == (incident, HERE)
    assert [alert.rule for alert in bench.entry.alerts] == ["cpu", "memory"]
    bench.deliver()
    bench.look(cpu=40, memory=40)
    assert (bench.entry.status, bench.entry.message) == ("Resolved", HERE)
    assert {alert.state for alert in bench.entry.alerts} == {EntryStatus.RESOLVED}
    bench.deliver()
    assert (bench.status.items, bench.status.groups, bench.status.outbox) == ([], [], [])
    bench.look(cpu=93)
    assert bench.entry.incident != incident
    assert bench.entry.message is None


def test_a_round_with_moving_numbers_changes_nothing() -> None:
    bench = Bench()
    bench.look(cpu=93)
    bench.deliver()
    before = bench.status
    for value in (81, 99, 85.5, None):
        bench.look(cpu=value)
        assert bench.status == before


def test_an_undelivered_word_is_taken_into_the_newer_one() -> None:
    bench = Bench()
    bench.look(cpu=93)
    first = bench.entry
    bench.look(cpu=93, memory=91)
    assert bench.entry.id != first.id
    assert bench.entry.incident == first.incident
    bench.look(cpu=40, memory=91)
    bench.look(cpu=40, memory=40)
    assert str(bench.entry.status) == "Resolved"
    assert sorted(a.rule for a in bench.entry.alerts) == ["cpu", "memory"], (
        "both were never read of"
    )
    bench.look(cpu=40, memory=40, errorRate=99)
    assert bench.entry.incident == first.incident, "nobody has read of its end: it goes on"
    assert [a.rule for a in bench.entry.alerts if a.state is EntryStatus.FIRING] == ["errorRate"]
    assert len(bench.entry.alerts) == 3


def test_one_that_came_and_went_is_told_with_others_that_fire_and_not_alone() -> None:
    bench = Bench(group={"wait": "30s", "interval": "1m"})
    bench.look(cpu=93)
    bench.look(cpu=40)
    bench.look(cpu=40, after=60)
    assert (bench.status.outbox, bench.status.items) == ([], [])
    bench.look(cpu=93)
    bench.look(cpu=93, after=30)
    bench.deliver()
    bench.look(cpu=93, memory=91)
    bench.look(cpu=93, memory=40)
    bench.look(cpu=93, memory=40, after=50)
    states = {alert.rule: str(alert.state) for alert in bench.entry.alerts}
    assert states == {"cpu": "Firing", "memory": "Resolved"}


def test_a_late_answer_still_tells_where_the_message_stands() -> None:
    bench = Bench()
    bench.look(cpu=93)
    first = bench.entry
    bench.look(cpu=93, memory=91)
    late = Delivery(first.id, first.incident, message=HERE)
    bench.status = settle(bench.status, [late])
    assert bench.entry.message == HERE
    assert bench.status.groups[0].message == HERE


def test_a_receiver_that_has_it_is_noted_until_all_have() -> None:
    bench = Bench()
    bench.look(cpu=93)
    bench.deliver(receiver="Slack", complete=False)
    assert (bench.entry.sent, bench.entry.message) == (["Slack"], HERE)
    bench.deliver(None, receiver="Webhook")
    assert bench.status.outbox == []


def test_a_refusal_keeps_the_entry_and_says_why() -> None:
    bench = Bench()
    bench.look(cpu=93)
    entry = bench.entry
    bench.deliver(None, error="Slack refused the message")
    assert (bench.entry, bench.status.error) == (entry, "Slack refused the message")
    bench.deliver()
    assert bench.status.error is None
    assert settle(bench.status, [Delivery("other", "other", error="x")]) == bench.status


def test_an_escalated_alert_leaves_the_lower_message_for_the_higher_one() -> None:
    bench = Bench(findings="Warning")
    bench.look(finding(1, Severity.WARNING))
    bench.deliver()
    bench.look(finding(1, Severity.CRITICAL))
    by_severity = {entry.severity: entry for entry in bench.status.outbox}
    assert by_severity[Severity.CRITICAL].status is EntryStatus.ESCALATED
    lower = by_severity[Severity.WARNING]
    assert (lower.status, lower.alerts[0].state) == (EntryStatus.RESOLVED, EntryStatus.ESCALATED)
    assert len({entry.incident for entry in bench.status.outbox}) == 2


def test_a_storm_is_a_digest_and_the_rest_waits_for_its_window() -> None:
    group = {"wait": "0s", "interval": "10s", "digestAfter": 3, "digestWindow": "60s"}
    bench = Bench(group=group)
    bench.look(*map(finding, range(5)))
    assert str(bench.entry.status) == "Digest"
    assert (len(bench.entry.alerts), bench.entry.others[0].count) == (3, 2)
    bench.deliver()
    bench.look(*map(finding, range(6)))
    bench.look(*map(finding, range(7)))
    assert bench.status.outbox == []
    assert bench.wake == NOW + timedelta(seconds=70)
    bench.look(*map(finding, range(7)), after=40)
    assert str(bench.entry.status) == "Firing", "two more are no storm"
    assert len(bench.entry.alerts) == 7


@pytest.mark.parametrize("size", [10, 100, 500])
def test_the_outbox_stays_within_its_budget_and_loses_no_entry(size: int) -> None:
    text = "ü" * size
    bench = Bench(findings="Warning", group={**FAST["group"], "digestAfter": 1000})
    both = [
        Finding(f"{severity}{n}", f"{text}{n}", severity, text, text, text)
        for n in range(5)
        for severity in (Severity.CRITICAL, Severity.WARNING)
    ]
    values = dict.fromkeys(("cpu", "memory", "responseTime", "errorRate", "hitRate"), 99.0)
    for _ in range(20):
        bench.look(*both, **values)
    bench.look()
    sizes = [len(e.model_dump_json(by_alias=True).encode()) for e in bench.status.outbox]
    assert sum(sizes) <= outbox.BUDGET
    assert {entry.severity for entry in bench.status.outbox} == {"Critical", "Warning"}
    told = [len(e.alerts) + sum(o.count for o in e.others) for e in bench.status.outbox]
    assert sum(told) == 15, "every alert is listed or counted"


def test_a_silenced_alert_is_told_when_the_silence_ends_and_resolved_all_the_same() -> None:
    silence = {"name": "s", "rule": "cpu", "reason": "r", "author": "a"}
    bench = Bench(silences=[{**silence, "until": "2026-11-23T12:01:00Z"}])
    bench.look(cpu=93)
    assert (bench.status.outbox, bench.status.count) == ([], 1)
    assert bench.status.items[0].suppressed_by == "Silence/s"
    assert bench.wake == NOW + timedelta(minutes=1)
    bench.look(cpu=93, after=50)
    assert str(bench.entry.status) == "Firing"
    bench.deliver()
    bench.spec = Alerts.model_validate(
        {**FAST, "silences": [{**silence, "until": "2026-11-24T12:00:00Z"}]}
    )
    bench.look(cpu=40)
    assert str(bench.entry.status) == "Resolved"


def test_the_alerts_of_a_resource_that_is_gone_are_taken_back() -> None:
    bench = Bench()
    bench.look(cpu=93)
    bench.deliver()
    over = final(bench.status, Context("uid"), bench.now)
    [entry] = over.outbox
    assert (entry.status, entry.message) == (EntryStatus.RESOLVED, HERE)
    assert final(AlertsStatus(), Context("uid"), NOW).outbox == []


def test_a_clock_that_is_put_back_does_not_hold_up_anything() -> None:
    bench = Bench(group={"wait": "30s", "interval": "5m"})
    bench.look(cpu=93)
    bench.look(cpu=93, after=-7200)
    bench.look(cpu=93, after=30)
    assert str(bench.entry.status) == "Firing"


def finding(number: int, severity: Severity = Severity.CRITICAL) -> Finding:
    return Finding("Slow", f"public.t{number}", severity, "it is slow", "many scans", "index it")
