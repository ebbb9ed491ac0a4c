"""DBTuning: an RDS instance's class and storage, and findings about a Postgres server."""
