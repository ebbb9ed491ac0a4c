"""GetMetricData: at most 500 queries, periods, statistics, metric math, pages of datapoints."""

import base64
import json
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stack.aws import ecs
from stack.aws.cloudwatch.datapoints import Metric, Summary
from stack.aws.cloudwatch.expression import ExpressionError, Parser, Scope, Series, Value
from stack.aws.state import World
from stack.aws.wire import AWSError, Call

_MOST_QUERIES = 500
_MOST_POINTS = 100_800
_HOUR, _DAY = 3600, 86_400
_SUB_MINUTE = (1, 5, 10, 20, 30)
_COARSE = ((63 * _DAY, 3600), (15 * _DAY, 300))  # older than this: multiples of that
_KEPT = 455 * _DAY
_NOTHING = ("InternalError", "Forbidden")
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


def get_metric_data(world: World, call: Call) -> dict[str, Any]:
    """The answer. Raises AWSError: ValidationError."""
    queries = call.params["MetricDataQueries"]
    start, end = _window(call.params)
    _check(queries)
    run = Run(world, call, queries, start, end)
    wanted = [query for query in queries if query.get("ReturnData") is not False]
    descending = call.params.get("ScanBy") != "TimestampAscending"
    results = []
    for query in wanted:
        series = run.returned(query["Id"])
        times = sorted(series, reverse=descending)
        results.append((query, [(at, series[at]) for at in times]))
    return _page(call, results, run.statuses)


class Run:
    """One call: series by query id, each computed once."""

    def __init__(
        self, world: World, call: Call, queries: list[Any], start: float, end: float
    ) -> None:
        self._world, self._call = world, call
        self._queries = {query["Id"]: query for query in queries}
        self._start, self._end = start, end
        self._values: dict[str, Value] = {}
        self._running: list[str] = []
        self.statuses: dict[str, str] = {}
        """Of those metrics that are not Complete."""

    def returned(self, name: str) -> Series:
        """A query's series. Raises AWSError where it is none."""
        try:
            value = self._value(name)
        except ExpressionError as error:
            raise _invalid(f"Error in expression '{name}' [{error}]") from None
        if not isinstance(value, dict):
            message = "The result must be a single time series"
            raise _invalid(f"Error in expression '{name}' [{message}]")
        return value

    def _value(self, name: str) -> Value:
        if name in self._running:
            raise ExpressionError(f"Circular reference to {name}")
        if name not in self._queries:
            raise ExpressionError(f"Unknown identifier {name}")
        if name not in self._values:
            self._running.append(name)
            query = self._queries[name]
            stat = query.get("MetricStat")
            self._values[name] = self._metric(name, stat) if stat else self._math(query)
            self._running.pop()
        return self._values[name]

    def _metric(self, name: str, stat: Mapping[str, Any]) -> Series:
        period = stat["Period"]
        metric = Metric.of(stat["Metric"])
        series = self._world.region(self._call).series.get(metric)
        age = time.time() - self._start
        least = next((p for older, p in _COARSE if age > older), 60)
        too_fine = period % least if period >= 60 else age > 3 * _HOUR
        if series is not None and series.status != "Complete":
            self.statuses[name] = series.status
        if series is None or too_fine or series.status in _NOTHING:
            return {}
        start = max(self._start, time.time() - _KEPT) // min(period, 60) * min(period, 60)
        found = series.periods(
            start, self._end, period, stat.get("Unit"), lambda: self._tasks(metric)
        )
        values = ((at, _statistic(s, stat["Stat"])) for at, s in found.items() if at >= start)
        return {at: value for at, value in values if value is not None}

    def _tasks(self, metric: Metric) -> float:
        """The SampleCount of a service's utilisation is its number of running tasks; three times
        that where it is measured every 20 seconds."""
        names = dict(metric.dimensions)
        if metric.namespace != "AWS/ECS" or names.keys() != {"ClusterName", "ServiceName"}:
            return 1.0
        where = (self._call, names["ClusterName"], names["ServiceName"])
        found = ecs.running(*where)
        each = 3.0 if ecs.is_fine(ecs.service(*where), metric.name) else 1.0
        return 1.0 if found is None else found * each

    def _math(self, query: Mapping[str, Any]) -> Value:
        parser = Parser(query["Expression"], Scope(self._value, self._metrics, self._times))
        return parser.evaluate()

    def _metrics(self) -> dict[str, Series]:
        names = [name for name, query in self._queries.items() if query.get("MetricStat")]
        return {name: self.returned(name) for name in names}

    def _times(self) -> list[float]:
        """Every time of the window, in the coarsest period of the call."""
        periods = [q["MetricStat"]["Period"] for q in self._queries.values() if q.get("MetricStat")]
        period = max(periods, default=60)
        first, last = math.ceil(self._start / period), math.ceil(self._end / period)
        return [float(number * period) for number in range(first, last)]


