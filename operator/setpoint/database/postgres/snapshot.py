"""Reads a database's catalog and statistics in a few statements, into plain values.

Nothing here takes a lock on a user's table: sizes come from the catalog, so a long ALTER TABLE or
DROP INDEX of somebody else does not stop the analysis.
"""

import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import Analysis
from setpoint.database.model import (
    MIB_PAGES,
    Column,
    Database,
    ForeignKey,
    Index,
    Part,
    SequenceUse,
    Server,
    Session,
    Snapshot,
    Statement,
    Table,
    parameter,
)
from setpoint.database.postgres import queries
from setpoint.database.postgres.connect import Connection
from setpoint.database.rules.settings import SETTINGS
from setpoint.engine.failure import Failure

Row = dict[str, Any]

Counters = Mapping[int, tuple[int, int]]
"""Of a replica, by the oid of a table or index: its scans, and the rows that they read."""

_CHUNK_ROWS = 1000
"""Rows that libpq holds at a time."""

_LOOKED_INTO = 2000
"""Tables whose columns are read at most, the largest first."""

_SEQUENCES = 500
_SEQUENCE_LOOKS = 4
"""The values of 500 sequences are read in one transaction, of 2,000 in all: each stays locked, as
lightly as by nextval, until the transaction ends, and the server's table of locks is small."""

_UNITS = {"B": 1, "kB": 1024, "8kB": 8192, "MB": 1024**2, "s": 1000, "min": 60_000}
_TYPE_LIMITS = {21: 2**15 - 1, 23: 2**31 - 1}
"""By the oid of the type: smallint and integer."""

_MANY_VALUES = 1_000_000
"""With so many left, a sequence that starts late and ends at a MAXVALUE has a range of its own."""


async def read_snapshot(connection: Connection, analysis: Analysis) -> Snapshot:
    """One database as it is now. Raises psycopg.Error, and Failure for an unsafe session.

    Columns are read only for the tables where they make a difference.
    """
    server = await read_server(connection)
    counted = await _databases(connection)
    settings = await _settings(connection)
    unread = [row["schema"] async for row in _stream(connection, queries.UNREAD)]
    indexes, attached, lacks_indexes = await _indexes(connection)
    tables, lacks_tables = await _tables(connection, indexes)
    looked_into = _worth_a_look(tables, analysis)
    columns = await _columns(connection, looked_into) if looked_into else []
    foreign = [
        ForeignKey(
            **{
                **row,
                "columns": tuple(row["columns"]),
                "collations": tuple(row["collations"] or ()),
            }
        )
        async for row in _stream(connection, queries.FOREIGN_KEYS)
    ]
    sessions = [_session(row) async for row in _stream(connection, queries.SESSIONS)]
    statements = await _statements(connection, server, analysis)
    is_closed = statements is None or server["may_read_statements"] is False
    sequences = await _sequences(connection)
    return Snapshot(
        server=Server(
            version=str(server["version"]).split()[0],
            role=server["role"],
            system_identifier=server["system_identifier"],
            address=server["address"],
            in_recovery=server["in_recovery"],
            sees_activity=server["sees_activity"],
            unread_schemas=unread,
            closed_schema=server["statements_schema"] if is_closed else None,
            standbys=server["standbys"],
            connections=server["connections"] or sum(d.connections for d in counted),
            settings=settings,
        ),
        database=connection.info.dbname,
        stats_since=server["stats_since"],
        stats_reset=server["stats_reset"],
        taken_at=server["now"],
        tables=tables,
        indexes=indexes,
        attached=attached,
        columns=columns,
        foreign_keys=foreign,
        sequences=sequences,
        sessions=sessions,
        statements=statements or (),
        databases=counted,
        is_cut=lacks_indexes or lacks_tables,
    )


async def read_server(connection: Connection) -> Row:
    """The server and our session on it.

    Raises Failure(UNSUPPORTED) where the search_path is not the pinned one: a pooler that was told
    to ignore startup parameters lets a user's schema shadow what our statements name.
    """
    [server] = await _rows(connection, queries.SERVER)
    if server["search_path"].replace(" ", "") != queries.SEARCH_PATH:
        raise Failure(
            Reason.UNSUPPORTED,
            "a connection pooler drops the settings that make setpoint's session safe: name the "
            "Postgres server itself in the Secret, not the pooler",
        )
    server["system_identifier"] = None
    if server["may_read_control"]:
        [control] = await _rows(connection, queries.CONTROL)
        server["system_identifier"] = control["system_identifier"]
    return server


async def read_counters(connection: Connection) -> tuple[str | None, Counters]:
    """A replica's system identifier and its scans.

    Raises psycopg.Error, and Failure for an unsafe session.
    """
    server = await read_server(connection)
    found: dict[int, tuple[int, int]] = {}
    async for row in _stream(connection, queries.COUNTERS):
        scans, tuples = found.get(row["oid"], (0, 0))
        found[row["oid"]] = (scans + row["scans"], tuples + row["tuples_read"])
    return server["system_identifier"], found


