"""What would bring an RDS instance to the spec, and which of it may be sent now. Pure.

At most one ModifyDBInstance is sent at a time, in this order: what costs no downtime (storage, and
the limit of its autoscaling), then what restarts the instance (all of it in one call). The rules
are those of docs/rds.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import RDS
from setpoint.api.plan import Applied, AppliedOp, BlockedBy, PlanOp, Risk
from setpoint.database.rds import pending, storage
from setpoint.database.rds.memory import DAY, RDSMemory, Sent
from setpoint.database.rds.model import (
    CLASS,
    FIELDS,
    IOPS,
    MAX_STORAGE,
    OF_STORAGE,
    STORAGE,
    THROUGHPUT,
    TYPE,
    RDSObserved,
    shown,
)
from setpoint.database.window import Opening, opening
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action

SETTLE = timedelta(minutes=5)
"""For how long RDS may go on describing an instance as it was before a modification."""

STORAGE_A_DAY = 4
"""Storage modifications that RDS takes in 24 hours (user guide, "Modifying storage")."""

_LOOK_AGAIN = timedelta(seconds=30)
_WITH_TYPE = (TYPE, IOPS, THROUGHPUT)
_AVAILABLE, _FULL, _OPTIMIZING = "available", "storage-full", "storage-optimization"


@dataclass(frozen=True)
class Order:
    """One ModifyDBInstance: what an action carries. `withdraws`: it only takes our own class back
    out of RDS's queue, so that storage can grow."""

    values: Mapping[str, Any]
    immediately: bool
    withdraws: bool = False


@dataclass(frozen=True)
class Change:
    """One field: by RDS's name, from and to as the plan shows them, and why."""

    name: str
    from_: str
    to: Any
    why: str


@dataclass(frozen=True)
class Step:
    """A modification, before it is known whether it may be sent. `restarts`: it costs downtime.
    `blocked` says what it waits for, `note` why."""

    order: Order
    changes: Sequence[Change]
    risk: Risk
    restarts: bool = False
    blocked: BlockedBy | None = None
    note: str = ""

    def block(self, by: BlockedBy, note: str) -> "Step":
        """The same, blocked; what it was blocked by before stays."""
        return self if self.blocked else replace(self, blocked=by, note=note)


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


@dataclass(frozen=True)
class _Sight:
    """All that a decision rests on."""

    spec: RDS
    observed: RDSObserved
    memory: RDSMemory
    now: datetime
    window: Opening | None

    @property
    def may_restart(self) -> bool:
        """Our window is open."""
        return self.window is not None and self.window.is_open

    @property
    def basis(self) -> RDSObserved:
        """What is compared with the spec: what will be, once RDS has applied its queue.

        In our window what waits for RDS's own is still to be done; and so is what we left there
        before the spec had a window.
        """
        observed, later = self.observed, set[str]()
        if self.may_restart:
            later = {CLASS, *(_WITH_TYPE if TYPE in observed.pending else ())}
        elif self.window is not None and observed.pending.get(CLASS) == self.memory.queued_class:
            later = {CLASS}
        kept = {name: value for name, value in observed.pending.items() if name not in later}
        return replace(observed, pending=kept)


def decide(spec: RDS, observed: RDSObserved, memory: RDSMemory, now: datetime) -> RDSDecision:
    """What to do. Nothing is done to what the spec does not name."""
    sight = _Sight(spec, observed, memory, now, opening(spec.window, now) if spec.window else None)
    change, refusals = _storage(sight)
    steps = [*_free(sight, change), *_restart(sight, change)]
    settling = _settling(sight)
    gated = _in_order([_gate(sight, step, settling) for step in steps])
    if _must_withdraw(sight, gated):
        gated = [_withdrawal(sight), *(s.block(BlockedBy.STATE, _BEFORE) for s in gated)]
    failures = [Failure(Reason.INVALID_SPEC, "; ".join(refusals))] if refusals else []
    failures += [f for s in gated if (f := memory.held(s.order.values, now)) is not None]
    return RDSDecision(
        actions=[action for step in gated for action in _actions(observed, step)],
        pending=_held_back(sight, gated),
        waiting=_waiting(sight, gated),
        settling=settling,
        failures=failures,
        again=_again(sight, gated, settling),
    )


_BEFORE = "after the modification before it"


