"""Index advice beside the loop: made in tasks of its own, which end when nobody wants it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from setpoint.api.indexes import Indexes
from setpoint.database.indexes.advise import advise
from setpoint.database.indexes.model import Advice, Limits, Statement
from setpoint.database.postgres.connect import connect
from setpoint.database.postgres.target import PostgresTarget
from setpoint.database.postgres.workload import NoStatementsError, read_statements
from setpoint.engine.failure import Failure
from setpoint.engine.model import Key
from setpoint.trust.network import Network

log = structlog.get_logger()

_AT_ONCE = 2
_LOOK_SECONDS = 0.5
_RETRY = timedelta(minutes=30)
"""After a failure, or where something is missing that somebody may install."""

_GRACE_SECONDS = 60.0
"""Beyond the search's own time: for reading the workload and for the answer."""


@dataclass(frozen=True)
class Subject:
    """For which resource and database."""

    key: Key
    uid: str
    database: str


@dataclass(frozen=True)
class Made:
    """Advice and when it was made."""

    advice: Advice
    at: datetime


@dataclass
class _Entry:
    generation: int
    task: "asyncio.Task[None] | None" = None
    made: Made | None = None
    tried_at: datetime | None = None
    wanted: Indexes | None = None


Wanted = Callable[[Key, str, int], bool | None]
"""Whether a resource of this uid and generation is there, not suspended and not being deleted;
None where there is no resource of this uid any more."""


def _always(_key: Key, _uid: str, _generation: int) -> bool:
    return True


class Advisor:
    """Keeps the newest advice for each database, and makes it anew when it is due."""

    def __init__(
        self, network: Network, now: Callable[[], datetime], is_wanted: Wanted = _always
    ) -> None:
        self._network = network
        self._now = now
        self._is_wanted = is_wanted
        self._entries: dict[Subject, _Entry] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """End what nobody wants any more; on cancellation, everything."""
        try:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                self._sweep()
        finally:
            await self.close()

    async def close(self) -> None:
        """End all tasks and wait for them: their hypothetical indexes go with them."""
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def ask(
        self, subject: Subject, generation: int, wanted: Indexes, target: PostgresTarget
    ) -> tuple[Made | None, bool]:
        """The newest advice, and whether it is being made; it is begun where it is due."""
        entry = self._entries.setdefault(subject, _Entry(generation))
        if entry.wanted != wanted:
            self._cancel(entry)
            entry.tried_at = None
        entry.generation, entry.wanted = generation, wanted
        if entry.task is None and self._is_due(entry, wanted):
            entry.tried_at = self._now()
            entry.task = asyncio.create_task(self._make(subject, entry, wanted, target))
        return entry.made, entry.task is not None

    async def settled(self) -> None:
        """Wait until nothing is being made."""
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_due(self, entry: _Entry, wanted: Indexes) -> bool:
        if entry.tried_at is None:
            return True
        is_whole = entry.made is not None and entry.made.advice.is_validated
        return self._now() - entry.tried_at >= (wanted.every if is_whole else _RETRY)

    def _sweep(self) -> None:
        for subject, entry in list(self._entries.items()):
            is_wanted = self._is_wanted(subject.key, subject.uid, entry.generation)
            if not is_wanted:
                self._cancel(entry)
            if is_wanted is None:
                del self._entries[subject]

    @staticmethod
    def _cancel(entry: _Entry) -> None:
        if entry.task is not None:
            entry.task.cancel()
            entry.task = entry.tried_at = None

    async def _make(
        self, subject: Subject, entry: _Entry, wanted: Indexes, target: PostgresTarget
    ) -> None:
        own = asyncio.current_task()
        try:
            async with self._slots, asyncio.timeout(wanted.time.total_seconds() + _GRACE_SECONDS):
                advice = await advise_on(
                    target, subject.database, self._network, limits(wanted), now=self._now()
                )
            entry.made = Made(advice, self._now())
        except (Failure, TimeoutError) as error:
            reason = error.reason if isinstance(error, Failure) else "TimedOut"
            log.warning("no index advice", key=str(subject.key), reason=str(reason))
        except Exception:
            log.exception("index advice failed unexpectedly", key=str(subject.key))
        finally:
            if entry.task is own:
                entry.task = None


def limits(wanted: Indexes) -> Limits:
    """The spec's limits, in the advisor's units."""
    size = wanted.max_total_size
    return Limits(
        max_total_size=None if size is None else size * 2**20,
        max_indexes=wanted.max_indexes,
        max_per_table=wanted.max_per_table,
        budget_s=wanted.time.total_seconds(),
    )


async def advise_on(
    target: PostgresTarget,
    database: str,
    network: Network,
    limits: Limits,
    *,
    statements: Sequence[Statement] | None = None,
    now: datetime,
) -> Advice:
    """Advice for what runs in a database, or for `statements`. Raises Failure."""
    async with connect(target, database, network) as connection:
        if statements is None:
            try:
                statements = await read_statements(connection)
            except NoStatementsError as error:
                return Advice([], 1.0, 0, [], 0, 0.0, is_validated=False, why_not=str(error))
        return await advise(connection, statements, limits, now=now)
