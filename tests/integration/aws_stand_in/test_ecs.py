"""DescribeServices: ten at most, what is missing, deployments."""

from typing import Any

import pytest

from stack import shop
from stack.aws.client import AwsStack

from .conftest import MEMORY, REGION, Refused, Service

MEMORY_METRIC: dict[str, Any] = {"PredefinedMetricSpecification": {"PredefinedMetricType": MEMORY}}


def test_services_by_ten(service: Service, refused: Refused) -> None:
    code, message = refused(
        service.ecs.describe_services, cluster="prod", services=[f"s{n}" for n in range(11)]
    )
    assert (code, "10" in message) == ("InvalidParameterException", True)
    assert refused(service.ecs.describe_services, cluster="prod", services=[])[0] == code


def test_what_is_missing(service: Service, refused: Refused) -> None:
    found = service.ecs.describe_services(cluster="prod", services=["web", "gone"])
    assert [each["serviceName"] for each in found["services"]] == ["web"]
    [failure] = found["failures"]
    assert (failure["reason"], failure["arn"].endswith("service/gone")) == ("MISSING", True)
    code, _ = refused(service.ecs.describe_services, cluster="none", services=["web"])
    assert code == "ClusterNotFoundException"


def test_a_deployment_under_way(service: Service) -> None:
    assert [d["rolloutState"] for d in service.described()["deployments"]] == ["COMPLETED"]
    service.account.set_service(REGION, "prod", "web", deploying=True, running=6)
    found = service.described()
    shown = [(d["status"], d["rolloutState"]) for d in found["deployments"]]
    assert shown == [("PRIMARY", "IN_PROGRESS"), ("ACTIVE", "COMPLETED")]
    assert (found["desiredCount"], found["runningCount"]) == (4, 6)
    service.account.set_service(REGION, "prod", "web")
    assert len(service.described()["deployments"]) == 1


def test_a_thousand_services_at_once(account: AwsStack) -> None:
    scaling = {"min": 2, "max": 10, "cpu": 60, "memory": 70}
    names = account.create_services(
        REGION, "prod", "web", 1000, tasks=3, scaling=scaling, load={"cpu": 50}
    )
    assert (names[0], names[-1], len(names)) == ("web0", "web999", 1000)
    assert account.ledger() == []
    client = account.boto3_client("application-autoscaling", REGION)
    pages = client.get_paginator("describe_scaling_policies").paginate(ServiceNamespace="ecs")
    found = [policy for page in pages for policy in page["ScalingPolicies"]]
    assert {policy["PolicyName"] for policy in found} == {"cpu-scaling", "memory-scaling"}
    alarms = {alarm["AlarmName"] for policy in found for alarm in policy["Alarms"]}
    assert (len(found), len(alarms)) == (2000, 4000)
    assert account.counts() == {"application-autoscaling:DescribeScalingPolicies": 200}
    ecs = account.boto3_client("ecs", REGION)
    [one] = ecs.describe_services(cluster="prod", services=["web999"])["services"]
    assert one["runningCount"] == 3


@pytest.mark.parametrize(
    "configured",
    [
        {"metricNames": ["CPUUtilization"], "resolutionSeconds": 30},
        {"metricNames": ["RunningTaskCount"], "resolutionSeconds": 20},
    ],
)
def test_monitoring_is_refused(
    service: Service, refused: Refused, configured: dict[str, Any]
) -> None:
    monitoring = {"metricConfigurations": [configured]}
    update = service.ecs.update_service
    found = refused(update, cluster="prod", service="web", monitoring=monitoring)
    assert found[0] == "InvalidParameterException"


def test_the_scaling_of_a_service_that_is_gone_can_be_removed(
    service: Service, refused: Refused
) -> None:
    service.register()
    service.track()
    service.track("memory", **MEMORY_METRIC)
    service.ecs.delete_service(cluster="prod", service="web", force=True)
    gone = ("ValidationException", "ECS service doesn't exist: service/prod/web")
    assert refused(service.register) == gone
    assert refused(service.track) == gone
    service.scaling.delete_scaling_policy(**service.key, PolicyName="cpu")
    service.scaling.deregister_scalable_target(**service.key)
    assert service.alarms() == []


def test_traffic_of_nothing_is_no_datapoint(service: Service) -> None:
    shop.set_traffic(service.account, requests=100, errors=0, seconds=0.2)
    found = service.cloudwatch.list_metrics(Namespace="AWS/ApplicationELB")["Metrics"]
    assert {metric["MetricName"] for metric in found} == {"RequestCount", "TargetResponseTime"}
    shop.set_traffic(service.account, requests=0, errors=0, seconds=0.2)
    assert service.cloudwatch.list_metrics(Namespace="AWS/ApplicationELB")["Metrics"] == []


def test_service_connect_is_measured_in_milliseconds(service: Service) -> None:
    shop.set_service_connect(service.account, "prod", "web", discovery="web", milliseconds=120.0)
    [found] = service.cloudwatch.list_metrics(MetricName="TargetResponseTime")["Metrics"]
    assert {d["Name"] for d in found["Dimensions"]} == {
        "ClusterName", "ServiceName", "TargetDiscoveryName",
    }  # fmt: skip
