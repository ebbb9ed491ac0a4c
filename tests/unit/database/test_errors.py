"""What errors of Postgres and of AWS mean."""

import pytest

from setpoint.api.conditions import Reason
from setpoint.aws.errors import classify as classify_aws
from setpoint.database.postgres.errors import classify


@pytest.mark.parametrize(
    ("state", "text", "reason"),
    [
        ("28P01", "", Reason.AUTHENTICATION_FAILED),
        ("3D000", "", Reason.TARGET_NOT_FOUND),
        ("42501", "", Reason.ACCESS_DENIED),
        ("53300", "", Reason.BUSY),
        ("57014", "", Reason.TIMED_OUT),
        ("57P01", "", Reason.CONNECTION_FAILED),
        ("08006", "", Reason.CONNECTION_FAILED),
        ("22012", "", Reason.INTERNAL_ERROR),
        (None, 'FATAL:  password authentication failed for user "x"', Reason.AUTHENTICATION_FAILED),
        (None, 'server certificate for "a" does not match host name "b"', Reason.TLS_FAILED),
        (None, "server does not support SSL, but SSL was required", Reason.TLS_FAILED),
        (None, 'FATAL:  database "x" does not exist', Reason.TARGET_NOT_FOUND),
        (None, "FATAL:  sorry, too many clients already", Reason.BUSY),
        (None, 'FATAL:  too many connections for role "certificate"', Reason.BUSY),
        (None, "FATAL:  the database system is starting up", Reason.BUSY),
        (None, "connection timeout expired", Reason.TIMED_OUT),
        (None, "Connection refused", Reason.CONNECTION_FAILED),
    ],
)
def test_what_errors_of_postgres_mean(state: str | None, text: str, reason: Reason) -> None:
    assert classify(state, text).reason is reason


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [("53100", Reason.REJECTED, "disk"), ("53200", Reason.BUSY, "memory"), ("53300", Reason.BUSY, "slot")],
)  # fmt: skip
def test_what_a_server_has_run_out_of(state: str, reason: Reason, words: str) -> None:
    found = classify(state, "")
    assert found.reason is reason
    assert words in found.message


@pytest.mark.parametrize(
    ("code", "text", "status", "reason"),
    [
        ("ThrottlingException", "Rate exceeded", 400, Reason.THROTTLED),
        ("FailedResourceAccessException", "… (Rate exceeded)", 400, Reason.THROTTLED),
        ("ValidationException", "is not authorized to perform: x", 400, Reason.ACCESS_DENIED),
        ("AccessDeniedException", "", 400, Reason.ACCESS_DENIED),
        ("ExpiredTokenException", "", 403, Reason.AUTHENTICATION_FAILED),
        ("ValidationException", "ECS service doesn't exist: x", 400, Reason.TARGET_NOT_FOUND),
        ("ObjectNotFoundException", "", 400, Reason.TARGET_NOT_FOUND),
        ("DBInstanceNotFound", "", 404, Reason.TARGET_NOT_FOUND),
        ("InsufficientDBInstanceCapacity", "", 400, Reason.QUOTA_EXCEEDED),
        ("ConcurrentUpdateException", "", 400, Reason.BUSY),
        ("InvalidDBInstanceState", "", 400, Reason.BUSY),
        ("InternalFailure", "", 500, Reason.CONNECTION_FAILED),
        ("ValidationException", "secret text", 400, Reason.REJECTED),
        ("Weird<Code>", "", 400, Reason.REJECTED),
    ],
)
def test_what_errors_of_aws_mean(code: str, text: str, status: int, reason: Reason) -> None:
    found = classify_aws("rds modify_db_instance for db:orders", code, text, status)
    assert found.reason is reason
    assert "secret" not in found.message
    assert "<" not in found.message
    assert "db:orders" in found.message
