"""What an index costs those who write. Pure.

An inserted row is one more entry. An update writes a new entry into every index of its table unless
it is HOT, which it no longer is if the index has a column that it sets (storage/heap/README.HOT).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from setpoint.database.indexes.candidate import Candidate
from setpoint.database.indexes.facts import TableFacts
from setpoint.database.indexes.model import Statement

ENTRY_MS = 0.015
"""Time to put one entry into a btree, its log record included: 10 to 20 µs on what is common."""

_ENTRY_BYTES = 8


@dataclass(frozen=True, slots=True)
class Write:
    """A statement that writes rows of a table; `sets` are the columns of an UPDATE."""

    statement: Statement
    table: int
    kind: str
    sets: frozenset[str] = frozenset()

    @property
    def rows(self) -> int:
        """Rows that all its calls wrote."""
        return self.statement.rows or self.statement.calls


def entries(candidate: Candidate, write: Write, table: TableFacts) -> float:
    """Index entries that a write adds with the candidate, those of other indexes included."""
    if write.table != candidate.table or write.kind == "DeleteStmt":
        return 0.0
    if write.kind == "InsertStmt":
        return float(write.rows)
    hot = table.hot / table.updated if table.updated else 0.5
    if write.sets & set(candidate.all_columns):
        return write.rows * (1 + hot * len(table.indexes))
    return write.rows * (1 - hot)


def milliseconds(candidate: Candidate, writes: Iterable[Write], table: TableFacts) -> float:
    """Time that all writes of the workload take longer with the candidate."""
    return ENTRY_MS * sum(entries(candidate, write, table) for write in writes)


def share(candidate: Candidate, table: TableFacts) -> float:
    """Bytes of an entry, to those of a row."""
    width = sum(table.columns[name].width for name in candidate.all_columns)
    return (_ENTRY_BYTES + width) / table.row_width
