"""From the chosen set to advice: what each index does to which statement. Pure but for `know`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from setpoint.api.findings import Confidence
from setpoint.database.identifiers import qualified
from setpoint.database.indexes import writes
from setpoint.database.indexes.candidate import Candidate, ddl, name
from setpoint.database.indexes.costs import Costs, Seen, bits
from setpoint.database.indexes.fetches import FETCH_COST
from setpoint.database.indexes.model import (
    Advice,
    Effect,
    Hurt,
    Suggestion,
    WriteOverhead,
)
from setpoint.database.indexes.selection import Problem
from setpoint.database.indexes.workload import Readable, Workload

Know = Callable[[int, int], Awaitable[float]]
"""A statement's cost under a set."""

_HELPED = 0.99
"""Of the cost: less of a saving is the planner's rounding."""

_DOUBTFUL = 0.9
"""A plan that is to be this little cheaper may be slower in truth."""

_MOST = 0.5
"""Of what a suggestion saves: in doubt, its confidence is low."""

_NEAR = 1.05
"""Of the cost of the plan that is taken: once the indexes are built another one may be, for costs
with hypothetical ones are 1.5 % off in the middle and more than 5 % for a fifth of TPC-H."""


@dataclass(frozen=True)
class Found:
    """What the search ended with; `chosen` is a set of `pool`."""

    statements: Sequence[Readable]
    problem: Problem
    pool: Sequence[Candidate]
    chosen: int
    workload: Workload
    is_complete: bool


async def advice(
    found: Found, *, know: Know, spent: Callable[[], tuple[int, float]], now: datetime
) -> Advice:
    """The suggestions of a search, the most useful first."""
    _ = now
    suggestions = []
    for number in bits(found.chosen):
        gain, suggestion = await _suggestion(found, number, know)
        suggestions.append((-gain, suggestion.name, suggestion))
    problem = found.problem
    after = sum(c.time(c.upper(found.chosen)) for c in problem.costs)
    explains, seconds = spent()
    return Advice(
        suggestions=[suggestion for _, _, suggestion in sorted(suggestions, key=lambda s: s[:2])],
        relative_cost=after / problem.time if problem.time else 1.0,
        analysed=len(found.statements),
        not_analysable=found.workload.not_analysable,
        explains=explains,
        seconds=seconds,
        is_complete=found.is_complete,
    )


async def _suggestion(found: Found, number: int, know: Know) -> tuple[float, Suggestion]:
    problem, candidate = found.problem, found.pool[number]
    table = found.workload.tables[candidate.table]
    without = found.chosen & ~(1 << number)
    helps, hurts, gain, is_literal = [], _writers(found, candidate), 0.0, True
    doubtful, is_risky = 0.0, False
    for place, costs in enumerate(problem.costs):
        if not costs.relevant >> number & 1:
            continue
        after = await know(place, found.chosen)
        risk = _risk(costs, found.chosen, number)
        if risk is not None:
            hurts.insert(0, Hurt(found.statements[place].statement, risk))
            is_risky = True
        plan = costs.plan(found.chosen)
        if plan is not None and not plan.used >> number & 1:
            continue
        before = await know(place, without)
        readable = found.statements[place]
        if after < before * _HELPED:
            helps.append(Effect(readable.statement, before, after))
            gain += costs.time(before - after)
            is_literal = is_literal and not readable.parameters
        if risk is not None:
            doubtful += max(costs.time(before - after), 0.0)
        elif after > before * _DOUBTFUL:
            hurts.append(
                Hurt(
                    readable.statement,
                    f"its plan changes for {1 - after / before:.0%} of its cost by estimate, "
                    "which may be slower in truth",
                )
            )
    helps.sort(key=lambda e: (e.after / e.before, e.statement.text))
    return gain, Suggestion(
        ddl=ddl(candidate, table),
        name=name(candidate, table),
        table=qualified(table.schema, table.name),
        columns=candidate.columns,
        include=candidate.include,
        size=problem.sizes[number],
        saves=gain / problem.time if problem.time else 0.0,
        helps=tuple(helps),
        hurts=tuple(hurts),
        write_overhead=WriteOverhead(writes.share(candidate, table), problem.writes[number]),
        confidence=_confidence(
            found,
            candidate,
            is_sure=is_literal and not is_risky,
            doubt=doubtful / gain if gain else 0.0,
        ),
        doubtful=doubtful / problem.time if problem.time else 0.0,
    )


def _writers(found: Found, candidate: Candidate) -> list[Hurt]:
    table = found.workload.tables[candidate.table]
    hurts = []
    for write in found.workload.writes:
        entries = writes.entries(candidate, write, table)
        if entries:
            is_set = write.sets & set(candidate.all_columns)
            why = f", for it sets {', '.join(sorted(is_set))}" if is_set else ""
            hurts.append(Hurt(write.statement, f"it writes {entries:.0f} index entries more{why}"))
    return hurts


def _risk(costs: Costs, chosen: int, number: int) -> str | None:
    """Why the statement may take longer with the set: a plan that is taken, or nearly is, and reads
    rows through this index."""
    most = _NEAR * costs.upper(chosen)
    base = Seen(0, 0, costs.base, costs.fetched)
    for seen in costs.seen:
        if seen.cost > most:
            return None
        if seen.fetching >> number & 1 and not seen.used & ~chosen:
            why = slower(base, seen)
            if why is not None:
                return why
    return None


def slower(before: Seen, after: Seen) -> str | None:
    """Why a plan that costs less may take longer: with all rows that are fetched one by one."""
    if after.cost >= before.cost or after.fetched <= before.fetched:
        return None
    if after.cost + FETCH_COST * after.fetched <= before.cost + FETCH_COST * before.fetched:
        return None
    return (
        f"a plan of it reads {after.fetched:,.0f} rows one by one through indexes, instead of "
        f"{before.fetched:,.0f}, which the planner takes for nearly free where they are in memory: "
        f"it may take longer, though the cost falls from {before.cost:.0f} to {after.cost:.0f}"
    )


def _confidence(found: Found, candidate: Candidate, *, is_sure: bool, doubt: float) -> Confidence:
    """High for costs of real constants on columns with statistics, where no plan may be slower;
    `doubt` is the share of what it saves that may be none."""
    table = found.workload.tables[candidate.table]
    if not all(table.columns[column].is_known for column in candidate.all_columns):
        return Confidence.LOW
    if doubt >= _MOST:
        return Confidence.LOW
    return Confidence.HIGH if is_sure else Confidence.MEDIUM
