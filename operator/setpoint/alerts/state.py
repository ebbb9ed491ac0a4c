"""Each alert on its way: inactive → pending → firing → resolved. Pure.

Whatever decides is in status, so that a restart changes nothing, but for one thing: which of the
last looks were breaches (M of N) is remembered by the process, and begins anew with the first
breach of a pending alert.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from setpoint.alerts.reading import Name, Reading, Readings
from setpoint.api.alerts import Alert, AlertState
from setpoint.engine.conditions import read_time, wire_time

TREND = 16
"""Values that are kept for the trend."""


@dataclass(frozen=True)
class Memory:
    """What the process remembers of the last looks, by alert: breaches, values, newest reading."""

    breaches: Mapping[Name, Sequence[bool]] = field(default_factory=dict)
    trends: Mapping[Name, Sequence[float]] = field(default_factory=dict)
    readings: Readings = field(default_factory=dict)


def remember(memory: Memory, items: Sequence[Alert], readings: Readings) -> Memory:
    """The memory with what a look brought; no data is no value, and changes nothing."""
    trends, newest = dict(memory.trends), dict(memory.readings)
    for name, reading in readings.items():
        if reading.number is not None:
            trends[name] = (*trends.get(name, ()), reading.number)[-TREND:]
        if reading.breached is not None and not reading.gone:
            newest[name] = reading
    # Of single objects only those that matter now, or the memory would grow with every finding.
    known = {(item.rule, item.target) for item in items} | set(readings)
    return Memory(
        memory.breaches,
        {name: values for name, values in trends.items() if not name[1] or name in known},
        {name: value for name, value in newest.items() if not name[1] or name in known},
    )


def advance(
    items: Sequence[Alert], readings: Readings, memory: Memory, now: datetime
) -> tuple[list[Alert], Memory]:
    """The alerts after a look, in their order with new ones last, and the memory."""
    breaches = dict(memory.breaches)
    after: list[Alert] = []
    known = {(item.rule, item.target): item for item in items}
    for name in dict.fromkeys([*known, *readings]):
        item, reading = known.get(name), readings.get(name)
        if reading is None or (reading.breached is None and not reading.gone):
            moved = item
        elif item is not None and item.state is AlertState.FIRING:
            moved = _firing(item, reading, now)
            breaches.pop(name, None)
        else:
            seen = _seen(breaches.get(name), item, reading)
            breaches[name] = seen
            moved = _not_firing(item, reading, seen, now)
            if not any(seen):
                del breaches[name]
        if moved is not None:
            after.append(moved)
    return after, Memory(breaches, memory.trends, memory.readings)


def _seen(before: Sequence[bool] | None, item: Alert | None, reading: Reading) -> Sequence[bool]:
    """The last `of` looks, this one included. A pending alert had a breach, whatever is known."""
    if before is None:
        is_pending = item is not None and item.state is AlertState.PENDING
        before = (True,) if is_pending else ()
    return (*before, reading.breached is True)[-reading.settings.of :]


def _not_firing(
    item: Alert | None, reading: Reading, seen: Sequence[bool], now: datetime
) -> Alert | None:
    """Of an alert that is inactive, pending, or resolved and not told yet."""
    is_pending = item is not None and item.state is AlertState.PENDING
    if reading.gone or not any(seen):
        return _back(item) if is_pending else item
    if not is_pending:
        if not reading.breached:
            return item
        item = _begin(item, reading, now)
    if item is None:
        return None
    settings = reading.settings
    is_long_enough = now - read_time(item.since) >= settings.for_
    if reading.breached and sum(seen) >= settings.breaches and is_long_enough:
        return item.model_copy(
            update={
                "state": AlertState.FIRING,
                "severity": reading.severity,
                "value": reading.value[:64],
                "threshold": reading.threshold[:64],
                "ended": None,
            }
        )
    return item


def _firing(item: Alert, reading: Reading, now: datetime) -> Alert | None:
    if reading.holds and not reading.gone:
        severity = reading.severity if reading.breached else item.severity
        if item.good_since is None and item.severity is severity:
            return item
        return item.model_copy(update={"good_since": None, "severity": severity})
    since = now if item.good_since is None else read_time(item.good_since)
    if not reading.gone and now - since < reading.settings.keep_firing_for:
        return item.model_copy(update={"good_since": wire_time(since)})
    if item.suppressed_by and not item.told:  # nobody knew of it
        return None
    return item.model_copy(
        update={
            "state": AlertState.RESOLVED,
            "good_since": None,
            "suppressed_by": None,
            "ended": wire_time(now),
        }
    )


def _begin(item: Alert | None, reading: Reading, now: datetime) -> Alert:
    """Pending; what was told of an earlier round of it is still to be taken back."""
    return Alert(
        rule=reading.rule,
        target=reading.target,
        severity=reading.severity,
        state=AlertState.PENDING,
        value=reading.value[:64],
        threshold=reading.threshold[:64],
        since=wire_time(now),
        ended=item.ended if item else None,
        told=item.told if item else None,
    )


def _back(item: Alert | None) -> Alert | None:
    """A pending alert that does not fire: inactive, or resolved if it was told before."""
    if item is None or not item.told:
        return None
    return item.model_copy(update={"state": AlertState.RESOLVED})
