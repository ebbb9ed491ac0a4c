"""Sequences that run out of values. Pure."""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import qualified, quote
from setpoint.database.model import Snapshot
from setpoint.engine.model import Finding

_CRITICAL = 0.9


def sequences_near_end(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Judged by the sequence's own end or its column's type's, whichever comes first.

    Not for those that begin again by CYCLE.
    """
    for sequence in snapshot.sequences:
        if sequence.used * 100 < analysis.sequence_used:
            continue
        ends = (
            f"the type of column {quote(sequence.column)} ends at {sequence.limit}"
            if sequence.column
            else f"it ends at {sequence.limit}"
        )
        yield Finding(
            id="SequenceNearEnd",
            object=qualified(sequence.schema, sequence.name),
            severity=Severity.CRITICAL if sequence.used >= _CRITICAL else Severity.WARNING,
            message="the sequence is nearly used up: at its end, inserts fail",
            evidence=f"{sequence.used:.0%} used: last value {sequence.last}, {ends}",
            remedy="make column and sequence bigint: on a large table by a new column that is "
            "filled in batches, for ALTER TYPE rewrites the table under an exclusive lock",
            magnitude=max(sequence.used, 0.01),
        )
