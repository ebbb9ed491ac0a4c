"""What `make bench-indexes` writes is made of what it measured, and of nothing else."""

from dataclasses import replace
from pathlib import Path

from tests.bench.index_bench.advisor import Answer
from tests.bench.index_bench.contest import SETPOINT, Entry, Judged
from tests.bench.index_bench.judge import Built, Round, Verdict
from tests.bench.index_bench.report import RealTimes, Results, section, write
from tests.bench.index_bench.times import Timed
from tests.bench.index_bench.workloads import TPCDS, TPCH

DDL = "CREATE INDEX CONCURRENTLY i ON public.orders (o_custkey)"
ANSWER = Answer(
    ddl=[DDL], sizes=[11 * 2**20], relative_cost=0.9, analysed=22, not_analysable={},
    explains=120, seconds=1.5, processor_seconds=1.0, is_complete=True,
)  # fmt: skip
ENTRY = Entry(SETPOINT, 63, [DDL], 120, 1.5, ANSWER)
ROUNDS = [Round({1: 100.0, 3: 100.0}, {1: 100.0, 3: after}) for after in (60.0, 50.0, 20.0)]
TIMED = Timed({1: 100.0, 3: 1000.0}, {1: 400.0, 3: 200.0}, {1: (110.0, 330.0)})

REAL = RealTimes(TPCH, 1.0, "Measured then.", [(10.0, TIMED)])


def verdict(megabytes: int) -> Verdict:
    return Verdict([Built("i", DDL, megabytes * 2**20, 3.0)], ROUNDS)


def results(megabytes: int = 10) -> Results:
    judged = Judged(ENTRY, verdict(megabytes))
    return Results(TPCH, 1.0, "Measured here.", (1282.0, 186.0), [judged], ENTRY, judged)


def test_the_median_of_the_rounds_is_held_against_the_bar() -> None:
    assert "| 63 | 0.878 | Extend, hypothetical | 10 | 0.750 (0.600 to 0.800) | yes |" in section(
        results()
    )


def test_indexes_that_are_larger_than_the_bar_beat_nothing() -> None:
    assert "| 70 | 0.750 (0.600 to 0.800) | no: too large |" in section(results(70))


def test_a_slower_query_counts_by_the_runs_by_turns() -> None:
    text = section(REAL)
    assert "| 10 | 0.48 | 1 | Q1 110 → 330 |" in text
    assert "| Q1 | 100 | 330 |" in text


def test_the_models_sizes_stand_beside_the_built_ones() -> None:
    text = section(results())
    assert "| `public.orders (o_custkey)` | 10.0 | 11.0 | +10% | 63 |" in text
    assert "off by, on average | 10.0% |" in text


def test_each_run_replaces_its_own_section(tmp_path: Path) -> None:
    page = tmp_path / "indexes.md"
    write(page, results())
    write(page, replace(results(), workload=TPCDS))
    write(page, REAL)
    write(page, replace(results(), machine="Measured again."))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Index advice")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## TPC-H, scale 1",
        "## TPC-H, scale 1: real time",
        "## TPC-DS, scale 1",
    ]
    assert text.count("Measured again.") == 1
    assert text.count("Measured here.") == text.count("Measured then.") == 1
