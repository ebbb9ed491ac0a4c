"""The operator's own HTTP endpoint: /livez, /readyz and /metrics."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from setpoint.telemetry import metrics

_BEAT_SECONDS = 1.0
_DEAD_AFTER = 30.0


class Health:
    """Facts for the probes. The event loop is alive while its heart beats."""

    def __init__(self) -> None:
        self.ready = False
        self._beat = time.monotonic()

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether the heart beat lately."""
        return time.monotonic() - self._beat < _DEAD_AFTER


@contextlib.asynccontextmanager
async def serve(
    host: str, port: int, health: Health, queue_depth: Callable[[], int]
) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port (port 0 takes a free one)."""

    async def livez(_: web.Request) -> web.Response:
        return _answer(health.alive)

    async def readyz(_: web.Request) -> web.Response:
        return _answer(health.ready)

    async def metricsz(_: web.Request) -> web.Response:
        metrics.QUEUE_DEPTH.set(queue_depth())
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes(
        [web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metricsz)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _answer(good: bool) -> web.Response:
    return web.Response(text="ok\n" if good else "not yet\n", status=200 if good else 503)
