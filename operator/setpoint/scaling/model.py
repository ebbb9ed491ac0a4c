"""What is observed of a scalable target, what setpoint remembers of it, and its names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from setpoint.api.scalingpolicy import ECS_DIMENSION, ScalingTarget
from setpoint.aws.names import ScalableId
from setpoint.engine.failure import Failure
from setpoint.engine.model import Sample

SUSPENDED_FLAGS = {
    "scaleIn": "DynamicScalingInSuspended",
    "scaleOut": "DynamicScalingOutSuspended",
    "schedules": "ScheduledScalingSuspended",
}
"""The spec's names of AWS's flags of SuspendedState."""


@dataclass(frozen=True)
class Target:
    """The scalable target as AWS has it. `suspended`: the spec's names of the flags that are on."""

    min: int
    max: int
    suspended: frozenset[str] = frozenset()
    arn: str = ""


@dataclass(frozen=True)
class Service:
    """The ECS service's number of tasks, and whether a deployment is under way."""

    desired: int
    running: int
    deploying: bool = False


@dataclass(frozen=True)
class Metrics:
    """Means over the window; None is no data, which is not 0.

    cpu, memory in percent; response_time in seconds; error_rate in percent; requests in the window;
    tasks: number of running tasks in the newest period.
    """

    cpu: float | None = None
    memory: float | None = None
    response_time: float | None = None
    error_rate: float | None = None
    requests: float | None = None
    tasks: float | None = None


@dataclass(frozen=True)
class Observed:
    """One look. `target` None: it is not registered; `service` None: it is no ECS service.

    policies, schedules, activities (the newest first) and alarms (by name) as AWS has them.
    `unlisted` policies were written so lately that their alarms need not be listed yet. `budgets`:
    how fast error budgets burn. `failures`: why parts that nothing else rests on could not be read;
    `missing`: why ECS has no such service. `measured`: the metrics could be read. `is_tagged`:
    AWS's tag proves that this very resource registered the target; None if AWS was not asked.
    """

    account: str
    region: str
    id: ScalableId
    service: Service | None
    target: Target | None
    policies: Sequence[Mapping[str, Any]]
    schedules: Sequence[Mapping[str, Any]] = ()
    activities: Sequence[Mapping[str, Any]] = ()
    alarms: Mapping[str, Mapping[str, Any]] | None = None
    unlisted: frozenset[str] = frozenset()
    metrics: Metrics = Metrics()
    budgets: Sequence[Sample] = ()
    failures: Sequence[Failure] = ()
    missing: Failure | None = None
    measured: bool = True
    is_tagged: bool | None = None


@dataclass(frozen=True)
class Memory:
    """What is kept between two looks; nothing of it must survive a restart.

    `generation` and `requested` of the last look; `written`: when (seconds of the reader's clock)
    a part of AWS was last written, so that what was read before is not used any more; `arns` of
    policies as PutScalingPolicy told them; `repairs`: how often a policy was put again because its
    alarms were gone; `tasks` as metrics last had them; `tag_known`: AWS was asked for the target's;
    `missing`: ECS had no such service, so it is asked again at each look.
    """

    generation: int = -1
    requested: str | None = None
    written: Mapping[str, float] = field(default_factory=dict)
    arns: Mapping[str, str] = field(default_factory=dict)
    repairs: Mapping[str, int] = field(default_factory=dict)
    tasks: float | None = None
    tag_known: bool = False
    missing: bool = False


def scalable_id(target: ScalingTarget) -> ScalableId:
    """The three names of what a spec scales; the short and the long form of one are the same."""
    if target.ecs is not None:
        resource_id = f"service/{target.ecs.cluster}/{target.ecs.service}"
        return ScalableId("ecs", resource_id, ECS_DIMENSION)
    long = target.scalable_target
    if long is None:
        raise ValueError("target names nothing")
    return ScalableId(long.service_namespace, long.resource_id, long.scalable_dimension)


def ecs_names(target: ScalableId) -> tuple[str, str] | None:
    """Cluster and service; None for what is no ECS service."""
    if target.namespace != "ecs":
        return None
    _, cluster, service = target.resource_id.split("/", 2)
    return cluster, service


def grant_name(target: ScalableId) -> str:
    """How grants name it: service/CLUSTER/SERVICE, or NAMESPACE:RESOURCEID."""
    return target.resource_id if target.namespace == "ecs" else f"{target[0]}:{target[1]}"


def display_name(target: ScalableId) -> str:
    """How people name it: ecs/CLUSTER/SERVICE, or NAMESPACE/RESOURCEID."""
    return f"{target.namespace}/{target.resource_id.removeprefix('service/')}"
