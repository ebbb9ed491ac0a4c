"""The status contract: what every write of status must keep, and the judges of it."""
