"""What the commands change in a resource. Pure."""

import itertools
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from pydantic.alias_generators import to_camel

from setpoint.api.alerts import MAX_SILENCES, RuleName
from setpoint.engine.conditions import read_time, wire_time
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
    """The silence's name, and the JSON patch that adds it. Silences that are over stay, unless
    their place is needed. Raises PluginError where there is no place, or no time."""
    if lasts <= timedelta(0):
        raise PluginError("--for: it must last longer than that")
    alerts = item.get("spec", {}).get("alerts")
    silences = (alerts or {}).get("silences")
    slug = re.sub(r"[^a-z0-9]+", "-", (rule or "all").lower()).strip("-") or "all"
    name = _unused(f"{slug[:40]}-{now:%Y%m%d%H%M%S}", silences or ())
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
        patch.append({"op": "add", "path": _SILENCES, "value": []})
    elif len(silences) >= MAX_SILENCES:
        patch.extend(_without_old(silences, now))
    return name, [*patch, {"op": "add", "path": f"{_SILENCES}/-", "value": made}]


def rule_named(word: str) -> str:
    """A rule as the spec spells it: Slack's messages call errorRate error_rate."""
    spelled = to_camel(word) if "_" in word else word
    return spelled if spelled in set(RuleName) else word


def is_known(item: Object, pattern: str) -> bool:
    """Whether a pattern names a rule, or what alerts or was found in this resource."""
    status = item.get("status") or {}
    names = {str(name) for name in RuleName}
    names |= {str(one["rule"]) for one in (status.get("alerts") or {}).get("items") or ()}
    names |= {str(one["id"]) for one in (status.get("findings") or {}).get("items") or ()}
    return any(fnmatchcase(name, pattern) for name in names)


def _unused(name: str, silences: Sequence[Object]) -> str:
    taken = {str(one.get("name")) for one in silences}
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([name], numbered) if one not in taken)


def _without_old(silences: Sequence[Object], now: datetime) -> list[dict[str, Any]]:
    """Removes the silences that are over, if the list is still the one that was read."""
    left = [one for one in silences if read_time(str(one["until"])) > now]
    if len(left) >= MAX_SILENCES:
        raise PluginError(
            f"it has {len(left)} silences, and no place for more: remove one from "
            "spec.alerts.silences"
        )
    return [
        {"op": "test", "path": _SILENCES, "value": list(silences)},
        {"op": "replace", "path": _SILENCES, "value": left},
    ]


_SILENCES = "/spec/alerts/silences"
