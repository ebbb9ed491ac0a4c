"""Whose the parts of a setup are: records of ownership beside those of actions. Pure."""

from collections.abc import Iterable, Sequence

from setpoint.api.base import DeletionPolicy
from setpoint.api.plan import Applied, AppliedOp
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.scaling import policies, scheduled, target
from setpoint.scaling.model import Observed


def added(
    spec: ScalingPolicySpec,
    observed: Observed,
    matched: Sequence[policies.Match],
    schedules: Sequence[scheduled.Match],
    records: Sequence[Applied],
) -> list[Applied]:
    """What was there before it was adopted, while it still is as it was: for Revert only.

    Recorded later, with the first change, the original could be what somebody made of it since.
    A target whose tag proves that this resource registered it, and whose record status has lost, is
    recorded as created.
    """
    if spec.deletion_policy is not DeletionPolicy.REVERT:
        return []
    known = {record.object for record in records}
    return [
        record for record in _as_found(observed, matched, schedules) if record.object not in known
    ]


def _as_found(
    observed: Observed, matched: Sequence[policies.Match], schedules: Sequence[scheduled.Match]
) -> Iterable[Applied]:
    if observed.is_tagged:
        yield Applied(object=target.OBJECT, field="capacity", op=AppliedOp.CREATED)
    elif observed.target is not None:
        yield target.former(observed.target)
    for match in matched:
        if match.existing is not None and (record := policies.former(match.existing)):
            yield record
    for schedule in schedules:
        if schedule.existing is not None:
            yield scheduled.former(schedule.existing)


def forgotten(
    observed: Observed,
    matched: Sequence[policies.Match],
    schedules: Sequence[scheduled.Match],
    records: Sequence[Applied],
) -> list[str]:
    """Objects that are gone from AWS and from the spec: whoever makes one of that name anew owns
    it, and it must not be deleted on the strength of an old record."""
    there = {f"policy/{policy['PolicyName']}" for policy in observed.policies}
    there |= {f"schedule/{action['ScheduledActionName']}" for action in observed.schedules}
    there |= {f"policy/{match.name}" for match in matched}
    there |= {f"schedule/{match.wanted.name}" for match in schedules}
    there |= {f"alarm/{match.wanted.alarm.name}" for match in matched if match.wanted.alarm}
    there |= {f"alarm/{name}" for name in observed.alarms or ()}
    kinds = (
        ("policy/", "schedule/") if observed.alarms is None else ("policy/", "schedule/", "alarm/")
    )
    return [r.object for r in records if r.object.startswith(kinds) and r.object not in there]
