"""Error budgets from CloudWatch's memory of requests."""

from datetime import timedelta

from setpoint.api.findings import Severity
from stack import shop
from tests.integration.aws.account import REGION
from tests.integration.scaling.service import LOAD_BALANCER, Service

DIMENSIONS = {"LoadBalancer": shop.LOAD_BALANCER, "TargetGroup": shop.TARGET_GROUP}
SLO = {
    "slo": {
        "errors": {"objective": "99%"},
        "latency": {"objective": "99%", "threshold": "500ms"},
        "minRequests": 100,
    }
}


def traffic(service: Service, minutes: float, **values: float) -> None:
    for name, value in values.items():
        service.account.set_metric(
            REGION, "AWS/ApplicationELB", name, DIMENSIONS, value, minutes=minutes
        )


async def test_budgets_are_counted_over_days_and_fetched_once_in_five_minutes(
    service: Service,
) -> None:
    traffic(
        service,
        3 * 24 * 60 + 30,
        RequestCount=1000,
        HTTPCode_Target_5XX_Count=20,
        TargetResponseTime=0.2,
    )
    loop, before = service.loop(metrics=LOAD_BALANCER, alerts=SLO), service.account.last_call()

    samples = {s.rule: s for s in (await loop.attempt()).decision.samples}
    await loop.attempt(timedelta(seconds=1))

    errors, latency = samples["errorBudget"], samples["latencyBudget"]
    assert (errors.breached, errors.severity) == (True, Severity.WARNING)
    assert errors.shown == "2.0x over 72h+6h"
    assert latency.value == 0
    calls = [c for c in service.account.ledger(before) if c["operation"] == "GetMetricData"]
    periods = [c["params"]["MetricDataQueries"][0]["MetricStat"]["Period"] for c in calls]
    assert periods.count(300) == 1


async def test_a_burst_pages_and_a_service_without_traffic_does_not(service: Service) -> None:
    traffic(
        service,
        80,
        RequestCount=1000,
        HTTPCode_Target_5XX_Count=300,
        TargetResponseTime=2,
    )
    found = (await service.loop(metrics=LOAD_BALANCER, alerts=SLO).attempt()).decision.samples
    samples = {sample.rule: sample for sample in found}
    assert (samples["errorBudget"].shown, samples["errorBudget"].severity) == (
        "30.0x over 1h+5m",
        Severity.CRITICAL,
    )
    assert samples["latencyBudget"].breached is True

    traffic(service, 80, RequestCount=0.1, HTTPCode_Target_5XX_Count=0.1)
    found = (await service.loop(metrics=LOAD_BALANCER, alerts=SLO).attempt()).decision.samples
    assert {sample.rule: sample.value for sample in found}["errorBudget"] is None
