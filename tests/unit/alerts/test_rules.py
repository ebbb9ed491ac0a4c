"""What the rules say at a look, and what suppresses an alert."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from setpoint.alerts import burn, rules, silence
from setpoint.alerts.burn import Events
from setpoint.alerts.reading import Reading, fingerprint, short_target
from setpoint.alerts.rules import SINGLE_FINDINGS, Look
from setpoint.api.alerts import Alert, Alerts, AlertState, MuteWindow
from setpoint.api.findings import Severity
from setpoint.engine.model import Finding, Sample

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def spec(**changes: Any) -> Alerts:
    return Alerts.model_validate(changes)


def sample(rule: str, value: float | None, **changes: Any) -> Sample:
    return Sample(rule, value, 80, f"{value}%", "80%", **changes)


def finding(number: int, rule: str = "Slow", severity: Severity = Severity.CRITICAL) -> Finding:
    return Finding(rule, f"public.t{number}", severity, "it is slow", f"{number} scans", "index it")


def alert(rule: str, target: str = "", state: AlertState = AlertState.FIRING) -> Alert:
    return Alert(
        rule=rule,
        target=target,
        severity=Severity.CRITICAL,
        state=state,
        value="93%",
        threshold="80%",
        since="2026-11-23T11:00:00Z",
    )


def read(made: Alerts, *samples: Sample, **look: Any) -> dict[tuple[str, str], Reading]:
    items = look.pop("items", [])
    return dict(rules.read(made, Look(**{"observed": True, "samples": samples, **look}), items))


def test_the_threshold_itself_is_no_breach() -> None:
    assert read(spec(), sample("cpu", 80))["cpu", ""].breached is False
    assert read(spec(), sample("hitRate", 79.9, above=False))["hitRate", ""].breached is True


def test_no_data_is_neither_a_breach_nor_its_end_and_a_rule_of_its_own_if_asked() -> None:
    found = read(spec(), sample("cpu", None))
    assert (found["cpu", ""].breached, found["cpu", ""].holds) == (None, None)
    assert ("noData", "cpu") not in found
    asked = spec(rules=[{"rule": "noData", "enabled": True}])
    missing = read(asked, sample("cpu", None))["noData", "cpu"]
    assert (missing.breached, missing.settings.for_) == (True, timedelta(minutes=15))


@pytest.mark.parametrize(
    ("value", "above", "holds"),
    [(80.1, True, True), (72.1, True, True), (72.0, True, False), (87.9, False, True), (88.0, False, False)],
)  # fmt: skip
def test_hysteresis_is_a_share_of_the_threshold(value: float, above: bool, holds: bool) -> None:
    found = read(spec(hysteresis="10%"), sample("cpu", value, above=above))
    assert found["cpu", ""].holds is holds


def test_the_settings_of_a_rule_come_before_those_of_all() -> None:
    made = spec(
        **{"for": "1m", "keepFiringFor": "2m", "evaluations": {"breaches": 2, "of": 3}},
        rules=[{"rule": "cpu", "for": "5m", "severity": "Warning"}],
    )
    found = read(made, sample("cpu", 90), sample("memory", 90))
    cpu, memory = found["cpu", ""], found["memory", ""]
    assert (cpu.settings.for_, cpu.severity) == (timedelta(minutes=5), Severity.WARNING)
    assert (memory.settings.for_, memory.severity) == (timedelta(minutes=1), Severity.CRITICAL)
    assert (cpu.settings.keep_firing_for, cpu.settings.breaches) == (timedelta(minutes=2), 2)


def test_a_rule_that_is_switched_off_ends_its_alert() -> None:
    off = spec(rules=[{"rule": "cpu", "enabled": False}])
    found = read(off, sample("cpu", 99), items=[alert("cpu")])
    assert found["cpu", ""].gone


def test_a_look_that_failed_says_nothing_of_what_it_did_not_see() -> None:
    items = [alert("cpu"), alert("Slow", "public.t1")]
    found = read(spec(), observed=False, unreachable="it is down", items=items)
    assert ("cpu", "") not in found
    assert ("Slow", "public.t1") not in found
    assert found["unreachable", ""].breached is True
    part = read(spec(), complete=False, items=items[1:])
    assert ("Slow", "public.t1") not in part, "a part that was not seen ends no finding"
    assert read(spec(), items=items[1:])["Slow", "public.t1"].breached is False


@pytest.mark.parametrize(("least", "expected"), [("Critical", 1), ("Warning", 2), ("None", 0)])
def test_findings_alert_from_the_chosen_severity_on(least: str, expected: int) -> None:
    found = [finding(1), finding(2, severity=Severity.WARNING), finding(3, severity=Severity.INFO)]
    made = read(spec(findings=least), findings=found)
    assert len([name for name in made if name[0] == "Slow"]) == expected


def test_a_finding_that_a_value_says_already_is_not_said_twice() -> None:
    samples = [sample("memoryUsage", 95, finding="Slow")]
    assert ("Slow", "public.t1") not in read(spec(), *samples, findings=[finding(1)])


def test_many_findings_are_one_alert_for_each_rule_until_they_are_clearly_fewer() -> None:
    many = [finding(n) for n in range(SINGLE_FINDINGS + 1)]
    found = read(spec(), findings=many)
    assert [name for name in found if name[0] == "Slow"] == [("Slow", "*")]
    assert found["Slow", "*"].value == "11 findings: see status.findings"
    fewer = read(spec(), findings=many[:9], items=[alert("Slow", "*")])
    assert [name for name in fewer if name[0] == "Slow"] == [("Slow", "*")]
    few = read(spec(), findings=many[:7], items=[alert("Slow", "*")])
    assert few["Slow", "*"].breached is False
    assert len([name for name in few if name[0] == "Slow"]) == 8
    rules_too = [finding(n, f"Rule{n}") for n in range(SINGLE_FINDINGS + 1)]
    assert ("findings", "*") in read(spec(), findings=rules_too)


def test_identity_is_independent_of_numbers_and_wording() -> None:
    assert fingerprint("u", ("cpu", "")) == fingerprint("u", ("cpu", ""))
    assert len({fingerprint("u", ("cpu", "")), fingerprint("v", ("cpu", "")),
                fingerprint("u", ("cpu", "x"))}) == 3  # fmt: skip
    long = "x" * 200
    assert len(short_target(long)) <= 128
    assert short_target(long + "a") != short_target(long + "b")


def silenced(made: Alerts, *items: Alert, now: datetime = NOW) -> list[str | None]:
    return [item.suppressed_by for item in silence.suppressed(items, made, now)]


def test_a_silence_has_a_begin_an_end_and_what_it_is_about() -> None:
    made = spec(
        silences=[
            {
                "name": "deploy",
                "rule": "c*",
                "reason": "a deploy",
                "author": "anna",
                "since": "2026-11-23T12:00:00Z",
                "until": "2026-11-23T13:00:00Z",
            }
        ]
    )
    assert silenced(made, alert("cpu"), alert("memory")) == ["Silence/deploy", None]
    assert silenced(made, alert("cpu"), now=NOW - timedelta(seconds=1)) == [None]
    assert silenced(made, alert("cpu"), now=NOW + timedelta(hours=1)) == [None]
    held = silence.suppressed([alert("cpu")], made, NOW)
    assert list(silence.ends(held, made, NOW)) == [NOW + timedelta(hours=1)]


def test_a_silence_of_findings_is_of_all_of_them() -> None:
    ending = {"reason": "a migration", "author": "anna", "until": "2026-11-23T13:00:00Z"}
    made = spec(silences=[{"name": "migration", "rule": "findings", **ending}])
    items = (alert("UnusedIndex"), alert("cpu"))
    assert silenced(made, *items) == ["Silence/migration", None]


def window(**changes: Any) -> MuteWindow:
    return MuteWindow.model_validate(
        {"name": "night", "cron": "0 22 * * *", "duration": "8h", "timeZone": "Europe/Berlin",
         **changes}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-11-23T20:59:59+00:00", None),
        ("2026-11-23T21:00:00+00:00", "2026-11-24T05:00:00+00:00"),
        ("2026-11-24T04:59:59+00:00", "2026-11-24T05:00:00+00:00"),
        ("2026-11-24T05:00:00+00:00", None),
        # the night in which the clocks go back: eight hours all the same
        ("2026-10-25T03:59:00+00:00", "2026-10-25T04:00:00+00:00"),
        ("2026-10-25T04:00:00+00:00", None),
    ],
)
def test_a_mute_window_comes_back_in_its_own_time_zone(at: str, end: str | None) -> None:
    found = silence.end_of(window(), datetime.fromisoformat(at))
    assert found == (None if end is None else datetime.fromisoformat(end))


@pytest.mark.parametrize(
    "bad", [{"cron": "61 * * * *"}, {"cron": "0 22 * *"}, {"timeZone": "Mars/Olympus"}], ids=str
)
def test_a_mute_window_that_never_comes_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        window(**bad)


def test_a_target_that_cannot_be_seen_explains_what_is_said_of_it() -> None:
    items = [alert("cpu"), alert("Slow", "t"), alert("stalled"), alert("unreachable")]
    assert silenced(spec(), *items) == ["Rule/unreachable"] * 2 + [None, "Rule/stalled"]
    assert silenced(spec(), alert("cpu"), alert("stalled")) == [None, None]
    pending = alert("unreachable", state=AlertState.PENDING)
    assert silenced(spec(), alert("cpu"), pending) == [None, None]


END = NOW


def traffic(bad_share: float, last: timedelta, total: float = 1000) -> dict[datetime, Events]:
    """Three days of traffic with errors in the last part."""
    periods = int(burn.LONGEST / burn.PERIOD)
    starts = [END - burn.PERIOD * (n + 1) for n in range(periods)]
    return {s: Events(total, total * bad_share if END - s <= last else 0) for s in starts}


@pytest.mark.parametrize(
    ("share", "last", "severity", "row"),
    [
        (0.5, timedelta(hours=1), Severity.CRITICAL, "1h+5m"),
        (0.07, timedelta(hours=6), Severity.CRITICAL, "6h+30m"),
        (0.02, timedelta(days=3), Severity.WARNING, "72h+6h"),
    ],
)
def test_each_row_of_the_table_fires(
    share: float, last: timedelta, severity: Severity, row: str
) -> None:
    found = burn.sample("errorBudget", traffic(share, last), 99, 100, END)
    assert (found.breached, found.severity, row in found.shown) == (True, severity, True)


def test_it_ends_soon_after_the_trouble_and_needs_both_windows() -> None:
    over = {s: e for s, e in traffic(0.5, timedelta(hours=1)).items() if END - s > burn.PERIOD}
    good = {END - burn.PERIOD: Events(1000, 0)}
    found = burn.sample("errorBudget", {**over, **good}, 99, 100, END)
    assert "6h+30m" in found.shown, "the row with the short window of five minutes is over"
    brief = burn.sample("errorBudget", traffic(0.2, timedelta(minutes=5)), 99, 100, END)
    assert brief.breached is False, "five minutes alone do not page"


def test_few_events_say_nothing() -> None:
    assert (
        burn.sample("errorBudget", traffic(1, timedelta(days=3), 0.1), 99, 100, END).value is None
    )
    assert burn.sample("errorBudget", {}, 99, 100, END).breached is None
