"""The registration of the scalable target: its bounds and what of it is suspended. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from setpoint.api.conditions import ConditionStatus, ConditionType
from setpoint.api.plan import Applied, AppliedOp, PlanOp, Risk
from setpoint.api.scalingpolicy import Capacity, ScalingPolicySpec
from setpoint.engine.conditions import find
from setpoint.engine.model import Action, Resource
from setpoint.scaling import bounds
from setpoint.scaling.model import SUSPENDED_FLAGS, Observed, Target
from setpoint.scaling.policies import configuration

OBJECT = "scalable-target"
OWNER_TAG = "setpoint.dev/owner"
UID_TAG = "setpoint.dev/uid"
"""Proves that this very resource registered the target, also where its status was lost."""


@dataclass(frozen=True)
class Situation:
    """What decides about the bounds. `schedules`: actions whose firings set them, in AWS's form."""

    resource: Resource[ScalingPolicySpec]
    observed: Observed
    schedules: Sequence[Mapping[str, Any]]
    now: datetime

    @property
    def wanted(self) -> Capacity:
        """The spec's."""
        return self.resource.spec.capacity

    @property
    def _replayed(self) -> bounds.Situation:
        base = (self.wanted.min, self.wanted.max)
        target = self.observed.target or Target(*base)
        return bounds.Situation(
            base=base,
            observed=(target.min, target.max),
            actions=self.schedules,
            now=self.now,
            is_suspended="schedules" in target.suspended,
            may_raise_max=any(map(_raises_maximum, self.observed.policies)),
        )

    @property
    def effective(self) -> bounds.Bounds | None:
        """The bounds that AWS holds, and where they come from.

        What was accounted for once stays so while neither it nor the spec changes: somebody may
        edit or delete the schedule that has set it.
        """
        if self.observed.target is None:
            return None
        found = bounds.effective(self._replayed)
        before = self.resource.status.get("effectiveBounds") or {}
        same = (before.get("min"), before.get("max")) == (found.min, found.max)
        if found.source == bounds.AWS and same and self._is_settled:
            return replace(found, source=before["source"])
        return found

    @property
    def _is_settled(self) -> bool:
        """Whether the spec as it is now has been carried out."""
        ready = find(self.resource.status.get("conditions") or (), ConditionType.READY)
        return ready is not None and (ready["status"], ready.get("observedGeneration")) == (
            ConditionStatus.TRUE,
            self.resource.generation,
        )

    @property
    def is_drift(self) -> bool:
        """Whether somebody else has set the bounds."""
        effective = self.effective
        return effective is not None and effective.source == bounds.AWS

    @property
    def corrected(self) -> dict[str, int]:
        """The bounds to send: those that differ. A maximum that a forecast may have raised stays,
        as lowering it would end running tasks; schedules that are suspended do not count."""
        target = self.observed.target
        if target is None or not self.is_drift:
            return {}
        replayed = self._replayed
        want = bounds.Bounds(*replayed.base, bounds.SPEC)
        if not replayed.is_suspended:
            want = bounds.expected(replayed)
        found: dict[str, int] = {}
        if want.min != target.min:
            found["MinCapacity"] = want.min
        if want.max != target.max and not (replayed.may_raise_max and target.max > want.max):
            found["MaxCapacity"] = want.max
        return found


def actions(situation: Situation, owner: str) -> list[Action]:
    """RegisterScalableTarget moves live capacity, whatever it is called with, so it is called for a
    difference only; what does not differ is not sent, so it is not changed."""
    observed, wanted, target = situation.observed, situation.wanted, situation.observed.target
    if target is None:
        return [_register(wanted, observed, owner, situation.resource.uid)]
    fields: dict[str, tuple[str, str]] = {}
    parameters: dict[str, Any] = situation.corrected
    if parameters:
        low, high = (
            parameters.get("MinCapacity", target.min),
            parameters.get("MaxCapacity", target.max),
        )
        fields["capacity"] = (f"{target.min}-{target.max}", f"{low}-{high}")
    if flags := _flags(wanted, target):
        was = {name: name in target.suspended for name in flags}
        fields["suspended"] = (_shown(was), _shown(flags))
        parameters["SuspendedState"] = {SUSPENDED_FLAGS[name]: on for name, on in flags.items()}
    if not fields:
        return []
    return [_update(fields, parameters, observed, target)]


def former(target: Target) -> Applied:
    """The record of a target as it was before setpoint changed it."""
    return Applied(
        object=OBJECT,
        field="capacity",
        op=AppliedOp.CHANGED,
        original=json.dumps(
            {"min": target.min, "max": target.max, "suspended": sorted(target.suspended)}
        ),
    )


def register(observed: Observed, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that registers the target, or changes its registration.

    Where that moves the capacity into the bounds, the service is looked at again afterwards.
    """
    moves = False
    if observed.service is not None:
        low = parameters.get("MinCapacity", observed.target.min if observed.target else 0)
        high = parameters.get("MaxCapacity", observed.target.max if observed.target else low)
        moves = not low <= observed.service.desired <= high
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
        record=former(now),
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
