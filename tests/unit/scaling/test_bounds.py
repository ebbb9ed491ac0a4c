"""Bounds that schedules move, told from drift."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from setpoint.scaling.bounds import Bounds, Situation, effective, expected, is_drift
from setpoint.scaling.schedule import next_firing

BASE = (2, 10)
CREATED = datetime(2026, 8, 1, tzinfo=UTC)
MORNING, NIGHT = "cron(0 8 * * ? *)", "cron(0 20 * * ? *)"
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-08-{text}").replace(tzinfo=UTC)


def action(
    name: str, schedule: str, low: int | None = None, high: int | None = None, **more: Any
) -> dict[str, Any]:
    change = {"MinCapacity": low, "MaxCapacity": high}
    return {
        "ScheduledActionName": name,
        "Schedule": schedule,
        "CreationTime": CREATED,
        "ScalableTargetAction": {k: v for k, v in change.items() if v is not None},
        **more,
    }


DAY, EVENING = action("day", MORNING, 5, 20), action("evening", NIGHT, 1, 4)


def situation(
    observed: tuple[int, int], now: str, *actions: dict[str, Any], **more: Any
) -> Situation:
    return Situation(
        **dict[str, Any]({"base": BASE, "observed": observed, "actions": actions, "now": at(now)})
        | more
    )


@pytest.mark.parametrize(
    ("now", "bounds"),
    [
        ("01T07:59", Bounds(2, 10, "Spec")),
        ("01T08:00", Bounds(5, 20, "Schedule/day")),
        ("01T19:59", Bounds(5, 20, "Schedule/day")),
        ("02T03:00", Bounds(1, 4, "Schedule/evening")),
        ("02T12:00", Bounds(5, 20, "Schedule/day")),
    ],
)
def test_the_last_firing_is_expected(now: str, bounds: Bounds) -> None:
    assert expected(situation(BASE, now, DAY, EVENING)) == bounds
    observed = situation((bounds.min, bounds.max), now, DAY, EVENING)
    assert not is_drift(observed)
    assert effective(observed) == bounds


def test_a_manual_change_is_drift() -> None:
    changed = situation((3, 20), "02T12:00", DAY, EVENING)
    assert is_drift(changed)
    assert effective(changed) == Bounds(3, 20, "AWS")
    assert is_drift(situation((1, 4), "02T12:00", DAY, EVENING)), "the night's, at noon"
    assert is_drift(situation((3, 10), "02T12:00"))
    assert not is_drift(situation(BASE, "02T12:00"))


def test_a_firing_may_be_late_and_clocks_may_differ() -> None:
    assert not is_drift(situation((1, 4), "02T08:02", DAY, EVENING))
    assert is_drift(situation((1, 4), "02T08:04", DAY, EVENING))
    assert not is_drift(situation((5, 20), "02T07:59", DAY, EVENING))
    assert is_drift(situation((5, 20), "02T07:58", DAY, EVENING))


def test_one_bound_leaves_the_other_to_the_spec_or_to_another_schedule() -> None:
    low, high = action("low", MORNING, low=5), action("high", "cron(0 9 * * ? *)", high=20)
    assert expected(situation(BASE, "01T08:30", low, high)) == Bounds(5, 10, "Schedule/low")
    assert expected(situation(BASE, "02T12:00", low, high)) == Bounds(5, 20, "Schedule/high")
    raised = situation((5, 10), "01T08:30", low, base=(2, 12))
    assert is_drift(raised), "the spec's new maximum is not there yet"
    assert expected(raised) == Bounds(5, 12, "Schedule/low")


def test_a_firing_that_aws_refuses_changes_nothing() -> None:
    refused = action("refused", MORNING, low=11)
    assert expected(situation(BASE, "02T12:00", refused)) == Bounds(2, 10, "Spec")
    assert is_drift(situation((11, 11), "02T12:00", refused))


def test_the_spec_is_accepted_while_a_schedule_is_in_force() -> None:
    changed_at_noon = situation(BASE, "02T12:00", DAY, EVENING)
    assert not is_drift(changed_at_noon)
    assert effective(changed_at_noon) == Bounds(2, 10, "Spec")


def test_an_action_that_ended_keeps_its_values() -> None:
    ended = DAY | {"EndTime": at("03T00:00")}
    assert expected(situation(BASE, "09T12:00", ended)) == Bounds(5, 20, "Schedule/day")


def test_a_start_time_may_fire() -> None:
    started = DAY | {"StartTime": at("03T00:00")}
    assert expected(situation(BASE, "03T04:00", started)).source == "Spec"
    assert not is_drift(situation((5, 20), "03T04:00", started))
    assert not is_drift(situation(BASE, "03T04:00", started))
    assert is_drift(situation((5, 20), "02T12:00", started))


def test_while_schedules_are_suspended_any_firing_may_have_been_missed() -> None:
    for observed in ((1, 4), (5, 20), BASE):
        assert not is_drift(situation(observed, "02T12:00", DAY, EVENING, is_suspended=True))
    assert is_drift(situation((3, 9), "02T12:00", DAY, EVENING, is_suspended=True))


def test_a_forecast_may_raise_the_maximum() -> None:
    raised = situation((2, 17), "02T12:00", may_raise_max=True)
    assert not is_drift(raised)
    assert effective(raised) == Bounds(2, 17, "Predictive")
    assert is_drift(situation((2, 17), "02T12:00"))
    assert is_drift(situation((3, 17), "02T12:00", may_raise_max=True))
    assert is_drift(situation((2, 9), "02T12:00", may_raise_max=True))


def test_a_schedule_that_is_not_understood_may_have_fired() -> None:
    odd = action("odd", "moon(full)", 7, 9)
    assert expected(situation(BASE, "02T12:00", odd)) == Bounds(2, 10, "Spec")
    assert effective(situation((7, 9), "02T12:00", odd)) == Bounds(7, 9, "Schedule/odd")
    assert is_drift(situation((7, 8), "02T12:00", odd))


@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25)])
def test_an_hour_that_the_clock_skips_or_repeats_is_not_held_against_aws(
    month: int, day: int
) -> None:
    now = datetime(2026, month, day, 12, tzinfo=UTC)
    more = {"Timezone": "Europe/Berlin", "CreationTime": now - timedelta(days=5)}
    before = action("before", "cron(30 2 ? * SAT *)", 1, 4, **more)
    in_it = action("in-it", "cron(30 2 ? * SUN *)", 5, 20, **more)
    for observed in ((5, 20), (1, 4)):
        assert not is_drift(Situation(BASE, observed, [before, in_it], now))
    assert is_drift(Situation(BASE, (3, 20), [before, in_it], now))


schedules = st.sampled_from(
    [MORNING, NIGHT, "cron(0/20 * * * ? *)", "cron(5 9-17/2 * * ? *)", "cron(0 * * * ? *)",
     "rate(45 minutes)", "rate(3 hours)", "at(2026-08-01T09:00:00)", "cron(0 12 ? * SUN *)"]
)  # fmt: skip
capacities = st.one_of(st.none(), st.integers(0, 12))


@st.composite
def some_actions(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        low, high = draw(capacities), draw(capacities)
        if low is not None and high is not None:
            low, high = sorted((low, high))
        zone = {"Timezone": draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]))}
        found.append(action(f"a{number}", draw(schedules), low, high, **zone))
    return found


def fire(bounds: tuple[int, int], each: dict[str, Any]) -> tuple[int, int]:
    change = each["ScalableTargetAction"]
    low, high = change.get("MinCapacity", bounds[0]), change.get("MaxCapacity", bounds[1])
    return (low, high) if low <= high else bounds


@seed(20261124)
@settings(max_examples=8, deadline=None)
@given(some_actions(), st.integers(0, 2**32))
def test_what_schedules_do_is_never_drift(actions: list[dict[str, Any]], chance: int) -> None:
    order = random.Random(chance)
    bounds, now = BASE, CREATED
    due = {i: _due(each, now) for i, each in enumerate(actions)}
    for _ in range(48 * 60):
        ready = [i for i, moment in due.items() if moment is not None and moment <= now]
        order.shuffle(ready)
        late = order.random() < 0.3 and ready and all(now - _some(due[i]) < MINUTE for i in ready)
        for i in [] if late else ready:
            bounds = fire(bounds, actions[i])
            due[i] = _due(actions[i], now)
        if ready or order.random() < 0.003:
            state = Situation(BASE, bounds, actions, now)
            assert not is_drift(state), (now, bounds)
            assert is_drift(Situation(BASE, (bounds[0], 99), actions, now))
            assert effective(state).source != "AWS"
        now += MINUTE


def _due(each: dict[str, Any], now: datetime) -> datetime | None:
    return next_firing(each["Schedule"], each["Timezone"], None, None, CREATED, now)


def _some(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment
