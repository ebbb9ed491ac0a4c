"""Connections to Postgres and what is read there. The only room that imports psycopg."""
