"""What the commands change in a resource. Pure."""

import re
from datetime import datetime, timedelta
from typing import Any

from setpoint.engine.conditions import wire_time
from setpoint.plugin.kubectl import Object, PluginError


def approval(item: Object, digest: str | None) -> str:
    """The digest to approve. `digest` is that of the plan which was looked at, if it is given.

    Raises PluginError where no plan waits for approval, or it is another one by now.
    """
    plan = item.get("status", {}).get("plan") or {}
    actions = plan.get("actions") or []
    if not any(action.get("blockedBy") == "Approval" for action in actions):
        raise PluginError("no change waits for approval")
    current = str(plan.get("digest", ""))
    if digest is not None and digest != current:
        raise PluginError(f"the plan is another one by now, {current}: look at it first")
    return current


def suspension(suspend: bool) -> dict[str, Any]:
    """A merge patch."""
    return {"spec": {"suspend": suspend}}


def silence(
    item: Object,
    *,
    rule: str | None,
    target: str | None,
    reason: str,
    author: str,
    lasts: timedelta,
    now: datetime,
) -> tuple[str, list[dict[str, Any]]]:
    """The silence's name, and the JSON patch that adds it. Silences that are over stay."""
    alerts = item.get("spec", {}).get("alerts")
    silences = (alerts or {}).get("silences")
    slug = re.sub(r"[^a-z0-9]+", "-", (rule or "all").lower()).strip("-") or "all"
    name = f"{slug[:40]}-{now:%Y%m%d%H%M%S}"
    made = {
        "name": name,
        **({"rule": rule} if rule else {}),
        **({"target": target} if target else {}),
        "reason": reason,
        "author": author,
        "until": wire_time(now + lasts),
    }
    patch: list[dict[str, Any]] = []
    if alerts is None:
        patch.append({"op": "add", "path": "/spec/alerts", "value": {}})
    if silences is None:
        patch.append({"op": "add", "path": "/spec/alerts/silences", "value": []})
    return name, [*patch, {"op": "add", "path": "/spec/alerts/silences/-", "value": made}]
