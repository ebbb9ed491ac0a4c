"""Reads a database's catalog and statistics in a few statements, into plain values."""

from typing import Any

from setpoint.database.model import Column, Index, Server, Snapshot, Table
from setpoint.database.postgres.connect import Connection

_SERVER = """
SELECT pg_catalog.current_setting('server_version') AS version,
       CURRENT_USER::pg_catalog.text AS role,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       COALESCE(d.stats_reset, pg_catalog.pg_postmaster_start_time()) AS stats_since,
       d.stats_reset IS NOT NULL AS was_reset,
       pg_catalog.now() AS now,
       (SELECT c.system_identifier::pg_catalog.text
          FROM pg_catalog.pg_control_system() AS c) AS system_identifier,
       pg_catalog.pg_has_role('pg_monitor', 'USAGE') AS sees_statistics,
       CASE WHEN pg_catalog.to_regrole('pg_read_all_data') IS NULL THEN false
            ELSE pg_catalog.pg_has_role('pg_read_all_data', 'USAGE') END AS sees_columns
  FROM pg_catalog.pg_stat_database AS d
 WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
"""

# A partition's scans count for its topmost parent, which is what people index.
_TABLES = """
SELECT c.oid::pg_catalog.int8 AS oid, n.nspname AS schema, c.relname AS name,
       COALESCE(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid)::pg_catalog.int8
           AS root,
       c.relkind::pg_catalog.text AS kind,
       COALESCE(s.seq_scan, 0) AS seq_scan, COALESCE(s.seq_tup_read, 0) AS seq_tup_read,
       COALESCE(s.idx_scan, 0) AS idx_scan, COALESCE(s.n_live_tup, 0) AS live,
       c.relpages AS pages
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN pg_catalog.pg_stat_user_tables AS s ON s.relid OPERATOR(pg_catalog.=) c.oid
 WHERE c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p', 'm']::pg_catalog."char"[])
   AND n.nspname OPERATOR(pg_catalog.<>) ALL (ARRAY['pg_catalog', 'information_schema']
       ::pg_catalog.name[])
   AND NOT n.nspname OPERATOR(pg_catalog.~) '^pg_(toast|temp)'
"""

_INDEXES = """
SELECT i.indexrelid::pg_catalog.int8 AS oid, i.indrelid::pg_catalog.int8 AS table,
       n.nspname AS schema, c.relname AS name,
       COALESCE(s.idx_scan, 0) AS scans, COALESCE(s.idx_tup_read, 0) AS tuples_read,
       pg_catalog.pg_relation_size(i.indexrelid) AS size,
       i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisexclusion AS is_exclusion,
       i.indisvalid AS is_valid, i.indisreplident AS is_replica_identity,
       i.indisclustered AS is_clustered,
       (i.indpred IS NOT NULL) AS is_partial,
       (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts OPERATOR(pg_catalog.-) 1] AS columns,
       c.relispartition AS is_partition
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN pg_catalog.pg_stat_user_indexes AS s
    ON s.indexrelid OPERATOR(pg_catalog.=) i.indexrelid
 WHERE n.nspname OPERATOR(pg_catalog.<>) ALL (ARRAY['pg_catalog', 'information_schema']
       ::pg_catalog.name[])
   AND NOT n.nspname OPERATOR(pg_catalog.~) '^pg_(toast|temp)'
"""

_COLUMNS = """
SELECT a.attrelid::pg_catalog.int8 AS table, a.attnum AS number, a.attname AS name,
       st.n_distinct AS n_distinct, st.null_frac AS null_fraction,
       EXISTS (SELECT 1 FROM pg_catalog.pg_opclass AS o
                WHERE o.opcmethod OPERATOR(pg_catalog.=)
                      (SELECT m.oid FROM pg_catalog.pg_am AS m
                        WHERE m.amname OPERATOR(pg_catalog.=) 'btree')
                  AND o.opcdefault AND o.opcintype OPERATOR(pg_catalog.=) a.atttypid)
           OR t.typname OPERATOR(pg_catalog.=) ANY
              (ARRAY['varchar', 'bpchar', 'text']::pg_catalog.name[]) AS is_sortable
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
  LEFT JOIN pg_catalog.pg_stats AS st
    ON st.schemaname OPERATOR(pg_catalog.=) n.nspname
   AND st.tablename OPERATOR(pg_catalog.=) c.relname
   AND st.attname OPERATOR(pg_catalog.=) a.attname AND NOT st.inherited
 WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
   AND c.oid::pg_catalog.int8 OPERATOR(pg_catalog.=) ANY (%(tables)s::pg_catalog.int8[])
"""

_FOREIGN_KEYS = """
SELECT k.conrelid::pg_catalog.int8 AS table, k.conkey AS columns
  FROM pg_catalog.pg_constraint AS k
 WHERE k.contype OPERATOR(pg_catalog.=) 'f'
"""


async def read_snapshot(connection: Connection, min_scans: int) -> Snapshot:
    """One database as it is now. Raises psycopg.Error.

    Columns are read only for the tables that sequential scans make interesting.
    """
    [server] = await _rows(connection, _SERVER)
    tables = _rolled_up(await _rows(connection, _TABLES))
    indexes = [_index(row) for row in await _rows(connection, _INDEXES)]
    foreign = await _rows(connection, _FOREIGN_KEYS)
    scanned = [table.oid for table in tables if table.seq_scan > min_scans]
    columns = await _rows(connection, _COLUMNS, tables=scanned) if scanned else []
    return Snapshot(
        server=Server(
            version=str(server["version"]).split()[0],
            role=server["role"],
            system_identifier=server["system_identifier"],
            in_recovery=server["in_recovery"],
            sees_statistics=server["sees_statistics"],
            sees_columns=server["sees_columns"],
        ),
        database=connection.info.dbname,
        stats_since=server["stats_since"],
        taken_at=server["now"],
        tables=tables,
        indexes=indexes,
        columns=[_column(row) for row in columns],
        foreign_keys=[(row["table"], tuple(row["columns"])) for row in foreign],
    )


def _rolled_up(rows: list[dict[str, Any]]) -> list[Table]:
    """Tables, with the scans of partitions counted for their root."""
    roots = {row["oid"]: row for row in rows if row["root"] == row["oid"]}
    sums: dict[int, dict[str, int]] = {}
    for row in rows:
        total = sums.setdefault(row["root"], dict.fromkeys(_SUMMED, 0))
        for name in _SUMMED:
            total[name] += int(row[name])
    return [
        Table(oid=oid, schema=row["schema"], name=row["name"], **sums[oid])
        for oid, row in roots.items()
    ]


_SUMMED = ("seq_scan", "seq_tup_read", "idx_scan", "live", "pages")


def _index(row: dict[str, Any]) -> Index:
    return Index(**{**row, "columns": tuple(row["columns"])})


def _column(row: dict[str, Any]) -> Column:
    return Column(**row)


async def _rows(connection: Connection, statement: str, **parameters: Any) -> list[dict[str, Any]]:
    cursor = await connection.execute(statement.encode(), parameters or None)
    return await cursor.fetchall()
