"""Sends the outboxes of all resources: one queue a channel, Slack's limits obeyed, nothing lost.

It never holds up a reconcile: `submit` returns at once, and what became of an entry is fetched
with `take` at the resource's next pass.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from prometheus_client import Counter, Gauge

from setpoint.alerts.delivery import Delivery
from setpoint.alerts.message import Message, Subject, render
from setpoint.alerts.slack import Sent, SlackSender
from setpoint.api.alerts import (
    Alerts,
    AlertsStatus,
    EntryStatus,
    MessageRef,
    OutboxEntry,
    SlackTarget,
)
from setpoint.config import Config
from setpoint.engine.failure import Failure
from setpoint.engine.model import Key
from setpoint.trust import secrets as trust_secrets
from setpoint.trust.grants import Grants
from setpoint.trust.network import Network
from setpoint.trust.secrets import SecretReader

log = structlog.get_logger()

NOTIFICATIONS = Counter(
    "setpoint_notifications_total", "Tries to send a notification.", ("result",)
)
DEPTH = Gauge("setpoint_notification_queue_depth", "Notifications that wait to be sent.")

_RETRY_BASE, _RETRY_CEILING = 1.0, 60.0
_REFUSED_SECONDS = 300.0


@dataclass
class _Job:
    """One entry on its way."""

    key: Key
    subject: Subject
    target: SlackTarget | None
    entry: OutboxEntry

    @property
    def lane(self) -> str:
        """Entries of one lane are sent one after the other, a second apart."""
        if self.target is not None and self.target.channel:
            return self.target.channel
        if self.target is not None and self.target.webhook_secret_ref:
            ref = self.target.webhook_secret_ref
            return f"webhook/{self.key.namespace}/{ref.name}/{ref.key}"
        return f"default/{self.key.namespace}"


class Notifier:
    """Implements the engine's Outbox."""

    def __init__(
        self,
        secrets: SecretReader,
        grants: Grants,
        network: Network,
        config: Callable[[], Config],
        on_delivered: Callable[[Key], None],
        min_interval: float = 1.0,
    ) -> None:
        self._secrets = secrets
        self._grants = grants
        self._config = config
        self._sender = SlackSender(config, network)
        self._on_delivered = on_delivered
        self._min_interval = min_interval
        self._lanes: dict[str, deque[_Job]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._done: dict[Key, list[Delivery]] = {}
        self._in_flight: set[tuple[Key, str]] = set()
        self._refused_until: dict[tuple[Key, str], float] = {}
        self._posted: dict[str, MessageRef] = {}

    def submit(self, key: Key, kind_name: str, spec: Alerts, alerts: AlertsStatus) -> None:
        """Send the entries of the outbox that are not on their way yet."""
        now = asyncio.get_running_loop().time()
        subject = Subject(kind_name, key.plural, key.namespace, key.name)
        for entry in alerts.outbox:
            name = (key, entry.id)
            if name in self._in_flight or self._refused_until.get(name, now) > now:
                continue
            self._refused_until.pop(name, None)
            self._in_flight.add(name)
            self._enqueue(_Job(key, subject, spec.slack, entry))

    def take(self, key: Key) -> list[Delivery]:
        """What was delivered or refused since the last call.

        Until then an entry counts as on its way: status may still have it.
        """
        done = self._done.pop(key, [])
        self._in_flight -= {(key, delivery.entry_id) for delivery in done}
        return done

    async def run(self) -> None:
        """Keep the senders alive until cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _enqueue(self, job: _Job) -> None:
        self._lanes.setdefault(job.lane, deque()).append(job)
        DEPTH.inc()
        if job.lane not in self._tasks:
            self._tasks[job.lane] = asyncio.create_task(self._drain(job.lane))

    async def _drain(self, lane: str) -> None:
        """Send what is queued for a channel; ends when nothing is left."""
        jobs = self._lanes[lane]
        while jobs:
            job = jobs.popleft()
            DEPTH.dec()
            try:
                delivery = await self._deliver(job)
            except Exception:
                log.exception("notification failed unexpectedly", key=str(job.key))
                delivery = _delivery(job, error="setpoint failed unexpectedly")
            self._finish(job, delivery)
            await asyncio.sleep(self._min_interval)
        del self._lanes[lane], self._tasks[lane]

    async def _deliver(self, job: _Job) -> Delivery:
        """Try until it is delivered or refused for good."""
        message = render(job.entry, job.subject)
        delay = _RETRY_BASE
        while True:
            try:
                sent = await self._send(job, message)
            except Failure as failure:
                return _delivery(job, error=failure.message)
            if sent is None:  # nobody asked for it
                return _delivery(job)
            if sent.ok:
                return _delivery(job, _ref(sent))
            if sent.refused is not None:
                return _delivery(job, error=_REFUSED.format(code=sent.refused))
            NOTIFICATIONS.labels("retried").inc()
            await asyncio.sleep(max(sent.retry_after or delay, self._min_interval))
            delay = min(delay * 2, _RETRY_CEILING)

    async def _send(self, job: _Job, message: Message) -> Sent | None:
        target, namespace = job.target, job.key.namespace
        if target is not None and target.webhook_secret_ref is not None:
            ref = target.webhook_secret_ref
            url = await self._read(namespace, ref.name, ref.key)
            return await self._sender.webhook(url, message)
        if target is not None and target.token_secret_ref is not None:
            ref = target.token_secret_ref
            token, channel = await self._read(namespace, ref.name, ref.key), target.channel or ""
        else:
            wanted = target.channel if target is not None else None
            granted = self._grants.channel(namespace, wanted)
            file = self._config().slack.token_file
            if granted is None or file is None:
                return None
            token, channel = file.read_text(encoding="utf-8").strip(), granted
        known = self._posted.get(job.entry.incident, job.entry.message)
        if known is not None:
            return await self._sender.update(token, known.channel, known.ts, message)
        return await self._sender.post(token, channel, message)

    async def _read(self, namespace: str, name: str, key: str) -> str:
        return trust_secrets.value(await self._secrets.read(namespace, name), name, key)

    def _finish(self, job: _Job, delivery: Delivery) -> None:
        name = (job.key, job.entry.id)
        if delivery.error is None:
            NOTIFICATIONS.labels("sent").inc()
            self._remember(job, delivery)
        else:
            NOTIFICATIONS.labels("refused").inc()
            self._refused_until[name] = asyncio.get_running_loop().time() + _REFUSED_SECONDS
        log.info(
            "notification",
            key=str(job.key),
            alerts=[alert.rule for alert in job.entry.alerts],
            error=delivery.error,
        )
        self._done.setdefault(job.key, []).append(delivery)
        self._on_delivered(job.key)

    def _remember(self, job: _Job, delivery: Delivery) -> None:
        """The message that a later entry of the same incident updates."""
        if job.entry.status is EntryStatus.RESOLVED:
            self._posted.pop(job.entry.incident, None)
        elif delivery.message is not None:
            self._posted[job.entry.incident] = delivery.message


_REFUSED = "Slack refused the message ({code}): check the channel, the token and its membership"


def _delivery(job: _Job, message: MessageRef | None = None, error: str | None = None) -> Delivery:
    return Delivery(job.entry.id, job.entry.incident, message=message, error=error)


def _ref(sent: Sent) -> MessageRef | None:
    if sent.channel is None or sent.ts is None:
        return None
    return MessageRef(channel=sent.channel, ts=sent.ts)
