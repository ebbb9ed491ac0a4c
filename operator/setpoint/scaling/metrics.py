"""The five metrics: which queries to make, and what their answers say. Pure.

AWS/ECS wants both dimensions; AWS/ApplicationELB gives seconds, and no datapoint where there was
no traffic or no error. Unit is left out: a wrong one gives an empty answer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from setpoint.api.scalingpolicy import LoadBalancer
from setpoint.scaling.model import Metrics

WINDOW = timedelta(minutes=5)
PERIOD = 60
MIN_REQUESTS = 20
"""Below this many requests in the window, an error rate says nothing."""


def window(now: datetime) -> tuple[datetime, datetime]:
    """Start and (exclusive) end: aligned to the period, the newest period left out, as its value
    may still change."""
    end = now.replace(second=0, microsecond=0) - timedelta(seconds=PERIOD)
    return end - WINDOW, end


def queries(cluster: str, service: str, load_balancer: LoadBalancer | None) -> list[dict[str, Any]]:
    """MetricDataQueries of GetMetricData."""
    ecs = {"ClusterName": cluster, "ServiceName": service}
    found = [
        _query("cpu", "AWS/ECS", "CPUUtilization", "Average", ecs),
        _query("memory", "AWS/ECS", "MemoryUtilization", "Average", ecs),
    ]
    if load_balancer is not None:
        alb = {
            "LoadBalancer": load_balancer.load_balancer,
            "TargetGroup": load_balancer.target_group,
        }
        name = "AWS/ApplicationELB"
        found += [
            _query("response", name, "TargetResponseTime", "Average", alb),
            _query("requests", name, "RequestCount", "Sum", alb),
            _query("errors", name, "HTTPCode_Target_5XX_Count", "Sum", alb),
        ]
    return found


def read(results: Sequence[Mapping[str, Any]]) -> Metrics:
    """The metrics from MetricDataResults of all pages.

    One that AWS does not call whole in the end (PartialData, InternalError, Forbidden) is no data.
    """
    found: dict[str, list[float]] = {}
    states: dict[str, str] = {}
    for result in results:  # a long one is PartialData on each page but its last
        found.setdefault(result["Id"], []).extend(map(float, result.get("Values", ())))
        states[result["Id"]] = result.get("StatusCode", "Complete")
    values = {name: found[name] for name, state in states.items() if state == "Complete"}
    requests = sum(values["requests"]) if values.get("requests") else None
    return Metrics(
        cpu=_mean(values.get("cpu")),
        memory=_mean(values.get("memory")),
        response_time=_mean(values.get("response")),
        error_rate=_error_rate(requests, values.get("errors")),
        requests=requests,
    )


def _error_rate(requests: float | None, errors: list[float] | None) -> float | None:
    """Percent. No datapoint of errors beside requests means no errors."""
    if requests is None or requests < MIN_REQUESTS or errors is None:
        return None
    return 100 * min(sum(errors), requests) / requests


def _mean(values: list[float] | None) -> float | None:
    return sum(values) / len(values) if values else None


def _query(
    name: str, namespace: str, metric: str, statistic: str, dimensions: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            },
            "Period": PERIOD,
            "Stat": statistic,
        },
    }
