"""Display, backoff, claims, the store, and parsing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.api.conditions import Reason
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.engine import backoff
from setpoint.engine.claims import Claims
from setpoint.engine.display import COUNT, MILLISECONDS, PERCENT, PERCENT_1, Display
from setpoint.engine.failure import Failure, caught
from setpoint.engine.model import Key
from setpoint.engine.parse import parse
from setpoint.engine.store import REQUESTED_AT, Store, requested_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
A, B = Key("scalingpolicies", "ns", "a"), Key("scalingpolicies", "ns", "b")


def test_a_value_is_held_still_until_it_means_something() -> None:
    display = Display(NOW)
    assert display.text(None, 41.2, PERCENT) == "41%"
    assert display.text("41%", 45.9, PERCENT) == "41%"
    assert display.text("41%", None, PERCENT) is None
    assert not display.moved
    assert display.text("41%", 46.0, PERCENT) == "46%"
    assert display.moved


def test_a_crossed_threshold_shows_at_once_even_if_something_moved_lately() -> None:
    lately = Display(NOW, moved_at=NOW - timedelta(minutes=1))
    assert lately.text("79%", 95, PERCENT) == "79%"
    assert lately.text("79%", 80.5, PERCENT, [80]) == "80%"
    assert Display(NOW, moved_at=NOW - timedelta(minutes=10)).text("79%", 95, PERCENT) == "95%"


def test_forms_read_what_they_show() -> None:
    assert MILLISECONDS.show(1.4) == "1400ms"
    assert MILLISECONDS.read("1400ms") == pytest.approx(1.4)
    assert PERCENT_1.show(7.21) == "7.2%"
    assert COUNT.read("nothing") is None
    assert Display(NOW).number(5000, 5900) == 5000
    assert Display(NOW).number(5000, 9000) == 9000


@given(
    failures=st.integers(1, 10_000),
    base=st.floats(0.01, 100),
    ceiling=st.floats(0.01, 10_000),
    draw=st.floats(0, 0.999),
)
def test_backoff_never_exceeds_its_ceiling(
    failures: int, base: float, ceiling: float, draw: float
) -> None:
    steps = timedelta(seconds=base), timedelta(seconds=ceiling)
    delay = backoff.after_failures(failures, *steps, lambda: draw)
    assert 0 <= delay <= steps[1].total_seconds()


def test_backoff_doubles_and_the_interval_is_spread() -> None:
    base, ceiling = timedelta(seconds=5), timedelta(minutes=15)
    delays = [backoff.after_failures(n, base, ceiling, lambda: 0.999) for n in (1, 2, 3, 99)]
    assert delays == pytest.approx([5, 10, 20, 900], rel=0.01)
    assert backoff.at_interval(timedelta(seconds=60), lambda: 0.0) == pytest.approx(54)
    assert backoff.at_interval(timedelta(seconds=60), lambda: 0.999) == pytest.approx(66, rel=0.01)


def test_the_oldest_owns_and_the_next_inherits() -> None:
    claims = Claims()
    claims.add(B, "target", NOW, "uid-b")
    assert claims.owner("target") == B
    claims.add(A, "target", NOW - timedelta(seconds=1), "uid-a")
    assert claims.owner("target") == A
    assert claims.release(A) == {B}
    assert claims.owner("target") == B
    assert claims.owner("other") is None


def test_a_target_that_is_named_no_more_is_free() -> None:
    claims = Claims()
    claims.add(A, "before", NOW - timedelta(days=1), "uid-a")
    claims.add(B, "before", NOW, "uid-b")
    claims.add(A, "after", NOW - timedelta(days=1), "uid-a")
    claims.keep_only(A, {"after"})
    assert (claims.owner("before"), claims.owner("after")) == (B, A)
    assert claims.release(A) == set()


def test_of_equal_age_the_uid_decides() -> None:
    claims = Claims()
    claims.add(A, "target", NOW, "uid-2")
    claims.add(B, "target", NOW, "uid-1")
    assert claims.owner("target") == B


def body(version: int, **changes: Any) -> dict[str, Any]:
    metadata = {
        "uid": "u",
        "name": "a",
        "namespace": "ns",
        "generation": 1,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-23T12:00:00Z",
        "managedFields": [{}],
    }
    metadata |= changes.pop("metadata", {})
    return {"metadata": metadata, **changes}


def test_the_store_asks_for_work_when_a_user_asks_for_something() -> None:
    store = Store()
    assert store.update(A, body(1))
    assert not store.update(A, body(2, status={"x": 1})), "an echo of our own write"
    assert not store.update(A, body(3, metadata={"labels": {"a": "b"}}))
    assert store.update(A, body(4, metadata={"generation": 2}))
    annotated = {"generation": 2, "annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}
    assert store.update(A, body(5, metadata=annotated))
    approved = {"generation": 2, "annotations": {"setpoint.dev/approve": "abc"}}
    assert store.update(A, body(6, metadata=approved))
    deleting = {"generation": 2, "deletionTimestamp": "2026-11-23T12:00:00Z"}
    assert store.update(A, body(7, metadata=deleting))


def test_the_store_never_goes_back() -> None:
    store = Store()
    store.update(A, body(12, status={"x": "new"}))
    assert not store.update(A, body(9, metadata={"generation": 7}))
    found = store.get(A)
    assert found is not None
    assert found["status"] == {"x": "new"}
    assert "managedFields" not in found["metadata"]
    assert store.update(A, body(3, metadata={"uid": "another"})), "deleted and made anew"


@pytest.mark.parametrize(
    ("flux", "own", "newest"),
    [
        ("2026-11-24T10:00:00Z", None, "2026-11-24T10:00:00Z"),
        (None, "again", "again"),
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00:01Z", "2026-11-24T10:00:01Z"),
        ("2026-11-24T11:30:00.123456789+02:00", "2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
        ("2026-11-24T12:30:00.123456789+02:00", "2026-11-24T10:00:00Z", "2026-11-24T12:30:00.123456789+02:00"),
        ("1", "2026-11-24T10:00:00", "2026-11-24T10:00:00"),
        ("b", "a", "b"),
        (None, None, None),
    ],
)  # fmt: skip
def test_of_two_requests_the_newer_one_counts(
    flux: str | None, own: str | None, newest: str | None
) -> None:
    given_ = zip(REQUESTED_AT, (flux, own), strict=True)
    annotations = {name: token for name, token in given_ if token is not None}
    assert requested_of(annotations) == newest


SPEC: dict[str, Any] = {
    "target": {"ecs": {"cluster": "c", "service": "s"}},
    "capacity": {"min": 1, "max": 2},
}


def test_a_spec_that_cannot_be_read_is_named_by_its_fields() -> None:
    wrong = {**SPEC, "capacity": {"min": "many", "max": 2}, "mode": "Destroy"}
    with pytest.raises(Failure) as caught:
        parse(A, body(1, spec=wrong), ScalingPolicySpec)
    assert caught.value.reason is Reason.INVALID_SPEC
    assert "spec.capacity.min, spec.mode" in caught.value.message
    assert "many" not in caught.value.message


@pytest.mark.parametrize("spec", [None, [], "text", 7, {"target": None}], ids=str)
def test_any_other_spec_is_a_failure_too(spec: Any) -> None:
    with pytest.raises(Failure):
        parse(A, body(1, spec=spec), ScalingPolicySpec)


def test_a_newer_field_is_passed_over() -> None:
    found = parse(A, body(1, spec={**SPEC, "fromTheFuture": 1}), ScalingPolicySpec)
    assert found.spec.capacity.max == 2


async def test_what_goes_wrong_in_one_part_is_a_value_and_the_other_goes_on() -> None:
    async def part(error: Exception | None) -> str:
        if error is not None:
            raise error
        return "seen"

    known = Failure(Reason.BUSY, "it loads")
    assert await caught(part(None)) == "seen"
    assert await caught(part(known)) is known
    wrong = await caught(part(KeyError("secret text")))
    assert isinstance(wrong, Failure)
    assert wrong.reason is Reason.INTERNAL_ERROR
    assert "secret text" not in wrong.message
