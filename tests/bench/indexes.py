"""Index advice against others: make bench-indexes

Prints the tables, and writes them into docs/benchmarks/indexes.md where nothing was left out.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "hack"), str(ROOT)]

from tests.bench.index_bench import contest, judge  # noqa: E402
from tests.bench.index_bench.advisor import Request  # noqa: E402
from tests.bench.index_bench.data import Loaded, loaded  # noqa: E402
from tests.bench.index_bench.normalised import normalised  # noqa: E402
from tests.bench.index_bench.plans import Costs  # noqa: E402
from tests.bench.index_bench.report import RealTimes, Results, section, write  # noqa: E402
from tests.bench.index_bench.workloads import WORKLOADS, Workload  # noqa: E402

from stack.install import say  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks" / "indexes.md"


def main() -> None:
    options = _options()
    workload: Workload = WORKLOADS[options.workload]
    budgets = options.budgets or [bar.megabytes * options.scale for bar in workload.bars]
    for part in PARTS if options.part == "all" else [options.part]:
        with loaded(workload, options.scale) as database:
            results = PARTS[part](database, workload, budgets, options)
        print(section(results))
        if options.scale == 1 and not options.only_setpoint:
            write(PAGE, results)
            say(f"written to {PAGE}")


def costs(
    database: Loaded, workload: Workload, budgets: list[float], options: argparse.Namespace
) -> Results:
    """Ask all advisors under the statistics that were loaded; then judge them."""
    machine, sizes = _machine(database), _sizes(database)
    queries = workload.queries()
    texts = normalised(database.server, workload)
    largest, alike = max(budgets), [1000.0] * len(queries)
    as_written = Request(list(queries.values()), alike, largest)
    written = contest.setpoint(database, as_written, seeds=[1])
    as_seen = contest.setpoint(database, Request([texts[n] for n in queries], alike, largest))
    entries = contest.asked(database, workload, budgets, _planned(database, workload))
    if not options.only_setpoint:
        entries += contest.baselines(database, workload, budgets, options.scale)
    *judged, as_seen_judged = contest.judged(database, workload, [*entries, as_seen])
    return Results(
        workload=workload,
        scale=options.scale,
        machine=machine,
        database_mb=sizes,
        judged=judged,
        written=written,
        normalised=as_seen_judged,
    )


def real_times(
    database: Loaded, workload: Workload, budgets: list[float], options: argparse.Namespace
) -> RealTimes:
    """Run the queries with setpoint's indexes and without. TPC-H whole; of TPC-DS only what is
    judged, for the others run for minutes."""
    queries = workload.queries() if workload.name == "tpch" else workload.judged()
    planned = _planned(database, workload)
    entries = contest.asked(database, workload, budgets, planned, seeds=[1])
    timed = contest.timed(database, queries, entries)
    return RealTimes(workload, options.scale, _machine(database), timed)


Part = Callable[[Loaded, Workload, list[float], argparse.Namespace], Results | RealTimes]
PARTS: dict[str, Part] = {"costs": costs, "times": real_times}


def _planned(database: Loaded, workload: Workload) -> Costs:
    with database.admin() as session:
        return judge.costs(session, workload.queries())


def _machine(database: Loaded) -> str:
    with database.admin() as session:
        row = session.execute(
            "SELECT current_setting('server_version'), extversion FROM pg_extension"
            " WHERE extname = 'hypopg'"
        ).fetchone()
    assert row is not None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Measured on {os.cpu_count()} cores and {memory:.0f} GiB, load average "
        f"{os.getloadavg()[1]:.1f}, PostgreSQL {str(row[0]).split()[0]}, HypoPG {row[1]}, "
        f"Python {platform.python_version()}."
    )


def _sizes(database: Loaded) -> tuple[float, float]:
    with database.admin() as session:
        rows = session.execute(
            "SELECT relkind, sum(pg_relation_size(oid))::float8 / 2^20 FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') GROUP BY 1"
        ).fetchall()
    sizes = {str(kind): float(str(size)) for kind, size in rows}
    return sizes["r"], sizes["i"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Index advice against others.")
    parser.add_argument("--workload", choices=sorted(WORKLOADS), default="tpch")
    parser.add_argument("--scale", type=float, default=1.0, help="the TPC's scale factor")
    parser.add_argument("--budgets", type=_numbers, help="built MB, such as 63,178")
    parser.add_argument("--only-setpoint", action="store_true", help="no other advisor; no page")
    parser.add_argument("--part", choices=["all", *PARTS], default="all")
    return parser.parse_args()


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
