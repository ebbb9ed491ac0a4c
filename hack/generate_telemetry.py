"""docs/metrics.md and the Grafana dashboard, from the metrics that the code has:
python hack/generate_telemetry.py."""

import importlib
import json
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY

import setpoint

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/metrics.md"
DASHBOARD = ROOT / "deploy/helm/setpoint/files/dashboards/setpoint.json"

_HEAD = """# Metrics

Served at `/metrics` of the operator's own address (`--listen`). Units are Prometheus' base units: seconds, bytes, and ratios
from 0 to 1. `kind` is the plural, as in `kubectl get`. Series of a resource end with it; that of a live value (`setpoint_value…`) ends as soon as the
value is not known: no data, a target that cannot be reached, `spec.suspend`. Beside these there are those of Python and of the process.

The Grafana dashboard [setpoint.json](../deploy/helm/setpoint/files/dashboards/setpoint.json) shows all of them; the chart can install it.

| metric | type | labels | meaning |
|---|---|---|---|
"""

_TAIL = """
## Traces

Where `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) names a collector, each reconcile is a trace of OpenTelemetry:
`reconcile` with kind, namespace, name and reconcile id, below it `observe`, `decide` and each `act`, below those the requests to AWS and to the
Kubernetes API. OTLP over HTTP; OpenTelemetry's own variables set headers, certificates and the sampler (`OTEL_TRACES_SAMPLER=traceidratio`,
`OTEL_TRACES_SAMPLER_ARG=0.1`). Spans carry reasons, never another system's texts.

## Logs

One JSON object a line on standard output. Every line about a resource has `kind`, `namespace`, `name` and `reconcile_id`, which is the same for all
lines (and the trace) of one reconcile.
"""


@dataclass(frozen=True)
class Described:
    """A metric as Prometheus sees it."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


def metrics() -> list[Described]:
    """All of setpoint's own, by name."""
    for module in pkgutil.walk_packages(setpoint.__path__, "setpoint."):
        importlib.import_module(module.name)
    found = {}
    for collector in set(REGISTRY._collector_to_names):  # noqa: SLF001 - there is no other way
        for family in getattr(collector, "describe", list)():
            if not family.name.startswith("setpoint_"):
                continue
            labels = getattr(collector, "_labelnames", ()) or getattr(family, "_labelnames", ())
            name = f"{family.name}_total" if family.type == "counter" else family.name
            text = " ".join(family.documentation.split())
            found[name] = Described(name, family.type, tuple(labels), text)
    return [found[name] for name in sorted(found)]


def page(described: list[Described]) -> str:
    """docs/metrics.md."""
    rows = [
        f"| `{one.name}` | {one.type} | {', '.join(f'`{label}`' for label in one.labels)} "
        f"| {one.help} |\n"
        for one in described
    ]
    return _HEAD + "".join(rows) + _TAIL


