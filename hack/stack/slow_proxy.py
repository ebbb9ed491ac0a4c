"""A TCP proxy on loopback that is slow, or breaks off, as networks do; it knows no protocol."""

import asyncio
import contextlib
from typing import Self


class Proxy:
    """Forwards to a port. `delay`: seconds that each piece takes, either way.

    `most_unanswered`: bytes that a client had sent at most while it waited for an answer.
    """

    def __init__(self, port: int, *, delay: float = 0.0) -> None:
        self._target = port
        self._delay = delay
        self._left: int | None = None
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self._unanswered = 0
        self.port = 0
        self.most_unanswered = 0
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut_after(self, answered: int) -> None:
        """Break the connection that has brought so many more bytes of answers, once."""
        self._left = answered

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, up_writer, is_answer=False))
                both.create_task(self._pump(up_reader, writer, is_answer=True))
        except* (ConnectionError, EOFError):
            pass
        finally:
            for end in (writer, up_writer):
                end.close()
                with contextlib.suppress(ConnectionError):
                    await end.wait_closed()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        while piece := await source.read(1 << 16):
            if self._delay:
                await asyncio.sleep(self._delay)
            self._count(len(piece), is_answer=is_answer)
            sink.write(piece)
            await sink.drain()
        raise EOFError

    def _count(self, size: int, *, is_answer: bool) -> None:
        if not is_answer:
            self._unanswered += size
            self.most_unanswered = max(self.most_unanswered, self._unanswered)
            return
        self._unanswered = 0
        if self._left is None:
            return
        self._left -= size
        if self._left < 0:
            self._left = None
            self.cuts += 1
            raise EOFError
