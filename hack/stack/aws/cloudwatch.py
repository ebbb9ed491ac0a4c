"""CloudWatch's metrics, held by the layer itself, and the alarms of scaling policies."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stack.aws.state import Region, Series, World
from stack.aws.wire import AWSError, Call

_MAX_QUERIES = 500
_STATISTICS = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")


def handle(world: World, call: Call) -> dict[str, Any] | None:
    """The answer to a call; None for what is left to moto. Raises AWSError."""
    region = world.region(call.region)
    match call.operation:
        case "GetMetricData":
            return _get(region, call.params)
        case "PutMetricData":
            return _put(region, call.params)
        case "DescribeAlarms":
            names = call.params.get("AlarmNames")
            prefix = call.params.get("AlarmNamePrefix") or ""
            found = [
                alarm
                for name, alarm in region.alarms.items()
                if (not names or name in names) and name.startswith(prefix)
            ]
            return {"MetricAlarms": found[: call.params.get("MaxRecords") or 100]}
        case "DeleteAlarms":
            for name in call.params["AlarmNames"]:
                region.alarms.pop(name, None)
            return {}
    return None


def set_steady(
    region: Region, namespace: str, name: str, dimensions: Mapping[str, str], value: float | None
) -> None:
    """From the last ten minutes on, one datapoint a minute of `value`; None ends the series."""
    key = (namespace, name, frozenset(dimensions.items()))
    if value is None:
        region.series.pop(key, None)
        return
    region.series[key] = Series(steady=[(time.time() - 600, value)])


def _put(region: Region, params: Mapping[str, Any]) -> dict[str, Any]:
    for datum in params["MetricData"]:
        dimensions = frozenset((d["Name"], d["Value"]) for d in datum.get("Dimensions") or ())
        key = (params["Namespace"], datum["MetricName"], dimensions)
        at = datum.get("Timestamp") or datetime.now(UTC)
        values = datum.get("Values") or [datum["Value"]]
        series = region.series.setdefault(key, Series())
        series.points += [(at.timestamp(), float(value)) for value in values]
    return {}


def _get(region: Region, params: Mapping[str, Any]) -> dict[str, Any]:
    queries = params["MetricDataQueries"]
    if len(queries) > _MAX_QUERIES:
        raise _invalid("The collection MetricDataQueries must not have a size greater than 500.")
    start, end = params["StartTime"].timestamp(), params["EndTime"].timestamp()
    if start >= end:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    if len({query["Id"] for query in queries}) != len(queries):
        raise _invalid("The values for parameter Id in MetricDataQueries must be unique.")
    results = []
    for query in queries:
        if not re.fullmatch(r"[a-z][a-zA-Z0-9_]*", query["Id"]):
            raise _invalid(f"The value {query['Id']} for parameter Id is not matching the pattern")
        if query.get("ReturnData") is False:
            continue
        if query.get("MetricStat") is None:
            raise AWSError("ValidationError", "metric math is not supported by this stand-in", 501)
        results.append(_result(region, query, start, end, params.get("ScanBy")))
    return {"MetricDataResults": results, "Messages": []}


def _result(
    region: Region, query: Mapping[str, Any], start: float, end: float, scan_by: str | None
) -> dict[str, Any]:
    stat = query["MetricStat"]
    period = stat["Period"]
    if period not in (1, 5, 10, 20, 30) and period % 60:
        raise _invalid("The parameter Period must be a multiple of 60.")
    metric = stat["Metric"]
    dimensions = frozenset((d["Name"], d["Value"]) for d in metric.get("Dimensions") or ())
    series = region.series.get((metric["Namespace"], metric["MetricName"], dimensions))
    # A unit that was not stored gives nothing; the layer stores none.
    values = {} if series is None or stat.get("Unit") else _values(series, start, end, period)
    ordered = sorted(values, reverse=scan_by != "TimestampAscending")
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or metric["MetricName"],
        "Timestamps": [datetime.fromtimestamp(at, UTC) for at in ordered],
        "Values": [_statistic(values[at], stat["Stat"]) for at in ordered],
        "StatusCode": "Complete",
    }


def _values(series: Series, start: float, end: float, period: int) -> dict[float, list[float]]:
    """Datapoints by period; the end is exclusive, and nothing is there for the future."""
    found: dict[float, list[float]] = {}
    points = list(series.points)
    now = time.time()
    for since, value in series.steady:
        minute = max(since, start) // 60 * 60
        while minute < min(end, now):
            points.append((minute, value))
            minute += 60
    for at, value in points:
        if start <= at < end:
            found.setdefault(at // period * period, []).append(value)
    return found


def _statistic(values: list[float], name: str) -> float:
    ordered = sorted(values)
    match name:
        case "Average":
            return sum(values) / len(values)
        case "Sum":
            return sum(values)
        case "Minimum":
            return ordered[0]
        case "Maximum":
            return ordered[-1]
        case "SampleCount":
            return float(len(values))
    found = re.fullmatch(r"p(\d{1,2}(?:\.\d+)?|100)", name)
    if found is None:
        raise _invalid(f"The value {name} for parameter Stat is not supported.")
    return ordered[min(len(ordered) - 1, int(float(found[1]) / 100 * len(ordered)))]


def _invalid(message: str) -> AWSError:
    return AWSError("ValidationError", message)
