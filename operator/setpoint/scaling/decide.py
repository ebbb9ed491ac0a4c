"""What would bring an ECS service's autoscaling to the spec, and what to alert on. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

from setpoint.api.plan import Applied, AppliedOp, PlanOp, Risk
from setpoint.api.scalingpolicy import (
    Capacity,
    ScalingPolicySpec,
    TargetTracking,
    TrackedMetric,
)
from setpoint.engine.display import MILLISECONDS, PERCENT, PERCENT_1
from setpoint.engine.model import Action, Decision, Resource, Sample
from setpoint.scaling.model import Observed, Target, base_parameters

TARGET = "scalable-target"

_PREDEFINED = {
    TrackedMetric.CPU: "ECSServiceAverageCPUUtilization",
    TrackedMetric.MEMORY: "ECSServiceAverageMemoryUtilization",
}
_NAMES = {TrackedMetric.CPU: "cpu-scaling", TrackedMetric.MEMORY: "memory-scaling"}
_COOLDOWN = timedelta(minutes=5)
_KIND = "TargetTrackingScaling"
_CONFIGURATION = "TargetTrackingScalingPolicyConfiguration"


def decide(resource: Resource[ScalingPolicySpec], observed: Observed) -> Decision[None]:
    """The plan in its order: the target first (AWS takes no policy without), then policies."""
    spec = resource.spec
    applied = [Applied.model_validate(e) for e in resource.status.get("applied") or ()]
    actions = [
        *_target(spec.capacity, observed),
        *(action for wanted in spec.target_tracking for action in _policy(wanted, observed)),
        *_obsolete(spec.target_tracking, observed, applied),
    ]
    return Decision(
        memory=None,
        actions=actions,
        samples=_samples(spec, observed),
        failures=observed.failures,
    )


def policy_for(
    metric: TrackedMetric, policies: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """The policy that tracks a metric, whatever its name: AWS allows one for each metric."""
    return next((policy for policy in policies if _tracked(policy) == metric), None)


def policy_name(metric: TrackedMetric, policies: Sequence[Mapping[str, Any]]) -> str:
    """The name of the policy for a metric: that of the one which is there, else the default.

    PutScalingPolicy overwrites a policy of the same name, so a name that is taken by a policy for
    something else gets a number.
    """
    if existing := policy_for(metric, policies):
        return str(existing["PolicyName"])
    name, taken = _NAMES[metric], {policy["PolicyName"] for policy in policies}
    if name not in taken:
        return name
    return next(numbered for n in count(2) if (numbered := f"{name}-{n}") not in taken)


def configuration(wanted: TargetTracking) -> dict[str, Any]:
    """TargetTrackingScalingPolicyConfiguration of a policy."""
    return {
        "TargetValue": float(wanted.target),
        "PredefinedMetricSpecification": {"PredefinedMetricType": _PREDEFINED[wanted.metric]},
        "ScaleOutCooldown": int((wanted.scale_out_cooldown or _COOLDOWN).total_seconds()),
        "ScaleInCooldown": int((wanted.scale_in_cooldown or _COOLDOWN).total_seconds()),
    }


def differences(wanted: TargetTracking, policy: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Fields that setpoint owns, as (now, wanted), where they differ.

    What the spec does not name (DisableScaleIn …) is somebody else's and stays.
    """
    now = policy.get(_CONFIGURATION, {})
    return {
        name: (now.get(name), value)
        for name, value in configuration(wanted).items()
        if name != "PredefinedMetricSpecification" and now.get(name) != value
    }


def _tracked(policy: Mapping[str, Any]) -> TrackedMetric | None:
    if policy.get("PolicyType") != _KIND:
        return None
    predefined = policy.get(_CONFIGURATION, {}).get("PredefinedMetricSpecification", {})
    kind = predefined.get("PredefinedMetricType")
    return next((metric for metric, name in _PREDEFINED.items() if name == kind), None)


