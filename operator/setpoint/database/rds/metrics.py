"""What CloudWatch knows of an instance: which queries to make, and what their answers say. Pure.

GetMetricData is billed for each metric, so the last minutes are asked for every five minutes, and
the last days once an hour, in hourly datapoints. Windows are aligned: the calls are shared by all
instances. AWS/RDS gives bytes, and percent for balances; no unit is asked for, as a wrong one gives
an empty answer.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from setpoint.database.rds.model import Series

RECENT, RECENT_EVERY = timedelta(minutes=15), timedelta(minutes=5)
DAYS, DAYS_EVERY = timedelta(days=7), timedelta(hours=1)
HOUR = 3600

_RECENT = {
    "free_storage": ("FreeStorageSpace", "Minimum"),
    "freeable_memory": ("FreeableMemory", "Average"),
    "connections": ("DatabaseConnections", "Maximum"),
    "credits": ("CPUCreditBalance", "Minimum"),
    "burst": ("BurstBalance", "Minimum"),
    "ebs_io": ("EBSIOBalance%", "Minimum"),
    "ebs_bytes": ("EBSByteBalance%", "Minimum"),
}
_DAYS = {
    "cpu": ("CPUUtilization", "Average"),
    "cpu_p95": ("CPUUtilization", "p95"),
    "freeable_memory": ("FreeableMemory", "Minimum"),
    "connections": ("DatabaseConnections", "Maximum"),
    "credits": ("CPUCreditBalance", "Minimum"),
    "free_storage": ("FreeStorageSpace", "Minimum"),
}


def recent_queries(instance: str, *, burstable: bool, gp2: bool) -> list[dict[str, Any]]:
    """MetricDataQueries for the last minutes; what the instance cannot have is not asked for."""
    left_out = {"credits": not burstable, "burst": not gp2}
    names = [name for name in _RECENT if not left_out.get(name, False)]
    return [_query(instance, name, *_RECENT[name], period=300) for name in names]


def days_queries(instance: str, *, burstable: bool) -> list[dict[str, Any]]:
    """MetricDataQueries for the last days."""
    names = [name for name in _DAYS if burstable or name != "credits"]
    return [_query(instance, name, *_DAYS[name], period=HOUR) for name in names]


def recent_window(now: datetime) -> tuple[datetime, datetime]:
    """Start and (exclusive) end; the running period, whose value may still change, left out."""
    end = _floor(now, 300)
    return end - RECENT, end


def days_window(now: datetime) -> tuple[datetime, datetime]:
    """The same in hours."""
    end = _floor(now, HOUR)
    return end - DAYS, end


def is_due(at: datetime | None, every: timedelta, now: datetime) -> bool:
    """Whether a series read `at` a moment is to be read again."""
    return at is None or now - at >= every


def read(results: Sequence[Mapping[str, Any]], before: Mapping[str, Series]) -> dict[str, Series]:
    """Series by the query's name, from MetricDataResults of all pages; no data is no series.

    One that CloudWatch could not give whole this time is as it was `before`.
    """
    found: dict[str, dict[datetime, float]] = {}
    states: dict[str, str] = {}
    for result in results:  # a long one is PartialData on each page but its last
        points = zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True)
        found.setdefault(result["Id"], {}).update((at, float(value)) for at, value in points)
        states[result["Id"]] = result.get("StatusCode", "Complete")
    broken = {name for name, state in states.items() if state != "Complete"}
    return {name: series for name, series in before.items() if name in broken} | {
        name: Series(sorted(points.items()))
        for name, points in found.items()
        if points and name not in broken
    }


def _floor(now: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def _query(instance: str, name: str, metric: str, statistic: str, *, period: int) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/RDS",
                "MetricName": metric,
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": instance}],
            },
            "Period": period,
            "Stat": statistic,
        },
    }
