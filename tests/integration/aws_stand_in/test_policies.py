"""Scaling policies and scheduled actions."""

from typing import Any

import pytest

from stack import shop

from .conftest import CPU, MEMORY, REGION, Refused, Service

QUEUE = {"Id": "q", "MetricStat": {"Metric": {"MetricName": "Queue", "Namespace": "App"},
                                   "Stat": "Sum"}}  # fmt: skip
LABEL = f"{shop.LOAD_BALANCER}/{shop.TARGET_GROUP}"


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
    code, message = refused(service.step, name="web")
    assert code == "ValidationException"
    assert message.startswith("You cannot change a TargetTrackingScaling policy to a non ")


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
        predefined("ALBRequestCountPerTarget", ResourceLabel=f"{LABEL}/more"),
        predefined("ALBRequestCountPerTarget", ResourceLabel=f"{LABEL}0"),
        predefined(CPU, ResourceLabel=LABEL),
        predefined(f"{CPU}HighResolution"),
        {"PredefinedMetricSpecification": {"PredefinedMetricType": "Coffee"}},
        {"CustomizedMetricSpecification": {"MetricName": "m", "Namespace": "n"}},
        {
            "CustomizedMetricSpecification": {
                "Metrics": [{"Id": "a", "Expression": "1"}, {"Id": "b", "Expression": "2"}]
            }
        },
        {"CustomizedMetricSpecification": {"Metrics": [QUEUE], "MetricName": "m"}},
        {"CustomizedMetricSpecification": {"Metrics": [{**QUEUE, "Id": "Upper"}]}},
        {"CustomizedMetricSpecification": {"Metrics": [{**QUEUE, "Expression": "1"}]}},
        {"CustomizedMetricSpecification": {"Metrics": [QUEUE, {**QUEUE, "ReturnData": False}]}},
        {"CustomizedMetricSpecification": {"Metrics": [{"Id": "q"}]}},
        {"ScaleInCooldown": -1},
        {"TargetValue": 0.0},
        {"TargetValue": 2.0**361},
    ],
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
        {"AdjustmentType": "Twice"},
        {"Cooldown": -1},
        {
            "AdjustmentType": "ExactCapacity",
            "StepAdjustments": [{"ScalingAdjustment": -1, "MetricIntervalLowerBound": 0.0}],
        },
        {"StepAdjustments": [{"ScalingAdjustment": 1}]},
        {
            "StepAdjustments": [
                {
                    "ScalingAdjustment": 1,
                    "MetricIntervalLowerBound": 5.0,
                    "MetricIntervalUpperBound": 5.0,
                }
            ]
        },
        {
            "StepAdjustments": [
                {
                    "ScalingAdjustment": 1,
                    "MetricIntervalLowerBound": 0.0,
                    "MetricIntervalUpperBound": 5.0,
                }
            ]
        },
        {
            "StepAdjustments": [
                {
                    "ScalingAdjustment": -1,
                    "MetricIntervalLowerBound": -5.0,
                    "MetricIntervalUpperBound": 0.0,
                }
            ]
        },
    ],
    ids=[
        "none",
        "overlap",
        "gap",
        "21",
        "magnitude",
        "type",
        "cooldown",
        "exact",
        "both-open",
        "empty",
        "no-upper",
        "no-lower",
    ],
)
def test_steps_are_refused(service: Service, refused: Refused, configured: dict[str, Any]) -> None:
    service.register()
    assert refused(service.step, name="s", **configured)[0] == "ValidationException"


def test_steps_in_both_directions(service: Service) -> None:
    service.register()
    service.step(
        "both",
        AdjustmentType="PercentChangeInCapacity",
        MinAdjustmentMagnitude=2,
        StepAdjustments=[
            {"ScalingAdjustment": -20, "MetricIntervalUpperBound": -10.0},
            {"ScalingAdjustment": 0, "MetricIntervalLowerBound": -10.0,
             "MetricIntervalUpperBound": 10.0},
            {"ScalingAdjustment": 50, "MetricIntervalLowerBound": 10.0},
        ],
    )  # fmt: skip
    [policy] = service.policies()
    assert len(policy["StepScalingPolicyConfiguration"]["StepAdjustments"]) == 3


def test_high_resolution_needs_the_services_monitoring_first(
    service: Service, refused: Refused
) -> None:
    service.register()
    metrics = [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]
    service.ecs.update_service(
        cluster="prod", service="web", monitoring={"metricConfigurations": metrics}
    )
    assert service.track(**predefined(f"{CPU}HighResolution"))["PolicyARN"]
    assert {alarm["Period"] for alarm in service.alarms()} == {20}
    found = refused(service.track, name="memory", **predefined(f"{MEMORY}HighResolution"))
    assert found[0] == "ValidationException", "the other metric is still one of a minute"


def test_requests_per_target_watch_the_balancer_and_the_group(service: Service) -> None:
    service.register()
    service.track(target=1000, **predefined("ALBRequestCountPerTarget", ResourceLabel=LABEL))
    alarm = service.alarms()[0]
    assert (alarm["Namespace"], alarm["Statistic"]) == ("AWS/ApplicationELB", "Sum")
    assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {
        "LoadBalancer": "app/prod/50dc6c495c0c9188",
        "TargetGroup": shop.TARGET_GROUP,
    }


