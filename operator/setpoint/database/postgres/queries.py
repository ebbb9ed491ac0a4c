"""The statements of the analysis, for PostgreSQL 13 and newer.

The first one, SERVER, names the schema of everything, operators too, and tells the search_path that
is in force; the others rely on it being pinned to pg_catalog, and so do not qualify operators. None
locks a user's relation, except that SEQUENCE_VALUES opens sequences as pg_sequences does; none
fails on a relation that is dropped meanwhile.
"""

_MARK = "SELECT /* setpoint */"

SEARCH_PATH = "pg_catalog,pg_temp"
"""Temporary relations last: if it is not named, Postgres looks for them first."""

MAX_TABLES = 100_000
MAX_INDEXES = 300_000
MAX_COLUMNS = 200_000
MAX_SESSIONS = 200
MAX_STATEMENTS = 50
TEXT = 600
"""Of a statement, this many characters are read."""

_MEMBERS = """(SELECT e.objid FROM pg_catalog.pg_depend AS e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
                      AND e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND e.deptype = 'e')"""
"""What belongs to an extension comes and goes with it. pg_depend's index begins with refclassid."""

_USERS = """n.nspname <> ALL (ARRAY['pg_catalog', 'information_schema']::pg_catalog.name[])
   AND NOT n.nspname::pg_catalog.text ~ '^pg_(toast|temp)'"""

_HELD = """pg_catalog.pg_locks AS l
                                   WHERE l.mode = 'ShareUpdateExclusiveLock' AND l.granted
                                     AND l.relation IS NOT NULL
                                     AND l.database = (SELECT d.oid
                                                         FROM pg_catalog.pg_database AS d
                                                        WHERE d.datname =
                                                              pg_catalog.current_database())"""

SERVER = """
SELECT pg_catalog.current_setting('search_path') AS search_path,
       pg_catalog.current_setting('server_version') AS version,
       CURRENT_USER::pg_catalog.text AS role,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       d.stats_reset AS stats_reset,
       COALESCE(d.stats_reset, w.stats_reset, pg_catalog.pg_postmaster_start_time())
           AS stats_since,
       pg_catalog.now() AS now,
       pg_catalog.concat(pg_catalog.host(pg_catalog.inet_server_addr()), ':',
                         pg_catalog.inet_server_port()) AS address,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
           AS may_read_control,
       pg_catalog.pg_has_role('pg_monitor', 'USAGE') AS sees_activity,
       (SELECT pg_catalog.count(*)
          FROM pg_catalog.pg_stat_replication AS p
         WHERE COALESCE(p.state, '') OPERATOR(pg_catalog.<>) 'backup'::pg_catalog.text
           AND NOT EXISTS (SELECT
                             FROM pg_catalog.pg_replication_slots AS r
                            WHERE r.active_pid OPERATOR(pg_catalog.=) p.pid
                              AND r.slot_type OPERATOR(pg_catalog.=) 'logical'::pg_catalog.text))
           AS standbys,
       (SELECT pg_catalog.count(*)
          FROM pg_catalog.pg_stat_activity AS a
         WHERE a.backend_type OPERATOR(pg_catalog.=) 'client backend'::pg_catalog.text)
           AS connections,
       (SELECT x.extversion
          FROM pg_catalog.pg_extension AS x
         WHERE x.extname OPERATOR(pg_catalog.=) 'pg_stat_statements'::pg_catalog.name)
           AS statements_version,
       (SELECT n.nspname
          FROM pg_catalog.pg_extension AS x
          JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) x.extnamespace
         WHERE x.extname OPERATOR(pg_catalog.=) 'pg_stat_statements'::pg_catalog.name)
           AS statements_schema,
       (SELECT pg_catalog.has_schema_privilege(x.extnamespace, 'USAGE')
          FROM pg_catalog.pg_extension AS x
         WHERE x.extname OPERATOR(pg_catalog.=) 'pg_stat_statements'::pg_catalog.name)
           AS may_read_statements
  FROM pg_catalog.pg_stat_database AS d
 CROSS JOIN pg_catalog.pg_stat_bgwriter AS w
 WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
"""
"""A crash empties the counters and tells it by the background writer's reset alone."""

UNREAD = f"""
SELECT DISTINCT n.nspname::pg_catalog.text COLLATE pg_catalog."C" AS schema
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm')
   AND {_USERS}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                    WHERE r.rolname = 'pg_read_all_data'
                      AND pg_catalog.pg_has_role(r.oid, 'USAGE'))
   AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
 ORDER BY 1
"""  # noqa: S608 - of constants

