"""Work of minutes beside the loop."""

import asyncio
from datetime import UTC, datetime, timedelta

from setpoint.api.conditions import Reason
from setpoint.engine.beside import Beside, Subject
from setpoint.engine.failure import Failure
from setpoint.engine.model import Key

KEY = Key("things", "ns", "a")
SUBJECT = Subject(KEY, "uid-1")
HOUR = timedelta(hours=1)


class World:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        self.is_wanted: bool | None = True
        self.begun = 0
        self.fails = False
        self.gate = asyncio.Event()
        self.beside = Beside[int](lambda: self.now, lambda *_: self.is_wanted)

    async def make(self) -> int:
        self.begun += 1
        await self.gate.wait()
        if self.fails:
            raise Failure(Reason.CONNECTION_FAILED, "away")
        return self.begun

    def ask(self, wanted: object = "a", since: datetime | None = None) -> int | None:
        made, _ = self.beside.ask(SUBJECT, 1, wanted, HOUR, self.make, since)
        return made.value if made is not None else None

    async def finish(self) -> None:
        self.gate.set()
        await self.beside.settled()
        self.gate.clear()


async def test_it_is_made_once_and_again_when_it_is_due() -> None:
    world = World()
    assert world.ask() is None
    assert world.ask() is None
    await world.finish()
    assert world.ask() == 1
    world.now += HOUR
    assert world.ask() == 1, "the old one until there is a new one"
    await world.finish()
    assert world.ask() == 2


async def test_other_wishes_begin_anew() -> None:
    world = World()
    world.ask("a")
    await asyncio.sleep(0)
    world.ask("b")
    await world.finish()
    assert (world.ask("b"), world.begun) == (2, 2)


async def test_what_an_earlier_process_made_counts() -> None:
    world = World()
    assert world.ask(since=world.now - HOUR / 2) is None
    await world.finish()
    assert world.begun == 0
    world.now += HOUR
    world.ask()
    await world.finish()
    assert world.begun == 1


async def test_a_failure_is_tried_again_after_half_an_hour() -> None:
    world = World()
    world.fails = True
    world.ask()
    await world.finish()
    world.fails = False
    assert world.ask() is None
    world.now += HOUR / 2
    world.ask()
    await world.finish()
    assert world.ask() == 2


async def test_it_ends_when_nobody_wants_it() -> None:
    world = World()
    running = asyncio.create_task(world.beside.run())
    world.ask()
    await asyncio.sleep(0)
    world.is_wanted = False
    async with asyncio.timeout(2):
        await world.beside.settled()
    assert world.begun == 1
    world.is_wanted = True
    world.ask()
    await world.finish()
    assert world.ask() == 2, "begun anew when it is wanted again"
    running.cancel()
