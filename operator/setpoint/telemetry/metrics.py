"""Prometheus metrics of the engine. Names follow Prometheus' conventions."""

from importlib.metadata import version

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("setpoint_reconciles_total", "Finished reconciles.", ("kind", "result"))
RECONCILE_ERRORS = Counter(
    "setpoint_reconcile_errors_total",
    "Failures of reconciles, of a part of one too, by the reason that the condition has.",
    ("kind", "reason"),
)
RECONCILE_SECONDS = Histogram(
    "setpoint_reconcile_duration_seconds",
    "Duration of a reconcile.",
    ("kind",),
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
STATUS_WRITES = Counter("setpoint_status_writes_total", "Writes of a status.", ("kind",))
KUBERNETES_REQUESTS = Counter(
    "setpoint_kubernetes_requests_total",
    "Requests to the Kubernetes API without the watches; the result is ok, http_STATUS, or "
    "unreachable.",
    ("verb", "result"),
)
BUILD = Gauge("setpoint_build_info", "Always 1; the label says which version runs.", ("version",))
BUILD.labels(version("setpoint")).set(1)
CONFIG_IS_GOOD = Gauge(
    "setpoint_config_last_reload_successful",
    "1 while the configuration file is the one in force; 0 after a changed file was refused, and "
    "the former one stays in force.",
)
LEADER = Gauge("setpoint_leader", "1 while this process holds the lease and acts, else 0.")
QUEUE_DEPTH = Gauge("setpoint_queue_depth", "Resources that wait for a worker.")


def _value(unit: str, text: str) -> Gauge:
    """A live value; each unit has a metric of its own, so that a series can be read by its name."""
    name = f"setpoint_value_{unit}" if unit else "setpoint_value"
    return Gauge(name, text, ("kind", "namespace", "name", "rule"))


VALUES = {
    "percent": _value("ratio", "Live value, as a share of 1: utilisation, errors, hits."),
    "seconds": _value("seconds", "Live value that is a time: the response time."),
    "bytes": _value("bytes", "Live value that is a size: memory."),
    "none": _value(
        "", "Live value without a unit: numbers of things, burn rates, 1 or 0 for yes or no."
    ),
}
"""What alert rules watch, and what else is worth a graph, by its unit in the code. The series of a
value that is not known ends."""
BASE_UNIT = {"percent": 0.01}
"""What a value of the code is multiplied by to be in Prometheus' base unit."""
ACTIONS = Counter(
    "setpoint_actions_total", "Writes to real systems that succeeded.", ("kind", "op")
)
ALERTS = Gauge(
    "setpoint_alerts_firing",
    "Alerts that fire now.",
    ("kind", "namespace", "name", "severity"),
)
TRANSITIONS = Counter(
    "setpoint_alert_transitions_total",
    "Alerts that became pending, firing, resolved, or inactive before they fired.",
    ("kind", "rule", "to"),
)
SWEPT_KEYS = Counter(
    "setpoint_swept_keys_total",
    "Keys that a default TTL's sweep looked at (scanned), and gave a TTL (changed).",
    ("namespace", "name", "result"),
)