CONTROL = """
SELECT c.system_identifier::pg_catalog.text AS system_identifier
  FROM pg_catalog.pg_control_system() AS c
"""

SETTINGS = """
SELECT s.name, s.setting, s.unit, s.vartype
  FROM pg_catalog.pg_settings AS s
 WHERE s.name = ANY (%(names)s::pg_catalog.text[])
"""

DATABASES = """
SELECT d.datname AS name,
       pg_catalog.age(d.datfrozenxid) AS transaction_age,
       pg_catalog.mxid_age(d.datminmxid) AS multixact_age,
       COALESCE(s.numbackends, 0) AS connections, d.datconnlimit AS connection_limit,
       COALESCE(s.blks_hit, 0) AS blocks_hit, COALESCE(s.blks_read, 0) AS blocks_read
  FROM pg_catalog.pg_database AS d
  LEFT JOIN pg_catalog.pg_stat_database AS s ON s.datid = d.oid
 ORDER BY d.datname
"""

# Statistics functions and not the views, which join the catalog anew for each row. A partition's
# numbers count for its topmost parent, which is what people index.
TABLES = f"""
SELECT c.oid::pg_catalog.int8 AS oid, n.nspname AS schema, c.relname AS name,
       CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid
                                       ::pg_catalog.int8 END AS root,
       c.relkind = 'p' AS is_partitioned,
       COALESCE(pg_catalog.pg_stat_get_numscans(c.oid), 0) AS seq_scan,
       COALESCE(pg_catalog.pg_stat_get_tuples_returned(c.oid), 0) AS seq_tup_read,
       COALESCE(pg_catalog.pg_stat_get_live_tuples(c.oid), 0) AS live,
       COALESCE(pg_catalog.pg_stat_get_dead_tuples(c.oid), 0) AS dead,
       COALESCE(pg_catalog.pg_stat_get_mod_since_analyze(c.oid), 0) AS modified,
       COALESCE(pg_catalog.pg_stat_get_ins_since_vacuum(c.oid), 0) AS inserted,
       COALESCE(pg_catalog.pg_stat_get_tuples_inserted(c.oid), 0) AS added,
       COALESCE(pg_catalog.pg_stat_get_tuples_updated(c.oid), 0) AS updated,
       COALESCE(pg_catalog.pg_stat_get_tuples_deleted(c.oid), 0) AS removed,
       COALESCE(pg_catalog.pg_stat_get_blocks_fetched(c.oid), 0) AS blocks,
       COALESCE(pg_catalog.pg_stat_get_tuples_fetched(c.oid), 0) AS fetched,
       c.reltuples::pg_catalog.float8 AS counted_rows, c.relpages AS counted_pages,
       c.relallvisible AS visible_pages,
       CASE WHEN c.relfrozenxid <> '0'::pg_catalog.xid
            THEN pg_catalog.age(c.relfrozenxid) ELSE 0 END AS transaction_age,
       CASE WHEN c.relminmxid <> '0'::pg_catalog.xid
            THEN pg_catalog.mxid_age(c.relminmxid) ELSE 0 END AS multixact_age,
       GREATEST(pg_catalog.pg_stat_get_last_analyze_time(c.oid),
                pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)) AS analyzed_at,
       GREATEST(pg_catalog.pg_stat_get_last_vacuum_time(c.oid),
                pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)) AS vacuumed_at,
       c.relrowsecurity AS hides_statistics, c.reloptions AS options
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm')
   AND {_USERS}
   AND c.oid NOT IN {_MEMBERS}
 ORDER BY c.relpages DESC, c.oid
 LIMIT {MAX_TABLES}
"""  # noqa: S608 - of constants

