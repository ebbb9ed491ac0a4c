"""Rows of the tables: what matters of each resource, side by side. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from setpoint.api.conditions import ConditionType
from setpoint.api.findings import Severity
from setpoint.plugin.explain import age, condition
from setpoint.plugin.kubectl import Object, name_of

RESOURCES = (
    "namespace", "kind", "name", "ready", "state", "what", "changes", "findings", "alerts", "age",
)  # fmt: skip
FINDINGS = ("namespace", "resource", "severity", "finding", "object", "what and why")


def resources(items: Sequence[Object], now: datetime) -> list[tuple[str, ...]]:
    """A row a resource, as RESOURCES names its cells."""
    return [_resource(item, now) for item in items]


def found(items: Sequence[Object], severity_rank: int) -> list[dict[str, Any]]:
    """The findings as status has them, each with its resource, up to a severity; the worst
    first."""
    made = [
        {"namespace": name_of(item)[0], "kind": item["kind"], "name": name_of(item)[1], **one}
        for item in items
        for one in ((item.get("status") or {}).get("findings") or {}).get("items") or ()
        if _RANK.get(one["severity"], 3) <= severity_rank
    ]
    return sorted(made, key=lambda one: _RANK.get(one["severity"], 3))


def findings(items: Sequence[Object], severity_rank: int) -> list[tuple[str, ...]]:
    """A row a finding, as FINDINGS names its cells."""
    return [
        (
            one["namespace"],
            f"{one['kind']}/{one['name']}",
            one["severity"],
            one["id"],
            one["object"],
            "\n".join([one["message"], one["evidence"], f"→ {one['remedy']}", *one.get("sql", ())]),
        )
        for one in found(items, severity_rank)
    ]


def not_shown(items: Sequence[Object]) -> int:
    """Findings that status only counts."""
    return sum(
        int(((item.get("status") or {}).get("findings") or {}).get("truncated", 0))
        for item in items
    )


def _resource(item: Object, now: datetime) -> tuple[str, ...]:
    namespace, name = name_of(item)
    status = item.get("status") or {}
    ready = condition(item, ConditionType.READY)
    plan, alerts = status.get("plan") or {}, status.get("alerts") or {}
    number = len(plan.get("actions") or ()) + int(plan.get("truncated", 0))
    return (
        namespace,
        item["kind"],
        name,
        str(ready["status"]) if ready else "-",
        _state(item, ready),
        _what(item["kind"], item.get("spec") or {}, status),
        _changes(plan, number),
        str((status.get("findings") or {}).get("summary") or "-"),
        str(alerts.get("count") or "-"),
        age(item["metadata"]["creationTimestamp"], now),
    )


def _state(item: Object, ready: Mapping[str, Any] | None) -> str:
    """The most telling word."""
    if item["metadata"].get("deletionTimestamp"):
        return "Deleting"
    if (item.get("spec") or {}).get("suspend"):
        return "Suspended"
    if condition(item, ConditionType.STALLED):
        return f"Stalled: {ready['reason']}" if ready else "Stalled"
    return str(ready["reason"]) if ready else "-"


def _changes(plan: Mapping[str, Any], number: int) -> str:
    if not number:
        return "-"
    waits = sorted({str(a["blockedBy"]) for a in plan["actions"] if a.get("blockedBy")})
    return f"{number} ({', '.join(waits)})" if waits else str(number)


def _what(kind: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """The values that this kind is about."""
    parts: list[tuple[str, Any]]
    if kind == "ScalingPolicy":
        metrics = status.get("metrics") or {}
        parts = [
            ("", (status.get("capacity") or {}).get("summary")),
            ("cpu", metrics.get("cpu")),
            ("mem", metrics.get("memory")),
        ]
    elif kind == "DBTuning":
        rds = status.get("rds") or {}
        parts = [
            ("", (spec.get("rds") or {}).get("instance")),
            ("", rds.get("instanceClass")),
            ("", rds.get("allocatedStorage")),
            ("postgres", status.get("serverVersion")),
            ("pending", rds.get("pending")),
        ]
    else:
        cache = status.get("cache") or {}
        parts = [
            ("hits", cache.get("hitRate")),
            ("mem", cache.get("memoryUsage")),
            ("", cache.get("maxmemoryPolicy")),
            ("sweep", (status.get("sweep") or {}).get("summary")),
        ]
    return ", ".join(f"{label} {value}".strip() for label, value in parts if value) or "-"


_RANK = {str(severity): severity.rank for severity in Severity}
