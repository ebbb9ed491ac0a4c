"""Findings in status: ordered, bounded, and still while numbers move."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.findings import Severity
from setpoint.engine import findings
from setpoint.engine.findings import Identity
from setpoint.engine.model import Finding

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCANS = Finding("Scans", "public.a", Severity.WARNING, "m", "100 scans", "r", magnitude=100)


def shown(
    found: list[Finding],
    previous: dict[str, Any] | None = None,
    magnitudes: dict[Identity, float] | None = None,
    now: datetime = NOW,
) -> dict[str, Any]:
    return findings.show(found, previous or {}, magnitudes or {}, now).wire()


def test_the_worst_come_first_and_all_are_counted() -> None:
    critical = replace(SCANS, id="Zz", severity=Severity.CRITICAL)
    info = replace(SCANS, id="Aa", severity=Severity.INFO)
    made = shown([info, SCANS, critical])
    assert [item["id"] for item in made["items"]] == ["Zz", "Scans", "Aa"]
    assert (made["summary"], made["worst"], made["total"]) == ("1C 1W 1I", "Critical", 3)


def test_what_is_cut_is_counted() -> None:
    many = [replace(SCANS, object=f"public.t{n:05}") for n in range(10_000)]
    made = findings.show(many, {}, {}, NOW)
    assert (len(made.items), made.total, made.truncated) == (20, 10_000, 9980)
    long = [replace(SCANS, object=f"t{n}", message="ü" * 512, evidence="ü" * 512, remedy="ü" * 512)
            for n in range(20)]  # fmt: skip
    cut = findings.show(long, {}, {}, NOW)
    assert len(cut.model_dump_json(by_alias=True).encode()) < 17 * 1024
    assert len(cut.items) + cut.truncated == 20


def test_texts_stay_until_the_magnitude_doubles_or_halves() -> None:
    first = shown([SCANS])
    magnitudes = {("Scans", "public.a"): 100.0}
    later = NOW + timedelta(days=1)
    more = replace(SCANS, evidence="199 scans", magnitude=199)
    assert shown([more], first, magnitudes, later) == first
    doubled = replace(SCANS, evidence="200 scans", magnitude=200)
    made = shown([doubled], first, magnitudes, later)
    assert made["items"][0]["evidence"] == "200 scans"
    assert made["items"][0]["firstSeen"] == first["items"][0]["firstSeen"]


@pytest.mark.parametrize(
    "change",
    [{"message": "another"}, {"remedy": "another"}, {"sql": ("DROP INDEX b", "DROP INDEX c")}],
    ids=["message", "remedy", "sql"],
)
def test_what_is_to_be_done_is_shown_as_it_is_now(change: dict[str, Any]) -> None:
    before = replace(SCANS, sql=("DROP INDEX a", "DROP INDEX b"))
    first = shown([before])
    moved: dict[str, Any] = {"evidence": "101 scans", "magnitude": 101}
    made = shown([replace(before, **moved, **change)], first)
    [name, value] = next(iter(change.items()))
    assert made["items"][0][name] == (list(value) if name == "sql" else value)
    assert made["items"][0]["evidence"] == "101 scans"
    assert made["items"][0]["firstSeen"] == first["items"][0]["firstSeen"]
    swapped = replace(before, **moved, sql=("DROP INDEX b", "DROP INDEX a"))
    assert shown([swapped], first) == first, "another order is no other remedy"


def test_evidence_that_does_not_move_by_itself_is_shown_as_it_is_now() -> None:
    before = replace(SCANS, evidence="it is 1", magnitude=1, steady=True)
    first = shown([before])
    assert shown([before], first) == first
    made = shown([replace(before, evidence="it is 2")], first)
    assert made["items"][0]["evidence"] == "it is 2"


def test_a_restart_changes_nothing() -> None:
    first = shown([SCANS])
    assert shown([replace(SCANS, evidence="170 scans", magnitude=170)], first) == first


def test_small_steps_do_not_creep_past_unseen() -> None:
    previous: dict[str, Any] = {}
    magnitudes: dict[Identity, float] = {}
    texts = set()
    for scans in range(100, 450, 10):
        finding = replace(SCANS, evidence=f"{scans} scans", magnitude=scans)
        made = findings.show([finding], previous, magnitudes, NOW)
        magnitudes = findings.remember([finding], made, magnitudes)
        previous = made.wire()
        texts.add(made.items[0].evidence)
    assert texts == {"100 scans", "200 scans", "400 scans"}


def test_a_worse_severity_shows_at_once() -> None:
    first = shown([SCANS])
    worse = replace(SCANS, severity=Severity.CRITICAL, evidence="101 scans", magnitude=101)
    assert shown([worse], first)["items"][0]["evidence"] == "101 scans"


def test_what_goes_away_is_reported_resolved() -> None:
    first = shown([SCANS, replace(SCANS, object="public.b")])
    later = NOW + timedelta(days=1)
    made = shown([SCANS], first, now=later)
    assert made["resolved"] == [
        {
            "id": "Scans",
            "object": "public.b",
            "firstSeen": "2026-11-23T12:00:00Z",
            "resolvedAt": "2026-11-24T12:00:00Z",
        }
    ]
    assert shown([SCANS], made, now=later + timedelta(days=1)) == made, "it is told once"
    back = shown([SCANS, replace(SCANS, object="public.b")], made, now=later)
    assert "resolved" not in back


def test_only_the_last_resolved_are_kept() -> None:
    first = shown([replace(SCANS, object=f"public.t{n}") for n in range(12)])
    made = shown([], first)
    assert len(made["resolved"]) == 5


def test_what_sinks_below_the_shown_is_not_resolved() -> None:
    first = shown([SCANS])
    worse = [replace(SCANS, id="A", severity=Severity.CRITICAL, object=f"t{n}") for n in range(30)]
    assert "resolved" not in shown([*worse, SCANS], first)


def test_what_could_not_be_looked_at_stays() -> None:
    first = shown([SCANS, replace(SCANS, object="public.b", sql=("DROP INDEX x",))])
    kept = findings.carried([SCANS], first, lambda _, thing: thing == "public.b")
    assert [(f.object, tuple(f.sql)) for f in kept] == [
        ("public.a", ()),
        ("public.b", ("DROP INDEX x",)),
    ]
    assert findings.carried([SCANS], first, lambda *_: False) == [SCANS]
