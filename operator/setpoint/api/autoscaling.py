"""How capacity follows load: policies and schedules of Application Auto Scaling, as written.

Nothing here has a default in its schema: these are items of lists, and kubectl's client-side apply
would send a list with defaults each time. What is left out is said in the descriptions.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from setpoint.api.base import ATOMIC, Model, cel, list_map, validations
from setpoint.api.types import AmountOrShare, Duration, Moment, Quantity, duration_up_to

POLICY_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
SCHEDULE_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._ -]*[A-Za-z0-9._-])?$"
RESOURCE_LABEL = r"^app/[^/]+/[0-9a-f]+/targetgroup/[^/]+/[0-9a-f]+$"

PolicyName = Annotated[str, Field(min_length=1, max_length=128, pattern=POLICY_NAME)]
MetricName = Annotated[str, Field(min_length=1, max_length=255)]
MetricNamespace = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^:].*$")]
Dimensions = Annotated[
    dict[str, Annotated[str, Field(max_length=255)]],
    Field(json_schema_extra={"maxProperties": 30}),
]
"""All dimensions of a metric, by name: CloudWatch keeps each set of them as a metric of its own."""

Cooldown = Annotated[Duration, duration_up_to("24h")]


class ScalingMetric(StrEnum):
    """Metrics of an ECS service."""

    CPU = "CPU"
    MEMORY = "Memory"
    REQUEST_COUNT = "RequestCountPerTarget"


class Statistic(StrEnum):
    """How CloudWatch aggregates a metric over a period."""

    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    SAMPLE_COUNT = "SampleCount"
    SUM = "Sum"


class MetricStat(Model):
    """One CloudWatch metric with its statistic, as an input of metric math."""

    namespace: MetricNamespace
    """Namespace of the metric, such as AWS/SQS."""

    metric_name: MetricName
    """Name of the metric."""

    dimensions: Dimensions | None = None
    """All dimensions of the metric, by name."""

    stat: Annotated[str, Field(min_length=1, max_length=32)]
    """Statistic, such as Average, Sum or p90."""


class MetricQuery(Model):
    """One line of metric math: a metric, or an expression over the others."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "has(self.expression) != has(self.metric)",
                "a query is either an expression or a metric",
            )
        )
    )

    id: Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-zA-Z0-9_]*$")]
    """Name by which expressions refer to it."""

    expression: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Metric math, such as visible / tasks."""

    metric: MetricStat | None = None
    """A metric."""

    label: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Name to show."""

    return_data: bool | None = None
    """Whether this one is the value; exactly one query is. False when not set."""


class CustomMetric(Model):
    """A CloudWatch metric that AWS does not predefine, or metric math over several."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "has(self.metrics) ? !has(self.namespace) && !has(self.metricName) && "
                "!has(self.dimensions) && !has(self.statistic) : "
                "has(self.namespace) && has(self.metricName)",
                "set namespace and metricName (with dimensions and statistic), or metrics alone",
            ),
            cel(
                "!has(self.metrics) || "
                "self.metrics.filter(q, has(q.returnData) && q.returnData).size() == 1",
                "exactly one of metrics must have returnData: true",
            ),
        )
    )

    namespace: MetricNamespace | None = None
    """Namespace of the metric."""

    metric_name: MetricName | None = None
    """Name of the metric."""

    dimensions: Dimensions | None = None
    """All dimensions of the metric, by name."""

    statistic: Statistic | None = None
    """How values are aggregated; Average when not set."""

    metrics: (
        Annotated[
            list[MetricQuery],
            Field(min_length=1, max_length=10, json_schema_extra=list_map("id")),
        ]
        | None
    ) = None
    """Metric math: several queries, of which one has returnData: true."""


class TargetTracking(Model):
    """A target-tracking policy: AWS adds and removes capacity to hold a metric at its target."""

    metric: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
    """CPU, Memory, RequestCountPerTarget, CPUHighResolution or MemoryHighResolution of an ECS
    service (the last two need 20-second metrics to be switched on in ECS); for other resources the
    name that AWS predefines, such as DynamoDBReadCapacityUtilization. With `custom`, any name."""

    custom: CustomMetric | None = None
    """The metric itself, where AWS does not predefine it."""

    target: Quantity
    """Value to hold: percent for utilisations, requests a minute and target for
    RequestCountPerTarget, else in the metric's own unit."""

    name: PolicyName | None = None
    """Name of the policy when it is created: cpu-scaling, memory-scaling, METRIC-scaling when not
    set. A policy that AWS has for this metric already keeps its name."""

    scale_out_cooldown: Cooldown | None = None
    """Time after adding capacity before more is added for the same metric. When not set: 5m for an
    ECS service, else AWS's own default; a policy that was adopted keeps its own."""

    scale_in_cooldown: Cooldown | None = None
    """Time after removing capacity before more is removed. When not set: 5m for an ECS service,
    else AWS's own default; a policy that was adopted keeps its own."""

    disable_scale_in: bool | None = None
    """True only adds capacity. When not set, a policy of setpoint's own also removes it, and one
    that was adopted stays as it was."""

    resource_label: Annotated[str, Field(max_length=512, pattern=RESOURCE_LABEL)] | None = None
    """For RequestCountPerTarget: app/NAME/ID/targetgroup/NAME/ID. Taken from metrics.loadBalancer
    when not set."""


