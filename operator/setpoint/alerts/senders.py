"""How a word on a group is said to each receiver: one try, with what follows from its outcome."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from setpoint.alerts import http, message, payload
from setpoint.alerts.http import Answer
from setpoint.alerts.lane import Job
from setpoint.alerts.routes import ALERTMANAGER, Route, Routes
from setpoint.alerts.slack import GONE, Slack, placed
from setpoint.alerts.turns import Turns
from setpoint.api.alerts import EntryStatus, MessageRef
from setpoint.engine.conditions import read_time

LIFETIME = timedelta(minutes=4)
"""A firing alert ends in Alertmanager by itself when it was not sent again for so long."""

_LOOK_BACK = timedelta(minutes=15)
"""A word's time is of the clock of the process that wrote it, a message's is of Slack's."""


class SlackSender:
    """One message a group, updated in place; what is new is told in its thread.

    What may have been taken already (an earlier process was killed, an answer was lost) is looked
    for before it is said again, where the token's scopes allow it; where they do not, words go one
    after the other.
    """

    def __init__(self, slack: Slack, routes: Routes, started: Callable[[], datetime]) -> None:
        self._slack = slack
        self._routes = routes
        self._started = started
        self.turns = Turns()
        self._places: dict[str, MessageRef] = {}
        self._updates_from: dict[tuple[object, ...], float] = {}

    async def send(self, job: Job) -> Answer:
        """One try; `job` tells afterwards how far it came. Raises Failure."""
        route = job.route
        if route.channel is None:
            url, _ = await self._routes.url(route)
            return await self._slack.webhook(url, message.render(job.entry, job.subject))
        token = await self._routes.token(route)
        if job.in_thread and job.at is not None:
            return await self._reply(token, job, job.at)
        known = self._places.get(job.entry.incident) or job.at or job.entry.message
        if known is not None and known.channel == route.channel:
            answer = await self._update(token, job, known)
            if answer.refused not in GONE:
                return self._place(job, known, answer, is_new=False)
            self._places.pop(job.entry.incident, None)
        elif self._is_doubtful(job):
            found = await self._find(token, job, job.entry.incident, job.entry.since)
            if found.passing is not None:
                return found
            if found.ok and (at := placed(found, route.channel)) is not None:
                return self._place(job, at, await self._update(token, job, at), is_new=True)
        made = message.render(job.entry, job.subject)
        channel, mark = route.channel, job.entry.incident
        answer = await self._in_turn(
            token, job, lambda: self._slack.post(token, channel, made, mark)
        )
        return self._place(job, placed(answer, channel), answer, is_new=True)

    def forget(self, incident: str) -> None:
        """The incident is over."""
        self._places.pop(incident, None)

    def _place(self, job: Job, at: MessageRef | None, answer: Answer, *, is_new: bool) -> Answer:
        if answer.ok and at is not None:
            job.at = self._places[job.entry.incident] = at
            job.in_thread = not is_new
        return answer

    async def _update(self, token: str, job: Job, at: MessageRef) -> Answer:
        """chat.update has a limit of its own, which must not hold up the channel's posts."""
        loop, whose = asyncio.get_running_loop(), (job.route.namespace, job.route.secret)
        if (wait := self._updates_from.get(whose, 0.0) - loop.time()) > 0:
            job.not_before = loop.time() + wait
            return Answer(passing="rate_limited")
        made = message.render(job.entry, job.subject)
        answer = await self._slack.update(token, at, made, job.entry.incident)
        if answer.passing == "rate_limited":
            self._updates_from[whose] = loop.time() + (answer.retry_after or 1.0)
            job.not_before = self._updates_from[whose]
        return answer

    async def _reply(self, token: str, job: Job, at: MessageRef) -> Answer:
        entry = job.entry
        if self._is_doubtful(job):
            found = await self._find(token, job, entry.id, entry.time, thread=at.ts)
            if found.passing is not None:
                return found
            if found.ok and found.data is not None:
                job.in_thread = False
                return Answer(ok=True)
        line = message.thread_line(entry)
        is_for_all = entry.repeated or entry.status is EntryStatus.ESCALATED
        answer = await self._in_turn(
            token,
            job,
            lambda: self._slack.reply(token, at, line, entry.id, broadcast=is_for_all),
        )
        if answer.ok or answer.refused in GONE:
            job.in_thread = False
            return Answer(ok=True)
        return answer

    async def _in_turn(self, token: str, job: Job, call: Callable[[], Awaitable[Answer]]) -> Answer:
        if await self._slack.may_look(token):
            return await call()
        await self.turns.take(job.key, job.entry.id)
        answer = await call()
        if not answer.ok:
            self.turns.give_back(job.key, job.entry.id)
        return answer

    def _is_doubtful(self, job: Job) -> bool:
        # The time alone would not do: another process's clock may have been ahead.
        return job.unsure or job.inherited or read_time(job.entry.time) <= self._started()

    async def _find(
        self, token: str, job: Job, mark: str, since: str, thread: str | None = None
    ) -> Answer:
        begin = (read_time(since) - _LOOK_BACK).timestamp()
        channel = job.route.channel or ""
        return await self._slack.find(token, channel, mark, since=begin, thread=thread)


class HTTPSender:
    """The user's own webhook, and Alertmanager's API v2. Both can tell a word said twice."""

    def __init__(self, client: http.Client, routes: Routes, now: Callable[[], datetime]) -> None:
        self._client = client
        self._routes = routes
        self._now = now

    async def send(self, job: Job) -> Answer:
        """One try. Raises Failure."""
        if job.route.receiver == ALERTMANAGER:
            said = payload.alertmanager(
                job.entry.alerts, job.entry.severity, job.subject, self._now(), LIFETIME
            )
            return await self.alertmanager(job.route, said)
        url, token = await self._routes.url(job.route)
        headers = {"Idempotency-Key": job.entry.id, **_bearer(token)}
        return await http.post(
            self._client(), url, payload.webhook(job.entry, job.subject), headers
        )

    async def alertmanager(self, route: Route, alerts: list[dict[str, object]]) -> Answer:
        """POST /api/v2/alerts. Raises Failure."""
        url, token = await self._routes.url(route)
        at = f"{url.rstrip('/').removesuffix('/api/v2/alerts')}/api/v2/alerts"
        return await http.post(self._client(), at, alerts, _bearer(token))


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
