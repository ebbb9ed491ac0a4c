"""What goes into index advice and what comes out of it: plain values. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from setpoint.api.findings import Confidence


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the workload, as it was written or normalised ($1 for constants).

    `total_ms` is the time that all calls took together; 0 where nobody knows, and then the
    planner's cost stands for it. `rows` are those that all calls returned or wrote. `user` is the
    role that ran it, whose search_path finds its tables; empty where nobody knows.
    """

    text: str
    calls: int = 1
    total_ms: float = 0.0
    rows: int = 0
    user: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What advice may take. Sizes in bytes, of the indexes as built; None sets no limit.

    `budget_s` are seconds: when they are over, the best answer so far is given.
    """

    max_total_size: int | None = None
    max_indexes: int = 10
    max_per_table: int = 5
    budget_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Effect:
    """What a suggestion does to a statement: the planner's costs without it and with it.

    "Without" has all other suggestions, so effects of two that share the work are not counted
    twice.
    """

    statement: Statement
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Hurt:
    """A statement that the suggestion may slow down, and why."""

    statement: Statement
    reason: str


@dataclass(frozen=True, slots=True)
class WriteOverhead:
    """What an index adds to writes.

    `share` of the bytes that a row takes in its table; `milliseconds` by estimate, over all
    calls of the workload's statements that write to the index.
    """

    share: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One index to create.

    `ddl` are statements to run one by one, outside a transaction: one for a plain table. `table`
    is qualified, as SQL writes it; `columns` and `include` are bare names. `size` in bytes as
    built, by our own model; `saves` is the share of the workload's time, 0 to 1; `doubtful` the
    part of it that rests on plans which cost less and may still take longer.
    """

    ddl: tuple[str, ...]
    name: str
    table: str
    columns: tuple[str, ...]
    include: tuple[str, ...]
    size: int
    saves: float
    helps: tuple[Effect, ...]
    hurts: tuple[Hurt, ...]
    write_overhead: WriteOverhead
    confidence: Confidence
    doubtful: float = 0.0


@dataclass(frozen=True, slots=True)
class NotAnalysable:
    """A statement that could not be explained, or must not be, and why."""

    statement: Statement
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """The suggestions, most useful first.

    `relative_cost` of the whole set: the workload's time by estimate, 1 for as it is now.
    `is_validated` says whether the planner was asked; `why_not` says why it was not. `explains`
    is the number of EXPLAINs, `seconds` the time it all took; `is_complete` is False where the
    time was over before the search was.
    """

    suggestions: Sequence[Suggestion]
    relative_cost: float
    analysed: int
    not_analysable: Sequence[NotAnalysable]
    explains: int
    seconds: float
    is_validated: bool = True
    why_not: str = ""
    is_complete: bool = True

    @property
    def size(self) -> int:
        """Bytes of all suggested indexes together, as built."""
        return sum(suggestion.size for suggestion in self.suggestions)
