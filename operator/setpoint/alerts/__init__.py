"""Alerts: samples → state → outbox → Slack."""
