"""What a DBTuning does about an RDS instance, and what Postgres' errors mean."""

from dataclasses import replace
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import RDS
from setpoint.api.plan import Applied, AppliedOp, Risk
from setpoint.aws.errors import classify as classify_aws
from setpoint.database.postgres.errors import classify
from setpoint.database.rds.decide import decide, pending_text, revert
from setpoint.database.rds.model import RDSObserved

SEEN = RDSObserved(
    arn="arn:x", instance="orders", state="available", maintenance_window="sun:03:00-sun:04:00",
    in_cluster=False, pending={},
    current={"DBInstanceClass": "db.a.large", "AllocatedStorage": 100, "MaxAllocatedStorage": 500},
)  # fmt: skip


def plan(observed: RDSObserved = SEEN, **spec: Any) -> list[tuple[str, str, str]]:
    decided = decide(RDS.model_validate({"instance": "orders", **spec}), observed)
    return [(action.field, action.from_, action.to) for action in decided.actions]


def test_what_is_not_named_is_left_alone() -> None:
    assert plan() == []


def test_storage_is_a_floor() -> None:
    assert plan(allocatedStorage="100Gi") == []
    assert plan(allocatedStorage="50Gi") == []
    assert plan(allocatedStorage="200Gi") == [("allocatedStorage", "100Gi", "200Gi")]
    assert plan(allocatedStorage="101Gi") == [("allocatedStorage", "100Gi", "110Gi")]


def test_what_is_pending_counts_as_done() -> None:
    pending = replace(SEEN, pending={"DBInstanceClass": "db.b.large", "AllocatedStorage": 200})
    assert plan(pending, instanceClass="db.b.large", allocatedStorage="200Gi") == []
    assert pending_text(pending) == "storage 200Gi, class db.b.large, sun:03:00"


def test_each_action_sends_its_own_field_only() -> None:
    spec = RDS.model_validate(
        {"instance": "orders", "instanceClass": "db.b.large", "maxAllocatedStorage": "1Ti"}
    )
    storage, instance_class = decide(spec, SEEN).actions
    assert storage.payload == {
        "DBInstanceIdentifier": "orders",
        "MaxAllocatedStorage": 1024,
        "ApplyImmediately": False,
    }
    assert (instance_class.risk, storage.risk) == (Risk.HIGH, Risk.LOW)


@pytest.mark.parametrize(
    ("state", "free"),
    [
        ("available", {"instanceClass", "allocatedStorage", "maxAllocatedStorage"}),
        ("storage-full", {"allocatedStorage", "maxAllocatedStorage"}),
        ("storage-optimization", {"instanceClass", "maxAllocatedStorage"}),
        ("backing-up", set()),
        ("something-new", set()),
    ],
)
def test_what_can_be_changed_in_which_state(state: str, free: set[str]) -> None:
    spec = RDS.model_validate(
        {
            "instance": "orders",
            "instanceClass": "db.b.large",
            "allocatedStorage": "200Gi",
            "maxAllocatedStorage": "1Ti",
        }
    )
    actions = decide(spec, replace(SEEN, state=state)).actions
    assert {action.field for action in actions if action.blocked_by is None} == free


def test_a_cluster_members_storage_is_refused_with_a_sentence() -> None:
    spec = RDS.model_validate({"instance": "orders", "allocatedStorage": "200Gi"})
    decided = decide(spec, replace(SEEN, in_cluster=True))
    assert decided.actions == []
    assert "member of a cluster" in decided.failures[0].message


def test_revert_puts_the_class_back_and_never_shrinks() -> None:
    applied = [
        Applied(object="rds/orders", field=name, op=AppliedOp.CHANGED, original=before)
        for name, before in [("instanceClass", "db.old.large"), ("allocatedStorage", "50")]
    ]
    [action] = revert(SEEN, applied)
    assert (action.field, action.to) == ("instanceClass", "db.old.large")
    back = replace(SEEN, pending={"DBInstanceClass": "db.old.large"})
    assert revert(back, applied) == []


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
        (None, "FATAL:  the database system is starting up", Reason.BUSY),
        (None, 'FATAL:  too many connections for role "certificate"', Reason.BUSY),
        (None, "connection timeout expired", Reason.TIMED_OUT),
        (None, "Connection refused", Reason.CONNECTION_FAILED),
    ],
)
def test_what_errors_of_postgres_mean(state: str | None, text: str, reason: Reason) -> None:
    assert classify(state, text).reason is reason


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
