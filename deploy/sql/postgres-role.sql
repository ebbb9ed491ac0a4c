-- The role that setpoint connects as: it reads statistics, and can write nothing.
-- Run as an administrator; choose a password, or use your own way of authentication.

CREATE ROLE setpoint LOGIN PASSWORD 'choose-one';

-- Statistics of tables, indexes, sessions and statements, and the server's identity.
GRANT pg_monitor TO setpoint;

-- Optional, PostgreSQL 14 and newer: statistics of columns and values of sequences, which bloat,
-- sequences near their end and suggested indexes need.
GRANT pg_read_all_data TO setpoint;

-- Instead of it on PostgreSQL 13, for each schema with tables to analyse:
-- GRANT USAGE ON SCHEMA app TO setpoint;
-- GRANT SELECT ON ALL TABLES IN SCHEMA app TO setpoint;
-- GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO setpoint;

-- Optional, in each database to analyse: slow statements. The extension's library must be in
-- shared_preload_libraries, as it is on RDS.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
