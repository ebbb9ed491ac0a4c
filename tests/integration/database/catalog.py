"""Databases on the real server, each test's own, and load on their tables."""

import itertools
import time
from typing import Any

import psycopg

from setpoint.api.dbtuning import Analysis
from setpoint.aws.gateway import AWSGateway
from setpoint.aws.reads import Reads
from setpoint.config import Config
from setpoint.database import rules
from setpoint.database.kind import DBTuningKind
from setpoint.database.model import Snapshot
from setpoint.database.observe import analyse
from setpoint.database.postgres.connect import Connector
from setpoint.database.postgres.target import from_secret
from setpoint.engine.model import Finding
from setpoint.trust.network import Network
from stack import shop
from stack.postgres import PostgresServer
from tests.integration.aws.account import gateway

_numbers = itertools.count(1)
ANALYSIS = Analysis()
_OF_THE_STACK = {"CacheHitRatio", "ConnectionsNearLimit"}
"""All tests share a small server: these say something about it, and nothing about a test."""
CONFIG = Config.model_validate({"networks": {"allow": ["127.0.0.0/8", "::1/128"]}})
NETWORK = Network(lambda: CONFIG)


class Database:
    """A database of its own, with a role like setpoint's."""

    def __init__(self, server: PostgresServer, *grants: str) -> None:
        number = next(_numbers)
        self.server = server
        self.name, self.role = f"analysed_{number}", f"reader_{number}"
        server.create_database(self.name)
        server.create_role(self.role, "secret", *grants)

    def run(self, *statements: Any) -> None:
        with shop.admin(self.server, self.name) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()")

    def data(self, **changes: str) -> dict[str, str]:
        return {
            "uri": self.uri(),
            "ca.crt": self.server.ca_file.read_text() if self.server.has_tls else "",
            **changes,
        }

    def uri(self, server: PostgresServer | None = None) -> str:
        return (server or self.server).uri(self.role, "secret", self.name)

    def admin(self) -> Any:
        """A superuser's connection, to be used as a context."""
        return shop.admin(self.server, self.name)

    async def snapshot(self, analysis: Analysis = ANALYSIS, /, **changes: str) -> Snapshot:
        target = from_secret("db", self.data(**changes))
        snapshots, failures = await analyse(target, [], analysis, Connector(NETWORK))
        if failures:
            raise failures[0]
        return snapshots[0]

    async def findings(
        self, analysis: Analysis = ANALYSIS, /, **changes: str
    ) -> dict[tuple[str, str], Finding]:
        found = rules.findings(await self.snapshot(analysis, **changes), analysis)
        return {(f.id, f.object): f for f in found if f.id not in _OF_THE_STACK}


def scan(table: str, times: int = 1100) -> list[str]:
    """Sequential scans of a table, whatever its indexes."""
    return [
        "SET enable_indexscan = off",
        "SET enable_bitmapscan = off",
        "SET enable_indexonlyscan = off",
        f"DO $$ BEGIN FOR i IN 1..{times} LOOP PERFORM 1 FROM {table} LIMIT 1; END LOOP; END $$",
    ]


def table(name: str, rows: int = 20_000) -> list[str]:
    return [
        f"CREATE TABLE {name} (id bigint, owner bigint, note text)",
        f"INSERT INTO {name} SELECT g, g % 900, repeat('x', 60) FROM generate_series(1, {rows}) g",
        f"ANALYZE {name}",
    ]


def caught_up(database: Database, replica: PostgresServer) -> psycopg.Connection[object]:
    """A connection to the replica, once it has all that the primary has."""
    with database.admin() as admin:
        [position] = admin.execute("SELECT pg_current_wal_lsn()::text").fetchone() or [""]
    while True:
        connection: psycopg.Connection[object] = psycopg.connect(
            replica.superuser_uri(), autocommit=True
        )
        row = connection.execute(
            "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (position,)
        ).fetchone()
        connection.close()
        if row == (True,):
            return psycopg.connect(replica.superuser_uri(database.name), autocommit=True)
        time.sleep(0.02)


def kind(
    secrets: Any, network: Network = NETWORK, own: AWSGateway | None = None, **rest: Any
) -> DBTuningKind:
    """DBTuning, with the parts that the operator gives it."""
    own = own or gateway()
    return DBTuningKind(secrets, network, own, Reads(own), **rest)
