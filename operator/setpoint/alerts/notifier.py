"""Sends the outboxes of all resources: a queue for each channel, its limits obeyed, nothing lost.

It never holds up a reconcile: `submit` returns at once, and what became of an entry is fetched
with `take` at the resource's next pass. Status has every entry until it is known to be delivered,
so a killed process loses nothing: its successor is handed the same entries again.
"""

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import structlog

from setpoint.alerts import http
from setpoint.alerts.delivery import Delivery
from setpoint.alerts.feed import EVERY_SECONDS, Feed
from setpoint.alerts.http import Answer
from setpoint.alerts.lane import Job, Lane, Step
from setpoint.alerts.message import Subject
from setpoint.alerts.metrics import DEPTH, FAILED, OLDEST, SENT
from setpoint.alerts.routes import ALERTMANAGER, SLACK, WEBHOOK, Route, Routes
from setpoint.alerts.senders import HTTPSender, SlackSender
from setpoint.alerts.slack import Slack
from setpoint.api.alerts import Alerts, AlertsStatus, EntryStatus, OutboxEntry
from setpoint.config import Config
from setpoint.engine.failure import Failure, Help
from setpoint.engine.fence import ALONE, Fence
from setpoint.engine.model import Key
from setpoint.trust.grants import Grants
from setpoint.trust.network import Network
from setpoint.trust.secrets import SecretReader

log = structlog.get_logger()

_KEPT_SECONDS = 600.0
_LAST_SECONDS = 5.0


@dataclass(frozen=True)
class Pace:
    """Seconds. `channel`: between two messages in Slack (its limit). `refused`: until what was
    refused for good is tried again. `feed`: between two rounds of what fires to Alertmanagers.
    `answer`: for which an answer is waited for."""

    channel: float = 1.0
    refused: float = 60.0
    feed: float = EVERY_SECONDS
    answer: float = http.TIMEOUT_SECONDS


@dataclass
class _Word:
    """What this process knows of an entry of the outbox: who has to get it, who has it, who
    refused it (until when, and what was said), and what `take` has not given yet."""

    entry: OutboxEntry
    wanted: frozenset[str]
    has: set[str] = field(default_factory=set)
    refused: dict[str, tuple[float, Route, str]] = field(default_factory=dict)
    untold: list[Delivery] = field(default_factory=list)


