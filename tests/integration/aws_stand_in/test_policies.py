"""Scaling policies and scheduled actions."""

from typing import Any

import pytest

from .conftest import CPU, MEMORY, Refused, Service

LABEL = "app/prod/50dc6c495c0c9188/targetgroup/web/73e2d6bc24d8a067"


def predefined(kind: str, **more: str) -> dict[str, Any]:
    return {"PredefinedMetricSpecification": {"PredefinedMetricType": kind, **more}}


def test_no_policy_before_registration(service: Service, refused: Refused) -> None:
    assert refused(service.track)[0] == "ObjectNotFoundException"
    assert refused(service.schedule)[0] == "ObjectNotFoundException"


def test_the_alarms_of_target_tracking_are_in_cloudwatch(service: Service) -> None:
    service.register()
    named = {alarm["AlarmName"] for alarm in service.track(target=70)["Alarms"]}
    found = {alarm["AlarmName"]: alarm for alarm in service.alarms()}
    assert named == set(found)
    shown = sorted(
        (a["ComparisonOperator"], a["Threshold"], a["EvaluationPeriods"], a["Period"])
        for a in found.values()
    )
    assert shown == [
        ("GreaterThanThreshold", 70.0, 3, 60),
        ("LessThanThreshold", 63.0, 15, 60),
    ]
    assert all(name.startswith("TargetTracking-service/prod/web-Alarm") for name in named)
    assert all(
        {d["Name"]: d["Value"] for d in a["Dimensions"]}
        == {"ClusterName": "prod", "ServiceName": "web"}
        for a in found.values()
    )


def test_without_scale_in_only_the_high_alarm(service: Service) -> None:
    service.register()
    [alarm] = service.track(DisableScaleIn=True)["Alarms"]
    assert "-AlarmHigh-" in alarm["AlarmName"]


def test_put_again_keeps_the_arn_and_replaces_all_else(service: Service) -> None:
    service.register()
    first = service.track(ScaleInCooldown=60)
    second = service.track(target=50)
    assert first["PolicyARN"] == second["PolicyARN"]
    [policy] = service.policies()
    assert policy["Alarms"] == second["Alarms"]
    assert "ScaleInCooldown" not in policy["TargetTrackingScalingPolicyConfiguration"]
    assert {a["AlarmName"] for a in service.alarms()} == {a["AlarmName"] for a in second["Alarms"]}


def test_one_policy_for_a_metric(service: Service, refused: Refused) -> None:
    service.register()
    service.track("one")
    message = "Only one TargetTrackingScaling policy for a given metric specification is allowed."
    assert refused(service.track, name="two") == ("ValidationException", message)
    service.track("two", **predefined(MEMORY))


def test_a_policy_keeps_its_type(service: Service, refused: Refused) -> None:
    service.register()
    service.track("web")
    assert refused(service.step, name="web")[0] == "ValidationException"


def test_a_failed_put_changes_nothing(service: Service, refused: Refused) -> None:
    service.register()
    service.track()
    before = (service.policies(), service.alarms())
    refused(service.track, target=-1)
    assert (service.policies(), service.alarms()) == before


@pytest.mark.parametrize(
    "configured",
    [
        predefined("RDSReaderAverageCPUUtilization"),
        predefined("ALBRequestCountPerTarget"),
        predefined("ALBRequestCountPerTarget", ResourceLabel="my-load-balancer"),
        predefined(f"{CPU}HighResolution"),
        {"PredefinedMetricSpecification": {"PredefinedMetricType": "Coffee"}},
        {"CustomizedMetricSpecification": {"MetricName": "m", "Namespace": "n"}},
        {
            "CustomizedMetricSpecification": {
                "Metrics": [{"Id": "a", "Expression": "1"}, {"Id": "b", "Expression": "2"}]
            }
        },
        {"ScaleInCooldown": -1},
    ],
    ids=["namespace", "no-label", "label", "resolution", "enum", "custom", "math", "cooldown"],
)
def test_target_tracking_is_refused(
    service: Service, refused: Refused, configured: dict[str, Any]
) -> None:
    service.register()
    if "CustomizedMetricSpecification" in configured:
        configured = {**configured, "PredefinedMetricSpecification": None}
    asked = {k: v for k, v in {**predefined(CPU), **configured}.items() if v is not None}
    code, _ = refused(
        service.scaling.put_scaling_policy,
        **service.key,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 50.0, **asked},
    )
    assert code == "ValidationException"
    assert service.policies() == []


@pytest.mark.parametrize(
    "configured",
    [
        {"StepAdjustments": []},
        {"StepAdjustments": [{"ScalingAdjustment": 1, "MetricIntervalLowerBound": 0.0}] * 2},
        {
            "StepAdjustments": [
                {
                    "ScalingAdjustment": 1,
                    "MetricIntervalLowerBound": 0.0,
                    "MetricIntervalUpperBound": 5.0,
                },
                {"ScalingAdjustment": 2, "MetricIntervalLowerBound": 10.0},
            ]
        },
        {
            "StepAdjustments": [
                {
                    "ScalingAdjustment": 1,
                    "MetricIntervalLowerBound": float(n),
                    "MetricIntervalUpperBound": float(n + 1),
                }
                for n in range(21)
            ]
        },
        {"MinAdjustmentMagnitude": 2},
    ],
    ids=["none", "overlap", "gap", "21", "magnitude"],
)
def test_steps_are_refused(service: Service, refused: Refused, configured: dict[str, Any]) -> None:
    service.register()
    assert refused(service.step, name="s", **configured)[0] == "ValidationException"


