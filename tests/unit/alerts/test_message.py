"""The Slack message: its content, its limits, and what may never be in it."""

import json
import re
import shlex
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from setpoint.alerts.message import (
    MAX_BLOCKS,
    MAX_CHARACTERS,
    Subject,
    commands,
    escape,
    render,
    sparkline,
    thread_line,
)
from setpoint.api.alerts import EntryStatus, OutboxAlert, OutboxEntry, RuleCount
from setpoint.api.findings import Severity
from stack.slack_rules import content_error

SUBJECT = Subject("ScalingPolicy", "scalingpolicies", "shop", "web")
BEGIN, NOW = "2026-11-23T12:00:00Z", "2026-11-23T12:05:00Z"


def alert(rule: str = "cpu", **more: Any) -> OutboxAlert:
    given_ = {
        "fingerprint": rule, "rule": rule, "state": EntryStatus.FIRING, "value": "93%",
        "threshold": "80%", "unit": "%", "since": BEGIN, "trend": "41 55 72 93",
        "summary": f"{rule} is 93% (threshold 80%)",
    }  # fmt: skip
    return OutboxAlert(**{**given_, **more})


def entry(*alerts: OutboxAlert, **more: Any) -> OutboxEntry:
    given_: dict[str, Any] = {
        "id": "e1", "incident": "i1", "uid": "u1", "severity": Severity.CRITICAL,
        "status": EntryStatus.FIRING, "time": NOW, "since": BEGIN,
        "summary": "cpu is 93% (threshold 80%)", "alerts": list(alerts) or [alert()],
    }  # fmt: skip
    return OutboxEntry(**{**given_, **more})


def attachment(made: OutboxEntry) -> dict[str, Any]:
    [one] = render(made, SUBJECT).attachments
    return dict(one)


def texts(made: OutboxEntry) -> str:
    return json.dumps(attachment(made)["blocks"], ensure_ascii=False)


def test_the_documents_content() -> None:
    found = attachment(entry(alert("cpu"), alert("responseTime", value="1.4 s", threshold="1 s")))
    assert found["color"] == "danger"
    assert found["blocks"][0]["text"] == {
        "type": "plain_text",
        "text": "performance",
        "emoji": False,
    }
    fields = [field["text"] for block in found["blocks"] for field in block.get("fields", [])]
    assert fields == ["*cpu*\n93% (threshold: 80%)", "*response_time*\n1.4 s (threshold: 1 s)"]
    said = json.dumps(found, ensure_ascii=False)
    assert "since 2026-11-23 12:00 UTC" in said
    assert "▁▂▅█ 41 to 93%" in said
    assert "kubectl describe scalingpolicies -n shop web" in said


def test_what_setpoint_did_and_would_do() -> None:
    said = texts(entry(did="raised max from 10 to 20", would="restart: needs approval"))
    assert "*Done:* raised max from 10 to 20" in said
    assert "*Would:* restart: needs approval" in said


@pytest.mark.parametrize(
    ("severity", "status", "colour"),
    [
        (Severity.CRITICAL, EntryStatus.FIRING, "danger"),
        (Severity.CRITICAL, EntryStatus.ESCALATED, "danger"),
        (Severity.WARNING, EntryStatus.FIRING, "warning"),
        (Severity.WARNING, EntryStatus.DIGEST, "warning"),
        (Severity.CRITICAL, EntryStatus.RESOLVED, "good"),
    ],
)
def test_colours(severity: Severity, status: EntryStatus, colour: str) -> None:
    assert attachment(entry(severity=severity, status=status))["color"] == colour


def test_what_is_over_says_so_and_needs_no_command() -> None:
    over = alert(state=EntryStatus.RESOLVED, ended=NOW)
    said = texts(entry(over, status=EntryStatus.RESOLVED))
    assert "*cpu* resolved 2026-11-23 12:05 UTC" in said
    assert "~*cpu*~" in said
    assert "kubectl" not in said


def test_what_is_not_listed_is_counted() -> None:
    made = entry(alert(), others=[RuleCount(rule="memory", count=3)], status=EntryStatus.DIGEST)
    assert "3 more: 3 memory" in texts(made)
    assert "3 more: 3 memory" in thread_line(made)


