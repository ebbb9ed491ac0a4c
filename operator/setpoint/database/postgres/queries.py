"""The statements of the analysis, for PostgreSQL 13 and newer.

Every function, type and operator names its schema. None locks a user's relation, and none fails on
a relation that is dropped meanwhile.
"""

_USERS = """n.nspname OPERATOR(pg_catalog.<>) ALL (ARRAY['pg_catalog', 'information_schema']
       ::pg_catalog.name[])
   AND NOT n.nspname OPERATOR(pg_catalog.~) '^pg_(toast|temp)'"""

_TABLE_KINDS = """c.relkind OPERATOR(pg_catalog.=) ANY
       (ARRAY['r', 'p', 'm']::pg_catalog."char"[])"""

# Who may read all columns of a table is shown their statistics (the view pg_stats).
SERVER = f"""
SELECT pg_catalog.current_setting('server_version') AS version,
       CURRENT_USER::pg_catalog.text AS role,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       COALESCE(d.stats_reset, pg_catalog.pg_postmaster_start_time()) AS stats_since,
       pg_catalog.now() AS now,
       pg_catalog.concat(pg_catalog.host(pg_catalog.inet_server_addr()), ':',
                         pg_catalog.inet_server_port()) AS address,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
           AS may_read_control,
       pg_catalog.pg_has_role('pg_monitor', 'USAGE') AS sees_activity,
       ARRAY(SELECT DISTINCT n.nspname::pg_catalog.text COLLATE pg_catalog."C"
               FROM pg_catalog.pg_class AS c
               JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
              WHERE {_TABLE_KINDS}
                AND {_USERS}
                AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
              ORDER BY 1) AS unread_schemas
  FROM pg_catalog.pg_stat_database AS d
 WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
"""  # noqa: S608 - of constants

CONTROL = """
SELECT c.system_identifier::pg_catalog.text AS system_identifier
  FROM pg_catalog.pg_control_system() AS c
"""

# A partition's scans count for its topmost parent, which is what people index.
TABLES = f"""
SELECT c.oid::pg_catalog.int8 AS oid, n.nspname AS schema, c.relname AS name,
       COALESCE(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid)::pg_catalog.int8
           AS root,
       c.relkind OPERATOR(pg_catalog.=) 'p'::pg_catalog."char" AS is_partitioned,
       COALESCE(s.seq_scan, 0) AS seq_scan, COALESCE(s.seq_tup_read, 0) AS seq_tup_read,
       COALESCE(s.idx_scan, 0) AS idx_scan, COALESCE(s.n_live_tup, 0) AS live,
       c.reltuples::pg_catalog.int8 AS reltuples, c.relpages AS relpages
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN pg_catalog.pg_stat_user_tables AS s ON s.relid OPERATOR(pg_catalog.=) c.oid
 WHERE {_TABLE_KINDS}
   AND {_USERS}
 ORDER BY c.oid
"""  # noqa: S608 - of constants

INDEXES = f"""
SELECT i.indexrelid::pg_catalog.int8 AS oid, i.indrelid::pg_catalog.int8 AS table,
       COALESCE(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid)::pg_catalog.int8
           AS root,
       n.nspname AS schema, c.relname AS name,
       c.relkind OPERATOR(pg_catalog.=) 'I'::pg_catalog."char" AS is_partitioned,
       COALESCE(s.idx_scan, 0) AS scans, COALESCE(s.idx_tup_read, 0) AS tuples_read,
       c.relpages AS pages,
       i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisexclusion AS is_exclusion,
       i.indisvalid AS is_valid, i.indisreplident AS is_replica_identity,
       i.indisclustered AS is_clustered,
       (i.indpred IS NOT NULL) AS is_partial,
       (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts OPERATOR(pg_catalog.-) 1] AS columns
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  LEFT JOIN pg_catalog.pg_stat_user_indexes AS s
    ON s.indexrelid OPERATOR(pg_catalog.=) i.indexrelid
 WHERE {_USERS}
 ORDER BY i.indexrelid
"""  # noqa: S608 - of constants

# Type categories (documentation, 53.64): numbers, strings, dates, spans, addresses, enums. Not
# booleans, and nothing that a btree can sort but nobody compares as a whole, such as jsonb.
COLUMNS = """
SELECT a.attrelid::pg_catalog.int8 AS table, a.attnum AS number, a.attname AS name,
       st.n_distinct AS n_distinct, st.null_frac AS null_fraction, st.avg_width AS width,
       (t.typcategory OPERATOR(pg_catalog.=) ANY
           (ARRAY['N', 'S', 'D', 'T', 'I', 'E']::pg_catalog."char"[])
        OR t.oid OPERATOR(pg_catalog.=) 'pg_catalog.uuid'::pg_catalog.regtype::pg_catalog.oid
       ) AS is_searched_by_value
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
  LEFT JOIN pg_catalog.pg_stats AS st
    ON st.schemaname OPERATOR(pg_catalog.=) n.nspname
   AND st.tablename OPERATOR(pg_catalog.=) c.relname
   AND st.attname OPERATOR(pg_catalog.=) a.attname
   AND st.inherited OPERATOR(pg_catalog.=)
       (c.relkind OPERATOR(pg_catalog.=) 'p'::pg_catalog."char")
 WHERE a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
   AND c.oid::pg_catalog.int8 OPERATOR(pg_catalog.=) ANY (%(tables)s::pg_catalog.int8[])
 ORDER BY a.attrelid, a.attnum
"""

FOREIGN_KEYS = """
SELECT k.conrelid::pg_catalog.int8 AS table, k.conkey AS columns
  FROM pg_catalog.pg_constraint AS k
 WHERE k.contype OPERATOR(pg_catalog.=) 'f'
 ORDER BY k.oid
"""
