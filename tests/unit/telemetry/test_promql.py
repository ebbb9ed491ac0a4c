"""The PromQL of the alerts and of the dashboard: parsed as Prometheus does, and held against the
metrics that there are."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "hack"))
from generate_telemetry import metrics  # noqa: E402

CHART = ROOT / "deploy/helm/setpoint/files"
RULES: list[dict[str, Any]] = yaml.safe_load((CHART / "alerts.yaml").read_text())["rules"]
PANELS: list[dict[str, Any]] = json.loads((CHART / "dashboards/setpoint.json").read_text())[
    "panels"
]
VARIABLES = {"$__rate_interval": "5m", "$kind": ".*", "$namespace": ".*"}
TARGET = frozenset({"job", "instance", "namespace", "pod"})
"""Labels that Prometheus itself gives to what it scrapes by the ServiceMonitor."""
OF_COUNTERS = ("rate", "irate", "increase")
SERIES = {
    name: frozenset(one.labels) | more
    for one in metrics()
    for name, more in (
        [(one.name, frozenset[str]())]
        if one.type != "histogram"
        else [(f"{one.name}_bucket", frozenset({"le"})), (f"{one.name}_count", frozenset[str]())]
    )
}


def labels(expression: promql.Expr, *, counted: bool = False) -> frozenset[str]:
    """Labels of an expression's result. Raises ValueError where no series could fit it."""
    match expression:
        case promql.VectorSelector():
            return _selected(expression, counted=counted)
        case promql.MatrixSelector():
            return labels(expression.vector_selector, counted=counted)
        case promql.AggregateExpr():
            return _aggregated(expression)
        case promql.Call():
            return _called(expression)
        case promql.BinaryExpr():
            sides = [labels(expression.lhs), labels(expression.rhs)]
            found, how = [side for side in sides if side], expression.modifier
            if len(set(found)) == 2 and (how is None or how.matching is None):
                raise ValueError(f"{sorted(found[0])} never match {sorted(found[1])}")
            return found[0] if found else frozenset()
        case promql.ParenExpr() | promql.UnaryExpr():
            return labels(expression.expr)
        case promql.NumberLiteral() | promql.StringLiteral():
            return frozenset()
    raise ValueError(f"what is {expression}?")


def _selected(selector: promql.VectorSelector, *, counted: bool) -> frozenset[str]:
    name = selector.name or ""
    if name not in SERIES:
        raise ValueError(f"there is no {name}")
    if counted is not name.endswith(("_total", "_bucket", "_count")):
        raise ValueError(f"{name} is a {'gauge' if counted else 'counter'}")
    found = SERIES[name] | TARGET
    if unknown := {matcher.name for matcher in selector.matchers.matchers} - found:
        raise ValueError(f"{name} has no {unknown}")
    return found


def _aggregated(expression: promql.AggregateExpr) -> frozenset[str]:
    inner, modifier = labels(expression.expr), expression.modifier
    if modifier is None:
        return frozenset()
    named = frozenset(modifier.labels)
    if unknown := named - inner:
        raise ValueError(f"there are no labels {unknown} here")
    return named if modifier.type == promql.AggModifierType.By else inner - named


def _called(call: promql.Call) -> frozenset[str]:
    name = call.func.name
    found = labels(call.args[-1], counted=name in OF_COUNTERS)
    if name == "absent":
        return frozenset()
    if name == "histogram_quantile":
        if "le" not in found:
            raise ValueError("a quantile needs le")
        return found - {"le"}
    return found


def checked(text: str) -> frozenset[str]:
    for variable, value in VARIABLES.items():
        text = text.replace(variable, value)
    return labels(promql.parse(text))


QUERIES = [
    pytest.param(target, id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel.get("targets", ())
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_can_fire_and_says_what_it_is_about(rule: dict[str, Any]) -> None:
    found = checked(rule["expr"])
    for text in rule["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= found, text
    assert promql.parse_duration(rule["for"]).total_seconds() >= 60


@pytest.mark.parametrize("target", QUERIES)
def test_a_query_of_the_dashboard_has_something_to_show(target: dict[str, Any]) -> None:
    found = checked(target["expr"])
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sum by (kind (setpoint_findings)", "left paren|unexpected|invalid"),
        ("rate(setpoint_reconciles_total)", "expected type matrix"),
        ("rate(setpoint_findings[5m])", "is a gauge"),
        ("sum(setpoint_reconciles_total)", "is a counter"),
        ("setpoint_nothing > 1", "there is no"),
        ('setpoint_findings{colour="red"}', "has no"),
        ("sum by (colour) (setpoint_findings)", "no labels"),
        ("histogram_quantile(0.9, sum by (kind) (rate(setpoint_reconcile_duration_seconds_bucket[5m])))",
         "needs le"),
        ("setpoint_findings / setpoint_leader", "never match"),
    ],
)  # fmt: skip
def test_a_broken_expression_is_found(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked(text)
