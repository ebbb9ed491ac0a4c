"""The hit rate at other sizes, against exact LRU caches on generated traces."""

import itertools
import random
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from setpoint.cache.info import Info
from setpoint.cache.sizer import measured
from setpoint.cache.sizing import MOST_KEYS, Sizing, is_sampled, rate_for
from setpoint.cache.sizing_cli import told

SEED, KEYS, REQUESTS, PER_SECOND, POLLS, RATE = 20261124, 20_000, 240_000, 500, 200, 0.25


def zipf(draw: random.Random, exponent: float) -> list[int]:
    weights = list(itertools.accumulate(1 / (n + 1) ** exponent for n in range(KEYS)))
    return draw.choices(range(KEYS), cum_weights=weights, k=REQUESTS)


def churning(draw: random.Random) -> list[int]:
    """What is popular moves on: after a while, other keys are."""
    return [key + n // 60 for n, key in enumerate(zipf(draw, 0.9))]


def two_speeds(draw: random.Random) -> list[int]:
    """A small hot set, and a large one of which each key is seldom used."""
    return [
        draw.randrange(2000) if draw.random() < 0.7 else draw.randrange(2000, KEYS)
        for _ in range(REQUESTS)
    ]


TRACES = {
    "zipf 0.7": lambda draw: zipf(draw, 0.7),
    "zipf 0.9": lambda draw: zipf(draw, 0.9),
    "zipf 1.1": lambda draw: zipf(draw, 1.1),
    "churning": churning,
    "two speeds": two_speeds,
}


def exact(trace: Sequence[int], size: int) -> float:
    """The hit rate of an LRU cache in the second half of the trace."""
    cache: OrderedDict[int, None] = OrderedDict()
    hits, half = 0, len(trace) // 2
    for n, key in enumerate(trace):
        if key in cache:
            cache.move_to_end(key)
            hits += n >= half
            continue
        cache[key] = None
        if len(cache) > size:
            cache.popitem(last=False)
    return hits / (len(trace) - half)


def polled(trace: Sequence[int]) -> Sizing:
    """What polls in the second half of the trace tell."""
    sizing, half = Sizing(RATE), len(trace) // 2
    used: dict[bytes, float] = {}
    every = half // POLLS
    for n, key in enumerate(trace):
        if n >= half and (n - half) % every == 0:
            now = n / PER_SECOND
            sizing.poll(now, {name: int(now - at) for name, at in used.items()}, n)
        if is_sampled(name := b"key:%d" % key, RATE):
            used[name] = n / PER_SECOND
    return sizing


@pytest.mark.parametrize("name", TRACES)
def test_it_is_near_to_exact_lru(name: str) -> None:
    print("seed", SEED)
    trace = TRACES[name](random.Random(SEED))
    curve = polled(trace).curve(12)
    assert len(curve) >= 9, "most sizes are covered"
    errors = [abs(point.hit_rate - exact(trace, round(point.keys))) for point in curve]
    assert sum(errors) / len(errors) <= 0.015
    assert [p.hit_rate for p in curve] == sorted(p.hit_rate for p in curve)


def test_it_knows_how_far_it_can_be_trusted() -> None:
    trace = zipf(random.Random(SEED), 0.9)
    for point in polled(trace).curve(12):
        assert 0 < point.error < 0.05


def test_the_curve_in_words() -> None:
    sizing = polled(zipf(random.Random(SEED), 0.9))
    lines = told(sizing, Info({"used_memory": "20000000", "db0": "keys=20000,expires=0"}))
    assert "HIT RATE" in lines[0]
    assert "MiB" in lines[-2]
    assert lines[-1].startswith("a larger cache: unknown")


def test_what_cannot_be_known_is_not_told() -> None:
    assert Sizing(1.0).curve() == []
    sizing = Sizing(1.0)
    for now in range(5):
        sizing.poll(now, {b"a": now}, 10)  # no traffic
    assert sizing.curve() == []
    assert sizing.resident == 1


def test_the_sample_is_bounded() -> None:
    assert rate_for(1000) == 1.0
    assert rate_for(10_000_000) == MOST_KEYS / 10_000_000
    rate = rate_for(200_000)
    chosen = sum(is_sampled(b"user:%d" % n, rate) for n in range(200_000))
    assert chosen == pytest.approx(MOST_KEYS, rel=0.05)


def test_status_has_ten_sizes_with_their_errors() -> None:
    sizing = Sizing(1.0)
    draw = random.Random(SEED)
    used = dict.fromkeys((b"k%d" % n for n in range(1000)), 0.0)
    lookups = 0
    for number in range(60):
        now = 10.0 * number
        for key in draw.choices(list(used), k=200):
            used[key] = now
            lookups += 1
        sizing.poll(now, {key: int(now - at) for key, at in used.items()}, lookups)
    found = measured(
        sizing,
        Info({"used_memory": "2000000", "db0": "keys=1000,expires=0"}),
        datetime(2026, 11, 24, tzinfo=UTC),
    )
    assert found.unknown == ""
    assert 5 <= len(found.points) <= 10
    assert (found.points[-1].keys, found.points[-1].memory) == (1000, "1.9 MiB")
    rates = [float(point.hit_rate.rstrip("%")) for point in found.points]
    assert rates == sorted(rates)
    assert found.points[0].error.startswith("±")


def test_status_says_why_nothing_is_known() -> None:
    found = measured(Sizing(1.0), Info({}), datetime(2026, 11, 24, tzinfo=UTC))
    assert (found.points, found.unknown) == ([], "too few look-ups while it was watched")
