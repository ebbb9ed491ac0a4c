"""The work queue's promises, by a clock that the test moves."""

import asyncio
import random

import pytest

from setpoint.engine.model import Key
from setpoint.engine.queue import Closed, WorkQueue


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def key(name: str, namespace: str = "ns") -> Key:
    return Key("scalingpolicies", namespace, name)


async def taken(queue: WorkQueue) -> Key | None:
    """The next key, or None where a worker would have to wait."""
    task = asyncio.ensure_future(queue.get())
    for _ in range(5):
        await asyncio.sleep(0)
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return None
    return task.result()[0]


async def test_a_key_is_queued_once_with_all_its_reasons() -> None:
    queue = WorkQueue(per_lane=4, clock=Clock())
    queue.add(key("a"), "changed")
    queue.add(key("a"), "interval")
    assert await queue.get() == (key("a"), frozenset({"changed", "interval"}))
    assert await taken(queue) is None


async def test_a_key_never_runs_twice_at_a_time_and_is_not_forgotten() -> None:
    queue = WorkQueue(per_lane=4, clock=Clock())
    queue.add(key("a"), "changed")
    await queue.get()
    queue.add(key("a"), "changed")
    assert await taken(queue) is None
    queue.done(key("a"))
    assert await taken(queue) == key("a")


async def test_a_later_delay_replaces_an_earlier_one() -> None:
    clock = Clock()
    queue = WorkQueue(per_lane=4, clock=clock)
    queue.add_after(key("a"), 10)
    queue.add_after(key("a"), 30)
    clock.now = 11
    assert await taken(queue) is None
    clock.now = 30
    assert await taken(queue) == key("a")
    assert await taken(queue) is None


async def test_a_forgotten_key_does_not_come_back() -> None:
    clock = Clock()
    queue = WorkQueue(per_lane=4, clock=clock)
    queue.add_after(key("a"), 10)
    queue.forget(key("a"))
    clock.now = 11
    assert await taken(queue) is None


async def test_a_slow_lane_does_not_take_all_workers() -> None:
    queue = WorkQueue(per_lane=2, clock=Clock())
    for number in range(5):
        queue.add(key(f"slow{number}"), "changed", lane="slow")
    queue.add(key("quick"), "changed", lane="quick")
    assert [await taken(queue) for _ in range(4)] == [
        key("slow0"),
        key("slow1"),
        key("quick"),
        None,
    ]
    queue.done(key("slow0"))
    assert await taken(queue) == key("slow2")


async def test_namespaces_take_turns() -> None:
    queue = WorkQueue(per_lane=99, clock=Clock())
    for number in range(3):
        queue.add(key(f"a{number}", "busy"), "changed")
    queue.add(key("b", "quiet"), "changed")
    order = [(await queue.get())[0].name for _ in range(4)]
    assert order == ["a0", "b", "a1", "a2"]


async def test_a_closed_queue_lets_its_workers_go() -> None:
    queue = WorkQueue(per_lane=1, clock=Clock())
    worker = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.close()
    with pytest.raises(Closed):
        await worker


@pytest.mark.parametrize("seed", range(5))
async def test_any_schedule_keeps_the_promises(seed: int) -> None:
    print(f"seed {seed}")
    draw, clock = random.Random(seed), Clock()
    queue = WorkQueue(per_lane=3, clock=clock)
    keys = [key(f"k{n}", f"ns{n % 3}") for n in range(12)]
    lane_of = {k: f"lane{n % 2}" for n, k in enumerate(keys)}
    running: set[Key] = set()
    dirty: set[Key] = set()
    for _ in range(2000):
        step = draw.randrange(4)
        if step == 0:
            chosen = draw.choice(keys)
            queue.add(chosen, "changed", lane_of[chosen])
            dirty.add(chosen)
        elif step == 1:
            queue.add_after(draw.choice(keys), draw.random())
        elif step == 2 and running:
            chosen = draw.choice(sorted(running))
            running.remove(chosen)
            queue.done(chosen)
        elif (got := await taken(queue)) is not None:
            assert got not in running
            running.add(got)
            dirty.discard(got)
            lanes = [lane_of[k] for k in running]
            assert max(lanes.count(lane) for lane in set(lanes)) <= 3
        clock.now += 0.01
    while running or dirty:
        for chosen in sorted(running):
            queue.done(chosen)
        running.clear()
        while (got := await taken(queue)) is not None:
            running.add(got)
            dirty.discard(got)
    assert not dirty