class Notifier:
    """Implements the engine's Outbox."""

    def __init__(
        self,
        secrets: SecretReader,
        grants: Grants,
        network: Network,
        config: Callable[[], Config],
        on_delivered: Callable[[Key], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pace: Pace = Pace(),
        fence: Fence = ALONE,
    ) -> None:
        self._network = network
        self._fence = fence
        self._on_delivered = on_delivered
        self._now = now
        self._pace = pace
        self._routes = Routes(secrets, grants, config)
        self._started = now()
        self._started_at: float | None = None
        self._session: aiohttp.ClientSession | None = None
        self._slack = SlackSender(Slack(config, self._client), self._routes, lambda: self._started)
        self._http = HTTPSender(self._client, self._routes, now)
        self._feed = Feed(self._http, now, pace.feed)
        self._lanes: dict[str, Lane] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._words: dict[Key, dict[str, _Word]] = {}
        self._inherited: dict[Key, frozenset[str]] = {}  # incidents

    def submit(self, key: Key, kind_name: str, spec: Alerts, alerts: AlertsStatus) -> None:
        """Take over the newest alerts: send the entries of the outbox not on their way yet."""
        subject = Subject(kind_name, key.plural, key.namespace, key.name)
        routes = {route.receiver: route for route in self._routes.of(key.namespace, spec)}
        self._feed.take_over(key, subject, routes.get(ALERTMANAGER), alerts.items)
        self._drop_overtaken(key, alerts)
        self._slack.turns.written(key, {entry.id for entry in alerts.outbox})
        for entry in alerts.outbox:
            word = self._word(key, entry, frozenset(routes))
            if not word.wanted - word.has:
                self._tell(key, word, Delivery(entry.id, entry.incident))
            for name in word.wanted - word.has:
                self._enqueue(key, subject, routes[name], spec, word)

    def take(self, key: Key) -> list[Delivery]:
        """What was delivered or refused since the last call.

        What one receiver refuses is said after what another took, so that it stays to be seen.
        """
        told: list[Delivery] = []
        for word in self._words.get(key, {}).values():
            told += word.untold
            word.untold.clear()
        if told:
            told = [one for one in told if one.error is None] + self._refusals(key)
        return told

    def inherit(self, key: Key, alerts: AlertsStatus) -> None:
        """Entries that another process left in the outbox: it may have sent them already.

        A newer word on such an incident is as doubtful: its message may stand.
        """
        self._inherited[key] = frozenset(entry.incident for entry in alerts.outbox)

    async def run(self) -> None:
        """Keep the senders alive until cancelled."""
        self._started = self._now()
        OLDEST.set_function(self.oldest_seconds)
        for receiver in (SLACK, WEBHOOK, ALERTMANAGER):
            DEPTH.labels(receiver).set_function(functools.partial(self.depth, receiver))
        try:
            await self._feed.run()
        finally:
            await self._end()
            if self._session is not None:
                await self._session.close()

    async def _end(self) -> None:
        """Begin nothing more. What is being sent may arrive: a successor that looked for it before
        it did would send it again."""
        tasks = dict(self._tasks)
        for name, task in tasks.items():
            if not self._lanes[name].end():
                task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks.values(), timeout=_LAST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    def depth(self, receiver: str | None = None) -> int:
        """Messages to one receiver, or to all, that wait to be sent or are being sent; without
        those that were refused for good."""
        return sum(receiver in (None, job.route.receiver) for job in self._jobs())

    def oldest_seconds(self) -> float:
        """For how long the oldest of them has waited."""
        begun = min((job.queued for job in self._jobs()), default=None)
        return 0.0 if begun is None else max(self._now().timestamp() - begun, 0.0)

    def _jobs(self) -> list[Job]:
        jobs = [job for lane in self._lanes.values() for job in (*lane.jobs.values(), lane.sending)]
        return [job for job in jobs if job is not None]

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = http.session(self._network, self._pace.answer, self._fence)
        return self._session

    def _word(self, key: Key, entry: OutboxEntry, wanted: frozenset[str]) -> _Word:
        words = self._words.setdefault(key, {})
        known = words.get(entry.incident)
        if known is None or known.entry.id != entry.id:
            untold = known.untold if known is not None else []
            known = words[entry.incident] = _Word(entry, wanted, set(entry.sent), untold=untold)
        known.wanted = wanted
        return known

    def _drop_overtaken(self, key: Key, alerts: AlertsStatus) -> None:
        """What status no longer has was delivered, and status knows."""
        words, left = self._words.get(key, {}), {entry.incident for entry in alerts.outbox}
        for incident in [one for one, word in words.items() if not word.untold]:
            if incident not in left:
                del words[incident]
        if not words:
            self._words.pop(key, None)
        if not self._inherited.get(key, frozenset()) & left:
            self._inherited.pop(key, None)

    def _enqueue(self, key: Key, subject: Subject, route: Route, spec: Alerts, word: _Word) -> None:
        now = asyncio.get_running_loop().time()
        until, refused, _ = word.refused.get(route.receiver, (0.0, None, ""))
        if refused == route and now < until:
            return
        if route.failure is not None:
            self._refuse(key, route, word, route.failure.message)
            return
        entry = word.entry
        job = Job(key, subject, route, spec, entry, self._now().timestamp(), entry.message)
        job.inherited = entry.incident in self._inherited.get(key, ())
        if not self._is_queued(job):
            self._lane(route).put(job)

    def _is_queued(self, job: Job) -> bool:
        """Whether this very word is on its way; on another way than now wanted, it is taken
        back."""
        for lane in self._lanes.values():
            queued = lane.jobs.get(job.slot)
            if queued is not None and queued.route != job.route:
                del lane.jobs[job.slot]
            elif queued is not None and queued.entry.id == job.entry.id:
                return True
            sending = lane.sending
            if sending is not None and sending.slot == job.slot and sending.route == job.route:
                latest = sending.newer or sending
                if latest.entry.id == job.entry.id:
                    return True
        return False

    def _lane(self, route: Route) -> Lane:
        now = asyncio.get_running_loop().time()
        if self._started_at is None:
            self._started_at = now
        if route.lane not in self._lanes:
            pause = self._pace.channel if route.receiver == SLACK else 0.0
            # A process that was killed a moment ago may have sent something just then.
            self._lanes[route.lane] = Lane(self._send, pause, self._started_at + pause)
        lane = self._lanes[route.lane]
        if route.lane not in self._tasks:
            task = asyncio.create_task(lane.run())
            self._tasks[route.lane] = task
            task.add_done_callback(functools.partial(self._ended, route))
        return lane

    def _ended(self, route: Route, _: asyncio.Task[None]) -> None:
        """The lane is kept for its pause; what came while its task ended begins another one."""
        self._tasks.pop(route.lane, None)
        if self._lanes[route.lane].has_work and not asyncio.get_running_loop().is_closed():
            self._lane(route)

    async def _send(self, job: Job) -> Step:
        receiver = job.route.receiver
        sender = self._slack if receiver == SLACK else self._http
        try:
            answer = await sender.send(job)
        except Failure as failure:
            if failure.help is Help.TIME:
                answer = Answer(passing=str(failure.reason))
            else:
                return self._refused(job, str(failure.reason), failure.message)
        except Exception:
            log.exception("notification failed unexpectedly", key=str(job.key))
            return self._refused(job, "unexpected", "setpoint failed unexpectedly: see its log")
        if answer.passing is not None:
            return self._later(job, answer)
        if answer.refused is not None:
            return self._refused(job, answer.refused, _sentence(receiver, answer.refused))
        SENT.labels(receiver).inc()
        if job.in_thread:
            job.unsure = False
            return Step(done=False)
        self._delivered(job)
        return Step(done=True)

    def _later(self, job: Job, answer: Answer) -> Step:
        FAILED.labels(job.route.receiver, answer.passing).inc()
        job.unsure = job.unsure or answer.unsure
        if job.not_before > asyncio.get_running_loop().time():
            return Step(done=False, spoke=False)
        return Step(done=False, hold=-1.0 if answer.retry_after is None else answer.retry_after)

    def _refused(self, job: Job, reason: str, said: str) -> Step:
        FAILED.labels(job.route.receiver, reason).inc()
        word = self._words.get(job.key, {}).get(job.entry.incident)
        if word is not None and word.entry.id == job.entry.id:
            self._refuse(job.key, job.route, word, said)
        return Step(done=True)

    def _refuse(self, key: Key, route: Route, word: _Word, said: str) -> None:
        until = asyncio.get_running_loop().time() + self._pace.refused
        word.refused[route.receiver] = (until, route, said)
        log.warning("notification refused", key=str(key), receiver=route.receiver, message=said)
        self._tell(key, word, _refusal(word, route.receiver, said))

    def _delivered(self, job: Job) -> None:
        receiver, entry = job.route.receiver, job.entry
        log.info(
            "notification sent",
            key=str(job.key),
            receiver=receiver,
            incident=entry.incident,
            alerts=[alert.rule for alert in entry.alerts],
        )
        if receiver == SLACK and entry.status is EntryStatus.RESOLVED:
            self._slack.forget(entry.incident)
        word = self._words.get(job.key, {}).get(entry.incident)
        if word is None:
            word = self._words.setdefault(job.key, {})[entry.incident] = _Word(entry, frozenset())
        is_newest = word.entry.id == entry.id
        if is_newest:
            word.has.add(receiver)
            word.refused.pop(receiver, None)
        complete = is_newest and not word.wanted - word.has
        made = Delivery(entry.id, entry.incident, receiver, job.at, complete=complete)
        self._tell(job.key, word, made)

    def _tell(self, key: Key, word: _Word, made: Delivery) -> None:
        word.untold.append(made)
        self._on_delivered(key)
        if made.complete:  # of a resource that is gone, nobody asks
            loop = asyncio.get_running_loop()
            loop.call_later(_KEPT_SECONDS, self._forget, key, made.incident, word)

    def _forget(self, key: Key, incident: str, word: _Word) -> None:
        words = self._words.get(key, {})
        if words.get(incident) is word:
            del words[incident]
        if not words:
            self._words.pop(key, None)

    def _refusals(self, key: Key) -> list[Delivery]:
        return [
            _refusal(word, receiver, said)
            for word in self._words.get(key, {}).values()
            for receiver, (_, _, said) in word.refused.items()
        ]


def _refusal(word: _Word, receiver: str, said: str) -> Delivery:
    return Delivery(word.entry.id, word.entry.incident, receiver, error=said[:256], complete=False)


def _sentence(receiver: str, code: str) -> str:
    advice = _ADVICE.get(code, "check the URL, the token and the channel")
    return f"{receiver} refused the message ({code}): {advice}"


_TOKEN = "put a valid bot token into the Secret"  # noqa: S105 - advice
_MEMBER = "invite the app to the channel"
_ADVICE = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_revoked": _TOKEN,
    "token_expired": _TOKEN,
    "account_inactive": _TOKEN,
    "channel_not_found": "check the channel's ID, and invite the app if it is private",
    "not_in_channel": _MEMBER,
    "is_archived": "the channel is archived: name another one",
    "missing_scope": "give the app the scope chat:write",
    "restricted_action": "a workspace rule forbids it: ask its administrators",
    "redirect": "it answers with a redirect, which is not followed: set the final URL",
    "http_404": "nothing takes messages at this URL: put the right one into the Secret",
    "no_service": "the webhook was removed: put a new one into the Secret",
}
