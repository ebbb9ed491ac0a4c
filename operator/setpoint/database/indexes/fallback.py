"""Suggestions from the catalog alone, where the planner cannot be asked. Pure."""

from dataclasses import replace

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Confidence
from setpoint.database.identifiers import qualified
from setpoint.database.indexes.model import Advice, Limits, Suggestion, WriteOverhead
from setpoint.database.model import Column, Snapshot, Table
from setpoint.database.rules import scans, suggest

_ENTRY_BYTES = 20
"""Of an index entry beside its values: header, line pointer, and the tenth that stays free."""


def completed(advice: Advice, snapshot: Snapshot, analysis: Analysis, limits: Limits) -> Advice:
    """Advice that was not validated, with the catalog's suggestions for the tables that the
    analysis finds scanned again and again; other advice as it is."""
    if advice.is_validated:
        return advice
    named = {finding.object for finding in scans.sequential_scans(snapshot, analysis)}
    found: list[Suggestion] = []
    for table in sorted(snapshot.tables, key=lambda t: (-t.seq_tup_read, t.oid)):
        if qualified(table.schema, table.name) in named:
            own = [
                _suggestion(table, columns, snapshot) for columns in suggest.keys(table, snapshot)
            ]
            found += own[: limits.max_per_table]
    return replace(advice, suggestions=_within(found, limits))


def _within(found: list[Suggestion], limits: Limits) -> list[Suggestion]:
    left = float("inf") if limits.max_total_size is None else limits.max_total_size
    kept: list[Suggestion] = []
    for suggestion in found:
        if len(kept) < limits.max_indexes and suggestion.size <= left:
            kept.append(suggestion)
            left -= suggestion.size
    return kept


def _suggestion(table: Table, columns: list[str], snapshot: Snapshot) -> Suggestion:
    by_name = {column.name: column for column in snapshot.columns_of.get(table.oid, ())}
    width = sum(_width(by_name[name]) for name in columns)
    row = 28 + sum(_width(column) for column in by_name.values())
    return Suggestion(
        ddl=(suggest.statement(table, columns),),
        name="_".join([table.name, *columns, "idx"])[:63],
        table=qualified(table.schema, table.name),
        columns=tuple(columns),
        include=(),
        size=int(table.rows * (_ENTRY_BYTES + width)),
        saves=0.0,
        helps=(),
        hurts=(),
        write_overhead=WriteOverhead((8 + width) / row, 0.0),
        confidence=Confidence.LOW,
    )


def _width(column: Column) -> float:
    return float(column.width or 8)
