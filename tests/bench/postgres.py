"""What an analysis of a large catalog takes, and what it takes away: python tests/bench/postgres.py

Starts a server of its own, makes 10,000 tables with 30,000 indexes beside a pgbench database, and
prints a Markdown table. About ten minutes on two cores; run it while nothing else does.
"""

import asyncio
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psycopg

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "hack")]

from setpoint.database.analysis import analyse_url  # noqa: E402
from setpoint.database.postgres.connect import connect  # noqa: E402
from setpoint.database.postgres.target import from_secret  # noqa: E402
from setpoint.trust.network import unrestricted  # noqa: E402
from stack.certs import Authority  # noqa: E402
from stack.postgres import PostgresServer  # noqa: E402

TABLES = 10_000
SCALE = 10
CLIENTS = 4
ROUNDS = 3
MAXIMUM_SECONDS = 20
RATE_SECONDS = 20
EVERY_SECONDS = 10
ANALYSES = 7
CONNECTIONS = 20
PASSWORD = "bench"
AUTOGROUP = Path("/proc/self/autogroup")


def main() -> None:
    if sys.argv[1:2] == ["measure"]:
        small, large, ca = sys.argv[2:5]
        asyncio.run(measure(small, large, Path(ca).read_text(encoding="utf-8")))
        return
    if sys.argv[1:2] == ["repeat"]:
        asyncio.run(repeat(sys.argv[2], Path(sys.argv[3]).read_text(encoding="utf-8")))
        return
    with tempfile.TemporaryDirectory(prefix="setpoint-bench-") as name:
        run_dir = Path(name)
        (run_dir / "logs").mkdir()
        settings = {"shared_buffers": "256MB", "autovacuum": "off", "max_wal_size": "4GB"}
        with PostgresServer(run_dir, Authority(run_dir / "pki"), settings=settings) as server:
            report(server, run_dir)


