"""Leader election by a Lease (coordination.k8s.io/v1), as client-go's, with a fence before writes.

No replica's clock is compared with another's: a lease has ended when a standby has watched it for
its whole duration without seeing it renewed, by the standby's own clock. The holder counts the same
duration from before it asked for the renewal, so it stops at least as early. Clocks may differ by
years; only their rates must agree, to within the margin.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from setpoint.engine.fence import Fence, Terms
from setpoint.engine.lease import Record, Taken, UnreachableError
from setpoint.telemetry.metrics import LEADER

log = structlog.get_logger()

_JITTER = 0.2


class Leases(Protocol):
    """The one Lease, at the API server. Every method raises UnreachableError."""

    async def read(self, seconds: float) -> Record | None:
        """The Lease as it is; None if there is none."""
        ...

    async def write(self, record: Record, seconds: float) -> Record:
        """Create it (version empty), or replace that very version. Raises Taken."""
        ...


class Elector:
    """One candidate. `run` never returns while it is well; `lost` must end the process."""

    def __init__(
        self,
        leases: Leases,
        terms: Terms,
        identity: str,
        fence: Fence,
        lost: Callable[[], None],
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        draw: Callable[[], float],
    ) -> None:
        self.leading = asyncio.Event()
        self._leases = leases
        self._terms = terms
        self._identity = identity
        self._fence = fence
        self._lost = lost
        self._clock = clock
        self._now = now
        self._draw = draw
        self._seen: Record | None = None
        self._known: Record | None = None
        self._seen_at = -math.inf
        self._renewed_at = -math.inf
        self._complained = False

    async def run(self) -> None:
        """Wait for the lease, then renew it until it is lost or this is cancelled."""
        while not await self._try_to_take():  # noqa: ASYNC110 - it is the server that is asked
            await asyncio.sleep(self._pause())
        log.info("leader", lease_holder=self._identity)
        self.leading.set()
        LEADER.set(1)
        while await self._keep():  # noqa: ASYNC110
            await asyncio.sleep(self._until_next_try())
        self._fence.close()
        self._lost()

    async def release(self) -> None:
        """Give the lease back, so that a standby need not wait: only if no write is under way."""
        self._fence.close()
        if not self.leading.is_set() or self._fence.writing or self._seen is None:
            return
        given = replace(self._seen, holder="", duration=1, renewed=self._time())
        try:
            await self._leases.write(given, self._terms.retry)
        except (Taken, UnreachableError):
            return
        log.info("lease released")

    async def _try_to_take(self) -> bool:
        try:
            await self._look()
            if self._is_held_by_another():
                return False
            return await self._write(self._seen)
        except UnreachableError as error:
            self._complain(error)
            return False

    async def _keep(self) -> bool:
        """Renew; True while the lease is ours and not run out."""
        while self._left() > 0:
            try:
                if await self._write(self._seen):
                    return True
                await self._look()  # an earlier try of ours may have got there after all
                if self._seen is None or self._seen.holder != self._identity:
                    log.error("another replica holds the lease")
                    return False
            except UnreachableError as error:
                self._complain(error)
                await asyncio.sleep(self._until_next_try())
        log.error("the lease was not renewed in time")
        return False

    async def _write(self, before: Record | None) -> bool:
        """Take or renew; False where somebody was faster. What is counted begins before it asks."""
        asked = self._clock()
        try:
            self._note(await self._leases.write(self._ours(before), self._patience()))
        except Taken:
            return False
        self._complained = False
        self._renewed_at = asked
        self._fence.open_until(asked + self._terms.counted)
        return True

    async def _look(self) -> None:
        self._note(await self._leases.read(self._patience()))

    def _note(self, record: Record | None) -> None:
        """The time of a look counts for a record that was not seen before. One that was deleted
        counts on: its holder may not know yet."""
        self._seen = record
        if record is None:
            return
        if self._known is None or replace(self._known, version=record.version) != record:
            self._seen_at = self._clock()
        self._known = record

    def _ours(self, before: Record | None) -> Record:
        time, duration = self._time(), math.ceil(self._terms.duration)
        if before is None:
            return Record(self._identity, duration, time, time, 0, "")
        if before.holder == self._identity:
            return replace(before, duration=duration, renewed=time)
        transitions = before.transitions + 1
        return Record(self._identity, duration, time, time, transitions, before.version)

    def _is_held_by_another(self) -> bool:
        holder = self._known.holder if self._known is not None else ""
        return holder not in ("", self._identity) and self._wait() > 0

    def _wait(self) -> float:
        """Seconds until the lease that was seen has ended, unless it is renewed."""
        if self._known is None:
            return 0.0
        duration = float(self._known.duration)
        if duration == math.ceil(self._terms.duration):
            duration = self._terms.duration  # the Lease has room for whole seconds only
        return self._seen_at + duration - self._clock()

    def _pause(self) -> float:
        """Between two looks of a standby; the last one is as soon as the lease has ended."""
        usual = self._terms.retry * (1 + _JITTER * self._draw())
        return min(usual, wait) if (wait := self._wait()) > 0 else usual

    def _patience(self) -> float:
        """Half of what is left: so that there is a second try, over another connection."""
        return max(self._terms.retry, min(self._left(), self._terms.renew_deadline)) / 2

    def _until_next_try(self) -> float:
        """What was renewed before the process was stopped is lost at once."""
        return max(0.0, min(self._terms.retry, self._left()))

    def _left(self) -> float:
        """Seconds until the last renewal is too old to go on."""
        return self._terms.renew_deadline - (self._clock() - self._renewed_at)

    def _time(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _complain(self, error: UnreachableError) -> None:
        if not self._complained:
            log.warning("the lease cannot be read or written", reason=str(error))
        self._complained = True
