"""Whether this process may write to the outside now: asked before every write, without a request.

A write may begin while the lease has at least the time left that the write may take; while it has
less, the write waits for the next renewal. Where the lease is lost there is none, and the process
ends with the write still waiting: so no path of the code has to know of it.

The clock is CLOCK_BOOTTIME: it runs on while the process is stopped or the machine sleeps, and
nobody sets it.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.05
_MARGIN = 0.02
_CALL_SHARE = 2 / 3


def boottime() -> float:
    """Seconds since the machine started, asleep or not."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class LateError(Exception):
    """The lease has not enough time left for a write."""


class Fence:
    """Opened by whoever holds the lease; safe to ask from any thread.

    `write_seconds` is what a write needs at least, `call_seconds` what a call that cannot be cut
    short may take.
    """

    def __init__(
        self,
        write_seconds: float,
        call_seconds: float,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self.write_seconds = write_seconds
        self.call_seconds = call_seconds
        self._clock = clock
        self._until = -math.inf
        self._begun = 0
        self._lock = threading.Lock()

    def open_until(self, until: float) -> None:
        """Nobody else acts before `until`, by the fence's clock."""
        self._until = until

    def close(self) -> None:
        """No write may begin any more."""
        self._until = -math.inf

    def left(self) -> float:
        """Seconds until somebody else may act; negative where somebody may already."""
        return self._until - self._clock()

    @property
    def writing(self) -> int:
        """Writes that have begun and are not finished."""
        return self._begun

    @contextlib.contextmanager
    def begin(self, seconds: float) -> Iterator[float]:
        """The body makes one write of at most the seconds that are given. Raises LateError."""
        with self._lock:
            left = self.left()
            if left < seconds:
                raise LateError
            self._begun += 1
        try:
            yield left
        finally:
            with self._lock:
                self._begun -= 1

    @contextlib.asynccontextmanager
    async def write(self, limit: float = math.inf) -> AsyncIterator[float]:
        """The body makes one write, when it may; gives the seconds it may take, up to `limit`."""
        async with contextlib.AsyncExitStack() as stack:
            left: float | None = None
            while left is None:
                await self._opened(self.write_seconds)
                with contextlib.suppress(LateError):
                    left = stack.enter_context(self.begin(self.write_seconds))
            yield min(left, limit)

    async def call(self, executor: Executor, made: Callable[[], T]) -> T:
        """Have `made` make one write in a thread, as soon as it may begin there."""

        def guarded() -> T:
            with self.begin(self.call_seconds):
                return made()

        while True:
            await self._opened(self.call_seconds)
            with contextlib.suppress(LateError):  # it waited too long for the thread
                return await asyncio.get_running_loop().run_in_executor(executor, guarded)

    async def _opened(self, seconds: float) -> None:
        while self.left() < seconds:  # noqa: ASYNC110 - time itself closes it, with no event
            await asyncio.sleep(_POLL_SECONDS)


@dataclass(frozen=True)
class Terms:
    """Seconds. Writes may begin until `renew_deadline` after a renewal; what is left of `duration`
    then is their time to finish. Standbys look every `retry`."""

    duration: float
    renew_deadline: float
    retry: float

    @property
    def counted(self) -> float:
        """What the holder counts of the duration: clocks do not run alike to the last."""
        return self.duration * (1 - _MARGIN)

    def fence(self) -> Fence:
        """A closed fence for a holder under these terms."""
        return Fence(self.counted - self.renew_deadline, self.duration * _CALL_SHARE)


def unfenced() -> Fence:
    """For a process that acts alone: a command, or an operator without leader election."""
    fence = Fence(write_seconds=0.0, call_seconds=20.0)
    fence.open_until(math.inf)
    return fence


ALONE = unfenced()
"""Always open."""