class Step(Model):
    """What to do from a value on."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("has(self.above) != has(self.below)", "a step has either above or below"),
            cel(
                "[has(self.add), has(self.remove), has(self.set)].filter(x, x).size() == 1",
                "a step has exactly one of add, remove and set",
            ),
            cel("!has(self.add) || has(self.above)", "add goes with above"),
            cel("!has(self.remove) || has(self.below)", "remove goes with below"),
        )
    )

    above: Quantity | None = None
    """The step holds while the metric is above this, up to the next higher step."""

    below: Quantity | None = None
    """The step holds while the metric is below this, down to the next lower step."""

    add: AmountOrShare | None = None
    """Capacity to add: 2, or 20% of what there is."""

    remove: AmountOrShare | None = None
    """Capacity to remove: 1, or 10% of what there is."""

    set: Annotated[int, Field(ge=0, le=5000)] | None = None
    """Capacity to go to."""


_ONE_FORM = (
    "[self.steps.exists(s, has(s.{side}) && has(s.{verb}) && type(s.{verb}) == int), "
    "self.steps.exists(s, has(s.{side}) && has(s.{verb}) && type(s.{verb}) == string), "
    "self.steps.exists(s, has(s.{side}) && has(s.set))].filter(x, x).size() <= 1"
)


class StepScaling(Model):
    """Step scaling with its CloudWatch alarms: setpoint makes a policy and an alarm for the steps
    above, and one of each for the steps below."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("has(self.metric) != has(self.custom)", "set either metric or custom"),
            cel(
                "!has(self.period) || self.period in ['10s', '30s'] || "
                "duration(self.period).getSeconds() % 60 == 0",
                "period must be 10s, 30s or whole minutes",
            ),
            cel(
                _ONE_FORM.format(side="above", verb="add"),
                "all steps above must add a number, or all a share, or all set",
            ),
            cel(
                _ONE_FORM.format(side="below", verb="remove"),
                "all steps below must remove a number, or all a share, or all set",
            ),
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=POLICY_NAME)]
    """Begins the names of its policies and alarms: NAME-out and NAME-in."""

    metric: ScalingMetric | None = None
    """CPU, Memory or RequestCountPerTarget of an ECS service."""

    custom: CustomMetric | None = None
    """Any other metric."""

    steps: Annotated[list[Step], Field(min_length=1, max_length=20, json_schema_extra=ATOMIC)]
    """What to do at which value."""

    cooldown: Cooldown | None = None
    """Time after a step before the next; 5m when not set."""

    min_adjustment: Annotated[int, Field(ge=1, le=1000)] | None = None
    """With shares: change the capacity by at least this much."""

    period: Duration | None = None
    """Period of the metric's values; 1m when not set."""

    evaluations: Annotated[int, Field(ge=1, le=60)] | None = None
    """How many periods in a row the metric must be beyond the first step; 3 when not set."""


class Schedule(Model):
    """A scheduled action: sets the bounds at its time, and they stay until something else does."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("has(self.min) || has(self.max)", "a schedule sets min, max or both"),
            cel(
                "!has(self.min) || !has(self.max) || self.min <= self.max",
                "min must not be greater than max",
            ),
            cel(
                "!has(self.start) || !has(self.end) || timestamp(self.start) < timestamp(self.end)",
                "start must be before end",
            ),
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=256, pattern=SCHEDULE_NAME)]
    """Name of the scheduled action in AWS."""

    schedule: Annotated[
        str, Field(max_length=256, pattern=r"^(cron|rate|at)\([A-Za-z0-9 ,*?/#:TLW-]+\)$")
    ]
    """When: cron(0 8 ? * MON-FRI *) with minutes, hours, day of month, month, day of week, year;
    rate(1 day); or at(2027-01-31T08:00:00)."""

    time_zone: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")] | None = None
    """IANA time zone of cron and at, such as Europe/Berlin. UTC when not set; an action that was
    adopted keeps its own."""

    min: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Fewest from then on; unchanged when not set."""

    max: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Most from then on; unchanged when not set."""

    start: Moment | None = None
    """First moment at which it may fire; an action that was adopted keeps its own."""

    end: Moment | None = None
    """Last moment at which it may fire; an action that was adopted keeps its own."""


class PredictiveMode(StrEnum):
    """Whether a forecast is acted upon."""

    FORECAST_ONLY = "ForecastOnly"
    FORECAST_AND_SCALE = "ForecastAndScale"


class MaxCapacityBreach(StrEnum):
    """What happens where the forecast is above the maximum."""

    HONOR = "HonorMaxCapacity"
    INCREASE = "IncreaseMaxCapacity"


class PredictiveScaling(Model):
    """A predictive policy: AWS forecasts the next two days from the last fourteen."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "has(self.maxCapacityBuffer) == "
                "(has(self.maxCapacityBreach) && self.maxCapacityBreach == 'IncreaseMaxCapacity')",
                "maxCapacityBuffer goes with maxCapacityBreach: IncreaseMaxCapacity, and is needed "
                "there",
            )
        )
    )

    metric: ScalingMetric
    """CPU, Memory or RequestCountPerTarget of an ECS service."""

    target: Quantity
    """Value to hold."""

    name: PolicyName | None = None
    """Name of the policy when it is created; cpu-forecast, memory-forecast, request-count-forecast
    when not set."""

    mode: PredictiveMode | None = None
    """ForecastOnly, when not set: AWS forecasts and changes nothing. ForecastAndScale adds capacity
    ahead of the load."""

    scheduling_buffer: Annotated[Duration, duration_up_to("59m59s")] | None = None
    """How much earlier than forecast capacity is added; 5m when not set."""

    max_capacity_breach: MaxCapacityBreach | None = None
    """HonorMaxCapacity, when not set. IncreaseMaxCapacity lets AWS go above capacity.max."""

    max_capacity_buffer: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent above the forecast that AWS may raise the maximum by."""

    resource_label: Annotated[str, Field(max_length=512, pattern=RESOURCE_LABEL)] | None = None
    """For RequestCountPerTarget: app/NAME/ID/targetgroup/NAME/ID. Taken from metrics.loadBalancer
    when not set."""
