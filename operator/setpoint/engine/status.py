"""The status that an attempt leads to. Pure: everything it needs is handed in."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from setpoint.api.base import Mode
from setpoint.api.findings import Findings
from setpoint.api.plan import BlockedBy, PlanAction, PlanStatus
from setpoint.engine import conditions, findings, plan
from setpoint.engine.attempt import Attempt
from setpoint.engine.conditions import Outcome
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure
from setpoint.engine.kind import Kind

PLAN_BUDGET = 4 * 1024
"""Bytes of status that the shown plan may take."""


def of_attempt(
    kind: Kind[Any, Any, Any],
    attempt: Attempt,
    shown: Findings,
    display: Display,
    stalled_after: timedelta,
) -> dict[str, Any]:
    """Status after an attempt that could observe the target, without alerts; wire form."""
    resource, decision = attempt.resource, attempt.decision
    part = kind.report(resource, attempt.observed, decision, display)
    status = part.model_copy(
        update={
            "observed_generation": resource.generation,
            "findings": shown,
            "plan": _within_budget(plan.show(attempt.gated)),
            "applied": list(attempt.applied) or None,
            "target": attempt.target,
        }
    ).wire()
    status["conditions"] = conditions.finished(
        resource.status.get("conditions") or (),
        resource.generation,
        display.now,
        outcome(attempt),
        stalled_after,
    )
    return status


def outcome(attempt: Attempt) -> Outcome:
    """What an attempt came to, in the conditions' terms."""
    spec, actions = attempt.resource.spec, attempt.gated.actions
    differences = [plan.sentence(action) for action in actions if not action.background]
    waiting = [
        plan.sentence(action)
        for action in attempt.gated.blocked
        if action.blocked_by is not BlockedBy.MODE
    ]
    waiting += [attempt.decision.pending] if attempt.decision.pending else []
    if any(action.blocked_by is BlockedBy.APPROVAL for action in attempt.gated.blocked):
        waiting.append(f"approve with the annotation {plan.APPROVE}={attempt.gated.digest}")
    running = [plan.sentence(a) for a in attempt.gated.runnable if not a.background]
    running += [attempt.decision.settling] if attempt.decision.settling else []
    return Outcome(
        failures=attempt.failures,
        waiting=waiting,
        drifted=() if spec.mode is Mode.ENFORCE else differences,
        running=running,
        findings=findings.count(attempt.decision.findings),
        read_only=spec.mode is Mode.OBSERVE,
        own=attempt.decision.conditions,
    )


def of_failure(
    previous: Mapping[str, Any],
    generation: int,
    failures: Sequence[Failure],
    now: datetime,
    stalled_after: timedelta,
) -> dict[str, Any]:
    """Status after an attempt that could observe nothing: what was known stays."""
    made = conditions.finished(
        previous.get("conditions") or (),
        generation,
        now,
        Outcome(failures=failures, observed=False),
        stalled_after,
    )
    return {**previous, "observedGeneration": generation, "conditions": made}


def intents(attempt: Attempt) -> dict[str, Any]:
    """Fields of status that the actions to come want written before them."""
    found: dict[str, Any] = {}
    for action in attempt.gated.runnable:
        found |= action.intent or {}
    return found


def before_acting(attempt: Attempt, now: datetime) -> dict[str, Any]:
    """Status with the records of ownership, written before the first action."""
    resource = attempt.resource
    names = [plan.sentence(action) for action in attempt.gated.runnable]
    return {
        **resource.status,
        **intents(attempt),
        "applied": [entry.wire() for entry in attempt.applied],
        "conditions": conditions.progressing(
            resource.status.get("conditions") or (), resource.generation, now, "; ".join(names)
        ),
    }


def _within_budget(shown: PlanStatus) -> PlanStatus:
    kept: list[PlanAction] = []
    size = 0
    for action in shown.actions:
        size += len(action.model_dump_json(by_alias=True).encode())
        if size > PLAN_BUDGET:
            break
        kept.append(action)
    dropped = len(shown.actions) - len(kept)
    return shown.model_copy(update={"actions": kept, "truncated": shown.truncated + dropped})
