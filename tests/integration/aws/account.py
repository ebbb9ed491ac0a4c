"""An AWS account and a gateway into it, for each test: they share one stand-in."""

import itertools
import os
from typing import Any

import pytest

from setpoint.aws.gateway import AWSGateway
from setpoint.config import Config
from setpoint.engine.fence import ALONE, Fence
from setpoint.trust.grants import Grants
from stack import shop
from stack.aws.client import OPERATOR_KEY, AwsStack

NAMESPACE = "team"
REGION = shop.REGION
_accounts = itertools.count(300_000_000_000)


def new_account(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    """An account, in which this process is the operator for as long as the test runs: it has the
    rights of deploy/iam, and no others."""
    account = aws.in_account(str(next(_accounts)))
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"{OPERATOR_KEY}{account.account}")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return account


def gateway(*grants: dict[str, Any], fence: Fence = ALONE) -> AWSGateway:
    """A gateway; without grants, the operator's own identity may do everything in REGION."""
    own = {"namespaces": [NAMESPACE], "regions": [REGION], "resources": ["*"]}
    config = Config.model_validate({"grants": list(grants) or [own]})
    return AWSGateway(lambda: config, Grants(lambda: config), fence=fence)