ROWS: list[tuple[str, list[tuple[str, str, str, list[tuple[str, str]]]]]] = [
    (
        "What is watched",
        [
            ("Ready", "short", "table", [('min by (kind, namespace, name) (setpoint_resource_condition{type="Ready",$of})', "{{kind}} {{namespace}}/{{name}}")]),
            ("Other conditions that hold", "short", "table", [('setpoint_resource_condition{type!="Ready",$of} == 1', "{{type}} {{kind}} {{namespace}}/{{name}}")]),
            ("Live values: shares", "percentunit", "timeseries", [("setpoint_value_ratio{$of}", "{{rule}} {{namespace}}/{{name}}")]),
            ("Live values: times", "s", "timeseries", [("setpoint_value_seconds{$of}", "{{rule}} {{namespace}}/{{name}}")]),
            ("Live values: sizes", "bytes", "timeseries", [("setpoint_value_bytes{$of}", "{{rule}} {{namespace}}/{{name}}")]),
            ("Live values: numbers", "short", "timeseries", [("setpoint_value{$of}", "{{rule}} {{namespace}}/{{name}}")]),
            ("Findings", "short", "timeseries", [("sum by (kind, severity) (setpoint_findings{$of})", "{{severity}} {{kind}}")]),
            ("Drift", "s", "timeseries", [("setpoint_drift_seconds{$of} > 0", "{{kind}} {{namespace}}/{{name}}")]),
            ("Suspended", "short", "table", [("setpoint_resource_suspended{$of} == 1", "{{kind}} {{namespace}}/{{name}}")]),
        ],
    ),
    (
        "Alerts",
        [
            ("Firing", "short", "timeseries", [("sum by (severity) (setpoint_alerts_firing{$of})", "{{severity}}")]),
            ("Transitions", "ops", "timeseries", [("sum by (rule, to) (rate(setpoint_alert_transitions_total{$kinds}[$__rate_interval]))", "{{rule}} {{to}}")]),
            ("Notifications sent", "ops", "timeseries", [("sum by (receiver) (rate(setpoint_notifications_sent_total[$__rate_interval]))", "{{receiver}}")]),
            ("Notifications that failed", "ops", "timeseries", [("sum by (receiver, reason) (rate(setpoint_notifications_failed_total[$__rate_interval]))", "{{receiver}} {{reason}}")]),
            ("Notifications that wait", "short", "timeseries", [("sum by (receiver) (setpoint_notification_queue_depth)", "{{receiver}}")]),
            ("Oldest notification", "s", "timeseries", [("max(setpoint_notification_oldest_age_seconds)", "age")]),
        ],
    ),
    (
        "The operator",
        [
            ("Reconciles", "ops", "timeseries", [("sum by (kind, result) (rate(setpoint_reconciles_total{$kinds}[$__rate_interval]))", "{{kind}} {{result}}")]),
            ("Duration of a reconcile", "s", "timeseries", [(f"histogram_quantile({q}, sum by (kind, le) (rate(setpoint_reconcile_duration_seconds_bucket{{$kinds}}[$__rate_interval])))", f"{{{{kind}}}} p{q[2:]}") for q in ("0.50", "0.99")]),
            ("Errors by reason", "ops", "timeseries", [("sum by (kind, reason) (rate(setpoint_reconcile_errors_total{$kinds}[$__rate_interval]))", "{{kind}} {{reason}}")]),
            ("Replica that acts", "short", "timeseries", [("setpoint_leader", "{{namespace}} {{pod}} {{instance}}")]),
            ("Version", "short", "table", [("setpoint_build_info", "{{version}}")]),
            ("Configuration in force is the file's", "short", "timeseries", [("setpoint_config_last_reload_successful", "{{namespace}} {{pod}} {{instance}}")]),
            ("Queue", "short", "timeseries", [("max(setpoint_queue_depth)", "waiting")]),
            ("Status writes", "ops", "timeseries", [("sum by (kind) (rate(setpoint_status_writes_total{$kinds}[$__rate_interval]))", "{{kind}}")]),
            ("Changes made", "ops", "timeseries", [("sum by (kind, op) (rate(setpoint_actions_total{$kinds}[$__rate_interval]))", "{{kind}} {{op}}")]),
            ("Keys swept", "ops", "timeseries", [("sum by (namespace, name, result) (rate(setpoint_swept_keys_total{$spaces}[$__rate_interval]))", "{{result}} {{namespace}}/{{name}}")]),
        ],
    ),
    (
        "Calls",
        [
            ("Requests to AWS", "ops", "timeseries", [("sum by (service, operation, result) (rate(setpoint_aws_requests_total[$__rate_interval]))", "{{service}} {{operation}} {{result}}")]),
            ("AWS: slowest hundredth of the calls", "s", "timeseries", [("histogram_quantile(0.99, sum by (service, operation, le) (rate(setpoint_aws_request_duration_seconds_bucket[$__rate_interval])))", "{{service}} {{operation}}")]),
            ("AWS: time that calls wait for their turn, each second", "s", "timeseries", [("sum by (service, operation) (rate(setpoint_aws_wait_seconds_total[$__rate_interval]))", "{{service}} {{operation}}")]),
            ("AWS: longest pause while it throttles", "s", "timeseries", [("max by (account, region, service, api) (setpoint_aws_backoff_seconds)", "{{account}} {{region}} {{service}} {{api}}")]),
            ("AWS: calls withheld while it throttles", "ops", "timeseries", [("sum by (service, operation) (rate(setpoint_aws_withheld_total[$__rate_interval]))", "{{service}} {{operation}}")]),
            ("AWS: reads, and where they came from", "ops", "timeseries", [("sum by (read, source) (rate(setpoint_aws_reads_total[$__rate_interval]))", "{{read}} {{source}}")]),
            ("Requests to Kubernetes", "ops", "timeseries", [("sum by (verb, result) (rate(setpoint_kubernetes_requests_total[$__rate_interval]))", "{{verb}} {{result}}")]),
        ],
    ),
]  # fmt: skip
"""Rows of panels: title, unit, form, and queries with their legends. What _CHOSEN has
stands for what is chosen at the top of the dashboard."""