# No operator class of a btree has parameters. The stored trees of expressions and a digest of the
# predicate's, without the place in the statement's text that some versions keep: pg_get_expr, which
# would show their text, locks the table. REINDEX and DROP INDEX CONCURRENTLY hold a lock on the
# index that nothing else takes; of several indexes of one table, the progress view knows but the
# one whose turn it is. To a role without pg_monitor it tells no index, but who builds one: on a
# table that this one holds.
INDEXES = f"""
SELECT i.indexrelid::pg_catalog.int8 AS oid, i.indrelid::pg_catalog.int8 AS table,
       CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid
                                       ::pg_catalog.int8 END AS root,
       n.nspname AS schema, c.relname AS name, m.amname AS method,
       COALESCE(pg_catalog.pg_stat_get_numscans(c.oid), 0) AS scans,
       COALESCE(pg_catalog.pg_stat_get_tuples_returned(c.oid), 0) AS tuples_read,
       c.relpages AS pages, c.reltuples::pg_catalog.float8 AS rows,
       c.relkind = 'I' AS is_partitioned,
       i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisexclusion AS is_exclusion,
       i.indisvalid AND i.indisready AND i.indislive AS is_valid,
       NOT (i.indisvalid AND i.indisready AND i.indislive)
           AND (i.indexrelid IN (SELECT p.index_relid
                                   FROM pg_catalog.pg_stat_progress_create_index AS p
                                  WHERE p.index_relid IS NOT NULL)
                OR i.indexrelid IN (SELECT l.relation FROM {_HELD})
                OR i.indrelid IN (SELECT l.relation FROM {_HELD}
                                     AND l.pid IN (SELECT p.pid
                                                     FROM pg_catalog.pg_stat_progress_create_index
                                                          AS p
                                                    WHERE p.index_relid IS NULL)))
           AS is_building,
       i.indisreplident AS is_replica_identity,
       i.indisclustered AS is_clustered, i.indimmediate AS is_immediate,
       CASE WHEN i.indisunique AND NOT i.indisprimary
            THEN COALESCE((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::pg_catalog.bool,
                          false) ELSE false END AS nulls_not_distinct,
       k.name AS constraint, COALESCE(k.is_referenced, false) AS is_referenced,
       i.indkey::pg_catalog.int2[] AS attributes, i.indnkeyatts AS keys,
       i.indclass::pg_catalog.oid[]::pg_catalog.int8[] AS classes,
       i.indcollation::pg_catalog.oid[]::pg_catalog.int8[] AS collations,
       i.indoption::pg_catalog.int2[] AS orders,
       pg_catalog.regexp_replace(
            i.indexprs::pg_catalog.text, ':location -?[0-9]+', '', 'g') AS expressions,
       CASE WHEN i.indpred IS NOT NULL THEN pg_catalog.md5(pg_catalog.regexp_replace(
            i.indpred::pg_catalog.text, ':location -?[0-9]+', '', 'g')) END AS predicate,
       pg_catalog.substring(i.indpred::pg_catalog.text,
            '^\\(?{{NULLTEST :arg {{VAR [^{{}}]*:varattno ([0-9]+)'
            || ' [^{{}}]*}} :nulltesttype 1 [^{{}}]*}}\\)?$')
           ::pg_catalog.int4 AS not_null,
       c.reloptions AS options,
       COALESCE(CASE WHEN m.amname <> 'btree' THEN (
            SELECT pg_catalog.string_agg(
                   a.attnum::pg_catalog.text || a.attoptions::pg_catalog.text, ''
                   ORDER BY a.attnum)
              FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = i.indexrelid AND a.attoptions IS NOT NULL) END, '') AS parameters
  FROM pg_catalog.pg_index AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN (SELECT q.conindid,
                    pg_catalog.max(q.conname::pg_catalog.text COLLATE pg_catalog."C")
                        FILTER (WHERE q.contype IN ('p', 'u', 'x')) AS name,
                    pg_catalog.bool_or(q.contype = 'f') AS is_referenced
               FROM pg_catalog.pg_constraint AS q
              WHERE q.conindid <> 0
              GROUP BY q.conindid) AS k ON k.conindid = i.indexrelid
 WHERE {_USERS}
   AND i.indrelid NOT IN {_MEMBERS}
 ORDER BY i.indexrelid
 LIMIT {MAX_INDEXES}
"""  # noqa: S608 - of constants

# Type categories (documentation, 53.64): numbers, strings, dates, spans, addresses, enums. Not
# booleans, and nothing that a btree can sort but nobody compares as a whole, such as jsonb. ANALYZE
# keeps no value of more than 1 kB: a column that has widths and no values has wide ones alone.
COLUMNS = f"""
SELECT a.attrelid::pg_catalog.int8 AS table, a.attnum AS number, a.attname AS name,
       st.n_distinct AS n_distinct, st.null_frac AS null_fraction, st.avg_width AS width,
       (t.typcategory IN ('N', 'S', 'D', 'T', 'I', 'E')
        OR t.oid = 'pg_catalog.uuid'::pg_catalog.regtype::pg_catalog.oid) AS is_searched_by_value,
       a.attlen AS length,
       a.attlen = -1 AND st.null_frac < 1
           AND st.histogram_bounds IS NULL AND st.most_common_vals IS NULL AS is_out_of_line,
       CASE a.attalign WHEN 'd' THEN 8 WHEN 'i' THEN 4 WHEN 's' THEN 2 ELSE 1 END AS alignment
  FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_stats AS st
    ON st.schemaname = n.nspname
   AND st.tablename = c.relname
   AND st.attname = a.attname
   AND st.inherited = (c.relkind = 'p')
 WHERE a.attnum > 0 AND NOT a.attisdropped
   AND a.attrelid = ANY (%(tables)s::pg_catalog.oid[])
 ORDER BY a.attrelid, a.attnum
 LIMIT {MAX_COLUMNS}
"""  # noqa: S608 - of constants

