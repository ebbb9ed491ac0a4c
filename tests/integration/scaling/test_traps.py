"""Each trap of AWS's that an autoscaling controller falls into."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure
from setpoint.scaling.observe import FULL_ROUND
from stack import shop
from tests.integration.aws.account import REGION
from tests.integration.scaling.service import BASE, BOTH, CPU, LOAD_BALANCER, Service, spec

MINUTE = timedelta(minutes=1)
RESOURCE = "service/prod/web"
MORNING = {"name": "morning", "schedule": "cron(0 8 ? * MON-FRI *)", "min": 6}
_PUT = {
    "AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "Threshold",
    "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "AlarmActions", "TreatMissingData",
}  # fmt: skip
STEPS = {
    "name": "steps",
    "metric": "CPU",
    "steps": [{"above": 80, "add": 2}, {"below": 20, "remove": 1}],
}


def alarms(service: Service) -> dict[str, Any]:
    client = service.account.boto3_client("cloudwatch", REGION)
    return {alarm["AlarmName"]: alarm for alarm in client.describe_alarms()["MetricAlarms"]}


def schedules(service: Service) -> dict[str, Any]:
    found = service.client.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
    return {action["ScheduledActionName"]: action for action in found}


def calls(service: Service, since: int) -> list[str]:
    return [call["operation"] for call in service.account.ledger(since)]


async def test_creating_a_setup_is_three_writes_and_two_read_backs(service: Service) -> None:
    before = service.account.last_call()
    await service.loop().attempt()
    made = calls(service, before)
    last_write = max(n for n, name in enumerate(made) if name == "PutScalingPolicy")
    assert len(service.account.mutations(before)) == 3
    assert sorted(made[last_write + 1 :]) == ["DescribeScalableTargets", "DescribeScalingPolicies"]


async def test_between_full_rounds_only_what_moves_is_read(service: Service) -> None:
    loop = service.loop(metrics=LOAD_BALANCER)
    await loop.attempt()
    await loop.attempt()
    before = service.account.last_call()
    await loop.attempt(MINUTE)
    assert set(calls(service, before)) <= {
        "DescribeScalableTargets", "DescribeScalingActivities", "GetMetricData",
    }  # fmt: skip


async def test_nothing_is_written_on_the_strength_of_an_old_look(service: Service) -> None:
    """The list of policies is ten minutes old at times: somebody has repaired it since."""
    loop = service.loop()
    await loop.attempt()
    service.track("memory-scaling", "ECSServiceAverageMemoryUtilization", 99)
    loop.clock.pass_(FULL_ROUND)
    await loop.kind.observe(loop.resource, loop.kind.new_memory(loop.status))  # it is listed so
    service.track("memory-scaling", "ECSServiceAverageMemoryUtilization", 70, ScaleOutCooldown=300, ScaleInCooldown=300)  # fmt: skip
    before = service.account.last_call()
    done = await loop.attempt(MINUTE)
    assert done.gated.actions == []
    assert service.mutations_since(before) == []


async def test_a_policy_deleted_by_hand_comes_back(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    service.client.delete_scaling_policy(**BASE, PolicyName="cpu-scaling")
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == ["PutScalingPolicy"]
    assert service.policies() == {"cpu-scaling": 60, "memory-scaling": 70}


async def test_an_alarm_deleted_by_hand_comes_back(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    names = [name for name in alarms(service) if "AlarmHigh" in name]
    service.account.boto3_client("cloudwatch", REGION).delete_alarms(AlarmNames=names[:1])
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == ["PutScalingPolicy"]
    assert len(alarms(service)) == 4
    again = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(again) == []


async def test_steps_get_their_policies_and_alarms_and_lose_them(service: Service) -> None:
    loop = service.loop(targetTracking=[], stepScaling=[STEPS])
    done = await loop.attempt()
    assert not done.failures
    found = alarms(service)
    assert {name.rpartition("/")[2] for name in found} == {"steps-out", "steps-in"}
    arns = {p["PolicyName"]: p["PolicyARN"] for p in service.client.describe_scaling_policies(**BASE)["ScalingPolicies"]}  # fmt: skip
    for name, alarm in found.items():
        assert alarm["AlarmActions"] == [arns[name.rpartition("/")[2]]]
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == [], "what AWS holds equals what was asked"
    loop.set_spec(spec(targetTracking=[]))
    await loop.attempt()
    assert (alarms(service), service.policies()) == ({}, {})


async def test_an_alarm_of_ours_that_was_changed_is_put_right(service: Service) -> None:
    loop = service.loop(targetTracking=[], stepScaling=[STEPS])
    await loop.attempt()
    client = service.account.boto3_client("cloudwatch", REGION)
    [name] = [name for name in alarms(service) if name.endswith("steps-out")]
    changed = {key: value for key, value in alarms(service)[name].items() if key in _PUT}
    client.put_metric_alarm(**{**changed, "Threshold": 99.0, "EvaluationPeriods": 5})
    await loop.attempt()
    assert (alarms(service)[name]["Threshold"], alarms(service)[name]["EvaluationPeriods"]) == (
        80,
        3,
    )
    client.delete_alarms(AlarmNames=[name])
    await loop.attempt()
    assert name in alarms(service)
    await loop.revert()
    assert (alarms(service), service.policies(), service.bounds()) == ({}, {}, None)


async def test_a_schedule_that_fired_is_no_drift(service: Service) -> None:
    loop = service.loop(schedules=[{**MORNING, "schedule": "rate(1 minute)"}])
    await loop.attempt()
    service.account.fire_schedule(REGION, RESOURCE, "morning")
    assert service.bounds() == (6, 20)
    before = service.account.last_call()
    done = await loop.attempt(MINUTE)
    assert service.mutations_since(before) == []
    assert done.gated.actions == []


async def test_a_schedule_is_put_whole_and_removed_with_the_spec(service: Service) -> None:
    window = {"start": "2027-01-01T00:00:00Z", "end": "2028-01-01T00:00:00Z"}
    loop = service.loop(schedules=[{**MORNING, **window, "timeZone": "Europe/Berlin"}])
    await loop.attempt()
    action = schedules(service)["morning"]
    assert (action["Timezone"], action["StartTime"].year, action["EndTime"].year) == (
        "Europe/Berlin", 2027, 2028,
    )  # fmt: skip
    assert loop.status["schedules"][0]["state"] == "InSync"
    loop.set_spec(spec(schedules=[{**MORNING, **window, "timeZone": "Europe/Berlin", "min": 7}]))
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == ["PutScheduledAction"]
    action = schedules(service)["morning"]
    assert action["ScalableTargetAction"] == {"MinCapacity": 7}
    assert (action["StartTime"].year, action["EndTime"].year) == (2027, 2028)
    loop.set_spec(spec())
    await loop.attempt()
    assert schedules(service) == {}


async def test_a_scheduled_action_by_somebody_else_is_told_and_left(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    service.client.put_scheduled_action(
        **BASE, ScheduledActionName="theirs", Schedule="rate(1 minute)",
        ScalableTargetAction={"MaxCapacity": 50},
    )  # fmt: skip
    service.account.fire_schedule(REGION, RESOURCE, "theirs")
    done = await loop.attempt()
    assert service.bounds() == (2, 50)
    assert [finding.id for finding in done.decision.findings] == ["ForeignSchedule"]


async def test_what_else_differs_is_sent_without_the_bounds_of_a_schedule(service: Service) -> None:
    loop = service.loop(schedules=[{**MORNING, "schedule": "rate(1 minute)"}])
    await loop.attempt()
    service.account.fire_schedule(REGION, RESOURCE, "morning")
    held = {"min": 2, "max": 20, "suspended": {"scaleIn": True}}
    loop.set_spec(spec(capacity=held, schedules=[{**MORNING, "schedule": "rate(1 minute)"}]))
    await loop.attempt(MINUTE)
    assert service.bounds() == (6, 20)
    [target] = service.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is True


async def test_suspended_by_somebody_else_is_told_and_left(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    flags = {"DynamicScalingOutSuspended": True}
    service.client.register_scalable_target(**BASE, SuspendedState=flags)
    before = service.account.last_call()
    done = await loop.attempt()
    assert service.mutations_since(before) == []
    assert [(f.id, f.object) for f in done.decision.findings] == [("ScalingSuspended", "scaleOut")]
    assert loop.status["capacity"]["suspended"] == "scaleOut"


async def test_the_service_is_deployed_meanwhile(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    service.account.set_service(REGION, "prod", "web", deploying=True, running=5)
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == []
    assert loop.status["capacity"]["deploying"] is True
    assert loop.status["capacity"]["running"] == 5


async def test_the_bounds_may_begin_at_zero(service: Service) -> None:
    loop = service.loop(capacity={"min": 0, "max": 3})
    done = await loop.attempt()
    assert service.bounds() == (0, 3)
    assert [finding.id for finding in done.decision.findings] == ["ZeroMinimum"]


async def test_at_maximum_while_aws_wants_more(service: Service) -> None:
    loop = service.loop(capacity={"min": 1, "max": 3})
    service.account.add_activity(
        REGION, RESOURCE, NotScaledReasons=[{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 3, "CurrentCapacity": 3}],
    )  # fmt: skip
    done = await loop.attempt()
    [condition] = done.decision.conditions
    assert condition.reason is Reason.AT_MAXIMUM
    assert [s.breached for s in done.decision.samples if s.rule == "scalingLimited"] == [True]


async def test_an_unknown_word_of_awss_is_not_stumbled_over(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    strange = {
        **BASE, "PolicyName": "new", "PolicyType": "QuantumScaling", "PolicyARN": "arn:aws:x",
        "CreationTime": "2026-11-01T00:00:00Z",
    }  # fmt: skip
    service.account.put_raw(REGION, "ScalingPolicies", [strange])
    before = service.account.last_call()
    done = await loop.attempt()
    assert service.mutations_since(before) == []
    assert not done.failures
    assert [finding.id for finding in done.decision.findings] == ["ForeignPolicy"]


async def test_predictive_scaling_is_created_and_left_alone(service: Service) -> None:
    loop = service.loop(predictiveScaling=[{"metric": "CPU", "target": 55}])
    await loop.attempt()
    [policy] = service.client.describe_scaling_policies(**BASE, PolicyNames=["cpu-forecast"])["ScalingPolicies"]  # fmt: skip
    assert policy["PredictiveScalingPolicyConfiguration"]["Mode"] == "ForecastOnly"
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == []


async def test_another_service_of_aws(service: Service) -> None:
    target = {
        "serviceNamespace": "dynamodb",
        "resourceId": "table/orders",
        "scalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    tracked = [{"metric": "DynamoDBReadCapacityUtilization", "target": 70}]
    loop = service.loop(
        target={"scalableTarget": target}, capacity={"min": 5, "max": 50}, targetTracking=tracked
    )
    done = await loop.attempt()
    assert not done.failures
    assert not done.gated.actions
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == []
    assert loop.status["capacity"] == {"summary": "5-50"}
    await loop.revert()
    found = service.client.describe_scalable_targets(ServiceNamespace="dynamodb")
    assert found["ScalableTargets"] == []


async def test_iam_refused_inside_a_validation_exception(service: Service) -> None:
    service.account.deny({"action": "cloudwatch:PutMetricAlarm"})
    done = await service.loop().attempt()
    assert [failure.reason for failure in done.failures] == [Reason.ACCESS_DENIED]
    assert service.bounds() == (2, 20), "what could be done is done"
    service.account.deny()


async def test_throttling_that_is_disguised_is_throttling(service: Service) -> None:
    fault = {
        "service": "application-autoscaling", "operation": "DescribeScalingPolicies",
        "kind": "refuse", "code": "FailedResourceAccessException", "status": 400,
        "message": "Unable to retrieve alarms: Rate exceeded",
    }  # fmt: skip
    service.account.set_faults([fault])
    with pytest.raises(Failure) as caught:
        await service.loop().attempt()
    assert caught.value.reason is Reason.THROTTLED


async def test_a_page_that_fails_half_way_is_not_half_a_list(service: Service) -> None:
    """Half a list of policies looks as if the others were deleted."""
    service.register(2, 20)
    for number in range(11):
        service.step(f"a-step-{number:02}")
    service.track("z-cpu", CPU, 60, ScaleOutCooldown=300, ScaleInCooldown=300)
    loop = service.loop(targetTracking=BOTH[:1])
    fault = {
        "service": "application-autoscaling", "operation": "DescribeScalingPolicies",
        "kind": "http", "status": 500, "match": {"NextToken": "*"}, "count": 1,
    }  # fmt: skip
    service.account.set_faults([fault])
    before = service.account.last_call()
    with pytest.raises(Failure) as caught:
        await loop.attempt()
    assert caught.value.reason is Reason.CONNECTION_FAILED
    assert service.mutations_since(before) == []
    await loop.attempt()
    assert service.mutations_since(before) == [], "the policy on the second page is seen"


async def test_an_expired_token_is_renewed(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    fault = {"service": "*", "operation": "DescribeScalableTargets", "kind": "refuse", "count": 1,
             "code": "ExpiredTokenException", "status": 400, "message": "expired"}  # fmt: skip
    service.account.set_faults([fault])
    with pytest.raises(Failure) as caught:
        await loop.attempt()
    assert caught.value.reason is Reason.AUTHENTICATION_FAILED
    assert not (await loop.attempt()).failures


async def test_a_service_that_comes_later_is_waited_for(service: Service) -> None:
    target = {"ecs": {"cluster": "prod", "service": "later"}}
    loop = service.loop(target=target)
    [failure] = (await loop.attempt()).failures
    assert failure.reason is Reason.TARGET_NOT_FOUND
    assert "looked for again" in failure.message
    await asyncio.to_thread(shop.create_ecs_service, service.account, "prod", "later", 1)
    assert not (await loop.attempt(timedelta(seconds=5))).failures, "not a full round later"


async def test_tasks_that_come_and_go_are_seen_within_an_interval(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    service.account.set_service(REGION, "prod", "web", running=9)
    shop.set_service_load(service.account, "prod", "web", cpu=40, memory=50)
    fresh = service.loop()
    fresh.status = loop.status
    await fresh.attempt()
    assert fresh.status["capacity"]["running"] == 9


async def test_revert_takes_back_schedules_steps_and_flags(service: Service) -> None:
    service.register(1, 5)
    service.client.put_scheduled_action(
        **BASE, ScheduledActionName="morning", Schedule="rate(1 day)",
        ScalableTargetAction={"MinCapacity": 3},
    )  # fmt: skip
    loop = service.loop(
        capacity={"min": 2, "max": 20, "suspended": {"scaleIn": True}},
        schedules=[MORNING, {"name": "ours", "schedule": "rate(2 days)", "max": 30}],
        stepScaling=[STEPS],
    )
    await loop.attempt()
    assert set(schedules(service)) == {"morning", "ours"}
    await loop.revert()
    assert schedules(service)["morning"]["Schedule"] == "rate(1 day)"
    assert set(schedules(service)) == {"morning"}
    assert (alarms(service), service.policies(), service.bounds()) == ({}, {}, (1, 5))
    [target] = service.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is False


async def test_a_maximum_that_a_forecast_raised_is_no_drift(service: Service) -> None:
    forecast = {
        "metric": "CPU", "target": 55, "mode": "ForecastAndScale",
        "maxCapacityBreach": "IncreaseMaxCapacity", "maxCapacityBuffer": 10,
    }  # fmt: skip
    loop = service.loop(predictiveScaling=[forecast])
    await loop.attempt()
    service.account.set_target(REGION, RESOURCE, MaxCapacity=44, PredictedCapacity=40)
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == []
    assert loop.status["effectiveBounds"] == {"min": 2, "max": 44, "source": "Predictive"}
    service.account.set_target(REGION, RESOURCE, MinCapacity=1, MaxCapacity=44)
    await loop.attempt()
    assert service.mutations_since(before) == ["RegisterScalableTarget"], "the minimum is drift"
    assert service.bounds() == (2, 44), "lowering the maximum would end tasks that run"


async def test_a_list_that_lags_behind_a_write_is_not_written_again(service: Service) -> None:
    service.account.settings(staleCalls=1)
    loop, before = service.loop(), service.account.last_call()
    done = await loop.attempt()
    assert done.gated.runnable, "what was written is not to be seen yet, so it is not Ready"
    await loop.attempt(timedelta(seconds=2))
    assert len(service.mutations_since(before)) == 3
    assert not (await loop.attempt()).gated.actions


async def test_an_alarm_over_metric_math_is_read_back_as_it_was_put(service: Service) -> None:
    math = [
        {"id": "visible", "metric": {"namespace": "AWS/SQS", "metricName": "Visible", "dimensions": {"QueueName": "q"}, "stat": "Sum"}},
        {"id": "each", "expression": "visible / 2", "returnData": True},
    ]  # fmt: skip
    queue = {
        "name": "queue",
        "custom": {"metrics": math},
        "steps": [{"above": "2.5", "add": "50%"}],
    }
    loop = service.loop(targetTracking=[], stepScaling=[queue])
    done = await loop.attempt()
    assert not done.failures
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == []


async def test_the_first_looks_of_many_resources_are_made_together(service: Service) -> None:
    names = service.account.create_services(
        REGION, "prod", "many-", 12, scaling={"min": 2, "max": 20, "cpu": 60, "memory": 70},
        load={"cpu": 40, "memory": 50},
    )  # fmt: skip
    shared = service.loop().kind
    loops = [service.loop(target={"ecs": {"cluster": "prod", "service": name}}) for name in names]
    before = service.account.last_call()
    for loop in loops:
        loop.kind = shared
        shared.announce(loop.resource.key.namespace, loop.resource.spec)
    for loop in loops:
        assert not (await loop.attempt(timedelta(0))).gated.actions
    counts = Counter(calls(service, before))
    assert (counts["DescribeScalableTargets"], counts["DescribeServices"]) == (1, 2)
    assert counts["DescribeScalingPolicies"] == 3, "24 policies, 10 a page"
    assert counts["DescribeScheduledActions"] == counts["GetMetricData"] == 1
    assert counts["DescribeAlarms"] == 1
