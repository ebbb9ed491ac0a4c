"""An ECS service in an account of its own, and looks at it with time passing between them."""

from datetime import timedelta
from typing import Any

from setpoint.aws.reads import Reads
from setpoint.engine.attempt import Attempt
from setpoint.scaling.kind import ScalingKind
from setpoint.scaling.observe import FULL_ROUND
from stack import shop
from stack.aws.client import AwsStack
from tests.integration.aws.account import REGION, gateway
from tests.integration.aws.loop import Loop

BASE = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/prod/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}
CPU, MEMORY = "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"
BOTH = [{"metric": "CPU", "target": 60}, {"metric": "Memory", "target": 70}]
LOAD_BALANCER = {
    "loadBalancer": {"loadBalancer": shop.LOAD_BALANCER, "targetGroup": shop.TARGET_GROUP}
}


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "aws": {"region": REGION},
        "target": {"ecs": {"cluster": "prod", "service": "web"}},
        "capacity": {"min": 2, "max": 20},
        "targetTracking": BOTH,
        **changes,
    }


class Clock:
    """The readers' seconds: each reading of it is a little later than the one before."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        self.seconds += 0.001
        return self.seconds

    def pass_(self, time: timedelta) -> None:
        self.seconds += time.total_seconds()


class Looks(Loop):
    """Attempts with a full round between them, unless a test lets less time pass."""

    def __init__(self, clock: Clock, spec: dict[str, Any]) -> None:
        self.clock = clock
        made = gateway()
        super().__init__(ScalingKind(made, Reads(made, clock)), spec)

    async def attempt(self, after: timedelta = FULL_ROUND) -> Attempt:
        self.clock.pass_(after)
        return await super().attempt()

    async def revert(self) -> list[str]:
        self.clock.pass_(FULL_ROUND)
        return await super().revert()


class Service:
    """ECS service `web` with 3 tasks in an account of its own."""

    def __init__(self, account: AwsStack) -> None:
        self.account = account
        self.clock = Clock()
        shop.create_ecs_service(account, "prod", "web", 3)
        shop.set_service_load(account, "prod", "web", cpu=40, memory=50)
        self.client = account.boto3_client("application-autoscaling", REGION)

    def loop(self, **changes: Any) -> Looks:
        return Looks(self.clock, spec(**changes))

    def register(self, low: int, high: int) -> None:
        self.client.register_scalable_target(**BASE, MinCapacity=low, MaxCapacity=high)

    def track(self, name: str, metric: str, target: float, **more: Any) -> None:
        self.client.put_scaling_policy(
            **BASE,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": target,
                "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
                **more,
            },
        )

    def step(self, name: str) -> None:
        self.client.put_scaling_policy(
            **BASE,
            PolicyName=name,
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "StepAdjustments": [{"ScalingAdjustment": 1, "MetricIntervalLowerBound": 0}],
            },
        )

    def policies(self) -> dict[str, Any]:
        found = self.client.describe_scaling_policies(
            ServiceNamespace="ecs", ResourceId="service/prod/web"
        )["ScalingPolicies"]
        return {
            policy["PolicyName"]: policy.get("TargetTrackingScalingPolicyConfiguration", {}).get(
                "TargetValue"
            )
            for policy in found
        }

    def bounds(self) -> tuple[int, int] | None:
        found = self.client.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=["service/prod/web"]
        )["ScalableTargets"]
        return (found[0]["MinCapacity"], found[0]["MaxCapacity"]) if found else None

    def mutations_since(self, sequence: int) -> list[str]:
        return [call["operation"] for call in self.account.mutations(sequence)]
