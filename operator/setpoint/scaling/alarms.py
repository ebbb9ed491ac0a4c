"""The alarms that set step policies off: setpoint's own, one for each policy. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from setpoint.api.plan import Applied, AppliedOp, PlanOp
from setpoint.engine.model import Action
from setpoint.scaling.compare import normal
from setpoint.scaling.deletion import delete
from setpoint.scaling.model import Observed
from setpoint.scaling.policies import Match
from setpoint.scaling.steps import Alarm

_OWNER = "setpoint.dev/owner"


def names(
    matched: Iterable[Match], applied: Sequence[Applied], unlisted: Collection[str]
) -> set[str]:
    """The alarms to look at: those of target-tracking policies (but for `unlisted` ones), and our
    own."""
    found = {
        str(alarm["AlarmName"])
        for match in matched
        for alarm in (match.existing or {}).get("Alarms") or ()
        if match.name not in unlisted
    }
    found |= {match.wanted.alarm.name for match in matched if match.wanted.alarm}
    return found | {name for entry in applied if (name := _name(entry))}


def actions(matched: Sequence[Match], observed: Observed, owner: str) -> list[Action]:
    """Make what lacks, change what differs."""
    if observed.alarms is None:
        return []
    found: list[Action] = []
    for match in matched:
        if (alarm := match.wanted.alarm) is not None:
            now = observed.alarms.get(alarm.name)
            found += _bring(match, alarm, now, owner)
    return found


def obsolete(
    matched: Sequence[Match], observed: Observed, applied: Sequence[Applied]
) -> list[Action]:
    """Alarms that setpoint made and the spec no longer needs; they go before their policies."""
    kept = {match.wanted.alarm.name for match in matched if match.wanted.alarm}
    return [
        delete_alarm(name, "the spec no longer has it")
        for entry in applied
        if (name := _name(entry)) and name not in kept and name in (observed.alarms or {})
    ]


def delete_alarm(name: str, reason: str) -> Action:
    """The action that deletes an alarm."""
    parameters = {"AlarmNames": [name]}
    return delete(name, "alarm", reason, "delete_alarms", parameters)


def _bring(match: Match, alarm: Alarm, now: Mapping[str, Any] | None, owner: str) -> list[Action]:
    arn = (match.existing or {}).get("PolicyARN")
    changed = _differences(alarm, now, arn) if now is not None else []
    if now is not None and not changed:
        return []
    threshold = alarm.parameters["Threshold"]
    return [
        Action(
            op=PlanOp.CREATE if now is None else PlanOp.UPDATE,
            object=f"alarm/{alarm.name}",
            field=", ".join(changed),
            from_="" if now is None else f"threshold {now.get('Threshold', 0):g}",
            to=f"threshold {threshold:g}",
            reason=f"it sets off policy {match.name}",
            payload={
                "parts": ["alarms"],
                "service": "cloudwatch",
                "operation": "put_metric_alarm",
                "action_of": match.name,
                "parameters": {
                    "AlarmName": alarm.name,
                    **alarm.parameters,
                    # The policy may be made just before: its ARN is filled in then.
                    "AlarmActions": [arn] if arn else [],
                    **({"Tags": [{"Key": _OWNER, "Value": owner}]} if now is None else {}),
                },
            },
            record=Applied(object=f"alarm/{alarm.name}", field="", op=AppliedOp.CREATED),
        )
    ]


def _differences(alarm: Alarm, now: Mapping[str, Any], arn: str | None) -> list[str]:
    asked = {**alarm.parameters, "AlarmActions": [arn]}
    return [
        name
        for name, value in asked.items()
        if name != "AlarmDescription" and normal(now.get(name)) != normal(value)
    ]


def _name(entry: Applied) -> str:
    kind, _, name = entry.object.partition("/")
    return name if kind == "alarm" else ""
