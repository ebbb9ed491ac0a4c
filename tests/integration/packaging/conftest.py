"""What each test of the chart's values begins with."""

from typing import Any

import pytest


@pytest.fixture
def everything() -> dict[str, Any]:
    """Values that switch on all that the chart can make."""
    return all_values()


def all_values() -> dict[str, Any]:
    return {
        "replicas": 3,
        "leaderElection": {"enabled": True},
        "config": {"grants": [{"namespaces": ["shop"], "regions": ["a"], "resources": ["*"]}]},
        "slackToken": {"secretName": "slack-token"},
        "aws": {"roleArn": "arn:aws:iam::123456789012:role/tuner"},
        "networkPolicy": {"enabled": True},
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboards": {"enabled": True},
    }
