"""The registration of the scalable target: its bounds and what of it is suspended. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from setpoint.api.plan import Applied, AppliedOp, PlanOp, Risk
from setpoint.api.scalingpolicy import Capacity
from setpoint.engine.model import Action
from setpoint.scaling import bounds
from setpoint.scaling.model import SUSPENDED_FLAGS, Observed, Target
from setpoint.scaling.policies import configuration

OBJECT = "scalable-target"
OWNER_TAG = "setpoint.dev/owner"
UID_TAG = "setpoint.dev/uid"
"""Proves that this very resource registered the target, also where its status was lost."""


Schedules = Sequence[Mapping[str, Any]]
"""Scheduled actions whose firings set bounds, as AWS describes them."""


def actions(
    wanted: Capacity, observed: Observed, schedules: Schedules, owner: str, uid: str, now: datetime
) -> list[Action]:
    """RegisterScalableTarget moves live capacity, whatever it is called with, so it is called for a
    difference only; what does not differ is not sent, so it is not changed."""
    target = observed.target
    if target is None:
        return [_register(wanted, observed, owner, uid)]
    fields: dict[str, tuple[str, str]] = {}
    parameters: dict[str, Any] = {}
    if is_drift(wanted, observed, schedules, now):
        want = bounds.expected(_situation(wanted, observed, schedules, now))
        fields["capacity"] = (f"{target.min}-{target.max}", f"{want.min}-{want.max}")
        parameters |= {"MinCapacity": want.min, "MaxCapacity": want.max}
    if flags := _flags(wanted, target):
        was = {name: name in target.suspended for name in flags}
        fields["suspended"] = (_shown(was), _shown(flags))
        parameters["SuspendedState"] = {SUSPENDED_FLAGS[name]: on for name, on in flags.items()}
    if not fields:
        return []
    return [_update(fields, parameters, observed, target)]


def is_drift(wanted: Capacity, observed: Observed, schedules: Schedules, now: datetime) -> bool:
    """Whether somebody else has set the bounds."""
    return bounds.is_drift(_situation(wanted, observed, schedules, now))


def effective(
    wanted: Capacity, observed: Observed, schedules: Schedules, now: datetime
) -> bounds.Bounds | None:
    """The bounds that AWS holds, and where they come from."""
    if observed.target is None:
        return None
    return bounds.effective(_situation(wanted, observed, schedules, now))


def register(observed: Observed, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that registers the target, or changes its registration.

    Where that moves the capacity into the bounds, the service is looked at again afterwards.
    """
    moves = False
    if observed.service is not None and "MinCapacity" in parameters:
        desired = observed.service.desired
        moves = not parameters["MinCapacity"] <= desired <= parameters["MaxCapacity"]
    return {
        "parts": ["target", "service"] if moves else ["target"],
        "service": "application-autoscaling",
        "operation": "register_scalable_target",
        "parameters": {**observed.id.parameters, **parameters},
    }


def _register(wanted: Capacity, observed: Observed, owner: str, uid: str) -> Action:
    parameters: dict[str, Any] = {
        "MinCapacity": wanted.min,
        "MaxCapacity": wanted.max,
        "Tags": {OWNER_TAG: owner, UID_TAG: uid},
    }
    flags = _flags(wanted, Target(wanted.min, wanted.max))
    if flags:
        parameters["SuspendedState"] = {SUSPENDED_FLAGS[name]: on for name, on in flags.items()}
    return Action(
        op=PlanOp.CREATE,
        object=OBJECT,
        field="capacity",
        from_="",
        to=f"{wanted.min}-{wanted.max}",
        reason="it is not registered with Application Auto Scaling",
        payload=register(observed, parameters),
        record=Applied(object=OBJECT, field="capacity", op=AppliedOp.CREATED),
    )


def _update(
    fields: Mapping[str, tuple[str, str]],
    parameters: Mapping[str, Any],
    observed: Observed,
    now: Target,
) -> Action:
    return Action(
        op=PlanOp.UPDATE,
        object=OBJECT,
        field=", ".join(fields),
        from_=", ".join(before for before, _ in fields.values()),
        to=", ".join(after for _, after in fields.values()),
        reason="it differs from the spec",
        risk=Risk.MEDIUM,
        payload=register(observed, parameters),
        record=Applied(
            object=OBJECT,
            field="capacity",
            op=AppliedOp.CHANGED,
            original=json.dumps(
                {"min": now.min, "max": now.max, "suspended": sorted(now.suspended)}
            ),
        ),
    )


def _flags(wanted: Capacity, now: Target) -> dict[str, bool]:
    """Flags that the spec names and AWS has otherwise."""
    if wanted.suspended is None:
        return {}
    asked = {
        "scaleIn": wanted.suspended.scale_in,
        "scaleOut": wanted.suspended.scale_out,
        "schedules": wanted.suspended.schedules,
    }
    return {
        name: on for name, on in asked.items() if on is not None and on != (name in now.suspended)
    }


def _shown(flags: Mapping[str, bool]) -> str:
    return " ".join(f"{name}={str(on).lower()}" for name, on in flags.items())


def _raises_maximum(policy: Mapping[str, Any]) -> bool:
    """Whether AWS may raise the maximum for this policy's forecast."""
    if policy.get("PolicyType") != "PredictiveScaling":
        return False
    configured = configuration(policy)
    return (
        configured.get("MaxCapacityBreachBehavior") == "IncreaseMaxCapacity"
        and configured.get("Mode") == "ForecastAndScale"
    )


def _situation(
    wanted: Capacity, observed: Observed, schedules: Schedules, now: datetime
) -> bounds.Situation:
    base = (wanted.min, wanted.max)
    target = observed.target or Target(*base)
    return bounds.Situation(
        base=base,
        observed=(target.min, target.max),
        actions=schedules,
        now=now,
        is_suspended="schedules" in target.suspended,
        may_raise_max=any(map(_raises_maximum, observed.policies)),
    )
