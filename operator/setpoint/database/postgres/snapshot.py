"""Reads a database's catalog and statistics in a few statements, into plain values.

Nothing here takes a lock on a user's relation: sizes come from the catalog, so a long ALTER TABLE
or DROP INDEX of somebody else does not stop the analysis.
"""

from collections.abc import Sequence
from typing import Any

from setpoint.database.model import Column, ForeignKey, Index, Server, Snapshot, Table
from setpoint.database.postgres import queries
from setpoint.database.postgres.connect import Connection

_PAGE_BYTES = 8192
_LEAST_ROW_BYTES = 28
"""Of a row without columns: its header, aligned, and its line pointer (documentation, 73.6)."""

Row = dict[str, Any]


async def read_snapshot(connection: Connection, min_scans: int) -> Snapshot:
    """One database as it is now. Raises psycopg.Error.

    Columns are read only for the tables that sequential scans make interesting.
    """
    [server] = await _rows(connection, queries.SERVER)
    identifier = None
    if server["may_read_control"]:
        [control] = await _rows(connection, queries.CONTROL)
        identifier = control["system_identifier"]
    tables = _tables(await _rows(connection, queries.TABLES))
    indexes = _indexes(await _rows(connection, queries.INDEXES))
    foreign = await _rows(connection, queries.FOREIGN_KEYS)
    scanned = [table.oid for table in tables if table.seq_scan > min_scans]
    columns = await _rows(connection, queries.COLUMNS, tables=scanned) if scanned else []
    return Snapshot(
        server=Server(
            version=str(server["version"]).split()[0],
            role=server["role"],
            system_identifier=identifier,
            address=server["address"],
            in_recovery=server["in_recovery"],
            sees_activity=server["sees_activity"],
            unread_schemas=server["unread_schemas"],
        ),
        database=connection.info.dbname,
        stats_since=server["stats_since"],
        taken_at=server["now"],
        tables=tables,
        indexes=indexes,
        columns=[Column(**row) for row in columns],
        foreign_keys=[ForeignKey(row["table"], tuple(row["columns"])) for row in foreign],
    )


def _tables(rows: Sequence[Row]) -> list[Table]:
    """Tables, with the numbers of partitions counted for their root."""
    counted = []
    for row in rows:
        live = max(row["live"], row["reltuples"], 0)
        # Never vacuumed nor analysed, the catalog has no pages yet, however many rows there are.
        pages = max(row["relpages"], live * _LEAST_ROW_BYTES // _PAGE_BYTES)
        counted.append({**row, "rows": live, "pages": pages})
    sums = _sums(counted, ("seq_scan", "seq_tup_read", "idx_scan", "rows", "pages"))
    return [
        Table(
            oid=row["oid"],
            schema=row["schema"],
            name=row["name"],
            is_partitioned=row["is_partitioned"],
            **sums[row["oid"]],
        )
        for row in counted
        if row["oid"] == row["root"]
    ]


def _indexes(rows: Sequence[Row]) -> list[Index]:
    """Indexes, with the numbers of partitions counted for their root."""
    sums = _sums(rows, ("scans", "tuples_read", "pages"))
    return [
        Index(**{**row, **sums[row["oid"]], "columns": tuple(row["columns"])})
        for row in ({k: v for k, v in row.items() if k != "root"} for row in rows if _is_root(row))
    ]


def _is_root(row: Row) -> bool:
    return bool(row["oid"] == row["root"])


def _sums(rows: Sequence[Row], names: Sequence[str]) -> dict[int, dict[str, int]]:
    """By root. A partitioned relation holds nothing itself; ANALYZE writes its total there."""
    sums: dict[int, dict[str, int]] = {}
    for row in rows:
        total = sums.setdefault(row["root"], dict.fromkeys(names, 0))
        if not row["is_partitioned"]:
            for name in names:
                total[name] += int(row[name])
    return sums


async def _rows(connection: Connection, statement: str, **parameters: Any) -> list[Row]:
    cursor = await connection.execute(statement.encode(), parameters or None)
    return await cursor.fetchall()
