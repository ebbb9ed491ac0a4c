"""DescribeAlarms over moto's alarms, with AWS's pages; moto looks through all for every call."""

from collections.abc import Iterator
from typing import Any

from stack.aws.paging import take
from stack.aws.state import moto
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
_ALIKE = ("AlarmNames", "AlarmNamePrefix")


def describe(call: Call) -> dict[str, Any]:
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
        _found(call, names), params, len(names) or size, partial=call.partial,
        refusal="InvalidNextToken",
    )  # fmt: skip
    shown = {"MetricAlarms": [_shown(alarm) for alarm in found], "CompositeAlarms": []}
    return shown | ({"NextToken": token} if token else {})


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
        shown["MetricStat"] = {"Metric": metric, "Period": stat.period, "Stat": stat.stat}
    return {name: value for name, value in shown.items() if value is not None}
