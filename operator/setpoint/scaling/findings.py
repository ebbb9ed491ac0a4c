"""What is worth knowing about an autoscaling setup beside what differs from the spec. Pure."""

from collections.abc import Sequence

from setpoint.api.findings import Severity
from setpoint.api.plan import Applied
from setpoint.api.scalingpolicy import PolicyType, ScalingPolicySpec
from setpoint.engine.model import Finding
from setpoint.scaling import scheduled
from setpoint.scaling.model import Memory, Observed
from setpoint.scaling.policies import REPAIRS, Match, missing_alarms

_ZERO_BLIND = ("CPU", "Memory", "CPUHighResolution", "MemoryHighResolution")


def findings(
    spec: ScalingPolicySpec,
    observed: Observed,
    matched: Sequence[Match],
    schedules: Sequence[scheduled.Match],
    applied: Sequence[Applied],
    memory: Memory,
) -> list[Finding]:
    """All of them."""
    return [
        *_suspended(spec, observed),
        *_zero_minimum(spec, observed),
        *_alarms_missing(matched, observed, memory),
        *_foreign_policies(matched, observed, applied),
        *_foreign_schedules(schedules, observed, applied),
    ]


def _suspended(spec: ScalingPolicySpec, observed: Observed) -> list[Finding]:
    """AWS advises no alarm about it, so a forgotten suspension is found in an incident only."""
    asked = spec.capacity.suspended
    wanted = {
        name
        for name, on in (
            ("scaleIn", asked and asked.scale_in),
            ("scaleOut", asked and asked.scale_out),
            ("schedules", asked and asked.schedules),
        )
        if on is not None
    }
    names = sorted((observed.target.suspended if observed.target else set()) - wanted)
    return [
        Finding(
            id="ScalingSuspended",
            object=name,
            severity=Severity.WARNING,
            message=f"{name} is suspended in AWS, and the spec does not say so",
            evidence=f"SuspendedState of the scalable target has {name}",
            remedy=f"set capacity.suspended.{name}: false to resume it, or true to keep it so",
        )
        for name in names
    ]


def _zero_minimum(spec: ScalingPolicySpec, observed: Observed) -> list[Finding]:
    """Without tasks an ECS service has no CPU and no memory (API reference, MinCapacity)."""
    tracked = [one.metric if one.custom is None else "" for one in spec.target_tracking]
    tracked += [str(one.metric or "") for one in spec.step_scaling]
    is_blind = bool(tracked) and all(metric in _ZERO_BLIND for metric in tracked)
    if observed.service is None or spec.capacity.min > 0 or not is_blind:
        return []
    return [
        Finding(
            id="ZeroMinimum",
            object="capacity.min",
            severity=Severity.WARNING,
            message="once at 0 tasks, the service does not scale out again by itself",
            evidence="capacity.min is 0, and all policies look at CPU or memory, which a service "
            "without tasks does not have",
            remedy="set capacity.min to at least 1, or track RequestCountPerTarget",
        )
    ]


def _alarms_missing(matched: Sequence[Match], observed: Observed, memory: Memory) -> list[Finding]:
    return [
        Finding(
            id="AlarmsMissing",
            object=f"policy/{match.name}",
            severity=Severity.CRITICAL,
            message=f"policy {match.name} has lost alarms, so it does not scale",
            evidence=f"{missing} of its alarms are gone; it was put again {REPAIRS} times and they "
            "did not come back",
            remedy="find out who deletes them (CloudTrail, DeleteAlarms), and stop that",
        )
        for match in matched
        if (missing := missing_alarms(match, observed))
        and memory.repairs.get(match.name, 0) >= REPAIRS
    ]


def _foreign_policies(
    matched: Sequence[Match], observed: Observed, applied: Sequence[Applied]
) -> list[Finding]:
    """A step policy that scales in is not held back by target tracking, and can fight it (user
    guide, "How target tracking scaling works")."""
    known = {match.name for match in matched}
    known |= {entry.object.removeprefix("policy/") for entry in applied}
    return [
        Finding(
            id="ForeignPolicy",
            object=f"policy/{name}",
            severity=Severity.INFO,
            message=f"policy {name} also scales this target, and the spec does not name it",
            evidence=f"it is of type {_known_type(policy.get('PolicyType'))}",
            remedy="add it to the spec to have it managed, or delete it in AWS if nobody needs it",
            steady=True,
        )
        for policy in observed.policies
        if (name := str(policy["PolicyName"])) not in known
    ]


def _foreign_schedules(
    schedules: Sequence[scheduled.Match], observed: Observed, applied: Sequence[Applied]
) -> list[Finding]:
    return [
        Finding(
            id="ForeignSchedule",
            object=f"schedule/{name}",
            severity=Severity.INFO,
            message=f"scheduled action {name} also sets the bounds, and the spec does not name it",
            evidence="AWS has it on this target; what it sets is not taken for drift",
            remedy="add it to spec.schedules to have it managed, or delete it in AWS",
        )
        for name in scheduled.foreign(schedules, observed, applied)
    ]


def _known_type(name: object) -> str:
    return str(name) if name in list(PolicyType) else "a type that setpoint does not know"
