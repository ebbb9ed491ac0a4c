"""Random histories of alerts against a second, slow and simple implementation of the rules.

SETPOINT_HISTORIES sets how many (`make histories`: 10,000).
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tests.unit.alerts.reference import GRID, Reference, Seen, Setting, Word

from setpoint.alerts import rules
from setpoint.alerts.delivery import Delivery, settle
from setpoint.alerts.outbox import Context
from setpoint.alerts.rules import Look
from setpoint.alerts.state import Memory
from setpoint.alerts.step import Step, step
from setpoint.api.alerts import Alerts, AlertsStatus, MessageRef, OutboxEntry
from setpoint.api.findings import Severity
from setpoint.engine.model import Finding, Sample

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SAMPLES = ("cpu", "memory")
NAMES = (*SAMPLES, "Slow", "unreachable")
LENGTH = 60  # points of the grid: five minutes
THRESHOLD, HYSTERESIS = 80.0, 10

_seconds = st.sampled_from([0, 0, 5, 10, 20])


@st.composite
def _specs(draw: st.DrawFn) -> dict[str, Any]:
    of = draw(st.sampled_from([1, 1, 2, 3]))
    interval = draw(st.sampled_from([5, 10, 25, 60]))
    return {
        "for": draw(_seconds),
        "keep": draw(_seconds),
        "breaches": draw(st.integers(1, of)),
        "of": of,
        "hysteresis": draw(st.sampled_from([0, HYSTERESIS])),
        "unreachableFor": draw(_seconds),
        "wait": draw(st.sampled_from([0, 5, 15, 30])),
        "interval": interval,
        "repeat": interval * draw(st.sampled_from([1, 2, 3, 10])) + draw(st.sampled_from([0, 5])),
        "digestAfter": draw(st.sampled_from([1, 2, 10])),
        "digestWindow": interval + draw(st.sampled_from([0, 30, 60])),
        "silences": draw(
            st.lists(
                st.tuples(st.integers(0, LENGTH), st.integers(1, 20), st.sampled_from(NAMES)),
                max_size=2,
            )
        ),
    }


_values = st.sampled_from([None, 40.0, 75.0, 80.0, 90.0, 99.0])
_looks = st.fixed_dictionaries(
    {
        "after": st.sampled_from([1, 1, 2, 3, 6, 12]),
        "cpu": _values,
        "memory": _values,
        "Slow": st.sampled_from([None, "Critical", "Warning"]),
        "fails": st.sampled_from([False, False, False, True]),
        "restart": st.sampled_from([False, False, True]),
    }
)


def _wire(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _spec(made: dict[str, Any]) -> Alerts:
    silences = [
        {
            "name": f"s{number}",
            "rule": rule,
            "reason": "r",
            "author": "a",
            "since": _wire(begin * GRID),
            "until": _wire((begin + length) * GRID),
        }
        for number, (begin, length, rule) in enumerate(made["silences"])
    ]
    return Alerts.model_validate(
        {
            "for": f"{made['for']}s",
            "keepFiringFor": f"{made['keep']}s",
            "evaluations": {"breaches": made["breaches"], "of": made["of"]},
            "hysteresis": f"{made['hysteresis']}%",
            "findings": "Warning",
            "rules": [
                {"rule": "unreachable", "for": f"{made['unreachableFor']}s"},
                {"rule": "drift", "enabled": False},
            ],
            "group": {
                "wait": f"{made['wait']}s",
                "interval": f"{made['interval']}s",
                "repeat": f"{made['repeat']}s",
                "digestAfter": made["digestAfter"],
                "digestWindow": f"{made['digestWindow']}s",
            },
            "silences": silences,
        }
    )


def _reference(made: dict[str, Any]) -> Reference:
    common = Setting(made["for"], made["keep"], made["breaches"], made["of"])
    unreachable = Setting(made["unreachableFor"], made["keep"], made["breaches"], made["of"])
    return Reference(
        {**dict.fromkeys(NAMES, common), "unreachable": unreachable},
        made["wait"],
        made["interval"],
        made["repeat"],
        made["digestAfter"],
        made["digestWindow"],
        [(begin * GRID, (begin + n) * GRID, rule) for begin, n, rule in made["silences"]],
    )


def _look(seen: dict[str, Any]) -> Look:
    if seen["fails"]:
        return Look(observed=False, unreachable="it is down")
    samples = [Sample(rule, seen[rule], THRESHOLD, f"{seen[rule]}%", "80%") for rule in SAMPLES]
    worst = seen["Slow"]
    found = [Finding("Slow", "t", Severity(worst), "m", "e", "r")] if worst else []
    return Look(observed=True, samples=samples, findings=found)


def _seen(at: int, seen: dict[str, Any], hysteresis: int) -> Iterator[tuple[str, Seen]]:
    fails = seen["fails"]
    yield "unreachable", Seen(at, fails, fails, "Warning")
    if fails:
        return
    for rule in SAMPLES:
        value = seen[rule]
        breached = None if value is None else value > 80
        holds = None if value is None else value > 80 - 80 * hysteresis / 100
        yield rule, Seen(at, breached, holds, "Critical")
    worst = seen["Slow"]
    yield "Slow", Seen(at, bool(worst), bool(worst), worst or "")


class Subject:
    """The real thing, with every message delivered at once."""

    def __init__(self, spec: Alerts) -> None:
        self.spec = spec
        self.status = AlertsStatus()
        self.memory = Memory()
        self.wake: datetime | None = None
        self.words: list[Word] = []
        self.incidents: dict[str, int] = {}

    def restart(self) -> None:
        self.status = AlertsStatus.model_validate(json.loads(json.dumps(self.status.wire())))
        self.memory = Memory()

    def run(self, at: int, look: Look | None) -> None:
        now = START + timedelta(seconds=at)
        readings = rules.read(self.spec, look, self.status.items) if look else {}
        made = step(self.status, readings, self.spec, self.memory, Context("uid"), now)
        assert made.wake is None or made.wake > now, "it would come back at once, for ever"
        self._is_still(made, now)
        for entry in made.status.outbox:
            self.words.append(self._word(at, entry))
        deliveries = [
            Delivery(entry.id, entry.incident, message=MessageRef(channel="C", ts="1"))
            for entry in made.status.outbox
        ]
        self.status, self.memory, self.wake = (
            settle(made.status, deliveries),
            made.memory,
            made.wake,
        )

    def _is_still(self, made: Step, now: datetime) -> None:
        """Another step at the same moment, with nothing seen, changes nothing."""
        again = step(made.status, {}, self.spec, made.memory, Context("uid"), now)
        assert again.status == made.status

    def _word(self, at: int, entry: OutboxEntry) -> Word:
        number = self.incidents.setdefault(entry.incident, len(self.incidents) + 1)
        states = {"Firing": [], "Resolved": [], "Escalated": []}  # type: dict[str, list[str]]
        for alert in entry.alerts:
            states[alert.state].append(alert.rule)
        for other in entry.others:
            states["Resolved"] += [other.rule] * other.count
        return Word(
            at,
            entry.severity,
            number,
            entry.status,
            tuple(sorted(states["Firing"])),
            tuple(sorted(states["Resolved"] + states["Escalated"])),
            entry.repeated,
        )


def _numbered(words: list[Word]) -> list[Word]:
    """Incidents numbered as they are first told: some are over before that."""
    numbers: dict[int, int] = {}
    made = []
    for word in words:
        number = numbers.setdefault(word.incident, len(numbers) + 1)
        firing, over = word.firing, word.over
        if word.status in ("Digest", "Escalated"):  # either may count instead of listing
            firing, over = tuple(sorted((*firing, *over))), ()
        made.append(replace(word, incident=number, firing=firing, over=over))
    return made


@seed(20261124)
@settings(
    max_examples=int(os.environ.get("SETPOINT_HISTORIES", "300")),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(_specs(), st.lists(_looks, min_size=1, max_size=14))
def test_every_history_is_told_as_the_rules_say(
    made: dict[str, Any], looks: list[dict[str, Any]]
) -> None:
    reference, subject = _reference(made), Subject(_spec(made))
    boundaries = {at for begin, end, _ in reference.silences for at in (begin, end)}
    due: dict[int, dict[str, Any]] = {}
    at = 0
    for look in looks:
        due[at] = look
        at += look["after"] * GRID
    for moment in range(0, LENGTH * GRID, GRID):
        seen = due.get(moment)
        if seen is not None:
            if seen["restart"]:
                reference.restart()
                subject.restart()
            reference.look(dict(_seen(moment, seen, made["hysteresis"])))
        reference.time(moment)
        is_due = subject.wake is not None and subject.wake <= START + timedelta(seconds=moment)
        if seen is not None or is_due or moment in boundaries:
            subject.run(moment, _look(seen) if seen is not None else None)
    assert _numbered(subject.words) == _numbered(reference.words)
    firing = {name for name, alert in reference.lives.items() if alert.state == "firing"}
    assert {i.rule for i in subject.status.items if i.state == "Firing"} == firing
