-- The role that setpoint connects as: it reads statistics, and can write nothing.
-- Run as an administrator; choose a password, or use your own way of authentication.

CREATE ROLE setpoint LOGIN PASSWORD 'choose-one';

-- Statistics of tables, indexes and activity, sizes, and the server's identity.
GRANT pg_monitor TO setpoint;

-- Optional, PostgreSQL 14 and newer: statistics of columns, which make suggested indexes better.
-- On PostgreSQL 13: GRANT USAGE ON SCHEMA … and GRANT SELECT ON ALL TABLES IN SCHEMA … instead.
GRANT pg_read_all_data TO setpoint;
