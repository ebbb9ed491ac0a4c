"""Prometheus metrics of the pipeline itself: an alert on it tells that alerts do not arrive."""

from prometheus_client import Counter, Gauge

SENT = Counter(
    "setpoint_notifications_sent_total",
    "Calls to receivers of alerts that were taken.",
    ("receiver",),
)
FAILED = Counter(
    "setpoint_notifications_failed_total",
    "Calls to receivers of alerts that failed, those that are tried again too.",
    ("receiver", "reason"),
)
DEPTH = Gauge(
    "setpoint_notification_queue_depth", "Notifications that wait to be sent.", ("receiver",)
)
OLDEST = Gauge(
    "setpoint_notification_oldest_age_seconds",
    "Age of the oldest notification that is not delivered.",
)
