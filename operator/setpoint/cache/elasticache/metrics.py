"""What CloudWatch knows of a cache: which queries to make, and what their answers say. Pure.

GetMetricData is billed by metric, so windows move once in five minutes, and what Redis itself tells
is asked for only where there is no connection to it. After ElastiCache's user guide, "Metrics for
Valkey and Redis OSS", "Host-level metrics", "Serverless cache metrics". No unit is asked for, as a
wrong one gives an empty answer. The hit rate is reckoned from CacheHits and CacheMisses, not from
CacheHitRate, because only those can be added up over nodes and tell how many look-ups there were.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

WINDOW = timedelta(minutes=15)
PERIOD = 300

_OF_HOST = {
    "engine_cpu": ("EngineCPUUtilization", "Average"),
    "cpu": ("CPUUtilization", "Average"),
    "freeable": ("FreeableMemory", "Minimum"),
    "swap": ("SwapUsage", "Maximum"),
    "bandwidth_in": ("NetworkBandwidthInAllowanceExceeded", "Sum"),
    "bandwidth_out": ("NetworkBandwidthOutAllowanceExceeded", "Sum"),
}
_OF_ENGINE = {
    "hits": ("CacheHits", "Sum"),
    "misses": ("CacheMisses", "Sum"),
    "memory": ("DatabaseMemoryUsagePercentage", "Maximum"),
    "counted": ("DatabaseMemoryUsageCountedForEvictPercentage", "Maximum"),
    "bytes": ("BytesUsedForCache", "Maximum"),
    "fragmentation": ("MemoryFragmentationRatio", "Average"),
    "evictions": ("Evictions", "Sum"),
    "connections": ("CurrConnections", "Maximum"),
    "lag": ("ReplicationLag", "Maximum"),
    "items": ("CurrItems", "Average"),
    "volatile": ("CurrVolatileItems", "Average"),
}
_OF_SERVERLESS = {
    "hits": ("CacheHits", "Sum"),
    "misses": ("CacheMisses", "Sum"),
    "rate": ("CacheHitRate", "Average"),
    "bytes": ("BytesUsedForCache", "Maximum"),
    "evictions": ("Evictions", "Sum"),
    "throttled": ("ThrottledCmds", "Sum"),
    "items": ("CurrItems", "Average"),
    "volatile": ("CurrVolatileItems", "Average"),
}
_SERVERLESS_DIMENSIONS = ("clusterId", "ServerlessCacheName")
"""AWS's console shows the first, aws-cdk's library asks for the second: whichever has data."""


def window(now: datetime) -> tuple[datetime, datetime]:
    """Start and (exclusive) end: aligned, so that it moves once in five minutes; the last minute,
    whose values may still change, left out."""
    edge = (now - timedelta(minutes=1)).timestamp()
    end = datetime.fromtimestamp(edge // PERIOD * PERIOD, UTC)
    return end - WINDOW, end


def of_node(name: str, *, whole: bool) -> list[dict[str, Any]]:
    """MetricDataQueries for a node; `whole`: also what a connection to Redis would tell."""
    asked = {**_OF_HOST, **(_OF_ENGINE if whole else {})}
    return [_query(key, {"CacheClusterId": name}, *asked[key]) for key in asked]


def of_serverless(name: str) -> list[dict[str, Any]]:
    """MetricDataQueries for a serverless cache."""
    return [
        _query(f"{key}_{number}", {dimension: name}, *_OF_SERVERLESS[key])
        for number, dimension in enumerate(_SERVERLESS_DIMENSIONS)
        for key in _OF_SERVERLESS
    ]


def newest(results: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The newest datapoint by the query's name; of a serverless cache by whichever dimension has
    one. A metric without datapoints, or with only a part of them, is not there."""
    found: dict[str, float] = {}
    for result in results:
        points = dict(zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True))
        if points and result.get("StatusCode", "Complete") == "Complete":
            name = result["Id"]
            name = name[:-2] if name[-2:] in ("_0", "_1") else name
            found.setdefault(name, float(points[max(points)]))
    return found


def lookups(nodes: Sequence[Mapping[str, float]]) -> tuple[float, float] | None:
    """Hits and misses of all nodes in five minutes; None where nothing is known."""
    known = [_hits_and_misses(values) for values in nodes]
    pairs = [pair for pair in known if pair is not None]
    return (sum(hits for hits, _ in pairs), sum(misses for _, misses in pairs)) if pairs else None


def _hits_and_misses(values: Mapping[str, float]) -> tuple[float, float] | None:
    hits, misses, rate = values.get("hits"), values.get("misses"), values.get("rate")
    if hits is None:
        return None if misses is None else (0.0, misses)
    if misses is None:  # a serverless cache may have the rate instead
        misses = hits * (100 - rate) / rate if rate else 0.0
    return hits, misses


def _query(key: str, dimensions: Mapping[str, str], metric: str, statistic: str) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {
        "Id": key,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ElastiCache",
                "MetricName": metric,
                "Dimensions": named,
            },
            "Period": PERIOD,
            "Stat": statistic,
        },
    }
