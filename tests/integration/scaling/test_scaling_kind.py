"""ScalingPolicy against the strict stand-in for AWS."""

import pytest

from setpoint.api.conditions import Reason
from stack import shop
from tests.integration.aws.account import REGION
from tests.integration.scaling.service import BASE, BOTH, CPU, LOAD_BALANCER, MEMORY, Service, spec


async def test_from_nothing_three_calls_and_then_none(service: Service) -> None:
    loop, before = service.loop(), service.account.last_call()
    done = await loop.attempt()

    assert not done.gated.runnable
    assert not done.failures
    assert service.mutations_since(before) == [
        "RegisterScalableTarget",
        "PutScalingPolicy",
        "PutScalingPolicy",
    ]
    assert service.bounds() == (2, 20)
    assert service.policies() == {"cpu-scaling": 60, "memory-scaling": 70}
    again = service.account.last_call()
    shop.set_service_load(service.account, "prod", "web", cpu=70, memory=30)
    await loop.attempt()
    assert service.mutations_since(again) == [], "nothing differs"


async def test_status_says_what_is(service: Service) -> None:
    shop.set_traffic(service.account, requests=1000, errors=25, seconds=0.18)
    loop = service.loop(metrics=LOAD_BALANCER)
    await loop.attempt()
    assert loop.status["resource"] == "ecs/prod/web"
    assert loop.status["capacity"] == {"desired": 3, "running": 3, "summary": "3 (2-20)"}
    assert loop.status["effectiveBounds"] == {"min": 2, "max": 20, "source": "Spec"}
    assert loop.status["metrics"] == {
        "cpu": "40%", "memory": "50%", "responseTime": "180ms", "errorRate": "2.5%",
        "requests": 5000, "window": "5m",
    }  # fmt: skip
    assert [policy["state"] for policy in loop.status["policies"]] == ["InSync", "InSync"]


async def test_no_traffic_is_no_data(service: Service) -> None:
    done = await service.loop(metrics=LOAD_BALANCER).attempt()
    by_rule = {sample.rule: sample.value for sample in done.decision.samples}
    assert by_rule == {
        "cpu": 40, "memory": 50, "responseTime": None, "errorRate": None, "scalingLimited": 0,
    }  # fmt: skip


async def test_the_metrics_are_one_call_with_both_dimensions(service: Service) -> None:
    before = service.account.last_call()
    await service.loop(mode="Observe", metrics=LOAD_BALANCER).attempt()
    [call] = [c for c in service.account.ledger(before) if c["operation"] == "GetMetricData"]
    queries = call["params"]["MetricDataQueries"]
    metrics = [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]
    assert [metric["MetricName"] for metric in metrics] == [
        "CPUUtilization", "MemoryUtilization", "CPUUtilization", "TargetResponseTime",
        "RequestCount", "HTTPCode_Target_5XX_Count",
    ]  # fmt: skip
    assert all(len(metric["Dimensions"]) == 2 for metric in metrics)


