"""A TCP proxy on loopback that can be told to lose what it carries."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

_HOST = "127.0.0.1"
_CHUNK_BYTES = 65_536


class Proxy:
    """In front of a server on loopback; in a thread of its own, ended with `close`.

    `cut`: connections are closed, new ones too, until `heal`. `stall`: they stand, and nothing
    comes over them any more; `stall(new=False)` leaves later ones alone.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._lines: set[_Line] = set()
        self._is_cut = False
        self._stalls_new = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, _HOST, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, and the thread."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Lose every connection, and refuse new ones."""
        self._do(self._cut)

    def stall(self, *, new: bool = True) -> None:
        """Hold back whatever comes over the connections that stand, and over new ones."""
        self._do(lambda: self._stall(new=new))

    def heal(self) -> None:
        """Carry new connections again. Those that were stalled are lost with what they held, as
        behind a router that forgot them."""
        self._do(self._heal)

    def _cut(self) -> None:
        self._is_cut = True
        for line in self._lines:
            line.close()

    def _stall(self, *, new: bool) -> None:
        self._stalls_new = new
        for line in self._lines:
            line.open.clear()

    def _heal(self) -> None:
        self._is_cut = self._stalls_new = False
        for line in self._lines:
            if not line.open.is_set():
                line.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        line = _Line(writer)
        if self._stalls_new:
            line.open.clear()
        self._lines.add(line)
        try:
            with contextlib.suppress(OSError):
                there = await asyncio.open_connection(_HOST, self._target_port)
                line.writers.append(there[1])
                await line.carry(reader, there[0])
        finally:
            line.close()
            self._lines.discard(line)

    async def _end(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        rest = [task for task in asyncio.all_tasks(self._loop) if task is not mine]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _do(self, what: Callable[[], None]) -> None:
        async def done() -> None:
            what()

        self._run(done())

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


class _Line:
    """Two connections, one behind the other; nothing passes while `open` is not set."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.writers = [writer]

    async def carry(self, near: asyncio.StreamReader, far: asyncio.StreamReader) -> None:
        """Until one side ends."""
        ways = {
            asyncio.ensure_future(self._copy(near, self.writers[1])),
            asyncio.ensure_future(self._copy(far, self.writers[0])),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def close(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
