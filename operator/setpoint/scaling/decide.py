"""What would bring an autoscaling setup to the spec, and what is worth knowing. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from setpoint.api.findings import Severity
from setpoint.api.plan import Applied, AppliedOp
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.engine.display import MILLISECONDS, PERCENT, PERCENT_1, Form
from setpoint.engine.model import Decision, Resource, Sample
from setpoint.engine.store import requested_of
from setpoint.scaling import alarms, limits, policies, scheduled, target
from setpoint.scaling.findings import findings
from setpoint.scaling.model import Memory, Observed


def decide(
    resource: Resource[ScalingPolicySpec], observed: Observed, memory: Memory, now: datetime
) -> Decision[Memory]:
    """The plan in its order: the target first (AWS takes no policy without), then policies, their
    alarms, schedules; what goes away goes last, an alarm before its policy."""
    spec = resource.spec
    records = applied(resource.status)
    matched = policies.matches(spec, observed.policies, records)
    schedules = scheduled.matches(spec.schedules, observed.schedules, records)
    in_force = scheduled.in_force(schedules, observed)
    memory = _remembered(resource, observed, matched, memory)
    limited = limits.is_limited(spec, observed, now)
    owner = f"{resource.key.namespace}/{resource.key.name}"
    made = [
        *target.actions(spec.capacity, observed, in_force, owner, resource.uid, now),
        *policies.actions(matched, observed, memory),
        *alarms.actions(matched, observed, owner),
        *scheduled.actions(schedules, observed, now),
    ]
    gone = [
        *alarms.obsolete(matched, observed, records),
        *policies.obsolete(matched, observed, records),
        *scheduled.obsolete(schedules, observed, records),
    ]
    return Decision(
        memory=memory,
        actions=[*made, *gone],
        findings=findings(spec, observed, matched, schedules, records, memory),
        samples=_samples(spec, observed, limited=limited),
        failures=observed.failures,
        conditions=[limits.condition(observed, limited=limited)],
        proven=_proven(observed, records),
    )


def applied(status: Mapping[str, Any]) -> list[Applied]:
    """The records of ownership in a status."""
    return [Applied.model_validate(entry) for entry in status.get("applied") or ()]


def _proven(observed: Observed, records: Sequence[Applied]) -> list[Applied]:
    """AWS's own tag proves who registered the target, where status has lost it."""
    if not observed.is_tagged or any(record.object == target.OBJECT for record in records):
        return []
    return [Applied(object=target.OBJECT, field="capacity", op=AppliedOp.CREATED)]


def _remembered(
    resource: Resource[ScalingPolicySpec],
    observed: Observed,
    matched: Sequence[policies.Match],
    memory: Memory,
) -> Memory:
    repairs = {
        match.name: memory.repairs[match.name]
        for match in matched
        if match.name in memory.repairs and policies.lacks_alarms(match, observed)
    }
    return replace(
        memory,
        generation=resource.generation,
        requested=requested_of(resource.annotations),
        repairs=repairs,
        tasks=observed.metrics.tasks,
    )


def _samples(spec: ScalingPolicySpec, observed: Observed, *, limited: bool) -> list[Sample]:
    above, now = spec.alerts.thresholds, observed.metrics
    seconds = above.response_time.total_seconds()
    found = [
        _sample("cpu", now.cpu, above.cpu, PERCENT),
        _sample("memory", now.memory, above.memory, PERCENT),
        _sample("responseTime", now.response_time, seconds, MILLISECONDS),
        _sample("errorRate", now.error_rate, above.error_rate, PERCENT_1),
    ]
    if observed.target is not None:
        most = f"the maximum of {observed.target.max}"
        found.append(
            Sample(
                rule="scalingLimited",
                value=float(limited),
                threshold=0.5,
                shown=f"at {most}" if limited else f"below {most}",
                shown_threshold="below the maximum",
                summary=f"the capacity is at {most}, and the load asks for more: raise "
                "capacity.max, or find out why the load is so high"
                if limited
                else "the maximum does not hold back scaling any more",
                severity=Severity.WARNING,
            )
        )
    return found


def _sample(rule: str, value: float | None, threshold: float, form: Form) -> Sample:
    shown = "no data" if value is None else form.show(value)
    return Sample(
        rule, value, threshold, shown, form.show(threshold), unit=form.unit, scale=form.scale
    )
