"""What takes back what setpoint did to an ECS service's autoscaling. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from setpoint.api.plan import Applied, AppliedOp, PlanOp, Risk
from setpoint.engine.model import Action
from setpoint.scaling.decide import TARGET, delete_policy, put_policy
from setpoint.scaling.model import Observed, base_parameters

_WHY = "the resource is deleted and its deletionPolicy is Revert"


def revert(observed: Observed, applied: Sequence[Applied]) -> list[Action]:
    """Created policies go, changed ones get their former values; the target is deregistered only
    if setpoint registered it and nothing of others would go with it."""
    by_name = {f"policy/{p['PolicyName']}": p for p in observed.policies}
    actions: list[Action] = []
    for entry in applied:
        policy = by_name.get(entry.object)
        if policy is None:  # it is gone already
            continue
        name = str(policy["PolicyName"])
        if entry.op is AppliedOp.CREATED:
            actions.append(delete_policy(name, observed.resource_id, _WHY))
        elif (now := _stored(policy)) and (former := json.loads(entry.original)) != now:
            payload = put_policy(name, former, observed.resource_id)
            actions.append(_action(PlanOp.UPDATE, entry.object, "former values", payload))
    actions += _target(observed, applied)
    return actions


def _target(observed: Observed, applied: Sequence[Applied]) -> list[Action]:
    entry = next((e for e in applied if e.object == TARGET), None)
    if entry is None or observed.target is None:
        return []
    base = base_parameters(observed.resource_id)
    if entry.op is AppliedOp.CHANGED:
        former = json.loads(entry.original)
        if (observed.target.min, observed.target.max) == (former["min"], former["max"]):
            return []
        parameters = {**base, "MinCapacity": former["min"], "MaxCapacity": former["max"]}
        payload = {"operation": "register_scalable_target", "parameters": parameters}
        text = f"{former['min']}-{former['max']}"
        return [_action(PlanOp.UPDATE, TARGET, text, payload)]
    ours = {e.object for e in applied if e.op is AppliedOp.CREATED}
    foreign = [p for p in observed.policies if f"policy/{p['PolicyName']}" not in ours]
    if foreign or observed.has_schedules:
        return []  # deregistering would delete what is not ours
    payload = {"operation": "deregister_scalable_target", "parameters": base}
    return [_action(PlanOp.DELETE, TARGET, "", payload)]


def _stored(policy: Any) -> Any:
    """Its configuration as records hold it; None if it became a policy of another type."""
    configured = policy.get("TargetTrackingScalingPolicyConfiguration")
    return json.loads(json.dumps(configured, default=str, sort_keys=True))


def _action(op: PlanOp, name: str, to: str, payload: Any) -> Action:
    return Action(
        op=op, object=name, field="", from_="", to=to, reason=_WHY, risk=Risk.MEDIUM,
        payload=payload,
    )  # fmt: skip
