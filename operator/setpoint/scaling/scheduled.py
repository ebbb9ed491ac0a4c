"""Scheduled actions: what AWS has and what the spec asks for. Pure.

PutScheduledAction deletes the start and end that it is not given (API reference), so both always
go along: those of the spec, or for an action that was adopted the ones that it has.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from setpoint.api.autoscaling import Schedule
from setpoint.api.plan import Applied, AppliedOp, PlanOp
from setpoint.api.scalingpolicy import State
from setpoint.aws.names import ScalableId
from setpoint.engine.conditions import wire_time
from setpoint.engine.model import Action
from setpoint.scaling import schedule
from setpoint.scaling.deletion import delete
from setpoint.scaling.model import Observed

_UTC = ("UTC", "Etc/UTC", "")


@dataclass(frozen=True)
class Match:
    """A schedule of the spec and AWS's action of its name. `is_ours`: setpoint created it."""

    wanted: Schedule
    existing: Mapping[str, Any] | None
    is_ours: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """What PutScheduledAction is to be called with, whole."""
        wanted, now = self.wanted, self.existing or {}
        adopted = {} if self.is_ours else now
        found: dict[str, Any] = {
            "ScheduledActionName": wanted.name,
            "Schedule": wanted.schedule,
            "ScalableTargetAction": self._bounds(adopted),
        }
        if zone := wanted.time_zone or adopted.get("Timezone"):
            found["Timezone"] = zone
        elif now.get("Timezone"):  # it is to be UTC again
            found["Timezone"] = "UTC"
        for name, moment in (("StartTime", wanted.start), ("EndTime", wanted.end)):
            if value := moment or adopted.get(name):
                found[name] = value
        return found

    def _bounds(self, adopted: Mapping[str, Any]) -> dict[str, int]:
        asked = {"MinCapacity": self.wanted.min, "MaxCapacity": self.wanted.max}
        kept = adopted.get("ScalableTargetAction", {})
        merged = {**kept, **{name: value for name, value in asked.items() if value is not None}}
        return {name: merged[name] for name in asked if name in merged}

    @property
    def differences(self) -> dict[str, tuple[str, str]]:
        """Fields that differ, as (now, wanted)."""
        now, asked = _comparable(self.existing or {}), _comparable(self.parameters)
        return {
            name: (now.get(name, ""), asked.get(name, ""))
            for name in sorted(now.keys() | asked.keys())
            if now.get(name, "") != asked.get(name, "")
        }

    def next_firing(self, after: datetime) -> datetime | None:
        """When it fires next, once it is as the spec says; None: never again."""
        created = (self.existing or {}).get("CreationTime")
        return _next_firing(self.parameters, created, after)

    def still_fires(self, now: datetime) -> bool:
        """Whether AWS's own has firings to come."""
        now_there = self.existing
        return now_there is not None and (
            _next_firing(now_there, now_there.get("CreationTime"), now) is not None
        )

    def state(self, now: datetime) -> State:
        """How it compares. One that never fires again is not put: AWS refuses a time in the past,
        and may have deleted it after its last."""
        is_over = self.next_firing(now) is None
        if self.existing is None:
            return State.OVER if is_over else State.MISSING
        if not self.differences:
            return State.IN_SYNC
        return State.OVER if is_over and not self.still_fires(now) else State.DIFFERS


def matches(
    wanted: Sequence[Schedule], existing: Sequence[Mapping[str, Any]], applied: Sequence[Applied]
) -> list[Match]:
    """Each schedule of the spec with AWS's action of its name."""
    by_name = {str(action["ScheduledActionName"]): action for action in existing}
    ours = {entry.object for entry in applied if entry.op is AppliedOp.CREATED}
    return [Match(one, by_name.get(one.name), f"schedule/{one.name}" in ours) for one in wanted]


def actions(matched: Sequence[Match], observed: Observed, now: datetime) -> list[Action]:
    """Create what lacks, change what differs."""
    wrong = (State.MISSING, State.DIFFERS)
    return [
        _put(match, observed.id)
        for match in matched
        if match.state(now) in wrong and not _has_to_go(match, now)
    ]


def _has_to_go(match: Match, now: datetime) -> bool:
    """Our own, which by the spec never fires again, and would in AWS: AWS takes no end in the
    past, so it is deleted."""
    return match.is_ours and match.still_fires(now) and match.next_firing(now) is None


