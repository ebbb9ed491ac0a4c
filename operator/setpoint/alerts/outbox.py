"""The words on a group, as they are written down before they are sent. Pure."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from setpoint.alerts.grouping import Members
from setpoint.alerts.reading import fingerprint, sentence
from setpoint.alerts.state import Memory
from setpoint.api.alerts import (
    Alert,
    AlertGroup,
    AlertState,
    EntryStatus,
    OutboxAlert,
    OutboxEntry,
    RuleCount,
)
from setpoint.api.findings import Severity

BUDGET = 6 * 1024
"""Bytes of status that the outbox may take."""

_LISTED = 40


@dataclass(frozen=True)
class Context:
    """What a message says beside the alerts: the resource's uid, what setpoint did and would do."""

    uid: str
    did: str = ""
    would: str = ""


def entry(
    group: AlertGroup,
    found: Members,
    memory: Memory,
    context: Context,
    now: str,
    *,
    digest_after: int | None,
) -> OutboxEntry:
    """The newest word on a group. `digest_after`: how many alerts a digest lists; None: it is
    none."""
    say = _Saying(group.severity, memory, context.uid)
    over = [*found.gone, *found.passed]
    alerts = [say.alert(item) for item in sorted(found.firing, key=_order)]
    alerts += [say.alert(item, is_over=True) for item in sorted(over, key=_order)]
    listed = alerts if digest_after is None else alerts[:digest_after]
    made = OutboxEntry(
        id="",
        incident=group.incident,
        uid=context.uid,
        severity=group.severity,
        status=_status(group.severity, found, is_digest=digest_after is not None),
        repeated=not found.need_update,
        time=now,
        since=group.since,
        summary=_summary(alerts),
        alerts=listed[:_LISTED],
        others=_counts([*listed[_LISTED:], *alerts[len(listed) :]]),
        did=context.did[:256],
        would=context.would[:256],
        message=group.message,
    )
    return _named(made)


def added(outbox: Sequence[OutboxEntry], new: OutboxEntry) -> list[OutboxEntry]:
    """The outbox with a newer word, within the budget.

    A word on the same incident that nobody has read yet is taken into the newer one: what it said
    of alerts of which the newer one says nothing any more, and that one was escalated.
    """
    before = next((old for old in outbox if old.incident == new.incident), None)
    others = [old for old in outbox if old.incident != new.incident]
    merged = new if before is None else _merged(before, new)
    return fit([*others, merged])


def fit(outbox: Sequence[OutboxEntry], budget: int = BUDGET) -> list[OutboxEntry]:
    """The same entries in at most `budget` bytes: with fewer words, then with alerts that are
    counted instead of listed; no entry is dropped."""
    fitted = list(outbox)
    for shorten in (_without_trends, _terse):
        if _size(fitted) <= budget:
            return fitted
        fitted = [shorten(item) for item in fitted]
    share = budget // max(len(fitted), 1)
    return fitted if _size(fitted) <= budget else [_within(item, share) for item in fitted]


class _Saying:
    """Alerts as the message of one severity says them."""

    def __init__(self, severity: Severity, memory: Memory, uid: str) -> None:
        self._severity = severity
        self._memory = memory
        self._uid = uid

    def alert(self, item: Alert, *, is_over: bool = False) -> OutboxAlert:
        name = (item.rule, item.target)
        reading = self._memory.readings.get(name)
        trend = self._memory.trends.get(name, ())
        return OutboxAlert(
            fingerprint=fingerprint(self._uid, name),
            rule=item.rule,
            target=item.target,
            state=self._state(item) if is_over else EntryStatus.FIRING,
            value=(reading.value if reading else item.value)[:64],
            threshold=(reading.threshold if reading else item.threshold)[:64],
            unit=reading.unit if reading else "",
            since=item.since,
            ended=item.ended if is_over else None,
            trend=" ".join(f"{value:.4g}" for value in trend)[:160] if len(trend) > 1 else "",
            summary=((reading.summary if reading else "") or _plain(item))[:256],
        )

    def _state(self, item: Alert) -> EntryStatus:
        goes_on = item.state is AlertState.FIRING and item.severity.rank < self._severity.rank
        return EntryStatus.ESCALATED if goes_on else EntryStatus.RESOLVED


def _plain(item: Alert) -> str:
    """An alert in words, where the process has not seen it itself since it was started."""
    if item.threshold:
        return sentence(item.rule, item.value, item.threshold)
    where = f" of {item.target}" if item.target else ""
    return f"{item.rule}{where}: {item.value}"


