"""Reads the service, its scalable target, its policies and its metrics. Writes nothing.

The bounds and policies are kept also while the metrics cannot be read.
"""

import asyncio
from datetime import datetime
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.engine.failure import Failure
from setpoint.scaling import metrics
from setpoint.scaling.model import DIMENSION, NAMESPACE, Metrics, Observed, Service, Target

_AAS = "application-autoscaling"


async def observe(
    gateway: AWSGateway, scope: Scope, spec: ScalingPolicySpec, now: datetime
) -> Observed:
    """One look. Raises Failure."""
    ecs = spec.target.ecs
    named = {"ServiceNamespace": NAMESPACE, "ResourceId": scope.resource}
    account, service, targets, policies, schedules, (values, failures) = await asyncio.gather(
        gateway.account(scope),
        _service(gateway, scope, ecs.cluster, ecs.service),
        gateway.pages(
            scope, _AAS, "describe_scalable_targets", "ScalableTargets",
            ServiceNamespace=NAMESPACE, ResourceIds=[scope.resource], ScalableDimension=DIMENSION,
        ),
        gateway.pages(
            scope, _AAS, "describe_scaling_policies", "ScalingPolicies",
            **named, ScalableDimension=DIMENSION,
        ),
        gateway.pages(
            scope, _AAS, "describe_scheduled_actions", "ScheduledActions",
            **named, ScalableDimension=DIMENSION,
        ),
        _metrics(gateway, scope, spec, now),
    )  # fmt: skip
    found = next((t for t in targets if t["ResourceId"] == scope.resource), None)
    return Observed(
        account=account,
        region=scope.region,
        resource_id=scope.resource,
        service=service,
        target=Target(found["MinCapacity"], found["MaxCapacity"]) if found else None,
        policies=policies,
        has_schedules=bool(schedules),
        metrics=values,
        failures=failures,
    )


async def _service(gateway: AWSGateway, scope: Scope, cluster: str, name: str) -> Service:
    answer = await gateway.call(scope, "ecs", "describe_services", cluster=cluster, services=[name])
    active = [s for s in answer["services"] if s["status"] == "ACTIVE"]
    if not active:
        raise Failure(
            Reason.TARGET_NOT_FOUND,
            f"ECS has no active service {name} in cluster {cluster} in {scope.region}: check the "
            "names; it is looked for again",
        )
    return Service(active[0]["desiredCount"], active[0]["runningCount"])


async def _metrics(
    gateway: AWSGateway, scope: Scope, spec: ScalingPolicySpec, now: datetime
) -> tuple[Metrics, list[Failure]]:
    ecs = spec.target.ecs
    start, end = metrics.window(now)
    try:
        results: list[Any] = await gateway.pages(
            scope, "cloudwatch", "get_metric_data", "MetricDataResults",
            MetricDataQueries=metrics.queries(ecs.cluster, ecs.service, spec.metrics.load_balancer),
            StartTime=start, EndTime=end,
        )  # fmt: skip
    except Failure as failure:
        return Metrics(), [failure]
    return metrics.read(results), []
