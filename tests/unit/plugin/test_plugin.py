"""What `kubectl setpoint` says of a resource, and what it changes in one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy
from setpoint.plugin import edits, rows, show
from setpoint.plugin.advice import OF_BLOCK, OF_REASON
from setpoint.plugin.explain import age, explain
from setpoint.plugin.kubectl import PluginError, plurals_named

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
EARLIER = "2026-11-24T11:30:00Z"


def condition(type_: str, status: str, reason: str, message: str) -> dict[str, Any]:
    return {
        "type": type_, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": EARLIER,
    }  # fmt: skip


READY = condition("Ready", "True", "InSync", "everything is as the spec says")
ACTION = {
    "op": "Update", "object": "redis", "field": "maxmemory-policy", "from": "noeviction",
    "to": "allkeys-lru", "reason": "the spec says so", "risk": "High", "blockedBy": "Approval",
}  # fmt: skip
FINDING = {
    "id": "LowHitRate", "object": "cache", "severity": "Critical", "message": "few hits",
    "evidence": "41% of 10,000 lookups", "remedy": "more memory", "firstSeen": EARLIER,
}  # fmt: skip
ALERT = {
    "rule": "hitRate", "target": "", "severity": "Critical", "state": "Firing", "value": "41%",
    "threshold": "80%", "since": EARLIER, "suppressedBy": "Silence/night",
}  # fmt: skip


def cache(status: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    meta = {
        "namespace": "shop", "name": "sessions", "generation": 3, "creationTimestamp": EARLIER,
        **more.pop("metadata", {}),
    }  # fmt: skip
    found = {"observedGeneration": 3, "conditions": [READY], **(status or {})}
    return {"kind": "CacheTuning", "metadata": meta, "spec": more, "status": found}


def said(item: dict[str, Any]) -> str:
    return show.paragraphs(explain(item, NOW), 0)


def test_every_reason_and_every_block_has_its_advice() -> None:
    assert set(OF_REASON) == set(Reason)
    assert set(OF_BLOCK) == set(BlockedBy)


def test_a_healthy_resource_is_told_in_a_sentence() -> None:
    assert said(cache()) == (
        "CacheTuning shop/sessions is ready, for 30m (InSync). Nothing is to be done.\n"
        "    everything is as the spec says\n"
    )


def test_what_waits_for_approval_is_told_with_the_command() -> None:
    text = said(cache({"plan": {"digest": "e56e35801501", "actions": [ACTION]}}))
    assert (
        "Update redis maxmemory-policy from noeviction to allkeys-lru (risk High; it needs" in text
    )
    assert "because the spec says so" in text
    assert "kubectl setpoint approve sessions -n shop --digest e56e35801501" in text


def test_findings_and_alerts_come_with_their_evidence() -> None:
    text = said(
        cache(
            {
                "findings": {"total": 5, "worst": "Critical", "items": [FINDING] * 4},
                "alerts": {"items": [ALERT], "error": "the channel is archived"},
            }
        )
    )
    assert "41% of 10,000 lookups" in text
    assert "→ more memory" in text
    assert "and 2 more" in text
    assert "Critical hitRate 41% (threshold 80%) since 30m, not told: Silence/night\n" in text
    assert "the channel is archived" in text


def test_one_that_nobody_looks_at_is_told_so() -> None:
    new = cache(metadata={"creationTimestamp": "2026-11-24T11:59:50Z"})
    new["status"] = {"observedGeneration": -1}
    assert "was just created" in said(new)
    old = cache()
    old["status"] = {"observedGeneration": -1}
    assert "no operator has looked at it" in said(old)


def test_an_edit_that_is_not_reconciled_is_told() -> None:
    assert "generation 4) is not reconciled yet" in said(cache(metadata={"generation": 4}))


def test_stalled_suspended_and_deleted_ones() -> None:
    failed = condition("Ready", "False", "TLSFailed", "the certificate is for another host")
    stalled = condition("Stalled", "True", "TLSFailed", "the certificate is for another host")
    text = said(cache({"conditions": [failed, stalled]}))
    assert "is not ready" in text
    assert "only a person can help" in text
    assert "ca.crt" in text
    assert "is suspended" in said(cache(suspend=True))
    deleted = {"deletionTimestamp": EARLIER, "finalizers": ["setpoint.dev/finalizer"]}
    text = said(cache(metadata=deleted))
    assert "was deleted 30m ago: setpoint puts back" in text
    assert (
        "kubectl annotate cachetunings.setpoint.dev sessions -n shop setpoint.dev/abandon=" in text
    )
    text = said(cache(metadata={**deleted, "finalizers": ["foregroundDeletion"]}))
    assert "it waits for foregroundDeletion" in text
    assert "kubectl setpoint resume sessions -n shop" in said(cache(suspend=True))


def test_what_says_nothing_is_not_said() -> None:
    item = cache({"capacity": {"summary": "-"}, "findings": {"total": 1, "items": [FINDING]}})
    assert "It runs at" not in said(item)
    assert "\n1 finding.\n" in said(item)


def test_what_is_on_its_way_to_an_alert_is_told() -> None:
    waiting = {**ALERT, "state": "Pending", "suppressedBy": None}
    assert "1 breached, but not for long enough to fire.\n    Critical hitRate 41%" in said(
        cache({"alerts": {"items": [waiting]}})
    )


@pytest.mark.parametrize(
    ("ago", "text"), [(5, "5s"), (90, "90s"), (600, "10m"), (7200, "2h"), (86400 * 3, "3d")]
)
def test_ages(ago: int, text: str) -> None:
    since = (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert age(since, NOW) == text


def test_a_row_has_what_matters() -> None:
    item = cache(
        {
            "plan": {"actions": [ACTION]},
            "findings": {"summary": "1C"},
            "alerts": {"count": 2},
            "cache": {"hitRate": "41%", "memoryUsage": "61%", "maxmemoryPolicy": "noeviction"},
        }
    )
    [row] = rows.resources([item], NOW)
    assert row == (
        "shop", "CacheTuning", "sessions", "True", "InSync", "hits 41%, mem 61%, noeviction",
        "1 (Approval)", "1C", "2", "30m",
    )  # fmt: skip


def test_a_resource_without_status_has_a_row() -> None:
    item = cache()
    del item["status"]
    [row] = rows.resources([item], NOW)
    assert row[3:9] == ("-", "-", "-", "-", "-", "-")


def test_findings_of_all_are_sorted_and_filtered() -> None:
    mild = {**FINDING, "severity": "Info", "id": "SlowCommands"}
    item = cache({"findings": {"items": [mild, FINDING], "truncated": 3}})
    assert [row[3] for row in rows.findings([item], 2)] == ["LowHitRate", "SlowCommands"]
    assert [row[3] for row in rows.findings([item], 0)] == ["LowHitRate"]
    about = {"namespace": "shop", "kind": "CacheTuning", "name": "sessions"}
    assert rows.found([item], 0) == [{**about, **FINDING}], "as JSON, each part by itself"
    assert rows.not_shown([item]) == 3


def test_a_pipe_gets_a_line_a_row_and_no_escapes() -> None:
    text = show.table(("a", "b"), [("x\ny", "\x1b[31mred"), ("longer", "2")], 0)
    assert text == "A        B\nx; y     [31mred\nlonger   2\n"


def test_a_terminal_gets_colours_and_none_from_the_data() -> None:
    text = show.table(("state",), [("Critical",), ("\x1b[31mred",)], 80)
    assert "\x1b[1;31mCritical" in text
    assert "\x1b[31mred" not in text


def test_only_the_plan_that_was_looked_at_is_approved() -> None:
    item = cache({"plan": {"digest": "e56e35801501", "actions": [ACTION]}})
    assert edits.approval(item, None) == edits.approval(item, "e56e35801501") == "e56e35801501"
    with pytest.raises(PluginError, match="another one by now"):
        edits.approval(item, "ffffffffffff")
    with pytest.raises(PluginError, match="no change waits"):
        edits.approval(cache(), None)


def test_a_silence_is_added_beside_others() -> None:
    about: dict[str, Any] = {
        "rule": "hitRate", "target": None, "reason": "warming up", "author": "anna",
        "lasts": timedelta(hours=4), "now": NOW,
    }  # fmt: skip
    name, patch = edits.silence(cache(), **about)
    assert name == "hitrate-20261124120000"
    assert [step["path"] for step in patch] == [
        "/spec/alerts", "/spec/alerts/silences", "/spec/alerts/silences/-",
    ]  # fmt: skip
    assert patch[-1]["value"]["until"] == "2026-11-24T16:00:00Z"
    _, patch = edits.silence(cache(alerts={"silences": []}), **about)
    assert [step["path"] for step in patch] == ["/spec/alerts/silences/-"]


def silences(number: int, until: str) -> list[dict[str, str]]:
    return [{"name": f"s{n}", "reason": "r", "author": "a", "until": until} for n in range(number)]


SILENCE: dict[str, Any] = {
    "rule": "hitRate", "target": None, "reason": "warming up", "author": "anna",
    "lasts": timedelta(hours=4), "now": NOW,
}  # fmt: skip


def test_silences_that_are_over_make_place() -> None:
    old, running = silences(19, EARLIER), silences(1, "2026-11-25T12:00:00Z")
    name, patch = edits.silence(cache(alerts={"silences": old[:18] + running}), **SILENCE)
    assert [step["op"] for step in patch] == ["add"], "while there is place they stay"
    name, patch = edits.silence(cache(alerts={"silences": old + running}), **SILENCE)
    assert [step["op"] for step in patch] == ["test", "replace", "add"]
    assert (patch[1]["value"], patch[2]["value"]["name"]) == (running, name)
    full = cache(alerts={"silences": silences(20, "2026-11-25T12:00:00Z")})
    with pytest.raises(PluginError, match="remove one"):
        edits.silence(full, **SILENCE)


def test_two_silences_at_once_have_two_names_and_one_of_no_time_is_refused() -> None:
    first, patch = edits.silence(cache(), **SILENCE)
    second, _ = edits.silence(cache(alerts={"silences": [patch[-1]["value"]]}), **SILENCE)
    assert (first, second) == ("hitrate-20261124120000", "hitrate-20261124120000-2")
    with pytest.raises(PluginError, match="longer"):
        edits.silence(cache(), **{**SILENCE, "lasts": timedelta(0)})


def test_a_rule_is_understood_as_slack_shows_it() -> None:
    assert edits.rule_named("error_rate") == edits.rule_named("errorRate") == "errorRate"
    assert edits.rule_named("UnusedIndex") == "UnusedIndex"
    found = cache({"findings": {"items": [FINDING]}})
    assert [edits.is_known(found, name) for name in ("cpu", "Low*", "error_rates")] == [
        True, True, False,
    ]  # fmt: skip


def test_kinds_by_their_names() -> None:
    assert plurals_named("dbt") == plurals_named("DBTuning") == ["dbtunings"]
    assert len(plurals_named("all")) == 3
    with pytest.raises(PluginError, match="there is no kind pods"):
        plurals_named("pods")
