"""Scaling activities: which are kept, and how far back a listing must go."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.aws.lists import KEPT, OVERLAP, has_no_old_work, newest, reaches


def activity(name: str, minutes_ago: float, status: str = "Successful") -> dict[str, Any]:
    start = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return {"ActivityId": name, "StartTime": start, "StatusCode": status}


def test_what_is_listed_anew_replaces_what_was_known() -> None:
    old = [activity("b", 5, "InProgress"), activity("a", 9)]
    new = [activity("c", 1), activity("b", 5)]
    found = newest(old, new)
    assert [item["ActivityId"] for item in found] == ["c", "b", "a"]
    assert found[1]["StatusCode"] == "Successful"


def test_only_the_newest_are_kept() -> None:
    old = [activity(f"old-{n}", 100 + n) for n in range(KEPT)]
    new = [activity(f"new-{n}", n) for n in range(5)]
    found = newest(old, new)
    assert [item["ActivityId"] for item in found[:6]] == [*(f"new-{n}" for n in range(5)), "old-0"]
    assert len(found) == KEPT


@pytest.mark.parametrize(
    ("ages", "expected"), [([41, 45], True), ([41, 39], False), ([39], False), ([], False)]
)
def test_a_listing_goes_back_to_the_last_look_and_some_more(
    ages: list[float], expected: bool
) -> None:
    assert timedelta(minutes=30) == OVERLAP
    page = {"ScalingActivities": [activity(str(age), age) for age in ages]}
    assert reaches(page, 600.0) is expected


@pytest.mark.parametrize(
    ("minutes", "status", "expected"),
    [(5, "InProgress", True), (45, "InProgress", False), (45, "Pending", False),
     (45, "Failed", True)],
)  # fmt: skip
def test_old_work_that_goes_on_is_looked_at_by_itself(
    minutes: float, status: str, expected: bool
) -> None:
    assert has_no_old_work([activity("a", minutes, status)]) is expected
