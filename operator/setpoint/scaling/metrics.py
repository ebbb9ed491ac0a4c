"""The five metrics: which queries to make, and what their answers say. Pure.

AWS/ECS wants both dimensions. AWS/ApplicationELB gives seconds, Service Connect milliseconds, and
neither a datapoint where there was no traffic or no error. Unit is left out: a wrong one gives an
empty answer. The number of running tasks is the SampleCount of the service's CPU in a minute
(Amazon ECS developer guide, CloudWatch metrics).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from setpoint.alerts import burn
from setpoint.api.scalingpolicy import LoadBalancer, MetricSources, Objectives
from setpoint.engine.model import Sample
from setpoint.scaling.model import Metrics

WINDOW = timedelta(minutes=5)
PERIOD = 60
MIN_REQUESTS = 20
"""Below this many requests in the window, an error rate says nothing."""

ERROR_RATE = "IF(requests > 0, 100 * FILL(errors, 0) / requests, 0)"
"""Percent in each period; never divides by zero."""

_SAMPLES_HIGH_RESOLUTION = 3
"""Samples of a task in a minute where ECS measures every 20 seconds."""


def window(now: datetime) -> tuple[datetime, datetime]:
    """Start and (exclusive) end: aligned to the period, the newest period left out, as its value
    may still change."""
    end = now.replace(second=0, microsecond=0) - timedelta(seconds=PERIOD)
    return end - WINDOW, end


def queries(cluster: str, service: str, sources: MetricSources) -> list[dict[str, Any]]:
    """MetricDataQueries of GetMetricData."""
    ecs = {"ClusterName": cluster, "ServiceName": service}
    found = [
        _query("cpu", "AWS/ECS", "CPUUtilization", "Average", ecs),
        _query("memory", "AWS/ECS", "MemoryUtilization", "Average", ecs),
        _query("tasks", "AWS/ECS", "CPUUtilization", "SampleCount", ecs),
    ]
    if sources.load_balancer is not None:
        alb = {
            "LoadBalancer": sources.load_balancer.load_balancer,
            "TargetGroup": sources.load_balancer.target_group,
        }
        name = "AWS/ApplicationELB"
        found += [
            _query("response", name, "TargetResponseTime", "Average", alb),
            _query("requests", name, "RequestCount", "Sum", alb),
            _query("errors", name, "HTTPCode_Target_5XX_Count", "Sum", alb),
            {"Id": "errorRate", "Expression": ERROR_RATE},
        ]
    if sources.service_connect is not None:
        named = {"TargetDiscoveryName": sources.service_connect.discovery_name, **ecs}
        found.append(_query("milliseconds", "AWS/ECS", "TargetResponseTime", "Average", named))
    return found


def budget_window(now: datetime) -> tuple[datetime, datetime]:
    """Start and end of what error budgets are counted over: aligned, so that it moves, and is
    fetched, once in five minutes."""
    size = int(burn.PERIOD.total_seconds())
    _, newest = window(now)
    end = newest - timedelta(seconds=newest.timestamp() % size)
    return end - burn.LONGEST, end


def budget_queries(source: LoadBalancer) -> list[dict[str, Any]]:
    """MetricDataQueries for error budgets: requests, errors, and the average response time."""
    alb = {"LoadBalancer": source.load_balancer, "TargetGroup": source.target_group}
    name, period = "AWS/ApplicationELB", int(burn.PERIOD.total_seconds())
    return [
        _query("total", name, "RequestCount", "Sum", alb, period),
        _query("failed", name, "HTTPCode_Target_5XX_Count", "Sum", alb, period),
        _query("seconds", name, "TargetResponseTime", "Average", alb, period),
    ]


def budgets(
    results: Sequence[Mapping[str, Any]], objectives: Objectives, end: datetime
) -> list[Sample]:
    """The samples for error budgets; of what AWS does not give whole, no data."""
    whole, none = _whole(results), _Series({})
    totals = whole.get("total", none).values
    made = []
    if objectives.errors is not None:
        failed = whole.get("failed", none).values
        events = {at: burn.Events(n, min(failed.get(at, 0.0), n)) for at, n in totals.items()}
        made.append(("errorBudget", events, objectives.errors.objective))
    if objectives.latency is not None:
        limit, seconds = objectives.latency.threshold.total_seconds(), whole.get("seconds", none)
        slow = {at for at, value in seconds.values.items() if value > limit}
        events = {at: burn.Events(n, n if at in slow else 0.0) for at, n in totals.items()}
        made.append(("latencyBudget", events, objectives.latency.objective))
    return [
        burn.sample(rule, events, objective, objectives.min_requests, end)
        for rule, events, objective in made
    ]


@dataclass(frozen=True)
class _Series:
    """Values by their time."""

    values: Mapping[Any, float]

    @property
    def mean(self) -> float | None:
        return sum(self.values.values()) / len(self.values) if self.values else None

    @property
    def total(self) -> float | None:
        return sum(self.values.values()) if self.values else None

    @property
    def newest(self) -> float | None:
        return self.values[max(self.values)] if self.values else None


def read(results: Sequence[Mapping[str, Any]], *, high_resolution: bool = False) -> Metrics:
    """The metrics from MetricDataResults of all pages.

    One that AWS does not call whole in the end (PartialData, InternalError, Forbidden) is no data.
    """
    whole = _whole(results)
    none = _Series({})
    milliseconds = whole.get("milliseconds", none).mean
    tasks = whole.get("tasks", none).newest
    if tasks is not None and high_resolution:
        tasks = float(round(tasks / _SAMPLES_HIGH_RESOLUTION))
    return Metrics(
        cpu=whole.get("cpu", none).mean,
        memory=whole.get("memory", none).mean,
        response_time=whole.get("response", none).mean
        if milliseconds is None
        else milliseconds / 1000,
        error_rate=_error_rate(whole),
        requests=whole.get("requests", none).total,
        tasks=tasks,
    )


def _whole(results: Sequence[Mapping[str, Any]]) -> dict[str, _Series]:
    found: dict[str, dict[Any, float]] = {}
    states: dict[str, str] = {}
    for result in results:  # a long one is PartialData on each page but its last
        pairs = zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True)
        found.setdefault(result["Id"], {}).update((when, float(value)) for when, value in pairs)
        states[result["Id"]] = result.get("StatusCode", "Complete")
    return {name: _Series(found[name]) for name, state in states.items() if state == "Complete"}


def _error_rate(whole: Mapping[str, _Series]) -> float | None:
    """Percent of all requests of the window. No datapoint of errors beside requests: no errors."""
    requests, rates = whole.get("requests"), whole.get("errorRate")
    if requests is None or rates is None or (requests.total or 0) < MIN_REQUESTS:
        return None
    if not rates.values and "errors" not in whole:
        return None
    failed = sum(rates.values.get(when, 0) / 100 * n for when, n in requests.values.items())
    return 100 * failed / sum(requests.values.values())


def _query(
    name: str,
    namespace: str,
    metric: str,
    statistic: str,
    dimensions: Mapping[str, str],
    period: int = PERIOD,
) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            },
            "Period": period,
            "Stat": statistic,
        },
    }
