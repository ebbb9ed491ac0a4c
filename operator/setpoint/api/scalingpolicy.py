"""ScalingPolicy: autoscaling by AWS Application Auto Scaling."""

import json
from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field

from setpoint.api.alerts import Alerts, RuleName, rules_of_kind
from setpoint.api.autoscaling import PredictiveScaling, Schedule, StepScaling, TargetTracking
from setpoint.api.aws_scaling import DIMENSIONS, METRICS, NAMESPACES, POLICY_TYPES, RESOURCE_IDS
from setpoint.api.base import Model, cel, list_map, validations
from setpoint.api.common import CommonSpec, CommonStatus
from setpoint.api.crd import Column, Names
from setpoint.api.types import Duration, Percent, Quantity

SHORT_METRICS = {
    "CPU": "ECSServiceAverageCPUUtilization",
    "Memory": "ECSServiceAverageMemoryUtilization",
    "RequestCountPerTarget": "ALBRequestCountPerTarget",
    "CPUHighResolution": "ECSServiceAverageCPUUtilizationHighResolution",
    "MemoryHighResolution": "ECSServiceAverageMemoryUtilizationHighResolution",
}
"""Our short names of an ECS service's metrics, and AWS's own."""

ECS_DIMENSION = "ecs:service:DesiredCount"
_WITHOUT_SCHEDULES = ("kafka",)
"""Amazon MSK takes none (user guide of Application Auto Scaling, Amazon MSK)."""


def _one_of(names: Collection[str]) -> Any:
    def known(value: str) -> str:
        if value not in names:
            raise ValueError("AWS has no such name")
        return value

    return AfterValidator(known)


ServiceNamespace = Annotated[
    str, _one_of(NAMESPACES), Field(json_schema_extra={"enum": list(NAMESPACES)})
]
ScalableDimension = Annotated[
    str, _one_of(DIMENSIONS), Field(json_schema_extra={"enum": list(DIMENSIONS)})
]


def allowed_metrics(dimension: str) -> list[str]:
    """Names that `metric` of target tracking may have without `custom`."""
    return list(SHORT_METRICS if dimension == ECS_DIMENSION else METRICS[dimension])


def supports(namespace: str, policy_type: str) -> bool:
    """Whether Application Auto Scaling has policies of this type for a service."""
    return policy_type in POLICY_TYPES[namespace]


def supports_schedules(namespace: str) -> bool:
    """Whether Application Auto Scaling has scheduled actions for a service."""
    return namespace not in _WITHOUT_SCHEDULES


def _namespaces(policy_type: str) -> str:
    return json.dumps([name for name in NAMESPACES if supports(name, policy_type)])


def _unless_ecs(rule: str) -> str:
    """A CEL rule on what is not an ECS service in the short form; `n` its namespace."""
    return "has(self.target.ecs) || " + rule.replace(
        "NAMESPACE", "self.target.scalableTarget.serviceNamespace"
    )


_METRICS_BY_DIMENSION = json.dumps({name: allowed_metrics(name) for name in DIMENSIONS})
_UTILISATIONS = json.dumps(
    [name for name in allowed_metrics(ECS_DIMENSION) if "Request" not in name]
)
_LABELLED = "['RequestCountPerTarget', 'ALBRequestCountPerTarget']"

_ID_PATTERNS = json.dumps({name: f"^{form}$" for name, (form, _) in RESOURCE_IDS.items()})

