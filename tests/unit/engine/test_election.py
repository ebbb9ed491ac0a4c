"""Leader election against a Lease in memory, in virtual time: clocks that differ and drift, answers
that are late, lost or never come, processes that stop. At no time may two replicas write."""

import asyncio
import math
import random
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.config import Config, ConfigError, LeaderElection
from setpoint.engine.election import Elector
from setpoint.engine.fence import ALONE, Fence, LateError, Terms
from setpoint.engine.leadership import leadership_of, lease_name
from setpoint.engine.lease import Record, Taken, UnreachableError

TERMS = Terms(duration=15.0, renew_deadline=10.0, retry=2.0)
HISTORIES = 60


class _Selector(selectors.SelectSelector):
    """Nothing is waited for: the time passes."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.passed += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.passed


def in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


def time() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Server:
    """The Lease, and how it answers: `trouble` gives seconds before and after a request takes
    effect, and whether it gets there."""

    record: Record | None = None
    trouble: Callable[[], tuple[float, float, bool]] = lambda: (0.005, 0.005, True)
    versions: int = 0

    async def read(self, seconds: float) -> Record | None:
        await self._way(seconds)
        return self.record

    async def write(self, record: Record, seconds: float) -> Record:
        before, after, arrives = self.trouble()
        await asyncio.sleep(before)  # a process that is stopped does not see its own time-out
        if arrives:
            stored = self.record.version if self.record is not None else ""
            if record.version != stored:
                raise Taken
            self.versions += 1
            self.record = replace(record, version=str(self.versions))
            made = self.record
        await asyncio.sleep(after)
        if not arrives or before + after > seconds:
            raise UnreachableError("lost")
        return made

    async def _way(self, seconds: float) -> None:
        before, after, arrives = self.trouble()
        await asyncio.sleep(before + after)
        if not arrives or before + after > seconds:
            raise UnreachableError("lost")


class Process:
    """A replica, with a clock of its own, that is started again when it ends."""

    def __init__(
        self, server: Server, name: str, *, offset: float = 0.0, rate: float = 1.0
    ) -> None:
        self.clock: Callable[[], float] = lambda: offset + time() * rate
        self.fence = Fence(*_needs(TERMS), self.clock)
        self.ended = False
        self.elector = Elector(
            server, TERMS, name, self.fence, self._end,
            clock=self.clock,
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.clock()),
            draw=random.Random(name).random,
        )  # fmt: skip
        self.task = asyncio.get_running_loop().create_task(self.elector.run())

    def _end(self) -> None:
        self.ended = True

    async def kill(self) -> None:
        """It renews no more, and writes no more."""
        self.fence.close()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def _needs(terms: Terms) -> tuple[float, float]:
    fence = terms.fence()
    return fence.write_seconds, fence.call_seconds


def test_one_leads_and_a_standby_takes_over_within_20_s_of_a_kill() -> None:
    async def history() -> None:
        server = Server()
        one = Process(server, "one", offset=5e8)
        await asyncio.sleep(1)
        two = Process(server, "two", offset=-3e8)
        await asyncio.sleep(100)
        assert one.elector.leading.is_set()
        assert not two.elector.leading.is_set()

        killed = time()
        await one.kill()
        await two.elector.leading.wait()
        assert 13 < time() - killed < 17.5
        assert server.record is not None
        assert server.record.transitions == 1
        await two.kill()

    in_virtual_time(history())


def test_a_lease_that_is_given_back_is_taken_at_once() -> None:
    async def history() -> None:
        server = Server()
        one, two = Process(server, "one"), None
        await asyncio.sleep(1)
        two = Process(server, "two")
        await asyncio.sleep(20)
        one.task.cancel()
        await asyncio.gather(one.task, return_exceptions=True)
        await one.elector.release()
        released = time()
        await two.elector.leading.wait()
        assert time() - released < 2.5
        await two.kill()

    in_virtual_time(history())


def test_it_is_not_given_back_while_a_write_is_under_way() -> None:
    async def history() -> None:
        server = Server()
        one = Process(server, "one")
        await asyncio.sleep(1)
        with one.fence.begin(0.0):
            one.task.cancel()
            await asyncio.gather(one.task, return_exceptions=True)
            await one.elector.release()
        assert server.record is not None
        assert server.record.holder == "one"

    in_virtual_time(history())


def test_without_the_api_server_the_leader_stops_writing_then_ends() -> None:
    async def history() -> None:
        server = Server()
        one = Process(server, "one")
        await asyncio.sleep(5)
        lost = time()
        server.trouble = lambda: (60.0, 0.0, False)
        while not one.ended:
            await asyncio.sleep(0.1)
            assert time() - lost < 75
        server.trouble = lambda: (0.0, 0.0, True)
        assert one.fence.left() < 0

    in_virtual_time(history())


def test_a_deleted_lease_is_not_taken_before_its_holder_can_know() -> None:
    async def history() -> None:
        server = Server()
        one = Process(server, "one")
        await asyncio.sleep(1)
        two = Process(server, "two")
        await asyncio.sleep(20)
        server.record = None
        await two.elector.leading.wait()
        assert one.fence.left() <= 0
        await two.kill()

    in_virtual_time(history())


@pytest.mark.parametrize("seed", range(10))
def test_no_two_replicas_may_write_at_the_same_time(seed: int) -> None:
    for number in range(HISTORIES // 10):
        in_virtual_time(_history(random.Random(f"{seed}/{number}")))


async def _history(draw: random.Random) -> None:
    """Ten minutes of trouble for three replicas."""
    harsh = draw.choice([0.02, 0.1, 0.3])

    def trouble() -> tuple[float, float, bool]:
        if draw.random() > harsh:
            return draw.uniform(0, 0.1), draw.uniform(0, 0.1), True
        late = draw.choice([0.5, 3.0, 8.0, 16.0, 40.0])
        return draw.uniform(0, late), draw.uniform(0, late), draw.random() < 0.6

    server = Server(trouble=trouble)

    def start(number: int) -> Process:
        return Process(
            server,
            f"r{number}-{draw.random()}",
            offset=draw.choice([0.0, 1e9, -1e9]),
            rate=draw.uniform(0.992, 1.008),
        )

    replicas = [start(number) for number in range(3)]
    writers: set[int] = set()
    while time() < 600:
        await asyncio.sleep(draw.uniform(0.05, 0.5))
        may = [number for number, one in enumerate(replicas) if one.fence.left() > 0]
        assert len(may) <= 1, f"{may} may write at {time():.1f} s"
        writers.update(may)
        for number, one in enumerate(replicas):
            if one.ended or draw.random() < 0.002:
                await one.kill()
                replicas[number] = start(number)
    for one in replicas:
        await one.kill()
    assert writers, "nobody ever led"


async def test_a_write_waits_for_the_lease_and_is_told_its_time() -> None:
    now = 100.0
    fence = Fence(write_seconds=5.0, call_seconds=10.0, clock=lambda: now)
    waiting = asyncio.ensure_future(_one_write(fence))
    await asyncio.sleep(0.12)
    assert not waiting.done()
    fence.open_until(104.0)
    await asyncio.sleep(0.12)
    assert not waiting.done(), "less than a write needs is left"
    fence.open_until(113.0)
    assert await waiting == 13.0
    assert fence.writing == 0


async def _one_write(fence: Fence) -> float:
    async with fence.write(60.0) as seconds:
        assert fence.writing == 1
        return seconds


def test_what_is_late_does_not_begin() -> None:
    fence = Fence(write_seconds=5.0, call_seconds=10.0, clock=lambda: 0.0)
    fence.open_until(9.0)
    with fence.begin(9.0):
        pass
    with pytest.raises(LateError), fence.begin(9.1):
        pass
    fence.close()
    with pytest.raises(LateError), fence.begin(0.0):
        pass
    assert ALONE.left() == math.inf


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"renewDeadline": "15s"}, "four fifths"),
        ({"retryPeriod": "6s"}, "twice retryPeriod"),
        ({"leaseDuration": "800ms", "renewDeadline": "500ms", "retryPeriod": "100ms"}, "1s"),
    ],
)
def test_terms_that_cannot_hold_are_refused(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LeaderElection.model_validate(wrong)


def test_each_shard_has_its_own_lease() -> None:
    settings = LeaderElection()
    names = {lease_name(settings, one) for one in ("", "sharding.fluxcd.io/key=a", "!key")}
    assert len(names) == 3
    assert lease_name(settings, "") == "setpoint"
    assert lease_name(LeaderElection(name="mine"), "a=b") == "mine"


def test_outside_a_pod_the_namespace_must_be_said() -> None:
    api: Any = None
    with pytest.raises(ConfigError, match=r"leaderElection\.namespace"):
        leadership_of(Config().leader_election, api, "", None)
    off = Config.model_validate({"leaderElection": {"enabled": False}}).leader_election
    assert leadership_of(off, api, "", None).fence.left() == math.inf
