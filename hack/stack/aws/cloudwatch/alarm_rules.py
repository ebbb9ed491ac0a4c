"""What AWS refuses in PutMetricAlarm: moto takes everything."""

import re
from collections.abc import Mapping
from typing import Any

from stack.aws.wire import AWSError

_MOST_ACTIONS, _MOST_TAGS, _MOST_QUERIES = 5, 50, 20
_ONE_METRIC = ("Namespace", "MetricName", "Dimensions", "Period", "Unit", "Statistic",
               "ExtendedStatistic")  # fmt: skip
_FINE = (10, 20, 30)
_DAY = 86_400
_MISSING = (None, "breaching", "notBreaching", "ignore", "missing")
_COMPARISONS = (
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold",
    "LessThanOrEqualToThreshold",
)  # fmt: skip
_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_ACTION = re.compile(r"arn:[\w-]+:[\w-]+:.*")
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


def check(params: Mapping[str, Any]) -> None:
    """Raises AWSError: ValidationError."""
    if params.get("ComparisonOperator") not in _COMPARISONS:
        raise _invalid("ComparisonOperator must be one of " + ", ".join(_COMPARISONS))
    if params.get("Threshold") is None:
        raise _invalid("Threshold must be specified for a static threshold")
    if params.get("TreatMissingData") not in _MISSING:
        raise _invalid(f"Option {params['TreatMissingData']} is not supported for missing data")
    periods, points = params.get("EvaluationPeriods") or 0, params.get("DatapointsToAlarm")
    if periods < 1 or not 1 <= (points or periods) <= periods:
        raise _invalid("EvaluationPeriods must be at least 1, DatapointsToAlarm at most that")
    if params.get("Metrics"):
        _check_math(params)
        spans = [q["MetricStat"]["Period"] for q in params["Metrics"] if q.get("MetricStat")]
    else:
        _check_metric(params)
        spans = [params["Period"]]
    for span in spans:
        _check_period(span, periods)
    _check_actions(params)
    if len(params.get("Tags") or ()) > _MOST_TAGS:
        raise _invalid(f"An alarm can have at most {_MOST_TAGS} tags")


def _check_metric(params: Mapping[str, Any]) -> None:
    if not (params.get("MetricName") and params.get("Namespace")):
        raise _invalid("Exactly one of MetricName with Namespace, and Metrics must be specified")
    if bool(params.get("Statistic")) == bool(params.get("ExtendedStatistic")):
        raise _invalid("Exactly one of Statistic and ExtendedStatistic must be specified")
    if params.get("Statistic") not in (None, *_STATISTICS):
        raise _invalid(f"The value {params['Statistic']} for parameter Statistic is not supported.")
    if params.get("Period") is None:
        raise _invalid("Period must be specified for an alarm of a metric")


def _check_math(params: Mapping[str, Any]) -> None:
    both = [name for name in _ONE_METRIC if params.get(name)]
    if both:
        raise _invalid(f"Metrics and {both[0]} must not be specified together")
    queries = params["Metrics"]
    ids = [query["Id"] for query in queries]
    if len(queries) > _MOST_QUERIES or len(set(ids)) != len(ids):
        raise _invalid(f"Metrics must have at most {_MOST_QUERIES} elements, each with its own Id")
    for query in queries:
        if not _ID.fullmatch(query["Id"]):
            raise _invalid(f"The Id {query['Id']} does not match ^[a-z][a-zA-Z0-9_]*$")
        if bool(query.get("Expression")) == bool(query.get("MetricStat")):
            raise _invalid("Exactly one of Expression and MetricStat must be specified for a query")
    if sum(query.get("ReturnData", True) for query in queries) != 1:
        raise _invalid("Exactly one element of the metrics list should return data.")


def _check_period(period: int, periods: int) -> None:
    if period not in _FINE and (period <= 0 or period % 60):
        raise _invalid("Period must be 10, 20, 30 or a multiple of 60")
    days = 1 if period < 3600 else 7
    if period * periods > days * _DAY:
        raise _invalid(f"Metrics cannot be checked across more than {days} days")


def _check_actions(params: Mapping[str, Any]) -> None:
    for name in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        actions = params.get(name) or []
        if len(actions) > _MOST_ACTIONS:
            raise _invalid(f"{name} can have at most {_MOST_ACTIONS} elements")
        for action in actions:
            if not _ACTION.fullmatch(action):
                raise _invalid(f"Invalid arn syntax: {action}")


def _invalid(message: str) -> AWSError:
    return AWSError("ValidationError", message)