_SUPPORTED = validations(
    cel(
        "self.targetTracking.all(t, has(t.custom) || t.metric in "
        f"{_METRICS_BY_DIMENSION}[has(self.target.ecs) ? '{ECS_DIMENSION}' : "
        "self.target.scalableTarget.scalableDimension])",
        "metric is none that AWS predefines for this target: for an ECS service CPU, Memory, "
        "RequestCountPerTarget, CPUHighResolution or MemoryHighResolution; set custom for another",
    ),
    cel(
        f"self.targetTracking.all(t, has(t.custom) || !(t.metric in {_UTILISATIONS}) || "
        "type(t.target) != int || t.target <= 100)",
        "the target of a utilisation must be at most 100 percent",
    ),
    cel(
        "self.targetTracking.all(t, type(t.target) != int || t.target >= 1) && "
        "self.predictiveScaling.all(p, type(p.target) != int || p.target >= 1)",
        "a target must be above 0",
    ),
    cel(
        f"self.targetTracking.all(t, has(t.custom) || !(t.metric in {_LABELLED}) || "
        "has(t.resourceLabel) || has(self.metrics.loadBalancer))",
        "RequestCountPerTarget needs resourceLabel, or metrics.loadBalancer",
    ),
    cel(
        "self.targetTracking.all(t, !has(t.resourceLabel) || (!has(t.custom) && t.metric in "
        f"{_LABELLED}))",
        "resourceLabel goes with RequestCountPerTarget only",
    ),
    cel(
        "self.predictiveScaling.all(p, p.metric != 'RequestCountPerTarget' || "
        "has(p.resourceLabel) || has(self.metrics.loadBalancer))",
        "RequestCountPerTarget needs resourceLabel, or metrics.loadBalancer",
    ),
    cel(
        "self.stepScaling.all(s, has(s.custom) || s.metric != 'RequestCountPerTarget' || "
        "has(self.metrics.loadBalancer))",
        "RequestCountPerTarget needs metrics.loadBalancer",
    ),
    cel(
        _unless_ecs(
            "self.targetTracking.size() == 0 || "
            f"NAMESPACE in {_namespaces('TargetTrackingScaling')}"
        ),
        "AWS has no target tracking for this service",
    ),
    cel(
        _unless_ecs(f"self.stepScaling.size() == 0 || NAMESPACE in {_namespaces('StepScaling')}"),
        "AWS has no step scaling for this service",
    ),
    cel(
        _unless_ecs("NAMESPACE == 'ecs' || self.stepScaling.all(s, has(s.custom))"),
        "metric of stepScaling is one of an ECS service: set custom for another",
    ),
    cel(
        _unless_ecs(
            f"self.predictiveScaling.size() == 0 || NAMESPACE in {_namespaces('PredictiveScaling')}"
        ),
        "AWS has predictive scaling for ECS services only",
    ),
    cel(
        "!has(self.alerts.slo) || has(self.metrics.loadBalancer)",
        "alerts.slo needs metrics.loadBalancer, which counts the requests",
    ),
    cel(
        _unless_ecs(f"self.schedules.size() == 0 || !(NAMESPACE in {list(_WITHOUT_SCHEDULES)})"),
        "AWS has no scheduled scaling for this service",
    ),
)


class ECSTarget(Model):
    """An ECS service."""

    cluster: Annotated[str, Field(max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")]
    """Name of the ECS cluster."""

    service: Annotated[str, Field(max_length=255, pattern=r"^[a-zA-Z0-9_-]+$")]
    """Name of the ECS service."""


class ScalableTarget(Model):
    """Anything that Application Auto Scaling can scale, by the three names that it goes by."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "self.scalableDimension.startsWith(self.serviceNamespace + ':')",
                "scalableDimension must be one of serviceNamespace",
            ),
            cel(
                f"!(self.scalableDimension in {_ID_PATTERNS}) || "
                f"self.resourceId.matches({_ID_PATTERNS}[self.scalableDimension])",
                "resourceId does not have the form that AWS gives this dimension's: "
                "service/CLUSTER/SERVICE, table/NAME, table/NAME/index/NAME, cluster:NAME, …",
            ),
        )
    )

    service_namespace: ServiceNamespace
    """AWS's name of the service, such as ecs, dynamodb or rds."""

    resource_id: Annotated[
        str, Field(min_length=1, max_length=400, pattern=r"^[A-Za-z0-9][A-Za-z0-9:/._+=@-]*$")
    ]
    """Identifier of the resource: service/CLUSTER/SERVICE, table/NAME, cluster:NAME …"""

    scalable_dimension: ScalableDimension
    """What of it is scaled, such as dynamodb:table:ReadCapacityUnits."""


class ScalingTarget(Model):
    """What is scaled."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("self == oldSelf", "target cannot be changed: create another ScalingPolicy"),
            cel("has(self.ecs) != has(self.scalableTarget)", "set either ecs or scalableTarget"),
        )
    )

    ecs: ECSTarget | None = None
    """An ECS service, by cluster and name."""

    scalable_target: ScalableTarget | None = None
    """Anything else that Application Auto Scaling can scale."""


class Suspended(Model):
    """Which kinds of scaling AWS holds. A flag that is not set is left as it is in AWS."""

    scale_in: bool | None = None
    """Nothing is removed by policies."""

    scale_out: bool | None = None
    """Nothing is added by policies."""

    schedules: bool | None = None
    """Scheduled actions do not fire; those that were missed are not made up for."""


class Capacity(Model):
    """Bounds of the capacity: of an ECS service, its number of tasks."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("self.min <= self.max", "capacity.min must not be greater than capacity.max")
        )
    )

    min: Annotated[int, Field(ge=0, le=1_000_000)]
    """Fewest. AWS advises at least 1: without tasks there is no CPU or memory metric."""

    max: Annotated[int, Field(ge=0, le=1_000_000)]
    """Most."""

    suspended: Suspended | None = None
    """Which kinds of scaling AWS holds: the policies stay, and the capacity stays as it is."""


