"""Puts back what setpoint changed, when a resource with deletionPolicy Revert is deleted. Pure.

Storage cannot shrink. What costs downtime goes into RDS's queue, for its own maintenance window,
unless our window is open.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, PlanOp, Risk
from setpoint.api.rds import RDS
from setpoint.database.rds import pending, storage
from setpoint.database.rds.model import (
    CLASS,
    FIELDS,
    IOPS,
    MAX_STORAGE,
    THROUGHPUT,
    TYPE,
    RDSObserved,
    shown,
)
from setpoint.database.rds.steps import Order
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action
from setpoint.engine.window import opening

_WHY = "the resource is deleted and its deletionPolicy is Revert"


def revert(
    spec: RDS, observed: RDSObserved, applied: Sequence[Applied], now: datetime
) -> list[Action]:
    """One modification with all that was changed, an action for each field. Raises Failure."""
    before = {e.field: e.original for e in applied if e.object == observed.name}
    former = {name: before[field] for name, field in FIELDS.items() if before.get(field)}
    values = {**_class(former, observed), **_storage(former, observed), **_limit(former, observed)}
    if not values:
        return []
    is_open = spec.window is not None and opening(spec.window, now).is_open
    restarts = values.get(CLASS, observed.current.get(CLASS)) != observed.current.get(CLASS)
    restarts = restarts or (
        TYPE in values and storage.needs_downtime(observed.current.get(TYPE), values[TYPE])
    )
    immediately = is_open or (not restarts and values.keys() != {MAX_STORAGE})
    if immediately and (fired := pending.would_interrupt(observed, values)):
        if CLASS in values and not restarts:
            text = pending.listed(observed, fired)
            raise Failure(Reason.BUSY, f"RDS holds {text}, which would be applied with the class")
        immediately = False
    order = Order(values, immediately=immediately)
    changed = [n for n, v in values.items() if _now(observed, n) != v]
    return [
        Action(
            op=PlanOp.UPDATE,
            object=observed.name,
            field=FIELDS[name],
            from_=shown(name, _now(observed, name)),
            to=shown(name, values[name]),
            reason=_WHY,
            risk=Risk.HIGH if restarts else Risk.MEDIUM,
            payload=order if number == 0 else None,
        )
        for number, name in enumerate(changed)
    ]


def _class(former: Mapping[str, str], observed: RDSObserved) -> dict[str, Any]:
    name = former.get(CLASS)
    return {CLASS: name} if name and observed.effective(CLASS) != name else {}


def _limit(former: Mapping[str, str], observed: RDSObserved) -> dict[str, Any]:
    """Equal to the storage where autoscaling was off, or has become impossible."""
    if MAX_STORAGE not in former:
        return {}
    wanted = int(former[MAX_STORAGE])
    if wanted == observed.limit:
        return {}
    wanted = wanted if wanted >= storage.grown(observed.size) else observed.size
    return {MAX_STORAGE: wanted} if wanted != observed.limit else {}


def _storage(former: Mapping[str, str], observed: RDSObserved) -> dict[str, Any]:
    """Type, IOPS and throughput as they were, as far as storage of this size can have them."""
    if not former.keys() & {TYPE, IOPS, THROUGHPUT}:
        return {}
    kind = former.get(TYPE, str(observed.effective(TYPE)))
    takes = storage.takes_iops(kind, observed.engine, observed.size)
    spec = RDS.model_construct(
        instance=observed.instance,
        iops=int(former[IOPS]) if takes and IOPS in former else None,
        storage_throughput=int(former[THROUGHPUT]) if takes and THROUGHPUT in former else None,
    )
    found = storage.change(spec, observed, observed.size, kind)
    if found.refusals:  # it has grown beyond what had them: RDS's own values are the nearest
        bare = spec.model_copy(update={"iops": None, "storage_throughput": None})
        found = storage.change(bare, observed, observed.size, kind)
    return found.params


def _now(observed: RDSObserved, name: str) -> Any:
    return observed.limit if name == MAX_STORAGE else observed.effective(name)