COUNTERS = f"""
SELECT (CASE WHEN c.relispartition AND c.relkind = 'i'
             THEN pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid
             ELSE c.oid END)::pg_catalog.int8 AS oid,
       COALESCE(pg_catalog.pg_stat_get_numscans(c.oid), 0) AS scans,
       COALESCE(pg_catalog.pg_stat_get_tuples_returned(c.oid), 0) AS tuples_read
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 'i')
   AND {_USERS}
   AND pg_catalog.pg_stat_get_numscans(c.oid) > 0
"""  # noqa: S608 - of constants
"""What a replica adds to its primary's counters; of a partition's index, for its root."""

# Those too that a partition has from its parent, for its columns may have other numbers; not those
# that Postgres makes for the partitions of a referenced table, and not those that are NOT ENFORCED
# (PostgreSQL 18), for which nothing is ever looked up.
FOREIGN_KEYS = """
SELECT k.conname AS name, k.conrelid::pg_catalog.int8 AS table,
       k.confrelid::pg_catalog.int8 AS referenced, k.conkey AS columns,
       k.oid::pg_catalog.int8 AS oid, k.conparentid::pg_catalog.int8 AS parent,
       (SELECT pg_catalog.array_agg(a.attcollation::pg_catalog.int8 ORDER BY u.place)
          FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(number, place)
          JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number)
           AS collations
  FROM pg_catalog.pg_constraint AS k
  LEFT JOIN pg_catalog.pg_constraint AS p ON p.oid = k.conparentid
 WHERE k.contype = 'f' AND (p.oid IS NULL OR p.conrelid <> k.conrelid)
   AND COALESCE((pg_catalog.to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true)
 ORDER BY k.oid
"""

# A sequence serves a column that owns it or whose default draws from it; the column's type may be a
# domain, or a domain of a domain.
SEQUENCES = f"""
SELECT c.oid::pg_catalog.int8 AS oid, n.nspname AS schema, c.relname AS name,
       s.seqstart AS start, s.seqincrement AS increment, s.seqmax AS max, s.seqmin AS min,
       s.seqcycle AS is_cycling, u.column_name, u.type,
       COALESCE(pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE'), false) AS may_read,
       COALESCE(pg_catalog.pg_stat_get_tuples_inserted(u.relation), 0) AS inserted
  FROM pg_catalog.pg_sequence AS s
  JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN (SELECT DISTINCT ON (r.sequence) r.sequence, r.relation, a.attname AS column_name,
                    COALESCE(NULLIF(y.typbasetype, '0'::pg_catalog.oid),
                             NULLIF(t.typbasetype, '0'::pg_catalog.oid), a.atttypid)
                        ::pg_catalog.int8 AS type
               FROM (SELECT p.objid AS sequence, p.refobjid AS relation, p.refobjsubid AS number
                       FROM pg_catalog.pg_depend AS p
                      WHERE p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                        AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                        AND p.refobjsubid > 0 AND p.deptype IN ('a', 'i')
                      UNION ALL
                     SELECT p.refobjid, f.adrelid, f.adnum
                       FROM pg_catalog.pg_depend AS p
                       JOIN pg_catalog.pg_attrdef AS f ON f.oid = p.objid
                      WHERE p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                        AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) AS r
               JOIN pg_catalog.pg_attribute AS a
                 ON a.attrelid = r.relation AND a.attnum = r.number
               JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
               LEFT JOIN pg_catalog.pg_type AS y ON y.oid = t.typbasetype
              ORDER BY r.sequence, a.attlen NOT IN (2, 4), a.attlen) AS u ON u.sequence = c.oid
 WHERE c.relkind = 'S'
   AND (c.relpersistence = 'p'
        OR c.relpersistence = 'u' AND NOT pg_catalog.pg_is_in_recovery())
   AND {_USERS}
   AND c.oid NOT IN {_MEMBERS}
 ORDER BY inserted DESC, c.oid
"""  # noqa: S608 - of constants

