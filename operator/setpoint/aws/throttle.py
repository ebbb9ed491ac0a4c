"""Lets calls through as fast as AWS may be called, and holds them back while AWS throttles."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import Counter, Gauge

from setpoint.api.conditions import Reason
from setpoint.aws.quotas import Bucket, api, rate
from setpoint.engine.failure import Failure

WAITED = Counter(
    "setpoint_aws_wait_seconds_total",
    "Seconds that calls to AWS waited for their turn: for a token, or while AWS throttled.",
    ("service", "operation"),
)
WITHHELD = Counter(
    "setpoint_aws_withheld_total",
    "Calls to AWS that were not sent, because AWS throttles.",
    ("service", "operation"),
)
BACKOFF = Gauge(
    "setpoint_aws_backoff_seconds",
    "Longest time until AWS is asked again while it throttles; 0 when it does not.",
    ("account", "region", "service", "api"),
)

PATIENCE = 5.0
"""Seconds that a call waits at most while AWS throttles."""

_PASSING = frozenset({Reason.CONNECTION_FAILED, Reason.AUTHENTICATION_FAILED})
"""These say nothing about the rate: AWS was not reached, or did not look."""


class Lane(NamedTuple):
    """What has a bucket of its own; `account` stands for the identity until it is known."""

    account: str
    region: str
    service: str
    api: str


@dataclass
class _Gate:
    """A bucket for tasks: `news` is set when it is closed or opened, and replaced."""

    lane: Lane
    bucket: Bucket
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake all who wait."""
        self.news.set()
        self.news = asyncio.Event()
        BACKOFF.labels(*self.lane).set(self.bucket.backoff)


class Throttle:
    """All buckets of the process."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._draw = draw
        self._gates: dict[Lane, _Gate] = {}

    @asynccontextmanager
    async def turn(
        self, account: str, region: str, service: str, operation: str, patience: float = PATIENCE
    ) -> AsyncIterator[None]:
        """The body makes one call, when it may.

        Raises Failure(THROTTLED) where AWS throttles for longer than `patience`, in seconds.
        """
        gate = self._gate(Lane(account, region, service, api(service, operation)))
        async with AsyncExitStack() as stack:
            asked = self._clock()
            try:
                self._require_open(gate, patience)
                if gate.bucket.rate.serial:
                    await stack.enter_async_context(gate.lock)
                await self._admit(gate, patience)
            except Failure:
                WITHHELD.labels(service, operation).inc()
                raise
            finally:
                WAITED.labels(service, operation).inc(self._clock() - asked)
            await stack.enter_async_context(self._sent(gate))
            yield

    def _gate(self, lane: Lane) -> _Gate:
        gate = self._gates.get(lane)
        if gate is None:
            bucket = Bucket(rate(lane.service, lane.api), self._clock(), self._draw)
            gate = self._gates[lane] = _Gate(lane, bucket)
        return gate

    async def _admit(self, gate: _Gate, patience: float) -> None:
        """Wait for a token, and for AWS to throttle no more: for that, up to `patience`."""
        asked = self._clock()
        ready = asked + gate.bucket.reserve(asked)
        try:
            while True:
                closed = self._require_open(gate, patience)
                before = self._clock()
                wait = max(closed, ready - before)
                if wait <= 0:
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await gate.news.wait()
                patience -= min(closed, self._clock() - before)
        except BaseException:
            gate.bucket.give_back()
            raise

    def _require_open(self, gate: _Gate, patience: float) -> float:
        """Seconds until it is open. Raises Failure if that is longer than `patience`."""
        wait = gate.bucket.closed_for(self._clock())
        if wait > max(patience, 0.0):
            lane = gate.lane
            raise Failure(
                Reason.THROTTLED,
                f"AWS throttles {lane.service} {lane.api} in {lane.region}: nothing is asked until "
                "it has had time to recover; it is tried again later",
            )
        return wait

    @asynccontextmanager
    async def _sent(self, gate: _Gate) -> AsyncIterator[None]:
        """Learns from the outcome of the one call in the body."""
        bucket, sent = gate.bucket, self._clock()
        bucket.begin(sent)
        try:
            yield
        except Failure as failure:
            if failure.reason is Reason.THROTTLED:
                bucket.throttled(sent, self._clock())
                gate.tell()
            elif failure.reason not in _PASSING:
                self._answered(gate)
            raise
        else:
            self._answered(gate)

    def _answered(self, gate: _Gate) -> None:
        was_closed = gate.bucket.backoff > 0
        gate.bucket.answered()
        if was_closed:
            gate.tell()
