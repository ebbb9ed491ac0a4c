"""How many sessions looks have at once on one server."""

import asyncio

import pytest

from setpoint.api.conditions import Reason
from setpoint.database.postgres.sessions import PER_SERVER, Sessions
from setpoint.engine.failure import Failure

HERE, THERE = ("10.0.0.1", 5432), ("10.0.0.1", 5433)


async def test_no_more_than_two_however_many_ask_and_first_come_is_first_served() -> None:
    sessions, now, most, order = Sessions(), 0, 0, list[int]()

    async def look(number: int) -> None:
        nonlocal now, most
        async with sessions.one(HERE):
            order.append(number)
            now += 1
            most = max(most, now)
            for _ in range(3):
                await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(look(number) for number in range(50)))
    assert most == PER_SERVER == 2
    assert order == sorted(order)
    assert not sessions._rooms, "nothing is kept of a server that nobody looks at"


async def test_who_waits_too_long_is_told_and_other_servers_have_room() -> None:
    sessions = Sessions(1, wait_seconds=0.01)
    async with sessions.one(HERE):
        with pytest.raises(Failure) as caught:
            async with sessions.one(HERE):
                raise AssertionError("there was no room")
        assert caught.value.reason is Reason.BUSY
        async with sessions.one(THERE):
            pass
    async with sessions.one(HERE):
        pass


async def test_who_gives_up_or_fails_takes_no_room_away() -> None:
    sessions = Sessions(1)

    async def look() -> None:
        async with sessions.one(HERE):
            raise ZeroDivisionError

    async with sessions.one(HERE):
        waiting = asyncio.ensure_future(look())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await look()
    assert not sessions._rooms
