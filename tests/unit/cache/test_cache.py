"""The cache's window, decisions, passes and patterns."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.cachetuning import CacheTuningSpec, DefaultTTL, SweepPhase, SweepStatus
from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy, Risk
from setpoint.cache import decide, errors, passes, settings, target, window
from setpoint.cache.glob import matcher
from setpoint.cache.info import Info
from setpoint.cache.layouts import SampledKey
from setpoint.cache.model import Memory, NodeLook, Observed, Setting, Survey
from setpoint.cache.passes import Position
from setpoint.cache.sweep_preview import Preview
from setpoint.engine.failure import Failure

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FIELDS = {
    "redis_version": "7.0.15", "run_id": "r1", "uptime_in_seconds": "10000", "role": "master",
    "keyspace_hits": "1000", "keyspace_misses": "0", "used_memory": "50",
    "mem_not_counted_for_evict": "0", "maxmemory": "100", "total_system_memory": "1000",
    "maxmemory_policy": "noeviction", "db0": "keys=10,expires=2,avg_ttl=0",
}  # fmt: skip


def info(**changes: Any) -> Info:
    return Info({**FIELDS, **{name: str(value) for name, value in changes.items()}})


def look(**changes: Any) -> Observed:
    return Observed((NodeLook("a:6379", info(**changes)),))


SEEN = look()
SURVEYED = Survey(NOW, ())


def spec(**changes: Any) -> CacheTuningSpec:
    return CacheTuningSpec.model_validate({"redis": {"secretRef": {"name": "r"}}, **changes})


def rates(*steps: dict[str, Any], minutes: float = 1.0, own: int = 0) -> window.Rates:
    return window.rates(window.Window((windowed(*steps, minutes=minutes, own=own),)))


def windowed(*steps: dict[str, Any], minutes: float = 1.0, own: int = 0) -> window.Node:
    samples: tuple[Any, ...] = ()
    for number, changes in enumerate(steps):
        at = NOW + number * timedelta(minutes=minutes)
        samples = window.extend(samples, window.sample(info(**changes), at, own * number))
    return window.node("cache", info(**steps[-1]), samples)


def test_one_sample_is_no_rate() -> None:
    assert rates({}).state == "Collecting"


def test_the_rate_is_of_the_window_and_has_bounds() -> None:
    found = rates({}, {"keyspace_hits": 1060, "keyspace_misses": 140})
    assert (found.state, found.hit_rate, found.lookups) == ("OK", 30.0, 200)
    assert found.low is not None
    assert found.high is not None
    assert 23 < found.low < 25
    assert 36 < found.high < 38


def test_no_traffic_and_too_few_look_ups_are_states_and_never_nan() -> None:
    assert rates({}, {}).state == "NoTraffic"
    assert rates({}, {}).hit_rate is None
    few = rates({}, {"keyspace_misses": 99})
    assert (few.state, few.is_telling) == ("TooFewLookups", False)


@pytest.mark.parametrize(
    "after",
    [
        {"run_id": "r2", "keyspace_hits": 5000},
        {"uptime_in_seconds": 3, "keyspace_hits": 5000},
        {"keyspace_hits": 5, "keyspace_misses": 5},
        {"keyspace_hits": 1200, "evicted_keys": -1},
    ],
    ids=["failover", "restart", "RESETSTAT", "any counter down"],
)
def test_a_reset_begins_a_new_window(after: dict[str, Any]) -> None:
    assert rates({}, after).state == "Collecting"


def test_a_clock_that_jumps_back_begins_a_new_window() -> None:
    assert rates({}, {"keyspace_hits": 2000}, minutes=-5).state == "Collecting"


def test_our_own_look_ups_do_not_count() -> None:
    found = rates({}, {"keyspace_hits": 1150, "keyspace_misses": 50}, own=100)
    assert (found.hit_rate, found.lookups) == (50.0, 100)


def test_the_window_slides_and_a_long_interval_still_has_one() -> None:
    steps = [{"keyspace_hits": 1000 + 100 * n, "keyspace_misses": 10 * n * n} for n in range(12)]
    assert windowed(*steps).seconds == window.WINDOW.total_seconds()
    assert rates(*steps[:2], minutes=30).state == "OK"


def decided(observed: Observed, memory: Memory = Memory(), /, **changes: Any) -> Any:  # noqa: B008
    return decide.decide(spec(**changes), observed, memory, NOW, 1)


def ids(decision: Any) -> list[str]:
    return [finding.id for finding in decision.findings]


def before(minutes: int = 1, **changes: Any) -> Memory:
    at = NOW - timedelta(minutes=minutes)
    return Memory(samples={"r1": (window.sample(info(**changes), at),)})


def test_a_low_hit_rate_is_a_finding_and_a_sample() -> None:
    found = decided(look(keyspace_misses=500), before(keyspace_hits=500))
    assert ids(found) == ["LowHitRate"]
    [hit_rate, _] = found.samples
    assert (hit_rate.value, hit_rate.breached) == (50.0, True)


def test_findings_are_ignored_until_a_day() -> None:
    ignored = [{"finding": "LowHitRate", "reason": "cold on purpose", "until": "2026-11-23"}]
    seen, memory = look(keyspace_misses=500), before(keyspace_hits=500)
    assert ids(decided(seen, memory, ignore=ignored)) == []
    ignored[0]["until"] = "2026-11-22"
    assert ids(decided(seen, memory, ignore=ignored)) == ["LowHitRate"]


def test_few_look_ups_say_nothing() -> None:
    found = decided(look(keyspace_misses=50), before(keyspace_hits=990))
    assert found.findings == []
    assert found.samples[0].value is None


def test_memory_is_judged_by_its_policy() -> None:
    assert ids(decided(look(used_memory=99))) == ["NoEvictionNearLimit"]
    healthy = decided(look(used_memory=99, maxmemory_policy="allkeys-lru"))
    assert healthy.findings == []
    assert [s.rule for s in healthy.samples] == ["hitRate"]
    assert ids(decided(look(used_memory=99, maxmemory_policy="volatile-lru")))
    assert ids(decided(look(used_memory=99, mem_not_counted_for_evict=40))) == []


def test_without_maxmemory_the_container_counts_or_the_machine_with_doubt() -> None:
    seen = look(maxmemory=0, used_memory=900)
    [near, unset] = decided(seen).findings
    assert (near.id, unset.id) == ("MemoryNearLimit", "MaxmemoryUnset")
    assert "not known to Redis" in near.evidence
    limited = {"secretRef": {"name": "r"}, "memoryLimit": "1Ki"}
    [near, _] = decided(seen, redis=limited).findings
    assert "88% of spec.redis.memoryLimit" in near.evidence


LRU: dict[str, Any] = {"config": {"maxmemoryPolicy": "allkeys-lru"}}


def test_an_evicting_policy_is_risky_and_the_same_one_is_no_action() -> None:
    memory = Memory(survey=SURVEYED)
    [action] = decided(SEEN, memory, **LRU).actions
    assert (action.risk, action.from_, action.to) == (Risk.HIGH, "noeviction", "allkeys-lru")
    assert action.blocked_by is None
    assert action.record is not None
    assert action.record.original == "noeviction"
    assert decided(look(maxmemory_policy="allkeys-lru"), memory, **LRU).actions == []
    [change] = decided(look(maxmemory_policy="allkeys-lfu"), memory, **LRU).actions
    assert change.risk is Risk.MEDIUM


def test_an_evicting_policy_waits_until_all_names_are_seen() -> None:
    going = Survey(NOW, (("r1", 0, 17),))
    found = decided(SEEN, Memory(survey=going), **LRU)
    assert found.actions[0].blocked_by is BlockedBy.STATE
    assert found.again == timedelta(seconds=1)


def test_the_guard_refuses_and_an_acknowledgement_lets_through() -> None:
    queue = (SampledKey(b"queue:default", "list"),)
    memory = Memory(survey=Survey(NOW, (), found=queue))
    refused = decided(SEEN, memory, **LRU)
    assert refused.actions == []
    assert refused.failures[0].reason is Reason.REJECTED
    assert "queue (Sidekiq) such as queue:default" in refused.failures[0].message
    known = {"config": {**LRU["config"], "acknowledge": ["Sidekiq"]}}
    assert len(decided(SEEN, memory, **known).actions) == 1
    in_force = look(maxmemory_policy="allkeys-lru")
    assert ids(decided(in_force, memory)) == ["UnsafePolicy"]
    assert ids(decided(in_force, memory, **known)) == []


def test_a_volatile_policy_needs_keys_with_a_ttl() -> None:
    volatile: dict[str, Any] = {"config": {"maxmemoryPolicy": "volatile-lru"}}
    memory = Memory(survey=SURVEYED)
    [failure] = decided(SEEN, memory, **volatile).failures
    assert "only 20% of the bytes have a TTL" in failure.message
    assert decided(look(db0="keys=10,expires=9"), memory, **volatile).failures == []


def test_what_cannot_be_looked_at_is_not_made_to_evict() -> None:
    blind = replace(SEEN, denied=frozenset({"scan"}))
    [failure] = decided(blind, Memory(survey=SURVEYED), **LRU).failures
    assert failure.reason is Reason.ACCESS_DENIED
    assert "ACL SETUSER default +scan" in failure.message


def test_settings_are_set_where_a_server_differs() -> None:
    config = {"maxmemory-samples": "10"}
    nodes = (
        NodeLook("a", info(), config),
        NodeLook("b", info(role="slave", run_id="r2"), {"maxmemory-samples": "5"}),
    )
    [action] = decided(Observed(nodes), config={"maxmemorySamples": 10}).actions
    assert (action.from_, action.to, action.risk) == ("5", "10", Risk.LOW)


def test_maxmemory_that_would_refuse_every_write_is_refused() -> None:
    seen = look(used_memory=2**21)
    found = decided(seen, config={"maxmemory": "1Mi"})
    assert (found.actions, found.failures[0].reason) == ([], Reason.REJECTED)
    limited = {"secretRef": {"name": "r"}, "memoryLimit": "2Mi"}
    found = decided(seen, redis=limited, config={"maxmemory": "4Mi"})
    assert found.failures[0].reason is Reason.INVALID_SPEC


def test_another_controller_is_noticed_after_two_reversions() -> None:
    wanted = spec(config={"maxmemorySamples": 10})
    ours = Observed((NodeLook("a", info(), {"maxmemory-samples": "10"}),))
    theirs = Observed((NodeLook("a", info(), {"maxmemory-samples": "5"}),))
    made = Setting("10", 1, frozenset({"r1"}))
    memory = Memory(settings={"maxmemory-samples": made})
    for reversions in (1, 2):
        memory = settings.remember(wanted, 1, ours, memory)
        memory = settings.remember(wanted, 1, theirs, memory)
        memory = settings.remember(wanted, 1, theirs, memory)
        assert memory.settings["maxmemory-samples"].reversions == reversions
    found = decide.decide(wanted, theirs, memory, NOW, 1)
    assert (found.actions, found.failures[0].reason) == ([], Reason.TARGET_CONFLICT)
    assert settings.remember(wanted, 2, theirs, memory).settings == {}, "a new spec begins anew"


def test_a_restart_is_no_reversion() -> None:
    wanted = spec(config={"maxmemorySamples": 10})
    restarted = Observed((NodeLook("a", info(run_id="r9"), {"maxmemory-samples": "5"}),))
    made = Setting("10", 1, frozenset({"r1"}))
    memory = settings.remember(wanted, 1, restarted, Memory(settings={"maxmemory-samples": made}))
    assert memory.settings["maxmemory-samples"].reversions == 0
    assert len(decide.decide(wanted, restarted, memory, NOW, 1).actions) == 1


TTL: dict[str, Any] = {"defaultTTL": {"ttl": "1h", "include": ["*"]}}
SETTINGS = DefaultTTL.model_validate(TTL["defaultTTL"])


def test_the_first_sweep_of_a_data_store_is_risky() -> None:
    assert decided(SEEN, **TTL).actions[0].risk is Risk.HIGH
    cache = look(maxmemory_policy="allkeys-lru")
    assert decided(cache, **TTL).actions[0].risk is Risk.MEDIUM
    begun = Memory(sweep=SweepStatus(phase=SweepPhase.RUNNING, digest=passes.digest(SETTINGS)))
    assert decided(SEEN, begun, **TTL).actions[0].risk is Risk.MEDIUM


def test_a_replica_is_never_written_to() -> None:
    found = decided(look(role="slave"), **TTL)
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
    assert passes.begin(SETTINGS, begun, ["r1"], NOW) == begun
    assert passes.begin(SETTINGS, begun, ["r2"], NOW).scanned == 0, (
        "after a failover, from the start"
    )
    garbled = begun.model_copy(update={"cursor": "r1:0:../x"})
    assert passes.begin(SETTINGS, garbled, ["r1"], NOW).scanned == 0
    other = SETTINGS.model_copy(update={"include": ["a*"]})
    assert passes.begin(other, begun, ["r1"], NOW).scanned == 0


NIGHT = {"cron": "0 2 * * *", "duration": "2h", "timeZone": "UTC"}


def test_a_sweep_works_only_while_its_window_is_open() -> None:
    nightly = {"defaultTTL": {**TTL["defaultTTL"], "window": NIGHT}}
    cache = look(maxmemory_policy="allkeys-lru")
    begun = SweepStatus(
        phase=SweepPhase.RUNNING, digest=passes.digest(SETTINGS), cursor="r1:0:77", scanned=5
    )
    wanted = spec(**nightly)
    looked = Preview(passes.digest(SETTINGS), 0, NOW, pending=[])
    closed = decide.decide(wanted, cache, Memory(sweep=begun, preview=looked), NOW)
    assert closed.actions[0].blocked_by is BlockedBy.WINDOW
    assert closed.memory.shown_sweep is not None
    assert closed.memory.shown_sweep.paused == "defaultTTL.window opens 2026-11-24 02:00 UTC"
    assert closed.memory.sweep == begun, "it goes on where it was"
    at_night = NOW.replace(hour=3)
    opened = decide.decide(wanted, cache, Memory(sweep=begun, preview=looked), at_night)
    assert opened.actions[0].blocked_by is None
    shortly = NOW.replace(hour=1, minute=59)
    seen = Memory(samples=opened.memory.samples, preview=looked)
    soon = decide.decide(wanted, cache, seen, shortly).again
    assert soon is not None
    assert soon <= timedelta(seconds=61)


def test_the_pace_of_a_pass_may_change_while_it_runs() -> None:
    slower = SETTINGS.model_copy(update={"max_keys_per_second": 100})
    begun = SweepStatus(
        phase=SweepPhase.RUNNING, digest=passes.digest(SETTINGS), cursor="r1:0:77", scanned=5
    )
    assert passes.begin(slower, begun, ["r1"], NOW) == begun


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
