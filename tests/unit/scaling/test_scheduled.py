"""Scheduled actions: what is put, with what, and what is left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.scaling.seen import (
    IN_SYNC,
    NOW,
    changed,
    created,
    decide,
    operations,
    resource,
    status_with,
    told,
)

from setpoint.engine.display import Display
from setpoint.scaling.model import Target
from setpoint.scaling.report import report
from setpoint.scaling.revert import revert
from setpoint.scaling.scheduled import stored

MORNING: dict[str, Any] = {
    "name": "morning",
    "schedule": "cron(0 8 ? * MON-FRI *)",
    "timeZone": "Europe/Berlin",
    "min": 6,
}
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)


def action(**more: Any) -> dict[str, Any]:
    return {
        "ScheduledActionName": "morning",
        "Schedule": "cron(0 8 ? * MON-FRI *)",
        "Timezone": "Europe/Berlin",
        "ScalableTargetAction": {"MinCapacity": 6},
        "CreationTime": datetime(2026, 11, 23, 12, tzinfo=UTC),
        **more,
    }


def seen(*actions: dict[str, Any]) -> Any:
    return replace(IN_SYNC, schedules=list(actions))


def test_one_that_lacks_is_put() -> None:
    [put] = decide(resource(schedules=[MORNING]), IN_SYNC).actions
    assert told([put]) == [
        ("Create", "schedule/morning", "", "cron(0 8 ? * MON-FRI *) Europe/Berlin 6")
    ]
    sent = put.payload["parameters"]
    assert sent["ScalableTargetAction"] == {"MinCapacity": 6}
    assert "StartTime" not in sent


def test_one_that_is_there_is_not_put() -> None:
    assert decide(resource(schedules=[MORNING]), seen(action())).actions == []
    utc = {**MORNING, "timeZone": "UTC"}
    assert decide(resource(schedules=[utc]), seen(action(Timezone=None))).actions == []


def test_start_and_end_of_an_adopted_one_go_along() -> None:
    """AWS deletes those that it is not given."""
    theirs = action(
        StartTime=START, EndTime=END, ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 9}
    )
    [put] = decide(resource(schedules=[MORNING]), seen(theirs)).actions
    assert (put.field, put.from_, put.to) == ("min", "3", "6")
    sent = put.payload["parameters"]
    assert (sent["StartTime"], sent["EndTime"]) == (START, END)
    assert sent["ScalableTargetAction"] == {"MinCapacity": 6, "MaxCapacity": 9}


def test_one_of_our_own_has_what_the_spec_says_and_nothing_else() -> None:
    ours = status_with(created("schedule/morning"))
    [put] = decide(resource(ours, schedules=[MORNING]), seen(action(EndTime=END))).actions
    assert (put.field, put.to) == ("end", "")
    assert "EndTime" not in put.payload["parameters"]
    with_end = {**MORNING, "start": "2026-01-01T00:00:00Z", "end": "2028-01-01T00:00:00Z"}
    both = seen(action(StartTime=START, EndTime=END))
    assert decide(resource(ours, schedules=[with_end]), both).actions == []


def test_only_our_own_are_removed() -> None:
    assert decide(resource(), seen(action())).actions == []
    [gone] = decide(resource(status_with(created("schedule/morning"))), seen(action())).actions
    assert operations([gone]) == ["delete_scheduled_action"]


def test_revert_puts_back_what_was_there() -> None:
    former = action(StartTime=START, ScalableTargetAction={"MinCapacity": 3})
    record = changed("schedule/morning", None).model_copy(update={"original": stored(former)})
    [put] = revert(seen(action()), [record])
    sent = put.payload["parameters"]
    assert (sent["StartTime"], sent["ScalableTargetAction"]) == (
        "2026-01-01T00:00:00Z",
        {"MinCapacity": 3},
    )
    assert revert(seen(former), [record]) == []
    assert revert(seen(), [record]) == [], "it is gone"


def test_one_that_is_over_is_not_put_again() -> None:
    """AWS refuses a time in the past, and may have deleted the action after it fired."""
    once = {"name": "sale", "schedule": "at(2026-11-20T08:00:00)", "min": 6}
    of = resource(status_with(created("schedule/sale")), schedules=[once])
    fired = replace(IN_SYNC, target=Target(6, 20))
    assert decide(of, fired).actions == [], "the bounds that it set are its own"
    shown = report(of, fired, Display(NOW))
    assert shown.effective_bounds is not None
    assert shown.effective_bounds.source == "Schedule/sale"
    assert [(str(s.state), s.next) for s in shown.schedules] == [("Over", None)]
    never = resource(schedules=[once])
    assert decide(never, IN_SYNC).actions == []


def test_an_end_in_the_past_stops_what_still_fires() -> None:
    """AWS takes no end in the past, so our own goes."""
    ended = {**MORNING, "end": "2026-11-01T00:00:00Z"}
    ours = status_with(created("schedule/morning"))
    assert operations(decide(resource(ours, schedules=[ended]), seen(action())).actions) == [
        "delete_scheduled_action"
    ]
    assert operations(decide(resource(schedules=[ended]), seen(action())).actions) == [
        "put_scheduled_action"
    ], "one that was adopted is not deleted: AWS has the last word"


def test_the_next_firing_is_still_and_of_the_time_zone_in_force() -> None:
    daily = {"name": "d", "schedule": "rate(1 day)", "min": 6}
    there = action(ScheduledActionName="d", Schedule="rate(1 day)", Timezone=None)
    for later in (0, 7):
        display = Display(NOW + timedelta(minutes=later))
        [shown] = report(resource(schedules=[daily]), seen(there), display).schedules
        assert shown.next == "2026-11-24T12:00:00Z", "counted from its creation"
    often = {"name": "d", "schedule": "rate(5 minutes)", "min": 6}
    [shown] = report(resource(schedules=[often]), seen(there), Display(NOW)).schedules
    assert shown.next is None, "status does not follow what fires all the time"
    new_york = action(Timezone="America/New_York")
    without = {key: value for key, value in MORNING.items() if key != "timeZone"}
    [shown] = report(resource(schedules=[without]), seen(new_york), Display(NOW)).schedules
    assert shown.next == "2026-11-23T13:00:00Z"
