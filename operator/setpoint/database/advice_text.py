"""Index advice as text, beside the findings. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from setpoint.database.indexes.model import Advice, NotAnalysable, Suggestion
from setpoint.database.model import Snapshot
from setpoint.database.rules.advice import mebibytes
from setpoint.database.rules.statements import redacted

_HELPED = 3
_REFUSED = 10


def lines(snapshots: Sequence[Snapshot]) -> list[str]:
    """A paragraph for each database that has advice."""
    return [
        line
        for snapshot in snapshots
        if snapshot.advice is not None
        for line in _paragraph(snapshot.database, snapshot.advice)
    ]


def _paragraph(database: str, advice: Advice) -> Iterable[str]:
    number = len(advice.suggestions)
    indexes = "1 index" if number == 1 else f"{number} indexes"
    if advice.is_validated:
        yield (
            f"index advice for {database}: {indexes} of {mebibytes(advice.size)} bring the "
            f"workload to {advice.relative_cost:.0%} of its time by the planner's estimate "
            f"({advice.analysed} statements analysed, {advice.explains} plans, "
            f"{advice.seconds:.1f} s{'' if advice.is_complete else ', stopped at its time limit'})"
        )
    else:
        yield (
            f"index advice for {database}: {indexes}, from the catalog alone: nobody asked the "
            f"planner, for {advice.why_not}"
        )
    for suggestion in advice.suggestions:
        yield from _suggested(suggestion)
    yield from _refused(advice.not_analysable)


def _suggested(suggestion: Suggestion) -> Iterable[str]:
    doubt = f" ({suggestion.doubtful:.0%} in doubt)" if suggestion.doubtful >= 0.005 else ""
    yield from (f"  {statement};" for statement in suggestion.ddl)
    yield (
        f"    {mebibytes(suggestion.size)}, saves {suggestion.saves:.0%}{doubt}, each written row "
        f"takes {suggestion.write_overhead.share:.0%} more, confidence {suggestion.confidence}"
    )
    for effect in suggestion.helps[:_HELPED]:
        text = redacted(effect.statement.text)
        yield f"    helps {effect.before:.0f} -> {effect.after:.0f}: {text}"
    if len(suggestion.helps) > _HELPED:
        yield f"    helps {len(suggestion.helps) - _HELPED} more"
    for hurt in suggestion.hurts[:_HELPED]:
        yield f"    may hurt: {redacted(hurt.statement.text)} ({hurt.reason})"


def _refused(refused: Sequence[NotAnalysable]) -> Iterable[str]:
    for entry in refused[:_REFUSED]:
        yield f"  not analysable: {redacted(entry.statement.text)} ({entry.reason})"
    if len(refused) > _REFUSED:
        yield f"  not analysable: {len(refused) - _REFUSED} more"


def as_json(advice: Advice) -> dict[str, Any]:
    """Everything."""
    return {
        "validated": advice.is_validated,
        "whyNot": advice.why_not,
        "relativeCost": advice.relative_cost,
        "sizeBytes": advice.size,
        "analysed": advice.analysed,
        "explains": advice.explains,
        "seconds": round(advice.seconds, 3),
        "complete": advice.is_complete,
        "suggestions": [_suggestion(suggestion) for suggestion in advice.suggestions],
        "notAnalysable": [
            {"statement": redacted(entry.statement.text), "reason": entry.reason}
            for entry in advice.not_analysable
        ],
    }


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "name": suggestion.name,
        "table": suggestion.table,
        "columns": list(suggestion.columns),
        "include": list(suggestion.include),
        "sql": list(suggestion.ddl),
        "sizeBytes": suggestion.size,
        "saves": suggestion.saves,
        "savesInDoubt": suggestion.doubtful,
        "writeOverhead": suggestion.write_overhead.share,
        "confidence": str(suggestion.confidence),
        "helps": [
            {"statement": redacted(e.statement.text), "before": e.before, "after": e.after}
            for e in suggestion.helps
        ],
        "hurts": [
            {"statement": redacted(h.statement.text), "reason": h.reason} for h in suggestion.hurts
        ],
    }
