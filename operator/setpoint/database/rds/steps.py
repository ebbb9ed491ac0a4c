"""The modifications that would bring an RDS instance to the spec, each for itself. Pure.

What costs no downtime is one, what costs downtime is another: an instance restarts once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from setpoint.api.plan import BlockedBy, Risk
from setpoint.api.rds import RDS
from setpoint.database.rds import pending, storage
from setpoint.database.rds.memory import RDSMemory
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
from setpoint.engine.window import Opening

FULL = "storage-full"
_WITH_TYPE = (TYPE, IOPS, THROUGHPUT)


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
class Sight:
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


def with_possible_limit(sight: Sight) -> tuple[Sight, list[str]]:
    """Without the spec's limit of autoscaling, and why, where this storage cannot have it: growth
    below the limit that is there goes on."""
    spec, observed = sight.spec, sight.basis
    if observed.in_cluster:
        return sight, []
    kind = str(spec.storage_type or observed.effective(TYPE))
    found = storage.change(spec, observed, storage.growth(spec, observed), kind)
    sentence = storage.limit_refused(spec, observed, kind, found)
    if not sentence:
        return sight, []
    return replace(sight, spec=spec.model_copy(update={"max_allocated_storage": None})), [sentence]


def wanted_storage(sight: Sight) -> tuple[storage.StorageChange, list[str]]:
    """The change of storage as a whole, and what of the spec this instance cannot have."""
    spec, observed = sight.spec, sight.basis
    if observed.in_cluster:
        return storage.StorageChange(), _of_the_cluster(spec, observed)
    size = storage.growth(spec, observed)
    if spec.max_allocated_storage is None and observed.size < observed.limit <= size:
        sentence = (
            f"the storage would reach {observed.limit} GiB, where its autoscaling ends, and RDS "
            "refuses that: set rds.maxAllocatedStorage too"
        )
        return storage.StorageChange(), [sentence]
    kind = str(spec.storage_type or observed.effective(TYPE))
    found = storage.change(spec, observed, size, kind)
    return (_size_only(sight), list(found.refusals)) if found.refusals else (found, [])


def _size_only(sight: Sight) -> storage.StorageChange:
    """Growth of the storage that is there."""
    bare = sight.spec.model_copy(update={"iops": None, "storage_throughput": None})
    observed = sight.basis
    return storage.change(bare, observed, storage.growth(bare, observed), observed.effective(TYPE))


def _of_the_cluster(spec: RDS, observed: RDSObserved) -> list[str]:
    what, whose = "storage is", {FIELDS[name] for name in (*OF_STORAGE, MAX_STORAGE)}
    if observed.is_of_multi_az_cluster:
        what, whose = "class and storage are", set(FIELDS.values())
    named = [name for name in spec.model_dump(by_alias=True, exclude_none=True) if name in whose]
    sentence = (
        f"{observed.instance} is a member of a cluster, and its {what} the cluster's: remove "
        f"{', '.join(named)} from spec.rds"
    )
    return [sentence] if named else []


def free(sight: Sight, change: storage.StorageChange) -> list[Step]:
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
    if limit.to == change.values.get(STORAGE):  # off: RDS takes that for the present size only
        return [_limit_step(replace(limit, to=observed.size)), step]
    if pending.would_interrupt(sight.observed, change.params) and observed.state != FULL:
        return [_limit_step(limit), step]  # the limit fires nothing, and need not wait
    values = {**change.params, MAX_STORAGE: limit.to}
    return [Step(Order(values, immediately=True), [limit, *changes], Risk.MEDIUM)]


def _limit_step(limit: Change) -> Step:
    """MaxAllocatedStorage applies at once, whatever ApplyImmediately says, and fires nothing."""
    return Step(Order({MAX_STORAGE: limit.to}, immediately=False), [limit], Risk.LOW)


def _limit(spec: RDS, observed: RDSObserved, size: int) -> Change | None:
    """The limit for storage of `size` GiB. RDS wants it 10 % above the storage; equal to it, it
    turns autoscaling off. One that is there may be nearer: the storage has grown."""
    wanted, now = spec.max_allocated_storage, observed.limit
    if wanted is None:
        return None
    is_on = now > observed.size
    is_kept = is_on and wanted == now and size < wanted
    if is_kept or (wanted < storage.grown(size) and not is_on):
        return None
    if wanted >= storage.grown(size):
        why = "maxAllocatedStorage differs"
    else:
        wanted = size
        why = "RDS wants it 10 % above the storage, or equal to it, which turns autoscaling off"
    return None if wanted == now else Change(MAX_STORAGE, shown(MAX_STORAGE, now), wanted, why)


def restart(sight: Sight, change: storage.StorageChange) -> list[Step]:
    """Everything that costs downtime, in one modification: an instance restarts once."""
    spec, observed, memory = sight.spec, sight.basis, sight.memory
    if observed.is_of_multi_az_cluster:
        return []
    wanted, current = spec.instance_class, sight.observed.current.get(CLASS)
    values: dict[str, Any] = {}
    changes: list[Change] = []
    if wanted is not None and observed.effective(CLASS) != wanted:
        if wanted == current:
            return [_cancellation(sight)]
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


def _cancellation(sight: Sight) -> Step:
    """The class that runs is the wanted one: another one is taken out of RDS's queue.

    RDS's user guide: modify it back, with ApplyImmediately.
    """
    observed = sight.observed
    current = observed.current[CLASS]
    queued = str(observed.effective(CLASS))
    why = f"{queued} waits in RDS's queue; no restart"
    order = Order({CLASS: current}, immediately=True)
    return Step(order, [Change(CLASS, f"{queued} (queued)", current, why)], Risk.MEDIUM)


def withdrawal(sight: Sight) -> Step:
    """Our own class comes out of RDS's queue, so that nothing there costs downtime."""
    step = _cancellation(sight)
    why = "taken out of RDS's queue; no restart"
    return replace(
        step,
        order=replace(step.order, withdraws=True),
        changes=[replace(entry, why=why) for entry in step.changes],
    )


def _is_outage(observed: RDSObserved, change: storage.StorageChange) -> bool:
    after = change.values.get(TYPE)
    return after is not None and storage.needs_downtime(observed.current.get(TYPE), after)


def _change(observed: RDSObserved, name: str, value: Any) -> Change:
    why = "the storage is below the spec" if name == STORAGE else f"{FIELDS[name]} differs"
    return Change(name, shown(name, observed.effective(name)), value, why)
