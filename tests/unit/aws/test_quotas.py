"""Rates of AWS's APIs, and the bucket that keeps to one and backs off."""

import random

import pytest

from setpoint.aws.quotas import BACKOFF_CEILING, Bucket, Rate, api, rate

AAS = "application-autoscaling"


def bucket(per_second: float = 5, burst: int = 10, draw: float = 0.5) -> Bucket:
    return Bucket(Rate(per_second, burst), 0.0, lambda: draw)


@pytest.mark.parametrize(
    ("service", "operation", "expected"),
    [
        (AAS, "describe_scaling_policies", Rate(5, 10)),
        (AAS, "describe_scalable_targets", Rate(10, 20)),
        (AAS, "put_scaling_policy", Rate(2, 6, serial=True)),
        (AAS, "register_scalable_target", Rate(2, 6, serial=True)),
        (AAS, "tag_resource", Rate(2, 6, serial=True)),
        ("ecs", "describe_services", Rate(10, 20)),
        ("cloudwatch", "describe_alarms", Rate(3, 6)),
        ("cloudwatch", "get_metric_data", Rate(10, 20)),
        ("rds", "modify_db_instance", Rate(20, 40)),
    ],
)
def test_rates(service: str, operation: str, expected: Rate) -> None:
    assert rate(service, operation) == expected


def test_the_writes_of_application_auto_scaling_share_a_bucket() -> None:
    writes = {api(AAS, name) for name in ("put_scaling_policy", "delete_scaling_policy")}
    assert len(writes) == 1
    assert api(AAS, "describe_scaling_policies") not in writes
    assert api("rds", "modify_db_instance") not in writes


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    tokens = bucket()
    waits = [tokens.reserve(0.0) for _ in range(15)]
    assert waits[:10] == [0.0] * 10
    assert waits[10:] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_tokens_come_back_and_never_more_than_the_burst() -> None:
    tokens = bucket()
    for _ in range(10):
        tokens.reserve(0.0)
    assert tokens.reserve(0.2) == 0.0
    assert tokens.reserve(0.2) == pytest.approx(0.2)
    assert sum(tokens.reserve(1000.0) == 0.0 for _ in range(20)) == 10


def test_a_token_given_back_is_the_next_ones() -> None:
    tokens = bucket(burst=1)
    assert tokens.reserve(0.0) == 0.0
    assert tokens.reserve(0.0) == pytest.approx(0.2)
    tokens.give_back()
    assert tokens.reserve(0.0) == pytest.approx(0.2)


def test_backoff_doubles_to_its_ceiling_and_ends_with_a_success() -> None:
    closed, now = bucket(draw=1.0), 0.0
    steps = []
    for _ in range(9):
        closed.throttled(now, now)
        steps.append(closed.closed_for(now))
        now += closed.closed_for(now)
    assert steps == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    closed.answered()
    assert (closed.closed_for(now), closed.backoff) == (0.0, 0.0)
    closed.throttled(now, now)
    assert closed.closed_for(now) == 1


def test_the_jitter_is_full_and_never_above_the_ceiling() -> None:
    draw = random.Random(3).random
    waits = []
    for _ in range(200):
        closed = Bucket(Rate(5, 10), 0.0, draw)
        for now in range(0, 2000, 100):
            closed.throttled(now, now)
        waits.append(closed.closed_for(1900))
    assert 0 <= min(waits) < 3
    assert 57 < max(waits) <= BACKOFF_CEILING


def test_calls_throttled_together_count_once() -> None:
    closed = bucket(draw=1.0)
    for now in (0.1, 0.2, 0.3):
        closed.throttled(0.0, now)
    assert closed.backoff == 1.0


def test_while_aws_may_still_throttle_one_call_at_a_time_tries_it() -> None:
    closed = bucket(draw=0.0)
    closed.begin(0.0)
    assert closed.closed_for(0.0) == 0.0
    closed.throttled(0.0, 0.1)
    assert closed.closed_for(0.1) == 0.0, "the shortest jitter"
    closed.begin(0.1)
    assert closed.closed_for(0.1) > 0.0, "until it is known what AWS says to this one"
    closed.answered()
    assert closed.closed_for(0.2) == 0.0


def test_ten_minutes_of_throttling_are_few_calls_however_many_ask() -> None:
    draw = random.Random(11).random
    closed, sent = Bucket(Rate(5, 10), 0.0, draw), 0
    for tick in range(600 * 50):  # somebody asks 50 times a second
        now = tick / 50
        if closed.closed_for(now) == 0.0:
            closed.begin(now)
            closed.throttled(now, now)
            sent += 1
    assert sent < 60
