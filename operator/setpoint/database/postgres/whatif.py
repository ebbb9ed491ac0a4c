"""Plans with indexes that do not exist: EXPLAIN on one dedicated connection, through HypoPG.

EXPLAIN runs nothing of a statement but functions that the planner takes for constants: what is sent
here was checked before. Every text goes by the extended protocol, which takes one statement only.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from setpoint.api.conditions import Reason
from setpoint.database.indexes.candidate import Candidate, hypothetical
from setpoint.database.indexes.errors import UnanalysableError
from setpoint.database.indexes.facts import TableFacts
from setpoint.database.indexes.fetches import fetched
from setpoint.database.postgres import queries
from setpoint.database.postgres.connect import Connection
from setpoint.engine.failure import Failure

OLDEST_HYPOPG = (1, 1, 3)
"""The first whose indexes the planner of PostgreSQL 13 takes."""

_PLAN_SECONDS = 2
_GENERIC_PLAN = 160000

# Strings must end where the parser that checked them saw them end, whatever the database's or the
# role's settings say.
_SETTINGS = {
    "search_path": queries.SEARCH_PATH,
    "default_transaction_read_only": "on",
    "standard_conforming_strings": "on",
    "constraint_exclusion": "partition",
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": f"{_PLAN_SECONDS}s",
}

EXTENSION = """
SELECT x.extversion AS version, n.nspname AS schema,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS may_use
  FROM pg_catalog.pg_extension AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.extnamespace
 WHERE x.extname = 'hypopg'
"""
AVAILABLE = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions AS a WHERE a.name = 'hypopg')
           AS available
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The planner's cost of a statement, and the candidates that its plan uses.

    `fetched` are the rows that it reads one by one through indexes, `fetching` the candidates
    that do so.
    """

    cost: float
    used: frozenset[Candidate]
    fetched: float
    fetching: frozenset[Candidate]


@dataclass(frozen=True, slots=True)
class Explainable:
    """A text that was checked, with so many parameters."""

    text: bytes
    parameters: int = 0


class NoHypoPGError(Exception):
    """There is no HypoPG to ask. Its text says why, and how to get it."""


