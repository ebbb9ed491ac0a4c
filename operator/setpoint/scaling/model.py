"""What is observed of an ECS service and its autoscaling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setpoint.engine.failure import Failure

NAMESPACE = "ecs"
DIMENSION = "ecs:service:DesiredCount"


@dataclass(frozen=True)
class Target:
    """The scalable target: bounds in tasks."""

    min: int
    max: int


@dataclass(frozen=True)
class Service:
    """The ECS service's number of tasks."""

    desired: int
    running: int


@dataclass(frozen=True)
class Metrics:
    """Means over the window; None is no data, which is not 0.

    cpu, memory in percent; response_time in seconds; error_rate in percent; requests in the window.
    """

    cpu: float | None = None
    memory: float | None = None
    response_time: float | None = None
    error_rate: float | None = None
    requests: float | None = None


@dataclass(frozen=True)
class Observed:
    """One look. `target` None: it is not registered. `policies` as AWS has them.

    `failures`: why the metrics could not be read, when they could not.
    """

    account: str
    region: str
    resource_id: str
    service: Service
    target: Target | None
    policies: Sequence[Mapping[str, Any]]
    has_schedules: bool
    metrics: Metrics
    failures: Sequence[Failure] = ()


def base_parameters(resource_id: str) -> dict[str, str]:
    """What every call of Application Auto Scaling names."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource_id,
        "ScalableDimension": DIMENSION,
    }
