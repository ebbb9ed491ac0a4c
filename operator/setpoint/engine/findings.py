"""Findings as status shows them: the worst first, with a memory that keeps them still. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from setpoint.api.findings import FindingItem, Findings, ResolvedItem, Severity
from setpoint.engine.conditions import wire_time
from setpoint.engine.model import Finding

SHOWN = 20
RESOLVED = 5
BUDGET = 16 * 1024
"""Bytes of status that the findings may take, those that went away included."""

_TEXT = 512
_STATEMENTS = 5
"""What is shown of a text, in characters, and of its SQL."""

Identity = tuple[str, str]
"""Of a finding: its id and its object."""


def count(findings: Sequence[Finding]) -> Counter[Severity]:
    """Number of findings by severity."""
    return Counter(finding.severity for finding in findings)


def show(
    findings: Sequence[Finding],
    previous: Mapping[str, Any],
    magnitudes: Mapping[Identity, float],
    now: datetime,
    ignored: int = 0,
) -> Findings:
    """The findings for status.

    `previous` is status.findings as stored; `magnitudes` are those of the shown texts, as far as
    this process knows. A finding that was there keeps its firstSeen, and keeps its text while it
    says the same and its magnitude has neither doubled nor halved.
    """
    ordered = sorted(findings, key=lambda f: (f.severity.rank, f.id, f.object))
    numbers = count(findings)
    before = {(item["id"], item["object"]): item for item in previous.get("items", ())}
    resolved = _resolved(findings, previous, now)
    items = _within_budget(
        (
            _item(finding, before.get((finding.id, finding.object)), magnitudes, now)
            for finding in ordered[:SHOWN]
        ),
        BUDGET - sum(map(_size, resolved)),
    )
    return Findings(
        total=len(findings),
        by_severity={
            str(severity): numbers[severity] for severity in Severity if numbers[severity]
        },
        summary=" ".join(f"{numbers[s]}{s[0]}" for s in Severity if numbers[s]),
        worst=ordered[0].severity if ordered else None,
        truncated=len(findings) - len(items),
        items=items,
        resolved=resolved or None,
        ignored=ignored or None,
    )


def carried(
    findings: Sequence[Finding],
    previous: Mapping[str, Any],
    unseen: Callable[[str, str], bool],
) -> list[Finding]:
    """`findings`, and those that status shows of what could not be looked at this time.

    `unseen` tells it by a finding's id and object. Else they would be taken for resolved.
    """
    found = {(finding.id, finding.object) for finding in findings}
    return [
        *findings,
        *(
            _finding(FindingItem.model_validate(item))
            for item in previous.get("items", ())
            if (item["id"], item["object"]) not in found and unseen(item["id"], item["object"])
        ),
    ]


def _finding(item: FindingItem) -> Finding:
    return Finding(
        id=item.id,
        object=item.object,
        severity=item.severity,
        message=item.message,
        evidence=item.evidence,
        remedy=item.remedy,
        sql=item.sql or (),
        confidence=item.confidence,
    )


def _resolved(
    findings: Sequence[Finding], previous: Mapping[str, Any], now: datetime
) -> list[ResolvedItem]:
    found = {(finding.id, finding.object[:400]) for finding in findings}
    gone = [
        ResolvedItem(
            id=item["id"],
            object=item["object"],
            first_seen=item["firstSeen"],
            resolved_at=wire_time(now),
        )
        for item in previous.get("items", ())
    ]
    before = [ResolvedItem.model_validate(item) for item in previous.get("resolved") or ()]
    kept: dict[Identity, ResolvedItem] = {}
    for item in [*gone, *before]:
        if (item.id, item.object) not in found:
            kept.setdefault((item.id, item.object), item)
    return list(kept.values())[:RESOLVED]


def remember(
    findings: Iterable[Finding], shown: Findings, magnitudes: Mapping[Identity, float]
) -> dict[Identity, float]:
    """The magnitudes of the texts that status shows from now on."""
    texts = {(item.id, item.object): item.evidence for item in shown.items}
    return {
        identity: finding.magnitude
        if texts[identity] == finding.evidence[:_TEXT] or identity not in magnitudes
        else magnitudes[identity]
        for finding in findings
        if (identity := (finding.id, finding.object)) in texts
    }


def _item(
    finding: Finding,
    before: Mapping[str, Any] | None,
    magnitudes: Mapping[Identity, float],
    now: datetime,
) -> FindingItem:
    if before is not None and _says_the_same(finding, before):
        shown = magnitudes.get((finding.id, finding.object), finding.magnitude)
        if shown / 2 < finding.magnitude < shown * 2:
            return FindingItem.model_validate(before)
    return FindingItem(
        id=finding.id,
        object=finding.object[:400],
        severity=finding.severity,
        confidence=finding.confidence,
        message=finding.message[:_TEXT],
        evidence=finding.evidence[:_TEXT],
        remedy=finding.remedy[:_TEXT],
        sql=list(finding.sql)[:_STATEMENTS] or None,
        first_seen=before["firstSeen"] if before else wire_time(now),
    )


def _says_the_same(finding: Finding, before: Mapping[str, Any]) -> bool:
    """Whether the shown text is as true as it was; the order of its statements means nothing."""
    return (
        before["severity"] == finding.severity
        and before["message"] == finding.message[:_TEXT]
        and before["remedy"] == finding.remedy[:_TEXT]
        and sorted(before.get("sql") or ()) == sorted(finding.sql[:_STATEMENTS])
        and (not finding.steady or before["evidence"] == finding.evidence[:_TEXT])
    )


def _size(item: FindingItem | ResolvedItem) -> int:
    return len(item.model_dump_json(by_alias=True).encode())


def _within_budget(items: Iterable[FindingItem], budget: int) -> list[FindingItem]:
    kept: list[FindingItem] = []
    size = 0
    for item in items:
        size += _size(item)
        if size > budget:
            break
        kept.append(item)
    return kept
