"""/livez and /readyz, and the signs of life of a watch, with a server that goes silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from setpoint.telemetry.http import Health, serve
from setpoint.telemetry.watches import Watches

PATH = "/apis/setpoint.dev/v1alpha1/cachetunings"


class ApiServer:
    """Streams a line whenever it is told to."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while (line := await self.lines.get()) is not None:
            await response.write(line)
        return response

    @asynccontextmanager
    async def url(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get(PATH, self.watch)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        self.lines.put_nowait(None)
        await runner.cleanup()


async def test_what_arrives_and_what_is_tried_is_a_sign_of_life() -> None:
    now = 0.0
    watches, server = Watches(lambda: now), ApiServer()
    assert watches.silence() == ("", 0.0)
    async with (
        server.url() as url,
        watches.session(aiohttp.TCPConnector()) as session,
        session.get(f"{url}?watch=true") as answer,
    ):
        lines = answer.content.iter_chunked(1024)
        now = 40.0
        assert watches.silence() == (PATH, 40.0)
        server.lines.put_nowait(b'{"type": "BOOKMARK"}\n')
        assert await anext(lines) == b'{"type": "BOOKMARK"}\n'
        assert watches.silence() == (PATH, 0.0)

        now = 131.0
        assert watches.silence() == (PATH, 91.0)
        # It is listed and watched anew: that is no silence.
        async with session.get(f"{url}?watch=true"):
            assert watches.silence() == (PATH, 0.0)


async def test_livez_says_what_is_wrong() -> None:
    problems: list[str] = []
    health = Health(lambda: problems[0] if problems else None)
    async with (
        serve("127.0.0.1", 0, health, lambda: 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        assert await _get(session, "/readyz") == (503, "not yet\n")
        health.ready = True
        assert await _get(session, "/readyz") == (200, "ok\n")
        assert await _get(session, "/livez") == (200, "ok\n")
        problems.append("nothing was heard of a watch for 95 s")
        assert await _get(session, "/livez") == (503, "nothing was heard of a watch for 95 s\n")


async def _get(session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as answer:
        return answer.status, await answer.text()
