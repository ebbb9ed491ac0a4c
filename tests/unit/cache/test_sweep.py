"""The pure parts of the default TTL's sweep: spread, pace, limits, choice."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.cachetuning import DefaultTTL, KeyType, PrefixCount, SweepPhase, SweepStatus
from setpoint.cache import passes
from setpoint.cache.info import Info
from setpoint.cache.kin import Kin
from setpoint.cache.pace import Pace
from setpoint.cache.sweep_choice import Choice
from setpoint.cache.sweep_limits import brake, forecast, vitals
from setpoint.cache.sweep_spread import MIN_TTL_SECONDS, spread

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def settings(**given: Any) -> DefaultTTL:
    return DefaultTTL.model_validate({"ttl": "1h", "include": ["*"], **given})


def test_few_keys_are_spread_by_the_jitter() -> None:
    found = spread(HOUR, 10, 1000)
    assert (found.low, found.high, found.is_calm) == (3240, 3960, True)
    assert str(found) == "54m to 1h6m"


def test_many_keys_are_spread_so_that_they_expire_at_two_thousand_a_second() -> None:
    found = spread(HOUR, 10, 4_000_000)
    assert (found.low, found.high) == (3240, 5240)
    assert found.per_second == pytest.approx(2000, rel=0.01)


def test_no_ttl_becomes_longer_than_twice_and_the_rate_is_told() -> None:
    found = spread(HOUR, 10, 40_000_000)
    assert found.high == 7200
    assert not found.is_calm
    assert "10,101 keys a second" in str(found)


@pytest.mark.parametrize(("ttl", "jitter"), [(60, 50.0), (60, 0.0), (61, 10.0), (90, 50.0)])
def test_no_ttl_is_so_short_that_it_deletes(ttl: int, jitter: float) -> None:
    found = spread(timedelta(seconds=ttl), jitter, 100)
    draws = [found.draw() for _ in range(1000)]
    assert min(draws) >= MIN_TTL_SECONDS
    assert max(draws) <= found.high
    assert found.per_second > 0


def test_it_keeps_to_its_rate_and_catches_up_only_a_little() -> None:
    now, pace = 0.0, Pace(10_000, 0.0)
    for _ in range(1000):
        now += 0.001
        now += pace.after(50, 0.001, now)
    assert 1000 * 50 / now == pytest.approx(10_000, rel=0.02)
    now += 10  # a suspended machine
    quick = 0
    while not (wait := pace.after(50, 0.001, now)):
        quick += 1
    assert quick <= 2, "no burst after a gap"
    assert wait <= 0.01


def test_it_slows_down_when_its_round_trips_do_and_recovers() -> None:
    pace, now = Pace(50_000, 0.0), 0.0
    for _ in range(20):
        now += 0.001
        pace.after(32, 0.0003, now)
    for _ in range(4):
        now += 0.005
        pace.after(32, 0.005, now)
    assert pace.rate < 5000
    for _ in range(100):
        now += 0.005
        pace.after(32, 0.005, now)
    assert pace.rate == pytest.approx(1000), "never to a standstill"
    for _ in range(100):
        now += 0.001
        pace.after(32, 0.0003, now)
    assert pace.rate == 50_000


CALM = {"maxmemory": "1000000", "used_memory": "100000", "maxmemory_policy": "noeviction"}


@pytest.mark.parametrize(
    ("fields", "keys", "why"),
    [
        ({}, 1000, ""),
        ({"rdb_bgsave_in_progress": "1"}, 1000, "forked"),
        ({"aof_rewrite_in_progress": "1"}, 1000, "forked"),
        ({"loading": "1"}, 1000, "loads"),
        ({"slave0": "ip=a,port=1,state=send_bulk,offset=0,lag=0"}, 1000, "synchronised"),
        ({"slave0": "ip=a,port=1,state=online,offset=0,lag=30"}, 1000, "lags"),
        (
            {"slave0": "ip=a,port=1,state=online,offset=1,lag=0", "master_repl_offset": "900000"},
            1000, "lags",
        ),
        (
            {"slave0": "ip=a,port=1,state=online,offset=99,lag=1", "master_repl_offset": "120"},
            1000, "",
        ),
        ({}, 100_000, "fill the memory"),
        ({"used_memory": "940000", "mem_not_counted_for_evict": "500000"}, 1000, ""),
        ({"maxmemory": "0"}, 10**9, ""),
        ({"maxmemory_policy": "allkeys-lru", "used_memory": "999000"}, 1000, ""),
        ({"maxmemory_policy": "allkeys-lru", "used_memory": "999000"}, 5000, "evict"),
    ],
)  # fmt: skip
def test_it_waits_while_the_server_has_other_burdens(
    fields: dict[str, str], keys: int, why: str
) -> None:
    found = brake(vitals(Info({**CALM, **fields})), keys)
    assert bool(found) is bool(why)
    assert why in found


def test_the_forecast() -> None:
    assert forecast(1_000_000) == "40.5 MB of memory, 70.0 MB of replication"


@pytest.mark.parametrize(
    ("include", "key", "kind", "is_protected"),
    [
        (["*"], b"page:1", "string", False),
        (["*"], b"bull:mail:1", "hash", True),
        (["bull:*"], b"bull:mail:1", "hash", False),
        (["b*"], b"bull:mail:1", "hash", True),
        (["*", "page:*"], b"bull:mail:1", "hash", True),
        (["shop:*"], b"shop:queue:default", "list", True),
        (["shop:queue:*"], b"shop:queue:default", "list", False),
        (["lock:*"], b"lock:invoice:12", "string", False),
        (["*"], b"lock:invoice:12", "string", True),
        (["*:12"], b"lock:invoice:12", "string", True),
    ],
)
def test_a_layout_is_let_through_only_where_include_names_it(
    include: list[str], key: bytes, kind: str, *, is_protected: bool
) -> None:
    assert Choice(settings(include=include), Kin()).is_protected(key, kind) is is_protected


def test_what_is_judged_for_one_number_holds_for_another() -> None:
    """Keys that differ in digits alone share one judgement; it must be the one of each."""
    from setpoint.cache.layouts import layout_of  # noqa: PLC0415

    choice, draw = Choice(settings(), Kin()), random.Random(20261124)
    names = [b"rq:job:%d", b"user:%d:lock", b"page:%d", b"sess_%020d", b"q:jobs:%d", b"tag:%d:key"]
    for name in names:
        for _ in range(20):
            key = name % draw.randrange(10**12)
            for kind in KeyType:
                assert choice.is_protected(key, str(kind)) is (
                    layout_of(key, str(kind)) is not None
                )


def test_without_no_touch_a_pass_is_repeated_only_with_leave() -> None:
    done = SweepStatus(phase=SweepPhase.DONE, digest=passes.digest(settings()), passes=1)
    assert passes.may_repeat(settings(), None, _of("7.0.15", "allkeys-lru"))
    assert not passes.may_repeat(settings(), done, _of("7.0.15", "allkeys-lru"))
    assert passes.may_repeat(settings(), done, _of("7.0.15", "noeviction"))
    assert passes.may_repeat(settings(), done, _of("7.2.4", "allkeys-lru"))
    assert not passes.may_repeat(settings(), done, _of("8.2.3", "allkeys-lru", "cluster"))
    assert passes.may_repeat(settings(), done, _of("8.4.0", "allkeys-lru", "cluster"))
    leave = settings(acknowledge=["ResetsIdleTime"])
    accepted = done.model_copy(update={"digest": passes.digest(leave)})
    assert passes.may_repeat(leave, accepted, _of("7.0.15", "volatile-lfu"))


def _of(version: str, policy: str, mode: str = "standalone") -> Info:
    return Info({"redis_version": version, "maxmemory_policy": policy, "redis_mode": mode})


def test_every_says_when_a_pass_comes_again() -> None:
    daily = settings(every="24h")
    done = SweepStatus(
        phase=SweepPhase.DONE, digest=passes.digest(daily), completed_at="2026-11-24T00:00:00Z"
    )
    assert not passes.is_due(daily, done, NOW)
    assert passes.is_due(daily, done, NOW + timedelta(hours=12))


def test_types_come_one_after_the_other_where_scan_knows_them() -> None:
    kinds = ("string", "hash")
    begun = passes.first("r", [0, 2], kinds)
    assert begun is not None
    second = passes.advance(begun, 0, [0, 2], kinds)
    assert str(second) == "r:0:0:hash"
    assert passes.Position.read("r:0:0:hash") == second
    assert second is not None
    assert str(passes.advance(second, 0, [0, 2], kinds)) == "r:2:0:string"
    last = passes.Position("r", 2, 5, "hash")
    assert passes.advance(last, 0, [0, 2], kinds) is None


def test_the_prefixes_with_the_most_keys_are_kept() -> None:
    before = [PrefixCount(prefix="a", keys=5)]
    found = passes.ranked(before, {b"a": 1, b"b": 10, b"\xff\n": 2}, limit=2)
    assert [(entry.prefix, entry.keys) for entry in found] == [("b", 10), ("a", 6)]
