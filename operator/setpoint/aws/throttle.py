"""Lets calls through as fast as AWS may be called, and holds them back while AWS throttles."""

import asyncio
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


@dataclass(frozen=True)
class _Gate:
    bucket: Bucket
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


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
        lane = Lane(account, region, service, api(service, operation))
        gate = self._gates.get(lane)
        if gate is None:
            bucket = Bucket(rate(service, operation), self._clock(), self._draw)
            gate = self._gates[lane] = _Gate(bucket)
        async with AsyncExitStack() as stack:
            asked = self._clock()
            try:
                self._require_open(gate.bucket, lane, asked + patience)
                if gate.bucket.rate.serial:
                    await stack.enter_async_context(gate.lock)
                await self._admit(gate.bucket, lane, asked + patience)
            except Failure:
                WITHHELD.labels(service, operation).inc()
                raise
            finally:
                WAITED.labels(service, operation).inc(self._clock() - asked)
            await stack.enter_async_context(self._sent(gate.bucket, lane))
            yield

    async def _admit(self, bucket: Bucket, lane: Lane, deadline: float) -> None:
        """Wait for a token, then until AWS throttles no more."""
        wait = bucket.reserve(self._clock())
        deadline += wait
        try:
            while True:
                await asyncio.sleep(wait)
                wait = self._require_open(bucket, lane, deadline)
                if not wait:
                    return
        except BaseException:
            bucket.give_back()
            raise

    def _require_open(self, bucket: Bucket, lane: Lane, deadline: float) -> float:
        """Seconds until it is open. Raises Failure if that is past the deadline."""
        now = self._clock()
        wait = bucket.closed_for(now)
        if now + wait > deadline and wait > 0:
            raise Failure(
                Reason.THROTTLED,
                f"AWS throttles {lane.service} {lane.api} in {lane.region}: nothing is asked until "
                "it has had time to recover; it is tried again later",
            )
        return wait

    @asynccontextmanager
    async def _sent(self, bucket: Bucket, lane: Lane) -> AsyncIterator[None]:
        """Learns from the outcome of the one call in the body."""
        sent = self._clock()
        bucket.begin(sent)
        before = bucket.backoff
        try:
            yield
        except Failure as failure:
            if failure.reason is Reason.THROTTLED:
                bucket.throttled(sent, self._clock())
            elif failure.reason not in _PASSING:
                bucket.answered()
            raise
        else:
            bucket.answered()
        finally:
            if bucket.backoff != before:
                BACKOFF.labels(*lane).set(bucket.backoff)
