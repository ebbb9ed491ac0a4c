"""Alerts: one message for what fires, resolved once, and nothing new after a restart."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from setpoint.alerts.message import Subject, render
from setpoint.alerts.state import FIRING, RESOLVED, Delivery, evaluate, settle
from setpoint.api.alerts import AlertsStatus
from setpoint.engine.model import Sample

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SUBJECT = Subject("ScalingPolicy", "scalingpolicies", "shop", "checkout")


def sample(rule: str, value: float | None) -> Sample:
    return Sample(rule, value, 80, f"{value}%", "80%")


def test_a_breach_fires_once_and_is_still_while_its_value_moves() -> None:
    first = evaluate([sample("cpu", 93)], AlertsStatus(), NOW)
    assert [alert.rule for alert in first.firing] == ["cpu"]
    assert [entry.kind for entry in first.outbox] == [FIRING]
    assert evaluate([sample("cpu", 97)], first, NOW + timedelta(hours=1)) is first


def test_no_data_changes_nothing() -> None:
    assert evaluate([sample("cpu", None)], AlertsStatus(), NOW) == AlertsStatus()
    firing = evaluate([sample("cpu", 93)], AlertsStatus(), NOW)
    assert evaluate([sample("cpu", None)], firing, NOW) is firing


def test_the_threshold_itself_is_no_breach() -> None:
    assert evaluate([sample("cpu", 80)], AlertsStatus(), NOW).count == 0
    below = Sample("hitRate", 79.9, 80, "79.9%", "80%", above=False)
    assert evaluate([below], AlertsStatus(), NOW).count == 1


def test_a_second_breach_replaces_what_was_not_sent_yet() -> None:
    first = evaluate([sample("cpu", 93)], AlertsStatus(), NOW)
    both = evaluate([sample("cpu", 93), sample("memory", 91)], first, NOW)
    [entry] = both.outbox
    assert [alert.rule for alert in entry.alerts] == ["cpu", "memory"]


def test_delivered_then_resolved_in_place() -> None:
    firing = evaluate([sample("cpu", 93)], AlertsStatus(), NOW)
    sent = settle(firing, [Delivery(firing.outbox[0].id, "C1", "12.3")])
    assert (sent.outbox, sent.channel, sent.ts) == ([], "C1", "12.3")
    over = evaluate([sample("cpu", 40)], sent, NOW)
    [entry] = over.outbox
    assert (entry.kind, over.ts, over.count) == (RESOLVED, "12.3", 0)
    assert [alert.rule for alert in entry.alerts] == ["cpu"]
    done = settle(over, [Delivery(entry.id, "C1", "12.3")])
    assert done == AlertsStatus()


def test_a_refusal_keeps_the_entry_and_says_why() -> None:
    firing = evaluate([sample("cpu", 93)], AlertsStatus(), NOW)
    refused = settle(firing, [Delivery(firing.outbox[0].id, error="Slack refused")])
    assert (refused.outbox, refused.error) == (firing.outbox, "Slack refused")
    assert settle(refused, [Delivery(firing.outbox[0].id, "C1", "1.2")]).error is None


def test_an_unknown_delivery_is_passed_over() -> None:
    assert settle(AlertsStatus(), [Delivery("other", "C1", "1.2")]) == AlertsStatus()


def test_a_message_that_was_overtaken_is_still_the_one_to_update() -> None:
    first = evaluate([sample("cpu", 93)], AlertsStatus(), NOW)
    both = evaluate([sample("cpu", 93), sample("memory", 91)], first, NOW)
    late = settle(both, [Delivery(first.outbox[0].id, "C1", "1.2")])
    assert (late.channel, late.ts) == ("C1", "1.2")
    assert late.outbox == both.outbox


@pytest.mark.parametrize("seed", range(30))
def test_any_history_is_told_completely_and_survives_restarts(seed: int) -> None:
    print(f"seed {seed}")
    draw, now = random.Random(seed), NOW
    state = AlertsStatus()
    told: list[str] = []  # what the reader of Slack believes to fire
    for _ in range(300):
        now += timedelta(seconds=30)
        samples = [sample(rule, draw.choice([None, 50, 90])) for rule in ("cpu", "memory", "x")]
        state = evaluate(samples, state, now)
        assert len(state.outbox) <= 10
        if draw.random() < 0.2:  # a restart: everything comes back from what was stored
            again = AlertsStatus.model_validate(json.loads(json.dumps(state.wire())))
            assert evaluate(samples, again, now) == state
            state = again
        while state.outbox and draw.random() < 0.5:
            entry = state.outbox[0]
            told = [] if entry.kind == RESOLVED else [alert.rule for alert in entry.alerts]
            state = settle(state, [Delivery(entry.id, "C1", "1.2")])
    for entry in state.outbox:
        told = [] if entry.kind == RESOLVED else [alert.rule for alert in entry.alerts]
    assert told == [alert.rule for alert in state.firing]


def test_the_message_has_the_title_colour_and_fields() -> None:
    state = evaluate([sample("responseTime", 93)], AlertsStatus(), NOW)
    message = render(state.outbox[0], SUBJECT)
    [attachment] = message.attachments
    assert (attachment["title"], attachment["color"]) == ("performance", "danger")
    assert attachment["fields"] == [
        {"title": "response_time", "value": "93% (threshold: 80%)", "short": True}
    ]
    assert "kubectl describe scalingpolicies -n shop checkout" in attachment["text"]


def test_nothing_from_data_is_live() -> None:
    bad = Sample("cpu", 93, 80, "<!channel> <@U1> & <http://x|y>", "80%")
    state = evaluate([bad], AlertsStatus(), NOW)
    text = json.dumps(render(state.outbox[0], SUBJECT).attachments)
    assert "<" not in text
    assert "&lt;!channel&gt;" in text
