-- After monitor.sql, on PostgreSQL 14 and newer, once for each server: statistics of columns and
-- values of sequences, which bloat, sequences near their end and suggested indexes need.

GRANT pg_read_all_data TO setpoint;

-- Instead of it on PostgreSQL 13, for each schema with tables to analyse:
-- GRANT USAGE ON SCHEMA app TO setpoint;
-- GRANT SELECT ON ALL TABLES IN SCHEMA app TO setpoint;
-- GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO setpoint;
