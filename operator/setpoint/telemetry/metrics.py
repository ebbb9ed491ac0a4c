"""Prometheus metrics of the engine. Names follow Prometheus' conventions."""

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
LEADER = Gauge("setpoint_leader", "1 while this process holds the lease and acts, else 0.")
QUEUE_DEPTH = Gauge("setpoint_queue_depth", "Resources that wait for a worker.")
VALUE = Gauge(
    "setpoint_value",
    "Live value that an alert rule watches, or that is worth a graph; percentages as 0-100, times "
    "in seconds, sizes in bytes.",
    ("kind", "namespace", "name", "rule"),
)
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
