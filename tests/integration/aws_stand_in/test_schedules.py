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
    ],
)
def test_schedules_are_refused(service: Service, refused: Refused, schedule: str) -> None:
    service.register()
    found = refused(service.schedule, Schedule=schedule)
    assert found == ("ValidationException", f"Schedule expression {schedule} is not valid")


@pytest.mark.parametrize(
    "schedule", ["cron(0 8 ? * MON-FRI *)", "rate(5 minutes)", "at(2027-12-01T00:00:00)"]
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
        ({"Timezone": "Mars/Olympus"}, "Timezone Mars/Olympus is not valid"),
    ],
    ids=["none", "min>max", "zone"],
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