def _storage(sight: _Sight) -> tuple[storage.StorageChange, list[str]]:
    """The change of storage as a whole, and what of the spec this instance cannot have."""
    spec, observed = sight.spec, sight.basis
    if observed.in_cluster:
        return storage.StorageChange(), _of_the_cluster(spec, observed)
    kind = str(spec.storage_type or observed.effective(TYPE))
    found = storage.change(spec, observed, storage.growth(spec, observed), kind)
    return (_size_only(sight), list(found.refusals)) if found.refusals else (found, [])


def _size_only(sight: _Sight) -> storage.StorageChange:
    """Growth of the storage that is there."""
    bare = sight.spec.model_copy(update={"iops": None, "storage_throughput": None})
    observed = sight.basis
    return storage.change(bare, observed, storage.growth(bare, observed), observed.effective(TYPE))


def _of_the_cluster(spec: RDS, observed: RDSObserved) -> list[str]:
    names = {FIELDS[name] for name in (*OF_STORAGE, MAX_STORAGE)}
    named = [name for name in spec.model_dump(by_alias=True, exclude_none=True) if name in names]
    sentence = (
        f"{observed.instance} is a member of a cluster, and its storage is the cluster's: remove "
        f"{', '.join(named)} from spec.rds"
    )
    return [sentence] if named else []


def _free(sight: _Sight, change: storage.StorageChange) -> list[Step]:
    """Storage and its limit: no downtime, so it is applied at once."""
    spec, observed = sight.spec, sight.basis
    if observed.in_cluster:
        return []
    if _is_outage(observed, change):
        change = _size_only(sight)
    limit = _limit(spec, observed, change.values.get(STORAGE, observed.size))
    changes = [_change(observed, name, value) for name, value in change.values.items()]
    if not changes:
        return [_limit_step(limit)] if limit else []
    step = Step(Order(change.params, immediately=True), changes, Risk.MEDIUM)
    if limit is None:
        return [step]
    if pending.would_interrupt(sight.observed, change.params) and observed.state != _FULL:
        return [_limit_step(limit), step]  # the limit fires nothing, and need not wait
    values = {**change.params, MAX_STORAGE: limit.to}
    return [Step(Order(values, immediately=True), [limit, *changes], Risk.MEDIUM)]


def _limit_step(limit: Change) -> Step:
    """MaxAllocatedStorage applies at once, whatever ApplyImmediately says, and fires nothing."""
    return Step(Order({MAX_STORAGE: limit.to}, immediately=False), [limit], Risk.LOW)


def _limit(spec: RDS, observed: RDSObserved, size: int) -> Change | None:
    """RDS wants it 10 % above the storage, or equal: that turns autoscaling off."""
    wanted, now = spec.max_allocated_storage, observed.limit
    if wanted is None or (wanted == now and size <= wanted):
        return None
    why = "maxAllocatedStorage differs"
    if wanted < storage.grown(size):
        wanted = size
        why = "RDS wants it 10 % above the storage, or equal to it, which turns autoscaling off"
    is_off = now == observed.size
    if wanted == now or (is_off and wanted == size):
        return None
    return Change(MAX_STORAGE, shown(MAX_STORAGE, now), wanted, why)


def _restart(sight: _Sight, change: storage.StorageChange) -> list[Step]:
    """Everything that costs downtime, in one modification: an instance restarts once."""
    spec, observed, memory = sight.spec, sight.basis, sight.memory
    wanted, current = spec.instance_class, sight.observed.current.get(CLASS)
    values: dict[str, Any] = {}
    changes: list[Change] = []
    if wanted is not None and observed.effective(CLASS) != wanted:
        if wanted == current:
            return [_cancel(sight)]
        before = str(observed.effective(CLASS) or "")
        changes.append(Change(CLASS, before, wanted, "instanceClass differs"))
        values[CLASS] = wanted
    if _is_outage(observed, change):
        kept = storage.change(spec, observed, observed.size, change.values[TYPE])
        changes += [_change(observed, name, value) for name, value in kept.values.items()]
        values |= kept.params
    if not changes:
        return []
    window = f"RDS's own window {observed.maintenance_window}"
    where = f"; with downtime, in {window if sight.window is None else 'spec.rds.window'}"
    changes = [replace(entry, why=entry.why + where) for entry in changes]
    # What was let through before, and only made way for storage, needs no approval again.
    was_approved = list(values) == [CLASS] and memory.withdrawn_class == wanted
    risk = Risk.MEDIUM if was_approved else Risk.HIGH
    order = Order(values, immediately=sight.window is not None)
    return [Step(order, changes, risk, restarts=True)]


