"""The results as a page of docs/benchmarks. Pure, but for the file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from tests.bench.index_bench.contest import SETPOINT, Entry, Judged
from tests.bench.index_bench.times import LIMIT_SECONDS, SLOWER, Timed
from tests.bench.index_bench.workloads import Bar, Workload

_ROUNDING_MB = 0.5
_SIZE_AIM = 0.10
_INTRODUCTION = """# Index advice against others

    make bench-indexes                       # TPC-H, scale 1
    make bench-indexes ARGS="--workload tpcds"

The program makes the data with duckdb and its extensions, loads them into a Postgres of the local stack, asks every advisor, and writes this page.
The first run for a scale loads the data, later ones begin with a copy of them, which is kept in `~/.cache/setpoint/bench`.

One judge for all: the advised indexes are really built, with the statements of the advice, and measured on disk. The relative cost is the sum of the planner's costs
over the judged queries with the indexes, by the same sum without them, in fresh sessions; every figure is the median of three ANALYZEs, the same three for all
advisors, with the lowest and the highest beside it. `work_mem` 64 MB, no parallel workers, jit off, all else as Postgres has it.
EXPLAINs are counted by the server. Extend and Supabase are own implementations of the published methods; "told the built sizes" is Extend with a size model that
knows deduplication, at the same built sizes as setpoint. All see the same queries, as they are written; setpoint and Extend weigh them by the planner's cost, which is what the judge sums up.
"""


_REAL_TIME = f"""The best of two runs, at most {LIMIT_SECONDS} s a query. What seemed more than
{SLOWER}x slower, by 50 ms or more, was run again five times with and five times without the
indexes, by turns: those medians count."""


@dataclass(frozen=True)
class Results:
    """Of one run of the program."""

    workload: Workload
    scale: float
    machine: str
    database_mb: tuple[float, float]
    """Heap and indexes, before."""
    judged: Sequence[Judged]
    written: Entry
    """setpoint's answer to all queries, as they are written, weighed alike."""
    normalised: Judged
    """And as pg_stat_statements has them."""


@dataclass(frozen=True)
class RealTimes:
    """Of the queries, with setpoint's indexes for each budget."""

    workload: Workload
    scale: float
    machine: str
    timed: Sequence[tuple[float, Timed]]
    """By the MB that were built."""


