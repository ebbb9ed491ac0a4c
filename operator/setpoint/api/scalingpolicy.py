"""ScalingPolicy: autoscaling of an ECS service by AWS Application Auto Scaling."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from setpoint.api.alerts import SlackTarget
from setpoint.api.base import Model, cel, list_map, validations
from setpoint.api.common import CommonSpec, CommonStatus
from setpoint.api.crd import Column, Names
from setpoint.api.types import Duration, Percent


class ECSTarget(Model):
    """An ECS service."""

    cluster: Annotated[str, Field(max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")]
    """Name of the ECS cluster."""

    service: Annotated[str, Field(max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")]
    """Name of the ECS service."""


class ScalingTarget(Model):
    """What is scaled."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("self == oldSelf", "target cannot be changed: create another ScalingPolicy")
        )
    )

    ecs: ECSTarget
    """An ECS service, by cluster and name."""


class Capacity(Model):
    """Bounds of the service's number of tasks."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("self.min <= self.max", "capacity.min must not be greater than capacity.max")
        )
    )

    min: Annotated[int, Field(ge=0, le=5000)]
    """Fewest tasks. AWS advises at least 1: without tasks there is no CPU or memory metric."""

    max: Annotated[int, Field(ge=0, le=5000)]
    """Most tasks."""


class TrackedMetric(StrEnum):
    """Metrics that target tracking can hold."""

    CPU = "CPU"
    MEMORY = "Memory"


class TargetTracking(Model):
    """A target-tracking policy: AWS adds and removes tasks to hold a metric at its target."""

    metric: TrackedMetric
    """CPU or Memory: the service's average utilisation."""

    target: Annotated[int, Field(ge=1, le=100)]
    """Utilisation to hold, in percent."""

    # No defaults in items of a list: kubectl's client-side apply would send the list each time.
    scale_out_cooldown: Duration | None = None
    """Time after adding tasks before more are added for the same metric; 5m when not set."""

    scale_in_cooldown: Duration | None = None
    """Time after removing tasks before more are removed; 5m when not set."""


class LoadBalancer(Model):
    """The target group behind an Application Load Balancer that serves the ECS service."""

    load_balancer: Annotated[str, Field(max_length=128, pattern=r"^app/[^/]+/[0-9a-f]+$")]
    """The last part of the load balancer's ARN: app/NAME/ID."""

    target_group: Annotated[str, Field(max_length=128, pattern=r"^targetgroup/[^/]+/[0-9a-f]+$")]
    """The last part of the target group's ARN: targetgroup/NAME/ID."""


class MetricSources(Model):
    """Where metrics beyond the service's own CPU and memory come from."""

    load_balancer: LoadBalancer | None = None
    """Gives response time, error rate and requests. Without it, those three are not known."""


class ScalingThresholds(Model):
    """Values above which an alert fires."""

    cpu: Percent = 80.0
    """Average CPU utilisation of the service, in percent of what its tasks reserve."""

    memory: Percent = 80.0
    """Average memory utilisation of the service, in percent of what its tasks reserve."""

    response_time: Duration = timedelta(seconds=1)
    """Average response time of the targets behind the load balancer."""

    error_rate: Percent = 5.0
    """Share of requests that the targets answered with a 5xx status."""


class ScalingAlerts(Model):
    """When to alert, and where to."""

    thresholds: ScalingThresholds = ScalingThresholds()
    """Values above which an alert fires."""

    slack: SlackTarget | None = None
    """Where in Slack alerts go. Without it, the channel that the operator's configuration sets
    for this namespace, if it does."""


class ScalingPolicySpec(CommonSpec):
    """What the service's autoscaling should be."""

    target: ScalingTarget
    """What is scaled. It cannot be changed afterwards."""

    capacity: Capacity
    """Bounds of the service's number of tasks. How many run between them is left to AWS."""

    target_tracking: Annotated[
        list[TargetTracking], Field(max_length=2, json_schema_extra=list_map("metric"))
    ] = []
    """Target-tracking policies, one for each metric."""

    metrics: MetricSources = MetricSources()
    """Where metrics beyond the service's own CPU and memory come from."""

    alerts: ScalingAlerts = ScalingAlerts()
    """When to alert, and where to."""


class CapacityStatus(Model):
    """The service's number of tasks."""

    desired: int
    """Tasks that AWS wants to run."""

    running: int
    """Tasks that run."""

    summary: Annotated[str, Field(max_length=64)]
    """Desired tasks and the bounds in force: 4 (2-20)."""


class EffectiveBounds(Model):
    """The bounds that AWS holds now."""

    min: int
    """Fewest tasks."""

    max: int
    """Most tasks."""

    source: Annotated[str, Field(max_length=64)]
    """Where they come from: Spec, or AWS when they differ from the spec."""


class MetricValues(Model):
    """The service's metrics. A metric without data is absent: no data is not 0."""

    cpu: Annotated[str, Field(max_length=32)] | None = None
    """Average CPU utilisation."""

    memory: Annotated[str, Field(max_length=32)] | None = None
    """Average memory utilisation."""

    response_time: Annotated[str, Field(max_length=32)] | None = None
    """Average response time of the targets behind the load balancer."""

    error_rate: Annotated[str, Field(max_length=32)] | None = None
    """Share of requests answered with a 5xx status by the targets."""

    requests: int | None = None
    """Requests in the window."""

    window: Annotated[str, Field(max_length=16)]
    """Length of the window of these values."""


class PolicyState(StrEnum):
    """How a scaling policy in AWS compares with the spec."""

    IN_SYNC = "InSync"
    DIFFERS = "Differs"
    MISSING = "Missing"


class PolicyStatus(Model):
    """One scaling policy of the target."""

    name: Annotated[str, Field(max_length=256)]
    """The policy's name in AWS."""

    metric: TrackedMetric
    """The metric it holds."""

    target: int
    """Utilisation to hold, in percent, as the spec says."""

    state: PolicyState
    """InSync, Differs or Missing."""


class ScalingPolicyStatus(CommonStatus):
    """What the service's autoscaling is."""

    resource: Annotated[str, Field(max_length=256)] | None = None
    """What is scaled, in short: ecs/CLUSTER/SERVICE."""

    capacity: CapacityStatus | None = None
    """The service's number of tasks."""

    effective_bounds: EffectiveBounds | None = None
    """The bounds that AWS holds now."""

    metrics: MetricValues | None = None
    """The service's metrics; written when they move much or cross a threshold. The live values
    are in Prometheus."""

    policies: Annotated[
        list[PolicyStatus], Field(max_length=20, json_schema_extra=list_map("name"))
    ] = []
    """The scaling policies that the spec names."""


class ScalingPolicy(Model):
    """ScalingPolicy keeps an ECS service's autoscaling as declared, and watches its performance."""

    names: ClassVar[Names] = Names("ScalingPolicy", "scalingpolicies", "scalingpolicy", ("sp",))
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Target", ".status.resource"),
        Column("Mode", ".spec.mode"),
        Column("Capacity", ".status.capacity.summary"),
        Column("CPU", ".status.metrics.cpu"),
        Column("Mem", ".status.metrics.memory"),
        Column("Alerts", ".status.alerts.count", "integer"),
    )

    spec: ScalingPolicySpec
    status: ScalingPolicyStatus = ScalingPolicyStatus()
