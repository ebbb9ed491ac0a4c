"""Class and storage of an RDS instance."""