class WhatIf:
    """A session in which candidates are put up and taken away, and statements explained.

    Without HypoPG's `schema`, statements are explained as things are.
    """

    def __init__(self, connection: Connection, schema: str | None) -> None:
        self._connection = connection
        self._schema = None if schema is None else sql.Identifier(schema)
        self._up: dict[Candidate, int] = {}
        self._names: dict[str, Candidate] = {}
        self._refused: set[Candidate] = set()
        self._prepared: dict[bytes, int] = {}
        self.explains = 0

    async def explain(
        self,
        statement: Explainable,
        candidates: Collection[Candidate] = (),
        tables: Mapping[int, TableFacts] | None = None,
    ) -> Plan:
        """The plan with exactly these candidates. Raises UnanalysableError, psycopg.Error."""
        await self._put_up(frozenset(candidates), tables or {})
        self.explains += 1
        try:
            root = await explain(self._connection, statement, self._prepared)
        except psycopg.OperationalError:
            if self._connection.closed:
                raise
            raise UnanalysableError(_TOO_LONG) from None
        except psycopg.Error as error:
            raise UnanalysableError(_why(error.sqlstate)) from None
        plan = root[0]["Plan"]
        used = frozenset(self._names[name] for name in _indexes(plan) if name in self._names)
        rows = fetched(plan)
        fetching = frozenset(self._names[name] for name in rows if name in self._names)
        return Plan(float(plan["Total Cost"]), used, float(rows.total()), fetching)

    async def _put_up(self, wanted: frozenset[Candidate], tables: Mapping[int, TableFacts]) -> None:
        gone = [candidate for candidate in self._up if candidate not in wanted]
        if gone:
            await self._rows(
                sql.SQL("SELECT {}.hypopg_drop_index(i.oid) FROM unnest(%s::oid[]) AS i(oid)"),
                [self._up.pop(candidate) for candidate in gone],
            )
        new = sorted(wanted - self._up.keys() - self._refused)
        if not new:
            return
        try:
            await self._create(new, tables)
        except psycopg.Error:
            if self._connection.closed:
                raise
            await self._create_one_by_one(sorted(wanted - self._refused), tables)

    async def _create_one_by_one(
        self, wanted: list[Candidate], tables: Mapping[int, TableFacts]
    ) -> None:
        """After trouble: from the beginning, without those that HypoPG does not take.

        Where its own numbers for them are used up, as on RDS, it may take the server's.
        """
        await self.reset()
        await self._connection.execute(
            "SELECT pg_catalog.set_config('hypopg.use_real_oids', 'on', false)"
            " WHERE NOT pg_catalog.pg_is_in_recovery()"
        )
        for candidate in wanted:
            try:
                await self._create([candidate], tables)
            except psycopg.Error:
                if self._connection.closed:
                    raise
                self._refused.add(candidate)

    async def _create(self, new: list[Candidate], tables: Mapping[int, TableFacts]) -> None:
        rows = await self._rows(
            sql.SQL(
                "SELECT i.number, h.indexrelid::int8 AS oid, h.indexname AS name"
                "  FROM unnest(%s::text[]) WITH ORDINALITY AS i(ddl, number),"
                "       LATERAL {}.hypopg_create_index(i.ddl) AS h"
            ),
            [hypothetical(candidate, tables[candidate.table]) for candidate in new],
        )
        for row in rows:
            candidate = new[row["number"] - 1]
            self._up[candidate] = row["oid"]
            self._names[row["name"]] = candidate

    async def reset(self) -> None:
        """Take every candidate away."""
        self._up.clear()
        self._names.clear()
        await self._rows(sql.SQL("SELECT {}.hypopg_reset()"))

    async def _rows(self, statement: sql.SQL, *parameters: Any) -> list[dict[str, Any]]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement.format(self._schema), parameters or None)
            return await cursor.fetchall()

    async def close(self) -> None:
        """Take everything away, in any case."""
        if self._connection.closed:
            return
        if self._schema is not None:
            await self.reset()
        await self._connection.execute("DEALLOCATE ALL")


MAY_NOT_READ = "the role of setpoint may not read its tables: grant it pg_read_all_data"
_TOO_LONG = f"the planner did not come to an end in {_PLAN_SECONDS} s, or waited for a lock"
_REASONS = {
    "42501": MAY_NOT_READ,
    "42P01": "a table of it does not exist any more",
    "42703": "a column of it does not exist any more",
    "42883": "it uses an operator or a function that only its own search_path finds",
    "42725": "the types of its parameters cannot be told",
    "42P18": "the types of its parameters cannot be told",
    "42704": "it uses a type that only its own search_path finds",
    "25006": "it writes",
    "54001": "it is too deep for the planner",
    "57014": _TOO_LONG,
    "55P03": _TOO_LONG,
}


def _why(sqlstate: str | None) -> str:
    return _REASONS.get(sqlstate or "", f"the planner refuses it (SQLSTATE {sqlstate or 'none'})")


async def explain(
    connection: Connection, statement: Explainable, prepared: dict[bytes, int]
) -> list[dict[str, Any]]:
    """EXPLAIN's own tree. Texts with parameters get their generic plan. Raises psycopg.Error."""
    if not statement.parameters:
        return await _explained(connection, b"EXPLAIN (FORMAT JSON) " + statement.text)
    if connection.info.server_version >= _GENERIC_PLAN:
        text = b"EXPLAIN (FORMAT JSON, GENERIC_PLAN) " + statement.text
        return await _explained(connection, text, statement.parameters)
    number = prepared.get(statement.text)
    if number is None:
        number = len(prepared)
        await _run(connection, f"PREPARE setpoint_{number} AS ".encode() + statement.text)
        prepared[statement.text] = number
    # A cached generic plan would not see the hypothetical indexes of today.
    await _run(connection, b"DISCARD PLANS")
    values = ", ".join(["NULL"] * statement.parameters)
    text = f"EXPLAIN (FORMAT JSON) EXECUTE setpoint_{number}({values})".encode()
    return await _explained(connection, text)


