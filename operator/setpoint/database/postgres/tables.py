"""The advisor's view of tables: their columns with statistics, their indexes, their writes."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.rows import dict_row

from setpoint.database.identifiers import qualified
from setpoint.database.indexes.facts import ColumnFacts, IndexFacts, TableFacts
from setpoint.database.postgres.connect import Connection

RELATIONS = """
SELECT c.oid::pg_catalog.int8 AS oid, n.nspname::pg_catalog.text AS schema,
       c.relname::pg_catalog.text AS name, c.relkind::pg_catalog.text AS kind
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relname = ANY (%(names)s::pg_catalog.name[])
   AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
   AND NOT n.nspname::pg_catalog.text ~ '^pg_(toast|temp)'
 ORDER BY n.nspname, c.relname
"""

# The role's own setting in this database comes first, then the role's, then the database's.
SEARCH_PATHS = """
SELECT COALESCE(r.rolname::pg_catalog.text, '') AS role,
       (SELECT pg_catalog.substring(o.option, 13)
          FROM pg_catalog.unnest(s.setconfig) AS o(option)
         WHERE o.option ~ '^search_path=') AS path
  FROM pg_catalog.pg_db_role_setting AS s
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
 WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d
                              WHERE d.datname = pg_catalog.current_database()))
 ORDER BY s.setdatabase
"""

TABLES = """
SELECT c.oid::pg_catalog.int8 AS oid, n.nspname::pg_catalog.text AS schema,
       c.relname::pg_catalog.text AS name, c.relkind::pg_catalog.text AS kind,
       GREATEST(p.rows, 0)::pg_catalog.float8 AS rows, p.pages::pg_catalog.int8 AS pages,
       p.inserted::pg_catalog.int8 AS inserted, p.updated::pg_catalog.int8 AS updated,
       p.hot::pg_catalog.int8 AS hot, p.leaves AS leaves,
       c.relkind <> 'p' AND p.is_analysed AND p.changed = 0 AND p.updated + p.deleted = 0
           AS is_static
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
    SELECT pg_catalog.sum(CASE WHEN l.reltuples > 0 THEN l.reltuples
                               ELSE pg_catalog.pg_stat_get_live_tuples(l.oid) END) AS rows,
           pg_catalog.sum(GREATEST(l.relpages,
                                   pg_catalog.pg_stat_get_live_tuples(l.oid) * 28 / 8192))
               AS pages,
           pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(l.oid)) AS inserted,
           pg_catalog.sum(pg_catalog.pg_stat_get_tuples_updated(l.oid)) AS updated,
           pg_catalog.sum(pg_catalog.pg_stat_get_tuples_hot_updated(l.oid)) AS hot,
           pg_catalog.sum(pg_catalog.pg_stat_get_tuples_deleted(l.oid)) AS deleted,
           pg_catalog.sum(pg_catalog.pg_stat_get_mod_since_analyze(l.oid)) AS changed,
           pg_catalog.bool_and(COALESCE(pg_catalog.pg_stat_get_last_analyze_time(l.oid),
                                        pg_catalog.pg_stat_get_last_autoanalyze_time(l.oid))
                               IS NOT NULL) AS is_analysed,
           pg_catalog.array_agg(ARRAY[m.nspname::pg_catalog.text, l.relname::pg_catalog.text]
                                ORDER BY m.nspname, l.relname) AS leaves
      FROM pg_catalog.pg_class AS l
      JOIN pg_catalog.pg_namespace AS m ON m.oid = l.relnamespace
     WHERE (c.relkind <> 'p' AND l.oid = c.oid)
        OR (c.relkind = 'p' AND l.relkind = 'r'
            AND l.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) AS t))
 ) AS p
 WHERE c.oid = ANY (%(tables)s::pg_catalog.oid[])
 ORDER BY c.oid
"""

# A build of an index of character(n) takes it for unsafe to deduplicate (bt_metap of pageinspect
# says so on 15), whatever its operator class has.
COLUMNS = """
SELECT a.attrelid::pg_catalog.int8 AS table, a.attnum AS number,
       a.attname::pg_catalog.text AS name,
       pg_catalog.format_type(a.atttypid, NULL) AS type,
       st.n_distinct AS n_distinct, st.null_frac AS null_fraction, st.avg_width AS width,
       a.attlen AS length,
       CASE a.attalign WHEN 'd' THEN 8 WHEN 'i' THEN 4 WHEN 's' THEN 2 ELSE 1 END AS alignment,
       o.oid IS NOT NULL AS is_indexable,
       COALESCE((SELECT pg_catalog.bool_or(
                        m.amproc::pg_catalog.oid =
                            'pg_catalog.btequalimage(oid)'::pg_catalog.regprocedure
                        OR (m.amproc::pg_catalog.oid =
                                'pg_catalog.btvarstrequalimage(oid)'::pg_catalog.regprocedure
                            AND COALESCE(co.collisdeterministic, true)))
                   FROM pg_catalog.pg_amproc AS m
                  WHERE m.amprocfamily = o.opcfamily AND m.amprocnum = 4
                    AND o.opcintype <> 'pg_catalog.bpchar'::pg_catalog.regtype
                    AND m.amproclefttype = o.opcintype AND m.amprocrighttype = o.opcintype), false)
           AS is_deduplicable,
       COALESCE(co.collname IN ('C', 'POSIX'), false)
       OR (COALESCE(co.collname = 'default', false)
           AND (SELECT d.datcollate FROM pg_catalog.pg_database AS d
                 WHERE d.datname = pg_catalog.current_database()) IN ('C', 'POSIX'))
           AS sorts_by_bytes
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation
  LEFT JOIN LATERAL (
    SELECT q.oid, q.opcfamily, q.opcintype
      FROM pg_catalog.pg_opclass AS q
      JOIN pg_catalog.pg_am AS am ON am.oid = q.opcmethod AND am.amname = 'btree'
     WHERE q.opcdefault
       AND q.opcintype = CASE
               WHEN t.typtype = 'd' THEN t.typbasetype
               WHEN t.typtype = 'e' THEN 'pg_catalog.anyenum'::pg_catalog.regtype::pg_catalog.oid
               WHEN t.oid = 'pg_catalog.varchar'::pg_catalog.regtype
               THEN 'pg_catalog.text'::pg_catalog.regtype::pg_catalog.oid
               ELSE t.oid END
     LIMIT 1) AS o ON true
  LEFT JOIN pg_catalog.pg_stats AS st
    ON st.schemaname = n.nspname AND st.tablename = c.relname AND st.attname = a.attname
   AND st.inherited = (c.relkind = 'p')
 WHERE a.attnum > 0 AND NOT a.attisdropped
   AND a.attrelid = ANY (%(tables)s::pg_catalog.oid[])
 ORDER BY a.attrelid, a.attnum