def section(results: Results | RealTimes) -> str:
    """A part of the page."""
    parts = _costs(results) if isinstance(results, Results) else _times(results)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def write(page: Path, results: Results | RealTimes) -> None:
    """Put the section into the page, in the place of the one before it with its title."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    parts = {
        f"## {part}".split("\n", 1)[0]: f"## {part}".strip() for part in text.split("\n## ")[1:]
    }
    new = section(results).strip()
    parts[new.split("\n", 1)[0]] = new
    ordered = [parts[title] for title in sorted(parts, key=_order)]
    page.write_text("\n\n".join([_INTRODUCTION.strip(), *ordered]) + "\n", encoding="utf-8")


def _order(title: str) -> tuple[bool, str]:
    """TPC-H first, and the costs before the times."""
    return "TPC-DS" in title, title


def _title(results: Results | RealTimes) -> str:
    return f"{results.workload.title}, scale {results.scale:g}"


def _costs(results: Results) -> Iterator[str]:
    heap, indexes = results.database_mb
    yield f"## {_title(results)}"
    yield (
        f"{results.workload.keys}: {heap:.0f} MB of tables, {indexes:.0f} MB of indexes. "
        f"{results.machine}\n"
        f"Judged are {len(results.judged[0].verdict.ratios)} queries: without "
        + ", ".join(map(str, sorted(results.workload.unjudged)))
        + "."
    )
    if results.scale == 1:
        yield "### What is to be beaten"
        yield _bars(results)
    yield "### All advisors"
    yield _all(results)
    yield "### What else must hold"
    yield _others(results)
    yield "### The indexes that setpoint advises, and their sizes"
    yield _indexes(results)


def _bars(results: Results) -> str:
    rows = [
        _bar(bar, judged)
        for bar in results.workload.bars
        for judged in _of_setpoint(results)
        if judged.entry.budget == bar.megabytes
    ]
    return _table(
        ["built MB", "to beat", "held by", "setpoint's MB", "relative cost", "beaten"], rows
    )


def _bar(bar: Bar, judged: Judged) -> Sequence[str]:
    verdict = judged.verdict
    fits = verdict.megabytes <= bar.megabytes + _ROUNDING_MB
    beaten = verdict.relative_cost <= bar.relative_cost
    word = "yes" if fits and beaten else "no" if fits else "no: too large"
    return [
        str(bar.megabytes), f"{bar.relative_cost:.3f}", bar.holder,
        f"{verdict.megabytes:.0f}", _cost(judged), word,
    ]  # fmt: skip


def _all(results: Results) -> str:
    rows = []
    for judged in results.judged:
        entry, verdict = judged.entry, judged.verdict
        worst = max(verdict.ratios, key=lambda number: verdict.ratios[number])
        rows.append(
            [
                entry.advisor, "" if entry.budget is None else f"{entry.budget:g}",
                str(len(entry.ddl)), f"{verdict.megabytes:.0f}", _cost(judged),
                f"{verdict.mean_ratio:.3f}", f"Q{worst} {verdict.ratios[worst]:.2f}",
                str(entry.explains), f"{entry.seconds:.1f}", f"{verdict.build_seconds:.0f}",
            ]
        )  # fmt: skip
    return _table(
        ["advisor", "budget MB", "indexes", "built MB", "relative cost", "mean of ratios",
         "worst query", "EXPLAINs", "seconds", "seconds to build"],
        rows,
    )  # fmt: skip


def _others(results: Results) -> str:
    own = [judged.entry for judged in _of_setpoint(results)]
    repeated = [*own, results.normalised.entry]
    every = [*repeated, results.written]
    errors = [error for judged in _of_setpoint(results) for error in judged.size_errors]
    most, limit = results.workload.most_explains, results.workload.most_seconds
    megabytes = results.normalised.verdict.megabytes
    weighed = f"relative cost with the latter, all weighed alike, {megabytes:.0f} MB"
    rows = [
        ["queries analysed as they are written", *_analysed(results.written)],
        ["and as pg_stat_statements has them", *_analysed(results.normalised.entry)],
        [weighed, _cost(results.normalised), ""],
        ["EXPLAINs, at most", str(max(entry.explains for entry in every)), f"≤ {most:,}"],
        ["seconds, at most", f"{max(entry.seconds for entry in every):.1f}",
         f"≤ {limit}" if limit is not None else ""],
        ["and of processors", f"{max(_processors(entry) for entry in every):.1f}", ""],
        ["size of an index by the model, off by, on average",
         f"{fmean(map(abs, errors)):.1%}" if errors else "no index", f"≤ {_SIZE_AIM:.0%}"],
        ["the same answer with another hash seed",
         f"{sum(entry.is_repeatable for entry in repeated)} of {len(repeated)}", "all"],
    ]  # fmt: skip
    return _table(["what", "measured", "aim"], rows)


def _processors(entry: Entry) -> float:
    assert entry.answer is not None
    return entry.answer.processor_seconds


def _analysed(entry: Entry) -> Sequence[str]:
    answer = entry.answer
    assert answer is not None
    whole = answer.analysed + len(answer.not_analysable)
    return [f"{answer.analysed} of {whole}", "all"]


def _times(results: RealTimes) -> Iterator[str]:
    yield f"## {_title(results)}: real time"
    yield results.machine
    yield _REAL_TIME
    yield _table(
        ["built MB", "relative time", f"{SLOWER}x slower", "which, ms before and after"],
        [
            [
                f"{megabytes:.0f}", f"{timed.ratio:.2f}", str(len(timed.slower)),
                ", ".join(_slower(number, timed.pair(number)) for number in timed.slower),
            ]
            for megabytes, timed in results.timed
        ],
    )  # fmt: skip
    before = results.timed[0][1].before
    pairs = {n: [timed.pair(n)[1] for _, timed in results.timed] for n in before}
    yield "Milliseconds of execution:"
    yield _table(
        ["query", "before", *(f"{megabytes:.0f} MB" for megabytes, _ in results.timed)],
        [
            *([f"Q{n}", _ms(before[n]), *map(_ms, pairs[n])] for n in before),
            [
                "sum",
                _sum(before.values()),
                *(_sum(each) for each in zip(*pairs.values(), strict=True)),
            ],
        ],
    )


def _sum(milliseconds: Iterable[float]) -> str:
    return f"{sum(milliseconds):,.0f}"


def _slower(number: int, pair: tuple[float, float]) -> str:
    return f"Q{number} {_ms(pair[0])} → {_ms(pair[1])}"


def _indexes(results: Results) -> str:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for judged in _of_setpoint(results):
        answer = judged.entry.answer
        assert answer is not None
        for own, built in zip(answer.sizes, judged.verdict.indexes, strict=True):
            definition = built.ddl.split(" ON ", 1)[1]
            key = (definition, f"{built.size / 2**20:.1f}", f"{own / 2**20:.1f}")
            rows.setdefault(key, []).append(f"{judged.entry.budget:g}")
    return _table(
        ["index on", "built MB", "by the model", "off by", "in the budgets"],
        [
            [f"`{d}`", built, model, _off(float(model), float(built)), ", ".join(budgets)]
            for (d, built, model), budgets in sorted(rows.items())
        ],
    )


def _off(model: float, built: float) -> str:
    return f"{model / built - 1:+.0%}" if built else ""


def _of_setpoint(results: Results) -> list[Judged]:
    return [judged for judged in results.judged if judged.entry.advisor == SETPOINT]


def _cost(judged: Judged) -> str:
    costs = [each.relative_cost for each in judged.verdict.rounds]
    return f"{judged.verdict.relative_cost:.3f} ({min(costs):.3f} to {max(costs):.3f})"


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:,.0f}" if milliseconds < LIMIT_SECONDS * 1000 else f"> {LIMIT_SECONDS} s"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
