"""How AWS's policies compare with those of the spec, and what would make them equal. Pure."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.plan import ORIGINAL_LENGTH, Applied, AppliedOp, BlockedBy, PlanOp
from setpoint.api.scalingpolicy import PolicyType, ScalingPolicySpec, State
from setpoint.aws.names import ScalableId
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action
from setpoint.scaling.compare import normal, text
from setpoint.scaling.deletion import delete
from setpoint.scaling.model import Memory, Observed
from setpoint.scaling.wanted import CONFIGURATION, Policy, policies

_METRIC = "Specification"
"""How the fields end that say what a policy looks at."""

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
    def put(self) -> dict[str, Any]:
        """The whole configuration that AWS should hold: of a policy of our own, what the spec says
        and nothing else."""
        wanted = {**self.wanted.defaults, **self.wanted.configuration}
        if self.is_ours or self.existing is None:
            return wanted
        merged = {**configuration(self.existing), **self.wanted.configuration}
        for name in _conditional(merged):
            merged.pop(name, None)
        return merged

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Fields that setpoint answers for, as (now, wanted), where they differ."""
        now, defaults = configuration(self.existing or {}), self.wanted.defaults
        asked = {**(defaults if self.is_ours else {}), **self.wanted.configuration}
        found = {
            name: (now.get(name), value)
            for name, value in asked.items()
            if normal(now.get(name, defaults.get(name))) != normal(value)
        }
        if self.is_ours or self.wanted.type is PolicyType.STEP:
            left = [name for name in _OPTIONAL if name in now and name not in self.put]
            found |= {name: (now[name], None) for name in left}
        return found


_OPTIONAL = ("MinAdjustmentMagnitude", "MaxCapacityBuffer")
"""Fields without a default: there, or not."""


def _conditional(configured: Mapping[str, Any]) -> list[str]:
    """Fields that AWS refuses beside the others' values."""
    found = []
    if configured.get("AdjustmentType", "PercentChangeInCapacity") != "PercentChangeInCapacity":
        found.append("MinAdjustmentMagnitude")
    if configured.get("MaxCapacityBreachBehavior", "HonorMaxCapacity") == "HonorMaxCapacity":
        found.append("MaxCapacityBuffer")
    return found


def matches(
    spec: ScalingPolicySpec, existing: Sequence[Mapping[str, Any]], applied: Sequence[Applied]
) -> list[Match]:
    """Each policy of the spec with AWS's own for its metric; step policies with that of their name;
    and where there is none for a metric, our own of the name: its metric was changed.

    PutScalingPolicy overwrites a policy of the same name, so a name that is taken by a policy for
    something else gets a number.
    """
    ours = {entry.object for entry in applied if entry.op is AppliedOp.CREATED}
    taken = {str(policy["PolicyName"]) for policy in existing}
    used: set[str] = set()
    found: list[Match] = []
    for wanted in policies(spec):
        free = [policy for policy in existing if policy["PolicyName"] not in used]
        policy = _existing_for(wanted, free, ours)
        name = str(policy["PolicyName"]) if policy else _free(wanted.default_name, taken)
        taken.add(name)
        used.add(name)
        found.append(Match(wanted, name, policy, f"policy/{name}" in ours))
    return found


def _existing_for(
    wanted: Policy, existing: Sequence[Mapping[str, Any]], ours: Collection[str]
) -> Mapping[str, Any] | None:
    same_type = [policy for policy in existing if policy.get("PolicyType") == wanted.type]
    asked = metric_of(wanted.configuration)
    for policy in same_type:
        name = str(policy["PolicyName"])
        if (
            name == wanted.default_name
            if wanted.by_name
            else asked == metric_of(configuration(policy))
        ):
            return policy
    numbered = re.compile(rf"{re.escape(wanted.default_name)}(-[0-9]+)?")
    return next(
        (
            policy
            for policy in same_type
            if numbered.fullmatch(name := str(policy["PolicyName"])) and f"policy/{name}" in ours
        ),
        None,
    )


