"""What errors of AWS mean where code and text must be read together."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from setpoint.api.conditions import Reason
from setpoint.aws.errors import classify, classify_assume
from setpoint.aws.failures import failure_of

ROLE = "arn:aws:iam::222222222222:role/scaler"


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("FailedResourceAccessException", "Rate exceeded", Reason.THROTTLED),
        ("FailedResourceAccessException", "alarms cannot be read", Reason.ACCESS_DENIED),
        (
            "InvalidParameterCombination",
            "You can't currently modify the storage of this DB instance because …",
            Reason.BUSY,
        ),
        ("InvalidParameterCombination", "something else", Reason.REJECTED),
        ("ExpiredToken", "", Reason.AUTHENTICATION_FAILED),
        ("InvalidIdentityToken", "", Reason.AUTHENTICATION_FAILED),
    ],
)
def test_codes_that_mean_several_things(code: str, text: str, reason: Reason) -> None:
    assert classify("a call", code, text, 400).reason is reason


def test_a_role_that_may_not_be_assumed_points_at_its_trust_policy() -> None:
    denied = classify_assume(ROLE, "AccessDenied", "User: secret is not authorized", 403)
    assert denied.reason is Reason.ACCESS_DENIED
    assert ROLE in denied.message
    assert "trust policy" in denied.message
    assert "secret" not in denied.message
    throttled = classify_assume(ROLE, "Throttling", "", 400)
    assert throttled.reason is Reason.THROTTLED
    assert "trust policy" not in throttled.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ReadTimeoutError(endpoint_url="x"), Reason.CONNECTION_FAILED),
        (ConnectTimeoutError(endpoint_url="x"), Reason.CONNECTION_FAILED),
        (EndpointConnectionError(endpoint_url="x"), Reason.CONNECTION_FAILED),
        (SSLError(endpoint_url="x", error="y"), Reason.CONNECTION_FAILED),
        (NoCredentialsError(), Reason.AUTHENTICATION_FAILED),
        (FileNotFoundError("token"), Reason.AUTHENTICATION_FAILED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_answer_is_told_from_no_credentials(
    error: BotoCoreError | OSError, reason: Reason
) -> None:
    assert failure_of(error, "a call", None).reason is reason
