-- The role that setpoint connects as: it reads statistics, and can write nothing.
-- Run as an administrator, once for each server; choose a password, or use your own way of
-- authentication. read-all-data.sql and pg-stat-statements.sql show more, if you want.

CREATE ROLE setpoint LOGIN PASSWORD 'choose-one';

-- Statistics of tables, indexes, sessions and statements, and the server's identity.
GRANT pg_monitor TO setpoint;
