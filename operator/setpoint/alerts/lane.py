"""One queue of messages: one after the other, with a pause between, held back when told to."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from setpoint.alerts.message import Subject
from setpoint.alerts.routes import Route
from setpoint.api.alerts import Alerts, MessageRef, OutboxEntry
from setpoint.engine.model import Key

_RETRY_BASE, _RETRY_CEILING = 1.0, 60.0


@dataclass
class Job:
    """An entry on its way to one receiver.

    `unsure`: it may have been taken already; `inherited`: from an earlier process, too. `at`:
    where the group's message stands. `in_thread`: the message is up to date, the line in its thread
    is not there yet. `newer`: a newer word on the group, which came while this one was being sent.
    """

    key: Key
    subject: Subject
    route: Route
    spec: Alerts
    entry: OutboxEntry
    queued: float
    at: MessageRef | None = None
    unsure: bool = False
    inherited: bool = False
    in_thread: bool = False
    not_before: float = 0.0
    newer: "Job | None" = None

    @property
    def slot(self) -> Hashable:
        """A group has one word on its way to a receiver."""
        return self.key, self.entry.incident, self.route.receiver


@dataclass
class Step:
    """What became of a try. `done`: nothing is left of the job. `spoke`: it counts as a message,
    so a pause follows. `hold`: seconds for which the whole lane waits; negative: as long as
    failures in a row suggest."""

    done: bool
    spoke: bool = True
    hold: float = 0.0


@dataclass
class Lane:
    """`run` sends what is in `jobs` until nothing is left. Times are the loop's."""

    send: Callable[[Job], Awaitable[Step]]
    pause: float
    ready_at: float
    jobs: dict[Hashable, Job] = field(default_factory=dict)
    sending: Job | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _delay: float = _RETRY_BASE
    _ends: bool = False

    def put(self, job: Job) -> None:
        """Queue a job, in the place of the older word on its group if there is one."""
        sending = self.sending
        if sending is not None and sending.slot == job.slot:
            sending.newer = job
            return
        older = self.jobs.get(job.slot)
        if older is not None:
            job.unsure = job.unsure or older.unsure
            job.queued = older.queued
            job.at = job.at or older.at
        self.jobs[job.slot] = job
        self.changed.set()

    async def run(self) -> None:
        """Send until nothing is left."""
        while self.has_work:
            self.changed.clear()
            now = asyncio.get_running_loop().time()
            job = next((job for job in self.jobs.values() if job.not_before <= now), None)
            wait = self.ready_at - now
            if job is None:
                wait = max(wait, min(job.not_before for job in self.jobs.values()) - now)
                await self._sleep(wait)
                continue
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                await self._one(job)

    @property
    def has_work(self) -> bool:
        """Whether there is something that is to be sent."""
        return bool(self.jobs) and not self._ends

    def end(self) -> bool:
        """Send nothing more; tells whether something is being sent, after which `run` returns."""
        self._ends = True
        return self.sending is not None

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until another job comes."""
        try:
            async with asyncio.timeout(seconds):
                await self.changed.wait()
        except TimeoutError:
            return

    async def _one(self, job: Job) -> None:
        self.sending = self.jobs.pop(job.slot)
        try:
            step = await self.send(job)
        finally:
            self.sending = None
        newer, job.newer = job.newer, None
        if newer is not None:
            newer.unsure = newer.unsure or (job.unsure and not step.done)
            newer.at = job.at or newer.at
            self.put(newer)
        elif not step.done:
            # One whose message stands goes on before others; one that failed goes behind them.
            rest = {} if job.in_thread else self.jobs
            self.jobs = {**rest, job.slot: job, **self.jobs}
        self._pace(step)

    def _pace(self, step: Step) -> None:
        hold = step.hold
        if hold < 0:
            hold, self._delay = self._delay, min(self._delay * 2, _RETRY_CEILING)
        elif step.spoke:
            self._delay = _RETRY_BASE
        pause = self.pause if step.spoke else 0.0
        self.ready_at = asyncio.get_running_loop().time() + max(pause, hold)
