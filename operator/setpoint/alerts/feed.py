"""Alertmanager is told again and again what fires, and for a while that it ended: its API wants it.

An alert that is not sent again ends there by itself; an end that it missed is told for five
minutes (Alertmanager's documentation of its clients' duties).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from setpoint.alerts import payload
from setpoint.alerts.http import Answer
from setpoint.alerts.message import Subject
from setpoint.alerts.metrics import FAILED, SENT
from setpoint.alerts.routes import Route
from setpoint.alerts.senders import LIFETIME, HTTPSender
from setpoint.api.alerts import Alert, AlertState, EntryStatus, OutboxAlert
from setpoint.api.findings import Severity
from setpoint.engine.conditions import wire_time
from setpoint.engine.failure import Failure
from setpoint.engine.model import Key

EVERY_SECONDS = 60.0
_ENDS_TOLD_SECONDS = 300.0

_Name = tuple[Severity, str, str]


@dataclass
class _Resource:
    route: Route
    subject: Subject
    firing: dict[_Name, OutboxAlert]
    ended: dict[_Name, tuple[float, OutboxAlert]] = field(default_factory=dict)


class Feed:
    """What Alertmanagers were told, by resource; in memory, as status has what fires."""

    def __init__(self, sender: HTTPSender, now: Callable[[], datetime], every: float) -> None:
        self._sender = sender
        self._now = now
        self._every = every
        self._resources: dict[Key, _Resource] = {}

    def take_over(
        self, key: Key, subject: Subject, route: Route | None, alerts: Sequence[Alert]
    ) -> None:
        """The resource's alerts as they are now."""
        if route is None:
            self._resources.pop(key, None)
            return
        time = asyncio.get_running_loop().time()
        firing = {
            (alert.severity, alert.rule, alert.target): _said(alert)
            for alert in alerts
            if alert.state is AlertState.FIRING and alert.told and alert.suppressed_by is None
        }
        before = self._resources.get(key)
        ended = dict(before.ended) if before else {}
        for name, alert in (before.firing if before else {}).items():
            over = {"state": EntryStatus.RESOLVED, "ended": wire_time(self._now())}
            ended.setdefault(name, (time, alert.model_copy(update=over)))
        left = {name: pair for name, pair in ended.items() if name not in firing}
        if firing or left:
            self._resources[key] = _Resource(route, subject, firing, left)

    async def run(self) -> None:
        """Tell again until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            lanes: dict[str, list[_Resource]] = {}
            for resource in self._resources.values():
                lanes.setdefault(resource.route.lane, []).append(resource)
            await asyncio.gather(*map(self._tell, lanes.values()))
            self._expire()

    async def _tell(self, resources: Sequence[_Resource]) -> None:
        """One Alertmanager's share; one that does not answer is left alone until the next time."""
        for resource in resources:
            said: list[dict[str, object]] = []
            for name, alert in (
                *resource.firing.items(),
                *((name, alert) for name, (_, alert) in resource.ended.items()),
            ):
                said += payload.alertmanager(
                    [alert], name[0], resource.subject, self._now(), LIFETIME
                )
            try:
                answer = await self._sender.alertmanager(resource.route, said)
            except Failure as failure:
                answer = Answer(refused=str(failure.reason))
            if answer.ok:
                SENT.labels(resource.route.receiver).inc()
                continue
            why = answer.refused or answer.passing or "unknown"
            FAILED.labels(resource.route.receiver, why).inc()
            if answer.passing:
                return

    def _expire(self) -> None:
        begin = asyncio.get_running_loop().time() - _ENDS_TOLD_SECONDS
        for key, resource in list(self._resources.items()):
            ended = {n: pair for n, pair in resource.ended.items() if pair[0] >= begin}
            resource.ended = ended
            if not resource.firing and not ended:
                del self._resources[key]


def _said(alert: Alert) -> OutboxAlert:
    return OutboxAlert(
        fingerprint="",
        rule=alert.rule,
        target=alert.target,
        state=EntryStatus.FIRING,
        value=alert.value,
        threshold=alert.threshold,
        since=alert.since,
    )
