"""Indexes that the planner would use for what the database runs. Pure."""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence, Severity
from setpoint.database.identifiers import quote
from setpoint.database.indexes.model import Suggestion
from setpoint.database.model import Snapshot
from setpoint.database.rules.statements import redacted
from setpoint.engine.model import Finding

_MUCH = 0.1
"""Of the workload's time: an index that saves as much is worth an alarm."""
_IN_DOUBT = 0.1
"""Of what an index saves: so much in doubt is said."""
_SHOWN = 90
_SQL = 5


def missing_indexes(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """One finding for each suggested index."""
    if snapshot.advice is None:
        return
    for suggestion in snapshot.advice.suggestions:
        if snapshot.advice.is_validated:
            yield _finding(suggestion)


def advice_unavailable(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Advice is wanted, and the planner cannot be asked."""
    if snapshot.advice is None or snapshot.advice.is_validated:
        return
    yield Finding(
        id="IndexAdviceUnavailable",
        object=quote(snapshot.database),
        severity=Severity.INFO,
        message="index advice is wanted and cannot be made: suggestions are from the catalog alone",
        evidence=snapshot.advice.why_not,
        remedy="see docs/indexes.md for what index advice needs",
    )


def _finding(suggestion: Suggestion) -> Finding:
    schema = suggestion.table.rpartition(".")[0] or suggestion.table
    return Finding(
        id="MissingIndex",
        object=f"{schema}.{quote(suggestion.name)}",
        severity=Severity.WARNING if suggestion.saves >= _MUCH else Severity.INFO,
        message=f"an index of {suggestion.table} ({', '.join(suggestion.columns)}) would help "
        f"{_statements(len(suggestion.helps))}",
        evidence=evidence(suggestion),
        remedy="create it while little is written, and compare the statements' times a day later: "
        "the planner's estimate is no proof",
        sql=suggestion.ddl[:_SQL],
        magnitude=max(suggestion.saves * 100, 0.1),
        confidence=Confidence(suggestion.confidence),
    )


def evidence(suggestion: Suggestion) -> str:
    """What it saves and costs, in numbers."""
    parts = [
        f"by the planner's estimate it saves {suggestion.saves:.0%} of the workload's time",
        f"it will take about {mebibytes(suggestion.size)}",
        f"each row that is written takes {suggestion.write_overhead.share:.0%} more",
    ]
    if suggestion.doubtful > _IN_DOUBT * suggestion.saves:
        parts.append(
            f"{suggestion.doubtful / suggestion.saves:.0%} of that is in doubt: plans that cost "
            "less read more rows one by one through indexes, and may take longer"
        )
    if suggestion.helps:
        best = suggestion.helps[0]
        text = redacted(best.statement.text)
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        parts.append(f"the cost falls from {best.before:.0f} to {best.after:.0f} for: {shown}")
    return "; ".join(parts)


def mebibytes(size: int) -> str:
    """As Kubernetes writes it: whole Mi, at least 1."""
    return f"{max(round(size / 2**20), 1)}Mi"


def _statements(number: int) -> str:
    return "one statement" if number == 1 else f"{number} statements"