def report(server: PostgresServer, run_dir: Path) -> None:
    started = time.monotonic()
    fill(server)
    say(f"the catalog is filled in {time.monotonic() - started:.0f} s")
    pgbench(server, run_dir, "-i", "-q", f"-s{SCALE}")
    seconds, megabytes, opened, statements = analysis(server)
    maximum = full_load(server, run_dir)
    say(f"pgbench reaches {maximum:.0f} transactions/s")
    rated: list[tuple[float, float]] = []
    rated_beside: list[tuple[float, float]] = []
    full: list[float] = []
    full_beside: list[float] = []
    for _ in range(ROUNDS):  # by turns, so that what else goes on meets both alike
        rated.append(at_rate(server, run_dir, maximum / 2))
        full.append(full_load(server, run_dir))
        with repeated(server):
            rated_beside.append(at_rate(server, run_dir, maximum / 2))
            full_beside.append(full_load(server, run_dir))
    alone, beside = (median(rate for rate, _ in runs) for runs in (rated, rated_beside))
    p95_alone, p95_beside = (median(p95 for _, p95 in runs) for runs in (rated, rated_beside))
    again, loaded = median(full), median(full_beside)
    say(f"p95 alone {rated}, beside {rated_beside}; full {full}, {full_beside}")
    loss = (1 - loaded / again) * EVERY_SECONDS / 600
    version = server_version(server)
    rows = [
        ("analysis, median of 7", f"{seconds:.2f} s", "≤ 5 s"),
        ("a connection, median of 20", f"{1000 * opened:.0f} ms", ""),
        ("statements", f"{statements}", "≤ 20"),
        ("memory above idle", f"{megabytes:.0f} MB", "≤ 100 MB"),
        ("pgbench's maximum", f"{maximum:.0f}/s", ""),
        ("at half of it, alone", f"{alone:.0f}/s, p95 {p95_alone:.2f} ms", ""),
        ("at half of it, an analysis every 10 s",
         f"{beside:.0f}/s, p95 {p95_beside:.2f} ms ({p95_beside / p95_alone - 1:+.0%})", "≤ +25 %"),
        ("full load, alone", f"{again:.0f}/s", ""),
        ("full load, an analysis every 10 s", f"{loaded:.0f}/s", ""),
        ("loss over 10 minutes with one analysis", f"{loss:.2%}", "≤ 1 %"),
    ]  # fmt: skip
    print(f"\nPostgreSQL {version}, Python {platform.python_version()}, {TABLES} tables\n")
    print("| what | measured | aim |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def fill(server: PostgresServer) -> None:
    server.create_database("large")
    server.create_database("small")
    server.create_role("reader", PASSWORD, "pg_monitor", "pg_read_all_data")
    with psycopg.connect(server.superuser_uri("large"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        for first in range(0, TABLES, 50):
            connection.execute(
                "".join(
                    f"CREATE TABLE t{n} (id bigint PRIMARY KEY, owner bigint, state text, note text);"
                    f"CREATE INDEX ON t{n} (owner); CREATE INDEX ON t{n} (state, owner);"
                    f"INSERT INTO t{n} SELECT g, g % 7, 'open', 'note' FROM generate_series(1, 20) g;"
                    for n in range(first, first + 50)
                )
            )
        connection.execute("VACUUM ANALYZE")


def analysis(server: PostgresServer) -> tuple[float, float, float, int]:
    """Median seconds, MB above idle, seconds of its connection, statements of one analysis, in a
    process of its own."""
    output = subprocess.run(
        [sys.executable, __file__, "measure", uri(server, "small"), uri(server, "large"),
         str(server.ca_file)],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    with psycopg.connect(server.superuser_uri("large")) as connection:
        row = connection.execute(
            "SELECT sum(calls) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid"
            " JOIN pg_database d ON d.oid = s.dbid"
            " WHERE r.rolname = 'reader' AND d.datname = 'large'"
            " AND query !~* '^(begin|commit|rollback|savepoint|release)'"
        ).fetchone()
    statements = math.ceil(int(row[0] if row else 0) / ANALYSES)
    return float(output[0]), float(output[1]), float(output[2]), statements


async def measure(small: str, large: str, ca: str) -> None:
    """Prints the median duration, the peak of memory above that of a small analysis, and the
    median time of a connection with TLS."""
    await analyse_url(small, ca=ca)
    idle = resident()
    durations = []
    for _ in range(ANALYSES):
        started = time.monotonic()
        seen = await analyse_url(large, ca=ca)
        durations.append(time.monotonic() - started)
        assert len(seen.snapshots[0].tables) == TABLES
        assert len(seen.snapshots[0].indexes) == 3 * TABLES
        del seen
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    opened = []
    target, network = from_secret("URL", {"uri": small, "ca.crt": ca}), unrestricted()
    for _ in range(CONNECTIONS):
        started = time.monotonic()
        async with connect(target, target.dbname, network):
            opened.append(time.monotonic() - started)
    print(sorted(durations)[ANALYSES // 2], peak - idle, median(opened))


async def repeat(url: str, ca: str) -> None:
    """An analysis every ten seconds, until ended; with the least priority, as if elsewhere."""
    step_back()
    while True:
        pause = asyncio.create_task(asyncio.sleep(EVERY_SECONDS))
        await analyse_url(url, ca=ca)
        await pause


def step_back() -> None:
    """Take the least priority. Linux weighs sessions before it weighs their processes."""
    os.nice(19)
    if AUTOGROUP.exists():
        AUTOGROUP.write_text("19", encoding="ascii")


class repeated:  # noqa: N801 - a context
    """An analysis every ten seconds while it is open."""

    def __init__(self, server: PostgresServer) -> None:
        self._command = [
            sys.executable, __file__, "repeat", uri(server, "large"), str(server.ca_file)
        ]  # fmt: skip

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command, start_new_session=True)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def full_load(server: PostgresServer, run_dir: Path) -> float:
    """Transactions a second, as many as go."""
    options = [f"-c{CLIENTS}", "-j2", f"-T{MAXIMUM_SECONDS}", "-n"]
    output = pgbench(server, run_dir, *options)
    [line] = [line for line in output.splitlines() if line.startswith("tps = ")]
    return float(line.split()[2])


def at_rate(server: PostgresServer, run_dir: Path, rate: float) -> tuple[float, float]:
    """Transactions a second, and the 95th percentile of their latency in ms."""
    for old in run_dir.glob("pgbench_log*"):
        old.unlink()
    options = [f"-c{CLIENTS}", "-j2", f"-T{RATE_SECONDS}", "-n", f"--rate={rate:.0f}", "--log"]
    output = pgbench(server, run_dir, *options)
    [line] = [line for line in output.splitlines() if line.startswith("tps = ")]
    latencies = sorted(
        int(entry.split()[2]) / 1000
        for log in run_dir.glob("pgbench_log*")
        for entry in log.read_text(encoding="ascii").splitlines()
    )
    return float(line.split()[2]), latencies[int(len(latencies) * 0.95)]


def pgbench(server: PostgresServer, run_dir: Path, *options: str) -> str:
    url = server.superuser_uri("small")
    return subprocess.run(
        [server.bin / "pgbench", *options, url],
        check=True, capture_output=True, text=True, cwd=run_dir,
    ).stdout  # fmt: skip


def uri(server: PostgresServer, database: str) -> str:
    return server.uri("reader", PASSWORD, database)


def server_version(server: PostgresServer) -> str:
    with psycopg.connect(server.superuser_uri()) as connection:
        return str(connection.info.parameter_status("server_version"))


def resident() -> float:
    """MB of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1024**2


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
