"""Each advisor asked for each budget; then all of them before the judge."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.index_bench import extend, supabase, times
from tests.bench.index_bench.advisor import Answer, Request, ask
from tests.bench.index_bench.data import Loaded, forget
from tests.bench.index_bench.judge import Verdict, built
from tests.bench.index_bench.plans import Costs, Session
from tests.bench.index_bench.what_if import Index, deduplicated_size
from tests.bench.index_bench.workloads import Workload

from stack.install import say

SETPOINT = "setpoint"
EXTEND = "Extend, told the built sizes"
_SUPABASE = "Supabase"
SEEDS = (1, 2)


@dataclass(frozen=True)
class Entry:
    """What one advisor advises, and what it took to say so. `budget` in MB, None for no limit.

    `explains` are counted by the server, whatever the advisor says.
    """

    advisor: str
    budget: float | None
    ddl: Sequence[str]
    explains: int
    seconds: float
    answer: Answer | None = None
    is_repeatable: bool = True


@dataclass(frozen=True)
class Judged:
    """An entry with the verdict on it."""

    entry: Entry
    verdict: Verdict

    @property
    def size_errors(self) -> Sequence[float]:
        """Index by index, how far the advisor's own size is from the built one."""
        if self.entry.answer is None:
            return []
        pairs = zip(self.entry.answer.sizes, self.verdict.indexes, strict=True)
        return [own / built.size - 1 for own, built in pairs]


def setpoint(loaded: Loaded, request: Request, seeds: Sequence[int] = SEEDS) -> Entry:
    """Asked in a process for each hash seed; the first answer counts."""
    with _counted(loaded) as explains:
        answer, *others = [ask(loaded, request, seed) for seed in seeds]
        asked_for = explains() // len(seeds)
    same = all(other.ddl == answer.ddl and other.sizes == answer.sizes for other in others)
    say(f"setpoint, {request.megabytes} MB: {len(answer.ddl)} indexes in {answer.seconds:.1f} s")
    return Entry(
        SETPOINT, request.megabytes, answer.ddl, asked_for, answer.seconds, answer, same
    )  # fmt: skip


def asked(
    loaded: Loaded,
    workload: Workload,
    budgets: Sequence[float],
    costs: Costs,
    seeds: Sequence[int] = SEEDS,
) -> list[Entry]:
    """setpoint for every budget of built MB, on what is judged: the planner's costs."""
    judged = workload.judged()
    weights = [costs[number] for number in judged]
    requests = [Request(list(judged.values()), weights, budget) for budget in budgets]
    return [setpoint(loaded, request, seeds) for request in requests]


def baselines(
    loaded: Loaded, workload: Workload, budgets: Sequence[float], scale: float
) -> list[Entry]:
    """Extend's method on the same queries, and Supabase's on all."""
    judged = workload.judged()

    def by_hypopg(session: Session, megabytes: float) -> list[Index]:
        return extend.extend(session, judged, megabytes * 2**20)

    return [
        *(
            _baseline(loaded, "Extend, by HypoPG's sizes", budget * scale, by_hypopg)
            for budget in workload.nominal_megabytes
        ),
        *(extend_told_the_sizes(loaded, workload, budget) for budget in budgets),
        _baseline(loaded, _SUPABASE, None, lambda s, _: supabase.supabase(s, workload.queries())),
    ]


def extend_told_the_sizes(loaded: Loaded, workload: Workload, megabytes: float) -> Entry:
    """Extend's method with a size model that knows deduplication."""
    judged = workload.judged()

    def advise(session: Session, megabytes: float) -> list[Index]:
        return extend.extend(session, judged, megabytes * 2**20, deduplicated_size(session))

    return _baseline(loaded, EXTEND, megabytes, advise)


def judged(loaded: Loaded, workload: Workload, entries: Sequence[Entry]) -> list[Judged]:
    """The verdicts. Raises psycopg.Error."""
    sets = [entry.ddl for entry in entries]
    with built(loaded, sets) as bench:
        say("all indexes are built")
        verdicts = bench.verdicts(sets, workload.judged())
    for entry, verdict in zip(entries, verdicts, strict=True):
        say(f"{entry.advisor}: {verdict.megabytes:.0f} MB, {verdict.relative_cost:.3f}")
    return [Judged(*pair) for pair in zip(entries, verdicts, strict=True)]


def timed(
    loaded: Loaded, queries: Mapping[int, str], entries: Sequence[Entry]
) -> list[tuple[float, times.Timed]]:
    """Real times, by the MB that were built. Raises psycopg.Error."""
    before = times.baseline(loaded, queries)
    say(f"without indexes: {sum(before.values()) / 1000:.0f} s")
    found = []
    with built(loaded, [entry.ddl for entry in entries]) as bench:
        for entry in entries:
            megabytes = sum(index.size for index in bench.of(entry.ddl)) / 2**20
            each = times.timed(loaded, bench, entry.ddl, queries, before)
            say(f"{megabytes:.0f} MB: {each.ratio:.2f} of the time, slower: {each.slower}")
            found.append((megabytes, each))
    return found


def _baseline(
    loaded: Loaded,
    name: str,
    budget: float | None,
    advise: Callable[[Session, float], list[Index]],
) -> Entry:
    started = time.monotonic()
    with _counted(loaded) as explains, loaded.admin() as session:
        indexes = advise(session, budget or 0)
        took, asked_for = time.monotonic() - started, explains()
    say(f"{name}, {budget or 'any'} MB: {len(indexes)} indexes in {took:.1f} s")
    return Entry(name, budget, [index.ddl for index in indexes], asked_for, took)


@contextmanager
def _counted(loaded: Loaded) -> Iterator[Callable[[], int]]:
    """How many EXPLAINs the server ran in the database since."""
    with loaded.admin() as session:
        forget(session)
        yield lambda: _explains(session)


def _explains(session: Session) -> int:
    row = session.execute(
        "SELECT coalesce(sum(s.calls), 0) FROM pg_stat_statements s"
        " JOIN pg_database d ON d.oid = s.dbid"
        " WHERE d.datname = current_database() AND s.toplevel AND s.query ~* '^\\s*explain'"
    ).fetchone()
    assert row is not None
    return int(row[0])
