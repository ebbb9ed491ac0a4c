"""The stand-in refuses what AWS refuses, with AWS's codes, where moto alone would let it through."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stack import shop
from stack.aws.client import AwsStack

_numbers = itertools.count(1)
CPU = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}


class Service:
    """An ECS service of its own, and Application Auto Scaling for it."""

    def __init__(self, aws: AwsStack) -> None:
        self.name = f"strict-{next(_numbers)}"
        shop.create_ecs_service(aws, "strict", self.name, 4)
        self.base = {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/strict/{self.name}",
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        self.client = aws.boto3_client("application-autoscaling", shop.REGION)
        self.ecs = aws.boto3_client("ecs", shop.REGION)

    def register(self, low: int = 2, high: int = 10) -> None:
        self.client.register_scalable_target(**self.base, MinCapacity=low, MaxCapacity=high)

    def track(self, name: str = "cpu", target: float = 60.0, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.client.put_scaling_policy(
            **self.base,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": target,
                "PredefinedMetricSpecification": CPU,
                **more,
            },
        )
        return made

    def desired(self) -> int:
        found = self.ecs.describe_services(cluster="strict", services=[self.name])
        number: int = found["services"][0]["desiredCount"]
        return number


@pytest.fixture
def service(aws: AwsStack) -> Service:
    return Service(aws)


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_no_policy_before_registration(service: Service) -> None:
    code, message = refused(service.track)
    assert code == "ObjectNotFoundException"
    assert message.startswith("No scalable target registered for service namespace: ecs")


def test_no_registration_of_a_service_that_is_not_there(service: Service) -> None:
    service.base["ResourceId"] = "service/strict/absent"
    assert refused(service.register) == (
        "ValidationException",
        "ECS service doesn't exist: service/strict/absent",
    )


def test_min_must_not_exceed_max(service: Service) -> None:
    assert refused(lambda: service.register(5, 3))[0] == "ValidationException"


def test_registration_moves_live_capacity(service: Service) -> None:
    service.register(6, 10)
    assert service.desired() == 6
    service.client.register_scalable_target(**service.base, MaxCapacity=8)
    [target] = service.client.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[service.base["ResourceId"]]
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (6, 8)
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_ECSService")
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is False


def test_a_policy_put_again_keeps_its_arn_and_renews_its_alarms(
    service: Service, aws: AwsStack
) -> None:
    service.register()
    first, second = service.track(target=60.0), service.track(target=70.0)
    assert first["PolicyARN"] == second["PolicyARN"]
    cloudwatch = aws.boto3_client("cloudwatch", shop.REGION)
    prefix = f"TargetTracking-{service.base['ResourceId']}"
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    assert sorted(alarm["Threshold"] for alarm in alarms) == [63.0, 70.0]


def test_only_the_high_alarm_without_scale_in(service: Service) -> None:
    service.register()
    [alarm] = service.track(DisableScaleIn=True)["Alarms"]
    assert "AlarmHigh" in alarm["AlarmName"]


def test_one_policy_for_a_metric(service: Service) -> None:
    service.register()
    service.track("one")
    assert refused(lambda: service.track("two")) == (
        "ValidationException",
        "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
    )


def test_ten_policies_a_page(service: Service) -> None:
    service.register()
    for number in range(12):
        service.client.put_scaling_policy(
            **service.base,
            PolicyName=f"step-{number}",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity"},
        )
    page = service.client.describe_scaling_policies(
        ServiceNamespace="ecs", ResourceId=service.base["ResourceId"]
    )
    assert len(page["ScalingPolicies"]) == 10
    rest = service.client.describe_scaling_policies(
        ServiceNamespace="ecs", ResourceId=service.base["ResourceId"], NextToken=page["NextToken"]
    )
    assert len(rest["ScalingPolicies"]) == 2


def test_deregistering_takes_everybodys_policies_along(service: Service) -> None:
    service.register()
    service.track()
    service.client.deregister_scalable_target(**service.base)
    assert not service.client.describe_scaling_policies(
        ServiceNamespace="ecs", ResourceId=service.base["ResourceId"]
    )["ScalingPolicies"]


def test_scheduled_actions_lose_times_that_are_not_given(service: Service) -> None:
    service.register()
    action = {**service.base, "ScheduledActionName": "morning", "Schedule": "cron(0 8 * * ? *)"}
    start = datetime.now(UTC) + timedelta(days=1)
    service.client.put_scheduled_action(**action, StartTime=start)
    service.client.put_scheduled_action(**action, ScalableTargetAction={"MinCapacity": 3})
    [found] = service.client.describe_scheduled_actions(
        ServiceNamespace="ecs", ResourceId=service.base["ResourceId"]
    )["ScheduledActions"]
    assert "StartTime" not in found


def test_eleven_services_are_too_many(service: Service) -> None:
    names = [f"s{number}" for number in range(11)]
    code, _ = refused(lambda: service.ecs.describe_services(cluster="strict", services=names))
    assert code == "InvalidParameterException"


def instance(aws: AwsStack, **changes: Any) -> tuple[Any, str]:
    name = f"db-strict-{next(_numbers)}"
    shop.create_rds_instance(aws, name, instance_class="db.r6g.large", storage=100)
    if changes:
        aws.set_instance(shop.REGION, name, **changes)
    return aws.boto3_client("rds", shop.REGION), name


def described(client: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][
        0
    ]
    return found


def test_rds_changes_wait_for_the_window(aws: AwsStack) -> None:
    client, name = instance(aws)
    client.modify_db_instance(
        DBInstanceIdentifier=name,
        DBInstanceClass="db.r6g.xlarge",
        MaxAllocatedStorage=500,
        ApplyImmediately=False,
    )
    found = described(client, name)
    assert found["DBInstanceClass"] == "db.r6g.large"
    assert found["PendingModifiedValues"] == {"DBInstanceClass": "db.r6g.xlarge"}
    assert found["MaxAllocatedStorage"] == 500, "it never waits"
    aws.run_maintenance(shop.REGION)
    assert described(client, name)["DBInstanceClass"] == "db.r6g.xlarge"


def test_applying_one_change_immediately_fires_all_that_is_pending(aws: AwsStack) -> None:
    client, name = instance(aws)
    client.modify_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.r6g.xlarge")
    client.modify_db_instance(
        DBInstanceIdentifier=name, AllocatedStorage=200, ApplyImmediately=True
    )
    found = described(client, name)
    assert (found["DBInstanceClass"], found["AllocatedStorage"]) == ("db.r6g.xlarge", 200)
    assert found["DBInstanceStatus"] == "modifying"


@pytest.mark.parametrize(
    ("state", "change", "code"),
    [
        ({}, {"AllocatedStorage": 50}, "InvalidParameterCombination"),
        (
            {"DBClusterIdentifier": "aurora"},
            {"AllocatedStorage": 300},
            "InvalidParameterCombination",
        ),
        ({}, {"AllocatedStorage": 200, "Iops": 4000}, "InvalidParameterCombination"),
        (
            {"DBInstanceStatus": "backing-up"},
            {"DBInstanceClass": "db.r6g.2xlarge"},
            "InvalidDBInstanceState",
        ),
        (
            {"DBInstanceStatus": "storage-full"},
            {"DBInstanceClass": "db.r6g.2xlarge"},
            "InvalidDBInstanceState",
        ),
    ],
    ids=str,
)
def test_rds_refuses(
    aws: AwsStack, state: dict[str, Any], change: dict[str, Any], code: str
) -> None:
    client, name = instance(aws, **state)
    found, _ = refused(lambda: client.modify_db_instance(DBInstanceIdentifier=name, **change))
    assert found == code


def test_rds_grows_when_full_and_by_a_tenth_at_least(aws: AwsStack) -> None:
    client, name = instance(aws, DBInstanceStatus="storage-full")
    client.modify_db_instance(DBInstanceIdentifier=name, AllocatedStorage=101)
    assert described(client, name)["PendingModifiedValues"]["AllocatedStorage"] == 110


def test_rds_takes_four_storage_changes_a_day(aws: AwsStack) -> None:
    client, name = instance(aws)
    for size in (200, 300, 400, 500):
        client.modify_db_instance(
            DBInstanceIdentifier=name, AllocatedStorage=size, ApplyImmediately=True
        )
        aws.set_instance(shop.REGION, name, DBInstanceStatus="available")
    code, _ = refused(
        lambda: client.modify_db_instance(DBInstanceIdentifier=name, AllocatedStorage=600)
    )
    assert code == "InvalidParameterCombination"


def test_an_unknown_instance(aws: AwsStack) -> None:
    client = aws.boto3_client("rds", shop.REGION)
    assert refused(lambda: client.describe_db_instances(DBInstanceIdentifier="nope")) == (
        "DBInstanceNotFound",
        "DBInstance nope not found.",
    )


def metric(aws: AwsStack, **changes: Any) -> list[float]:
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    stat = {
        "Metric": {
            "Namespace": "AWS/ECS",
            "MetricName": "CPUUtilization",
            "Dimensions": [
                {"Name": "ClusterName", "Value": "c"},
                {"Name": "ServiceName", "Value": "s"},
            ],
        },
        "Period": 60,
        "Stat": "Average",
        **changes,
    }
    client = aws.boto3_client("cloudwatch", shop.REGION)
    answer = client.get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": stat}],
        StartTime=end - timedelta(minutes=5),
        EndTime=end,
    )
    values: list[float] = answer["MetricDataResults"][0]["Values"]
    return values


def test_metrics_want_every_dimension_and_no_unit(aws: AwsStack) -> None:
    shop.set_service_load(aws, "c", "s", cpu=37.5, memory=1)
    assert metric(aws) == [37.5] * 5, "the end is exclusive"
    assert metric(aws, Stat="SampleCount") == [1.0] * 5
    assert metric(aws, Unit="Percent") == []
    only_one = {
        "Namespace": "AWS/ECS",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "ServiceName", "Value": "s"}],
    }
    assert metric(aws, Metric=only_one) == []


def test_faults_and_the_ledger(aws: AwsStack, service: Service) -> None:
    sequence = aws.last_call()
    fault = {"service": "ecs", "operation": "Describe*", "kind": "throttle", "count": 1}
    aws.set_faults([fault])
    assert refused(service.desired)[0] == "ThrottlingException"
    assert service.desired() == 4
    calls = [(c["operation"], c["mutating"], c["code"]) for c in aws.ledger(sequence)]
    assert calls == [
        ("DescribeServices", False, "ThrottlingException"),
        ("DescribeServices", False, None),
    ]


def test_a_role_may_be_refused(aws: AwsStack) -> None:
    role = "arn:aws:iam::123456789012:role/refused"
    aws.settings(refusedRoles=[role])
    client = aws.boto3_client("sts", shop.REGION)
    code, _ = refused(lambda: client.assume_role(RoleArn=role, RoleSessionName="test"))
    assert code == "AccessDenied"
    other = client.assume_role(RoleArn=f"{role}-not", RoleSessionName="test")
    assert other["Credentials"]["AccessKeyId"]
