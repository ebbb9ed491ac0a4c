"""Scheduled actions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .conftest import REGION, Refused, Service


def test_a_schedule_loses_the_times_that_are_not_given(service: Service) -> None:
    service.register()
    now = datetime.now(UTC)
    service.schedule(StartTime=now, EndTime=now + timedelta(days=1), Timezone="Europe/Berlin")
    service.schedule(ScalableTargetAction={"MinCapacity": 4})
    [found] = service.schedules()
    assert not found.keys() & {"StartTime", "EndTime"}
    assert found["Timezone"] == "Europe/Berlin"
    assert found["ScalableTargetAction"] == {"MinCapacity": 4}


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(0 8 * * *)",
        "cron(0 8 * * MON-FRI *)",
        "cron(0 8 ? * ? *)",
        "rate(0 minutes)",
        "rate(1 hours)",
        "rate(5 minute)",
        "at(2027-13-01T00:00:00)",
        "every day",
        "cron(60 8 ? * * *)",
        "cron(0 24 ? * * *)",
        "cron(0 8 32 * ? *)",
        "cron(0 8 ? 13 * *)",
        "cron(0 8 ? * 8 *)",
        "cron(0 8 ? * MON-FRY *)",
        "cron(0 8 ? * * 1969)",
        "cron(0/0 8 ? * * *)",
        "cron(? 8 ? * * *)",
        "cron(0 8 ? * *)",
    ],
)
def test_schedules_are_refused(service: Service, refused: Refused, schedule: str) -> None:
    service.register()
    found = refused(service.schedule, Schedule=schedule)
    assert found == ("ValidationException", f"Schedule expression {schedule} is not valid")


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(0 8 ? * MON-FRI *)",
        "cron(0/15 8-18,22 ? JAN,MAR-JUN 2-6 2027-2030)",
        "cron(0 8 LW * ? *)",
        "cron(0 8 15W * ? *)",
        "cron(0 8 ? * 6#3 *)",
        "cron(0 8 ? * FRIL *)",
        "rate(1 day)",
        "rate(5 minutes)",
        "at(2027-12-01T00:00:00)",
    ],
)
def test_schedules_are_taken(service: Service, schedule: str) -> None:
    service.register()
    service.schedule(Schedule=schedule)
    assert service.schedules()[0]["Schedule"] == schedule


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"ScalableTargetAction": {}},
            "At least one of minimum capacity and maximum capacity should be provided",
        ),
        (
            {"ScalableTargetAction": {"MinCapacity": 5, "MaxCapacity": 2}},
            "Maximum capacity cannot be less than minimum capacity",
        ),
        (
            {"ScalableTargetAction": {"MinCapacity": -1}},
            "Minimum and maximum capacity must not be negative",
        ),
        ({"Timezone": "Mars/Olympus"}, "Timezone Mars/Olympus is not valid"),
    ],
    ids=["none", "min>max", "negative", "zone"],
)
def test_actions_are_refused(
    service: Service, refused: Refused, values: dict[str, Any], message: str
) -> None:
    service.register()
    assert refused(service.schedule, **values) == ("ValidationException", message)


def test_a_schedule_that_fires_rewrites_the_bounds_for_good(service: Service) -> None:
    service.register(2, 10)
    service.schedule(ScalableTargetAction={"MinCapacity": 7})
    service.account.fire_schedule(REGION, service.resource, "morning")
    found = service.target()
    assert (found["MinCapacity"], found["MaxCapacity"]) == (7, 10)
    assert service.described()["desiredCount"] == 7
    service.register(2, 10, SuspendedState={"ScheduledScalingSuspended": True})
    service.account.fire_schedule(REGION, service.resource, "morning")
    assert service.target()["MinCapacity"] == 2, "suspended"


def test_schedules_go(service: Service, refused: Refused) -> None:
    service.register()
    service.schedule()
    delete = service.scaling.delete_scheduled_action
    delete(**service.key, ScheduledActionName="morning")
    assert service.schedules() == []
    found = refused(delete, **service.key, ScheduledActionName="morning")
    assert found[0] == "ObjectNotFoundException"


def test_what_else_is_not_given_stays(service: Service) -> None:
    service.register()
    service.schedule(Timezone="Europe/Berlin")
    now = datetime.now(UTC)
    service.scaling.put_scheduled_action(
        **service.key, ScheduledActionName="morning", EndTime=now + timedelta(days=1)
    )
    [found] = service.schedules()
    assert (found["Schedule"], found["Timezone"]) == ("cron(0 8 ? * MON-FRI *)", "Europe/Berlin")
    assert found["ScalableTargetAction"] == {"MinCapacity": 3}
    assert "EndTime" in found


@pytest.mark.parametrize("name", [" morning", "morning ", "mor/ning", "mor:ning", "mor|ning"])
def test_names_have_a_pattern(service: Service, refused: Refused, name: str) -> None:
    service.register()
    code, message = refused(service.schedule, name=name)
    assert (code, "'scheduledActionName' failed to satisfy" in message) == (
        "ValidationException",
        True,
    )


def test_at_most_two_hundred(service: Service, refused: Refused) -> None:
    service.register()
    for number in range(200):
        service.schedule(f"s{number}")
    assert refused(service.schedule, name="too-many")[0] == "LimitExceededException"
    service.schedule("s7", Timezone="UTC")
    first = service.scaling.describe_scheduled_actions(ServiceNamespace="ecs")
    assert (len(first["ScheduledActions"]), "NextToken" in first) == (50, True)
    ask = service.scaling.describe_scheduled_actions
    assert refused(ask, ServiceNamespace="ecs", MaxResults=51)[0] == "ValidationException"


def test_a_firing_that_would_turn_the_bounds_round_does_nothing(service: Service) -> None:
    service.register(2, 5)
    service.schedule(ScalableTargetAction={"MinCapacity": 6})
    with pytest.raises(RuntimeError, match="Maximum capacity cannot be less than minimum"):
        service.account.fire_schedule(REGION, service.resource, "morning")
    assert service.target()["MinCapacity"] == 2


def test_a_firing_is_an_activity(service: Service) -> None:
    service.register(2, 10)
    service.schedule(ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 8})
    service.account.fire_schedule(REGION, service.resource, "morning")
    found = service.scaling.describe_scaling_activities(ServiceNamespace="ecs")
    [newest] = found["ScalingActivities"]
    assert newest["Cause"] == "scheduled action name morning was triggered"
    assert newest["Description"] == "Setting min capacity to 3 and max capacity to 8"
