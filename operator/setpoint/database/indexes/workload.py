"""A workload as far as it can be explained: plain values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from setpoint.database.indexes.facts import TableFacts
from setpoint.database.indexes.model import NotAnalysable, Statement
from setpoint.database.indexes.resolve import Use
from setpoint.database.indexes.writes import Write


@dataclass(frozen=True)
class Readable:
    """A statement that may be explained. `texts` are to be tried one after the other."""

    statement: Statement
    texts: tuple[bytes, ...]
    parameters: int
    uses: tuple[Use, ...]


@dataclass
class Workload:
    """What of the statements can be explained, what writes, and what cannot be looked at."""

    readable: list[Readable] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    not_analysable: list[NotAnalysable] = field(default_factory=list)
    tables: Mapping[int, TableFacts] = field(default_factory=dict)