async def test_cloudwatch_denied_stops_the_metrics_and_nothing_else(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    service.account.deny({"action": "cloudwatch:GetMetricData"})
    status, loop = loop.status, service.loop(capacity={"min": 3, "max": 20})
    loop.status = status  # the operator was started again
    done = await loop.attempt()

    assert service.bounds() == (3, 20)
    assert [failure.reason for failure in done.failures] == [Reason.ACCESS_DENIED]
    measured = [s for s in done.decision.samples if s.rule != "scalingLimited"]
    assert all(sample.value is None for sample in measured)
    assert loop.status["metrics"]["cpu"] == "40%", "what was known stays"


async def test_drift_is_corrected_by_one_call(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    service.register(1, 20)
    service.track("memory-scaling", MEMORY, 99)
    before = service.account.last_call()
    await loop.attempt()
    assert service.mutations_since(before) == ["RegisterScalableTarget", "PutScalingPolicy"]
    assert service.bounds() == (2, 20)
    assert service.policies() == {"cpu-scaling": 60, "memory-scaling": 70}


async def test_what_others_suspended_stays_suspended(service: Service) -> None:
    service.client.register_scalable_target(
        **BASE, MinCapacity=1, MaxCapacity=5, SuspendedState={"DynamicScalingInSuspended": True}
    )
    await service.loop().attempt()
    [target] = service.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 20)
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is True


async def test_an_existing_policy_is_adopted_under_its_name(service: Service) -> None:
    service.register(2, 20)
    service.track("their-cpu", CPU, 35, DisableScaleIn=True)
    await service.loop().attempt()
    assert service.policies() == {"their-cpu": 60, "memory-scaling": 70}
    [policy] = service.client.describe_scaling_policies(
        ServiceNamespace="ecs", PolicyNames=["their-cpu"]
    )["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["DisableScaleIn"] is True


async def test_a_policy_of_our_name_for_something_else_is_not_overwritten(service: Service) -> None:
    service.register(2, 20)
    service.step("cpu-scaling")
    service.track(
        "memory-scaling", "ALBRequestCountPerTarget", 500,
        PredefinedMetricSpecification={
            "PredefinedMetricType": "ALBRequestCountPerTarget",
            "ResourceLabel": f"{shop.LOAD_BALANCER}/{shop.TARGET_GROUP}",
        },
    )  # fmt: skip
    loop = service.loop()
    done = await loop.attempt()
    assert done.gated.runnable == []
    assert service.policies() == {
        "cpu-scaling": None, "memory-scaling": 500, "cpu-scaling-2": 60, "memory-scaling-2": 70,
    }  # fmt: skip
    assert sorted(await loop.revert()) == ["policy/cpu-scaling-2", "policy/memory-scaling-2"]
    assert service.policies() == {"cpu-scaling": None, "memory-scaling": 500}


async def test_more_policies_than_a_page(service: Service) -> None:
    service.register(2, 20)
    for number in range(11):
        service.step(f"a-step-{number:02}")
    service.track("z-cpu", CPU, 60, ScaleOutCooldown=300, ScaleInCooldown=300)
    loop = service.loop(targetTracking=BOTH[:1])
    assert (await loop.attempt()).done == (), "the policy on the second page is seen"


async def test_registration_that_settles_late_is_waited_for(service: Service) -> None:
    service.account.settings(settleCalls=2)
    done = await service.loop().attempt()
    assert not done.gated.runnable
    assert not done.failures
    assert service.policies() == {"cpu-scaling": 60, "memory-scaling": 70}


async def test_only_what_setpoint_created_is_removed(service: Service) -> None:
    service.register(2, 20)
    service.track("theirs", CPU, 60, ScaleOutCooldown=300, ScaleInCooldown=300)
    loop = service.loop()
    await loop.attempt()
    loop.set_spec(spec(targetTracking=[]))
    await loop.attempt()
    assert service.policies() == {"theirs": 60}
    assert loop.status["applied"] == []


async def test_the_number_of_tasks_is_never_written(service: Service) -> None:
    before = service.account.last_call()
    loop = service.loop(capacity={"min": 5, "max": 20})
    await loop.attempt()
    await loop.attempt()
    assert loop.status["capacity"]["desired"] == 5, "AWS moved it into the bounds"
    assert "UpdateService" not in service.mutations_since(before)


async def test_revert_takes_everything_back(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    await loop.revert()
    assert (service.policies(), service.bounds()) == ({}, None)


async def test_revert_restores_what_was_there(service: Service) -> None:
    service.register(1, 5)
    service.track("their-cpu", CPU, 35)
    loop = service.loop()
    await loop.attempt()
    await loop.revert()
    assert (service.policies(), service.bounds()) == ({"their-cpu": 35}, (1, 5))


async def test_revert_leaves_the_target_to_those_who_still_use_it(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    service.client.put_scheduled_action(
        **BASE, ScheduledActionName="theirs", Schedule="rate(1 day)",
        ScalableTargetAction={"MinCapacity": 3},
    )  # fmt: skip
    await loop.revert()
    assert (service.policies(), service.bounds()) == ({}, (2, 20))


async def test_revert_when_half_of_it_is_gone(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    service.client.delete_scaling_policy(**BASE, PolicyName="cpu-scaling")
    await loop.revert()
    assert (service.policies(), service.bounds()) == ({}, None)


async def test_revert_leaves_a_policy_that_became_another(service: Service) -> None:
    service.register(2, 20)
    service.track("their-cpu", CPU, 35)
    loop = service.loop()
    await loop.attempt()
    service.client.delete_scaling_policy(**BASE, PolicyName="their-cpu")
    service.step("their-cpu")
    await loop.revert()
    assert service.policies() == {"their-cpu": None}


@pytest.mark.parametrize("missing", [{"service": "gone"}, {"cluster": "gone"}], ids=str)
async def test_a_service_that_is_not_there(service: Service, missing: dict[str, str]) -> None:
    target = {"ecs": {"cluster": "prod", "service": "web", **missing}}
    before = service.account.last_call()
    done = await service.loop(target=target).attempt()
    [failure] = done.failures
    assert failure.reason is Reason.TARGET_NOT_FOUND
    assert "check" in failure.message
    assert service.mutations_since(before) == []


async def test_revert_when_the_service_itself_is_gone(service: Service) -> None:
    loop = service.loop()
    await loop.attempt()
    ecs = service.account.boto3_client("ecs", REGION)
    ecs.delete_service(cluster="prod", service="web", force=True)
    await loop.revert()
    assert (service.policies(), service.bounds()) == ({}, None)


async def test_revert_goes_back_to_what_was_adopted_and_not_to_drift(service: Service) -> None:
    service.register(2, 20)
    loop = service.loop(targetTracking=[], deletionPolicy="Revert")
    await loop.attempt()
    service.register(1, 99)
    await loop.attempt()
    assert service.bounds() == (2, 20)
    await loop.revert()
    assert service.bounds() == (2, 20)


async def test_what_aws_refused_is_not_ours_afterwards(service: Service) -> None:
    service.account.deny({"action": "cloudwatch:PutMetricAlarm"})
    loop = service.loop()
    await loop.attempt()
    service.account.deny()
    service.track("memory-scaling", MEMORY, 55)
    loop.set_spec(spec(targetTracking=BOTH[:1]))
    await loop.attempt()
    assert service.policies() == {"cpu-scaling": 60, "memory-scaling": 55}
