"""The operator's own HTTP endpoint: /livez, /readyz and /metrics."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from setpoint.telemetry import metrics

_BEAT_SECONDS = 1.0
_DEAD_AFTER = 30.0


Check = Callable[[], str | None]
"""What is wrong, in our words; None while all is well."""


class Health:
    """Facts for the probes. The event loop is alive while its heart beats; `checks` tell more."""

    def __init__(self, *checks: Check) -> None:
        self.ready = False
        self._checks = checks
        self._beat = time.monotonic()

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(_BEAT_SECONDS)

    def problems(self) -> list[str]:
        """Why the process should be started anew; empty while it lives."""
        said = [check() for check in (self._heart, *self._checks)]
        return [text for text in said if text is not None]

    def _heart(self) -> str | None:
        age = time.monotonic() - self._beat
        return f"the event loop did not turn for {age:.0f} s" if age >= _DEAD_AFTER else None


@contextlib.asynccontextmanager
async def serve(
    host: str, port: int, health: Health, queue_depth: Callable[[], int]
) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port (port 0 takes a free one)."""

    async def livez(_: web.Request) -> web.Response:
        return _answer(health.problems())

    async def readyz(_: web.Request) -> web.Response:
        return _answer([] if health.ready else ["not yet"])

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


def _answer(problems: Sequence[str]) -> web.Response:
    text = "\n".join(problems) or "ok"
    return web.Response(text=f"{text}\n", status=503 if problems else 200)