class LoadBalancer(Model):
    """The target group behind an Application Load Balancer that serves the ECS service."""

    load_balancer: Annotated[str, Field(max_length=128, pattern=r"^app/[^/]+/[0-9a-f]+$")]
    """The last part of the load balancer's ARN: app/NAME/ID."""

    target_group: Annotated[str, Field(max_length=128, pattern=r"^targetgroup/[^/]+/[0-9a-f]+$")]
    """The last part of the target group's ARN: targetgroup/NAME/ID."""


class ServiceConnect(Model):
    """The service's name in ECS Service Connect."""

    discovery_name: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9_][a-z0-9_.-]*$")]
    """discoveryName of the service's Service Connect configuration."""


class MetricSources(Model):
    """Where metrics beyond the service's own CPU and memory come from."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "!has(self.loadBalancer) || !has(self.serviceConnect)",
                "set loadBalancer or serviceConnect, not both: each gives the response time",
            )
        )
    )

    load_balancer: LoadBalancer | None = None
    """Gives response time, error rate and requests. Without it, those three are not known."""

    service_connect: ServiceConnect | None = None
    """Gives the response time of a service that is reached through ECS Service Connect."""


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


_RULES = rules_of_kind(
    RuleName.CPU,
    RuleName.MEMORY,
    RuleName.RESPONSE_TIME,
    RuleName.ERROR_RATE,
    RuleName.SCALING_LIMITED,
    RuleName.ERROR_BUDGET,
    RuleName.LATENCY_BUDGET,
)


Objective = Annotated[
    Percent,
    Field(
        json_schema_extra=validations(
            cel(
                "double(self.replace('%', '')) >= 50.0 && double(self.replace('%', '')) <= 99.99",
                "an objective must be between 50% and 99.99%",
            )
        )
    ),
]
"""Share of events that are to be good."""


class LatencyObjective(Model):
    """Which share of requests is to be answered fast enough."""

    objective: Objective
    """Share of requests, such as 99%."""

    threshold: Duration
    """Requests of a five-minute period count as too slow when their average is above this."""


class ErrorObjective(Model):
    """Which share of requests is to be answered without a 5xx status."""

    objective: Objective
    """Share of requests, such as 99.9%."""


class Objectives(Model):
    """Service-level objectives. An alert fires while their error budget burns too fast: 14.4 times
    over 1 h and 5 min, 6 times over 6 h and 30 min (both Critical), or once over 3 d and 6 h
    (Warning)."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("has(self.latency) || has(self.errors)", "set latency, errors or both")
        )
    )

    latency: LatencyObjective | None = None
    """Which share of requests is to be answered fast enough."""

    errors: ErrorObjective | None = None
    """Which share of requests is to be answered without a 5xx status."""

    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """A window with fewer requests says nothing."""


class ScalingAlerts(Alerts):
    """When to alert, and where to."""

    model_config = ConfigDict(json_schema_extra=_RULES)

    slo: Objectives | None = None
    """Service-level objectives; they need metrics.loadBalancer."""

    thresholds: ScalingThresholds = ScalingThresholds()
    """Values above which an alert fires."""


