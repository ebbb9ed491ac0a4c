"""What the tests of the scaling room look at."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from setpoint.api.plan import Applied, AppliedOp
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.aws.names import ScalableId
from setpoint.engine.model import Action, Decision, Key, Resource
from setpoint.scaling import decide as decisions
from setpoint.scaling.model import Memory, Metrics, Observed, Service, Target

NOW = datetime(2026, 11, 23, 12, 3, 42, tzinfo=UTC)
ECS = ScalableId("ecs", "service/c/s", "ecs:service:DesiredCount")
EMPTY = Observed(
    account="1", region="r", id=ECS, service=Service(3, 3), target=None, policies=[],
    alarms={}, metrics=Metrics(),
)  # fmt: skip
CPU = "ECSServiceAverageCPUUtilization"
MEMORY = "ECSServiceAverageMemoryUtilization"


def resource(status: dict[str, Any] | None = None, **changes: Any) -> Resource[ScalingPolicySpec]:
    spec = {
        "target": {"ecs": {"cluster": "c", "service": "s"}},
        "capacity": {"min": 2, "max": 20},
        "targetTracking": [{"metric": "CPU", "target": 60}],
        **changes,
    }
    parsed = ScalingPolicySpec.model_validate(spec)
    return Resource(Key("scalingpolicies", "ns", "n"), "u", 1, NOW, parsed, status or {})


def policy(name: str, metric: str, target: float, **more: Any) -> dict[str, Any]:
    return {
        "PolicyName": name,
        "PolicyARN": f"arn:{name}",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "ScaleOutCooldown": 300,
            "ScaleInCooldown": 300,
            **more,
        },
        "Alarms": [{"AlarmName": f"{name}-high"}, {"AlarmName": f"{name}-low"}],
    }


def alarms_of(*policies: Mapping[str, Any]) -> dict[str, Any]:
    return {alarm["AlarmName"]: alarm for one in policies for alarm in one.get("Alarms", ())}


_CPU_POLICY = policy("cpu-scaling", CPU, 60.0)
IN_SYNC = replace(
    EMPTY, target=Target(2, 20), policies=[_CPU_POLICY], alarms=alarms_of(_CPU_POLICY)
)


def with_policies(*policies: Mapping[str, Any]) -> Observed:
    return replace(IN_SYNC, policies=list(policies), alarms=alarms_of(*policies))


def decide(
    of: Resource[ScalingPolicySpec], observed: Observed, memory: Memory | None = None
) -> Decision[Memory]:
    return decisions.decide(of, observed, memory or Memory(), NOW)


def told(actions: Iterable[Action]) -> list[tuple[str, str, str, str]]:
    return [(str(a.op), a.object, a.from_, a.to) for a in actions]


def operations(actions: Iterable[Action]) -> list[str]:
    return [action.payload["operation"] for action in actions]


def created(name: str) -> Applied:
    return Applied(object=name, field="", op=AppliedOp.CREATED)


def changed(name: str, original: Any) -> Applied:
    return Applied(object=name, field="", op=AppliedOp.CHANGED, original=json.dumps(original))


def status_with(*records: Applied) -> dict[str, Any]:
    return {"applied": [record.wire() for record in records]}
