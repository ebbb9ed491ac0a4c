"""A server with a workload's data, begun from a copy that is kept between runs."""

import hashlib
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql
from tests.bench.index_bench.plans import Session
from tests.bench.index_bench.workloads import Workload

from stack import tools
from stack.certs import Authority
from stack.install import cached, say
from stack.postgres import Kept, PostgresServer
from stack.process import StackError

PLANNING = {"work_mem": "64MB", "max_parallel_workers_per_gather": "0", "jit": "off"}
"""Of the database, so that whoever plans there plans alike."""

_SETTINGS = {
    "shared_buffers": "1GB",
    "maintenance_work_mem": "256MB",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "pg_stat_statements.max": "50000",
    "pg_stat_statements.track": "all",
}
_LAYOUT = "1"
"""To be raised when this module makes something else of the same tables."""
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Loaded:
    """A database with the data of a workload, and a role that reads it as setpoint's does."""

    server: PostgresServer
    database: str
    reader: str
    reader_password: str

    def admin(self, **options: str) -> Session:
        """A new session of a superuser, each statement a transaction of its own."""
        settings = " ".join(f"-c {name}={value}" for name, value in options.items())
        return psycopg.connect(
            self.server.superuser_uri(self.database), autocommit=True, options=settings
        )

    def reader_uri(self) -> str:
        """Of the role that reads; its certificate is verified by `server.ca_file`."""
        return self.server.uri(self.reader, self.reader_password, self.database)


@contextmanager
def loaded(workload: Workload, scale: float) -> Iterator[Loaded]:
    """A server of its own with the data; the first time for a scale they are generated.

    Raises StackError where there is no Postgres with HypoPG.
    """
    programs = tools.postgres()
    if not programs.has_hypopg:
        raise StackError("index advice is judged with HypoPG: install postgresql-15-hypopg")
    version = programs.root.name
    key = f"{workload.name}-{scale:g}-postgres-{version}-{_digest(workload)}"
    directory = cached("bench", key, lambda path: _make(path, workload, scale))
    access = json.loads((directory / "access.json").read_text(encoding="utf-8"))
    kept = Kept(directory / "data", access["superuser"])
    with _server(kept=kept) as server:
        yield Loaded(server, workload.name, "reader", access["reader"])


def _digest(workload: Workload) -> str:
    """Of what the data depend on."""
    ddl = [table.ddl for table in workload.tables()]
    text = "\n".join([_LAYOUT, duckdb.__version__, *ddl, *workload.foreign_keys])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextmanager
def _server(kept: Kept | None = None) -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="setpoint-bench-") as name:
        run_dir = Path(name)
        (run_dir / "logs").mkdir()
        authority = Authority(run_dir / "pki")
        with PostgresServer(run_dir, authority, kept=kept, settings=_SETTINGS) as server:
            yield server


def _make(directory: Path, workload: Workload, scale: float) -> None:
    password = secrets.token_hex(12)
    with _server() as server:
        load(server, workload, scale, workload.name)
        server.create_role("reader", password, "pg_monitor", "pg_read_all_data")
        server.execute("CHECKPOINT")
        server.stop()
        shutil.copytree(server.kept.data, directory / "data")
        access = directory / "access.json"
        access.touch(mode=0o600)
        access.write_text(json.dumps({"superuser": server.password, "reader": password}))


def load(server: PostgresServer, workload: Workload, scale: float, database: str) -> None:
    """Make `database` with the workload's tables, filled, vacuumed and analysed."""
    server.create_database(database)
    for name, value in PLANNING.items():
        server.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                sql.Identifier(database), sql.Identifier(name), sql.Literal(value)
            )
        )
    started = time.monotonic()
    with (
        workload.source(scale) as source,
        psycopg.connect(server.superuser_uri(database)) as target,
        tempfile.TemporaryDirectory(prefix="setpoint-bench-") as scratch,
    ):
        say(f"{workload.title} {scale:g}: generated in {time.monotonic() - started:.0f} s")
        started = time.monotonic()
        for table in workload.tables():
            target.execute(table.ddl)  # in the same transaction: it is loaded without WAL
            if scale:
                _copy(source, target, table.name, Path(scratch) / "rows.csv")
            target.commit()
        for key in workload.foreign_keys:
            table_name, rest = key.split(" ", 1)
            target.execute(f"ALTER TABLE {table_name} ADD FOREIGN KEY {rest}")
        target.execute("CREATE EXTENSION pg_stat_statements")
        target.execute("CREATE EXTENSION hypopg")
        target.commit()
        target.autocommit = True
        # Else the rows of COPY are counted once more after VACUUM has counted them.
        target.execute("SELECT pg_stat_force_next_flush()")
        _vacuum(target)
    say(f"{workload.title} {scale:g}: loaded in {time.monotonic() - started:.0f} s")


_VACUUMS = 30


def _vacuum(target: psycopg.Connection) -> None:
    """Until every page is known to be visible to all, which index-only scans cost by: a snapshot
    that autovacuum holds meanwhile, to analyse, is in the way."""
    for _ in range(_VACUUMS):
        target.execute("VACUUM ANALYZE")
        row = target.execute(
            "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' AND relallvisible < relpages"
        ).fetchone()
        if row is None:
            return
        time.sleep(1)
    raise RuntimeError("a session keeps VACUUM from marking the tables' pages")


def forget(session: Session) -> None:
    """What pg_stat_statements knows of the session's database, and of no other."""
    session.execute(
        "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database"
        " WHERE datname = current_database()"
    )


def _copy(
    source: duckdb.DuckDBPyConnection,
    target: Session,
    table: str,
    file: Path,
) -> None:
    source.execute(f"COPY {table} TO '{file}' (FORMAT csv, HEADER false)")
    command = sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(sql.Identifier(table))
    with file.open("rb") as rows, target.cursor().copy(command) as copy:
        while block := rows.read(_COPY_BYTES):
            copy.write(block)
    file.unlink()
