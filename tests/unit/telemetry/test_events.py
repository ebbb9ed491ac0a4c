"""Events are counted in a series instead of being said again and again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.telemetry.events import EventRecorder

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def resource(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}"},
    }


class Written:
    def __init__(self) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self.recorder = EventRecorder(self._write, lambda: NOW)

    async def _write(self, namespace: str, body: Mapping[str, Any]) -> None:
        self.bodies.append(body)

    def say(self, name: str = "a", note: str = "done", *, warning: bool = False) -> None:
        self.recorder.record(resource(name), Reason.ACTION_DONE, note, warning=warning)

    async def until(self, number: int) -> list[Mapping[str, Any]]:
        async with asyncio.timeout(5):
            while len(self.bodies) < number:  # noqa: ASYNC110 - the recorder runs meanwhile
                await asyncio.sleep(0)
        return self.bodies


@pytest.fixture
async def written() -> AsyncIterator[Written]:
    made = Written()
    running = asyncio.create_task(made.recorder.run())
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_what_is_said_again_is_counted(written: Written) -> None:
    for _ in range(5):
        written.say()
    first, second = await written.until(2)
    assert first["metadata"]["name"] == second["metadata"]["name"]
    assert second["series"]["lastObservedTime"] == "2026-11-23T12:00:00.000000Z"
    assert second["series"]["count"] >= 2
    written.recorder.flush()
    *_, last = await written.until(3)
    assert last["series"]["count"] == 5
    written.recorder.flush()
    assert len(written.bodies) == 3, "nothing is written while nothing is said"


async def test_what_differs_is_not_counted_together(written: Written) -> None:
    written.say()
    written.say("b")
    written.say(note="something else")
    written.say(warning=True)
    bodies = await written.until(4)
    assert len({body["metadata"]["name"] for body in bodies}) == 4
    assert not any("series" in body for body in bodies)
