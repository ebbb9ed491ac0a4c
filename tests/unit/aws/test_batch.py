"""Reads made for many at once: how many calls there are, who is in them, and whose failure it is."""

import asyncio
import gc
import random
from collections.abc import Sequence
from typing import Any

import pytest
from tests.unit.aws.reading import World, fresh, scope

from setpoint.api.conditions import Reason
from setpoint.aws.batch import EpochBatch
from setpoint.aws.gateway import Scope
from setpoint.engine.failure import Failure


class AWS:
    """Answers with the time of the call. `spoilt` keys fail every call that has them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls: list[list[str]] = []
        self.scopes: list[Scope] = []
        self.spoilt: dict[str, Reason] = {}
        self.absent: set[str] = set()
        self.gate: asyncio.Event | None = None

    async def fetch(self, asked: Scope, keys: Sequence[str]) -> dict[str, float]:
        self.calls.append(list(keys))
        self.scopes.append(asked)
        now = self.world.time
        if self.gate is not None:
            await self.gate.wait()
        for key in keys:
            if key in self.spoilt:
                raise Failure(self.spoilt[key], f"AWS says no to {asked.shown or asked.resource}")
        return {key: now for key in keys if key not in self.absent}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World) -> AWS:
    return AWS(world)


@pytest.fixture
def batch(world: World, aws: AWS) -> EpochBatch[str, float]:
    return EpochBatch("test", 10, world.host, aws.fetch)


async def get(
    batch: EpochBatch[str, float], key: str, every: float = 60, since: float | None = None
) -> float | None:
    return (await batch.get(scope(key), [key], fresh(every, since)))[key]


async def all_known(batch: EpochBatch[str, float], keys: Sequence[str]) -> None:
    await asyncio.gather(*(get(batch, key) for key in keys))


async def test_a_thousand_entries_with_jittered_looks_cost_their_number_by_the_size_an_epoch(
    world: World, aws: AWS
) -> None:
    batch = EpochBatch("test", 50, world.host, aws.fetch)
    draw = random.Random(7)
    interval, count, epochs = 600.0, 1003, 6
    start = world.time
    looks = sorted(
        (start + interval * (epoch + draw.random()), f"r{number}")
        for epoch in range(epochs)
        for number in range(count)
    )
    calls: dict[float, int] = {}
    for time, key in looks:
        world.time = time
        before = len(aws.calls)
        value = await get(batch, key, interval)
        assert value is not None
        assert value // interval == time // interval
        epoch = time // interval
        calls[epoch] = calls.get(epoch, 0) + len(aws.calls) - before
    first, *later = calls.values()
    assert first == count, "nobody is known yet, and all come one by one"
    assert later == [21] * (epochs - 1)
    fetched = [key for call in aws.calls[first:] for key in call]
    assert len(fetched) == count * (epochs - 1), "each once an epoch"


async def test_demands_of_one_moment_share_a_call(batch: EpochBatch[str, float], aws: AWS) -> None:
    async def after_something_else(key: str) -> None:
        for _ in range(2):
            await asyncio.sleep(0)
        await get(batch, key)

    await asyncio.gather(
        all_known(batch, [f"r{n}" for n in range(5)]),
        *(after_something_else(f"r{n}") for n in range(5, 10)),
    )
    assert len(aws.calls) == 1


async def test_more_than_fit_take_more_calls(batch: EpochBatch[str, float], aws: AWS) -> None:
    await all_known(batch, [f"r{n}" for n in range(25)])
    assert sorted(len(call) for call in aws.calls) == [5, 10, 10]


async def test_the_stalest_come_along_first(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    for n in range(20):
        world.time += 0.1
        await get(batch, f"r{n:02}")
    world.time += 60
    await get(batch, "r19")
    assert aws.calls[-1] == ["r19", *(f"r{n:02}" for n in range(9))]


async def test_what_aws_does_not_know_is_none_and_not_asked_again(
    batch: EpochBatch[str, float], aws: AWS
) -> None:
    aws.absent = {"gone"}
    assert await get(batch, "gone") is None
    assert await get(batch, "gone") is None
    assert len(aws.calls) == 1


async def test_data_from_before_a_write_is_too_old(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    await get(batch, "a")
    world.time += 1
    since = world.time
    assert await get(batch, "a", since=since) == since
    assert await get(batch, "a", since=since) == since
    assert len(aws.calls) == 2


async def test_a_call_from_before_a_write_is_not_shared(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    aws.gate = asyncio.Event()
    old = asyncio.ensure_future(get(batch, "a"))
    await world.until_idle()
    world.time += 1
    new = asyncio.ensure_future(get(batch, "a", since=world.time))
    shared = asyncio.ensure_future(get(batch, "a", since=world.time))
    await world.until_idle()
    aws.gate.set()
    assert await new == await shared == world.time
    await old
    assert len(aws.calls) == 2
    assert await get(batch, "a", since=world.time) == world.time, "the older answer is dropped"


async def test_an_older_answer_that_comes_later_is_dropped(world: World) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    started = iter(gates)

    async def fetch(asked: Scope, keys: Sequence[str]) -> dict[str, float]:
        now = world.time
        await next(started).wait()
        return dict.fromkeys(keys, now)

    batch = EpochBatch("test", 10, world.host, fetch)
    old = asyncio.ensure_future(get(batch, "a"))
    await world.until_idle()
    world.time += 1
    new = asyncio.ensure_future(get(batch, "a", since=world.time))
    await world.until_idle()
    gates[1].set()
    assert await new == world.time
    gates[0].set()
    assert await old == world.time
    assert await get(batch, "a", since=world.time) == world.time


async def test_one_who_joins_a_call_that_fails_is_asked_for_alone_too(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    await all_known(batch, ["a", "b"])
    world.time += 60
    aws.spoilt, aws.gate = {"b": Reason.REJECTED}, asyncio.Event()
    leader = asyncio.ensure_future(get(batch, "a"))
    await world.until_idle()
    gate, aws.gate = aws.gate, asyncio.Event()
    gate.set()
    await world.until_idle()
    assert aws.calls[1:] == [["a", "b"], ["a"]]
    late = asyncio.ensure_future(get(batch, "b"))
    await world.until_idle()
    aws.gate.set()
    assert await leader == world.time
    with pytest.raises(Failure):
        await late
    assert aws.calls[3:] == [["b"]]


async def test_a_demand_for_what_is_under_way_waits_for_it(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    await all_known(batch, ["a", "b"])
    world.time += 60
    aws.gate = asyncio.Event()
    leader = asyncio.ensure_future(get(batch, "a"))
    await world.until_idle()
    filled = asyncio.ensure_future(get(batch, "b"))
    await world.until_idle()
    aws.gate.set()
    assert await leader == await filled == world.time
    assert aws.calls[1:] == [["a", "b"]]


async def test_what_nobody_asks_for_is_forgotten(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    await all_known(batch, ["a", "b"])
    for _ in range(4):
        world.time += 60
        await get(batch, "a")
    assert aws.calls[1:] == [["a", "b"], ["a", "b"], ["a"], ["a"]]


async def test_a_long_interval_is_not_fetched_more_often_in_others_calls(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    await get(batch, "slow", every=600)
    for _ in range(10):
        await get(batch, "quick")
        world.time += 60
    assert sum("slow" in call for call in aws.calls) == 1
    await get(batch, "quick")
    assert sum("slow" in call for call in aws.calls) == 2


async def test_an_entry_without_its_grant_fills_no_call(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    await all_known(batch, ["a", "b", "c"])
    world.time += 60
    world.refused = {"b"}
    await get(batch, "a")
    assert aws.calls[-1] == ["a", "c"]


@pytest.mark.parametrize("reason", [Reason.ACCESS_DENIED, Reason.REJECTED, Reason.TARGET_NOT_FOUND])
async def test_an_entry_that_spoils_a_call_harms_nobody_else(
    world: World, batch: EpochBatch[str, float], aws: AWS, reason: Reason
) -> None:
    await all_known(batch, ["a", "bad", "c"])
    world.time += 60
    aws.spoilt = {"bad": reason}
    assert await get(batch, "a") == world.time
    with pytest.raises(Failure) as caught:
        await get(batch, "bad")
    assert caught.value.reason is reason
    assert "bad" in caught.value.message
    assert await get(batch, "c") == world.time

    for _ in range(3):
        world.time += 60
        before = len(aws.calls)
        assert await get(batch, "a") == world.time
        assert await get(batch, "c") == world.time
        with pytest.raises(Failure):
            await get(batch, "bad")
        assert aws.calls[before:] == [["a", "c"], ["bad"]]

    aws.spoilt = {}
    await get(batch, "bad")
    world.time += 60
    await get(batch, "a")
    assert sorted(aws.calls[-1]) == ["a", "bad", "c"], "it has succeeded"


async def test_demanded_together_each_gets_its_own_answer(
    batch: EpochBatch[str, float], aws: AWS, world: World
) -> None:
    aws.spoilt = {"bad": Reason.ACCESS_DENIED}
    results = await asyncio.gather(
        *(get(batch, key) for key in ("a", "bad", "c")), return_exceptions=True
    )
    assert (results[0], results[2]) == (world.time, world.time)
    assert isinstance(results[1], Failure)
    assert aws.calls == [["a", "bad", "c"], ["a"], ["bad"], ["c"]]


async def test_a_passing_failure_is_everybodys_and_names_nobody(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    await all_known(batch, ["a", "b"])
    world.time += 60
    aws.spoilt = {"a": Reason.THROTTLED}
    results = await asyncio.gather(get(batch, "a"), get(batch, "b"), return_exceptions=True)
    assert [str(result) for result in results] == ["AWS says no to resources in eu-central-1"] * 2
    assert aws.calls[1:] == [["a", "b"]]
    aws.spoilt = {}
    await get(batch, "a")
    assert aws.calls[-1] == ["a", "b"]


async def test_a_caller_that_is_cancelled_leaves_the_call_to_the_others(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    aws.gate = asyncio.Event()
    first, second = (asyncio.ensure_future(get(batch, "a")) for _ in range(2))
    await world.until_idle()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    aws.gate.set()
    assert await second == world.time
    assert len(aws.calls) == 1


async def test_a_failure_that_nobody_waits_for_is_no_warning(
    world: World, batch: EpochBatch[str, float], aws: AWS, caplog: pytest.LogCaptureFixture
) -> None:
    aws.gate, aws.spoilt = asyncio.Event(), {"a": Reason.ACCESS_DENIED}
    only = asyncio.ensure_future(get(batch, "a"))
    await world.until_idle()
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    aws.gate.set()
    await world.settle()
    assert caplog.records == []
    aws.spoilt = {}
    assert await get(batch, "a") == world.time


async def test_an_end_of_the_process_is_a_failure_for_those_who_wait(
    world: World, batch: EpochBatch[str, float], aws: AWS
) -> None:
    aws.gate = asyncio.Event()
    waiting = asyncio.ensure_future(get(batch, "a"))
    await world.until_idle()
    for task in world.tasks:
        task.cancel()
    with pytest.raises(Failure, match="stops"):
        await waiting


async def test_an_error_of_ours_reaches_those_who_wait(world: World) -> None:
    async def broken(asked: Scope, keys: Sequence[str]) -> dict[str, float]:
        raise KeyError("ours")

    unheard: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    batch = EpochBatch("test", 10, world.host, broken)
    with pytest.raises(KeyError):
        await batch.get(scope(), [f"r{n}" for n in range(15)], fresh())
    await world.settle()
    del batch
    gc.collect()
    asyncio.get_running_loop().set_exception_handler(None)
    assert unheard == [], "the second call failed too, and nobody waited for it any more"
