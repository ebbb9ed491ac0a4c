"""What would bring an RDS instance to the spec, and which of it may be sent now. Pure.

At most one ModifyDBInstance is sent at a time, in this order: what costs no downtime (storage, and
the limit of its autoscaling), then what restarts the instance (all of it in one call). The rules
are those of docs/rds.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, AppliedOp, BlockedBy, PlanOp
from setpoint.api.rds import RDS
from setpoint.database.rds import gates, pending, steps
from setpoint.database.rds.memory import DAY, RDSMemory, Sent
from setpoint.database.rds.model import FIELDS, MAX_STORAGE, STORAGE, RDSObserved, shown
from setpoint.database.rds.report import report
from setpoint.database.rds.steps import Change, Sight, Step
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action
from setpoint.engine.window import opening

_LOOK_AGAIN = timedelta(seconds=15)


@dataclass(frozen=True)
class RDSDecision:
    """Actions in their order; what RDS or our window holds back; the fields that wait for our
    window, and the change that is not to be seen yet; what the instance cannot take."""

    actions: Sequence[Action] = ()
    pending: str = ""
    waiting: str = ""
    settling: str = ""
    failures: Sequence[Failure] = ()
    again: timedelta | None = None


def decide(spec: RDS, observed: RDSObserved, memory: RDSMemory, now: datetime) -> RDSDecision:
    """What to do. Nothing is done to what the spec does not name."""
    sight = Sight(spec, observed, memory, now, opening(spec.window, now) if spec.window else None)
    sight, limit_refusals = steps.with_possible_limit(sight)
    change, refusals = steps.wanted_storage(sight)
    refusals += limit_refusals
    wanted = [*steps.free(sight, change), *steps.restart(sight, change)]
    settling = gates.settling_text(sight)
    gated = gates.in_order([gates.gate(sight, step, settling) for step in wanted])
    if gates.must_withdraw(sight, gated):
        withdrawal = gates.gate(sight, steps.withdrawal(sight), settling)
        gated = gates.in_order([withdrawal, *gated])
    failures = [Failure(Reason.INVALID_SPEC, "; ".join(refusals))] if refusals else []
    failures += [f for s in gated if (f := memory.held(s.order.values, now)) is not None]
    return RDSDecision(
        actions=[action for step in gated for action in _actions(sight, step)],
        pending=_held_back(sight, gated),
        waiting=_waiting(sight, gated, settling),
        settling=settling,
        failures=failures,
        again=_again(sight, gated, settling),
    )


def _actions(sight: Sight, step: Step) -> list[Action]:
    """An action for each field; the first one carries the modification, the others go with it."""
    observed = sight.observed
    return [
        Action(
            op=PlanOp.UPDATE,
            object=observed.name,
            field=FIELDS[entry.name],
            from_=entry.from_,
            to=shown(entry.name, entry.to),
            reason=f"{entry.why}; {step.note}" if step.note else entry.why,
            risk=step.risk,
            payload=step.order if number == 0 else None,
            record=_record(observed, entry),
            intent=_intent(sight, step) if number == 0 and step.blocked is None else None,
            blocked_by=step.blocked,
        )
        for number, entry in enumerate(step.changes)
    ]


def _intent(sight: Sight, step: Step) -> dict[str, Any]:
    """The ledger with this modification: it counts even if the operator dies on the way."""
    order, memory = step.order, replace(sight.memory)
    entry = Sent(sight.now, order.values, order.immediately)
    memory.add(entry)
    memory.may_have_taken(entry, withdraws=order.withdraws)
    return {"rds": report(sight.observed, memory, "", sight.now).wire()}


def _record(observed: RDSObserved, entry: Change) -> Applied:
    before = observed.limit if entry.name == MAX_STORAGE else observed.current.get(entry.name)
    return Applied(
        object=observed.name,
        field=FIELDS[entry.name],
        op=AppliedOp.GREW if entry.name == STORAGE else AppliedOp.CHANGED,
        original="" if before is None else str(before),
    )


def _held_back(sight: Sight, gated: Sequence[Step]) -> str:
    """A sentence for the condition."""
    parts = []
    if names := sorted(sight.observed.pending):
        text = pending.listed(sight.observed, names)
        parts.append(
            f"RDS holds {text} (its maintenance window opens {pending.opens(sight.observed)} UTC)"
        )
    if _fields_waiting(gated) and sight.window and sight.window.next and not sight.window.is_open:
        parts.append(f"spec.rds.window opens {sight.window.next:%Y-%m-%d %H:%M %Z}")
    return "; ".join(parts)


def _waiting(sight: Sight, gated: Sequence[Step], settling: str) -> str:
    """The same for the column: `class, Sun 03:00`; `class, now` for what is under way."""
    if settling:
        return pending.in_short([FIELDS[name] for name in sight.memory.sent[-1].values], "now")
    fields = _fields_waiting(gated)
    if fields and sight.window and sight.window.next and not sight.window.is_open:
        return pending.in_short(fields, pending.local(sight.window.next))
    return ""


def _fields_waiting(gated: Sequence[Step]) -> list[str]:
    return [
        FIELDS[entry.name]
        for step in gated
        if step.blocked is BlockedBy.WINDOW and step.restarts
        for entry in step.changes
    ]


def _again(sight: Sight, gated: Sequence[Step], settling: str) -> timedelta | None:
    """When to look, where the interval may be too long."""
    if settling or any(step.note == gates.BEFORE for step in gated):
        return _LOOK_AGAIN
    if not gated or sight.window is None:
        return None
    if sight.window.is_open:
        return 4 * _LOOK_AGAIN if any(s.blocked is BlockedBy.STATE for s in gated) else None
    if sight.window.next is None:
        return None
    return min(sight.window.next - sight.now + timedelta(seconds=1), DAY)
