"""Metrics, Kubernetes Events and logs."""
