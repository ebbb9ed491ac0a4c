"""Alarms: moto keeps them; what AWS refuses, how they begin, and pages of them are the layer's."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat

from stack.aws import raw
from stack.aws.cloudwatch.alarm_rules import check
from stack.aws.paging import take
from stack.aws.state import World, moto
from stack.aws.wire import AWSError, Call

_PAGE, _MOST = 50, 100
_PLAIN = {
    "AlarmName": "name", "AlarmArn": "alarm_arn", "AlarmDescription": "description",
    "ActionsEnabled": "actions_enabled", "OKActions": "ok_actions",
    "AlarmActions": "alarm_actions", "InsufficientDataActions": "insufficient_data_actions",
    "StateValue": "state_value", "StateReason": "state_reason",
    "StateUpdatedTimestamp": "state_updated_timestamp",
    "AlarmConfigurationUpdatedTimestamp": "configuration_updated_timestamp",
    "MetricName": "metric_name", "Namespace": "namespace", "Statistic": "statistic",
    "ExtendedStatistic": "extended_statistic", "Period": "period", "Unit": "unit",
    "EvaluationPeriods": "evaluation_periods", "DatapointsToAlarm": "datapoints_to_alarm",
    "Threshold": "threshold", "ComparisonOperator": "comparison_operator",
    "TreatMissingData": "treat_missing_data",
}  # fmt: skip
_GIVEN = {
    "AlarmName": "name", "AlarmDescription": "description", "ActionsEnabled": "actions_enabled",
    "OKActions": "ok_actions", "InsufficientDataActions": "insufficient_data_actions",
    "Namespace": "namespace", "MetricName": "metric_name", "Statistic": "statistic",
    "ExtendedStatistic": "extended_statistic", "Period": "period", "Unit": "unit",
    "EvaluationPeriods": "evaluation_periods", "DatapointsToAlarm": "datapoints_to_alarm",
    "Threshold": "threshold", "ComparisonOperator": "comparison_operator",
    "TreatMissingData": "treat_missing_data", "ThresholdMetricId": "threshold_metric_id",
    "EvaluateLowSampleCountPercentile": "evaluate_low_sample_count_percentile",
}  # fmt: skip
_ALIKE = ("AlarmNames", "AlarmNamePrefix")
_STATE = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp")


def put(call: Call) -> dict[str, Any]:
    """PutMetricAlarm. Tags count for a new alarm only."""
    check(call.params)
    write(call, call.params)
    return {}


def write(call: Call, params: Mapping[str, Any]) -> Any:
    """Moto's alarm, as PutMetricAlarm makes or overwrites it; an old one keeps its state."""
    backend = moto("cloudwatch", call)
    before = backend.alarms.get(params["AlarmName"])
    alarm = backend.put_metric_alarm(
        **{attribute: params.get(name) for name, attribute in _GIVEN.items()},
        alarm_actions=list(params.get("AlarmActions") or ()),
        dimensions=params.get("Dimensions") or [],
        metric_data_queries=[_kept(query) for query in params.get("Metrics") or ()],
        tags=None if before else params.get("Tags"),
    )
    if before is None:
        alarm.state_value = "INSUFFICIENT_DATA"
    else:
        for name in _STATE:
            setattr(alarm, name, getattr(before, name))
    return alarm


def delete_alarms(call: Call) -> dict[str, Any]:
    """DeleteAlarms: at most 100; names that are unknown do not keep it from the others."""
    names = call.params["AlarmNames"]
    if len(names) > _MOST:
        raise AWSError("ValidationError", f"At most {_MOST} alarms can be deleted in one call")
    delete(call, names)
    return {}


def delete(call: Call, names: Iterable[str]) -> None:
    """Delete alarms with their tags."""
    backend = moto("cloudwatch", call)
    for name in names:
        alarm = backend.alarms.pop(name, None)
        if alarm is not None:
            backend.tagger.delete_all_tags_for_resource(alarm.alarm_arn)


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeAlarms: 50 a page, at most 100; by names without a look at the others."""
    params = call.params
    size = params.get("MaxRecords") or _PAGE
    names = params.get("AlarmNames") or []
    if not 1 <= size <= _MOST or len(names) > _MOST:
        message = f"MaxRecords and the number of AlarmNames must be between 1 and {_MOST}"
        raise AWSError("ValidationError", message)
    if all(params.get(name) for name in _ALIKE):
        raise AWSError("ValidationError", "AlarmNames and AlarmNamePrefix exclude each other")
    found, token = take(
        _all(world, call, names), params, size, partial=call.partial, refusal="InvalidNextToken"
    )
    shown = [alarm if isinstance(alarm, dict) else _shown(alarm) for alarm in found]
    answer = {"MetricAlarms": shown, "CompositeAlarms": []}
    return answer | ({"NextToken": token} if token else {})


def _all(world: World, call: Call, names: list[str]) -> Iterator[Any]:
    yield from _found(call, names)
    yield from raw.found(world, call, "MetricAlarms")


def _found(call: Call, names: list[str]) -> Iterator[Any]:
    alarms = moto("cloudwatch", call).alarms
    params = call.params
    chosen = (alarms[n] for n in dict.fromkeys(names) if n in alarms) if names else alarms.values()
    for alarm in chosen:
        actions = alarm.alarm_actions + alarm.ok_actions + alarm.insufficient_data_actions
        if (
            alarm.rule is None
            and alarm.name.startswith(params.get("AlarmNamePrefix") or "")
            and params.get("StateValue") in (None, alarm.state_value)
            and (
                not params.get("ActionPrefix")
                or any(action.startswith(params["ActionPrefix"]) for action in actions)
            )
        ):
            yield alarm


def _shown(alarm: Any) -> dict[str, Any]:
    shown = {name: getattr(alarm, attribute) for name, attribute in _PLAIN.items()}
    shown["Dimensions"] = [{"Name": d.name, "Value": d.value} for d in alarm.dimensions]
    shown["Metrics"] = [_query(query) for query in alarm.metric_data_queries] or None
    return {name: value for name, value in shown.items() if value is not None}


def _query(query: Any) -> dict[str, Any]:
    shown = {"Id": query.id, "Label": query.label, "Expression": query.expression,
             "ReturnData": query.return_data, "Period": query.period}  # fmt: skip
    stat = query.metric_stat
    if stat:
        metric = {
            "Namespace": stat.metric.namespace,
            "MetricName": stat.metric.metric_name,
            "Dimensions": [{"Name": d.name, "Value": d.value} for d in stat.metric.dimensions],
        }
        kept = {"Metric": metric, "Period": stat.period, "Stat": stat.stat, "Unit": stat.unit}
        shown["MetricStat"] = {name: value for name, value in kept.items() if value is not None}
    return {name: value for name, value in shown.items() if value is not None}


def _kept(query: Mapping[str, Any]) -> MetricDataQuery:
    """A query of metric math as moto keeps it."""
    stat: Any = query.get("MetricStat")
    kept = None
    if stat:
        named = stat["Metric"]
        dimensions = [Dimension(d["Name"], d["Value"]) for d in named.get("Dimensions") or []]
        metric = Metric(named["MetricName"], named["Namespace"], dimensions)
        kept = MetricStat(metric, stat["Period"], stat["Stat"], cast("Any", stat.get("Unit")))
    values: dict[str, Any] = {
        "label": query.get("Label"),
        "period": query.get("Period"),
        "return_data": query.get("ReturnData", True),
        "expression": query.get("Expression"),
    }
    return MetricDataQuery(query_id=query["Id"], metric_stat=kept, **values)
