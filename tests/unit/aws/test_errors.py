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


INVALID = "ValidationException"
CLOUDWATCH = "(Service: AmazonCloudWatch; Status Code: 400; Error Code: {})"


@pytest.mark.parametrize(
    ("code", "text", "status", "reason"),
    [
        # throttled, also in disguise
        ("ThrottlingException", "Rate exceeded", 400, Reason.THROTTLED),
        ("Throttling", "", 400, Reason.THROTTLED),
        ("RequestLimitExceeded", "", 503, Reason.THROTTLED),
        ("FailedResourceAccessException", "alarms: Rate exceeded", 400, Reason.THROTTLED),
        ("FailedResourceAccessException", CLOUDWATCH.format("Throttling"), 400, Reason.THROTTLED),
        ("LimitExceededException", "Rate exceeded", 400, Reason.THROTTLED),
        (INVALID, "Rate exceeded", 400, Reason.THROTTLED),
        ("unknown", "", 429, Reason.THROTTLED),
        # wait
        ("ConcurrentUpdateException", "", 400, Reason.BUSY),
        ("InvalidDBInstanceState", "", 400, Reason.BUSY),
        ("InvalidDBClusterStateFault", "", 400, Reason.BUSY),
        ("InsufficientDBInstanceCapacity", "", 400, Reason.QUOTA_EXCEEDED),
        ("InsufficientStorageClusterCapacity", "", 400, Reason.QUOTA_EXCEEDED),
        ("StorageQuotaExceeded", "", 400, Reason.QUOTA_EXCEEDED),
        ("KMSKeyNotAccessibleFault", "", 400, Reason.ACCESS_DENIED),
        ("InvalidCacheParameterGroupState", "pending changes", 400, Reason.BUSY),
        ("CacheParameterGroupNotFound", "", 404, Reason.TARGET_NOT_FOUND),
        ("ReplicationGroupNotFoundFault", "", 404, Reason.TARGET_NOT_FOUND),
        ("ServerlessCacheNotFoundFault", "", 404, Reason.TARGET_NOT_FOUND),
        (
            "InvalidParameterCombination",
            "You can't currently modify the storage of this DB instance because …",
            400,
            Reason.BUSY,
        ),
        ("InternalServiceException", "", 500, Reason.CONNECTION_FAILED),
        ("unknown", "", 503, Reason.CONNECTION_FAILED),
        ("InvalidNextTokenException", "", 400, Reason.CONNECTION_FAILED),
        ("RequestTimeout", "", 400, Reason.CONNECTION_FAILED),
        # something outside must change
        ("AccessDeniedException", "", 400, Reason.ACCESS_DENIED),
        ("FailedResourceAccessException", "alarms cannot be read", 400, Reason.ACCESS_DENIED),
        (
            INVALID,
            "User: arn:… is not authorized to perform: cloudwatch:PutMetricAlarm on resource: *",
            400,
            Reason.ACCESS_DENIED,
        ),
        (
            INVALID,
            "User: arn:… is not authorized to perform: iam:CreateServiceLinkedRole",
            400,
            Reason.ACCESS_DENIED,
        ),
        (INVALID, CLOUDWATCH.format("AccessDenied"), 400, Reason.ACCESS_DENIED),
        (INVALID, "Unable to assume IAM role: arn:…", 400, Reason.ACCESS_DENIED),
        (INVALID, "The service-linked role arn:… is unknown", 400, Reason.ACCESS_DENIED),
        ("ObjectNotFoundException", "No scalable target registered", 400, Reason.TARGET_NOT_FOUND),
        (INVALID, "ECS service doesn't exist: service/a/b", 400, Reason.TARGET_NOT_FOUND),
        ("DBInstanceNotFound", "", 404, Reason.TARGET_NOT_FOUND),
        ("LimitExceededException", "50 policies", 400, Reason.QUOTA_EXCEEDED),
        ("ExpiredToken", "", 403, Reason.AUTHENTICATION_FAILED),
        (
            "ExpiredTokenException",
            "is not authorized to perform",
            400,
            Reason.AUTHENTICATION_FAILED,
        ),
        ("InvalidIdentityToken", "", 400, Reason.AUTHENTICATION_FAILED),
        ("RequestTimeTooSkewed", "", 403, Reason.AUTHENTICATION_FAILED),
        # the spec does not fit
        (INVALID, "1 validation error detected", 400, Reason.REJECTED),
        ("InvalidParameterCombination", "something else", 400, Reason.REJECTED),
        ("NeverSeenBefore", "", 400, Reason.REJECTED),
    ],
)
def test_what_an_error_means(code: str, text: str, status: int, reason: Reason) -> None:
    found = classify("a call", code, text, status)
    assert found.reason is reason
    assert code in found.message
    assert not text or text not in found.message, "AWS's own text"


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
