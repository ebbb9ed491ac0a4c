"""Status of a ScalingPolicy. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from setpoint.api.scalingpolicy import (
    CapacityStatus,
    EffectiveBounds,
    MetricValues,
    PolicyStatus,
    ScalingActivity,
    ScalingPolicySpec,
    ScalingPolicyStatus,
    ScheduleStatus,
    State,
)
from setpoint.engine.conditions import wire_time
from setpoint.engine.display import MILLISECONDS, PERCENT, PERCENT_1, Display
from setpoint.engine.model import Resource
from setpoint.scaling import policies, scheduled, target
from setpoint.scaling.decide import applied
from setpoint.scaling.model import Observed, display_name


def report(
    resource: Resource[ScalingPolicySpec], observed: Observed, display: Display
) -> ScalingPolicyStatus:
    """The kind's own part of status."""
    spec, records = resource.spec, applied(resource.status)
    schedules = scheduled.matches(spec.schedules, observed.schedules, records)
    in_force = scheduled.in_force(schedules, observed)
    bounds = target.Situation(resource, observed, in_force, display.now).effective
    shown = resource.status.get("metrics") or {}
    return ScalingPolicyStatus(
        resource=display_name(observed.id),
        capacity=_capacity(observed),
        effective_bounds=bounds
        and EffectiveBounds(min=bounds.min, max=bounds.max, source=bounds.source),
        metrics=_metrics(spec, observed, shown, display) if observed.service else None,
        policies=[
            PolicyStatus(
                name=match.name,
                type=match.wanted.type,
                metric=match.wanted.metric,
                target=match.wanted.target,
                state=match.state,
            )
            for match in policies.matches(spec, observed.policies, records)
        ],
        schedules=[_schedule(match, display.now) for match in schedules],
        last_activity=_last_activity(observed, resource.status.get("lastActivity")),
    )


def _capacity(observed: Observed) -> CapacityStatus:
    service, bounds = observed.service, observed.target
    parts = [str(service.desired)] if service else []
    if bounds is not None:
        between = f"{bounds.min}-{bounds.max}"
        parts.append(f"({between})" if service else between)
    return CapacityStatus(
        desired=service.desired if service else None,
        running=service.running if service else None,
        deploying=True if service and service.deploying else None,
        suspended=", ".join(sorted(bounds.suspended)) or None if bounds else None,
        summary=" ".join(parts) or "-",
    )


def _metrics(
    spec: ScalingPolicySpec, observed: Observed, shown: Mapping[str, Any], display: Display
) -> MetricValues:
    if not observed.measured and shown:  # not known now; what was known stays
        return MetricValues.model_validate(shown)
    limits, now = spec.alerts.thresholds, observed.metrics
    seconds = limits.response_time.total_seconds()
    return MetricValues(
        cpu=display.text(shown.get("cpu"), now.cpu, PERCENT, [limits.cpu]),
        memory=display.text(shown.get("memory"), now.memory, PERCENT, [limits.memory]),
        response_time=display.text(
            shown.get("responseTime"), now.response_time, MILLISECONDS, [seconds]
        ),
        error_rate=display.text(
            shown.get("errorRate"), now.error_rate, PERCENT_1, [limits.error_rate]
        ),
        requests=display.number(shown.get("requests"), now.requests),
        window="5m",
    )


def _schedule(match: scheduled.Match, now: datetime) -> ScheduleStatus:
    state = match.state(now)
    following = match.next_firing(now)
    if following is not None and _is_frequent(match, following):
        following = None
    return ScheduleStatus(
        name=match.wanted.name,
        state=state,
        next=None if following is None or state is State.MISSING else wire_time(following),
    )


def _is_frequent(match: scheduled.Match, following: datetime) -> bool:
    """Status does not follow one that fires again within the hour."""
    after = match.next_firing(following)
    return after is not None and after - following < timedelta(hours=1)


def _last_activity(observed: Observed, known: Mapping[str, Any] | None) -> ScalingActivity | None:
    """The newest that is about a change; AWS repeats those about none every minute."""
    for activity in observed.activities:
        if not activity.get("NotScaledReasons"):
            result = str(activity.get("StatusCode", ""))
            word = result if result.isalpha() else "Unknown"
            return ScalingActivity(time=wire_time(activity["StartTime"]), result=word[:64])
    return ScalingActivity.model_validate(known) if known else None
