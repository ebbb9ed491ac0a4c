"""Whether AWS would add capacity and may not: at the maximum while overloaded. Pure."""

from datetime import datetime, timedelta

from setpoint.api.conditions import ConditionStatus, ConditionType, Reason
from setpoint.api.scalingpolicy import SHORT_METRICS, ScalingPolicySpec
from setpoint.engine.conditions import find
from setpoint.engine.model import KindCondition, Resource
from setpoint.scaling.model import Observed

RECENT = timedelta(minutes=15)
"""An older refusal to scale says nothing about now: AWS repeats it while the alarm lasts."""

_AT_MAXIMUM = "AlreadyAtMaxCapacity"
"""Code of NotScaledReason (API reference, NotScaledReason)."""


_HELD = 0.9
"""Target tracking removes capacity below this share of the target: until then, the metric swings
around the target, and the maximum still holds."""


def is_limited(resource: Resource[ScalingPolicySpec], observed: Observed, now: datetime) -> bool:
    """Whether the capacity is at its maximum, and AWS or a tracked metric asks for more."""
    if observed.target is None:
        return False
    service = observed.service
    if service is None:
        return _was_refused(observed, now)
    tasks = observed.metrics.tasks
    running = service.running if tasks is None else max(service.desired, int(tasks))
    at_maximum = max(service.desired, running) >= observed.target.max
    before = find(resource.status.get("conditions") or (), ConditionType.SCALING_LIMITED)
    share = _HELD if before and before["status"] == ConditionStatus.TRUE else 1.0
    overloaded = _is_overloaded(resource.spec, observed, share)
    return at_maximum and (_was_refused(observed, now) or overloaded)


def condition(observed: Observed, *, limited: bool) -> KindCondition:
    """ScalingLimited, as the HorizontalPodAutoscaler has it."""
    if not limited or observed.target is None:
        return KindCondition(
            ConditionType.SCALING_LIMITED,
            ConditionStatus.FALSE,
            Reason.NOT_LIMITED,
            "the maximum does not hold back scaling",
        )
    return KindCondition(
        ConditionType.SCALING_LIMITED,
        ConditionStatus.TRUE,
        Reason.AT_MAXIMUM,
        f"at the maximum of {observed.target.max}, and the load asks for more: raise capacity.max, "
        "or find out why the load is so high",
    )


def _was_refused(observed: Observed, now: datetime) -> bool:
    """Whether AWS has lately wanted to add capacity, and has not been able to since."""
    for activity in observed.activities:  # the newest first
        codes = {reason.get("Code") for reason in activity.get("NotScaledReasons") or ()}
        if now - activity["StartTime"] > RECENT:
            return False
        if _AT_MAXIMUM in codes:
            return True
        if activity.get("StatusCode") == "Successful" and not codes:
            return False
    return False


def _is_overloaded(spec: ScalingPolicySpec, observed: Observed, share: float) -> bool:
    """Whether a tracked metric is above this share of its target."""
    values = {
        SHORT_METRICS["CPU"]: observed.metrics.cpu,
        SHORT_METRICS["CPUHighResolution"]: observed.metrics.cpu,
        SHORT_METRICS["Memory"]: observed.metrics.memory,
        SHORT_METRICS["MemoryHighResolution"]: observed.metrics.memory,
    }
    for one in spec.target_tracking:
        value = values.get(SHORT_METRICS.get(one.metric, one.metric))
        if one.custom is None and value is not None and value > share * one.target:
            return True
    return False
