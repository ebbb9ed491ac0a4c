"""Which modification of an RDS instance may be sent now, and what the others wait for. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from setpoint.api.plan import BlockedBy
from setpoint.database.rds import pending
from setpoint.database.rds.memory import SETTLE, Sent
from setpoint.database.rds.model import (
    CLASS,
    FIELDS,
    MAX_STORAGE,
    OF_STORAGE,
    STORAGE,
    RDSObserved,
    shown,
)
from setpoint.database.rds.steps import FULL, Sight, Step

STORAGE_A_DAY = 4
"""Storage modifications that RDS takes in 24 hours (user guide, "Modifying storage")."""

_BETWEEN_RESTARTS = timedelta(minutes=15)

BEFORE = "after the modification before it"
AVAILABLE, OPTIMIZING = "available", "storage-optimization"


def gate(sight: Sight, step: Step, settling: str) -> Step:
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
        if observed.state == FULL and STORAGE in order.values:
            step = replace(step, note=f"the storage is full: RDS applies {text} with it, now")
        else:
            step = step.block(BlockedBy.WINDOW, f"RDS holds {text}, which would be applied with it")
    if until := _came_to_nothing(sight, step):
        note = f"it was sent already and is not there; not again before {until:%H:%M} UTC"
        step = step.block(BlockedBy.STATE, note)
    if failure := memory.held(order.values, sight.now):
        step = step.block(BlockedBy.STATE, f"RDS has refused it ({failure.reason}); not yet again")
    return _within_budget(sight, step)


def in_order(steps: Sequence[Step]) -> list[Step]:
    """One at a time. What goes into RDS's queue waits for storage: it would only be in its way."""
    ordered: list[Step] = []
    for step in steps:
        runs = any(before.blocked is None for before in ordered)
        is_queued = step.restarts and not step.order.immediately
        awaits = is_queued and any(
            OF_STORAGE & before.order.values.keys() and before.blocked is not BlockedBy.WINDOW
            for before in ordered
        )
        ordered.append(step.block(BlockedBy.STATE, BEFORE) if runs or awaits else step)
    return ordered


def must_withdraw(sight: Sight, steps: Sequence[Step]) -> bool:
    """Our class in RDS's queue keeps storage from growing, would restart the instance outside the
    window that the spec has by now, or is no longer in the spec."""
    observed, memory = sight.observed, sight.memory
    queued = observed.pending.get(CLASS)
    if queued is None or queued != memory.queued_class or queued == observed.current.get(CLASS):
        return False
    if observed.state not in (AVAILABLE, OPTIMIZING) or settling_text(sight):
        return False
    if pending.would_interrupt(observed, {CLASS: queued}):
        return False
    left = sight.spec.max_modifications_per_day - len(memory.today(sight.now))
    is_unwanted = sight.spec.instance_class is None
    if is_unwanted or (sight.window is not None and not sight.window.is_open):
        return left >= 1
    return left >= 2 and any(
        step.blocked is BlockedBy.WINDOW and not step.restarts and not _is_stuck(sight, step)
        for step in steps
    )


def _is_stuck(sight: Sight, step: Step) -> bool:
    """It would not be sent even with an empty queue."""
    held = sight.memory.held(step.order.values, sight.now) is not None
    used = sight.memory.storage_today(sight.now) >= STORAGE_A_DAY
    return held or used or _state_refuses(sight.observed, step) != ""


def _came_to_nothing(sight: Sight, step: Step) -> datetime | None:
    """Until when a restart that RDS took and did not make, as where capacity was short by then, is
    not asked for again: each one may interrupt the database. Longer each time."""
    if not step.restarts or not step.order.immediately:
        return None
    same = [s.at for s in sight.memory.today(sight.now) if s.values == step.order.values]
    if not same:
        return None
    until = same[-1] + _BETWEEN_RESTARTS * 2 ** (len(same) - 1)
    return until.astimezone(UTC) if sight.now < until else None


def _within_budget(sight: Sight, step: Step) -> Step:
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
        AVAILABLE: True,
        FULL: names <= OF_STORAGE | {MAX_STORAGE},
        OPTIMIZING: not changes_storage,
    }
    return "" if fits.get(observed.state, False) else f"the instance is {observed.state}"


def settling_text(sight: Sight) -> str:
    """The last modification, while what it asked for is not to be seen yet; else empty."""
    observed, sent = sight.observed, sight.memory.sent
    if not sent:
        return ""
    last = sent[-1]
    is_new = sight.now - last.at < SETTLE
    is_busy = observed.state not in (AVAILABLE, FULL)
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