def test_high_resolution_needs_the_services_monitoring_first(service: Service) -> None:
    service.register()
    metrics = [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]
    service.ecs.update_service(
        cluster="prod", service="web", monitoring={"metricConfigurations": metrics}
    )
    assert service.track(**predefined(f"{CPU}HighResolution"))["PolicyARN"]


def test_requests_per_target_watch_the_balancer_and_the_group(service: Service) -> None:
    service.register()
    service.track(target=1000, **predefined("ALBRequestCountPerTarget", ResourceLabel=LABEL))
    alarm = service.alarms()[0]
    assert (alarm["Namespace"], alarm["Statistic"]) == ("AWS/ApplicationELB", "Sum")
    assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {
        "LoadBalancer": "app/prod/50dc6c495c0c9188",
        "TargetGroup": "targetgroup/web/73e2d6bc24d8a067",
    }


def test_types_that_a_namespace_does_not_have(service: Service, refused: Refused) -> None:
    key = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/orders",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    service.scaling.register_scalable_target(**key, MinCapacity=1, MaxCapacity=2)
    service.key = key
    code, message = refused(service.step, name="s")
    assert (code, "StepScaling" in message) == ("ValidationException", True)
    alarms = service.track(**predefined("DynamoDBReadCapacityUtilization"))["Alarms"]
    assert len(alarms) == 4


def test_predictive_scaling(service: Service, refused: Refused) -> None:
    service.register()
    pair = {"PredefinedMetricType": "ECSServiceCPUUtilization"}
    metrics = [{"TargetValue": 50.0, "PredefinedMetricPairSpecification": pair}]

    def asked(**more: Any) -> dict[str, Any]:
        configured = {"MetricSpecifications": metrics, "Mode": "ForecastOnly", **more}
        return {
            **service.key,
            "PolicyName": "p",
            "PolicyType": "PredictiveScaling",
            "PredictiveScalingPolicyConfiguration": configured,
        }

    put = service.scaling.put_scaling_policy
    wrong = asked(MaxCapacityBreachBehavior="IncreaseMaxCapacity")
    assert refused(put, **wrong)[0] == "ValidationException"
    assert put(**asked())["Alarms"] == []


def test_the_alarms_of_a_step_policy_are_those_that_name_it(service: Service) -> None:
    service.register()
    arn = service.step("out")["PolicyARN"]
    service.cloudwatch.put_metric_alarm(
        AlarmName="mine", Namespace="AWS/ECS", MetricName="CPUUtilization", Statistic="Average",
        Period=60, EvaluationPeriods=1, Threshold=80, AlarmActions=[arn],
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    [policy] = service.policies()
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == ["mine"]
    service.scaling.delete_scaling_policy(**service.key, PolicyName="out")
    assert len(service.alarms()) == 1, "it is not AWS's to delete"


def test_an_alarm_deleted_by_hand_is_gone_until_the_policy_is_put_again(service: Service) -> None:
    service.register()
    names = [alarm["AlarmName"] for alarm in service.track()["Alarms"]]
    service.cloudwatch.delete_alarms(AlarmNames=names[:1])
    assert [alarm["AlarmName"] for alarm in service.policies()[0]["Alarms"]] == names[1:]
    assert [alarm["AlarmName"] for alarm in service.alarms()] == names[1:]
    again = [alarm["AlarmName"] for alarm in service.track()["Alarms"]]
    assert again[0] not in names
    assert again[1] == names[1], "the one that is there keeps its name"
    assert {alarm["AlarmName"] for alarm in service.alarms()} == set(again)


def test_metric_math_of_a_policy(service: Service) -> None:
    service.register()
    metric = {"MetricName": "Queue", "Namespace": "App"}
    queries = [
        {"Id": "q", "MetricStat": {"Metric": metric, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "e", "Expression": "q / 10", "ReturnData": True},
    ]
    service.scaling.put_scaling_policy(
        **service.key,
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": {"Metrics": queries},
        },
    )
    alarm = service.alarms()[0]
    assert [query["Id"] for query in alarm["Metrics"]] == ["q", "e"]


def test_policies_by_ten_and_at_most_fifty(service: Service, refused: Refused) -> None:
    service.register()
    for number in range(50):
        service.step(f"s{number}")
    ask = service.scaling.describe_scaling_policies
    assert len(ask(ServiceNamespace="ecs")["ScalingPolicies"]) == 10
    pages = service.scaling.get_paginator("describe_scaling_policies")
    found = [p for page in pages.paginate(ServiceNamespace="ecs") for p in page["ScalingPolicies"]]
    assert len({policy["PolicyName"] for policy in found}) == 50
    assert refused(ask, ServiceNamespace="ecs", MaxResults=11)[0] == "ValidationException"
    assert refused(service.step, name="too-many")[0] == "LimitExceededException"
    service.step("s7", Cooldown=60)


def test_deleting_a_policy_deletes_its_alarms(service: Service, refused: Refused) -> None:
    service.register()
    service.track()
    delete = service.scaling.delete_scaling_policy
    delete(**service.key, PolicyName="cpu")
    assert service.alarms() == []
    found = refused(delete, **service.key, PolicyName="cpu")
    assert found[0] == "ObjectNotFoundException"