def _order(item: Alert) -> tuple[int, str, str]:
    return item.severity.rank, item.rule, item.target


def _status(severity: Severity, found: Members, *, is_digest: bool) -> EntryStatus:
    if not found.firing:
        return EntryStatus.RESOLVED
    if any(lower.rank > severity.rank for item in found.news for lower in item.told or ()):
        return EntryStatus.ESCALATED
    return EntryStatus.DIGEST if is_digest else EntryStatus.FIRING


def _summary(alerts: Sequence[OutboxAlert]) -> str:
    first = alerts[0]
    more = len(alerts) - 1
    text = first.summary or first.rule
    return f"{text[: 256 - 20]} and {more} more" if more else text[:256]


def _counts(alerts: Sequence[OutboxAlert]) -> list[RuleCount]:
    counts = Counter(alert.rule for alert in alerts)
    return [RuleCount(rule=rule, count=number) for rule, number in sorted(counts.items())]


def _merged(before: OutboxEntry, new: OutboxEntry) -> OutboxEntry:
    """The newer word, with what the older one says of alerts that the newer one leaves out.

    Those are over: what fires stands in every word on its group.
    """
    said = {alert.fingerprint for alert in new.alerts}
    missing = [
        alert
        for alert in before.alerts
        if alert.fingerprint not in said
        # a digest may count what it does not list
        and not (new.others and alert.state is EntryStatus.FIRING)
    ]
    kept = [
        alert
        if alert.state is not EntryStatus.FIRING
        else alert.model_copy(update={"state": EntryStatus.RESOLVED, "ended": new.time})
        for alert in missing
    ]
    alerts = [*new.alerts, *kept]
    was_escalated = before.status is EntryStatus.ESCALATED
    goes_on = new.status is not EntryStatus.RESOLVED
    counts = Counter({item.rule: item.count for item in new.others}) + _left(before, new)
    counts.update(alert.rule for alert in alerts[_LISTED:])
    return _named(
        new.model_copy(
            update={
                "alerts": alerts[:_LISTED],
                "others": [RuleCount(rule=r, count=n) for r, n in sorted(counts.items())],
                "status": EntryStatus.ESCALATED if was_escalated and goes_on else new.status,
                "repeated": new.repeated and before.repeated,
                "message": new.message or before.message,
            }
        )
    )


def _left(before: OutboxEntry, new: OutboxEntry) -> Counter[str]:
    """Alerts that the older word counts and the newer one does not speak of, by rule: those that it
    lists for the first time, or counts, may be the same ones."""
    listed = {alert.fingerprint for alert in before.alerts}
    again = Counter(alert.rule for alert in new.alerts if alert.fingerprint not in listed)
    again.update({item.rule: item.count for item in new.others})
    return Counter({item.rule: item.count for item in before.others}) - again


def _named(made: OutboxEntry) -> OutboxEntry:
    """With an id over the content; where the message stands is no content."""
    content = made.model_copy(update={"id": "", "message": None, "sent": []}).model_dump_json()
    name = hashlib.sha256(content.encode()).hexdigest()[:16]
    return made.model_copy(update={"id": name})


def _size(outbox: Sequence[OutboxEntry]) -> int:
    return sum(len(item.model_dump_json(by_alias=True).encode()) for item in outbox)


def _each(item: OutboxEntry, change: Callable[[OutboxAlert], OutboxAlert]) -> OutboxEntry:
    return item.model_copy(update={"alerts": [change(alert) for alert in item.alerts]})


def _without_trends(item: OutboxEntry) -> OutboxEntry:
    return _each(item, lambda alert: alert.model_copy(update={"trend": ""}))


def _terse(item: OutboxEntry) -> OutboxEntry:
    short = _each(item, lambda alert: alert.model_copy(update={"summary": ""}))
    return short.model_copy(update={"did": short.did[:80], "would": short.would[:80]})


def _within(item: OutboxEntry, budget: int) -> OutboxEntry:
    kept = list(item.alerts)
    while len(kept) > 1 and _size([_counted(item, kept)]) > budget:
        kept.pop()
    return _counted(item, kept)


def _counted(item: OutboxEntry, kept: Sequence[OutboxAlert]) -> OutboxEntry:
    counts = Counter({other.rule: other.count for other in item.others})
    counts.update(alert.rule for alert in item.alerts[len(kept) :])
    others = [RuleCount(rule=rule, count=number) for rule, number in sorted(counts.items())]
    is_firing = item.status is EntryStatus.FIRING
    status = EntryStatus.DIGEST if is_firing and others else item.status
    return item.model_copy(update={"alerts": kept, "others": others, "status": status})
