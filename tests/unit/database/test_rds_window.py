"""Our own maintenance window: cron, duration, time zone, and the days on which clocks change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from setpoint.api.window import MaintenanceWindow
from setpoint.engine.window import opening


def window(cron: str = "0 3 * * SUN", duration: str = "2h", zone: str = "UTC") -> MaintenanceWindow:
    return MaintenanceWindow.model_validate({"cron": cron, "duration": duration, "timeZone": zone})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until", "following"),
    [
        ("2026-11-29T02:59:59", None, "2026-11-29T03:00"),
        ("2026-11-29T03:00:00", "2026-11-29T05:00", "2026-12-06T03:00"),
        ("2026-11-29T03:00:00.5", "2026-11-29T05:00", "2026-12-06T03:00"),
        ("2026-11-29T04:59:59", "2026-11-29T05:00", "2026-12-06T03:00"),
        ("2026-11-29T05:00:00", None, "2026-12-06T03:00"),
    ],
)
def test_it_opens_and_closes_to_the_second(now: str, until: str | None, following: str) -> None:
    found = opening(window(), utc(now))
    assert found.until == (utc(until) if until else None)
    assert found.next == utc(following)
    assert found.is_open is (until is not None)


@pytest.mark.parametrize(
    ("cron", "now", "is_open"),
    [
        ("30 2 * * *", "2026-03-29T00:59:59", False),  # 01:59:59, before the gap
        ("30 2 * * *", "2026-03-29T01:00:00", True),  # 03:00:00, right after it
        ("30 2 * * *", "2026-03-29T02:00:00", False),  # an hour of real time later
        ("30 2 * * *", "2026-10-25T00:30:00", True),  # 02:30 for the first time
        ("30 2 * * *", "2026-10-25T01:29:59", True),
        ("30 2 * * *", "2026-10-25T01:30:00", False),  # 02:30 for the second time
        ("30 1 * * *", "2026-10-25T00:29:59", True),  # the duration is real time
        ("0 3 * * *", "2026-10-25T01:59:59", False),
        ("0 3 * * *", "2026-10-25T02:00:00", True),
        ("0 3 * * *", "2026-07-01T01:00:00", True),  # summer
        ("0 3 * * *", "2026-12-01T01:59:59", False),  # winter
        ("0 3 * * *", "2026-12-01T02:00:00", True),
    ],
)
def test_daylight_saving(cron: str, now: str, is_open: bool) -> None:
    assert opening(window(cron, "1h", "Europe/Berlin"), utc(now)).is_open is is_open


def test_it_may_be_open_over_midnight_and_over_another_opening() -> None:
    late = window("0 23 * * SAT", "4h")
    assert opening(late, utc("2026-11-29T02:00:00")).until == utc("2026-11-29T03:00")
    often = window("0 * * * *", "90m")
    assert opening(often, utc("2026-11-29T02:10:00")).until == utc("2026-11-29T03:30")


@given(
    minutes=st.integers(0, 60 * 24 * 400),
    hour=st.integers(0, 23),
    duration=st.integers(10, 24 * 60),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
@settings(deadline=None, derandomize=True)
def test_it_is_open_from_what_it_calls_next_for_as_long_as_it_lasts(
    minutes: int, hour: int, duration: int, zone: str
) -> None:
    lasting = window(f"0 {hour} * * *", f"{duration}m", zone)
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    following = opening(lasting, now).next
    assert following is not None
    start = following.astimezone(UTC)
    assert now < start <= now + timedelta(hours=25)
    assert opening(lasting, start).is_open
    assert opening(lasting, start + timedelta(minutes=duration, seconds=-1)).is_open


@pytest.mark.parametrize(
    "wrong",
    [
        {"cron": "0 0 30 2 *"},
        {"cron": "61 * * * *"},
        {"cron": "0 3 * *"},
        {"cron": "* 0 3 * * *"},
        {"cron": "@daily"},
        {"time_zone": "Mars/Phobos"},
        {"time_zone": "../etc/passwd"},
        {"time_zone": "Europe"},
    ],
)
def test_what_never_opens_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MaintenanceWindow.model_validate({"cron": "0 3 * * *", "duration": "1h", **wrong})