async def _databases(connection: Connection) -> list[Database]:
    return [Database(**row) async for row in _stream(connection, queries.DATABASES)]


async def _settings(connection: Connection) -> dict[str, float]:
    rows = await _rows(connection, queries.SETTINGS, names=sorted(SETTINGS))
    return {row["name"]: _setting(row) for row in rows}


def _setting(row: Row) -> float:
    if row["vartype"] == "bool":
        return float(row["setting"] == "on")
    return float(row["setting"]) * _UNITS.get(row["unit"] or "", 1)


async def _tables(connection: Connection, indexes: Sequence[Index]) -> tuple[list[Table], bool]:
    """Tables with their partitions, and whether there are more of them."""
    scans: dict[int, int] = {}
    for index in indexes:
        scans[index.table] = scans.get(index.table, 0) + index.scans
    roots: dict[int, Row] = {}
    parts: dict[int, list[Part]] = {}
    number = 0
    async for row in _stream(connection, queries.TABLES):
        number += 1
        root = row.pop("root") or row["oid"]
        if root == row["oid"]:
            roots[root] = {k: row[k] for k in ("oid", "schema", "name", "is_partitioned")}
        if not row.pop("is_partitioned"):
            parts.setdefault(root, []).append(Part(**{**row, "options": _options(row["options"])}))
    tables = [
        Table(
            **roots[root],
            parts=tuple(parts.get(root, ())),
            idx_scan=scans.get(root, 0)
            + sum(scans.get(p.oid, 0) for p in parts.get(root, ()) if p.oid != root),
        )
        for root in sorted(roots)
    ]
    return tables, number >= queries.MAX_TABLES


async def _indexes(connection: Connection) -> tuple[list[Index], list[Index], bool]:
    """Indexes, with the numbers of partitions counted for their root; of partitions with an index
    of their own, what they have of the root's; whether there are more.

    An invalid one of a partition stays one of its own: it is the one to mend.
    """
    sums: dict[int, list[float]] = {}
    found: list[Row] = []
    attached: list[Index] = []
    number = 0
    async for row in _stream(connection, queries.INDEXES):
        number += 1
        root = row.pop("root") or row["oid"]
        if root == row["oid"] or not row["is_valid"]:
            found.append(row)
        own = [max(row[name], 0) for name in ("scans", "tuples_read", "pages", "rows")]
        if not row["is_partitioned"]:
            total = sums.get(root, (0, 0, 0, 0))
            sums[root] = [a + b for a, b in zip(total, own, strict=True)]
        if root != row["oid"] and row["is_valid"]:
            attached.append(_index({**row, "is_attached": True}, own))
    indexes = [_index(row, sums.get(row["oid"])) for row in found]
    with_own = {index.table for index in indexes}
    return (
        indexes,
        [index for index in attached if index.table in with_own],
        number >= queries.MAX_INDEXES,
    )


def _index(row: Row, sums: Sequence[float] | None) -> Index:
    keys, attributes = row.pop("keys"), row.pop("attributes")
    options = _options(row.pop("options"))
    scans, tuples_read, pages, rows = sums or (0, 0, 0, 0)
    return Index(
        **{
            **row,
            "key": tuple(attributes[:keys]),
            "included": tuple(attributes[keys:]),
            "classes": tuple(row["classes"]),
            "collations": tuple(row["collations"]),
            "orders": tuple(row["orders"]),
            "expressions": _expressions(row["expressions"] or ""),
            "predicate": row["predicate"] or "",
            "parameters": row["parameters"] + _pages_per_range(options),
            "fillfactor": int(parameter(options, "fillfactor", 90)),
            "scans": int(scans),
            "tuples_read": int(tuples_read),
            "pages": int(pages),
            "rows": float(rows),
        }
    )


def _expressions(trees: str) -> tuple[str, ...]:
    """Digests of a list of stored trees, one for each; braces inside names are escaped."""
    found, depth, begin = [], 0, 0
    for match in _BRACE.finditer(trees):
        if match[0] == "{":
            begin = match.start() if depth == 0 else begin
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if depth == 0:
                tree = trees[begin : match.end()].encode()
                found.append(hashlib.sha256(tree).hexdigest()[:32])
    return tuple(found)


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def _pages_per_range(options: Mapping[str, str]) -> str:
    """Of a BRIN index, where it is not the default."""
    pages = parameter(options, "pages_per_range", _PAGES_PER_RANGE)
    return "" if pages == _PAGES_PER_RANGE else f"{pages:.0f}"


_PAGES_PER_RANGE = 128


