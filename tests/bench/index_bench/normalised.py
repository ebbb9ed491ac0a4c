"""The queries as pg_stat_statements shows them, with $n where constants stood."""

from collections.abc import Mapping

import psycopg
from tests.bench.index_bench.data import forget, load
from tests.bench.index_bench.plans import Session
from tests.bench.index_bench.workloads import Workload

from stack.postgres import PostgresServer


def normalised(server: PostgresServer, workload: Workload) -> Mapping[int, str]:
    """Each is run once on tables without rows, in a database that is dropped again."""
    database = f"{workload.name}_texts"
    load(server, workload, 0, database)
    try:
        with psycopg.connect(server.superuser_uri(database), autocommit=True) as session:
            return {n: _text(session, query) for n, query in workload.queries().items()}
    finally:
        server.execute(f"DROP DATABASE {database} WITH (FORCE)")


def _text(session: Session, query: str) -> str:
    forget(session)
    session.execute(query)
    row = session.execute(
        "SELECT query FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
        " WHERE d.datname = current_database() AND toplevel"
        " AND query !~ 'pg_stat_statements' ORDER BY length(query) DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    return str(row[0])
