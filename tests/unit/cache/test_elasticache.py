"""ElastiCache: what is decided of what AWS says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.cachetuning import CacheTuningSpec
from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, AppliedOp, BlockedBy, Risk
from setpoint.cache import decide
from setpoint.cache.elasticache import metrics, rules, settings
from setpoint.cache.elasticache.model import (
    ElastiCacheObserved,
    Metrics,
    Node,
    Parameter,
    ParameterGroup,
)
from setpoint.cache.model import Memory, Observed, Setting
from setpoint.engine.failure import Failure

NOW = datetime(2026, 11, 24, 12, 3, 40, tzinfo=UTC)
OWN = "replicationgroup:sessions"
PARAMETERS = {
    "timeout": Parameter("0", "0-2147483647"),
    "activedefrag": Parameter("no", "yes,no"),
    "maxmemory-policy": Parameter("volatile-lru", "volatile-lru,allkeys-lru,noeviction"),
    "maxmemory-samples": Parameter("3", "1-64", needs_reboot=True),
    "tcp-keepalive": Parameter("300", "0-86400", modifiable=False),
}
NODES = tuple(Node(f"sessions-00{n}", "available", "cache.r7g.large", "7.1") for n in (1, 2))


def group(**values: Any) -> ParameterGroup:
    return replace(ParameterGroup("own", PARAMETERS, users=frozenset({OWN})), **values)


def cache(**values: Any) -> ElastiCacheObserved:
    arn = f"arn:aws:elasticache:eu-central-1:123456789012:{OWN}"
    seen = ElastiCacheObserved(
        arn, OWN, "available", "redis", "7.1", NODES, failover="enabled", group=group()
    )
    return replace(seen, **values)


def spec(config: dict[str, Any] | None = None, **changes: Any) -> CacheTuningSpec:
    named = {"elastiCache": {"replicationGroup": "sessions"}, "config": config or {}}
    return CacheTuningSpec.model_validate({**named, **changes})


def planned(
    config: dict[str, Any], seen: ElastiCacheObserved | None = None, **changes: Any
) -> settings.Planned:
    return settings.plan(spec(config, **changes), seen or cache(), Observed(), Memory())


# Parameters and metrics


@pytest.mark.parametrize(
    ("allowed", "good", "bad"),
    [
        ("1-64", "64", "65"),
        ("-1-2147483647", "-1", "-2"),
        ("yes,no", "yes", "maybe"),
        ("", "anything", None),
        ("some-words", "5", None),
    ],
)
def test_allowed_values_as_aws_writes_them(allowed: str, good: str, bad: str | None) -> None:
    parameter = Parameter("", allowed)
    assert parameter.allows(good)
    assert bad is None or not parameter.allows(bad)


def test_windows_move_once_in_five_minutes() -> None:
    start, end = metrics.window(NOW)
    assert (end - start, end) == (metrics.WINDOW, datetime(2026, 11, 24, 12, 0, tzinfo=UTC))
    assert metrics.window(NOW + timedelta(minutes=2)) == (start, end)
    assert metrics.window(NOW + timedelta(minutes=3))[1] == end + timedelta(minutes=5)


def test_the_newest_datapoint_counts_and_none_is_none() -> None:
    found = metrics.newest(
        [
            {"Id": "hits", "Timestamps": [NOW, NOW - timedelta(hours=1)], "Values": [7, 3]},
            {"Id": "misses", "Timestamps": [], "Values": []},
            {"Id": "lag", "Timestamps": [NOW], "Values": [1], "StatusCode": "PartialData"},
            {"Id": "bytes_1", "Timestamps": [NOW], "Values": [5]},
        ]
    )
    assert found == {"hits": 7.0, "bytes": 5.0}


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [
        ([], None),
        ([{"engine_cpu": 5.0}], None),
        ([{"hits": 90.0, "misses": 10.0}, {"hits": 10.0, "misses": 90.0}], (100.0, 100.0)),
        ([{"hits": 30.0, "rate": 30.0}], (30.0, 70.0)),
        ([{"hits": 0.0, "rate": 0.0}], (0.0, 0.0)),
        ([{"misses": 5.0}], (0.0, 5.0)),
    ],
)
def test_look_ups_of_all_nodes(nodes: list[dict[str, float]], wanted: Any) -> None:
    assert metrics.lookups(nodes) == wanted


@pytest.mark.parametrize(
    ("hits", "misses", "state"),
    [(0.0, 0.0, "NoTraffic"), (50.0, 10.0, "TooFewLookups"), (500.0, 10.0, "OK")],
)
def test_a_rate_has_a_state(hits: float, misses: float, state: str) -> None:
    values = Metrics({"sessions-001": {"hits": hits, "misses": misses}})
    assert rules.rates(cache(metrics=values)).state == state


@pytest.mark.parametrize(
    ("policy", "volatile", "healthy"),
    [
        ("allkeys-lru", 0.0, True),
        ("volatile-lru", 900.0, True),
        ("volatile-lru", 100.0, False),
        ("noeviction", 900.0, False),
    ],
)
def test_a_full_cache_is_healthy_where_it_makes_room(
    policy: str, volatile: float, healthy: bool
) -> None:
    parameters = {**PARAMETERS, "maxmemory-policy": Parameter(policy)}
    values = {"memory": 99.0, "items": 1000.0, "volatile": volatile}
    seen = cache(group=group(parameters=parameters), metrics=Metrics({"sessions-001": values}))
    decision = decide.decide(spec(), Observed(elasticache=seen), Memory(), NOW)
    rules_ = {sample.rule for sample in decision.samples}
    assert ("memoryUsage" in rules_) is not healthy
    found = {finding.id for finding in decision.findings}
    assert bool(found & {"MemoryNearLimit", "NoEvictionNearLimit"}) is not healthy


def test_what_redis_tells_is_not_said_twice() -> None:
    values = {"hits": 1.0, "misses": 999.0, "memory": 99.0, "engine_cpu": 99.0}
    seen = cache(metrics=Metrics({"sessions-001": values}))
    connected = spec(redis={"secretRef": {"name": "r"}})
    found = {f.id for f in rules.findings(rules.Facts(connected, seen))}
    assert found == {"EngineCPUHigh"}
    assert "LowHitRate" in {f.id for f in rules.findings(rules.Facts(spec(), seen))}


# The plan


def test_nothing_is_planned_for_what_is_as_it_should_be() -> None:
    assert planned({"timeout": 0, "activedefrag": False}) == settings.Planned()
    assert planned({}, cache(group=group(name="default.redis7"))) == settings.Planned()


def test_what_goes_together_goes_in_one_call() -> None:
    found = planned({"timeout": 60, "activedefrag": True})
    first, second = found.actions
    assert {first.field, second.field} == {"timeout", "activedefrag"}
    assert dict(first.payload.values) == {"timeout": "60", "activedefrag": "yes"}
    assert second.payload is None
    records = [action.record for action in found.actions if action.record is not None]
    assert {(r.field, r.original) for r in records} == {("timeout", "0"), ("activedefrag", "no")}


@pytest.mark.parametrize(
    ("changes", "blocked"),
    [
        ({}, [None, BlockedBy.STATE]),
        ({"approval": "None"}, [None, None]),
        ({"mode": "Plan"}, [None, None]),
    ],
)
def test_a_risky_policy_does_not_hold_up_the_rest(
    changes: dict[str, Any], blocked: list[BlockedBy | None]
) -> None:
    config = {"maxmemoryPolicy": "allkeys-lru", "timeout": 60, "acknowledge": ["unseen keys"]}
    found = planned(config, **changes)
    assert sorted(str(a.blocked_by) for a in found.actions) == sorted(map(str, blocked))
    risks = {action.field: action.risk for action in found.actions}
    assert risks == {"timeout": Risk.LOW, "maxmemory-policy": Risk.HIGH}
    carried = [set(a.payload.values) for a in found.actions if a.payload is not None]
    assert len(carried) == (2 if not changes else 1)


def test_a_policy_whose_keys_are_not_seen_does_not_hold_up_the_rest() -> None:
    config = {"maxmemoryPolicy": "allkeys-lru", "timeout": 60}
    found = planned(config, redis={"secretRef": {"name": "r"}}, approval="None")
    timeout, policy = found.actions
    assert (timeout.field, timeout.blocked_by) == ("timeout", None)
    assert (dict(timeout.payload.values), dict(policy.payload.values)) == (
        {"timeout": "60"}, {"maxmemory-policy": "allkeys-lru"}
    )  # fmt: skip
    assert policy.blocked_by is BlockedBy.STATE
    assert "cannot be seen" in policy.reason


@pytest.mark.parametrize(
    ("seen", "reason", "part"),
    [
        (cache(group=group(name="default.redis7.cluster.on")), Reason.REJECTED, "family redis7 "),
        (cache(is_global=True), Reason.REJECTED, "global datastore"),
        (cache(group=group(users=frozenset({OWN, "cluster:a"}))), Reason.REJECTED, "cluster:a"),
        (
            cache(group=None, group_failure=Failure(Reason.ACCESS_DENIED, "no")),
            Reason.ACCESS_DENIED,
            "no",
        ),
    ],
    ids=["default", "global", "shared", "unreadable"],
)
def test_a_group_that_must_be_left_alone(
    seen: ElastiCacheObserved, reason: Reason, part: str
) -> None:
    found = planned({"timeout": 60}, seen)
    [failure] = found.failures
    assert (failure.reason, found.actions) == (reason, ())
    assert part in failure.message


def test_a_shared_group_needs_names_and_grants() -> None:
    users = frozenset({OWN, "cluster:a", "cluster:b"})
    shared = {"elastiCache": {"replicationGroup": "sessions", "sharedWith": ["cluster:a"]}}
    found = planned({"timeout": 60}, cache(group=group(users=users)), **shared)
    assert "cluster:b," in found.failures[0].message
    shared["elastiCache"]["sharedWith"] = ["cluster:a", "cluster:b"]
    assert len(planned({"timeout": 60}, cache(group=group(users=users)), **shared).actions) == 1
    foreign = group(users=users, ungranted=frozenset({"cluster:b"}))
    assert planned({"timeout": 60}, cache(group=foreign), **shared).failures[0].reason == (
        Reason.NOT_GRANTED
    )


@pytest.mark.parametrize(
    "seen",
    [
        cache(state="snapshotting"),
        cache(nodes=(replace(NODES[0], state="modifying"),)),
        cache(nodes=(replace(NODES[0], parameters="applying"),)),
    ],
)
def test_nothing_is_sent_while_aws_is_at_work(seen: ElastiCacheObserved) -> None:
    found = planned({"timeout": 60}, seen)
    assert [action.blocked_by for action in found.actions] == [BlockedBy.STATE]
    assert not found.failures


def test_what_waits_for_a_reboot_is_said() -> None:
    waiting = cache(nodes=(NODES[0], replace(NODES[1], parameters="pending-reboot")))
    found = planned({"maxmemorySamples": 3}, waiting)
    assert found.pending.startswith("maxmemory-samples of own takes effect on sessions-002")
    assert planned({"timeout": 0}, waiting).pending == "", "it is somebody else's that waits"
    [action] = planned({"maxmemorySamples": 5}).actions
    assert "next reboot" in action.reason


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"tcpKeepalive": 60}, Reason.UNSUPPORTED),
        ({"lfuDecayTime": 5}, Reason.UNSUPPORTED),
        ({"maxmemoryPolicy": "volatile-ttl", "acknowledge": ["unseen keys"]}, Reason.REJECTED),
        ({"maxmemoryPolicy": "allkeys-lru"}, Reason.REJECTED),
    ],
    ids=["fixed", "unknown", "value", "unseen"],
)
def test_one_bad_parameter_does_not_hold_up_the_others(
    config: dict[str, Any], reason: Reason
) -> None:
    found = planned({**config, "timeout": 60})
    assert [failure.reason for failure in found.failures] == [reason]
    assert [action.field for action in found.actions] == ["timeout"]


def test_another_group_is_nobodys_reversion() -> None:
    made = Memory(settings={"timeout": Setting("60", 1, frozenset({"own"}))})
    wanted = spec({"timeout": 60})
    put_back = settings.remember(wanted, 1, group(), made)
    assert put_back.settings["timeout"].reversions == 1
    moved = settings.remember(wanted, 1, group(name="other"), made)
    assert moved.settings["timeout"].reversions == 0
    assert settings.remember(wanted, 2, group(), made).settings == {}, "of another spec"


def test_revert_puts_back_what_differs_in_one_call() -> None:
    def applied(field: str, original: str, where: str = "own") -> Applied:
        name = f"elasticache/parametergroup:{where}"
        return Applied(object=name, field=field, op=AppliedOp.CHANGED, original=original)

    entries = [applied("timeout", "30"), applied("activedefrag", "no")]
    [action] = settings.revert(cache(), entries, frozenset())
    assert dict(action.payload.values) == {"timeout": "30"}
    with pytest.raises(Failure) as caught:
        settings.revert(cache(state="modifying"), entries, frozenset())
    assert caught.value.reason is Reason.BUSY
    shared = cache(group=group(users=frozenset({OWN, "cluster:a"})))
    with pytest.raises(Failure, match="shared with cluster:a"):
        settings.revert(shared, entries, frozenset())
    elsewhere = [*entries[1:], applied("timeout", "5", "another")]
    with pytest.raises(Failure, match="timeout of another"):
        settings.revert(cache(), elsewhere, frozenset())


def test_findings_of_what_could_not_be_looked_at_stay() -> None:
    def item(identity: str, thing: str) -> dict[str, Any]:
        return {
            "id": identity, "object": thing, "severity": "Warning", "confidence": "High",
            "message": "m", "evidence": "e", "remedy": "r", "firstSeen": "2026-11-24T00:00:00Z",
        }  # fmt: skip

    status = {"findings": {"items": [item("BigKey", "k"), item("EngineCPUHigh", "elasticache/a")]}}
    both = spec(redis={"secretRef": {"name": "r"}})
    seen = Observed(elasticache=cache(), failures=(Failure(Reason.CONNECTION_FAILED, "away"),))
    decision = decide.decide(both, seen, Memory(), NOW, 1, status)
    assert [finding.id for finding in decision.findings] == ["BigKey"]
    assert [failure.message for failure in decision.failures] == ["away"]
