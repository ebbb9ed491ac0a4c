"""Prometheus series of resources, and what is generated from all metrics."""

import json
import sys
from pathlib import Path
from typing import Any

from setpoint.telemetry.resources import Resources

ROOT = Path(__file__).parents[3]
KEY = ("dbtunings", "shop", "orders")


def body(drifted: str = "False", **status: Any) -> dict[str, Any]:
    conditions = [
        {"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-01T00:10:00Z"},
        {"type": "Drifted", "status": drifted, "lastTransitionTime": "1970-01-01T00:15:00Z"},
    ]
    return {"spec": {}, "status": {"conditions": conditions, **status}}


def samples(resources: Resources) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(str(value) for value in sample.labels.values())): sample.value
        for family in resources.collect()
        for sample in family.samples
    }


def test_a_resource_has_series_until_it_is_gone() -> None:
    resources = Resources(lambda: 1000.0)
    resources.tell(KEY, body(findings={"bySeverity": {"Warning": 2}}))
    found = samples(resources)
    assert found["setpoint_resource_condition", *KEY, "Ready"] == 1
    assert found["setpoint_resource_condition", *KEY, "Drifted"] == 0
    assert found["setpoint_findings", *KEY, "Warning"] == 2
    assert found["setpoint_drift_seconds", *KEY] == 0
    resources.forget(KEY)
    assert samples(resources) == {}


def test_drift_is_counted_from_when_it_began_even_after_a_restart() -> None:
    resources = Resources(lambda: 1000.0)
    resources.tell(KEY, body("True"))
    assert samples(resources)["setpoint_drift_seconds", *KEY] == 100


def test_one_without_status_is_told() -> None:
    resources = Resources()
    resources.tell(KEY, {"spec": {"suspend": True}})
    assert samples(resources)["setpoint_resource_suspended", *KEY] == 1


def test_the_page_and_the_dashboard_have_every_metric() -> None:
    sys.path.insert(0, str(ROOT / "hack"))
    try:
        from generate_telemetry import DASHBOARD, PAGE, dashboard, metrics, page  # noqa: PLC0415
    finally:
        sys.path.pop(0)
    found = metrics()
    assert PAGE.read_text() == page(found), "run `make generate`"
    text = DASHBOARD.read_text()
    assert text == dashboard(found), "run `make generate`"
    shown = " ".join(
        target["expr"]
        for panel in json.loads(text)["panels"]
        for target in panel.get("targets", [])
    )
    assert [one.name for one in found if one.name not in shown] == []
    unnamed = [one.name for one in found if not one.help]
    assert unnamed == []
    wrong = [o.name for o in found if o.name.endswith("_total") is not (o.type == "counter")]
    assert wrong == [], "Prometheus' conventions"