_CHOSEN = {
    "$of": 'kind=~"$kind",namespace=~"$namespace"',
    "$kinds": 'kind=~"$kind"',
    "$spaces": 'namespace=~"$namespace"',
}


def dashboard(described: list[Described]) -> str:
    """The dashboard, as Grafana imports it. A metric without a panel of its own gets a plain one."""
    queries = [query for _, row in ROWS for *_, asked in row for query in asked]
    rest = [one for one in described if not _asks(queries, one.name)]
    rows = list(ROWS)
    if rest:
        rows.append(("More", [_plain(one) for one in rest]))
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in rows:
        panels.append({"type": "row", "title": title, "gridPos": _at(0, y, 24, 1)})
        y += 1
        for number, (name, unit, form, queries) in enumerate(row):
            at = _at(8 * (number % 3), y, 8, 7)
            about = " ".join(one.help for one in described if _asks(queries, one.name))
            panels.append({**_panel(name, unit, form, queries, at), "description": about})
            y += 7 if number % 3 == 2 or number == len(row) - 1 else 0
    for number, panel in enumerate(panels):
        panel["id"] = number + 1
    return json.dumps(_board(panels), indent=1, ensure_ascii=False) + "\n"


def _asks(queries: list[tuple[str, str]], name: str) -> bool:
    """Whether a panel is about a metric."""
    pattern = rf"\b{name}(_bucket)?\b"
    return any(re.search(pattern, expression) for expression, _ in queries)


def _plain(one: Described) -> tuple[str, str, str, list[tuple[str, str]]]:
    """By the metric's own type: what it does a second, its p99, or its value."""
    labels = ", ".join(one.labels)
    legend = " ".join(f"{{{{{label}}}}}" for label in one.labels) or "value"
    by = f"sum by ({labels})" if labels else "sum"
    if one.type == "counter":
        return (
            one.name,
            "ops",
            "timeseries",
            [(f"{by} (rate({one.name}[$__rate_interval]))", legend)],
        )
    if one.type == "histogram":
        inner = (
            f"sum by ({', '.join([*one.labels, 'le'])}) (rate({one.name}_bucket[$__rate_interval]))"
        )
        return one.name, "s", "timeseries", [(f"histogram_quantile(0.99, {inner})", legend)]
    unit = "s" if one.name.endswith("_seconds") else "short"
    return one.name, unit, "timeseries", [(f"{by.replace('sum', 'max', 1)} ({one.name})", legend)]


def _panel(
    title: str, unit: str, form: str, queries: list[tuple[str, str]], at: dict[str, int]
) -> dict[str, Any]:
    is_table = form == "table"
    return {
        "type": form,
        "title": title.rstrip("."),
        "gridPos": at,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "expr": _chosen(expression),
                "legendFormat": legend,
                "instant": is_table,
                "range": not is_table,
                **({"format": "table"} if is_table else {}),
            }
            for number, (expression, legend) in enumerate(queries)
        ],
    }


def _chosen(expression: str) -> str:
    for mark, matchers in _CHOSEN.items():
        expression = expression.replace(mark, matchers)
    return expression


def _board(panels: list[dict[str, Any]]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "title": "setpoint",
        "uid": "setpoint",
        "tags": ["setpoint"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus"},
                *(
                    {
                        "name": name,
                        "type": "query",
                        "datasource": source,
                        "query": f"label_values(setpoint_resource_condition, {name})",
                        "includeAll": True,
                        "allValue": ".*",
                        "multi": True,
                        "refresh": 2,
                    }
                    for name in ("kind", "namespace")
                ),
            ]
        },
        "panels": panels,
    }


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


if __name__ == "__main__":
    found = metrics()
    PAGE.write_text(page(found), encoding="utf-8")
    DASHBOARD.parent.mkdir(parents=True, exist_ok=True)
    DASHBOARD.write_text(dashboard(found), encoding="utf-8")