def _target(wanted: Capacity, observed: Observed) -> list[Action]:
    """RegisterScalableTarget moves live capacity, so it is called for a difference only."""
    now = observed.target
    want = Target(wanted.min, wanted.max)
    if now == want:
        return []
    record = Applied(
        object=TARGET,
        field="capacity",
        op=AppliedOp.CHANGED if now else AppliedOp.CREATED,
        original=json.dumps({"min": now.min, "max": now.max}) if now else "",
    )
    bounds = {"MinCapacity": want.min, "MaxCapacity": want.max}
    return [
        Action(
            op=PlanOp.UPDATE if now else PlanOp.CREATE,
            object=TARGET,
            field="capacity",
            from_=_bounds(now) if now else "",
            to=_bounds(want),
            reason="the bounds differ from the spec" if now else "the service is not registered",
            risk=Risk.MEDIUM if now else Risk.LOW,
            payload={
                "operation": "register_scalable_target",
                "parameters": {**base_parameters(observed.resource_id), **bounds},
            },
            record=record,
        )
    ]


def _policy(wanted: TargetTracking, observed: Observed) -> list[Action]:
    existing = policy_for(wanted.metric, observed.policies)
    name = policy_name(wanted.metric, observed.policies)
    if existing is None:
        return [
            Action(
                op=PlanOp.CREATE,
                object=f"policy/{name}",
                field="",
                from_="",
                to=f"{wanted.metric} at {wanted.target}%",
                reason=f"no policy tracks {wanted.metric}",
                payload=put_policy(name, configuration(wanted), observed.resource_id),
                record=Applied(object=f"policy/{name}", field="", op=AppliedOp.CREATED),
            )
        ]
    changed = differences(wanted, existing)
    if not changed:
        return []
    now = existing[_CONFIGURATION]
    merged = {**now, **configuration(wanted)}
    return [
        Action(
            op=PlanOp.UPDATE,
            object=f"policy/{name}",
            field=", ".join(changed),
            from_=", ".join(_number(before) for before, _ in changed.values()),
            to=", ".join(_number(after) for _, after in changed.values()),
            reason="the policy differs from the spec",
            payload=put_policy(name, merged, observed.resource_id),
            record=Applied(
                object=f"policy/{name}",
                field="",
                op=AppliedOp.CHANGED,
                original=json.dumps(now, default=str, sort_keys=True),
            ),
        )
    ]


def _obsolete(
    wanted: Sequence[TargetTracking], observed: Observed, applied: Sequence[Applied]
) -> list[Action]:
    """Policies that setpoint created and the spec no longer names."""
    kept = {f"policy/{policy_name(one.metric, observed.policies)}" for one in wanted}
    ours = {a.object for a in applied if a.op is AppliedOp.CREATED}
    return [
        delete_policy(str(policy["PolicyName"]), observed.resource_id, "the spec no longer has it")
        for policy in observed.policies
        if (name := f"policy/{policy['PolicyName']}") in ours and name not in kept
    ]


def put_policy(name: str, configured: Mapping[str, Any], resource_id: str) -> dict[str, Any]:
    """The payload that creates or replaces a target-tracking policy."""
    return {
        "operation": "put_scaling_policy",
        "parameters": {
            **base_parameters(resource_id),
            "PolicyName": name,
            "PolicyType": _KIND,
            _CONFIGURATION: dict(configured),
        },
    }


def delete_policy(name: str, resource_id: str, reason: str) -> Action:
    """The action that deletes a policy."""
    return Action(
        op=PlanOp.DELETE,
        object=f"policy/{name}",
        field="",
        from_=name,
        to="",
        reason=reason,
        risk=Risk.MEDIUM,
        payload={
            "operation": "delete_scaling_policy",
            "parameters": {**base_parameters(resource_id), "PolicyName": name},
        },
    )


def _samples(spec: ScalingPolicySpec, observed: Observed) -> list[Sample]:
    limits, now = spec.alerts.thresholds, observed.metrics
    seconds = limits.response_time.total_seconds()
    return [
        _sample("cpu", now.cpu, limits.cpu, PERCENT.show),
        _sample("memory", now.memory, limits.memory, PERCENT.show),
        _sample("responseTime", now.response_time, seconds, MILLISECONDS.show),
        _sample("errorRate", now.error_rate, limits.error_rate, PERCENT_1.show),
    ]


def _sample(rule: str, value: float | None, threshold: float, show: Any) -> Sample:
    shown = "no data" if value is None else show(value)
    return Sample(rule, value, threshold, shown, show(threshold))


def _bounds(target: Target) -> str:
    return f"{target.min}-{target.max}"


def _number(value: Any) -> str:
    return "default" if value is None else f"{value:g}"
