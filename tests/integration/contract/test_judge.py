"""The judges of the status contract see each way to break it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.judge import judge
from tests.contract.snapshots import Snapshot

T0, T1 = "2026-11-23T12:00:00Z", "2026-11-23T12:05:00Z"


def condition(kind: str, status: str, reason: str, generation: int = 1) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": f"about {kind}",
        "observedGeneration": generation,
        "lastTransitionTime": T0,
    }


def body(version: int, *conditions: dict[str, Any], observed: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "DBTuning",
        "metadata": {
            "name": "orders",
            "namespace": "shop",
            "uid": "6b0f6f0e-2f6d-4a43-9d5c-0d4c2b1f0a11",
            "generation": 1,
            "resourceVersion": str(version),
        },
        "spec": {"suspend": False},
        "status": {"observedGeneration": observed, "conditions": list(conditions)},
    }


FIRST = body(
    10,
    condition("Ready", "Unknown", "Progressing"),
    condition("Reconciling", "True", "Progressing"),
    observed=-1,
)
RETRIED = body(
    11,
    condition("Ready", "False", "ConnectionFailed"),
    condition("Reconciling", "True", "ProgressingWithRetry"),
)
GOOD = body(12, condition("Ready", "True", "InSync"), condition("Drifted", "False", "NoDrift"))
for one in GOOD["status"]["conditions"]:
    one["lastTransitionTime"] = T1


def history(*bodies: dict[str, Any]) -> list[Snapshot]:
    return [Snapshot(copy.deepcopy(one), ours=True) for one in bodies]


def test_a_good_history_has_no_violation() -> None:
    report = judge(history(FIRST, RETRIED, GOOD))
    assert report.violations == []
    assert (report.writes, report.distinct, report.shapes, report.others) == (3, 3, 3, 0)


def test_the_same_but_for_times_and_names_is_one() -> None:
    other = copy.deepcopy(GOOD)
    other["metadata"] |= {"name": "other", "uid": "7", "resourceVersion": "20"}
    other["status"]["lastHandledReconcileAt"] = T1
    for one in other["status"]["conditions"]:
        one["lastTransitionTime"] = T0
    report = judge(history(FIRST, RETRIED, GOOD, other))
    assert (report.writes, report.distinct) == (4, 3)


def without_ready(last: dict[str, Any]) -> None:
    last["status"]["conditions"].pop(0)


def stalled_and_ready(last: dict[str, Any]) -> None:
    last["status"]["conditions"].append(condition("Stalled", "True", "AccessDenied"))


def both(last: dict[str, Any]) -> None:
    last["status"]["conditions"] = [
        condition("Ready", "False", "AccessDenied"),
        condition("Stalled", "True", "AccessDenied"),
        condition("Reconciling", "True", "ProgressingWithRetry"),
    ]


def not_removed(last: dict[str, Any]) -> None:
    last["status"]["conditions"].append(condition("Reconciling", "False", "InSync"))


def old_generation(last: dict[str, Any]) -> None:
    last["metadata"]["generation"] = 2


def old_condition(last: dict[str, Any]) -> None:
    last["metadata"]["generation"] = last["status"]["observedGeneration"] = 2
    last["status"]["conditions"][0]["observedGeneration"] = 2


def unexplained(last: dict[str, Any]) -> None:
    last["status"]["conditions"][0] |= {"status": "False", "reason": "Busy"}


def large(last: dict[str, Any]) -> None:
    last["status"]["target"] = "x" * 33_000


def moved_time(last: dict[str, Any]) -> None:
    last["status"]["conditions"] = [
        condition("Ready", "False", "Busy") | {"lastTransitionTime": T1},
        condition("Reconciling", "True", "ProgressingWithRetry"),
    ]


def time_back(last: dict[str, Any]) -> None:
    last["status"]["conditions"][0]["lastTransitionTime"] = "2026-11-23T11:00:00Z"


def observed_back(last: dict[str, Any]) -> None:
    last["status"] = copy.deepcopy(FIRST["status"])


def for_nothing(last: dict[str, Any]) -> None:
    last["status"] = copy.deepcopy(RETRIED["status"])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without_ready, "Ready condition must always be present"),
        (stalled_and_ready, "Ready condition must be False when Stalled condition is True"),
        (both, "Only one of Reconciling condition or Stalled condition"),
        (not_removed, "Reconciling condition can be removed when its value is False"),
        (old_generation, "observedGeneration is not the generation"),
        (old_generation, "must be False when the ObservedGeneration is less"),
        (old_condition, "Drifted speaks of another generation"),
        (unexplained, "neither Reconciling nor Stalled says what comes next"),
        (large, "status is larger than 32 KiB"),
        (moved_time, "lastTransitionTime moved without its status"),
        (time_back, "lastTransitionTime went back"),
        (observed_back, "observedGeneration went back"),
        (for_nothing, "a write that changed nothing"),
    ],
)
def test_a_bad_write_is_seen(spoil: Callable[[dict[str, Any]], None], sentence: str) -> None:
    last = copy.deepcopy(GOOD)
    spoil(last)
    violations = "\n".join(judge(history(FIRST, RETRIED, last)).violations)
    assert sentence in violations


def test_current_before_our_write_is_seen() -> None:
    """What a definition without the default of observedGeneration would lead to."""
    created = copy.deepcopy(GOOD)
    created["metadata"]["resourceVersion"] = "9"
    del created["status"]
    found = [Snapshot(created, ours=False), *history(FIRST, RETRIED, GOOD)]
    early, argo = sorted(judge(found).violations, key=len)
    assert "kstatus says Current before an attempt" in early + argo
    assert "Argo CD says Progressing" in early + argo


def test_argo_cd_that_differs_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.contract.argo.Argo.health", lambda *_: ("Healthy", "whatever it is"))
    [first, second] = judge(history(FIRST, RETRIED, GOOD)).violations
    assert "Argo CD says Healthy (whatever it is), kstatus InProgress" in first
    assert "Argo CD says Healthy" in second
