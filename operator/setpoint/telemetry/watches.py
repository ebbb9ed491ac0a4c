"""When each watch of the API server last showed a sign of life, told by its HTTP session."""

import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL


class Watches:
    """A sign of life: an attempt to list or watch begins, or something arrives, bookmarks too.

    An API server that is away is no silence: it is tried again and again. Silence is a connection
    that stands, and over which nothing comes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, float] = {}

    def silence(self) -> tuple[str, float]:
        """The path that was silent for longest, and for how many seconds; 0 without any."""
        now = self._clock()
        ages = {path: now - at for path, at in self._seen.items()}
        longest = max(ages, key=ages.__getitem__, default="")
        return longest, ages.get(longest, 0.0)

    def session(self, connector: aiohttp.BaseConnector, **options: Any) -> aiohttp.ClientSession:
        """A session that tells of the watches made over it."""
        watches = self

        class Response(aiohttp.ClientResponse):
            async def start(self, connection: Any) -> aiohttp.ClientResponse:
                await super().start(connection)
                if _is_watch(self.url):
                    tapped: Any = _Tapped(self.content, lambda: watches.sign(self.url.path))
                    self.content = tapped
                return self

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._begins)
        return aiohttp.ClientSession(
            connector=connector, response_class=Response, trace_configs=[trace], **options
        )

    async def _begins(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        request: aiohttp.TraceRequestStartParams,
    ) -> None:
        if _is_watch(request.url) or request.url.path in self._seen:
            self.sign(request.url.path)

    def sign(self, path: str) -> None:
        """Something was heard of a watch."""
        self._seen[path] = self._clock()


def _is_watch(url: URL) -> bool:
    return "watch" in url.query


class _Tapped:
    """A stream of which every arrival is told; all else is the stream's own."""

    def __init__(self, content: aiohttp.StreamReader, arrived: Callable[[], None]) -> None:
        self._content = content
        self._arrived = arrived

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """What kopf reads a watch by."""
        async for data in self._content.iter_chunked(size):
            self._arrived()
            yield data