def _cancel(sight: _Sight) -> Step:
    """The class that runs is the wanted one: another one is taken out of RDS's queue.

    RDS's user guide: modify it back, with ApplyImmediately.
    """
    observed = sight.observed
    current = observed.current[CLASS]
    queued = str(observed.effective(CLASS))
    why = f"{queued} waits in RDS's queue; no restart"
    order = Order({CLASS: current}, immediately=True)
    return Step(order, [Change(CLASS, f"{queued} (queued)", current, why)], Risk.MEDIUM)


def _withdrawal(sight: _Sight) -> Step:
    """Our own class comes out of RDS's queue, so that nothing there costs downtime."""
    step = _cancel(sight)
    why = "taken out of RDS's queue; no restart"
    return replace(
        step,
        order=replace(step.order, withdraws=True),
        changes=[replace(entry, why=why) for entry in step.changes],
    )


def _must_withdraw(sight: _Sight, steps: Sequence[Step]) -> bool:
    """Our class in RDS's queue keeps storage from growing, or would restart the instance outside
    the window that the spec has by now."""
    observed, memory = sight.observed, sight.memory
    queued = observed.pending.get(CLASS)
    if queued is None or queued != memory.queued_class or queued == observed.current.get(CLASS):
        return False
    if observed.state not in (_AVAILABLE, _OPTIMIZING) or _settling(sight):
        return False
    if pending.would_interrupt(observed, {CLASS: queued}):
        return False
    left = sight.spec.max_modifications_per_day - len(memory.today(sight.now))
    if sight.window is not None and not sight.window.is_open:
        return left >= 1
    return left >= 2 and any(
        step.blocked is BlockedBy.WINDOW
        and not step.restarts
        and not _storage_is_stuck(sight, step)
        for step in steps
    )


def _storage_is_stuck(sight: _Sight, step: Step) -> bool:
    """It would not be sent even with an empty queue."""
    held = sight.memory.held(step.order.values, sight.now) is not None
    used = sight.memory.storage_today(sight.now) >= STORAGE_A_DAY
    return held or used or _state_refuses(sight.observed, step) != ""


def _gate(sight: _Sight, step: Step, settling: str) -> Step:
    """Block a step that must not be sent now."""
    observed, memory, order = sight.observed, sight.memory, step.order
    if settling:
        step = step.block(BlockedBy.STATE, settling)
    if refusal := _state_refuses(observed, step):
        step = step.block(BlockedBy.STATE, refusal)
    if step.restarts and sight.window is not None and not sight.may_restart:
        step = step.block(BlockedBy.WINDOW, "")
    if order.immediately and (fired := pending.would_interrupt(observed, order.values)):
        text = pending.listed(observed, fired)
        if observed.state == _FULL and STORAGE in order.values:
            step = replace(step, note=f"the storage is full: RDS applies {text} with it, now")
        else:
            step = step.block(BlockedBy.WINDOW, f"RDS holds {text}, which would be applied with it")
    if failure := memory.held(order.values, sight.now):
        step = step.block(BlockedBy.STATE, f"RDS has refused it ({failure.reason}); not yet again")
    return _within_budget(sight, step)


def _within_budget(sight: _Sight, step: Step) -> Step:
    memory, most = sight.memory, sight.spec.max_modifications_per_day
    if len(memory.today(sight.now)) >= most:
        return step.block(BlockedBy.BUDGET, f"{most} modifications in 24 hours are made")
    is_storage = bool(OF_STORAGE & step.order.values.keys())
    if is_storage and memory.storage_today(sight.now) >= STORAGE_A_DAY:
        note = f"RDS takes {STORAGE_A_DAY} changes of storage in 24 hours"
        return step.block(BlockedBy.BUDGET, note)
    return step


def _state_refuses(observed: RDSObserved, step: Step) -> str:
    """Why RDS would not take it in the instance's state; empty if it would.

    available: everything. storage-full: growth. storage-optimization: all but storage. Every other
    state, unknown ones too, counts as busy.
    """
    names = step.order.values.keys()
    changes_storage = bool(OF_STORAGE & names)
    if changes_storage and observed.optimizing:
        return "RDS still optimizes the storage after the last change"
    fits = {
        _AVAILABLE: True,
        _FULL: names <= OF_STORAGE | {MAX_STORAGE},
        _OPTIMIZING: not changes_storage,
    }
    return "" if fits.get(observed.state, False) else f"the instance is {observed.state}"


