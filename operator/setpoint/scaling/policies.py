"""How AWS's policies compare with those of the spec, and what would make them equal. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from setpoint.api.plan import Applied, AppliedOp, PlanOp, Risk
from setpoint.api.scalingpolicy import PolicyType, ScalingPolicySpec, State
from setpoint.aws.names import ScalableId
from setpoint.engine.model import Action
from setpoint.scaling.compare import normal, text
from setpoint.scaling.model import Memory, Observed
from setpoint.scaling.wanted import CONFIGURATION, Policy, policies

REPAIRS = 2
"""How often a policy is put again because its alarms are gone, before a person is asked."""


@dataclass(frozen=True)
class Match:
    """A policy of the spec and the one that AWS has for it. `is_ours`: setpoint created it."""

    wanted: Policy
    name: str
    existing: Mapping[str, Any] | None
    is_ours: bool

    @property
    def state(self) -> State:
        """How it compares."""
        if self.existing is None:
            return State.MISSING
        return State.DIFFERS if self.differences else State.IN_SYNC

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Fields that setpoint answers for, as (now, wanted), where they differ."""
        now = configuration(self.existing or {})
        asked = {**(self.wanted.defaults if self.is_ours else {}), **self.wanted.configuration}
        return {
            name: (now.get(name), value)
            for name, value in asked.items()
            if normal(now.get(name, self.wanted.defaults.get(name))) != normal(value)
        }


def matches(
    spec: ScalingPolicySpec, existing: Sequence[Mapping[str, Any]], applied: Sequence[Applied]
) -> list[Match]:
    """Each policy of the spec with AWS's own for its metric (step policies: of its name).

    PutScalingPolicy overwrites a policy of the same name, so a name that is taken by a policy for
    something else gets a number.
    """
    ours = {entry.object for entry in applied if entry.op is AppliedOp.CREATED}
    taken = {str(policy["PolicyName"]) for policy in existing}
    found: list[Match] = []
    for wanted in policies(spec):
        policy = next((one for one in existing if _is_for(one, wanted)), None)
        name = str(policy["PolicyName"]) if policy else _free(wanted.default_name, taken)
        taken.add(name)
        found.append(Match(wanted, name, policy, f"policy/{name}" in ours))
    return found


