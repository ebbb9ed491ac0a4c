"""The stand-in refuses what no policy of the caller allows, and tells what was asked."""

from typing import Any

import boto3
import pytest
from botocore.config import Config

from stack.aws.client import OPERATOR_KEY, AwsStack
from tests.integration.aws_stand_in.conftest import CPU, REGION, Refused, Service

TARGET = "arn:aws:application-autoscaling:*:*:scalable-target/*"


def allow(*actions: str, on: str = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def key(account: AwsStack) -> str:
    return f"MINE{account.account}"


@pytest.fixture
def mine(aws: AwsStack, key: str) -> Any:
    """Clients of a caller in the test's account, who has policies."""

    def client(service: str) -> Any:
        return boto3.client(
            service, region_name=REGION, endpoint_url=aws.base_url, aws_access_key_id=key,
            aws_secret_access_key="not-a-secret", verify=False,
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )  # fmt: skip

    return client


def test_what_no_policy_allows_is_refused(
    service: Service, mine: Any, key: str, refused: Refused
) -> None:
    service.account.attach(key, allow("ecs:DescribeServices"))
    found = mine("ecs").describe_services(cluster="prod", services=["web"])["services"]
    assert [each["serviceName"] for each in found] == ["web"]
    code, message = refused(mine("rds").describe_db_instances)
    assert code == "AccessDenied"
    assert "no identity-based policy allows the rds:DescribeDBInstances action" in message
    mine("sts").get_caller_identity()  # needs no right
    assert service.account.rights()[key] == {
        "used": ["ecs:DescribeServices"],
        "refused": [f"rds:DescribeDBInstances on arn:aws:rds:{REGION}:{service.account.account}:db:*"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "is_allowed"),
    [
        ("*", True),
        ("arn:aws:ecs:*:*:service/*", True),
        ("arn:aws:ecs:*:*:service/prod/*", True),
        ("arn:aws:ecs:*:*:service/prod/other", False),
        ("arn:aws:ecs:us-east-1:*:service/*", False),
        ("arn:aws:rds:*:*:db:*", False),
    ],
)
def test_a_statement_holds_for_its_resources(
    service: Service, mine: Any, key: str, refused: Refused, pattern: str, is_allowed: bool
) -> None:
    service.account.attach(key, allow("ecs:DescribeServices", on=pattern))
    call = mine("ecs").describe_services
    if is_allowed:
        assert call(cluster="prod", services=["web"])["services"]
    else:
        assert refused(call, cluster="prod", services=["web"])[0] == "AccessDeniedException"


def test_actions_without_resources_need_a_star(
    service: Service, mine: Any, key: str, refused: Refused
) -> None:
    describe = "application-autoscaling:DescribeScalableTargets"
    client = mine("application-autoscaling")
    service.account.attach(key, allow(describe, on=TARGET))
    assert refused(client.describe_scalable_targets, ServiceNamespace="ecs")[0] == (
        "AccessDeniedException"
    )
    service.account.attach(key, allow(describe))
    assert client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


def test_a_call_with_tags_needs_the_right_to_tag(
    service: Service, mine: Any, key: str, refused: Refused
) -> None:
    alarm = {
        "AlarmName": "high", "MetricName": "CPUUtilization", "Namespace": "AWS/ECS",
        "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1, "Threshold": 80.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    tags = [{"Key": "owner", "Value": "me"}]
    service.account.attach(key, allow("cloudwatch:PutMetricAlarm"))
    put = mine("cloudwatch").put_metric_alarm
    put(**alarm)
    assert "cloudwatch:TagResource" in refused(put, **alarm, Tags=tags)[1]
    service.account.attach(key, allow("cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"))
    put(**alarm, Tags=tags)


def test_a_condition_must_hold(service: Service, mine: Any, key: str, refused: Refused) -> None:
    register = mine("application-autoscaling").register_scalable_target
    bounds = {**service.key, "MinCapacity": 1, "MaxCapacity": 2}
    rest = allow("application-autoscaling:*", "ecs:*")

    def linked(namespace: str) -> dict[str, Any]:
        name = f"{namespace}.application-autoscaling.amazonaws.com"
        condition = {"StringEquals": {"iam:AWSServiceName": name}}
        return allow("iam:CreateServiceLinkedRole", Condition=condition)

    service.account.attach(key, rest, linked("rds"))
    code, message = refused(register, **bounds)
    assert code == "ValidationException"
    assert "iam:CreateServiceLinkedRole" in message
    service.account.attach(key, rest, linked("ecs"))
    register(**bounds)


def test_others_are_asked_on_the_callers_behalf(
    service: Service, mine: Any, key: str, refused: Refused
) -> None:
    service.register()
    service.account.attach(key, allow("application-autoscaling:*", "ecs:*"))
    tracking = {
        "TargetValue": 60.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": CPU},
    }
    code, message = refused(
        mine("application-autoscaling").put_scaling_policy, **service.key, PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )  # fmt: skip
    assert code == "ValidationException"
    assert "cloudwatch:PutMetricAlarm" in message


def test_policies_bind_whom_they_name_and_outlive_a_reset(service: Service, key: str) -> None:
    service.account.attach(key, allow("sts:AssumeRole"))
    service.account.reset()
    assert key in service.account.rights()
    assert f"{OPERATOR_KEY}*" in service.account.rights()
    assert service.ecs.list_clusters()["clusterArns"] == []  # the test's own key has no policy


@pytest.mark.parametrize("statement", [{"Effect": "Deny"}, {"NotAction": ["ecs:*"]}])
def test_what_it_cannot_read_it_refuses_to_attach(
    account: AwsStack, key: str, statement: dict[str, Any]
) -> None:
    document = allow("ecs:*", **statement)
    with pytest.raises(RuntimeError, match="no statement can be read"):
        account.attach(key, document)
