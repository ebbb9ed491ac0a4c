import pytest

from stack.aws.client import AwsStack
from tests.integration.aws.account import new_account
from tests.integration.scaling.service import Service


@pytest.fixture
def service(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> Service:
    return Service(new_account(aws, monkeypatch))
