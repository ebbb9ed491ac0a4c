"""What each resource is like now, for Prometheus: at each scrape, from the newest status."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_LABELS = ("kind", "namespace", "name")


@dataclass(frozen=True)
class _State:
    suspended: bool
    conditions: Mapping[str, str]
    drifted_since: float | None
    findings: Mapping[str, int]


class Resources(Collector):
    """`tell` after each visit, `forget` when a resource is gone."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[Sequence[str], _State] = {}

    def tell(self, key: Sequence[str], body: Mapping[str, Any]) -> None:
        """`key` is plural, namespace, name; `body` the resource as it is stored."""
        status = body.get("status") or {}
        conditions = status.get("conditions") or ()
        drifted = next((one for one in conditions if one.get("type") == "Drifted"), None)
        since = None
        if drifted is not None and drifted["status"] == "True":
            since = datetime.fromisoformat(drifted["lastTransitionTime"]).timestamp()
        state = _State(
            suspended=bool((body.get("spec") or {}).get("suspend")),
            conditions={one["type"]: one["status"] for one in conditions},
            drifted_since=since,
            findings=dict((status.get("findings") or {}).get("bySeverity") or {}),
        )
        with self._lock:
            self._states[tuple(key)] = state

    def forget(self, key: Sequence[str]) -> None:
        """Its series end."""
        with self._lock:
            self._states.pop(tuple(key), None)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The families without series."""
        yield from _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families with a series for each resource."""
        with self._lock:
            states = dict(self._states)
        condition, suspended, drift, findings = _families()
        for key, state in sorted(states.items()):
            suspended.add_metric(key, float(state.suspended))
            for type_, status in state.conditions.items():
                condition.add_metric([*key, type_], float(status == "True"))
            since = state.drifted_since
            drift.add_metric(key, 0.0 if since is None else max(self._clock() - since, 0.0))
            for severity, number in state.findings.items():
                findings.add_metric([*key, severity], number)
        yield from (condition, suspended, drift, findings)


def _families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily(
            "setpoint_resource_condition",
            "1 while a condition of a resource is True, else 0.",
            labels=(*_LABELS, "type"),
        ),
        GaugeMetricFamily(
            "setpoint_resource_suspended", "1 while spec.suspend is set, else 0.", labels=_LABELS
        ),
        GaugeMetricFamily(
            "setpoint_drift_seconds",
            "For how long the real system has differed from the spec, where the mode leaves it so; "
            "0 without drift.",
            labels=_LABELS,
        ),
        GaugeMetricFamily(
            "setpoint_findings", "Findings of a resource.", labels=(*_LABELS, "severity")
        ),
    )


RESOURCES = Resources()
REGISTRY.register(RESOURCES)
