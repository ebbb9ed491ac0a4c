-- In each database to analyse: slow statements. The extension's library must be in
-- shared_preload_libraries, as it is on RDS.

CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
