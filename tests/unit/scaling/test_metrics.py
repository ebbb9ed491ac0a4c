"""The five metrics: what is asked, and what the answers say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.scaling.seen import NOW

from setpoint.api.scalingpolicy import MetricSources
from setpoint.scaling import metrics
from setpoint.scaling.model import Metrics


def test_the_window_is_aligned_and_leaves_the_newest_period_out() -> None:
    start, end = metrics.window(NOW)
    assert (start.isoformat(), end.isoformat()) == (
        "2026-11-23T11:57:00+00:00",
        "2026-11-23T12:02:00+00:00",
    )


def series(
    name: str, values: list[float], state: str = "Complete", first: int = 0
) -> dict[str, Any]:
    """As GetMetricData has it, the newest first."""
    times = [datetime(2026, 11, 23, 12, 30 - first - n, tzinfo=UTC) for n in range(len(values))]
    return {"Id": name, "Timestamps": times, "Values": values, "StatusCode": state}


def read(**values: list[float]) -> Metrics:
    return metrics.read([series(name, numbers) for name, numbers in values.items()])


def test_no_data_is_not_zero() -> None:
    assert metrics.read([]) == Metrics()
    assert read(cpu=[], memory=[], requests=[], errors=[]) == Metrics()


def test_means_sums_and_the_error_rate() -> None:
    found = read(
        cpu=[40.0, 60.0], response=[0.2, 0.4], requests=[90.0, 10.0], errors=[9.0, 0.0],
        errorRate=[10.0, 0.0],
    )  # fmt: skip
    assert found.cpu == 50
    assert found.response_time == pytest.approx(0.3)
    assert found.error_rate == pytest.approx(9.0), "of all requests, not the mean of the rates"
    assert found.requests == 100
    assert read(requests=[100.0], errors=[], errorRate=[]).error_rate == 0, "requests, no error"
    assert read(requests=[10.0], errors=[5.0], errorRate=[50.0]).error_rate is None, "too few"
    assert read(requests=[], errors=[5.0], errorRate=[]).error_rate is None
    assert read(requests=[100.0]).error_rate is None, "the rate was not told"


def test_the_running_tasks_are_the_newest_count_of_samples() -> None:
    assert read(tasks=[4.0, 3.0]).tasks == 4
    high = metrics.read([series("tasks", [12.0, 9.0])], high_resolution=True)
    assert high.tasks == 4, "three samples of a task in a minute"


def test_service_connect_tells_milliseconds_and_the_load_balancer_seconds() -> None:
    assert read(milliseconds=[250.0]).response_time == pytest.approx(0.25)
    assert read(response=[0.25]).response_time == pytest.approx(0.25)
    sources = MetricSources.model_validate({"serviceConnect": {"discoveryName": "checkout"}})
    [query] = [q for q in metrics.queries("c", "s", sources) if q["Id"] == "milliseconds"]
    assert query["MetricStat"]["Metric"]["Dimensions"] == [
        {"Name": "TargetDiscoveryName", "Value": "checkout"},
        {"Name": "ClusterName", "Value": "c"},
        {"Name": "ServiceName", "Value": "s"},
    ]


def test_a_result_may_come_in_several_pages() -> None:
    pages = [
        series("cpu", [10.0, 20.0], "PartialData"),
        series("cpu", [30.0], first=2),
    ]
    assert metrics.read(pages).cpu == 20


def test_a_partial_result_is_no_data() -> None:
    assert metrics.read([series("cpu", [99.0], "PartialData")]).cpu is None


def test_both_dimensions_and_no_unit() -> None:
    for query in metrics.queries("c", "s", MetricSources()):
        names = [d["Name"] for d in query["MetricStat"]["Metric"]["Dimensions"]]
        assert names == ["ClusterName", "ServiceName"]
        assert "Unit" not in query["MetricStat"]
