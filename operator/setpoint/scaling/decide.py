"""What would bring an autoscaling setup to the spec, and what is worth knowing. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from setpoint.api.findings import Severity
from setpoint.api.plan import Applied
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.engine.display import MILLISECONDS, PERCENT, PERCENT_1, Form
from setpoint.engine.model import Decision, Resource, Sample
from setpoint.engine.store import requested_of
from setpoint.scaling import alarms, limits, ownership, policies, scheduled, target
from setpoint.scaling.findings import findings
from setpoint.scaling.model import Memory, Observed


def decide(
    resource: Resource[ScalingPolicySpec], observed: Observed, memory: Memory, now: datetime
) -> Decision[Memory]:
    """The plan in its order: the target first (AWS takes no policy without), then policies, their
    alarms, schedules; what goes away goes last, an alarm before its policy."""
    spec, records = resource.spec, applied(resource.status)
    matched = policies.matches(spec, observed.policies, records)
    schedules = scheduled.matches(spec.schedules, observed.schedules, records)
    memory = _remembered(resource, observed, matched, memory)
    if observed.missing is not None:  # nothing to scale
        return Decision(memory=memory, failures=[observed.missing])
    limited = limits.is_limited(resource, observed, now)
    bounds = target.Situation(resource, observed, scheduled.in_force(schedules, observed), now)
    owner = f"{resource.key.namespace}/{resource.key.name}"
    made = [
        *target.actions(bounds, owner),
        *policies.actions(matched, observed, memory),
        *alarms.actions(matched, observed, owner),
        *scheduled.actions(schedules, observed, now),
    ]
    gone = [
        *alarms.obsolete(matched, observed, records),
        *policies.obsolete(matched, observed, records),
        *scheduled.obsolete(schedules, observed, records, now),
    ]
    return Decision(
        memory=memory,
        actions=[*made, *gone],
        findings=findings(spec, observed, matched, schedules, records, memory),
        samples=_samples(spec, observed, limited=limited),
        failures=[*observed.failures, *policies.beyond_repair(matched, observed, memory)],
        conditions=[limits.condition(observed, limited=limited)],
        records=ownership.added(spec, observed, matched, schedules, records),
        forgotten=ownership.forgotten(observed, matched, schedules, records),
    )


def applied(status: Mapping[str, Any]) -> list[Applied]:
    """The records of ownership in a status."""
    return [Applied.model_validate(entry) for entry in status.get("applied") or ()]


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
        missing=observed.missing is not None,
        tag_known=memory.tag_known or observed.is_tagged is not None,
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
    return [*found, *observed.budgets]


def _sample(rule: str, value: float | None, threshold: float, form: Form) -> Sample:
    shown = "no data" if value is None else form.show(value)
    return Sample(
        rule, value, threshold, shown, form.show(threshold), unit=form.unit, scale=form.scale
    )
