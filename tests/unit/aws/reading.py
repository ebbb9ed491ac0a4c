"""A world for the machinery of coalesced reads: a clock that stands still, and tasks that are
watched."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from setpoint.aws.batch import Freshness, Host
from setpoint.aws.gateway import Scope

REGION = "eu-central-1"


def scope(resource: str = "web") -> Scope:
    return Scope("team", None, REGION, resource)


def fresh(every: float = 60, since: float | None = None) -> Freshness:
    return Freshness(timedelta(seconds=every), since)


class World:
    """`time` moves when a test says so. `refused` names resources without a grant."""

    def __init__(self) -> None:
        self.time = 6000.0
        self.refused: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.host = Host(self.clock, self.spawn, lambda asked: asked.resource not in self.refused)

    def clock(self) -> float:
        return self.time

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def settle(self) -> None:
        """Until nothing runs in the background any more."""
        while self.tasks:
            await asyncio.gather(*self.tasks)

    async def until_idle(self) -> None:
        """Let everything run that waits for nothing but the loop."""
        for _ in range(10):
            await asyncio.sleep(0)
