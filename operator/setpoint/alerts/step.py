"""One step of all alerts of a resource: readings in; status, what happened, and when to come back
out. Pure.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from setpoint.alerts import grouping, outbox, silence
from setpoint.alerts.grouping import Members
from setpoint.alerts.outbox import Context
from setpoint.alerts.reading import Readings
from setpoint.alerts.state import Memory, advance, remember
from setpoint.api.alerts import (
    Alert,
    AlertGroup,
    Alerts,
    AlertsStatus,
    AlertState,
    Grouping,
    Storm,
)
from setpoint.api.findings import Severity
from setpoint.engine.conditions import read_time, wire_time

_Part = TypeVar("_Part", Alert, AlertGroup, Storm)


@dataclass(frozen=True)
class Transition:
    """An alert that changed its state; `to` None: it is inactive again and was never told."""

    alert: Alert
    to: AlertState | None


@dataclass(frozen=True)
class Step:
    """The alerts after a look. `wake`: when to come back although nothing is to be looked at."""

    status: AlertsStatus
    memory: Memory
    transitions: Sequence[Transition]
    wake: datetime | None


def step(
    previous: AlertsStatus,
    readings: Readings,
    spec: Alerts,
    memory: Memory,
    context: Context,
    now: datetime,
) -> Step:
    """The alerts after a look, or after nothing but time has passed (no readings).

    The status is equal to `previous` while no alert changes its state and nothing is to be told.
    """
    previous = _without_passed(_sane(previous, now), spec.group, now)
    known = previous.items
    items, memory = advance(known, readings, remember(memory, known, readings), now)
    items = silence.suppressed(items, spec, now)
    telling = _Telling(spec, memory, context, now, previous, items)
    for severity in Severity:
        telling.run(severity)
    status = telling.status()
    return Step(status, memory, _transitions(known, items), telling.wake())


def final(previous: AlertsStatus, context: Context, now: datetime) -> AlertsStatus:
    """The alerts of a resource that is gone: all are over, and what was told is taken back."""
    over = [
        item.model_copy(update={"state": AlertState.RESOLVED, "ended": wire_time(now)})
        for item in previous.items
        if item.told
    ]
    state = previous.model_copy(update={"items": over, "count": 0})
    telling = _Telling(Alerts(), Memory(), context, now, state, over)
    for severity in Severity:
        telling.tell_all(severity)
    return telling.status()


class _Telling:
    """Goes through the groups and collects what they lead to."""

    def __init__(
        self,
        spec: Alerts,
        memory: Memory,
        context: Context,
        now: datetime,
        previous: AlertsStatus,
        items: Sequence[Alert],
    ) -> None:
        self._spec = spec
        self._memory = memory
        self._context = context
        self._now = now
        self._previous = previous
        self._items = list(items)
        self._outbox = list(previous.outbox)
        self._groups: list[AlertGroup] = []
        self._storms = {storm.severity: storm for storm in previous.storms}
        self._wakes = list(silence.ends(items, spec, now))

    def run(self, severity: Severity) -> None:
        """Bring the group of a severity up to date, and tell it if it is due."""
        settings, found = self._spec.group, grouping.members(self._items, severity)
        if not found.any:
            return
        group = self._group(severity)
        if found.need_update != (group.changed is not None):
            changed = wire_time(self._now) if found.need_update else None
            group = group.model_copy(update={"changed": changed})
        elif found.need_update and self._is_let_go(group, found):
            group = group.model_copy(update={"changed": wire_time(self._now)})
        at = grouping.due(group, found, self._storms.get(severity), settings)
        if at is not None and at <= self._now:
            self._tell(group, found)
            return
        if at is not None:
            self._wakes.append(at)
        self._groups.append(group)

    def tell_all(self, severity: Severity) -> None:
        """Tell the group of a severity now."""
        found = grouping.members(self._items, severity)
        if found.need_update:
            self._tell(self._group(severity), found)

    def status(self) -> AlertsStatus:
        """The alerts afterwards."""
        firing = [item for item in self._items if item.state is AlertState.FIRING]
        update: dict[str, Any] = {
            "count": len(firing),
            "items": self._items,
            "groups": self._groups,
            "storms": list(self._storms.values()),
            "outbox": self._outbox,
        }
        return self._previous.model_copy(update=update)

    def wake(self) -> datetime | None:
        """The earliest moment at which time alone changes something."""
        return min(self._wakes, default=None)

    def _is_let_go(self, group: AlertGroup, found: Members) -> bool:
        """Whether what held it back for a digest is over just now: its next tick is still to
        come."""
        storm, settings = self._storms.get(group.severity), self._spec.group
        before = grouping.members(self._previous.items, group.severity)
        then = grouping.due(group, before, storm, settings)
        at = grouping.due(group, found, storm, settings)
        return then is not None and at is not None and at <= self._now < then

    def _group(self, severity: Severity) -> AlertGroup:
        """The open incident; else a new one, or the one whose end nobody has read yet."""
        found = next((g for g in self._previous.groups if g.severity is severity), None)
        if found is not None:
            return found
        since = wire_time(self._now)
        unread = next((e for e in self._outbox if e.severity is severity), None)
        if unread is not None:
            return AlertGroup(
                severity=severity, incident=unread.incident, since=since, message=unread.message
            )
        content = json.dumps([self._context.uid, severity, since])
        name = hashlib.sha256(content.encode()).hexdigest()[:16]
        return AlertGroup(severity=severity, incident=name, since=since)

    def _tell(self, group: AlertGroup, found: Members) -> None:
        settings, severity = self._spec.group, group.severity
        now = wire_time(self._now)
        storm = self._storms.get(severity)
        if found.news:
            storm = grouping.counted(storm, severity, len(found.news), now, settings.digest_window)
            self._storms[severity] = storm
        is_storm = bool(storm and found.news and storm.count > settings.digest_after)
        made = outbox.entry(
            group,
            found,
            self._memory,
            self._context,
            now,
            digest_after=settings.digest_after if is_storm else None,
        )
        self._outbox = outbox.added(self._outbox, made)
        self._items = [kept for item in self._items if (kept := _told(item, severity, found))]
        if not found.firing:
            return
        told = grouping.last_tick(group, settings, self._now)
        after = group.model_copy(update={"changed": None, "told": wire_time(told)})
        self._groups.append(after)
        rest = grouping.members(self._items, severity)
        if (again := grouping.due(after, rest, storm, settings)) is not None:
            self._wakes.append(again)


def _told(item: Alert, severity: Severity, found: Members) -> Alert | None:
    """The alert after the message of `severity` was written; None if nothing is left to say."""
    if item in found.passed:
        return None
    told = [other for other in item.told or () if other is not severity]
    if item in found.firing:
        told.append(severity)
    elif item not in found.gone:
        return item
    if item.state is AlertState.RESOLVED and not told:
        return None
    return item.model_copy(update={"told": told or None})


def _transitions(before: Sequence[Alert], after: Sequence[Alert]) -> list[Transition]:
    """Changes of state between two looks, in the order of the alerts."""
    known = {(item.rule, item.target): item for item in before}
    left = dict(known)
    found = []
    for item in after:
        old = left.pop((item.rule, item.target), None)
        if old is None or old.state is not item.state:
            found.append(Transition(item, item.state))
    return found + [Transition(item, None) for item in left.values()]


def _without_passed(alerts: AlertsStatus, settings: Grouping, now: datetime) -> AlertsStatus:
    """Without what came and went before a tick that nobody looked at: its group is over."""
    items, groups = list(alerts.items), []
    for group in alerts.groups:
        found = grouping.members(items, group.severity)
        if found.passed and not found.need_update:
            over = [i for i in found.passed if grouping.has_passed(i, group, settings, now)]
            items = [item for item in items if item not in over]
        if grouping.members(items, group.severity).any:
            groups.append(group)
    return alerts.model_copy(update={"items": items, "groups": groups})


def _sane(alerts: AlertsStatus, now: datetime) -> AlertsStatus:
    """Nothing has begun later than now: the clock was put back."""
    parts: dict[str, Any] = {
        "items": [_clamped(item, ("since", "good_since", "ended"), now) for item in alerts.items],
        "groups": [_clamped(group, ("since", "changed", "told"), now) for group in alerts.groups],
        "storms": [_clamped(storm, ("since",), now) for storm in alerts.storms],
    }
    return alerts.model_copy(update=parts)


def _clamped(part: _Part, names: Sequence[str], now: datetime) -> _Part:
    late = {
        name: wire_time(now)
        for name in names
        if (text := getattr(part, name)) is not None and read_time(text) > now
    }
    return part.model_copy(update=late) if late else part