def configuration(policy: Mapping[str, Any]) -> dict[str, Any]:
    """A policy's configuration, whatever its type; empty for a type that we do not know."""
    key = CONFIGURATION.get(policy.get("PolicyType", ""))
    return dict(policy.get(key, {})) if key else {}


def actions(matched: Sequence[Match], observed: Observed, memory: Memory) -> list[Action]:
    """Create what lacks, change what differs, repair what lost its alarms."""
    return [action for match in matched for action in _bring(match, observed, memory)]


def _bring(match: Match, observed: Observed, memory: Memory) -> list[Action]:
    if match.existing is None:
        return [_create(match, observed.id)]
    if changed := match.differences:
        return [_change(match, changed, observed.id)]
    missing = missing_alarms(match, observed)
    if missing and memory.repairs.get(match.name, 0) < REPAIRS:
        return [
            Action(
                op=PlanOp.UPDATE,
                object=f"policy/{match.name}",
                field="alarms",
                from_=f"{missing} missing",
                to="all there",
                reason="AWS makes the alarms of a policy again when it is put again",
                payload=put_policy(
                    match.name, match.wanted.type, match.put, observed.id, repair=True
                ),
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
    at = f" at {wanted.target:g}" if wanted.target is not None else ""
    return Action(
        op=PlanOp.CREATE,
        object=f"policy/{match.name}",
        field="",
        from_="",
        to=f"{wanted.metric}{at}",
        reason=f"AWS has no {wanted.type} policy for it",
        payload=put_policy(match.name, wanted.type, match.put, target),
        record=Applied(object=f"policy/{match.name}", field="", op=AppliedOp.CREATED),
    )


def _change(match: Match, changed: Mapping[str, tuple[Any, Any]], target: ScalableId) -> Action:
    record = former(match.existing or {})
    return Action(
        op=PlanOp.UPDATE,
        object=f"policy/{match.name}",
        field=", ".join(changed),
        from_=", ".join(_shown(before) for before, _ in changed.values()),
        to=", ".join(_shown(after) for _, after in changed.values()),
        reason="the policy differs from the spec"
        if record
        else "what it is now is too long to be kept for Revert: change it in AWS",
        blocked_by=None if record else BlockedBy.STATE,
        payload=put_policy(match.name, match.wanted.type, match.put, target),
        record=record,
    )


def former(policy: Mapping[str, Any]) -> Applied | None:
    """The record of a policy as it was before setpoint changed it; None if it is too long.

    What a target-tracking policy looks at stays as it is, so that is left out.
    """
    kept = configuration(policy)
    if policy.get("PolicyType") == PolicyType.TARGET_TRACKING:
        kept = {name: value for name, value in kept.items() if not name.endswith(_METRIC)}
    text = json.dumps(kept, default=str, sort_keys=True, separators=(",", ":"))
    if len(text) > ORIGINAL_LENGTH:
        return None
    name = f"policy/{policy['PolicyName']}"
    return Applied(object=name, field="", op=AppliedOp.CHANGED, original=text)


def beyond_repair(matched: Sequence[Match], observed: Observed, memory: Memory) -> list[Failure]:
    """Policies that do not scale, although they were put again."""
    return [
        Failure(
            Reason.REJECTED,
            f"policy {match.name} has lost alarms, and they do not come back: it does not scale; "
            "find out who deletes them (CloudTrail, DeleteAlarms)",
        )
        for match in matched
        if missing_alarms(match, observed) and memory.repairs.get(match.name, 0) >= REPAIRS
    ]


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
    parameters = {**target.parameters, "PolicyName": name}
    return delete(name, "policy", reason, "delete_scaling_policy", parameters)


def metric_of(configured: Mapping[str, Any]) -> str:
    """What a policy looks at: AWS takes one policy of a type for it."""
    specifications = configured.get("MetricSpecifications", [configured])
    metrics = [
        {name: value for name, value in one.items() if name.endswith(_METRIC)}
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
