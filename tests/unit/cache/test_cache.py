"""The cache's window, decisions, passes and patterns."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.cachetuning import CacheTuningSpec, DefaultTTL, SweepPhase, SweepStatus
from setpoint.api.conditions import Reason
from setpoint.api.plan import Risk
from setpoint.cache import decide, errors, passes, target, window
from setpoint.cache.glob import matcher
from setpoint.cache.model import Memory, Observed
from setpoint.cache.passes import Position
from setpoint.engine.failure import Failure

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SEEN = Observed(
    version="7.0.15", run_id="r1", uptime=100, role="master", hits=1000, misses=0,
    used_memory=50, not_counted=0, maxmemory=100, machine_memory=1000, policy="noeviction",
    keyspace={0: (10, 2)},
)  # fmt: skip


def spec(**changes: Any) -> CacheTuningSpec:
    return CacheTuningSpec.model_validate({"redis": {"secretRef": {"name": "r"}}, **changes})


def rates(*steps: Observed, minutes: float = 1.0, own: int = 0) -> window.Rates:
    samples: tuple[Any, ...] = ()
    for number, seen in enumerate(steps):
        samples = window.extend(
            samples, seen, own * number, NOW + number * timedelta(minutes=minutes)
        )
    return window.rates(samples)


def test_one_sample_is_no_rate() -> None:
    assert rates(SEEN).state == "Collecting"


def test_the_rate_is_of_the_window_and_not_of_a_lifetime() -> None:
    found = rates(SEEN, replace(SEEN, hits=1060, misses=140))
    assert (found.hit_rate, found.lookups) == (30.0, 200)


def test_no_traffic_is_a_state_and_never_nan() -> None:
    assert rates(SEEN, SEEN).state == "NoTraffic"
    assert rates(SEEN, SEEN).hit_rate is None


@pytest.mark.parametrize(
    "after",
    [
        replace(SEEN, run_id="r2", hits=5000),
        replace(SEEN, uptime=3, hits=5000),
        replace(SEEN, hits=5, misses=5),
        replace(SEEN, hits=1200, misses=-1),
    ],
    ids=["failover", "restart", "RESETSTAT", "counter down"],
)
def test_a_reset_begins_a_new_window(after: Observed) -> None:
    assert rates(SEEN, after).state == "Collecting"


def test_our_own_look_ups_do_not_count() -> None:
    found = rates(SEEN, replace(SEEN, hits=1150, misses=50), own=100)
    assert (found.hit_rate, found.lookups) == (50.0, 100)


def test_the_window_slides_and_a_long_interval_still_has_one() -> None:
    steps = [replace(SEEN, hits=1000 + 100 * n, misses=10 * n * n) for n in range(12)]
    samples: tuple[Any, ...] = ()
    for number, seen in enumerate(steps):
        samples = window.extend(samples, seen, 0, NOW + number * timedelta(minutes=1))
    assert len(samples) == 6
    assert rates(*steps[:2], minutes=30).state == "OK"


def decided(observed: Observed, memory: Memory = Memory(), /, **changes: Any) -> Any:  # noqa: B008
    return decide.decide(spec(**changes), observed, memory, NOW)


def test_a_low_hit_rate_is_a_finding_and_a_sample() -> None:
    memory = Memory(
        samples=window.extend((), replace(SEEN, hits=500), 0, NOW - timedelta(minutes=1))
    )
    found = decided(replace(SEEN, hits=1000, misses=500), memory)
    assert [f.id for f in found.findings] == ["LowHitRate"]
    [hit_rate, _] = found.samples
    assert (hit_rate.value, hit_rate.breached) == (50.0, True)


def test_few_look_ups_say_nothing() -> None:
    memory = Memory(
        samples=window.extend((), replace(SEEN, hits=990), 0, NOW - timedelta(minutes=1))
    )
    found = decided(replace(SEEN, misses=50), memory)
    assert found.findings == []
    assert found.samples[0].value is None


def test_memory_is_judged_by_its_policy() -> None:
    full = replace(SEEN, used_memory=99)
    assert [f.id for f in decided(full).findings] == ["HighMemoryUsage"]
    healthy = decided(replace(full, policy="allkeys-lru"))
    assert healthy.findings == []
    assert [s.rule for s in healthy.samples] == ["hitRate"]
    assert [f.id for f in decided(replace(full, policy="volatile-lru")).findings]
    unlimited = decided(replace(full, maxmemory=0, used_memory=900, policy="allkeys-lru"))
    assert "not known to Redis" in unlimited.findings[0].evidence
    buffers = decided(replace(full, not_counted=40))
    assert buffers.findings == [], "what eviction does not count is no usage"


def test_an_evicting_policy_is_risky_and_the_same_one_is_no_action() -> None:
    config: dict[str, Any] = {"config": {"maxmemoryPolicy": "allkeys-lru"}}
    [action] = decided(SEEN, **config).actions
    assert (action.risk, action.from_, action.to) == (Risk.HIGH, "noeviction", "allkeys-lru")
    assert action.record is not None
    assert action.record.original == "noeviction"
    assert decided(replace(SEEN, policy="allkeys-lru"), **config).actions == []
    [change] = decided(replace(SEEN, policy="allkeys-lfu"), **config).actions
    assert change.risk is Risk.MEDIUM


TTL: dict[str, Any] = {"defaultTTL": {"ttl": "1h", "include": ["*"]}}
SETTINGS = DefaultTTL.model_validate(TTL["defaultTTL"])


def test_the_first_sweep_of_a_data_store_is_risky() -> None:
    assert decided(SEEN, **TTL).actions[0].risk is Risk.HIGH
    cache = replace(SEEN, policy="allkeys-lru")
    assert decided(cache, **TTL).actions[0].risk is Risk.MEDIUM
    begun = Memory(sweep=SweepStatus(phase=SweepPhase.RUNNING, digest=passes.digest(SETTINGS)))
    assert decided(SEEN, begun, **TTL).actions[0].risk is Risk.MEDIUM


def test_a_replica_is_never_written_to() -> None:
    found = decided(replace(SEEN, role="slave"), **TTL)
    assert found.actions == []
    assert found.failures[0].reason is Reason.REJECTED


def done(hours_ago: float, settings: DefaultTTL = SETTINGS) -> SweepStatus:
    at = (NOW - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return SweepStatus(phase=SweepPhase.DONE, digest=passes.digest(settings), completed_at=at)


def test_a_pass_comes_again_after_the_ttl_or_with_other_settings() -> None:
    assert passes.is_due(SETTINGS, None, NOW)
    assert not passes.is_due(SETTINGS, done(0.9), NOW)
    assert passes.is_due(SETTINGS, done(1.1), NOW)
    other = SETTINGS.model_copy(update={"include": ["a*"]})
    assert passes.is_due(other, done(0.1), NOW)
    short = SETTINGS.model_copy(update={"ttl": timedelta(minutes=1)})
    assert not passes.is_due(short, done(0.5, short), NOW), "at least an hour"


def test_a_pass_is_resumed_only_where_it_was() -> None:
    name = passes.digest(SETTINGS)
    begun = SweepStatus(phase=SweepPhase.RUNNING, digest=name, cursor="r1:0:77", scanned=5)
    assert passes.begin(SETTINGS, begun, "r1", NOW) == begun
    assert passes.begin(SETTINGS, begun, "r2", NOW).scanned == 0, "after a failover, from the start"
    garbled = begun.model_copy(update={"cursor": "r1:0:../x"})
    assert passes.begin(SETTINGS, garbled, "r1", NOW).scanned == 0
    other = SETTINGS.model_copy(update={"include": ["a*"]})
    assert passes.begin(other, begun, "r1", NOW).scanned == 0


def test_positions() -> None:
    assert Position.read(str(Position("r1", 3, 77))) == Position("r1", 3, 77)
    assert passes.advance(Position("r1", 0, 5), 9, [0, 3]) == Position("r1", 0, 9)
    assert passes.advance(Position("r1", 0, 5), 0, [0, 3]) == Position("r1", 3)
    assert passes.advance(Position("r1", 3, 5), 0, [0, 3]) is None
    assert passes.first("r1", []) is None


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("*", b"", True), ("*", b"\xff\x00\n", True), ("a*c", b"abbc", True), ("a?c", b"abc", True),
        ("a?c", b"ac", False), ("a[bc]d", b"abd", True), ("a[^b]d", b"abd", False),
        ("a[a-c]d", b"abd", True), ("a[c-a]d", b"abd", True), ("a\\*c", b"a*c", True),
        ("a\\*c", b"abc", False), ("a.c", b"abc", False), ("user:*", b"user:1", True),
        ("user:*", b"xuser:1", False), ("[]]", b"]", False), ("a[", b"a", False),
        ("ключ*", "ключ1".encode(), True),
    ],
)  # fmt: skip
def test_patterns(pattern: str, key: bytes, matches: bool) -> None:
    assert matcher([pattern], [])(key) is matches


def test_exclude_wins() -> None:
    wanted = matcher(["*"], ["pinned:*"])
    assert wanted(b"a")
    assert not wanted(b"pinned:1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "WRONGPASS invalid username-password pair or user is disabled.",
            Reason.AUTHENTICATION_FAILED,
        ),
        ("NOAUTH Authentication required.", Reason.AUTHENTICATION_FAILED),
        ("this user has no permissions to run the 'config' command", Reason.ACCESS_DENIED),
        ("NOPERM User op has no permissions to run the 'config|set' command", Reason.ACCESS_DENIED),
        ("unknown command `CONFIG`, with args beginning with: `SET`", Reason.UNSUPPORTED),
        ("LOADING Redis is loading the dataset in memory", Reason.BUSY),
        ("MASTERDOWN Link with MASTER is down", Reason.BUSY),
        ("READONLY You can't write against a read only replica.", Reason.REJECTED),
        ("certificate verify failed: Hostname mismatch", Reason.TLS_FAILED),
        ("Timeout reading from 10.0.0.1:6379", Reason.TIMED_OUT),
        ("Error 111 connecting: Connection refused", Reason.CONNECTION_FAILED),
    ],
)
def test_errors(text: str, reason: Reason) -> None:
    found = errors.classify("config|set", text, answered=False)
    assert found.reason is reason
    assert text not in found.message


@pytest.mark.parametrize(
    "data",
    [
        {"url": "unix:///x"}, {"url": "http://h:1"}, {"url": "redis://h:99999"}, {"url": "redis://"},
        {"url": "redis://h:1/0?socket_path=/x"}, {"host": "a,b"}, {"host": "/var/run/redis"}, {},
        {"host": "h", "port": "x"}, {"host": "h", "tls": "maybe"},
    ],
    ids=str,
)  # fmt: skip
def test_secrets_that_cannot_be_used(data: dict[str, str]) -> None:
    with pytest.raises(Failure) as caught:
        target.from_secret("redis", data)
    assert caught.value.reason is Reason.SECRET_INVALID


def test_secrets_that_can() -> None:
    found = target.from_secret("redis", {"url": "rediss://u%40:p%3A@h:7/0", "ca.crt": "PEM"})
    assert (found.host, found.port, found.username, found.password) == ("h", 7, "u@", "p:")
    assert (found.tls, found.ca) == (True, "PEM")
    assert target.from_secret("redis", {"host": "h"}).port == 6379
    assert target.from_secret("redis", {"host": "h", "ca.crt": "PEM"}).tls