class ScalingPolicySpec(CommonSpec):
    """What the autoscaling should be."""

    model_config = ConfigDict(json_schema_extra=_SUPPORTED)

    target: ScalingTarget
    """What is scaled. It cannot be changed afterwards."""

    capacity: Capacity
    """Bounds of the capacity. What runs between them is left to AWS."""

    target_tracking: Annotated[
        list[TargetTracking], Field(max_length=8, json_schema_extra=list_map("metric"))
    ] = []
    """Target-tracking policies, one for each metric."""

    step_scaling: Annotated[
        list[StepScaling], Field(max_length=5, json_schema_extra=list_map("name"))
    ] = []
    """Step-scaling policies, each with its alarms."""

    predictive_scaling: Annotated[
        list[PredictiveScaling], Field(max_length=3, json_schema_extra=list_map("metric"))
    ] = []
    """Predictive policies, one for each metric; ECS only."""

    schedules: Annotated[
        list[Schedule], Field(max_length=20, json_schema_extra=list_map("name"))
    ] = []
    """Scheduled actions, which set the bounds at their times. Between them setpoint leaves the
    bounds as the last one set them."""

    metrics: MetricSources = MetricSources()
    """Where metrics beyond the service's own CPU and memory come from."""

    alerts: ScalingAlerts = ScalingAlerts()
    """When to alert, and where to."""


class CapacityStatus(Model):
    """The capacity as it is."""

    desired: int | None = None
    """Tasks that AWS wants to run; of ECS services."""

    running: int | None = None
    """Tasks that run; of ECS services."""

    deploying: bool | None = None
    """True while ECS deploys: AWS removes nothing then."""

    suspended: Annotated[str, Field(max_length=64)] | None = None
    """Kinds of scaling that AWS holds: scaleIn, scaleOut, schedules."""

    summary: Annotated[str, Field(max_length=64)]
    """Desired tasks and the bounds in force: 4 (2-20)."""


class EffectiveBounds(Model):
    """The bounds that AWS holds now."""

    min: int
    """Fewest."""

    max: int
    """Most."""

    source: Annotated[str, Field(max_length=300)]
    """Where they come from: Spec; Schedule/NAME; Predictive, when AWS raised the maximum for its
    forecast; or AWS, when they were set by somebody else."""


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


class State(StrEnum):
    """How something in AWS compares with the spec."""

    IN_SYNC = "InSync"
    DIFFERS = "Differs"
    MISSING = "Missing"
    OVER = "Over"


class PolicyType(StrEnum):
    """AWS's types of scaling policies."""

    TARGET_TRACKING = "TargetTrackingScaling"
    STEP = "StepScaling"
    PREDICTIVE = "PredictiveScaling"


class PolicyStatus(Model):
    """One scaling policy of the target."""

    name: Annotated[str, Field(max_length=256)]
    """The policy's name in AWS."""

    type: PolicyType
    """TargetTrackingScaling, StepScaling or PredictiveScaling."""

    metric: Annotated[str, Field(max_length=128)]
    """The metric it looks at."""

    target: Quantity | None = None
    """The value it holds, as the spec says; not of step scaling."""

    state: State
    """InSync, Differs or Missing."""


class ScheduleStatus(Model):
    """One scheduled action of the target."""

    name: Annotated[str, Field(max_length=256)]
    """Its name in AWS."""

    state: State
    """InSync, Differs, Missing, or Over: it never fires again, and is not put again."""

    next: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When it fires next."""


class ScalingActivity(Model):
    """What AWS last did."""

    time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When it began."""

    result: Annotated[str, Field(max_length=64)]
    """AWS's word for how it ended: Successful, Failed, Unfulfilled, Overridden …"""


class ScalingPolicyStatus(CommonStatus):
    """What the service's autoscaling is."""

    resource: Annotated[str, Field(max_length=1024)] | None = None
    """What is scaled, in short: ecs/CLUSTER/SERVICE, or NAMESPACE/RESOURCEID."""

    capacity: CapacityStatus | None = None
    """The service's number of tasks."""

    effective_bounds: EffectiveBounds | None = None
    """The bounds that AWS holds now."""

    metrics: MetricValues | None = None
    """The service's metrics; written when they move much or cross a threshold. The live values
    are in Prometheus."""

    policies: Annotated[
        list[PolicyStatus], Field(max_length=21, json_schema_extra=list_map("name"))
    ] = []
    """The scaling policies that the spec names."""

    schedules: Annotated[
        list[ScheduleStatus], Field(max_length=20, json_schema_extra=list_map("name"))
    ] = []
    """The scheduled actions that the spec names."""

    last_activity: ScalingActivity | None = None
    """The last time that AWS changed the capacity, or tried to."""


class ScalingPolicy(Model):
    """ScalingPolicy keeps the autoscaling of an ECS service, or of anything else that AWS
    Application Auto Scaling scales, as declared, and watches its performance."""

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
