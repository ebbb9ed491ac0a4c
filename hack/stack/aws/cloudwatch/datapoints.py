"""Datapoints: single ones, and steady values that are there for every minute up to now."""

import bisect
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from stack.aws.paging import take
from stack.aws.state import Region
from stack.aws.wire import AWSError, Call

_MINUTE = 60
_MOST_VALUES = 150
_MOST_DATA = 1000
_MOST_DIMENSIONS = 30
_PAGE = 500


class Metric(NamedTuple):
    """What identifies a series. All dimensions count: fewer or more are another metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, values: Mapping[str, Any], namespace: str | None = None) -> "Metric":
        """From AWS's names."""
        dimensions = frozenset((d["Name"], d["Value"]) for d in values.get("Dimensions") or ())
        return cls(namespace or values["Namespace"], values["MetricName"], dimensions)


@dataclass(frozen=True)
class Summary:
    """Samples of one moment or period: their number, sum, least and greatest.

    `samples` are (value, count); empty where only the statistics are known.
    """

    count: float
    total: float
    low: float
    high: float
    samples: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Point:
    """Samples with a time in seconds since 1970."""

    time: float
    summary: Summary
    unit: str | None


@dataclass(frozen=True)
class Steady:
    """`samples` of `value` in every minute since a moment; None: ask `Series.periods`' caller."""

    since: float
    value: float
    samples: float | None
    unit: str | None


@dataclass
class Series:
    """A metric's datapoints."""

    points: list[Point] = field(default_factory=list)
    steady: Steady | None = None
    status: str = "Complete"

    def periods(
        self, start: float, end: float, period: float, unit: str | None, tasks: Callable[[], float]
    ) -> dict[float, Summary]:
        """The samples by the start of their period. `end` is exclusive, and the future is empty.

        With a unit only what was stored with it. `tasks` gives the samples a minute of a steady
        value that leaves them open.
        """
        found: dict[float, list[Summary]] = {}
        first = bisect.bisect_left(self.points, start, key=lambda point: point.time)
        last = bisect.bisect_left(self.points, end, key=lambda point: point.time)
        for point in self.points[first:last]:
            if unit in (None, point.unit):
                found.setdefault(point.time // period * period, []).append(point.summary)
        if self.steady is not None and unit in (None, self.steady.unit):
            samples = tasks() if self.steady.samples is None else self.steady.samples
            for at, minutes in _minutes(self.steady.since, start, end, period):
                if samples > 0:
                    summary = _of_values(((self.steady.value, samples * minutes),))
                    found.setdefault(at, []).append(summary)
        return {at: _merged(parts) for at, parts in found.items()}


def put(region: Region, params: Mapping[str, Any]) -> dict[str, Any]:
    """PutMetricData."""
    if len(params["MetricData"]) > _MOST_DATA:
        message = f"The collection MetricData must not have a size greater than {_MOST_DATA}."
        raise AWSError("InvalidParameterValue", message)
    for datum in params["MetricData"]:
        if len(datum.get("Dimensions") or ()) > _MOST_DIMENSIONS:
            message = "The collection Dimensions must not have a size greater than "
            raise AWSError("InvalidParameterValue", f"{message}{_MOST_DIMENSIONS}.")
        at = datum.get("Timestamp") or datetime.now(UTC)
        point = Point(at.timestamp(), _of_datum(datum), datum.get("Unit"))
        add(region, Metric.of(datum, params["Namespace"]), [point])
    return {}


def add(region: Region, metric: Metric, points: list[Point]) -> None:
    """Keep points, in the order of their times."""
    series = region.series.setdefault(metric, Series())
    for point in points:
        bisect.insort(series.points, point, key=lambda kept: kept.time)


def from_control(region: Region, values: Mapping[str, Any]) -> None:
    """A series as a control call gives it: `points` to add, or `value` to hold from now on, with
    `minutes` of past; a value replaces what was there, null ends the series."""
    dimensions = frozenset(values["dimensions"].items())
    metric, unit = Metric(values["namespace"], values["name"], dimensions), values.get("unit")
    if "points" in values:
        points = [Point(at, _of_values(((value, 1.0),)), unit) for at, value in values["points"]]
        add(region, metric, points)
    elif values["value"] is None:
        region.series.pop(metric, None)
    else:
        since = time.time() - _MINUTE * values["minutes"]
        steady = Steady(since, values["value"], values.get("samples"), unit)
        region.series[metric] = Series(steady=steady, status=values.get("status") or "Complete")


def list_metrics(region: Region, call: Call) -> dict[str, Any]:
    """ListMetrics: 500 a page; a dimension filter without a value asks for the name only."""
    params = call.params
    wanted = [(d["Name"], d.get("Value")) for d in params.get("Dimensions") or ()]
    found, token = take(
        (
            metric
            for metric in region.series
            if params.get("Namespace") in (None, metric.namespace)
            and params.get("MetricName") in (None, metric.name)
            and all(_has(metric, name, value) for name, value in wanted)
        ),
        params, _PAGE, partial=call.partial, refusal="InvalidParameterValue",
    )  # fmt: skip
    shown = [
        {
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": [{"Name": n, "Value": v} for n, v in sorted(metric.dimensions)],
        }
        for metric in found
    ]
    return {"Metrics": shown} | ({"NextToken": token} if token else {})


def _has(metric: Metric, name: str, value: str | None) -> bool:
    return any(n == name and value in (None, v) for n, v in metric.dimensions)


def _of_datum(datum: Mapping[str, Any]) -> Summary:
    """One of Value, Values with Counts, StatisticValues."""
    statistics = datum.get("StatisticValues")
    if statistics:
        low, high = statistics["Minimum"], statistics["Maximum"]
        return Summary(statistics["SampleCount"], statistics["Sum"], low, high, ())
    values = datum.get("Values") or [datum["Value"]]
    if len(values) > _MOST_VALUES:
        message = f"The collection Values must not have a size greater than {_MOST_VALUES}."
        raise AWSError("InvalidParameterValue", message)
    counts = datum.get("Counts") or [1.0] * len(values)
    if len(counts) != len(values):
        message = "The parameters Values and Counts must be of the same size."
        raise AWSError("InvalidParameterValue", message)
    return _of_values(tuple(zip(values, counts, strict=True)))


def _of_values(samples: tuple[tuple[float, float], ...]) -> Summary:
    values = [value for value, _ in samples]
    count = math.fsum(count for _, count in samples)
    total = math.fsum(value * count for value, count in samples)
    return Summary(count, total, min(values), max(values), samples)


def _merged(parts: list[Summary]) -> Summary:
    if len(parts) == 1:
        return parts[0]
    known = all(part.samples for part in parts)
    return Summary(
        math.fsum(part.count for part in parts),
        math.fsum(part.total for part in parts),
        min(part.low for part in parts),
        max(part.high for part in parts),
        tuple(sample for part in parts for sample in part.samples) if known else (),
    )


def _minutes(
    since: float, start: float, end: float, period: float
) -> Iterator[tuple[float, float]]:
    """The periods with minutes of a steady value in them, and how many.

    The running minute counts as far as it has gone: the newest datapoint is provisional.
    """
    now = time.time()
    first = math.ceil(max(since // _MINUTE * _MINUTE, start) / _MINUTE)
    last = math.ceil(min(end, now) / _MINUTE)  # exclusive
    step = max(1, int(period // _MINUTE))
    minute = first
    while minute < last:
        following = min((minute // step + 1) * step, last)
        minutes = min(following - minute, now / _MINUTE - minute)
        yield minute * _MINUTE // period * period, minutes
        minute = following