def test_requests_per_target_are_not_for_blue_green(service: Service, refused: Refused) -> None:
    arn = f"arn:aws:elasticloadbalancing:{REGION}:123456789012:{shop.TARGET_GROUP}"
    service.ecs.create_service(
        cluster="prod",
        serviceName="green",
        taskDefinition="web",
        desiredCount=2,
        deploymentController={"type": "CODE_DEPLOY"},
        loadBalancers=[{"targetGroupArn": arn, "containerName": "app", "containerPort": 8080}],
    )
    service.key = {**service.key, "ResourceId": "service/prod/green"}
    service.register()
    metric = predefined("ALBRequestCountPerTarget", ResourceLabel=LABEL)
    code, message = refused(service.track, **metric)
    assert (code, "CodeDeploy" in message) == ("ValidationException", True)
    service.track()


def test_names_are_printable(service: Service, refused: Refused) -> None:
    service.register()
    code, message = refused(service.step, name="größer")
    assert (code, "'policyName' failed to satisfy" in message) == ("ValidationException", True)
    service.step("scale out, but not too much!")


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


def predictive(service: Service, metric: dict[str, Any], **more: Any) -> Any:
    specification = {"TargetValue": 50.0, **metric}
    return service.scaling.put_scaling_policy(
        **service.key,
        PolicyName="p",
        PolicyType="PredictiveScaling",
        PredictiveScalingPolicyConfiguration={"MetricSpecifications": [specification], **more},
    )


def part(name: str, kind: str, **more: str) -> dict[str, Any]:
    return {f"Predefined{name}Specification": {"PredefinedMetricType": kind, **more}}


PAIR = part("MetricPair", "ECSServiceCPUUtilization")
LOAD = part("LoadMetric", "ECSServiceTotalCPUUtilization")
SCALING = part("ScalingMetric", "ECSServiceAverageCPUUtilization")


def test_predictive_scaling_only_forecasts_unless_told_otherwise(service: Service) -> None:
    service.register()
    assert predictive(service, PAIR)["Alarms"] == []
    [policy] = service.policies()
    shown = dict(policy["PredictiveScalingPolicyConfiguration"])
    shown.pop("MetricSpecifications")
    assert shown == {
        "Mode": "ForecastOnly",
        "SchedulingBufferTime": 300,
        "MaxCapacityBreachBehavior": "HonorMaxCapacity",
    }
    predictive(service, LOAD | SCALING, Mode="ForecastAndScale", MaxCapacityBuffer=10,
               MaxCapacityBreachBehavior="IncreaseMaxCapacity")  # fmt: skip
    predictive(service, part("MetricPair", "ALBRequestCount", ResourceLabel=LABEL))


@pytest.mark.parametrize(
    ("metric", "more"),
    [
        (PAIR, {"MaxCapacityBreachBehavior": "IncreaseMaxCapacity"}),
        (PAIR, {"MaxCapacityBuffer": 10}),
        (PAIR, {"MaxCapacityBuffer": 101, "MaxCapacityBreachBehavior": "IncreaseMaxCapacity"}),
        (PAIR, {"SchedulingBufferTime": 3601}),
        (PAIR, {"Mode": "Dream"}),
        ({}, {}),
        (LOAD, {}),
        (PAIR | LOAD, {}),
        (part("MetricPair", "ECSServiceAverageCPUUtilization"), {}),
        (part("MetricPair", "Coffee"), {}),
        (part("MetricPair", "ALBRequestCount"), {}),
        ({**PAIR, "TargetValue": 0.0}, {}),
    ],
)
def test_predictive_scaling_is_refused(
    service: Service, refused: Refused, metric: dict[str, Any], more: dict[str, Any]
) -> None:
    service.register()
    assert refused(predictive, service=service, metric=metric, **more)[0] == "ValidationException"
    assert service.policies() == []


def test_without_scale_in_the_low_alarm_goes(service: Service) -> None:
    service.register()
    high, _ = service.track()["Alarms"]
    assert service.track(DisableScaleIn=True)["Alarms"] == [high]
    assert [alarm["AlarmName"] for alarm in service.alarms()] == [high["AlarmName"]]


def test_describe_shows_that_scale_in_is_on(service: Service) -> None:
    service.register()
    service.track()
    [policy] = service.policies()
    assert policy["TargetTrackingScalingPolicyConfiguration"]["DisableScaleIn"] is False


@pytest.mark.parametrize(
    ("operation", "method"),
    [("DescribeAlarms", "policies"), ("PutMetricAlarm", "track"), ("DeleteAlarms", "delete")],
)
def test_faults_of_cloudwatch_come_back_disguised(
    service: Service, refused: Refused, operation: str, method: str
) -> None:
    service.register()
    service.track()

    def delete() -> None:
        service.scaling.delete_scaling_policy(**service.key, PolicyName="cpu")

    call = delete if method == "delete" else getattr(service, method)
    fault = {"service": "cloudwatch", "operation": operation, "kind": "throttle", "count": 1}
    service.account.set_faults([fault])
    code, message = refused(call)
    assert (code, "Rate exceeded" in message) == ("FailedResourceAccessException", True)
    assert len(service.policies()[0]["Alarms"]) == 2, "it changed nothing"
    call()


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
