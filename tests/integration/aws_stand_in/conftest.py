"""An account of AWS for each test: they share one stand-in."""

import itertools
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stack import shop
from stack.aws.client import AwsStack

REGION = shop.REGION
CPU = "ECSServiceAverageCPUUtilization"
MEMORY = "ECSServiceAverageMemoryUtilization"
DIMENSION = "ecs:service:DesiredCount"
Refused = Callable[..., tuple[str, str]]
_accounts = itertools.count(200_000_000_000)


@pytest.fixture
def account(aws: AwsStack) -> AwsStack:
    return aws.in_account(str(next(_accounts)))


@pytest.fixture
def refused() -> Refused:
    """Code and message of what a call is refused with."""

    def call(function: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            function(**parameters)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    return call


class Service:
    """An ECS service with 4 tasks, and Application Auto Scaling for it."""

    def __init__(self, account: AwsStack, name: str = "web") -> None:
        shop.create_ecs_service(account, "prod", name, 4)
        self.account, self.name = account, name
        self.resource = f"service/prod/{name}"
        self.key = {
            "ServiceNamespace": "ecs",
            "ResourceId": self.resource,
            "ScalableDimension": DIMENSION,
        }
        self.scaling = account.boto3_client("application-autoscaling", REGION)
        self.ecs = account.boto3_client("ecs", REGION)
        self.cloudwatch = account.boto3_client("cloudwatch", REGION)

    def register(self, low: int = 2, high: int = 10, **more: Any) -> dict[str, Any]:
        bounds = {"MinCapacity": low, "MaxCapacity": high}
        made: dict[str, Any] = self.scaling.register_scalable_target(**self.key, **bounds, **more)
        return made

    def track(self, name: str = "cpu", target: float = 60, **more: Any) -> dict[str, Any]:
        configured = {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": CPU},
            **more,
        }
        made: dict[str, Any] = self.scaling.put_scaling_policy(
            **self.key,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configured,
        )
        return made

    def step(self, name: str, **more: Any) -> dict[str, Any]:
        steps = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
        configured = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, **more}
        made: dict[str, Any] = self.scaling.put_scaling_policy(
            **self.key,
            PolicyName=name,
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration=configured,
        )
        return made

    def schedule(self, name: str = "morning", **more: Any) -> None:
        values = {
            "Schedule": "cron(0 8 ? * MON-FRI *)",
            "ScalableTargetAction": {"MinCapacity": 3},
            **more,
        }
        self.scaling.put_scheduled_action(**self.key, ScheduledActionName=name, **values)

    def target(self) -> dict[str, Any]:
        answer = self.scaling.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[self.resource]
        )
        found: dict[str, Any] = answer["ScalableTargets"][0]
        return found

    def policies(self) -> list[dict[str, Any]]:
        answer = self.scaling.describe_scaling_policies(
            ServiceNamespace="ecs", ResourceId=self.resource
        )
        found: list[dict[str, Any]] = answer["ScalingPolicies"]
        return found

    def schedules(self) -> list[dict[str, Any]]:
        answer = self.scaling.describe_scheduled_actions(
            ServiceNamespace="ecs", ResourceId=self.resource
        )
        found: list[dict[str, Any]] = answer["ScheduledActions"]
        return found

    def described(self) -> dict[str, Any]:
        answer = self.ecs.describe_services(cluster="prod", services=[self.name])
        found: dict[str, Any] = answer["services"][0]
        return found

    def alarms(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.cloudwatch.describe_alarms()["MetricAlarms"]
        return found


@pytest.fixture
def service(account: AwsStack) -> Service:
    return Service(account)


class Database:
    """A Postgres instance with 100 GiB of gp3."""

    def __init__(self, account: AwsStack, **changes: Any) -> None:
        self.account, self.name = account, f"db-{secrets.token_hex(4)}"
        shop.create_rds_instance(account, self.name, instance_class="db.r6g.large", storage=100)
        if changes:
            account.set_instance(REGION, self.name, **changes)
        self.client = account.boto3_client("rds", REGION)

    def modify(self, **changes: Any) -> dict[str, Any]:
        answer = self.client.modify_db_instance(DBInstanceIdentifier=self.name, **changes)
        found: dict[str, Any] = answer["DBInstance"]
        return found

    def described(self) -> dict[str, Any]:
        answer = self.client.describe_db_instances(DBInstanceIdentifier=self.name)
        found: dict[str, Any] = answer["DBInstances"][0]
        return found


@pytest.fixture
def database(account: AwsStack) -> Database:
    return Database(account)
