"""How many sessions looks have at once on one server, however many resources name it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure

PER_SERVER = 2
WAIT_SECONDS = 30.0
"""Less than an analysis may take: the failure then says what it has waited for."""

Server = tuple[str, int]
"""Address and port: several names may lead to one server."""


@dataclass
class _Room:
    free: asyncio.Semaphore
    users: int = 0  # who have a session, or wait for one


class Sessions:
    """First come, first served. All methods belong to one event loop."""

    def __init__(self, per_server: int = PER_SERVER, wait_seconds: float = WAIT_SECONDS) -> None:
        self._per_server = per_server
        self._wait_seconds = wait_seconds
        self._rooms: dict[Server, _Room] = {}

    @contextlib.asynccontextmanager
    async def one(self, server: Server) -> AsyncIterator[None]:
        """Room for a session. Raises Failure(BUSY) where there is none in time."""
        room = self._rooms.setdefault(server, _Room(asyncio.Semaphore(self._per_server)))
        room.users += 1
        try:
            await self._enter(room)
            try:
                yield
            finally:
                room.free.release()
        finally:
            room.users -= 1
            if not room.users:
                del self._rooms[server]

    async def _enter(self, room: _Room) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await room.free.acquire()
        except TimeoutError:
            raise Failure(
                Reason.BUSY,
                f"{self._per_server} other looks at this Postgres server take long, and setpoint "
                "opens no more sessions there: it is tried again; a longer spec.interval helps",
            ) from None
