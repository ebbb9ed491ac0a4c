"""Metrics that a spec writes itself, in CloudWatch's form. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from setpoint.api.autoscaling import CustomMetric, MetricQuery, Statistic


def dimensions(by_name: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Dimensions as AWS lists them."""
    return [{"Name": name, "Value": value} for name, value in sorted((by_name or {}).items())]


def single(metric: CustomMetric) -> dict[str, Any]:
    """Namespace, MetricName, Dimensions and Statistic of a metric that is no metric math."""
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.metric_name,
        "Dimensions": dimensions(metric.dimensions),
        "Statistic": str(metric.statistic or Statistic.AVERAGE),
    }


def queries(math: Sequence[MetricQuery], period: int | None = None) -> list[dict[str, Any]]:
    """Metric math: the queries of an alarm with their period in seconds, those of target tracking
    without (AWS sets it)."""
    return [_query(query, {} if period is None else {"Period": period}) for query in math]


def _query(query: MetricQuery, period: Mapping[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {"Id": query.id, "ReturnData": bool(query.return_data)}
    if query.expression is not None:
        found["Expression"] = query.expression
    if query.metric is not None:
        metric = {
            "Namespace": query.metric.namespace,
            "MetricName": query.metric.metric_name,
            "Dimensions": dimensions(query.metric.dimensions),
        }
        found["MetricStat"] = {"Metric": metric, "Stat": query.metric.stat, **period}
    if query.label is not None:
        found["Label"] = query.label
    return found
