"""CloudWatch: datapoints, periods, metric math, pages, alarms."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stack.aws.client import AwsStack

from .conftest import REGION, Refused, Service

SERVICE = {"ClusterName": "prod", "ServiceName": "web"}
NAMESPACE, NAME = "App", "Load"


def minute(ago: int = 0) -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=ago)


def stat(
    name: str = NAME,
    statistic: str = "Average",
    period: int = 60,
    namespace: str = NAMESPACE,
    dimensions: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    named = [{"Name": k, "Value": v} for k, v in (dimensions or {}).items()]
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": named}
    return {"Metric": metric, "Period": period, "Stat": statistic, **more}


class Metrics:
    """GetMetricData over the last five whole minutes, oldest first."""

    def __init__(self, account: AwsStack) -> None:
        self.account = account
        self.client = account.boto3_client("cloudwatch", REGION)
        self.end = minute()

    def put(self, name: str, values: Mapping[int, float]) -> None:
        """Values by minutes before the end."""
        points = {(self.end - timedelta(minutes=ago)).timestamp(): v for ago, v in values.items()}
        self.account.put_points(REGION, NAMESPACE, name, {}, points)

    def get(self, *queries: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        window = {"StartTime": self.end - timedelta(minutes=5), "EndTime": self.end}
        asked = {"ScanBy": "TimestampAscending", **window, **more}
        answer: dict[str, Any] = self.client.get_metric_data(MetricDataQueries=queries, **asked)
        return answer

    def values(self, query: Mapping[str, Any], **more: Any) -> list[float]:
        found: list[float] = self.get({"Id": "m", "MetricStat": query}, **more)[
            "MetricDataResults"
        ][0]["Values"]
        return found

    def math(self, expression: str, *names: str) -> list[float]:
        """The value of an expression over metrics, whose ids are their names in small letters."""
        inputs = [
            {"Id": n.lower(), "MetricStat": stat(n, "Sum"), "ReturnData": False} for n in names
        ]
        answer = self.get(*inputs, {"Id": "result", "Expression": expression})
        [found] = answer["MetricDataResults"]
        values: list[float] = found["Values"]
        return values


@pytest.fixture
def metrics(account: AwsStack) -> Metrics:
    return Metrics(account)


def test_a_steady_value_is_there_for_every_minute(metrics: Metrics) -> None:
    metrics.account.set_metric(REGION, NAMESPACE, NAME, {}, 42, samples=3, unit="Count")
    assert metrics.values(stat()) == [42.0] * 5, "the end is exclusive"
    assert metrics.values(stat(statistic="SampleCount")) == [3.0] * 5
    assert metrics.values(stat(statistic="Sum")) == [126.0] * 5
    assert metrics.values(stat(Unit="Count")) == [42.0] * 5
    assert metrics.values(stat(Unit="Percent")) == [], "another unit"
    future = {"StartTime": minute(-5), "EndTime": minute(-10)}
    assert metrics.values(stat(), **future) == []
    metrics.account.set_metric(REGION, NAMESPACE, NAME, {}, None)
    assert metrics.values(stat()) == []


@pytest.mark.parametrize("dimensions", [{}, {"ServiceName": "web"}, {**SERVICE, "More": "x"}])
def test_all_dimensions_or_no_data(metrics: Metrics, dimensions: dict[str, str]) -> None:
    metrics.account.set_metric(REGION, NAMESPACE, NAME, SERVICE, 1)
    assert metrics.values(stat(dimensions=SERVICE)) == [1.0] * 5
    assert metrics.values(stat(dimensions=dimensions)) == []


def test_the_samples_of_a_service_are_its_running_tasks(service: Service) -> None:
    metrics = Metrics(service.account)
    query = stat("CPUUtilization", "SampleCount", namespace="AWS/ECS", dimensions=SERVICE)
    service.account.set_metric(REGION, "AWS/ECS", "CPUUtilization", SERVICE, 50)
    assert metrics.values(query) == [4.0] * 5
    service.ecs.update_service(cluster="prod", service="web", desiredCount=0)
    assert metrics.values(query) == [], "without tasks there is no metric"


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("Average", 20.0), ("Sum", 100.0), ("Minimum", 5.0), ("Maximum", 45.0), ("SampleCount", 5.0),
     ("p50", 15.0), ("p100", 45.0), ("p99.9", 45.0)],
)  # fmt: skip
def test_statistics(metrics: Metrics, statistic: str, value: float) -> None:
    datum = {"MetricName": NAME, "Timestamp": minute(2), "Values": [5.0, 15.0, 20.0, 45.0],
             "Counts": [1.0, 2.0, 1.0, 1.0]}  # fmt: skip
    metrics.client.put_metric_data(Namespace=NAMESPACE, MetricData=[datum])
    assert metrics.values(stat(statistic=statistic)) == [value]


def test_a_large_put_arrives_compressed(metrics: Metrics) -> None:
    data = [
        {"MetricName": f"m{number}", "Timestamp": minute(2), "Value": number}
        for number in range(500)
    ]
    metrics.client.put_metric_data(Namespace=NAMESPACE, MetricData=data)
    assert metrics.values(stat("m321")) == [321.0]


def test_statistics_only_know_no_percentile(metrics: Metrics) -> None:
    values = {"SampleCount": 4, "Sum": 40, "Minimum": 1, "Maximum": 30}
    datum = {"MetricName": NAME, "Timestamp": minute(2), "StatisticValues": values}
    metrics.client.put_metric_data(Namespace=NAMESPACE, MetricData=[datum])
    assert metrics.values(stat()) == [10.0]
    assert metrics.values(stat(statistic="p90")) == []


def test_newest_first_unless_asked_otherwise(metrics: Metrics) -> None:
    metrics.put(NAME, {3: 1, 2: 2, 1: 3})
    assert metrics.values(stat()) == [1.0, 2.0, 3.0]
    assert metrics.values(stat(), ScanBy="TimestampDescending") == [3.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("a + b", [11.0, 22.0]),
        ("a - b * 2", [8.0, 16.0]),
        ("(a - b) * 2", [18.0, 36.0]),
        ("a / b", [10.0, 10.0]),
        ("-a", [-10.0, -20.0, -30.0]),
        ("a / z", []),
        ("100 * FILL(b, 0) / a", [10.0, 10.0, 0.0]),
        ("IF(z > 0, 100 / z, 7)", [7.0, 7.0, 7.0]),
        ("IF(a > 15 AND b, a, 0)", [0.0, 20.0]),
        ("IF(a >= 20, 1, 0)", [0.0, 1.0, 1.0]),
        ("SUM([a, b])", [11.0, 22.0, 30.0]),
        ("AVG([a, b])", [5.5, 11.0, 30.0]),
        ("MAX([a, b])", [10.0, 20.0, 30.0]),
        ("MIN(METRICS())", [0.0, 0.0, 0.0]),
        ("a / MAX(a)", [1 / 3, 2 / 3, 1.0]),
        ("a * 0 + SUM(a)", [60.0, 60.0, 60.0]),
        ("FILL(none, 5)", [5.0] * 5),
        ("FILL(b, REPEAT)", [1.0, 2.0, 2.0]),
    ],
)
def test_metric_math(metrics: Metrics, expression: str, values: list[float]) -> None:
    metrics.put("A", {3: 10, 2: 20, 1: 30})
    metrics.put("B", {3: 1, 2: 2})
    metrics.put("Z", {3: 0, 2: 0, 1: 0})
    names = ["A", "B", "Z", *(["None"] if "none" in expression else [])]
    assert metrics.math(expression, *names) == pytest.approx(values)


def test_expressions_of_expressions(metrics: Metrics) -> None:
    metrics.put("A", {1: 10})
    answer = metrics.get(
        {"Id": "e2", "Expression": "e1 * 2"},
        {"Id": "e1", "Expression": "a + 1", "ReturnData": False},
        {"Id": "a", "MetricStat": stat("A"), "ReturnData": False},
    )
    assert [r["Values"] for r in answer["MetricDataResults"]] == [[22.0]]


@pytest.mark.parametrize(
    "expression",
    ["a +", "a ! b", "nobody + 1", "SUM(a)", "result", "SEARCH('x')", "1 / 0", "[a, a]"],
)
def test_expressions_are_refused(metrics: Metrics, refused: Refused, expression: str) -> None:
    metrics.put("A", {1: 10})
    code, message = refused(metrics.math, expression=expression)
    assert code == "ValidationError"
    assert message.startswith("Error in expression 'result' [")


@pytest.mark.parametrize(
    "queries",
    [
        [{"Id": f"m{number}", "MetricStat": stat()} for number in range(501)],
        [{"Id": "m", "MetricStat": stat()}] * 2,
        [{"Id": "Upper", "MetricStat": stat()}],
        [{"Id": "m", "MetricStat": stat(period=45)}],
        [{"Id": "m", "MetricStat": stat(statistic="Median")}],
        [{"Id": "m", "MetricStat": stat(), "Expression": "1"}],
        [{"Id": "m"}],
    ],
    ids=["501", "same", "id", "period", "stat", "both", "neither"],
)
def test_queries_are_refused(
    metrics: Metrics, refused: Refused, queries: list[dict[str, Any]]
) -> None:
    code, _ = refused(
        metrics.client.get_metric_data,
        MetricDataQueries=queries,
        StartTime=minute(5),
        EndTime=minute(),
    )
    assert code == "ValidationError"


def test_start_must_come_before_end(metrics: Metrics, refused: Refused) -> None:
    query = {"Id": "m", "MetricStat": stat()}
    window = {"StartTime": minute(), "EndTime": minute()}
    found = refused(metrics.client.get_metric_data, MetricDataQueries=[query], **window)
    assert found[0] == "ValidationError"


@pytest.mark.parametrize(
    ("days", "period", "is_there"),
    [(1, 60, True), (1, 30, False), (16, 60, False), (16, 300, True), (64, 300, False),
     (64, 3600, True)],
)  # fmt: skip
def test_old_data_is_coarse(metrics: Metrics, days: int, period: int, is_there: bool) -> None:
    past = days * 24 * 60 + 120
    metrics.account.set_metric(REGION, NAMESPACE, NAME, {}, 1, minutes=past)
    start = minute(days * 24 * 60).replace(minute=0)
    values = metrics.values(stat(period=period), StartTime=start, EndTime=start
                            + timedelta(hours=2))  # fmt: skip
    assert bool(values) is is_there


def test_a_start_within_a_period_leaves_that_period_out(metrics: Metrics) -> None:
    metrics.account.set_metric(REGION, NAMESPACE, NAME, {}, 1, minutes=60)
    whole = minute(40).replace(minute=minute(40).minute // 10 * 10)
    window = {"StartTime": whole + timedelta(minutes=3), "EndTime": whole + timedelta(minutes=20)}
    assert metrics.values(stat(period=600), **window) == [1.0]


def test_pages_of_datapoints(metrics: Metrics) -> None:
    metrics.account.set_metric(REGION, NAMESPACE, NAME, {}, 1)
    queries = [{"Id": name, "MetricStat": stat()} for name in ("a", "b")]
    first = metrics.get(*queries, MaxDatapoints=7)
    shown = {r["Id"]: (len(r["Values"]), r["StatusCode"]) for r in first["MetricDataResults"]}
    assert shown == {"a": (5, "Complete"), "b": (2, "PartialData")}
    rest = metrics.get(*queries, MaxDatapoints=7, NextToken=first["NextToken"])
    assert [(r["Id"], len(r["Values"])) for r in rest["MetricDataResults"]] == [("b", 3)]
    assert "NextToken" not in rest


def test_without_data_complete_and_empty(metrics: Metrics) -> None:
    [result] = metrics.get({"Id": "m", "MetricStat": stat("Absent")})["MetricDataResults"]
    assert (result["Values"], result["StatusCode"]) == ([], "Complete")


def test_metrics_are_listed(metrics: Metrics) -> None:
    metrics.account.set_metric(REGION, NAMESPACE, NAME, SERVICE, 1)
    metrics.account.set_metric(REGION, NAMESPACE, NAME, {"ServiceName": "other"}, 1)
    ask = metrics.client.list_metrics
    assert len(ask(Namespace=NAMESPACE)["Metrics"]) == 2
    wanted = [{"Name": "ServiceName", "Value": "web"}]
    [found] = ask(Namespace=NAMESPACE, Dimensions=wanted)["Metrics"]
    assert {d["Name"]: d["Value"] for d in found["Dimensions"]} == SERVICE


def test_alarms_by_a_hundred(metrics: Metrics, refused: Refused) -> None:
    for number in range(120):
        metrics.client.put_metric_alarm(
            AlarmName=f"a{number}", Namespace=NAMESPACE, MetricName=NAME, Statistic="Average",
            Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    ask = metrics.client.describe_alarms
    assert len(ask()["MetricAlarms"]) == 50
    first = ask(MaxRecords=100)
    rest = ask(MaxRecords=100, NextToken=first["NextToken"])
    assert (len(first["MetricAlarms"]), len(rest["MetricAlarms"])) == (100, 20)
    assert refused(ask, MaxRecords=101)[0] == "ValidationError"
    assert [a["AlarmName"] for a in ask(AlarmNames=["a7", "gone"])["MetricAlarms"]] == ["a7"]
    assert len(ask(AlarmNamePrefix="a11")["MetricAlarms"]) == 11


def test_a_metric_is_of_its_account_and_region(aws: AwsStack, metrics: Metrics) -> None:
    metrics.account.set_metric(REGION, NAMESPACE, NAME, {}, 1)
    other = metrics.account.boto3_client("cloudwatch", "us-east-1")
    assert other.list_metrics(Namespace=NAMESPACE)["Metrics"] == []
    assert Metrics(aws).values(stat(f"{NAME}{time.time_ns()}")) == []


@pytest.mark.parametrize(("status", "values"), [("Forbidden", []), ("InternalError", []),
                                                ("PartialData", [7.0] * 5)])  # fmt: skip
def test_a_metric_may_have_another_status(
    metrics: Metrics, status: str, values: list[float]
) -> None:
    metrics.account.set_metric(REGION, NAMESPACE, NAME, {}, 7, status=status)
    metrics.account.set_metric(REGION, NAMESPACE, "Other", {}, 1)
    queries = [{"Id": "m", "MetricStat": stat()}, {"Id": "o", "MetricStat": stat("Other")}]
    found = {r["Id"]: r for r in metrics.get(*queries)["MetricDataResults"]}
    assert (found["m"]["StatusCode"], found["m"]["Values"]) == (status, values)
    assert found["o"]["StatusCode"] == "Complete"


def test_twenty_second_metrics_have_three_samples_a_task(service: Service) -> None:
    metrics = Metrics(service.account)
    query = stat("CPUUtilization", "SampleCount", namespace="AWS/ECS", dimensions=SERVICE)
    service.account.set_metric(REGION, "AWS/ECS", "CPUUtilization", SERVICE, 50)
    fine = [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]
    service.ecs.update_service(
        cluster="prod", service="web", monitoring={"metricConfigurations": fine}
    )
    assert metrics.values(query) == [12.0] * 5


def test_the_error_rate_needs_no_errors_and_divides_by_no_zero(metrics: Metrics) -> None:
    metrics.put("Requests", {3: 200, 2: 0, 1: 100})
    metrics.put("Errors", {3: 4})
    expression = "IF(requests > 0, 100 * FILL(errors, 0) / requests, 0)"
    assert metrics.math(expression, "Requests", "Errors") == [2.0, 0.0, 0.0]


def test_the_newest_minute_is_provisional(service: Service) -> None:
    metrics = Metrics(service.account)
    query = stat("CPUUtilization", "SampleCount", namespace="AWS/ECS", dimensions=SERVICE)
    service.account.set_metric(REGION, "AWS/ECS", "CPUUtilization", SERVICE, 50)
    *whole, newest = metrics.values(query, EndTime=minute(-2))
    assert set(whole) == {4.0}
    assert 0 < newest < 4.0