def in_force(matched: Sequence[Match], observed: Observed) -> list[Mapping[str, Any]]:
    """The actions whose firings the bounds come from: AWS's, and those that setpoint has put and
    AWS has deleted after their last time."""
    gone = [match.parameters for match in matched if match.existing is None and match.is_ours]
    return [*observed.schedules, *gone]


def obsolete(
    matched: Sequence[Match], observed: Observed, applied: Sequence[Applied], now: datetime
) -> list[Action]:
    """Scheduled actions that setpoint created and the spec no longer has, or has ended."""
    kept = {match.wanted.name for match in matched if not _has_to_go(match, now)}
    ours = {entry.object for entry in applied if entry.op is AppliedOp.CREATED}
    return [
        delete_schedule(name, observed.id, "the spec no longer has it")
        for action in observed.schedules
        if f"schedule/{(name := str(action['ScheduledActionName']))}" in ours and name not in kept
    ]


def foreign(matched: Sequence[Match], observed: Observed, applied: Sequence[Applied]) -> list[str]:
    """Names of actions that neither the spec nor setpoint knows."""
    known = {match.wanted.name for match in matched}
    known |= {entry.object.removeprefix("schedule/") for entry in applied}
    names = [str(action["ScheduledActionName"]) for action in observed.schedules]
    return [name for name in names if name not in known]


def delete_schedule(name: str, target: ScalableId, reason: str) -> Action:
    """The action that deletes a scheduled action."""
    parameters = {**target.parameters, "ScheduledActionName": name}
    return delete(name, "schedule", reason, "delete_scheduled_action", parameters)


def put_schedule(parameters: Mapping[str, Any], target: ScalableId) -> dict[str, Any]:
    """The payload that creates or replaces a scheduled action."""
    return {
        "parts": ["schedules"],
        "service": "application-autoscaling",
        "operation": "put_scheduled_action",
        "parameters": {**target.parameters, **parameters},
    }


def stored(action: Mapping[str, Any]) -> str:
    """A scheduled action as records hold it."""
    names = ("ScheduledActionName", "Schedule", "Timezone", "StartTime", "EndTime")
    kept = {name: _text(action[name]) for name in names if action.get(name)}
    kept["ScalableTargetAction"] = action.get("ScalableTargetAction", {})
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def former(action: Mapping[str, Any]) -> Applied:
    """The record of a scheduled action as it was before setpoint changed it."""
    return Applied(
        object=f"schedule/{action['ScheduledActionName']}",
        field="",
        op=AppliedOp.CHANGED,
        original=stored(action),
    )


def _next_firing(
    action: Mapping[str, Any], created: datetime | None, after: datetime
) -> datetime | None:
    return schedule.next_firing(
        str(action.get("Schedule", "")),
        action.get("Timezone") or None,
        action.get("StartTime"),
        action.get("EndTime"),
        created,
        after,
    )


def _put(match: Match, target: ScalableId) -> Action:
    name, fields = f"schedule/{match.wanted.name}", match.differences
    is_new = match.existing is None
    asked = _comparable(match.parameters)
    record = Applied(object=name, field="", op=AppliedOp.CREATED)
    if match.existing is not None:
        record = former(match.existing)
    return Action(
        op=PlanOp.CREATE if is_new else PlanOp.UPDATE,
        object=name,
        field="" if is_new else ", ".join(fields),
        from_=", ".join(before for before, _ in fields.values()) if not is_new else "",
        to=", ".join(v for _, v in fields.values()) if not is_new else " ".join(asked.values()),
        reason="AWS has no such scheduled action" if is_new else "it differs from the spec",
        payload=put_schedule(match.parameters, target),
        record=record,
    )


def _comparable(action: Mapping[str, Any]) -> dict[str, str]:
    bounds = action.get("ScalableTargetAction", {})
    zone = str(action.get("Timezone") or "")
    found = {
        "schedule": str(action.get("Schedule", "")),
        "timeZone": "" if zone in _UTC else zone,
        "min": str(bounds["MinCapacity"]) if "MinCapacity" in bounds else "",
        "max": str(bounds["MaxCapacity"]) if "MaxCapacity" in bounds else "",
        "start": _text(action.get("StartTime")),
        "end": _text(action.get("EndTime")),
    }
    return {name: value for name, value in found.items() if value}


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return wire_time(value if value.tzinfo else value.replace(tzinfo=UTC))
    return str(value or "")
