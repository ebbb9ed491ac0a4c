"""Calls in their turn: who waits, who is sent away, and what AWS is spared."""

import asyncio
import time

import pytest
from prometheus_client import REGISTRY

from setpoint.api.conditions import Reason
from setpoint.aws.throttle import Throttle
from setpoint.engine.failure import Failure

READ = ("111111111111", "eu-central-1", "cloudwatch", "describe_alarms")
WRITE = ("111111111111", "eu-central-1", "application-autoscaling", "put_scaling_policy")


class AWS:
    """Counts what reaches it; `reason` is its answer."""

    def __init__(self, draw: float = 1.0) -> None:
        self.throttle = Throttle(draw=lambda: draw)
        self.calls = 0
        self.at_once = self.most_at_once = 0
        self.reason: Reason | None = None

    async def call(self, lane: tuple[str, str, str, str] = READ, patience: float = 5.0) -> None:
        async with self.throttle.turn(*lane, patience):
            self.calls += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            await asyncio.sleep(0)
            self.at_once -= 1
            if self.reason is not None:
                raise Failure(self.reason, "no")


async def reasons(*calls: "asyncio.Future[None]") -> list[Reason | None]:
    results = await asyncio.gather(*calls, return_exceptions=True)
    return [result.reason if isinstance(result, Failure) else None for result in results]


def asked(aws: AWS, number: int, patience: float = 0.0) -> list["asyncio.Future[None]"]:
    return [asyncio.ensure_future(aws.call(patience=patience)) for _ in range(number)]


async def test_while_aws_throttles_calls_are_not_sent() -> None:
    aws = AWS()
    aws.reason = Reason.THROTTLED
    assert await reasons(*asked(aws, 1)) == [Reason.THROTTLED]
    with pytest.raises(Failure, match="nothing is asked until") as caught:
        await aws.call(patience=0.5)
    assert caught.value.reason is Reason.THROTTLED
    assert aws.calls == 1


async def test_those_who_wait_for_a_token_learn_at_once_that_aws_throttles() -> None:
    aws, start = AWS(), time.monotonic()
    aws.reason = Reason.THROTTLED
    assert await reasons(*asked(aws, 100)) == [Reason.THROTTLED] * 100
    assert time.monotonic() - start < 5, "100 tokens take half a minute"
    assert aws.calls == 6, "the burst, which was under way together"


async def test_a_short_pause_is_waited_for_and_one_call_tries_for_all() -> None:
    aws, start = AWS(draw=0.1), time.monotonic()
    aws.reason = Reason.THROTTLED
    await reasons(*asked(aws, 1))
    aws.reason = None
    assert await reasons(*asked(aws, 4, patience=5)) == [None] * 4
    assert time.monotonic() - start < 0.9, "the first answer opens it for the others"
    assert aws.calls == 5


async def test_patience_is_for_all_pauses_together() -> None:
    aws = AWS(draw=0.5)
    aws.reason = Reason.THROTTLED
    await reasons(*asked(aws, 1))
    assert await reasons(*asked(aws, 9, patience=3)) == [Reason.THROTTLED] * 9
    assert aws.calls == 3, "after 0.5 s and 1 s; then 2 s are too much for what is left of 3"


async def test_other_apis_regions_and_accounts_go_on() -> None:
    aws = AWS()
    aws.reason = Reason.THROTTLED
    await reasons(*asked(aws, 1))
    aws.reason = None
    for lane in (
        ("222222222222", *READ[1:]),
        (READ[0], "us-east-1", *READ[2:]),
        (*READ[:3], "get_metric_data"),
    ):
        await aws.call(lane, patience=0)
    assert aws.calls == 4


@pytest.mark.parametrize("reason", [Reason.ACCESS_DENIED, Reason.REJECTED])
async def test_any_answer_but_throttling_opens_it_again(reason: Reason) -> None:
    aws = AWS(draw=0.0)
    aws.reason = Reason.THROTTLED
    await reasons(*asked(aws, 1))
    aws.reason = reason
    assert await reasons(*asked(aws, 1)) == [reason]
    assert await reasons(*asked(aws, 3)) == [reason] * 3


async def test_writes_of_application_auto_scaling_go_one_by_one() -> None:
    aws = AWS()
    await asyncio.gather(*(aws.call(WRITE) for _ in range(6)))
    assert aws.most_at_once == 1
    await asyncio.gather(*(aws.call() for _ in range(6)))
    assert aws.most_at_once > 1


async def test_one_who_is_cancelled_takes_no_token() -> None:
    aws = AWS()
    await asyncio.gather(*(aws.call() for _ in range(6)))
    waiting = asked(aws, 30, patience=5)
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    start = time.monotonic()
    await aws.call()
    assert time.monotonic() - start < 2, "thirty tokens take ten seconds"
    assert aws.calls == 7


async def test_operators_see_it() -> None:
    aws = AWS()
    account = "333333333333"
    labels = {"account": account, "region": READ[1], "service": READ[2], "api": READ[3]}
    aws.reason = Reason.THROTTLED
    call = {"service": READ[2], "operation": READ[3]}
    before = REGISTRY.get_sample_value("setpoint_aws_withheld_total", call) or 0
    for _ in range(2):
        with pytest.raises(Failure):
            await aws.call((account, *READ[1:]), patience=0)
    assert REGISTRY.get_sample_value("setpoint_aws_backoff_seconds", labels) == 1
    assert REGISTRY.get_sample_value("setpoint_aws_withheld_total", call) == before + 1
