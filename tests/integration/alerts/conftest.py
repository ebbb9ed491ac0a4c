"""A notifier against a Slack with Slack's limits, and other receivers."""

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from setpoint.alerts.notifier import Pace
from stack.slack_client import SlackStack
from stack.stand_in import StandIn
from tests.integration.alerts.bench import Bench

Make = Callable[..., contextlib.AbstractAsyncContextManager[Bench]]


@contextlib.asynccontextmanager
async def running(made: Bench) -> AsyncIterator[Bench]:
    """The bench with its notifier at work."""
    task = asyncio.create_task(made.notifier.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def bench(slack: SlackStack) -> Iterator[Make]:
    @contextlib.asynccontextmanager
    async def make(
        channel: float = 0.0,
        refused: float = 60.0,
        feed: float = 60.0,
        answer: float = 15.0,
        **more: Any,
    ) -> AsyncIterator[Bench]:
        slack.settings(channel_seconds=channel)
        async with running(Bench(slack, Pace(channel, refused, feed, answer), **more)) as made:
            yield made

    yield make
    slack.set_faults([])
    slack.settings(
        revoked=[],
        archived=[],
        missing=[],
        no_history=[],
        outsiders=[],
        a_minute=50,
        channel_seconds=1,
    )


class Receiver:
    """The stand-in for Alertmanager and webhooks."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def calls(self, part: str) -> list[dict[str, Any]]:
        return [call for call in self._call("calls") if part in call["path"]]

    def set_faults(self, *faults: dict[str, Any]) -> None:
        self._call("faults", json.dumps(faults).encode())

    def _call(self, path: str, data: bytes | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.base_url}/_stack/{path}", method="PUT" if data else "GET", data=data
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
            return json.load(answer)


@pytest.fixture(scope="session")
def receiver(run_dir: Path) -> Iterator[Receiver]:
    with StandIn(run_dir, "receiver") as server:
        yield Receiver(server.base_url)
