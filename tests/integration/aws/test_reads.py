"""Coalesced reads of the strict stand-in: its ledger counts the calls, its faults spoil them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.reads import Freshness, Reads, ScalableId
from setpoint.aws.throttle import Throttle
from setpoint.config import Config
from setpoint.engine.failure import Failure
from setpoint.trust.grants import Grants
from stack import shop
from stack.aws.client import AwsStack
from tests.integration.aws.account import NAMESPACE, REGION, gateway, new_account

DIMENSION = "ecs:service:DesiredCount"
EVERY = Freshness(timedelta(minutes=10))


class Clock:
    """Stands still but for the tests."""

    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def account(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    return new_account(aws, monkeypatch)


@pytest.fixture
async def own(account: AwsStack) -> AsyncIterator[AWSGateway]:
    opened = gateway()
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reads(own: AWSGateway, clock: Clock) -> Reads:
    return Reads(own, clock)


def scope(name: str) -> Scope:
    return Scope(NAMESPACE, None, REGION, f"service/prod/{name}")


def target(name: str) -> ScalableId:
    return ScalableId("ecs", f"service/prod/{name}", DIMENSION)


async def settle(own: AWSGateway) -> None:
    """Until nothing runs in the background any more."""
    while own._tasks:
        await asyncio.wait(own._tasks)


def create(account: AwsStack, names: Sequence[str], policies: int = 0) -> None:
    shop.create_ecs_service(account, "prod", names[0], 1)
    client = account.boto3_client("ecs", REGION)
    for name in names[1:]:
        client.create_service(
            cluster="prod", serviceName=name, taskDefinition=names[0], desiredCount=1
        )
    scaling = account.boto3_client("application-autoscaling", REGION)
    for name in names:
        base = {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/prod/{name}",
            "ScalableDimension": DIMENSION,
        }
        scaling.register_scalable_target(**base, MinCapacity=1, MaxCapacity=5)
        for number in range(policies):
            scaling.put_scaling_policy(
                **base,
                PolicyName=f"policy-{number}",
                PolicyType="StepScaling",
                StepScalingPolicyConfiguration={
                    "AdjustmentType": "ChangeInCapacity",
                    "StepAdjustments": [{"ScalingAdjustment": 1, "MetricIntervalLowerBound": 0}],
                },
            )
    account.clear_ledger()


def calls(account: AwsStack) -> dict[str, int]:
    return dict(Counter(entry["operation"] for entry in account.ledger()))


async def failure(awaited: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        await awaited
    return caught.value


async def test_targets_come_by_fifty(account: AwsStack, reads: Reads, clock: Clock) -> None:
    names = [f"s{n}" for n in range(60)]
    create(account, names)
    for _ in range(2):
        for name in names:
            found = await reads.scalable_target(scope(name), target(name), EVERY)
            assert found is not None
            assert (found["ResourceId"], found["MaxCapacity"]) == (f"service/prod/{name}", 5)
        first = calls(account)
        account.clear_ledger()
        clock.now += 600
    assert first == {"DescribeScalableTargets": 2}


async def test_what_is_not_registered_is_none(account: AwsStack, reads: Reads) -> None:
    create(account, ["a"])
    results = await asyncio.gather(
        *(reads.scalable_target(scope(n), target(n), EVERY) for n in ("a", "bare"))
    )
    assert results[0] is not None
    assert results[1] is None
    assert calls(account) == {"DescribeScalableTargets": 1}


async def test_services_come_by_ten_of_a_cluster(account: AwsStack, reads: Reads) -> None:
    names = [f"s{n}" for n in range(12)]
    create(account, names)
    found = await asyncio.gather(
        *(reads.ecs_service(scope(n), "prod", n, EVERY) for n in [*names, "gone"])
    )
    assert [service and service["serviceName"] for service in found] == [*names, None]
    assert all("events" not in (service or {}) for service in found)
    assert found[0] is not None
    assert found[0]["deployments"][0]["rolloutState"] == "COMPLETED"
    assert calls(account) == {"DescribeServices": 2}


async def test_a_cluster_that_is_not_there(account: AwsStack, reads: Reads) -> None:
    failed = await failure(reads.ecs_service(scope("a"), "none", "a", EVERY))
    assert failed.reason is Reason.TARGET_NOT_FOUND
    assert "service/prod/a" in failed.message


async def test_policies_are_listed_for_the_whole_namespace(
    account: AwsStack, own: AWSGateway, reads: Reads, clock: Clock
) -> None:
    names = [f"s{n}" for n in range(12)]
    create(account, names, policies=2)
    for name in names:
        found = await reads.scaling_policies(scope(name), target(name), EVERY)
        assert [policy["PolicyName"] for policy in found] == ["policy-0", "policy-1"]
    assert calls(account) == {"DescribeScalingPolicies": 12}
    account.clear_ledger()
    clock.now += 600
    for name in names:
        await reads.scaling_policies(scope(name), target(name), EVERY)
    await settle(own)
    for name in names:
        found = await reads.scaling_policies(scope(name), target(name), EVERY)
        assert {policy["ResourceId"] for policy in found} == {f"service/prod/{name}"}
        assert len(found) == 2
    assert calls(account) == {"DescribeScalingPolicies": 3}


async def test_after_a_write_one_resource_is_read_anew(
    account: AwsStack, reads: Reads, clock: Clock
) -> None:
    create(account, ["a"], policies=1)
    await reads.scaling_policies(scope("a"), target("a"), EVERY)
    account.boto3_client("application-autoscaling", REGION).delete_scaling_policy(
        PolicyName="policy-0",
        ServiceNamespace="ecs",
        ResourceId="service/prod/a",
        ScalableDimension=DIMENSION,
    )
    clock.now += 1
    after = Freshness(EVERY.every, since=reads.clock())
    assert list(await reads.scaling_policies(scope("a"), target("a"), after)) == []


async def test_scheduled_actions(account: AwsStack, reads: Reads) -> None:
    create(account, ["a"])
    account.boto3_client("application-autoscaling", REGION).put_scheduled_action(
        ServiceNamespace="ecs",
        ResourceId="service/prod/a",
        ScalableDimension=DIMENSION,
        ScheduledActionName="night",
        Schedule="cron(0 22 * * ? *)",
        ScalableTargetAction={"MinCapacity": 0},
    )
    [found] = await reads.scheduled_actions(scope("a"), target("a"), EVERY)
    assert found["ScheduledActionName"] == "night"


async def test_activities_are_the_newest_twenty_and_renewed_by_listing(
    account: AwsStack, own: AWSGateway, reads: Reads, clock: Clock
) -> None:
    names = [f"s{n}" for n in range(8)]
    create(account, names)
    start = datetime.now(UTC)
    for number in range(70):  # two days, oldest first
        account.add_activity(
            REGION, "service/prod/s0", ActivityId=f"old-{number}",
            StartTime=(start - timedelta(minutes=40 * (70 - number))).isoformat(),
            NotScaledReasons=[{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 5}],
        )  # fmt: skip
    for name in names:
        await reads.scaling_activities(scope(name), target(name), EVERY)
    found = await reads.scaling_activities(scope("s0"), target("s0"), EVERY)
    old = [a["ActivityId"] for a in found if a["ActivityId"].startswith("old")]
    assert old == [f"old-{number}" for number in range(69, 69 - len(old), -1)]
    assert len(found) == 20
    assert any(activity.get("NotScaledReasons") for activity in found)

    account.add_activity(REGION, "service/prod/s0", ActivityId="new")
    account.clear_ledger()
    clock.now += 600
    for _ in range(2):
        for name in names:
            found = await reads.scaling_activities(scope(name), target(name), EVERY)
        await settle(own)
    found = await reads.scaling_activities(scope("s0"), target("s0"), EVERY)
    assert (found[0]["ActivityId"], len(found)) == ("new", 20)
    assert calls(account)["DescribeScalingActivities"] <= 2


async def test_alarms_come_by_a_hundred_names(account: AwsStack, reads: Reads) -> None:
    client = account.boto3_client("cloudwatch", REGION)
    names = [f"alarm-{n}" for n in range(120)]
    for name in names:
        client.put_metric_alarm(
            AlarmName=name, ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=3,
            MetricName="CPUUtilization", Namespace="AWS/ECS", Period=60, Statistic="Average",
            Threshold=70,
        )  # fmt: skip
    account.clear_ledger()
    found = await reads.alarms(scope("a"), [*names, "gone"], EVERY)
    assert sorted(found) == sorted(names)
    assert found["alarm-7"]["Threshold"] == 70
    assert calls(account) == {"DescribeAlarms": 2}


def queries(name: str) -> list[dict[str, Any]]:
    metric = {
        "Namespace": "AWS/ECS",
        "MetricName": "CPUUtilization",
        "Dimensions": [
            {"Name": "ClusterName", "Value": "prod"},
            {"Name": "ServiceName", "Value": name},
        ],
    }
    stat = {"Metric": metric, "Period": 60, "Stat": "Average"}
    return [
        {"Id": "cpu", "MetricStat": stat},
        {"Id": "half", "Expression": "cpu / 2"},
    ]


async def test_metrics_of_many_resources_are_one_call(account: AwsStack, reads: Reads) -> None:
    names = [f"s{n}" for n in range(5)]
    for number, name in enumerate(names):
        dimensions = {"ClusterName": "prod", "ServiceName": name}
        account.set_metric(REGION, "AWS/ECS", "CPUUtilization", dimensions, 10.0 * number + 10)
    end = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    start = end - timedelta(minutes=5)
    found = await asyncio.gather(
        *(reads.metric_data(scope(n), n, queries(n), start, end) for n in names)
    )
    for number, results in enumerate(found):
        by_id = {result["Id"]: set(result["Values"]) for result in results}
        assert by_id == {"cpu": {10.0 * number + 10}, "half": {5.0 * number + 5}}
    assert calls(account) == {"GetMetricData": 1}


async def test_without_a_grant_nothing_is_read_nor_filled(account: AwsStack) -> None:
    granted = [f"service/prod/{name}" for name in ("a", "b")]
    opened = gateway({"namespaces": [NAMESPACE], "regions": [REGION], "resources": granted})
    reads = Reads(opened)
    refused = await failure(reads.scalable_target(scope("c"), target("c"), EVERY))
    assert refused.reason is Reason.NOT_GRANTED
    assert account.ledger() == []
    await opened.close()


async def test_throttling_of_one_api_costs_few_calls_and_leaves_the_others(
    account: AwsStack, clock: Clock
) -> None:
    """Also where Application Auto Scaling hides that CloudWatch throttles it."""
    create(account, ["a"])
    disguised = {
        "service": "application-autoscaling", "operation": "DescribeScalingPolicies",
        "kind": "refuse", "code": "FailedResourceAccessException",
        "message": "Unable to retrieve alarms for scaling policy: Rate exceeded",
    }  # fmt: skip
    account.set_faults([disguised])
    grant = {"namespaces": [NAMESPACE], "regions": [REGION], "resources": ["*"]}
    config = Config.model_validate({"grants": [grant]})
    opened = AWSGateway(lambda: config, Grants(lambda: config), Throttle(draw=lambda: 0.2))
    reads = Reads(opened, clock)
    results = await asyncio.gather(
        *(reads.scaling_policies(scope(f"s{n}"), target(f"s{n}"), EVERY) for n in range(100)),
        return_exceptions=True,
    )
    assert [getattr(result, "reason", None) for result in results] == [Reason.THROTTLED] * 100
    assert len(account.ledger()) < 20, "the first burst, then one at a time"
    assert await reads.scalable_target(scope("a"), target("a"), EVERY) is not None
    await opened.close()


async def test_the_end_of_the_gateway_ends_what_is_under_way(
    account: AwsStack, own: AWSGateway, reads: Reads
) -> None:
    account.set_faults([{"service": "ecs", "operation": "*", "kind": "delay", "delay_ms": 1000}])
    waiting = asyncio.ensure_future(reads.ecs_service(scope("a"), "prod", "a", EVERY))
    await asyncio.sleep(0.1)
    await own.close()
    assert (await failure(waiting)).reason is Reason.CONNECTION_FAILED
