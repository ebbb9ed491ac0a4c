"""Many ECS services at once, with or without their scaling: what a benchmark begins with."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stack.aws.autoscaling import policies, targets
from stack.aws.cloudwatch import datapoints
from stack.aws.state import World, moto
from stack.aws.wire import Call

_METRICS = {"cpu": ("ECSServiceAverageCPUUtilization", "CPUUtilization"),
            "memory": ("ECSServiceAverageMemoryUtilization", "MemoryUtilization")}  # fmt: skip


def create_services(world: World, call: Call, values: Mapping[str, Any]) -> list[str]:
    """Services `prefix`0, `prefix`1, ... of a cluster, each with so many `tasks`; their names.

    `scaling` ({min, max, cpu, memory}: bounds, and target values in percent) registers them and
    gives each its policies with their alarms; `load` ({cpu, memory}, percent) gives them metrics.
    """
    backend, cluster = moto("ecs", call), values["cluster"]
    backend.create_cluster(cluster)
    family = values["prefix"]
    container = {"name": "app", "image": "app", "cpu": 256, "memory": 512}
    backend.register_task_definition(family=family, container_definitions=[container])
    names = [f"{family}{number}" for number in range(values["count"])]
    for name in names:
        backend.create_service(cluster, name, values["tasks"], family)
        if values.get("scaling"):
            _scale(world, call, f"service/{cluster}/{name}", values["scaling"])
        for kind, value in (values.get("load") or {}).items():
            datapoints.from_control(
                world.region(call),
                {
                    "namespace": "AWS/ECS",
                    "name": _METRICS[kind][1],
                    "dimensions": {"ClusterName": cluster, "ServiceName": name},
                    "value": value,
                    "minutes": values.get("minutes", 10),
                },
            )
    return names


def _scale(world: World, call: Call, resource: str, scaling: Mapping[str, Any]) -> None:
    key = {
        "ServiceNamespace": "ecs",
        "ResourceId": resource,
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    bounds = {"MinCapacity": scaling["min"], "MaxCapacity": scaling["max"]}
    register = replace(call, operation="RegisterScalableTarget", params=key | bounds)
    targets.register(world, register)
    for kind, (metric, _) in _METRICS.items():
        if kind in scaling:
            policy = {
                "PolicyName": f"{kind}-scaling",
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": float(scaling[kind]),
                    "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
                },
            }
            put = replace(call, operation="PutScalingPolicy", params=key | policy)
            policies.put(world, put)
