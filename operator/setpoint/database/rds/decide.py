"""What would bring an RDS instance to the spec. Pure.

Storage never shrinks and grows by at least 10 % (RDS's reference of ModifyDBInstance); storage
autoscaling may have grown it further, so the spec's value is a floor. A class change restarts the
instance; it is left to RDS's maintenance window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import RDS
from setpoint.api.plan import Applied, AppliedOp, BlockedBy, PlanOp, Risk
from setpoint.database.rds.model import RDSObserved
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action

CLASS, STORAGE, MAX_STORAGE = "DBInstanceClass", "AllocatedStorage", "MaxAllocatedStorage"
_FIELD = {CLASS: "instanceClass", STORAGE: "allocatedStorage", MAX_STORAGE: "maxAllocatedStorage"}

# Statuses in which RDS takes a modification; every other one, unknown ones too, counts as busy.
_MODIFIABLE = {
    CLASS: ("available", "storage-optimization"),
    STORAGE: ("available", "storage-full"),
    MAX_STORAGE: ("available", "storage-full", "storage-optimization"),
}


@dataclass(frozen=True)
class RDSDecision:
    """Actions in their order, what RDS holds back, and what the instance cannot take."""

    actions: Sequence[Action]
    pending: str
    failures: Sequence[Failure] = ()


def decide(spec: RDS, observed: RDSObserved) -> RDSDecision:
    """One Modify call for each field that differs: only that field is sent."""
    wants_storage = spec.allocated_storage is not None or spec.max_allocated_storage is not None
    if observed.in_cluster and wants_storage:
        message = (
            f"{observed.instance} is a member of a cluster, and its storage is the cluster's: "
            "remove allocatedStorage and maxAllocatedStorage from spec.rds"
        )
        return RDSDecision([], _held_back(observed), [Failure(Reason.INVALID_SPEC, message)])
    actions = [
        *_storage(spec, observed),
        *_max_storage(spec, observed),
        *_class(spec, observed),
    ]
    return RDSDecision(actions, _held_back(observed))


def _held_back(observed: RDSObserved) -> str:
    pending = pending_text(observed)
    return f"RDS holds {pending} (its maintenance window)" if pending else ""


def pending_text(observed: RDSObserved) -> str:
    """What RDS holds until its maintenance window: `class db.r6g.large, sun:03:00`.

    Empty if nothing is pending.
    """
    if not observed.pending:
        return ""
    named = {CLASS: "class {}", STORAGE: "storage {}Gi", "EngineVersion": "engine {}"}
    parts = [
        named.get(name, name).format(value) for name, value in sorted(observed.pending.items())
    ]
    return ", ".join([*parts, observed.maintenance_window.partition("-")[0]])


def revert(observed: RDSObserved, applied: Sequence[Applied]) -> list[Action]:
    """Put back class and storage limit; storage itself cannot shrink."""
    actions = []
    for name in (CLASS, MAX_STORAGE):
        entry = next(
            (e for e in applied if e.object == _object(observed) and e.field == _FIELD[name]), None
        )
        if entry is None or not entry.original:
            continue
        former: Any = entry.original if name == CLASS else int(entry.original)
        if observed.effective(name) != former:
            why = "the resource is deleted and its deletionPolicy is Revert"
            actions.append(_action(observed, name, former, why, Risk.HIGH))
    return actions


def _class(spec: RDS, observed: RDSObserved) -> list[Action]:
    wanted = spec.instance_class
    if wanted is None or observed.effective(CLASS) == wanted:
        return []
    window = observed.maintenance_window
    why = f"the class differs; it changes, with a restart, in RDS's own window {window}"
    return [_action(observed, CLASS, wanted, why, Risk.HIGH)]


def _storage(spec: RDS, observed: RDSObserved) -> list[Action]:
    wanted, now = spec.allocated_storage, int(observed.effective(STORAGE) or 0)
    if wanted is None or now >= wanted:
        return []
    accepted = max(wanted, math.ceil(now * 11 / 10))
    return [_action(observed, STORAGE, accepted, "the storage is below the spec", Risk.MEDIUM)]


def _max_storage(spec: RDS, observed: RDSObserved) -> list[Action]:
    wanted = spec.max_allocated_storage
    if wanted is None or observed.effective(MAX_STORAGE) == wanted:
        return []
    return [_action(observed, MAX_STORAGE, wanted, "the limit differs", Risk.LOW)]


def _action(observed: RDSObserved, name: str, wanted: Any, reason: str, risk: Risk) -> Action:
    now = observed.effective(name)
    return Action(
        op=PlanOp.UPDATE,
        object=_object(observed),
        field=_FIELD[name],
        from_=_shown(now),
        to=_shown(wanted),
        reason=reason,
        risk=risk,
        payload={
            "DBInstanceIdentifier": observed.instance,
            name: wanted,
            "ApplyImmediately": False,
        },
        record=Applied(
            object=_object(observed),
            field=_FIELD[name],
            op=AppliedOp.CHANGED,
            original="" if now is None else str(now),
        ),
        blocked_by=None if observed.state in _MODIFIABLE[name] else BlockedBy.STATE,
    )


def _object(observed: RDSObserved) -> str:
    return f"rds/{observed.instance}"


def _shown(value: Any) -> str:
    return f"{value}Gi" if isinstance(value, int) else str(value or "")
