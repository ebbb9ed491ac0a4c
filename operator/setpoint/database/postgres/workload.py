"""The statements that a database runs, with their time: pg_stat_statements."""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from setpoint.database.indexes.model import Statement
from setpoint.database.postgres.connect import Connection

MAX_STATEMENTS = 2000
"""By their total time, the longest first."""

EXTENSION = """
SELECT x.extversion AS version, n.nspname::pg_catalog.text AS schema,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS may_use,
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all
  FROM pg_catalog.pg_extension AS x
  JOIN pg_catalog.pg_namespace AS n ON n.oid = x.extnamespace
 WHERE x.extname = 'pg_stat_statements'
"""

# Our own statements, those of other databases and utility statements are no work to be helped.
STATEMENTS = """
SELECT s.query AS text, r.rolname::pg_catalog.text AS user, s.calls AS calls,
       s.total_exec_time AS total, s.rows AS rows
  FROM {schema}.pg_stat_statements AS s
  JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
 WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d
                  WHERE d.datname = pg_catalog.current_database())
   AND r.rolname <> CURRENT_USER
   AND s.queryid IS NOT NULL AND s.calls > 0
   AND s.query ~* ('^([[:space:]]|[(]|--[^\\n]*\\n|/[*]([^*]|[*][^/])*[*]/)*'
                   || '(select|insert|update|delete|merge|with|values|table)[[:space:](*]')
 ORDER BY s.total_exec_time DESC, s.query
 LIMIT {limit}
"""


class NoStatementsError(Exception):
    """There is no pg_stat_statements to read. Its text says why, and how to get it."""


async def read_statements(connection: Connection) -> list[Statement]:
    """What others ran in this database. Raises NoStatementsError, psycopg.Error."""
    found = await _rows(connection, sql.SQL(EXTENSION))
    if not found:
        raise NoStatementsError(
            "there is no pg_stat_statements, which tells what runs: add it to "
            "shared_preload_libraries and run CREATE EXTENSION pg_stat_statements"
        )
    [extension] = found
    version = tuple(int(part) for part in str(extension["version"]).split(".")[:2])
    if version < (1, 8):
        raise NoStatementsError(
            "pg_stat_statements is older than 1.8: run ALTER EXTENSION pg_stat_statements UPDATE"
        )
    if not (extension["may_use"] and extension["sees_all"]):
        raise NoStatementsError(
            "the role of setpoint may not read the texts of pg_stat_statements: grant it pg_monitor"
        )
    statement = sql.SQL(STATEMENTS).format(
        schema=sql.Identifier(extension["schema"]), limit=sql.Literal(MAX_STATEMENTS)
    )
    try:
        rows = await _rows(connection, statement)
    except psycopg.errors.ObjectNotInPrerequisiteState:
        raise NoStatementsError(
            "pg_stat_statements is not loaded: add it to shared_preload_libraries"
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise NoStatementsError(
            "the role of setpoint may not read pg_stat_statements: grant it SELECT on the view"
        ) from None
    return [
        Statement(row["text"], row["calls"], row["total"], row["rows"], row["user"])
        for row in rows
        if row["text"]
    ]


async def _rows(connection: Connection, statement: sql.SQL | sql.Composed) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement)
        return await cursor.fetchall()
