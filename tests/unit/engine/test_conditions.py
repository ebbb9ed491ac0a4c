"""The status contract, with kstatus' and Flux's rules as oracles over random histories."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.findings import Severity
from setpoint.engine import conditions
from setpoint.engine.conditions import Outcome
from setpoint.engine.failure import Failure

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GRACE = timedelta(minutes=2)
DENIED = Failure(Reason.ACCESS_DENIED, "denied")
DOWN = Failure(Reason.CONNECTION_FAILED, "down")
INVALID = Failure(Reason.INVALID_SPEC, "wrong")


def made(outcome: Outcome, previous: Sequence[Any] = (), now: datetime = NOW) -> dict[str, Any]:
    found = conditions.finished(previous, 1, now, outcome, GRACE)
    return {entry["type"]: entry for entry in found}


def kstatus(generation: int, status: dict[str, Any]) -> str:
    """cli-utils' rules in their order."""
    if "observedGeneration" in status and status["observedGeneration"] != generation:
        return "InProgress"
    for entry in status.get("conditions", []):
        if entry["type"] == "Reconciling" and entry["status"] == "True":
            return "InProgress"
        if entry["type"] == "Stalled" and entry["status"] == "True":
            return "Failed"
    for entry in status.get("conditions", []):
        if entry["type"] == "Ready":
            return "Current" if entry["status"] == "True" else "InProgress"
    return "Current"


def test_in_sync() -> None:
    found = made(Outcome())
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("True", "InSync")
    assert set(found) == {"Ready", "Drifted", "FindingsPresent"}


def test_a_waiting_change_is_ready() -> None:
    ready = made(Outcome(waiting=["class waits for Approval"]))["Ready"]
    assert (ready["status"], ready["reason"]) == ("True", "ChangePending")
    assert "class waits" in ready["message"]


def test_observe_with_a_difference_is_ready_and_drifted() -> None:
    found = made(Outcome(read_only=True, drifted=["Update x"]))
    assert (found["Ready"]["reason"], found["Drifted"]["status"]) == ("Observed", "True")


def test_findings_never_touch_ready() -> None:
    found = made(Outcome(findings={Severity.CRITICAL: 2, Severity.WARNING: 1}))
    assert found["Ready"]["status"] == "True"
    assert found["FindingsPresent"]["reason"] == "CriticalFindings"
    assert found["FindingsPresent"]["message"].startswith("2 Critical, 1 Warning")


def test_passing_trouble_is_retried_and_never_stalls() -> None:
    first = conditions.finished([], 1, NOW, Outcome(failures=[DOWN]), GRACE)
    later = made(Outcome(failures=[DOWN]), first, NOW + timedelta(days=1))
    assert (later["Ready"]["status"], later["Ready"]["reason"]) == ("False", "ConnectionFailed")
    assert later["Reconciling"]["reason"] == "ProgressingWithRetry"
    assert "Stalled" not in later


def test_what_the_outside_must_mend_stalls_when_it_lasts() -> None:
    first = conditions.finished([], 1, NOW, Outcome(failures=[DENIED]), GRACE)
    assert "Stalled" not in {entry["type"] for entry in first}
    later = made(Outcome(failures=[DENIED]), first, NOW + GRACE)
    assert later["Stalled"]["reason"] == "AccessDenied"
    assert "Reconciling" not in later
    assert later["Ready"]["lastTransitionTime"] == conditions.wire_time(NOW)


def test_what_only_the_spec_can_mend_stalls_at_once_and_speaks_first() -> None:
    found = made(Outcome(failures=[DOWN, INVALID]))
    assert found["Stalled"]["reason"] == "InvalidSpec"
    assert found["Ready"]["message"] == "wrong; down"


def test_transition_times_move_with_the_status_only() -> None:
    first = conditions.finished([], 1, NOW, Outcome(), GRACE)
    later = NOW + timedelta(hours=1)
    second = conditions.finished(first, 2, later, Outcome(waiting=["x"]), GRACE)
    third = conditions.finished(second, 2, later, Outcome(failures=[DOWN]), GRACE)
    times = [made_["lastTransitionTime"] for [made_, *_] in (first, second, third)]
    assert times == [conditions.wire_time(NOW)] * 2 + [conditions.wire_time(later)]


def test_suspended_from_birth_is_not_ready() -> None:
    [ready] = conditions.suspended([], 1, NOW)
    assert (ready["status"], ready["reason"]) == ("False", "Suspended")


def test_suspended_keeps_what_was_known_for_the_new_generation() -> None:
    before = conditions.finished([], 1, NOW, Outcome(), GRACE)
    after = conditions.suspended(before, 2, NOW + timedelta(hours=1))
    assert [{**entry, "observedGeneration": 1} for entry in after] == before
    assert {entry["observedGeneration"] for entry in after} == {2}


@pytest.mark.parametrize("seed", range(20))
def test_any_history_keeps_the_contract(seed: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(seed)
    status: dict[str, Any] = {"observedGeneration": -1}
    generation, now = 1, NOW
    outcomes = [
        Outcome(),
        Outcome(waiting=["w"]),
        Outcome(running=["r"]),
        Outcome(failures=[DOWN]),
        Outcome(failures=[DENIED], observed=False),
        Outcome(failures=[INVALID, DOWN]),
        Outcome(drifted=["d"], read_only=True),
        Outcome(findings={Severity.WARNING: 3}),
    ]
    for _ in range(200):
        now += timedelta(seconds=draw.choice([1, 30, 300]))
        before = status.get("conditions", [])
        step = draw.randrange(5)
        if step == 0:
            generation += 1
            assert kstatus(generation, status) == "InProgress"
            continue
        if step == 1:
            made_ = conditions.progressing(before, generation, now, "acting")
            status = {**status, "conditions": made_}
            assert kstatus(generation, status) == "InProgress"
            continue
        if step == 2:
            made_ = conditions.suspended(before, generation, now)
        else:
            made_ = conditions.finished(before, generation, now, draw.choice(outcomes), GRACE)
        status = {"observedGeneration": generation, "conditions": made_}
        check_flux(generation, status)


def check_flux(generation: int, status: dict[str, Any]) -> None:
    """fluxcd/pkg/runtime/conditions/check, FAIL0001 to FAIL0009."""
    by_type = {entry["type"]: entry for entry in status["conditions"]}
    assert len(by_type) == len(status["conditions"])
    ready, negative = by_type["Ready"], {"Reconciling", "Stalled"} & set(by_type)
    assert len(negative) <= 1
    if negative:
        assert ready["status"] != "True"
    assert all(by_type[name]["status"] == "True" for name in negative)
    assert status["observedGeneration"] <= generation
    for entry in status["conditions"]:
        assert entry["observedGeneration"] == status["observedGeneration"]
        assert entry["reason"] in set(Reason)
        assert len(entry["message"]) <= 1024
    if "Stalled" in by_type:
        assert kstatus(generation, status) == "Failed"
