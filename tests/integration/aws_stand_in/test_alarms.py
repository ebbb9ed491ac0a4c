"""CloudWatch's alarms: those of users, which step policies are fired by."""

from typing import Any

import pytest

from .conftest import Refused, Service

SIMPLE = {
    "AlarmName": "high", "Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Period": 60,
    "Statistic": "Average", "EvaluationPeriods": 3, "Threshold": 80.0,
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
METRIC = {"Namespace": "App", "MetricName": "Queue"}
MATH: list[dict[str, Any]] = [
    {"Id": "q", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
    {"Id": "e", "Expression": "q / 10", "Label": "backlog"},
]
BARE = {name: SIMPLE[name] for name in ("AlarmName", "EvaluationPeriods", "Threshold",
                                        "ComparisonOperator")}  # fmt: skip


def test_an_alarm_begins_without_data_and_keeps_its_state(service: Service) -> None:
    put = service.cloudwatch.put_metric_alarm
    put(**SIMPLE)
    [alarm] = service.alarms()
    assert (alarm["StateValue"], alarm["ActionsEnabled"]) == ("INSUFFICIENT_DATA", True)
    service.cloudwatch.set_alarm_state(AlarmName="high", StateValue="ALARM", StateReason="test")
    put(**{**SIMPLE, "Threshold": 90.0})
    [alarm] = service.alarms()
    assert (alarm["StateValue"], alarm["Threshold"]) == ("ALARM", 90.0)


def test_tags_count_for_a_new_alarm_only(service: Service) -> None:
    client = service.cloudwatch
    client.put_metric_alarm(**SIMPLE, Tags=[{"Key": "owner", "Value": "us"}])
    client.put_metric_alarm(**SIMPLE, Tags=[{"Key": "late", "Value": "ignored"}])
    arn = service.alarms()[0]["AlarmArn"]

    def tags() -> dict[str, str]:
        found = client.list_tags_for_resource(ResourceARN=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    assert tags() == {"owner": "us"}
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "web"}])
    client.untag_resource(ResourceARN=arn, TagKeys=["owner"])
    assert tags() == {"team": "web"}
    client.delete_alarms(AlarmNames=["high"])
    client.put_metric_alarm(**SIMPLE)
    assert tags() == {}


def test_an_alarm_of_metric_math(service: Service) -> None:
    service.cloudwatch.put_metric_alarm(**BARE, Metrics=MATH)
    [alarm] = service.alarms()
    assert [query["Id"] for query in alarm["Metrics"]] == ["q", "e"]
    assert alarm["Metrics"][1]["ReturnData"] is True
    assert alarm["Metrics"][0]["MetricStat"] == {
        "Metric": {**METRIC, "Dimensions": []},
        "Period": 60,
        "Stat": "Sum",
    }
    assert "Period" not in alarm


@pytest.mark.parametrize(
    "values",
    [
        {**SIMPLE, "Period": 45},
        {**SIMPLE, "EvaluationPeriods": 1441},
        {**SIMPLE, "DatapointsToAlarm": 4},
        {**SIMPLE, "ExtendedStatistic": "p90"},
        {**SIMPLE, "Statistic": "Median"},
        {**SIMPLE, "TreatMissingData": "sometimes"},
        {**SIMPLE, "ComparisonOperator": "Above"},
        {**SIMPLE, "AlarmActions": ["scale out"]},
        {**SIMPLE, "AlarmActions": [f"arn:aws:sns:eu-central-1:1:t{n}" for n in range(6)]},
        {**SIMPLE, "Tags": [{"Key": f"k{n}", "Value": "v"} for n in range(51)]},
        {**SIMPLE, "Metrics": MATH},
        {**BARE, "Metrics": [{**MATH[0], "ReturnData": True}, MATH[1]]},
        {**BARE, "Metrics": [MATH[1], MATH[1]]},
        BARE,
        {n: v for n, v in SIMPLE.items() if n != "Threshold"},
        {n: v for n, v in SIMPLE.items() if n != "EvaluationPeriods"},
    ],
)
def test_alarms_are_refused(service: Service, refused: Refused, values: dict[str, Any]) -> None:
    assert refused(service.cloudwatch.put_metric_alarm, **values)[0] == "ValidationError"
    assert service.alarms() == []


def test_pages_count_for_names_too_and_unknown_names_do_not_matter(
    service: Service, refused: Refused
) -> None:
    names = [f"a{number}" for number in range(60)]
    for name in names:
        service.cloudwatch.put_metric_alarm(**{**SIMPLE, "AlarmName": name})
    ask = service.cloudwatch.describe_alarms
    first = ask(AlarmNames=names)
    rest = ask(AlarmNames=names, NextToken=first["NextToken"])
    assert (len(first["MetricAlarms"]), len(rest["MetricAlarms"])) == (50, 10)
    assert len(ask(AlarmNames=names, MaxRecords=100)["MetricAlarms"]) == 60
    delete = service.cloudwatch.delete_alarms
    assert refused(delete, AlarmNames=[f"x{n}" for n in range(101)])[0] == "ValidationError"
    delete(AlarmNames=["absent", *names])
    assert service.alarms() == []