async def _explained(
    connection: Connection, text: bytes, parameters: int = 0
) -> list[dict[str, Any]]:
    async with psycopg.AsyncRawCursor(connection) as cursor:
        await cursor.execute(text, [None] * parameters if parameters else None, binary=True)
        row: Any = await cursor.fetchone()
    [value] = row.values() if isinstance(row, dict) else row
    found: list[dict[str, Any]] = json.loads(value) if isinstance(value, str | bytes) else value
    return found


async def _run(connection: Connection, text: bytes) -> None:
    async with psycopg.AsyncRawCursor(connection) as cursor:
        await cursor.execute(text, binary=True)


def _indexes(plan: dict[str, Any]) -> set[str]:
    """Names of the indexes in a plan and all below it."""
    found = {plan["Index Name"]} if "Index Name" in plan else set[str]()
    for child in plan.get("Plans", ()):
        found |= _indexes(child)
    return found


async def require_own_session(connection: Connection) -> None:
    """Raises Failure(UNSUPPORTED) behind a pooler that gives each transaction another backend.

    Settings and hypothetical indexes live in one backend: both are asked twice.
    """
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT pg_catalog.pg_backend_pid() AS pid,"
            " pg_catalog.current_setting('search_path') AS search_path"
        )
        row: Any = await cursor.fetchone()
    pid = connection.info.backend_pid
    if row["pid"] != pid or row["search_path"].replace(" ", "") != queries.SEARCH_PATH:
        raise Failure(
            Reason.UNSUPPORTED,
            "index advice needs a session of its own and a connection pooler does not give one: "
            "name the Postgres server itself in the Secret, not the pooler",
        )


async def settle(connection: Connection) -> None:
    """Make the session ready to explain: each statement a transaction, which locks nothing on.

    Raises Failure for a session through a pooler, psycopg.Error.
    """
    await connection.rollback()
    await connection.set_autocommit(True)
    await require_own_session(connection)
    for name, value in _SETTINGS.items():
        await connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))


@contextlib.asynccontextmanager
async def whatif(connection: Connection) -> AsyncIterator[WhatIf]:
    """HypoPG on a settled connection, reset afterwards in any case.

    Raises NoHypoPGError where there is none that can be used.
    """
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(EXTENSION)
        row = await cursor.fetchone()
        if row is None:
            await cursor.execute(AVAILABLE)
            raise NoHypoPGError(_how_to_get(bool((await cursor.fetchone() or {})["available"])))
    version = tuple(int(part) for part in str(row["version"]).split(".") if part.isdecimal())
    if version < OLDEST_HYPOPG:
        raise NoHypoPGError(
            f"HypoPG {row['version']} is too old: install 1.3 or newer and run ALTER EXTENSION "
            "hypopg UPDATE"
        )
    if not row["may_use"]:
        raise NoHypoPGError(
            "the role of setpoint may not use HypoPG's schema: GRANT USAGE ON SCHEMA "
            f"{row['schema']} to it"
        )
    session = WhatIf(connection, row["schema"])
    await session.close()
    try:
        yield session
    finally:
        await session.close()


def _how_to_get(is_available: bool) -> str:
    if is_available:
        return "HypoPG is not in this database: run CREATE EXTENSION hypopg as its owner"
    return (
        "the server has no HypoPG: install its package (postgresql-NN-hypopg; RDS and Aurora have "
        "it), then run CREATE EXTENSION hypopg"
    )
