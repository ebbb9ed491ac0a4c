"""Why a resource is in its state, in plain sentences, with the evidence. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from setpoint.api.conditions import ConditionType, Reason
from setpoint.api.plan import BlockedBy
from setpoint.engine.conditions import find, read_time
from setpoint.engine.plan import APPROVE
from setpoint.engine.store import ABANDON, FINALIZER
from setpoint.plugin.advice import OF_BLOCK, OF_REASON
from setpoint.plugin.kubectl import Object, name_of, resource_of

_SHOWN = 3
_LATE = timedelta(seconds=30)


@dataclass(frozen=True)
class Paragraph:
    """A sentence, and the lines of evidence below it. `bad`: something is wrong."""

    text: str
    evidence: tuple[str, ...] = ()
    bad: bool = False


def explain(item: Object, now: datetime) -> list[Paragraph]:
    """The state first, then what waits, what was found, what alerts, and what setpoint did."""
    status = item.get("status") or {}
    return [
        *_state(item, status, now),
        *_conditions(status),
        *_plan(item, status),
        *_own(status),
        *_findings(status),
        *_alerts(status, now),
        *_applied(item, status),
    ]


def condition(item: Object, kind: ConditionType) -> Mapping[str, Any] | None:
    """A condition of the resource."""
    return find((item.get("status") or {}).get("conditions") or (), kind)


def age(since: str, now: datetime) -> str:
    """How long ago, as kubectl says it: 45s, 12m, 5h, 3d."""
    seconds = max(int((now - read_time(since)).total_seconds()), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size or (seconds >= size and unit == "d"):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _state(item: Object, status: Mapping[str, Any], now: datetime) -> Iterator[Paragraph]:
    namespace, name = name_of(item)
    what, meta, spec = f"{item['kind']} {namespace}/{name}", item["metadata"], item.get("spec", {})
    ready = condition(item, ConditionType.READY)
    if meta.get("deletionTimestamp"):
        yield _deletion(item, what, now)
    if spec.get("suspend"):
        yield Paragraph(
            f"{what} is suspended: nothing is read, changed or alerted. What follows is as it was.",
            (f"to go on: kubectl setpoint resume {name} -n {namespace}",),
            bad=True,
        )
    elif meta.get("generation", 0) != status.get("observedGeneration", -1):
        yield from _unseen(item, what, ready is None, now)
    if ready is None:
        return
    said = _REASONS.get(str(ready["reason"]), "")
    lead = {"True": "is ready", "False": "is not ready"}.get(ready["status"], "is being worked on")
    yield Paragraph(
        f"{what} {lead}, for {age(ready['lastTransitionTime'], now)} ({ready['reason']}). {said}",
        tuple(str(ready["message"]).split("; ")),
        bad=ready["status"] == "False",
    )


def _deletion(item: Object, what: str, now: datetime) -> Paragraph:
    """What a deletion waits for: setpoint's Revert, or a finalizer of somebody else's."""
    namespace, name = name_of(item)
    since = age(item["metadata"]["deletionTimestamp"], now)
    finalizers = item["metadata"].get("finalizers") or []
    if FINALIZER not in finalizers:
        others = ", ".join(finalizers) or "the API server"
        return Paragraph(f"{what} was deleted {since} ago; it waits for {others}.", bad=True)
    command = f"kubectl annotate {resource_of(item)} {name} -n {namespace} {ABANDON}=true"
    return Paragraph(
        f"{what} was deleted {since} ago: setpoint puts back what it changed, for ten minutes at "
        "most.",
        (f"to give that up at once: {command}",),
        bad=True,
    )


def _unseen(item: Object, what: str, is_new: bool, now: datetime) -> Iterator[Paragraph]:
    """The operator has not finished with the newest spec."""
    if is_new:
        since = item["metadata"]["creationTimestamp"]
        if now - read_time(since) < _LATE:
            yield Paragraph(f"{what} was just created; nothing is known yet.")
            return
        yield Paragraph(
            f"{what} exists for {age(since, now)}, and no operator has looked at it.",
            (
                "is the operator running? kubectl get pods -A -l app.kubernetes.io/name=setpoint",
                "does it watch this namespace, or this resource's shard?",
            ),
            bad=True,
        )
        return
    yield Paragraph(
        f"{what} was edited, and the newest spec (generation {item['metadata'].get('generation')})"
        " is not reconciled yet. What follows is of the one before.",
    )


def _conditions(status: Mapping[str, Any]) -> Iterator[Paragraph]:
    """Those beside Ready that say something more."""
    found = status.get("conditions") or ()
    if find(found, ConditionType.STALLED):
        yield Paragraph(
            "It is stalled: it is still tried, slowly, but only a person can help.", bad=True
        )
    elif (retry := find(found, ConditionType.RECONCILING)) is not None and retry[
        "reason"
    ] == Reason.PROGRESSING_WITH_RETRY:
        yield Paragraph("It is tried again by itself.")
    for kind in (
        ConditionType.DRIFTED,
        ConditionType.SCALING_LIMITED,
        ConditionType.ALERTS_UNDELIVERED,
    ):
        one = find(found, kind)
        if one is not None and one["status"] == "True":
            yield Paragraph(
                f"{kind}: {_REASONS.get(str(one['reason']), '')}",
                tuple(str(one["message"]).split("; ")),
                bad=True,
            )


def _plan(item: Object, status: Mapping[str, Any]) -> Iterator[Paragraph]:
    plan = status.get("plan") or {}
    actions: Sequence[Mapping[str, Any]] = plan.get("actions") or ()
    if not actions:
        return
    number = len(actions) + int(plan.get("truncated", 0))
    yield Paragraph(
        f"{number} change{'' if number == 1 else 's'} would bring the real system to the spec.",
        tuple(line for action in actions for line in action_lines(action)),
    )
    if any(action.get("blockedBy") == BlockedBy.APPROVAL for action in actions):
        namespace, name = name_of(item)
        yield Paragraph(
            "It waits for you.",
            (
                f"kubectl setpoint approve {name} -n {namespace} --digest {plan['digest']}",
                f"(which sets the annotation {APPROVE}={plan['digest']})",
            ),
            bad=True,
        )


def action_lines(action: Mapping[str, Any]) -> list[str]:
    """An action in words, and why."""
    what = " ".join(str(action.get(key) or "") for key in ("op", "object", "field")).rstrip()
    change = f" from {action['from']}" if action.get("from") else ""
    change += f" to {action['to']}" if action.get("to") else ""
    blocked = action.get("blockedBy")
    why = f"; {OF_BLOCK[BlockedBy(blocked)]}" if blocked in _BLOCKS else ""
    return [f"{what}{change} (risk {action.get('risk')}{why})", f"  because {action.get('reason')}"]


def _own(status: Mapping[str, Any]) -> Iterator[Paragraph]:
    """What only one kind has."""
    sweep, rds = status.get("sweep") or {}, status.get("rds") or {}
    bounds, capacity = status.get("effectiveBounds") or {}, status.get("capacity") or {}
    if sweep.get("paused"):
        yield Paragraph("The sweep of TTLs waits.", (str(sweep["paused"]),))
    elif sweep.get("summary"):
        yield Paragraph(f"The sweep of TTLs: {sweep['summary']}.")
    if rds.get("pending"):
        yield Paragraph(f"RDS holds changes back: {rds['pending']}.")
    if capacity.get("summary", "-") != "-":
        source = f", bounds by {bounds['source']}" if bounds.get("source") else ""
        yield Paragraph(f"It runs at {capacity['summary']} (minimum to maximum){source}.")


def _findings(status: Mapping[str, Any]) -> Iterator[Paragraph]:
    findings = status.get("findings") or {}
    items: Sequence[Mapping[str, Any]] = findings.get("items") or ()
    if not items:
        return
    more = int(findings.get("total", len(items))) - len(items[:_SHOWN])
    lines = [
        line
        for one in items[:_SHOWN]
        for line in (
            f"{one['severity']} {one['id']} {one['object']}: {one['message']}",
            f"  {one['evidence']}",
            f"  → {one['remedy']}",
        )
    ]
    lines += [f"and {more} more: kubectl setpoint findings"] if more > 0 else []
    total = int(findings.get("total", len(items)))
    yield Paragraph(
        "1 finding." if total == 1 else f"{total} findings, the worst first.",
        tuple(lines),
        bad=findings.get("worst") == "Critical",
    )


def _alerts(status: Mapping[str, Any], now: datetime) -> Iterator[Paragraph]:
    alerts = status.get("alerts") or {}
    items = alerts.get("items") or ()
    firing, pending = (
        [one for one in items if one.get("state") == state] for state in ("Firing", "Pending")
    )
    if firing:
        yield Paragraph(
            f"{len(firing)} alert{' fires' if len(firing) == 1 else 's fire'}.",
            tuple(alert_line(one, now) for one in firing),
            bad=True,
        )
    if pending:
        yield Paragraph(
            f"{len(pending)} breached, but not for long enough to fire.",
            tuple(alert_line(one, now) for one in pending),
        )
    if alerts.get("error"):
        yield Paragraph("A message could not be delivered.", (str(alerts["error"]),), bad=True)


def alert_line(alert: Mapping[str, Any], now: datetime) -> str:
    """`Critical cpu 93% (threshold 80%) since 12m`."""
    target = f" {alert['target']}" if alert.get("target") else ""
    limit = f" (threshold {alert['threshold']})" if alert.get("threshold") else ""
    silent = f", not told: {alert['suppressedBy']}" if alert.get("suppressedBy") else ""
    value = f" {alert['value']}" if alert.get("value") else ""
    since = age(alert["since"], now)
    return f"{alert['severity']} {alert['rule']}{target}{value}{limit} since {since}{silent}"


def _applied(item: Object, status: Mapping[str, Any]) -> Iterator[Paragraph]:
    applied = status.get("applied") or ()
    if not applied:
        return
    is_revert = item.get("spec", {}).get("deletionPolicy") == "Revert"
    fate = "puts that back" if is_revert else "leaves that as it is"
    count: dict[str, int] = {}
    for one in applied:
        count[str(one["op"])] = count.get(str(one["op"]), 0) + 1
    did = ", ".join(f"{op.lower()} {number}" for op, number in sorted(count.items()))
    yield Paragraph(f"So far setpoint {did}; deleting this resource {fate}.")


_REASONS = {str(reason): text for reason, text in OF_REASON.items()}
_BLOCKS = frozenset(str(block) for block in BlockedBy)