"""

INDEXES = """
SELECT i.indrelid::pg_catalog.int8 AS table, c.relname::pg_catalog.text AS name,
       i.indisunique AS is_unique, i.indpred IS NOT NULL AS is_partial,
       i.indnkeyatts AS keys,
       (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY k.place)
          FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(number, place)
          JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = i.indrelid AND a.attnum = k.number) AS columns
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
 WHERE i.indrelid = ANY (%(tables)s::pg_catalog.oid[])
   AND i.indisvalid AND i.indisready AND i.indexprs IS NULL
   AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indoption::pg_catalog.int2[]) AS o(flags)
                    WHERE o.flags <> (i.indoption::pg_catalog.int2[])[1])
   AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indclass::pg_catalog.oid[]) AS q(oid)
                     JOIN pg_catalog.pg_opclass AS oc ON oc.oid = q.oid
                    WHERE NOT oc.opcdefault)
 ORDER BY i.indexrelid
"""

Row = Mapping[str, Any]

_DEFAULT_WIDTH = 32.0


async def relations(connection: Connection, names: Iterable[str]) -> list[dict[str, Any]]:
    """All relations of these bare names. Raises psycopg.Error."""
    return await _rows(connection, RELATIONS, names=sorted(set(names)))


async def search_paths(connection: Connection) -> dict[str, list[str]]:
    """By role, with "" for all others: the schemas in which its unqualified names are looked for.

    Raises psycopg.Error.
    """
    found = {"": ["$user", "public"]}
    for row in await _rows(connection, SEARCH_PATHS):
        if row["path"] is not None:
            found[row["role"]] = [part.strip().strip('"') for part in row["path"].split(",")]
    return found


async def tables(
    connection: Connection, oids: Iterable[int], views: Mapping[int, str]
) -> dict[int, TableFacts]:
    """The facts of these tables; `views` are queries by oid. Raises psycopg.Error."""
    wanted = sorted(set(oids))
    rows = await _rows(connection, TABLES, tables=wanted)
    size = {row["oid"]: row["rows"] or 0.0 for row in rows}
    columns: dict[int, dict[str, ColumnFacts]] = {}
    for row in await _rows(connection, COLUMNS, tables=wanted):
        columns.setdefault(row["table"], {})[row["name"]] = _column(row, size.get(row["table"], 0))
    indexes: dict[int, list[IndexFacts]] = {}
    for row in await _rows(connection, INDEXES, tables=wanted):
        indexes.setdefault(row["table"], []).append(_index(row))
    return {
        row["oid"]: TableFacts(
            oid=row["oid"],
            schema=row["schema"],
            name=row["name"],
            kind=row["kind"],
            rows=row["rows"] or 0.0,
            pages=row["pages"] or 0,
            columns=columns.get(row["oid"], {}),
            indexes=tuple(indexes.get(row["oid"], ())),
            view=views.get(row["oid"], ""),
            inserted=row["inserted"] or 0,
            updated=row["updated"] or 0,
            hot=row["hot"] or 0,
            is_static=bool(row["is_static"]),
            partitions=tuple(qualified(schema, name) for schema, name in row["leaves"] or ())
            if row["kind"] == "p"
            else (),
        )
        for row in rows
    }


def _column(row: Row, rows: float) -> ColumnFacts:
    known = row["n_distinct"]
    distinct = 0.0 if known is None else (-known * rows if known < 0 else known)
    width = row["width"] if row["width"] is not None else max(float(row["length"]), 0.0)
    return ColumnFacts(
        name=row["name"],
        number=row["number"],
        type=row["type"],
        distinct=float(distinct),
        null_fraction=float(row["null_fraction"] or 0.0),
        width=float(width or _DEFAULT_WIDTH),
        length=row["length"],
        alignment=row["alignment"],
        is_indexable=row["is_indexable"],
        is_deduplicable=row["is_deduplicable"],
        sorts_by_bytes=row["sorts_by_bytes"],
        is_known=known is not None,
    )


def _index(row: Row) -> IndexFacts:
    columns = tuple(row["columns"] or ())
    return IndexFacts(
        name=row["name"],
        columns=columns[: row["keys"]],
        include=columns[row["keys"] :],
        is_unique=row["is_unique"],
        is_partial=row["is_partial"],
    )


async def _rows(connection: Connection, text: str, **parameters: Any) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(text.encode(), parameters or None)
        return await cursor.fetchall()
