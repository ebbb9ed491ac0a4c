"""What would bring an RDS instance to the spec. Pure.

Storage never shrinks and grows by at least 10 % (RDS's reference of ModifyDBInstance); storage
autoscaling may have grown it further, so the spec's value is a floor. A limit of autoscaling that
equals the storage turns it off, and RDS then shows none. A class change restarts the instance; it
is left to RDS's maintenance window.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import RDS
from setpoint.api.plan import Applied, AppliedOp, BlockedBy, PlanOp, Risk
from setpoint.database.rds.model import RDSObserved
from setpoint.database.rds.performance import performance
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
        *_max_storage(spec, observed),  # before the storage, which may not exceed it
        *_storage(spec, observed),
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
    former: Any
    for name in (CLASS, MAX_STORAGE):
        entry = next(
            (e for e in applied if e.object == _object(observed) and e.field == _FIELD[name]), None
        )
        if entry is None:
            continue
        if name == CLASS:
            former, now = entry.original, observed.effective(CLASS)
        else:
            former, now = max(int(entry.original or 0), _size(observed)), _limit(observed)
        if former != now:
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
    wanted = spec.allocated_storage
    if wanted is None or _size(observed) >= wanted:
        return []
    accepted = max(wanted, math.ceil(int(observed.current.get(STORAGE, 0)) * 11 / 10))
    why = "the storage is below the spec"
    with_it = performance(observed, accepted)
    return [_action(observed, STORAGE, accepted, why, Risk.MEDIUM, with_it)]


def _max_storage(spec: RDS, observed: RDSObserved) -> list[Action]:
    """A storage that has reached the limit, or was made larger by hand, is to grow no more."""
    if spec.max_allocated_storage is None:
        return []
    wanted = max(spec.max_allocated_storage, _size(observed))
    if _limit(observed) == wanted:
        return []
    return [_action(observed, MAX_STORAGE, wanted, "the limit differs", Risk.LOW)]


def _size(observed: RDSObserved) -> int:
    """GiB, once everything pending is applied."""
    return int(observed.effective(STORAGE) or 0)


def _limit(observed: RDSObserved) -> int:
    """GiB up to which RDS grows the storage by itself: the storage, where autoscaling is off."""
    return int(observed.effective(MAX_STORAGE) or _size(observed))


def _action(
    observed: RDSObserved,
    name: str,
    wanted: Any,
    reason: str,
    risk: Risk,
    with_it: Mapping[str, int] | None = None,
) -> Action:
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
            **(with_it or {}),
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
