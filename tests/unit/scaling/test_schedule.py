"""When scheduled actions fire."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from setpoint.scaling.schedule import last_firing, next_firing, recent, validate

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def after(expression: str, now: str, zone: str | None = None) -> datetime | None:
    return next_firing(expression, zone, None, None, None, utc(now))


def before(expression: str, now: str, zone: str | None = None) -> datetime | None:
    return last_firing(expression, zone, None, None, None, utc(now))


@pytest.mark.parametrize(
    ("expression", "now", "expected"),
    [
        # from the user guides of Application Auto Scaling and EventBridge
        ("cron(0 10 * * ? *)", "2026-08-01T11:00", "2026-08-02T10:00"),
        ("cron(15 12 * * ? *)", "2026-08-01T12:14:59", "2026-08-01T12:15"),
        ("cron(0 18 ? * MON-FRI *)", "2026-08-01T00:00", "2026-08-03T18:00"),
        ("cron(0 8 1 * ? *)", "2026-08-01T08:00", "2026-09-01T08:00"),
        ("cron(0/15 * * * ? *)", "2026-08-01T00:07", "2026-08-01T00:15"),
        ("cron(0/10 * ? * MON-FRI *)", "2026-07-31T23:50", "2026-08-03T00:00"),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-08-03T17:55", "2026-08-04T08:00"),
        ("cron(30 6 ? * MON *)", "2026-08-01T00:00", "2026-08-03T06:30"),
        ("cron(0 9 ? * 2#1 *)", "2026-08-04T00:00", "2026-09-07T09:00"),
        ("cron(0 9 ? * 3#2 *)", "2026-08-01T00:00", "2026-08-11T09:00"),
        ("cron(0 0 3W * ? *)", "2026-10-01T00:00", "2026-10-02T00:00"),
        ("cron(0 0 1W * ? *)", "2026-07-31T00:00", "2026-08-03T00:00"),
        ("cron(0 0 31W * ? *)", "2026-09-01T00:00", "2026-10-30T00:00"),
        ("cron(0 0 L * ? *)", "2028-02-01T00:00", "2028-02-29T00:00"),
        ("cron(0 0 LW * ? *)", "2026-10-31T00:00", "2026-11-30T00:00"),
        ("cron(0 0 LW * ? *)", "2026-05-01T00:00", "2026-05-29T00:00"),
        ("cron(0 0 ? * L *)", "2026-08-02T00:00", "2026-08-08T00:00"),
        ("cron(0 0 ? * 6L *)", "2026-08-01T00:00", "2026-08-28T00:00"),
        ("cron(0 0 ? * 1 *)", "2026-08-01T00:00", "2026-08-02T00:00"),
        ("cron(0 0 ? * sat,SUN *)", "2026-08-03T00:00", "2026-08-08T00:00"),
        ("cron(0 0 ? * FRI-MON *)", "2026-08-03T00:00", "2026-08-07T00:00"),
        ("cron(0 22-2 * * ? *)", "2026-08-01T02:30", "2026-08-01T22:00"),
        ("cron(0 0 1 JAN,jul ? 2027-2030)", "2026-08-01T00:00", "2027-01-01T00:00"),
        ("cron(0 0 29 2 ? *)", "2026-08-01T00:00", "2028-02-29T00:00"),
        ("cron(0 0 1 1 ? 2026/2)", "2026-08-01T00:00", "2028-01-01T00:00"),
        ("cron(0 0 1 1 ? 2020)", "2026-08-01T00:00", None),
        ("at(2026-08-01T09:00:30)", "2026-08-01T09:00", "2026-08-01T09:00:30"),
        ("at(2026-08-01T09:00:00)", "2026-08-01T09:00", None),
    ],
)
def test_the_next_firing(expression: str, now: str, expected: str | None) -> None:
    assert validate(expression, None) is None
    assert after(expression, now) == (utc(expected) if expected else None)


@pytest.mark.parametrize(
    ("zone", "expression", "now", "last", "following"),
    [
        # Berlin skips 02:00-03:00 on 2026-03-29 and repeats it on 2026-10-25
        ("Europe/Berlin", "cron(30 2 * * ? *)", "2026-03-29T02:00", "2026-03-28T01:30", "2026-03-30T00:30"),
        ("Europe/Berlin", "cron(30 2 * * ? *)", "2026-10-25T01:40", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("Europe/Berlin", "cron(0 8 * * ? *)", "2026-03-29T12:00", "2026-03-29T06:00", "2026-03-30T06:00"),
        ("Europe/Berlin", "cron(0 8 * * ? *)", "2026-10-25T06:59", "2026-10-24T06:00", "2026-10-25T07:00"),
        # New York skips 02:00-03:00 on 2026-03-08 and repeats 01:00-02:00 on 2026-11-01
        ("America/New_York", "cron(30 2 * * ? *)", "2026-03-08T12:00", "2026-03-07T07:30", "2026-03-09T06:30"),
        ("America/New_York", "cron(30 1 * * ? *)", "2026-11-01T06:45", "2026-11-01T05:30", "2026-11-02T06:30"),
        ("America/New_York", "cron(0/30 1 * * ? *)", "2026-11-01T06:10", "2026-11-01T05:30", "2026-11-02T06:00"),
    ],
)  # fmt: skip
def test_the_clocks_change(zone: str, expression: str, now: str, last: str, following: str) -> None:
    assert before(expression, now, zone) == utc(last)
    assert after(expression, now, zone) == utc(following)


def test_what_is_not_certain_when_the_clocks_change() -> None:
    skipped = recent(
        "cron(30 2 * * ? *)", "Europe/Berlin", None, None, None, utc("2026-03-29T05:00")
    )
    assert (next(skipped).planned, next(skipped).at) == (False, utc("2026-03-28T01:30"))
    again = recent("cron(30 2 * * ? *)", "Europe/Berlin", None, None, None, utc("2026-10-25T05:00"))
    second, first = next(again), next(again)
    assert (second.at, second.planned, first.at, first.sure) == (
        utc("2026-10-25T01:30"), False, utc("2026-10-25T00:30"), False,
    )  # fmt: skip


def test_start_end_and_creation_are_limits() -> None:
    daily, day = "cron(0 8 * * ? *)", timedelta(days=1)
    now = utc("2026-08-10T12:00")
    assert last_firing(daily, None, now - day, None, None, now) == utc("2026-08-10T08:00")
    assert last_firing(daily, None, utc("2026-08-10T08:01"), None, None, now) is None
    assert last_firing(daily, None, None, None, utc("2026-08-10T08:00:01"), now) is None
    assert last_firing(daily, None, None, utc("2026-08-09T08:00"), None, now) == utc(
        "2026-08-09T08:00"
    )
    assert next_firing(daily, None, None, utc("2026-08-11T07:59"), None, now) is None
    assert next_firing(daily, None, utc("2026-09-01T00:00"), None, None, now) == utc(
        "2026-09-01T08:00"
    )
    assert last_firing("at(2026-08-10T09:00:00)", None, None, None, None, now) == utc(
        "2026-08-10T09:00"
    )
    assert last_firing("at(2026-08-10T13:00:00)", "Europe/Berlin", None, None, None, now) == utc(
        "2026-08-10T11:00"
    )


def test_a_rate_counts_from_its_start_else_from_its_creation() -> None:
    start, now = utc("2026-08-10T08:02:30"), utc("2026-08-10T08:14")
    assert last_firing("rate(5 minutes)", None, start, None, None, now) == utc(
        "2026-08-10T08:12:30"
    )
    assert next_firing("rate(5 minutes)", None, start, None, None, now) == utc(
        "2026-08-10T08:17:30"
    )
    assert last_firing("rate(5 minutes)", None, start, None, None, start) == start
    assert last_firing("rate(1 hour)", None, None, None, start, now) is None
    assert next_firing("rate(1 hour)", None, None, None, start, now) == utc("2026-08-10T09:02:30")
    assert next_firing("rate(1 day)", None, None, None, None, now) == now + timedelta(days=1)


@pytest.mark.parametrize(
    ("expression", "zone", "hint"),
    [
        ("0 8 * * *", None, "write cron("),
        ("cron(0 8 * * *)", None, "5 fields instead of 6"),
        ("cron(0 8 * * * *)", None, "exactly one"),
        ("cron(0 8 ? * ? *)", None, "exactly one"),
        ("cron(60 8 * * ? *)", None, "0-59"),
        ("cron(0 24 * * ? *)", None, "0-23"),
        ("cron(0 8 0 * ? *)", None, "1-31"),
        ("cron(0 8 ? * 0 *)", None, "SUN-SAT"),
        ("cron(0 8 ? * MON#6 *)", None, "1-5"),
        ("cron(0 8 ? FOO MON *)", None, "JAN-DEC"),
        ("cron(0/0 8 * * ? *)", None, "1-59"),
        ("cron(0, 8 * * ? *)", None, "nothing"),
        ("cron(0 8 * * ? 1969)", None, "1970-2199"),
        ("cron(0 8 30 2 ? *)", None, "never fires"),
        ("rate(0 minutes)", None, "rate(5 minutes)"),
        ("rate(5 weeks)", None, "rate(5 minutes)"),
        ("at(2026-13-01T00:00:00)", None, "at(2030"),
        ("at(2026-01-01 00:00)", None, "at(2030"),
        ("at(2026-03-29T02:30:00)", "Europe/Berlin", "skips"),
        ("cron(0 8 * * ? *)", "Mars/Olympus", "Europe/Berlin"),
        ("cron(0 8 * * ? *)", "../etc/passwd", "Europe/Berlin"),
    ],
)
def test_what_is_wrong_is_said(expression: str, zone: str | None, hint: str) -> None:
    assert hint in str(validate(expression, zone))
    if hint != "never fires":
        with pytest.raises(ValueError, match=r"write|skips"):
            last_firing(expression, zone, None, None, None, utc("2026-08-01T00:00"))


minutes = st.sampled_from(["0", "30", "0/15", "5,50", "*", "10-20"])
hours = st.sampled_from(["*", "0", "1-3", "2", "8-18/2", "22-1"])
days = st.sampled_from(
    ["* {} ?", "? {} MON-FRI", "? {} 1#2", "L {} ?", "15W {} ?", "? {} 6L", "1/10 {} ?"]
)
months = st.sampled_from(["*", "MAR,OCT,NOV", "1/3", "12"])
crons = st.builds(lambda m, h, d, o: f"cron({m} {h} {d.format(o)} *)", minutes, hours, days, months)
moments = st.timedeltas(timedelta(), timedelta(days=2000)).map(lambda d: utc("2024-01-01") + d)
near_changes = st.builds(
    lambda day, offset: utc(day) + offset,
    st.sampled_from(
        ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"]
    ),
    st.timedeltas(timedelta(), timedelta(days=1)),
)


@seed(20261124)
@given(crons, st.sampled_from(ZONES), moments | near_changes)
def test_the_last_and_the_next_firing_agree(expression: str, zone: str, now: datetime) -> None:
    last = last_firing(expression, zone, None, None, None, now)
    following = next_firing(expression, zone, None, None, None, now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    second = timedelta(seconds=1)
    assert next_firing(expression, zone, None, None, None, last - second) == last
    assert last_firing(expression, zone, None, None, None, following) == following
    assert last_firing(expression, zone, None, None, None, following - second) == last
