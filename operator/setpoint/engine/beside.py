"""Work of minutes, beside the loop: in tasks that end when nobody wants it any more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog

from setpoint.engine.failure import Failure
from setpoint.engine.model import Key

log = structlog.get_logger()

T = TypeVar("T")

_AT_ONCE = 2
_LOOK_SECONDS = 0.5
_RETRY = timedelta(minutes=30)
"""After a failure, or what is not whole."""

Wanted = Callable[[Key, str, int], bool | None]
"""Whether work for a resource of this uid and generation is to go on; None where there is no
resource of this uid any more."""


def _always(_key: Key, _uid: str, _generation: int) -> bool:
    return True


@dataclass(frozen=True)
class Subject:
    """For which resource, and which part of it."""

    key: Key
    uid: str
    part: str = ""


@dataclass(frozen=True)
class Made(Generic[T]):
    """What was made, and when."""

    value: T
    at: datetime


@dataclass
class _Entry(Generic[T]):
    generation: int
    wanted: object
    tried_at: datetime | None
    retry_at: datetime | None = None
    task: "asyncio.Task[None] | None" = None
    made: Made[T] | None = None


class Beside(Generic[T]):
    """Keeps the newest result for each subject, and has it made anew when it is due."""

    def __init__(self, now: Callable[[], datetime], is_wanted: Wanted = _always) -> None:
        self.now = now
        self._is_wanted = is_wanted
        self._entries: dict[Subject, _Entry[T]] = {}
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
        """End all tasks and wait for them."""
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def settled(self) -> None:
        """Wait until nothing is being made."""
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def ask(
        self,
        subject: Subject,
        generation: int,
        wanted: object,
        every: timedelta,
        make: Callable[[], Awaitable[T]],
        since: datetime | None = None,
        is_whole: Callable[[T], bool] = lambda _: True,
    ) -> tuple[Made[T] | None, bool]:
        """The newest result, if one was made by this process, and whether one is being made.

        It is made anew `every` so often, and at once when `wanted`, which says what it is made by,
        is another one. `since`: when an earlier process made one. It is tried again half an hour
        after `make` raised Failure, or gave what is not `is_whole`.
        """
        entry = self._entries.get(subject)
        if entry is None:
            entry = self._entries[subject] = _Entry(generation, wanted, since)
        if entry.wanted != wanted:
            self._cancel(entry)
            entry.wanted = wanted
        entry.generation = generation
        if entry.task is None and self._is_due(entry, every):
            entry.tried_at, entry.retry_at = self.now(), None
            entry.task = asyncio.create_task(self._make(subject, entry, make, is_whole))
        return entry.made, entry.task is not None

    def _is_due(self, entry: _Entry[T], every: timedelta) -> bool:
        if entry.retry_at is not None:
            return self.now() >= entry.retry_at
        return entry.tried_at is None or self.now() - entry.tried_at >= every

    def _sweep(self) -> None:
        for subject, entry in list(self._entries.items()):
            is_wanted = self._is_wanted(subject.key, subject.uid, entry.generation)
            if not is_wanted and entry.task is not None:
                self._cancel(entry)
            if is_wanted is None:
                del self._entries[subject]

    @staticmethod
    def _cancel(entry: _Entry[T]) -> None:
        """What was begun and not finished is begun anew when it is wanted again."""
        if entry.task is not None:
            entry.task.cancel()
            entry.task = None
        entry.tried_at = entry.retry_at = None

    async def _make(
        self,
        subject: Subject,
        entry: _Entry[T],
        make: Callable[[], Awaitable[T]],
        is_whole: Callable[[T], bool],
    ) -> None:
        own = asyncio.current_task()
        try:
            async with self._slots:
                value = await make()
            entry.made = Made(value, self.now())
            if not is_whole(value):
                entry.retry_at = self.now() + _RETRY
        except Failure as failure:
            entry.retry_at = self.now() + _RETRY
            log.warning(
                "long work failed",
                key=str(subject.key),
                part=subject.part,
                reason=str(failure.reason),
                message=failure.message,
            )
        except Exception:
            entry.retry_at = self.now() + _RETRY
            log.exception("long work failed unexpectedly", key=str(subject.key))
        finally:
            if entry.task is own:
                entry.task = None
