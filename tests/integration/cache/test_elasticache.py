"""ElastiCache against the strict stand-in for AWS, and with a real Redis for the keys."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy, Risk
from setpoint.aws.gateway import AWSGateway
from setpoint.aws.reads import Reads
from setpoint.cache.elasticache.model import Order
from setpoint.cache.kind import CacheTuningKind
from setpoint.engine.attempt import Attempt
from setpoint.engine.failure import Failure
from setpoint.engine.plan import APPROVE
from stack.aws.client import AwsStack, iam_policies
from stack.redis import RedisServer
from tests.integration.aws.account import NAMESPACE, REGION, gateway, new_account
from tests.integration.aws.loop import Loop
from tests.integration.cache.conftest import NETWORK, secret_of

GROUP = {"replicationGroup": "sessions"}
OBJECT = "elasticache/parametergroup:own"
READS = {"DescribeReplicationGroups", "DescribeCacheClusters", "DescribeCacheParameters",
         "GetMetricData"}  # fmt: skip


class Secrets:
    """The Secret of the tests' namespace, if the resource names one."""

    def __init__(self, data: Mapping[str, str] | None) -> None:
        self.data = data

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        if self.data is None:
            raise AssertionError(f"the Secret {namespace}/{name} was read")
        return self.data


class Clock:
    """Ours; AWS has its own."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


class Cache:
    """Replication group `sessions` of a primary and a replica with a parameter group of its own, in
    an account of its own. A change takes no time."""

    def __init__(self, account: AwsStack) -> None:
        self.account = account
        self.client = account.boto3_client("elasticache", REGION)
        self.client.create_cache_parameter_group(
            CacheParameterGroupName="own", CacheParameterGroupFamily="redis7", Description="-"
        )
        self.create("sessions")
        account.clear_ledger()

    def create(self, name: str, **more: Any) -> None:
        values = {
            "Engine": "redis",
            "CacheNodeType": "cache.r7g.large",
            "CacheParameterGroupName": "own",
            "ReplicasPerNodeGroup": 1,
            "AutomaticFailoverEnabled": True,
            **more,
        }
        self.client.create_replication_group(
            ReplicationGroupId=name,
            ReplicationGroupDescription="-",
            NumNodeGroups=1,
            **{key: value for key, value in values.items() if value is not None},
        )

    def loop(
        self,
        *,
        cache: Mapping[str, Any] | None = None,
        secret: Mapping[str, str] | None = None,
        aws: AWSGateway | None = None,
        clock: Clock | None = None,
        **spec: Any,
    ) -> Loop:
        own, now = aws or gateway(), clock or Clock()
        kind = CacheTuningKind(Secrets(secret), NETWORK, own, Reads(own), now)
        redis = {"redis": {"secretRef": {"name": "r"}}} if secret is not None else {}
        named = {"aws": {"region": REGION}, "elastiCache": cache or GROUP, **redis}
        return Loop(kind, {**named, **spec}, now)

    def measure(self, node: str = "sessions-001", **values: float) -> None:
        """Steady metrics of a node, a value a minute."""
        for name, value in values.items():
            self.account.set_metric(
                REGION, "AWS/ElastiCache", name, {"CacheClusterId": node}, value, minutes=20
            )

    def set(self, **values: str) -> None:
        """Somebody else does."""
        rows = [
            {"ParameterName": name.replace("_", "-"), "ParameterValue": value}
            for name, value in values.items()
        ]
        self.client.modify_cache_parameter_group(
            CacheParameterGroupName="own", ParameterNameValues=rows
        )
        self.account.clear_ledger()

    def values(self, group: str = "own") -> dict[str, str]:
        answer = self.client.describe_cache_parameters(CacheParameterGroupName=group, Source="user")
        return {row["ParameterName"]: row["ParameterValue"] for row in answer["Parameters"]}

    def sent(self) -> list[dict[str, str]]:
        """What each ModifyCacheParameterGroup that AWS has taken asked for."""
        return [
            {
                row["ParameterName"]: row["ParameterValue"]
                for row in call["params"]["ParameterNameValues"]
            }
            for call in self.account.mutations()
            if call["operation"] == "ModifyCacheParameterGroup" and not call["code"]
        ]


@pytest.fixture
def cache(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> Cache:
    return Cache(new_account(aws, monkeypatch))


def ids(done: Attempt) -> set[str]:
    return {finding.id for finding in done.decision.findings}


def reasons(done: Attempt) -> list[Reason]:
    return [failure.reason for failure in done.failures]


# What is measured


async def test_cloudwatch_stands_in_for_a_connection(cache: Cache) -> None:
    for node, share in {"sessions-001": 1.0, "sessions-002": 0.5}.items():
        cache.measure(
            node, CacheHits=900 * share, CacheMisses=600 * share, Evictions=60 * share,
            CurrItems=1000, CurrVolatileItems=100, DatabaseMemoryUsagePercentage=91,
            DatabaseMemoryUsageCountedForEvictPercentage=90 * share, CurrConnections=60_000,
            EngineCPUUtilization=95, ReplicationLag=30, MemoryFragmentationRatio=1.9,
            BytesUsedForCache=10**9, SwapUsage=2 * 10**8, FreeableMemory=10**8,
        )  # fmt: skip
    loop = cache.loop()
    done = await loop.attempt()
    assert not done.failures
    assert ids(done) == {
        "LowHitRate", "Evictions", "MemoryNearLimit", "KeysWithoutTTL", "ClientsNearLimit",
        "ReplicationLag", "Fragmentation", "EngineCPUHigh", "NodeMemoryPressure",
    }  # fmt: skip
    assert all(f.object.startswith("elasticache/sessions") for f in done.decision.findings)
    samples = {sample.rule: sample.value for sample in done.decision.samples}
    assert samples == {"hitRate": pytest.approx(60), "memoryUsage": pytest.approx(90)}
    shown = loop.status["cache"]
    assert (shown["state"], shown["hitRate"], shown["memoryUsage"]) == ("OK", "60.0%", "90%")
    assert (shown["maxmemoryPolicy"], shown["keysWithoutTtl"]) == ("volatile-lru", "90%")
    assert loop.status["elastiCache"] == {
        "state": "available",
        "engine": "Redis OSS 7.1",
        "nodeType": "cache.r7g.large",
        "nodeMemory": "13.1 GiB, 25% reserved",
        "nodes": 2,
        "automaticFailover": "enabled",
        "parameterGroup": "own",
        "parameters": "in-sync",
    }
    assert {call["operation"] for call in cache.account.ledger()} == READS


async def test_a_healthy_cache_has_no_findings(cache: Cache) -> None:
    for node in ("sessions-001", "sessions-002"):
        cache.measure(
            node, CacheHits=950, CacheMisses=50, CurrItems=1000, CurrVolatileItems=900,
            DatabaseMemoryUsagePercentage=99, EngineCPUUtilization=20, CPUUtilization=20,
            SwapUsage=0, FreeableMemory=10**9, NetworkBandwidthInAllowanceExceeded=0, ReplicationLag=0,
        )  # fmt: skip
    done = await cache.loop().attempt()
    assert ids(done) == set()


async def test_no_traffic_and_no_data_are_states(cache: Cache) -> None:
    loop = cache.loop()
    await loop.attempt()
    assert loop.status["cache"]["state"] == "Collecting"
    cache.measure(CacheHits=0, CacheMisses=0)
    loop = cache.loop()
    done = await loop.attempt()
    assert loop.status["cache"]["state"] == "NoTraffic"
    assert [s.value for s in done.decision.samples if s.rule == "hitRate"] == [None]


async def test_what_all_resources_need_is_read_once(cache: Cache) -> None:
    cache.create("carts")
    shared, clock = gateway(), Clock()
    kind = CacheTuningKind(Secrets(None), NETWORK, shared, Reads(shared, lambda: 0.0), clock)
    loops = [
        Loop(kind, {"aws": {"region": REGION}, "elastiCache": {"replicationGroup": name}}, clock)
        for name in ("sessions", "carts")
    ]
    for loop in loops:
        await loop.attempt()
    assert cache.account.counts()["elasticache:DescribeCacheClusters"] == 1
    clock.now += timedelta(minutes=5)
    cache.account.clear_ledger()
    for loop in loops:
        await loop.attempt()
        await loop.attempt()
    assert cache.account.counts()["cloudwatch:GetMetricData"] == 1


async def test_what_only_aws_knows(cache: Cache) -> None:
    cache.set(reserved_memory_percent="10", databases="32")
    cache.account.set_cache(REGION, "sessions", AutomaticFailover="disabled")
    cache.account.set_cache(REGION, "sessions-002", CacheClusterStatus="incompatible-network")
    loop = cache.loop()
    done = await loop.attempt()
    assert ids(done) == {
        "ReservedMemoryLow", "PendingReboot", "NoAutomaticFailover", "ElastiCacheNeedsAttention"
    }  # fmt: skip
    assert loop.status["elastiCache"]["parameters"] == "pending-reboot: sessions-001, sessions-002"
    assert not done.failures


async def test_a_single_valkey_node(cache: Cache) -> None:
    cache.client.create_cache_cluster(
        CacheClusterId="alone", Engine="valkey", CacheNodeType="cache.t4g.small"
    )
    loop = cache.loop(cache={"cluster": "alone"})
    done = await loop.attempt()
    assert loop.status["elastiCache"]["engine"] == "Valkey 8.0"
    assert ids(done) == {"NoAutomaticFailover", "ReservedMemoryLow"}


async def test_a_serverless_cache(cache: Cache) -> None:
    cache.client.create_serverless_cache(
        ServerlessCacheName="carts", Engine="valkey",
        CacheUsageLimits={"DataStorage": {"Maximum": 10, "Unit": "GB"}},
    )  # fmt: skip
    metrics = {"CacheHits": 300.0, "CacheHitRate": 30, "BytesUsedForCache": 9.5 * 1024**3,
               "ThrottledCmds": 5, "CurrItems": 100, "CurrVolatileItems": 10}  # fmt: skip
    for name, value in metrics.items():
        cache.account.set_metric(
            REGION, "AWS/ElastiCache", name, {"clusterId": "carts"}, value, minutes=20
        )
    loop = cache.loop(cache={"serverlessCache": "carts"})
    done = await loop.attempt()
    assert ids(done) == {"LowHitRate", "MemoryNearLimit", "CommandsThrottled", "KeysWithoutTTL"}
    shown = loop.status["cache"]
    assert (shown["hitRate"], shown["memoryUsage"]) == ("30.0%", "95%")
    assert loop.status["elastiCache"] == {"state": "available", "engine": "Valkey 8.0"}


# What is changed


async def test_what_differs_goes_in_one_call_and_is_read_back(cache: Cache) -> None:
    cache.set(timeout="30")
    config = {"timeout": 60, "activedefrag": True, "maxmemorySamples": 3}
    loop = cache.loop(config=config)
    done = await loop.attempt()
    await loop.attempt()
    assert cache.sent() == [{"timeout": "60", "activedefrag": "yes"}]
    assert cache.values() == {"timeout": "60", "activedefrag": "yes"}
    assert (reasons(done), done.gated.actions) == ([], [])
    assert {(e["object"], e["field"], e["original"]) for e in loop.status["applied"]} == {
        (OBJECT, "timeout", "30"), (OBJECT, "activedefrag", "no")
    }  # fmt: skip
    assert loop.status["cache"]["configSource"] == "ParameterGroup"
    after = [c["operation"] for c in cache.account.ledger()]
    modified = after.index("ModifyCacheParameterGroup")
    assert after[modified + 1] == "DescribeCacheParameters"
    assert sorted(await loop.revert()) == ["activedefrag", "timeout"]
    assert cache.values() == {"timeout": "30", "activedefrag": "no"}


@pytest.mark.parametrize("mode", ["Observe", "Plan"])
async def test_what_may_not_act_only_reads(cache: Cache, mode: str) -> None:
    loop = cache.loop(mode=mode, config={"timeout": 60})
    done = await loop.attempt()
    blocked = BlockedBy.MODE if mode == "Observe" else BlockedBy.APPROVAL
    assert [action.blocked_by for action in done.gated.actions] == [blocked]
    assert cache.account.mutations() == []
    loop.annotations[APPROVE] = done.gated.digest
    await loop.attempt()
    assert cache.sent() == ([] if mode == "Observe" else [{"timeout": "60"}])


async def test_an_approved_plan_goes_as_a_whole(cache: Cache) -> None:
    cache.account.settings(cacheSeconds=60)
    config = {"timeout": 60, "maxmemoryPolicy": "allkeys-lru", "acknowledge": ["unseen keys"]}
    loop = cache.loop(mode="Plan", config=config)
    loop.annotations[APPROVE] = (await loop.attempt()).gated.digest
    done = await loop.attempt()
    assert cache.sent() == [{"timeout": "60", "maxmemory-policy": "allkeys-lru"}]
    assert "applies own to sessions-001, sessions-002" in done.decision.settling
    assert loop.status["elastiCache"]["parameters"].startswith("applying: ")


async def test_only_the_evicting_policy_waits_for_approval(cache: Cache) -> None:
    config = {"timeout": 60, "maxmemoryPolicy": "allkeys-lru", "acknowledge": ["unseen keys"]}
    loop = cache.loop(config=config)
    done = await loop.attempt()
    assert cache.sent() == [{"timeout": "60"}]
    [action] = done.gated.actions
    assert (action.field, action.risk, action.blocked_by) == (
        "maxmemory-policy", Risk.HIGH, BlockedBy.APPROVAL
    )  # fmt: skip
    loop.annotations[APPROVE] = done.gated.digest
    await loop.attempt()
    assert cache.values()["maxmemory-policy"] == "allkeys-lru"


async def test_awss_own_group_is_left_alone(cache: Cache) -> None:
    cache.create("carts", CacheParameterGroupName=None)
    done = await cache.loop(cache={"replicationGroup": "carts"}, config={"timeout": 60}).attempt()
    assert reasons(done) == [Reason.REJECTED]
    assert "default.redis7" in done.failures[0].message
    assert "family redis7" in done.failures[0].message
    as_it_is = cache.loop(cache={"replicationGroup": "carts"}, config={"timeout": 0})
    assert reasons(await as_it_is.attempt()) == []
    assert cache.sent() == []


async def test_a_shared_group_is_changed_only_by_name(cache: Cache) -> None:
    cache.create("carts")
    done = await cache.loop(config={"timeout": 60}).attempt()
    assert reasons(done) == [Reason.REJECTED]
    assert "replicationgroup:carts" in done.failures[0].message
    assert cache.sent() == []
    shared = {**GROUP, "sharedWith": ["replicationgroup:carts"]}
    done = await cache.loop(cache=shared, config={"timeout": 60}).attempt()
    assert reasons(done) == []
    assert cache.sent() == [{"timeout": "60"}]


async def test_a_shared_group_does_not_lead_to_what_is_not_granted(cache: Cache) -> None:
    cache.create("carts")
    shared = {**GROUP, "sharedWith": ["replicationgroup:carts"]}
    own = gateway(
        {"namespaces": [NAMESPACE], "regions": [REGION], "resources": ["replicationgroup:sessions"]}
    )
    done = await cache.loop(cache=shared, aws=own, config={"timeout": 60}).attempt()
    assert reasons(done) == [Reason.NOT_GRANTED]
    assert cache.sent() == []


async def test_a_policy_for_a_shared_group_concerns_keys_that_nobody_sees(
    cache: Cache, servers: dict[str, RedisServer]
) -> None:
    cache.create("carts")
    shared = {**GROUP, "sharedWith": ["replicationgroup:carts"]}
    loop = cache.loop(
        cache=shared,
        secret=secret_of(empty(servers["8.2"])),
        config={"maxmemoryPolicy": "allkeys-lru"},
    )
    done = await loop.attempt()
    assert reasons(done) == [Reason.REJECTED]
    assert "the keys of replicationgroup:carts are not seen" in done.failures[0].message


async def test_a_cache_that_was_given_the_group_meanwhile_does_not_change_along(
    cache: Cache,
) -> None:
    loop = cache.loop(config={"timeout": 60})
    observed = await loop.kind.observe(loop.resource, loop.kind.new_memory({}))
    decision = loop.kind.decide(loop.resource, observed, loop.kind.new_memory({}), loop._now())
    cache.create("carts")
    [action] = decision.actions
    assert isinstance(action.payload, Order)
    with pytest.raises(Failure, match="shared with replicationgroup:carts"):
        await loop.kind.act(loop.resource, action, decision.memory)
    assert cache.sent() == []


async def test_a_group_that_is_being_modified_is_waited_for(cache: Cache) -> None:
    cache.account.set_cache(REGION, "sessions", Status="modifying")
    loop = cache.loop(config={"timeout": 60})
    done = await loop.attempt()
    assert [(a.blocked_by, reasons(done)) for a in done.gated.actions] == [(BlockedBy.STATE, [])]
    assert "sessions is modifying" in done.gated.actions[0].reason
    assert cache.account.mutations() == []
    cache.account.set_cache(REGION, "sessions", Status="available")
    await loop.attempt()
    assert cache.sent() == [{"timeout": "60"}]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidCacheParameterGroupState", Reason.BUSY),
        ("CacheParameterGroupNotFound", Reason.TARGET_NOT_FOUND),
        ("InvalidParameterValue", Reason.REJECTED),
        ("InvalidGlobalReplicationGroupState", Reason.REJECTED),
        ("AccessDenied", Reason.ACCESS_DENIED),
        ("Throttling", Reason.THROTTLED),
    ],
)
async def test_what_aws_refuses_has_a_reason_and_is_tried_again(
    cache: Cache, code: str, reason: Reason
) -> None:
    fault = {"service": "elasticache", "operation": "ModifyCacheParameterGroup", "kind": "refuse"}
    cache.account.set_faults([{**fault, "code": code, "message": "SECRET", "count": 1}])
    loop = cache.loop(config={"timeout": 60})
    done = await loop.attempt()
    assert reasons(done) == [reason]
    assert "SECRET" not in done.failures[0].message
    assert loop.status["applied"] == []
    assert reasons(await loop.attempt()) == []
    assert cache.values() == {"timeout": "60"}


async def test_a_group_of_a_global_datastore_is_left_alone(cache: Cache) -> None:
    member = {"GlobalReplicationGroupId": "g", "GlobalReplicationGroupMemberRole": "PRIMARY"}
    cache.account.set_cache(REGION, "sessions", GlobalReplicationGroupInfo=member)
    done = await cache.loop(config={"timeout": 60}).attempt()
    assert reasons(done) == [Reason.REJECTED]
    assert "global datastore" in done.failures[0].message


async def test_somebody_who_puts_it_back_twice_is_left_alone(cache: Cache) -> None:
    loop = cache.loop(config={"timeout": 60, "activedefrag": True})
    for _ in range(2):
        await loop.attempt()
        cache.set(timeout="0")
    done = await loop.attempt()
    assert reasons(done) == [Reason.TARGET_CONFLICT]
    assert cache.values() == {"timeout": "0", "activedefrag": "yes"}


async def test_what_the_engine_does_not_have_is_named(cache: Cache) -> None:
    done = await cache.loop(config={"latencyMonitorThreshold": 100, "timeout": 60}).attempt()
    assert reasons(done) == [Reason.UNSUPPORTED]
    assert "latency-monitor-threshold" in done.failures[0].message
    assert cache.sent() == [{"timeout": "60"}]


# The guard


async def test_without_a_connection_nobody_sees_the_keys(cache: Cache) -> None:
    done = await cache.loop(config={"maxmemoryPolicy": "allkeys-lru"}).attempt()
    assert reasons(done) == [Reason.REJECTED]
    assert "spec.redis" in done.failures[0].message
    assert reasons(await cache.loop(config={"maxmemoryPolicy": "noeviction"}).attempt()) == []
    assert cache.values() == {"maxmemory-policy": "noeviction"}


async def test_a_policy_with_too_little_to_evict_is_refused_by_cloudwatch(cache: Cache) -> None:
    cache.measure(CurrItems=1000, CurrVolatileItems=100)
    config = {"maxmemoryPolicy": "volatile-ttl", "acknowledge": ["unseen keys"]}
    done = await cache.loop(config=config).attempt()
    assert reasons(done) == [Reason.REJECTED]
    assert "10%" in done.failures[0].message
    assert cache.sent() == []


def empty(server: RedisServer) -> RedisServer:
    with server.client() as client:
        client.flushall()
        client.config_resetstat()
        client.config_set("maxmemory-policy", "noeviction")
    return server


@pytest.mark.parametrize("key", ["queue:default", "product:1"])
async def test_the_guard_looks_at_the_keys(
    cache: Cache, servers: dict[str, RedisServer], key: str
) -> None:
    server = empty(servers["8.2"])
    with server.client() as client:
        client.mset({f"product:{number}": "x" for number in range(1000)})
        if key == "queue:default":
            client.lpush(key, "job")
        client.config_resetstat()
    loop = cache.loop(
        secret=secret_of(server), approval="None", config={"maxmemoryPolicy": "allkeys-lru"}
    )
    for _ in range(3):
        done = await loop.attempt()
    with server.client() as client:
        calls = set(client.info("commandstats"))
    assert not {"cmdstat_config|get", "cmdstat_config|set"} & calls, "ElastiCache refuses CONFIG"
    if key == "queue:default":
        assert reasons(done) == [Reason.REJECTED]
        assert "Sidekiq" in done.failures[0].message
        assert cache.sent() == []
    else:
        assert reasons(done) == []
        assert cache.sent() == [{"maxmemory-policy": "allkeys-lru"}]


# When a part of it cannot be seen


async def test_while_redis_is_away_aws_is_still_asked(
    cache: Cache, servers: dict[str, RedisServer]
) -> None:
    secret = {**secret_of(empty(servers["8.2"]))}
    config = {"maxmemoryPolicy": "allkeys-lru", "timeout": 60}
    loop = cache.loop(secret=secret, approval="None", mode="Plan", config=config)
    await loop.attempt()
    loop.kind._secrets.data = {"host": "127.0.0.1", "port": "1", "password": "x"}  # type: ignore[attr-defined]
    done = await loop.attempt()
    assert reasons(done) == [Reason.CONNECTION_FAILED]
    timeout, policy = done.gated.actions
    assert (timeout.blocked_by, policy.blocked_by) == (BlockedBy.APPROVAL, BlockedBy.STATE)
    assert "cannot be seen" in policy.reason
    assert loop.status["elastiCache"]["state"] == "available"
    assert [s.value for s in done.decision.samples] == [None, None]


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("elasticache:DescribeReplicationGroups", Reason.ACCESS_DENIED),
        ("elasticache:DescribeCacheClusters", Reason.ACCESS_DENIED),
        ("elasticache:DescribeCacheParameters", Reason.ACCESS_DENIED),
        ("elasticache:ModifyCacheParameterGroup", Reason.ACCESS_DENIED),
    ],
)
async def test_what_the_role_lacks_is_said_and_redis_goes_on(
    cache: Cache, servers: dict[str, RedisServer], action: str, reason: Reason
) -> None:
    cache.account.deny({"action": action})
    secret = secret_of(empty(servers["8.2"]))
    loop = cache.loop(secret=secret, config={"timeout": 60})
    done = await loop.attempt()
    assert reasons(done) == [reason]
    assert loop.status["cache"]["nodes"] == 1


async def test_without_metrics_the_rest_goes_on(cache: Cache) -> None:
    cache.account.deny({"action": "cloudwatch:GetMetricData"})
    done = await cache.loop(config={"timeout": 60}).attempt()
    assert (reasons(done), ids(done)) == ([], {"ElastiCacheMetricsUnavailable"})
    assert cache.sent() == [{"timeout": "60"}]


async def test_while_cloudwatch_throttles_nothing_seems_mended(cache: Cache) -> None:
    cache.measure(CacheHits=500, CacheMisses=500)
    clock = Clock()
    loop = cache.loop(clock=clock)
    assert ids(await loop.attempt()) == {"LowHitRate"}
    cache.account.set_faults(
        [{"service": "cloudwatch", "operation": "GetMetricData", "kind": "http", "status": 503}]
    )
    clock.now += timedelta(minutes=5)
    done = await loop.attempt()
    assert (reasons(done), ids(done)) == ([], {"LowHitRate"})
    assert loop.status["cache"]["state"] == "OK"
    clock.now += timedelta(minutes=15)
    assert ids(await loop.attempt()) == set(), "what is that old says nothing any more"
    assert loop.status["cache"]["state"] == "Collecting"


async def test_without_parameters_the_rest_is_measured(cache: Cache) -> None:
    cache.account.deny({"action": "elasticache:DescribeCacheParameters"})
    done = await cache.loop().attempt()
    assert (reasons(done), ids(done)) == ([], {"ElastiCacheParametersUnavailable"})


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({"replicationGroup": "absent"}, Reason.TARGET_NOT_FOUND),
        ({"cluster": "absent"}, Reason.TARGET_NOT_FOUND),
        ({"serverlessCache": "absent"}, Reason.TARGET_NOT_FOUND),
        ({"cluster": "sessions-001"}, Reason.INVALID_SPEC),
        ({"cluster": "memcached"}, Reason.UNSUPPORTED),
    ],
)
async def test_what_is_not_there_or_no_redis(
    cache: Cache, named: dict[str, str], reason: Reason
) -> None:
    cache.client.create_cache_cluster(
        CacheClusterId="memcached", Engine="memcached", CacheNodeType="cache.t4g.small",
        NumCacheNodes=1,
    )  # fmt: skip
    with pytest.raises(Failure) as caught:
        await cache.loop(cache=named).attempt()
    assert caught.value.reason is reason


async def test_the_policies_are_what_is_called(cache: Cache) -> None:
    cache.client.create_serverless_cache(ServerlessCacheName="carts", Engine="valkey")
    for mode, name in (("Observe", "cachetuning-observe"), ("Enforce", "cachetuning-enforce")):
        cache.account.clear_ledger()
        await cache.loop(config={"timeout": 60}, mode=mode).attempt()
        await cache.loop(cache={"serverlessCache": "carts"}, mode=mode).attempt()
        called = {f"{call['service']}:{call['operation']}" for call in cache.account.ledger()}
        [policy] = iam_policies(name)
        assert called == {one for part in policy["Statement"] for one in part["Action"]}


async def test_no_grant_no_call(cache: Cache) -> None:
    other = gateway({"namespaces": [NAMESPACE], "regions": [REGION], "resources": ["db:*"]})
    cache.account.clear_ledger()
    with pytest.raises(Failure) as caught:
        await cache.loop(aws=other).attempt()
    assert caught.value.reason is Reason.NOT_GRANTED
    assert cache.account.ledger() == []


async def test_what_was_changed_is_not_forgotten_while_aws_cannot_be_asked(
    cache: Cache, servers: dict[str, RedisServer]
) -> None:
    secret = secret_of(empty(servers["8.2"]))
    loop = cache.loop(secret=secret, config={"timeout": 60})
    await loop.attempt()
    cache.account.deny({"action": "elasticache:*"})
    with pytest.raises(Failure) as caught:
        await loop.revert()
    assert caught.value.reason is Reason.ACCESS_DENIED
    cache.account.deny()
    assert await loop.revert() == ["timeout"]