def _window(params: Mapping[str, Any]) -> tuple[float, float]:
    """Start, rounded down as AWS does by its age, and the exclusive end."""
    start, end = params["StartTime"].timestamp(), params["EndTime"].timestamp()
    if start >= end:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    age = time.time() - start
    step = next((step for older, step in _COARSE if age > older), None)
    fine = any((q.get("MetricStat") or {}).get("Period", 60) < 60
               for q in params["MetricDataQueries"])  # fmt: skip
    if step is None and fine:
        return start, end
    step = step or 60
    return start // step * step, end


def _check(queries: list[Mapping[str, Any]]) -> None:
    if len(queries) > _MOST_QUERIES:
        message = "The collection MetricDataQueries must not have a size greater than"
        raise _invalid(f"{message} {_MOST_QUERIES}.")
    if len({query["Id"] for query in queries}) != len(queries):
        raise _invalid("The values for parameter id in MetricDataQueries are not unique.")
    for number, query in enumerate(queries, 1):
        where = f"MetricDataQueries.member.{number}"
        if not _ID.fullmatch(query["Id"]):
            raise _invalid(
                f"The value {query['Id']} for parameter {where}.Id is not matching the expected "
                "pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        stat = query.get("MetricStat")
        if bool(stat) == bool(query.get("Expression")):
            message = "must contain one of MetricStat and Expression, and only one."
            raise _invalid(f"The parameter {where} {message}")
        if stat:
            _check_stat(stat, where)


def _check_stat(stat: Mapping[str, Any], where: str) -> None:
    period = stat["Period"]
    if period <= 0 or (period % 60 and period not in _SUB_MINUTE):
        message = "must be 1, 5, 10, 20, 30 or a multiple of 60"
        raise _invalid(f"The parameter {where}.MetricStat.Period {message}.")
    known = stat["Stat"] in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
    if not known and not _PERCENTILE.fullmatch(stat["Stat"]):
        message = f"The value {stat['Stat']} for parameter {where}.MetricStat.Stat"
        raise _invalid(f"{message} is not supported.")


def _statistic(summary: Summary, name: str) -> float | None:
    """A statistic; None where a percentile cannot be known (only statistics were stored)."""
    match name:
        case "Average":
            return summary.total / summary.count
        case "Sum":
            return summary.total
        case "Minimum":
            return summary.low
        case "Maximum":
            return summary.high
        case "SampleCount":
            return summary.count
    if not summary.samples:
        return summary.low if summary.low == summary.high else None
    rank = float(name[1:]) / 100 * summary.count
    seen = 0.0
    for value, count in sorted(summary.samples):
        seen += count
        if seen >= rank:
            return value
    return summary.high


def _page(
    call: Call,
    results: list[tuple[Mapping[str, Any], list[tuple[float, float]]]],
    statuses: Mapping[str, str],
) -> dict[str, Any]:
    """At most MaxDatapoints of all results together; the next page goes on where this ends."""
    total = sum(len(points) for _, points in results)
    room = min(call.params.get("MaxDatapoints") or _MOST_POINTS, _MOST_POINTS)
    if call.partial:
        room = max(1, total // 2)
    start = _offset(call.params.get("NextToken"))
    end, position, shown = start + room, 0, []
    for query, points in results:
        low, high = max(start - position, 0), max(end - position, 0)
        page = points[low:high]
        whole = high >= len(points)
        if page or (not points and start == 0) or not whole:
            status = statuses.get(query["Id"], "Complete") if whole else "PartialData"
            shown.append(_result(query, page, status))
        position += len(points)
    answer: dict[str, Any] = {"MetricDataResults": shown, "Messages": []}
    if end < total:
        answer["NextToken"] = base64.urlsafe_b64encode(json.dumps(end).encode()).decode()
    return answer


def _result(
    query: Mapping[str, Any], points: list[tuple[float, float]], status: str
) -> dict[str, Any]:
    stat = query.get("MetricStat")
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or (stat["Metric"]["MetricName"] if stat else query["Id"]),
        "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": status,
    }


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token)))
    except ValueError:
        raise AWSError("InvalidNextToken", "The next token specified is invalid.") from None


def _invalid(message: str) -> AWSError:
    return AWSError("ValidationError", message)
