"""What takes back what setpoint did to an autoscaling setup. Pure.

In the order that AWS needs: alarms before the policies they set off, the registration last, as
deregistering deletes all policies and scheduled actions with it, also those of others.
"""

import json
from collections.abc import Sequence
from typing import Any

from setpoint.api.plan import Applied, AppliedOp, PlanOp, Risk
from setpoint.api.scalingpolicy import PolicyType
from setpoint.engine.model import Action
from setpoint.scaling import target
from setpoint.scaling.alarms import delete_alarm
from setpoint.scaling.model import SUSPENDED_FLAGS, Observed
from setpoint.scaling.policies import configuration, delete_policy, put_policy
from setpoint.scaling.scheduled import delete_schedule, put_schedule, stored

_WHY = "the resource is deleted and its deletionPolicy is Revert"


def revert(observed: Observed, applied: Sequence[Applied]) -> list[Action]:
    """What was created goes, what was changed gets its former values, what is gone is done."""
    return [
        *_alarms(observed, applied),
        *_policies(observed, applied),
        *_schedules(observed, applied),
        *_target(observed, applied),
    ]


def _alarms(observed: Observed, applied: Sequence[Applied]) -> list[Action]:
    names = [e.object.removeprefix("alarm/") for e in applied if e.object.startswith("alarm/")]
    # Where AWS does not tell which there are, all go: it does not mind names that it does not know.
    return [
        delete_alarm(name, _WHY)
        for name in names
        if observed.alarms is None or name in observed.alarms
    ]


def _policies(observed: Observed, applied: Sequence[Applied]) -> list[Action]:
    by_name = {f"policy/{policy['PolicyName']}": policy for policy in observed.policies}
    actions: list[Action] = []
    for entry in applied:
        policy = by_name.get(entry.object)
        if policy is None:  # another object, or gone already
            continue
        name = str(policy["PolicyName"])
        if entry.op is AppliedOp.CREATED:
            actions.append(delete_policy(name, observed.id, _WHY))
            continue
        former, now = json.loads(entry.original), _stored(configuration(policy))
        looks = {name: value for name, value in now.items() if name.endswith("Specification")}
        former = looks | former
        if former != now and _same_type(former, now):
            kind = PolicyType(policy["PolicyType"])
            payload = put_policy(name, kind, former, observed.id)
            actions.append(_action(PlanOp.UPDATE, entry.object, "former values", payload))
    return actions


def _schedules(observed: Observed, applied: Sequence[Applied]) -> list[Action]:
    by_name = {f"schedule/{a['ScheduledActionName']}": a for a in observed.schedules}
    actions: list[Action] = []
    for entry in applied:
        scheduled = by_name.get(entry.object)
        if scheduled is None:
            continue
        if entry.op is AppliedOp.CREATED:
            name = str(scheduled["ScheduledActionName"])
            actions.append(delete_schedule(name, observed.id, _WHY))
        elif stored(scheduled) != entry.original:
            payload = put_schedule(json.loads(entry.original), observed.id)
            actions.append(_action(PlanOp.UPDATE, entry.object, "former values", payload))
    return actions


def _target(observed: Observed, applied: Sequence[Applied]) -> list[Action]:
    entry = next((e for e in applied if e.object == target.OBJECT), None)
    if entry is None or observed.target is None:
        return []
    if entry.op is AppliedOp.CHANGED:
        return _former_target(observed, json.loads(entry.original))
    ours = {e.object for e in applied if e.op is AppliedOp.CREATED}
    foreign = [p for p in observed.policies if f"policy/{p['PolicyName']}" not in ours]
    foreign += [a for a in observed.schedules if f"schedule/{a['ScheduledActionName']}" not in ours]
    if foreign:
        return []
    payload = {
        "parts": ["target", "policies", "schedules"],
        "service": "application-autoscaling",
        "operation": "deregister_scalable_target",
        "parameters": observed.id.parameters,
    }
    return [_action(PlanOp.DELETE, target.OBJECT, "", payload)]


def _former_target(observed: Observed, former: dict[str, Any]) -> list[Action]:
    now = observed.target
    if now is None:
        return []
    parameters: dict[str, Any] = {}
    if (now.min, now.max) != (former["min"], former["max"]):
        parameters |= {"MinCapacity": former["min"], "MaxCapacity": former["max"]}
    suspended = set(former.get("suspended", now.suspended))
    if suspended != now.suspended:
        flags = {flag: name in suspended for name, flag in SUSPENDED_FLAGS.items()}
        parameters["SuspendedState"] = flags
    if not parameters:
        return []
    payload = target.register(observed, parameters)
    text = f"{former['min']}-{former['max']}"
    return [_action(PlanOp.UPDATE, target.OBJECT, text, payload)]


def _stored(configured: Any) -> Any:
    """A configuration as records hold it."""
    return json.loads(json.dumps(configured, default=str, sort_keys=True))


def _same_type(former: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether it is still a policy of the type that it was: its type cannot be changed."""
    return bool(
        {"TargetValue", "StepAdjustments", "MetricSpecifications"} & former.keys() & now.keys()
    )


def _action(op: PlanOp, name: str, to: str, payload: Any) -> Action:
    return Action(
        op=op, object=name, field="", from_="", to=to, reason=_WHY, risk=Risk.MEDIUM,
        payload=payload,
    )  # fmt: skip