def test_the_silence_is_what_the_api_takes() -> None:
    _, command = commands(entry(alert("responseTime")), SUBJECT)
    first, body, last = command.split("\n")
    assert shlex.split(first.replace("<<EOF", ""))[:3] == ["kubectl", "apply", "--server-side"]
    assert "--field-manager=silence-response-time" in first
    assert last == "EOF"
    [silence] = json.loads(body)["spec"]["alerts"]["silences"]
    assert (silence["rule"], silence["until"]) == ("responseTime", "2026-11-23T16:05:00Z")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*)", silence["name"])


def test_several_rules_are_silenced_together() -> None:
    _, command = commands(entry(alert("cpu"), alert("memory")), SUBJECT)
    [silence] = json.loads(command.split("\n")[1])["spec"]["alerts"]["silences"]
    assert "rule" not in silence


@pytest.mark.parametrize(
    ("trend", "chart"),
    [
        ("41 55 72 93", "▁▂▅█ 41 to 93"),
        ("5 5 5", "▁▁▁ 5 to 5"),
        ("-1 0", "▁█ -1 to 0"),
        ("", ""),
        ("7", ""),
        ("a b", ""),
        ("1 nan", ""),
        ("1 inf", ""),
    ],
)
def test_sparklines(trend: str, chart: str) -> None:
    assert sparkline(trend) == chart


def test_escaping() -> None:
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert escape("\x1b[31mred\x1b[0m \x1b]8;;https://x\x07link") == "red link"
    assert escape("a\nb\tc\r") == "a b c "
    assert escape("user\u202egpj.exe \u200bx\x00") == "usergpj.exe x"


NASTY = st.text(max_size=256) | st.sampled_from(
    ["<!channel>" * 25, "<https://evil|click>" * 12, "&" * 256, "\x1b[31m" * 40, "`" * 256,
     "```" * 80, "*_~" * 80, "🔥" * 256, "\u202e" * 100, '"\\' * 128]
)  # fmt: skip
ALERTS = st.builds(
    alert,
    rule=st.sampled_from(["cpu", "responseTime", "UnusedIndex"]),
    target=NASTY.map(lambda text: text[:128]),
    summary=NASTY,
    value=NASTY.map(lambda text: text[:64]),
    threshold=NASTY.map(lambda text: text[:64]),
    unit=NASTY.map(lambda text: text[:8]),
    state=st.sampled_from([EntryStatus.FIRING, EntryStatus.RESOLVED, EntryStatus.ESCALATED]),
)


@seed(20261124)
@settings(max_examples=40, deadline=None, database=None)
@given(
    alerts=st.lists(ALERTS, min_size=1, max_size=40),
    summary=NASTY,
    did=NASTY,
    status=st.sampled_from(list(EntryStatus)),
)
def test_whatever_is_said_slack_takes_it_and_nothing_in_it_is_live(
    alerts: list[OutboxAlert], summary: str, did: str, status: EntryStatus
) -> None:
    made = entry(*alerts, summary=summary, did=did, would=did, status=status)
    message = render(made, SUBJECT)
    body = {"text": message.text, "attachments": list(message.attachments)}
    blocks = message.attachments[0]["blocks"]

    assert content_error(body) is None
    assert len(blocks) <= MAX_BLOCKS
    assert len(json.dumps(blocks, ensure_ascii=False)) <= MAX_CHARACTERS
    for text in (json.dumps(body, ensure_ascii=False), thread_line(made)):
        assert "<" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
    for block in blocks[1:]:
        for part in [block.get("text"), *block.get("fields", [])]:
            assert part is None or part["verbatim"] is True


def test_the_worst_that_fits_the_outbox() -> None:
    long = [alert(f"rule{n}", target="&" * 128, summary="&" * 256) for n in range(40)]
    made = entry(*long, did="&" * 256, would="&" * 256, summary="&" * 256)
    said = texts(made)
    assert len(said) <= MAX_CHARACTERS
    assert "more:" in said
    assert len(thread_line(made)) < 40_000


def test_text_of_64_kilobytes_is_escaped_in_no_time() -> None:
    text = ("<!channel> \x1b[31m & https://x " * 3000)[: 64 * 1024]
    assert "<" not in escape(text)
