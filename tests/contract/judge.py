"""Judges snapshots by kstatus, Flux's checkers, Argo CD's scripts, and rules of our own."""

import itertools
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stack import gobuild
from tests.contract.argo import Argo
from tests.contract.snapshots import Snapshot

STATUS_BYTES = 32 * 1024
_ARGO = {"Current": "Healthy", "InProgress": "Progressing", "Failed": "Degraded",
         "Terminating": "Progressing"}  # fmt: skip
_LIMIT_SECONDS = 120


@dataclass(frozen=True)
class Verdict:
    """What the program statuscheck says of one object."""

    kstatus: str
    running: bool
    broken: Sequence[str]


@dataclass(frozen=True)
class Report:
    """What came out. `shapes`: distinct lists of types, statuses and reasons of conditions."""

    writes: int
    distinct: int
    shapes: int
    others: int
    violations: Sequence[str]

    def __str__(self) -> str:
        return (
            f"status contract: {self.writes} of our writes of status, {self.distinct} distinct "
            f"without times, {self.shapes} distinct lists of conditions, {self.others} writes by "
            f"others, {len(self.violations)} violations"
        )


def flux(bodies: Sequence[dict[str, Any]]) -> list[Verdict]:
    """Ask kstatus and Flux's checkers about objects."""
    lines = "".join(json.dumps(body) + "\n" for body in bodies)
    answer = subprocess.run(
        [gobuild.built_status_check()], input=lines, capture_output=True, text=True, check=False,
        timeout=_LIMIT_SECONDS,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    return [Verdict(one["kstatus"], one["running"], one["broken"]) for one in found]


def judge(found: Sequence[Snapshot]) -> Report:
    """Judge snapshots; they are in the order in which they took effect."""
    verdicts = flux([one.body for one in found])
    violations = []
    histories = defaultdict(list)
    argo = Argo()
    for one, verdict in zip(found, verdicts, strict=True):
        histories[one.uid].append((one, verdict))
        if one.ours:
            problems = [f"Flux: {text}" for text in verdict.broken]
            problems += _own_rules(one, verdict)
            violations += [_said(one, text) for text in problems]
        violations += [_said(one, text) for text in _argo_differs(argo, one, verdict)]
    for history in histories.values():
        violations += _over_time(history)
    ours = [one for one in found if one.ours]
    return Report(
        writes=len(ours),
        distinct=len({one.without_times() for one in ours}),
        shapes=len({one.shape() for one in ours}),
        others=len(found) - len(ours),
        violations=violations,
    )


def _said(one: Snapshot, text: str) -> str:
    return f"{one.described()}: {text}\n    {json.dumps(one.status)[:2000]}"


def _own_rules(one: Snapshot, verdict: Verdict) -> Iterator[str]:
    """What holds for a single write of ours."""
    if len(json.dumps(one.status, separators=(",", ":")).encode()) > STATUS_BYTES:
        yield "status is larger than 32 KiB"
    if not verdict.running and one.status["observedGeneration"] != one.generation:
        yield "an attempt was finished, and observedGeneration is not the generation"
    for condition in one.conditions.values():
        if condition["observedGeneration"] != one.generation:
            yield f"{condition['type']} speaks of another generation"
    if verdict.running and verdict.kstatus != "InProgress":
        yield f"work is under way, and kstatus says {verdict.kstatus}"
    stands_still = one.body["spec"].get("suspend", False)
    ready = one.conditions.get("Ready", {}).get("status")
    explained = {"Reconciling", "Stalled"} & set(one.conditions)
    if ready != "True" and not explained and not stands_still:
        yield "it is not Ready, and neither Reconciling nor Stalled says what comes next"


def _argo_differs(argo: Argo, one: Snapshot, verdict: Verdict) -> Iterator[str]:
    health, message = argo.health(one.body)
    expected = _ARGO[verdict.kstatus]
    if one.body["spec"].get("suspend") and not one.body["metadata"].get("deletionTimestamp"):
        expected = "Suspended"
    if health != expected:
        yield f"Argo CD says {health} ({message}), kstatus {verdict.kstatus}"


def _over_time(history: Sequence[tuple[Snapshot, Verdict]]) -> Iterator[str]:
    """What holds between the writes of one object."""
    finished: set[int] = set()
    for one, verdict in history:
        if one.ours and not verdict.running:
            finished.add(one.generation)
        if verdict.kstatus == "Current" and one.generation not in finished:
            yield _said(one, "kstatus says Current before an attempt at this generation was ended")
    ours = [one for one, _ in history if one.ours]
    for before, after in itertools.pairwise(ours):
        if before.status == after.status:
            yield _said(after, "a write that changed nothing")
        if after.status["observedGeneration"] < before.status["observedGeneration"]:
            yield _said(after, "observedGeneration went back")
        yield from _transitions(before, after)


def _transitions(before: Snapshot, after: Snapshot) -> Iterator[str]:
    for kind, new in after.conditions.items():
        old = before.conditions.get(kind)
        if old is None:
            continue
        moved = new["lastTransitionTime"] != old["lastTransitionTime"]
        if moved and new["status"] == old["status"]:
            yield _said(after, f"{kind}: lastTransitionTime moved without its status")
        if new["lastTransitionTime"] < old["lastTransitionTime"]:
            yield _said(after, f"{kind}: lastTransitionTime went back")