def _in_order(steps: Sequence[Step]) -> list[Step]:
    """One at a time. What goes into RDS's queue waits for storage: it would only be in its way."""
    ordered: list[Step] = []
    for step in steps:
        runs = any(before.blocked is None for before in ordered)
        is_queued = step.restarts and not step.order.immediately
        awaits = is_queued and any(
            OF_STORAGE & before.order.values.keys() and before.blocked is not BlockedBy.WINDOW
            for before in ordered
        )
        ordered.append(step.block(BlockedBy.STATE, _BEFORE) if runs or awaits else step)
    return ordered


def _settling(sight: _Sight) -> str:
    """The last modification, while what it asked for is not to be seen yet; else empty."""
    observed, sent = sight.observed, sight.memory.sent
    if not sent:
        return ""
    last = sent[-1]
    is_new = sight.now - last.at < SETTLE
    is_busy = observed.state not in (_AVAILABLE, _FULL)
    unseen = [name for name, value in last.values.items() if _seen(observed, name) != value]
    applied = replace(observed, pending={})
    undone = [name for name, value in last.values.items() if _seen(applied, name) != value]
    if (is_new and unseen) or (last.immediately and undone and not unseen and (is_new or is_busy)):
        return f"RDS is changing {_names(last, unseen or undone)}"
    return ""


def _seen(observed: RDSObserved, name: str) -> Any:
    """A value that holds once everything pending is applied; RDS shows no limit that is off."""
    return observed.limit if name == MAX_STORAGE else observed.effective(name)


def _names(sent: Sent, names: Sequence[str]) -> str:
    return ", ".join(f"{FIELDS[name]} to {shown(name, sent.values[name])}" for name in names)


def _is_outage(observed: RDSObserved, change: storage.StorageChange) -> bool:
    after = change.values.get(TYPE)
    return after is not None and storage.needs_downtime(observed.current.get(TYPE), after)


def _change(observed: RDSObserved, name: str, value: Any) -> Change:
    why = "the storage is below the spec" if name == STORAGE else f"{FIELDS[name]} differs"
    return Change(name, shown(name, observed.effective(name)), value, why)


def _actions(observed: RDSObserved, step: Step) -> list[Action]:
    """An action for each field; the first one carries the modification, the others go with it."""
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
            blocked_by=step.blocked,
        )
        for number, entry in enumerate(step.changes)
    ]


def _record(observed: RDSObserved, entry: Change) -> Applied:
    before = observed.limit if entry.name == MAX_STORAGE else observed.current.get(entry.name)
    return Applied(
        object=observed.name,
        field=FIELDS[entry.name],
        op=AppliedOp.GREW if entry.name == STORAGE else AppliedOp.CHANGED,
        original="" if before is None else str(before),
    )


def _held_back(sight: _Sight, steps: Sequence[Step]) -> str:
    """A sentence for the condition."""
    parts = []
    if names := sorted(sight.observed.pending):
        text = pending.listed(sight.observed, names)
        parts.append(f"RDS holds {text} (its window opens {pending.opens(sight.observed)} UTC)")
    if _fields_waiting(steps) and sight.window and sight.window.next and not sight.window.is_open:
        parts.append(f"spec.rds.window opens {sight.window.next:%Y-%m-%d %H:%M %Z}")
    return "; ".join(parts)


def _waiting(sight: _Sight, steps: Sequence[Step]) -> str:
    """The same for the column: `class, Sun 03:00`."""
    fields = _fields_waiting(steps)
    if fields and sight.window and sight.window.next and not sight.window.is_open:
        return pending.in_short(fields, pending.local(sight.window.next))
    return ""


def _fields_waiting(steps: Sequence[Step]) -> list[str]:
    return [
        FIELDS[entry.name]
        for step in steps
        if step.blocked is BlockedBy.WINDOW and step.risk is not Risk.LOW
        for entry in step.changes
    ]


def _again(sight: _Sight, steps: Sequence[Step], settling: str) -> timedelta | None:
    """When to look, where the interval may be too long."""
    if settling or any(step.note == _BEFORE for step in steps):
        return _LOOK_AGAIN
    if not steps or sight.window is None:
        return None
    if sight.window.is_open:
        return _LOOK_AGAIN * 2 if any(s.blocked is BlockedBy.STATE for s in steps) else None
    if sight.window.next is None:
        return None
    return min(sight.window.next - sight.now + timedelta(seconds=1), DAY)