def configuration(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy's configuration, whatever its type; empty for a type that we do not know."""
    key = CONFIGURATION.get(policy.get("PolicyType", ""))
    return dict(policy.get(key, {})) if key else {}


def actions(matched: Sequence[Match], observed: Observed, memory: Memory) -> list[Action]:
    """Create what lacks, change what differs, repair what lost its alarms."""
    return [action for match in matched for action in _bring(match, observed, memory)]


def _bring(match: Match, observed: Observed, memory: Memory) -> list[Action]:
    wanted = match.wanted
    if match.existing is None:
        return [_create(match, observed.id)]
    if changed := match.differences:
        return [_change(match, changed, observed.id)]
    missing = missing_alarms(match, observed)
    if missing and memory.repairs.get(match.name, 0) < REPAIRS:
        merged = {**configuration(match.existing), **wanted.configuration}
        return [
            Action(
                op=PlanOp.UPDATE,
                object=f"policy/{match.name}",
                field="alarms",
                from_=f"{missing} missing",
                to="all there",
                reason="AWS makes the alarms of a policy again when it is put again",
                payload=put_policy(match.name, wanted.type, merged, observed.id, repair=True),
            )
        ]
    return []


def lacks_alarms(match: Match, observed: Observed) -> bool:
    """Whether alarms are gone, or it is not known that they are there."""
    is_known = observed.alarms is not None and match.name not in observed.unlisted
    return not is_known or missing_alarms(match, observed) > 0


def missing_alarms(match: Match, observed: Observed) -> int:
    """How many alarms a target-tracking policy has lost; 0 where nothing is known of them.

    AWS makes two for an ECS service, and only the high one where scaling in is disabled.
    """
    policy = match.existing
    if policy is None or observed.alarms is None or match.name in observed.unlisted:
        return 0
    if match.wanted.type is not PolicyType.TARGET_TRACKING:
        return 0
    names = [str(alarm["AlarmName"]) for alarm in policy.get("Alarms") or ()]
    there = sum(name in observed.alarms for name in names)
    expected = len(names)
    if observed.id.namespace == "ecs":
        expected = 1 if configuration(policy).get("DisableScaleIn") else 2
    return max(0, expected - there)


def _create(match: Match, target: ScalableId) -> Action:
    wanted = match.wanted
    configured = {**wanted.defaults, **wanted.configuration}
    at = f" at {wanted.target:g}" if wanted.target is not None else ""
    return Action(
        op=PlanOp.CREATE,
        object=f"policy/{match.name}",
        field="",
        from_="",
        to=f"{wanted.metric}{at}",
        reason=f"AWS has no {wanted.type} policy for it",
        payload=put_policy(match.name, wanted.type, configured, target),
        record=Applied(object=f"policy/{match.name}", field="", op=AppliedOp.CREATED),
    )


def _change(match: Match, changed: Mapping[str, tuple[Any, Any]], target: ScalableId) -> Action:
    wanted, now = match.wanted, configuration(match.existing or {})
    merged = {**now, **(wanted.defaults if match.is_ours else {}), **wanted.configuration}
    if "MaxCapacityBuffer" in merged and merged.get("MaxCapacityBreachBehavior", "").startswith(
        "H"
    ):
        del merged["MaxCapacityBuffer"]  # AWS refuses it there
    return Action(
        op=PlanOp.UPDATE,
        object=f"policy/{match.name}",
        field=", ".join(changed),
        from_=", ".join(_shown(before) for before, _ in changed.values()),
        to=", ".join(_shown(after) for _, after in changed.values()),
        reason="the policy differs from the spec",
        payload=put_policy(match.name, wanted.type, merged, target),
        record=Applied(
            object=f"policy/{match.name}",
            field="",
            op=AppliedOp.CHANGED,
            original=json.dumps(now, default=str, sort_keys=True, separators=(",", ":")),
        ),
    )


def obsolete(
    matched: Sequence[Match], observed: Observed, applied: Sequence[Applied]
) -> list[Action]:
    """Policies that setpoint created and the spec no longer has."""
    kept = {f"policy/{match.name}" for match in matched}
    ours = {entry.object for entry in applied if entry.op is AppliedOp.CREATED}
    return [
        delete_policy(str(policy["PolicyName"]), observed.id, "the spec no longer has it")
        for policy in observed.policies
        if (name := f"policy/{policy['PolicyName']}") in ours and name not in kept
    ]


def put_policy(
    name: str,
    policy_type: PolicyType,
    configured: Mapping[str, Any],
    target: ScalableId,
    *,
    repair: bool = False,
) -> dict[str, Any]:
    """The payload that creates or replaces a policy."""
    return {
        "parts": ["policies"],
        "service": "application-autoscaling",
        "operation": "put_scaling_policy",
        "policy": name,
        "repair": repair,
        "parameters": {
            **target.parameters,
            "PolicyName": name,
            "PolicyType": str(policy_type),
            CONFIGURATION[policy_type]: dict(configured),
        },
    }


def delete_policy(name: str, target: ScalableId, reason: str) -> Action:
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
            "parts": ["policies"],
            "service": "application-autoscaling",
            "operation": "delete_scaling_policy",
            "parameters": {**target.parameters, "PolicyName": name},
        },
    )


def _is_for(policy: Mapping[str, Any], wanted: Policy) -> bool:
    if policy.get("PolicyType") != wanted.type:
        return False
    if wanted.by_name:
        return bool(policy["PolicyName"] == wanted.default_name)
    return _metric_of(configuration(policy)) == _metric_of(wanted.configuration)


def _metric_of(configured: Mapping[str, Any]) -> str:
    """What a policy looks at: AWS takes one policy of a type for it."""
    specifications = configured.get("MetricSpecifications", [configured])
    metrics = [
        {name: value for name, value in one.items() if name.endswith("Specification")}
        for one in specifications
    ]
    return text(normal(metrics))


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(numbered for n in count(2) if (numbered := f"{name}-{n}") not in taken)


def _shown(value: Any) -> str:
    if value is None:
        return "default"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)