def _options(options: Sequence[str] | None) -> Mapping[str, str]:
    return dict(option.split("=", 1) for option in options) if options else _NONE


_NONE: Mapping[str, str] = {}


def _worth_a_look(tables: Iterable[Table], analysis: Analysis) -> list[int]:
    """Tables whose columns can decide something: much scanned, large, or perhaps never analysed."""
    found: list[tuple[int, int]] = []
    for table in tables:
        asked = table.seq_scan > analysis.sequential_scans.min_scans
        if asked and table.is_partitioned:
            found.append((table.pages, table.oid))
        found += [
            (part.pages, part.oid)
            for part in table.parts
            if asked or part.pages >= MIB_PAGES or (part.rows and part.analyzed_at is None)
        ]
    return [oid for _, oid in sorted(found, key=lambda item: -item[0])[:_LOOKED_INTO]]


async def _columns(connection: Connection, tables: Sequence[int]) -> list[Column]:
    return [
        Column(**row) async for row in _stream(connection, queries.COLUMNS, tables=list(tables))
    ]


def _session(row: Row) -> Session:
    return Session(**{**row, "user": row["user"] or "", "blockers": tuple(row["blockers"] or ())})


async def _statements(
    connection: Connection, server: Row, analysis: Analysis
) -> list[Statement] | None:
    """Slow statements, as far as the extension is there and new enough.

    None where somebody has taken its view or its function away from our role.
    """
    version = tuple(int(n) for n in (server["statements_version"] or "0").split(".")[:2])
    if not server["may_read_statements"] or version < (1, 8):
        return []
    schema = sql.Identifier(server["statements_schema"]).as_string(connection)
    statement = queries.STATEMENTS.format(schema=schema.replace("%", "%%"))
    limits = analysis.slow_statements
    try:
        async with connection.transaction():
            rows = await _rows(
                connection,
                statement,
                calls=limits.min_calls,
                mean=limits.mean_time.total_seconds() * 1000,
            )
    except psycopg.errors.ObjectNotInPrerequisiteState:  # it is not preloaded
        return []
    except psycopg.errors.InsufficientPrivilege:
        return None
    return [Statement(**{**row, "share": row["share"] or 0.0}) for row in rows]


async def _sequences(connection: Connection) -> list[SequenceUse]:
    """Sequences that were used, each transaction's locks given back before the next one's."""
    known = [row async for row in _stream(connection, queries.SEQUENCES)]
    readable = {row["oid"]: row for row in known if row["may_read"] and not row["is_cycling"]}
    oids = list(readable)
    last: dict[int, int] = {}
    for look in range(_SEQUENCE_LOOKS):
        chunk = oids[look * _SEQUENCES : (look + 1) * _SEQUENCES]
        if not chunk:
            break
        await connection.rollback()
        # One may be dropped, or locked by an ALTER, meanwhile: the others are looked at next time.
        with contextlib.suppress(psycopg.errors.InternalError_, psycopg.errors.LockNotAvailable):
            rows = await _rows(connection, queries.SEQUENCE_VALUES, sequences=chunk)
            last |= {row["oid"]: row["last"] for row in rows}
    await connection.rollback()
    return [
        _sequence(readable[oid], readable[oid]["start"] if value is None else value)
        for oid, value in last.items()
    ]


def _sequence(row: Row, last: int) -> SequenceUse:
    rises = row["increment"] > 0
    limit = row["max"] if rises else row["min"]
    type_limit = _TYPE_LIMITS.get(row["type"] or 0)
    is_typed = False
    if type_limit is not None:
        own = type_limit if rises else -type_limit - 1
        is_typed = abs(own) < abs(limit)
        limit = own if is_typed else limit
    begin = row["min"] if rises else row["max"]
    left = abs(limit - last) // abs(row["increment"])
    if not _ends_with_type(limit) and left >= _MANY_VALUES and (last >= row["start"]) == rises:
        begin = row["start"]
    return SequenceUse(
        schema=row["schema"],
        name=row["name"],
        begin=begin,
        last=last,
        limit=limit,
        column=row["column_name"] if is_typed else None,
    )


def _ends_with_type(limit: int) -> bool:
    return limit in _TYPE_LIMITS.values() or -limit - 1 in _TYPE_LIMITS.values()


async def _rows(connection: Connection, statement: str, **parameters: Any) -> list[Row]:
    cursor = await connection.execute(queries.marked(statement).encode(), parameters or None)
    return await cursor.fetchall()


async def _stream(connection: Connection, statement: str, **parameters: Any) -> AsyncIterator[Row]:
    """One statement, whose rows are never all in memory at once."""
    async with connection.cursor() as cursor:
        async for row in cursor.stream(
            queries.marked(statement).encode(), parameters or None, size=_CHUNK_ROWS
        ):
            yield row