SEQUENCE_VALUES = """
SELECT q.oid::pg_catalog.int8 AS oid, pg_catalog.pg_sequence_last_value(q.oid) AS last
  FROM pg_catalog.unnest(%(sequences)s::pg_catalog.oid[]) AS q(oid)
 WHERE EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = q.oid)
"""

# An aborted transaction has no start any more, and still its locks.
# pg_locks.waitstart is there from PostgreSQL 14 on; by way of JSON, one text suits all.
SESSIONS = f"""
SELECT a.pid, a.usename::pg_catalog.text AS user, a.application_name AS application,
       a.state ~ '^idle in transaction' AS is_idle,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp()
               - COALESCE(a.xact_start, a.state_change))::pg_catalog.float8
           AS in_transaction,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.state_change)::pg_catalog.float8
           AS in_state,
       CASE WHEN a.wait_event_type = 'Lock' THEN EXTRACT(epoch FROM pg_catalog.clock_timestamp()
            - COALESCE((SELECT pg_catalog.min((pg_catalog.to_jsonb(l) ->> 'waitstart')
                                              ::pg_catalog.timestamptz)
                          FROM pg_catalog.pg_locks AS l
                         WHERE l.pid = a.pid AND NOT l.granted), a.query_start))
            ::pg_catalog.float8 END AS waits_for_lock,
       CASE WHEN a.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(a.pid) END AS blockers
  FROM (SELECT b.*
          FROM pg_catalog.pg_stat_activity AS b
         WHERE b.datname = pg_catalog.current_database()
           AND b.backend_type = 'client backend'
           AND b.pid <> pg_catalog.pg_backend_pid()
           AND (b.xact_start IS NOT NULL OR b.state ~ '^idle in transaction')
           AND b.state IS NOT NULL
         ORDER BY b.xact_start NULLS FIRST
         LIMIT {MAX_SESSIONS}) AS a
 UNION ALL
SELECT 0, p.owner::pg_catalog.text, p.gid, true,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp() - p.prepared)::pg_catalog.float8,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp() - p.prepared)::pg_catalog.float8, NULL, NULL
  FROM pg_catalog.pg_prepared_xacts AS p
 WHERE p.database = pg_catalog.current_database()
"""  # noqa: S608 - of constants

# {{schema}}: where the extension is. Statements of other users are told only to pg_read_all_stats.
# Only what plans: the constants of other statements, passwords among them, are not taken out.
STATEMENTS = f"""
SELECT s.queryid AS id, pg_catalog.left(s.query, {TEXT}) AS text, s.calls AS calls,
       s.mean AS mean, s.total AS total, s.rows AS rows, s.share AS share
  FROM (SELECT t.queryid, pg_catalog.min(t.query COLLATE pg_catalog."C") AS query,
               pg_catalog.sum(t.calls)::pg_catalog.int8 AS calls,
               pg_catalog.sum(t.rows)::pg_catalog.int8 AS rows,
               pg_catalog.sum(t.total_exec_time) AS total,
               pg_catalog.sum(t.total_exec_time) / pg_catalog.sum(t.calls) AS mean,
               pg_catalog.sum(t.total_exec_time)
                   / NULLIF(pg_catalog.sum(pg_catalog.sum(t.total_exec_time)) OVER (), 0) AS share
          FROM {{schema}}.pg_stat_statements AS t
         WHERE t.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d
                          WHERE d.datname = pg_catalog.current_database())
           AND t.queryid IS NOT NULL AND t.calls > 0
         GROUP BY t.queryid) AS s
 WHERE s.calls >= %(calls)s AND s.mean >= %(mean)s
   AND s.query NOT LIKE '{_MARK}%%'
   AND s.query ~* ('^([[:space:](]|/[*]([^*]|[*]+[^*/])*[*]+/|--[^\\n]*\\n)*'
                   || '(select|insert|update|delete|merge|with|values|table)\\M')
 ORDER BY s.total DESC
 LIMIT {MAX_STATEMENTS}
"""  # noqa: S608 - of constants


def marked(statement: str) -> str:
    """With a comment, by which STATEMENTS knows our own. It stands inside: PostgreSQL 18 leaves out
    those before a statement."""
    return statement.replace("SELECT", _MARK, 1)
