"""What the gateway does with grants, roles, credentials, errors and the event loop."""

import asyncio
import threading
import time
from typing import Any

import pytest
from prometheus_client import REGISTRY

from setpoint.api.base import AWS
from setpoint.api.conditions import Reason
from setpoint.aws import sessions
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.sessions import Identity
from setpoint.engine.failure import Failure
from setpoint.engine.fence import Fence, boottime
from stack import shop
from stack.aws.client import AwsStack
from tests.integration.aws.account import NAMESPACE, REGION, gateway, new_account

RESOURCE = "service/prod/web"
OTHERS_ACCOUNT = "222222222222"
ROLE = f"arn:aws:iam::{OTHERS_ACCOUNT}:role/setpoint-scaler"


def grant(**changes: Any) -> dict[str, Any]:
    return {"namespaces": [NAMESPACE], "regions": [REGION], "resources": [RESOURCE], **changes}


def role_scope(with_role: AWSGateway) -> Scope:
    return with_role.scope(NAMESPACE, AWS(region=REGION, role=ROLE), RESOURCE)


def own_scope(own: AWSGateway) -> Scope:
    return own.scope(NAMESPACE, AWS(region=REGION), RESOURCE)


@pytest.fixture
def account(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    return new_account(aws, monkeypatch)


async def failure(awaited: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        await awaited
    return caught.value


async def test_the_account_is_that_of_the_identity_and_asked_for_once(account: AwsStack) -> None:
    own = gateway()
    scope = own_scope(own)
    together = await asyncio.gather(*(own.account(scope) for _ in range(5)))
    assert [*together, await own.account(scope)] == [account.account] * 6
    assert [call["operation"] for call in account.ledger()] == ["GetCallerIdentity"]


@pytest.mark.parametrize(
    "scope",
    [
        Scope("other", None, REGION, RESOURCE),
        Scope(NAMESPACE, ROLE, REGION, RESOURCE),
        Scope(NAMESPACE, None, "us-east-1", RESOURCE),
        Scope(NAMESPACE, None, REGION, "service/prod/database"),
    ],
    ids=["namespace", "role", "region", "resource"],
)
async def test_without_a_grant_nothing_is_asked(account: AwsStack, scope: Scope) -> None:
    refused = await failure(gateway(grant()).call(scope, "sts", "get_caller_identity"))
    assert refused.reason is Reason.NOT_GRANTED
    assert account.ledger() == []


async def test_a_role_is_assumed_with_its_external_id(account: AwsStack) -> None:
    account.settings(externalIds={ROLE: "s3cret"})
    with_role = gateway(grant(role=ROLE, externalId="s3cret"))
    assert await with_role.account(role_scope(with_role)) == OTHERS_ACCOUNT
    [assumed] = account.ledger()
    assert (assumed["operation"], assumed["region"]) == ("AssumeRole", REGION)


async def test_a_role_that_refuses_us_is_told_from_a_call_that_is_denied(account: AwsStack) -> None:
    account.settings(externalIds={ROLE: "s3cret"})
    with_role = gateway(grant(role=ROLE, externalId="wrong"))
    refused = await failure(with_role.account(role_scope(with_role)))
    assert refused.reason is Reason.ACCESS_DENIED
    assert "trust policy" in refused.message
    assert "is not authorized" not in refused.message, "AWS's own text"


async def test_expired_credentials_are_renewed_for_the_next_try(
    account: AwsStack, aws: AwsStack
) -> None:
    with_role = gateway(grant(role=ROLE))
    scope = role_scope(with_role)
    await with_role.call(scope, "rds", "describe_db_instances")
    aws.in_account(OTHERS_ACCOUNT).expire_sessions()
    expired = await failure(with_role.call(scope, "rds", "describe_db_instances"))
    assert expired.reason is Reason.AUTHENTICATION_FAILED
    assert "DBInstances" in await with_role.call(scope, "rds", "describe_db_instances")


@pytest.mark.parametrize("role", [None, ROLE], ids=["own", "role"])
async def test_no_credentials_at_all(
    account: AwsStack, role: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    bare = gateway(grant(role=role))
    failed = await failure(
        bare.call(Scope(NAMESPACE, role, REGION, RESOURCE), "rds", "describe_db_instances")
    )
    assert failed.reason is Reason.AUTHENTICATION_FAILED
    assert "service account" in failed.message


async def test_a_token_file_that_is_not_there(
    account: AwsStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent")
    own = gateway()
    failed = await failure(own.account(own_scope(own)))
    assert failed.reason is Reason.AUTHENTICATION_FAILED


async def test_throttling_is_one_call_and_a_failure(account: AwsStack) -> None:
    account.set_faults([{"service": "rds", "operation": "*", "kind": "throttle"}])
    own = gateway()
    failed = await failure(own.call(own_scope(own), "rds", "describe_db_instances"))
    assert failed.reason is Reason.THROTTLED
    assert len(account.ledger()) == 1, "retries are the queue's, with its backoff"


async def test_a_connection_that_is_cut(account: AwsStack) -> None:
    account.set_faults([{"service": "rds", "operation": "*", "kind": "reset", "count": 1}])
    own = gateway()
    failed = await failure(own.call(own_scope(own), "rds", "describe_db_instances"))
    assert failed.reason is Reason.CONNECTION_FAILED
    assert RESOURCE in failed.message


async def test_all_pages_or_none(account: AwsStack) -> None:
    shop.create_ecs_service(account, "prod", "web", 1)
    base = {
        "ServiceNamespace": "ecs",
        "ResourceId": RESOURCE,
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    client = account.boto3_client("application-autoscaling", REGION)
    client.register_scalable_target(**base, MinCapacity=1, MaxCapacity=5)
    for number in range(13):  # AWS gives ten a page
        client.put_scaling_policy(
            **base,
            PolicyName=f"policy-{number}",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity",
                "StepAdjustments": [{"ScalingAdjustment": 1, "MetricIntervalLowerBound": 0}],
            },
        )
    own = gateway()
    asked = (own_scope(own), "application-autoscaling", "describe_scaling_policies")
    found = await own.pages(*asked, "ScalingPolicies", ServiceNamespace="ecs")
    assert len(found) == 13

    second_page = {
        "service": "application-autoscaling", "operation": "DescribeScalingPolicies",
        "kind": "refuse", "match": {"NextToken": "*"}, "code": "InternalServiceException",
        "status": 500,
    }  # fmt: skip
    account.set_faults([second_page])
    failed = await failure(own.pages(*asked, "ScalingPolicies", ServiceNamespace="ecs"))
    assert failed.reason is Reason.CONNECTION_FAILED


async def test_a_slow_answer_does_not_hold_the_event_loop(account: AwsStack) -> None:
    own = gateway()
    await own.account(own_scope(own))
    account.set_faults([{"service": "rds", "operation": "*", "kind": "delay", "delay_ms": 500}])
    longest, start = 0.0, time.monotonic()
    call = asyncio.ensure_future(own.call(own_scope(own), "rds", "describe_db_instances"))
    while not call.done():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    await call
    assert time.monotonic() - start >= 0.5
    assert longest < 0.4, "the loop stood still while AWS took its time"


def requests(result: str) -> float:
    labels = {"service": "rds", "operation": "describe_db_instances", "result": result}
    return REGISTRY.get_sample_value("setpoint_aws_requests_total", labels) or 0


async def test_calls_are_counted_by_their_result(account: AwsStack) -> None:
    own = gateway()
    before = requests("ok"), requests("Throttled")
    await own.call(own_scope(own), "rds", "describe_db_instances")
    account.set_faults([{"service": "rds", "operation": "*", "kind": "throttle"}])
    await failure(own.call(own_scope(own), "rds", "describe_db_instances"))
    assert (requests("ok"), requests("Throttled")) == (before[0] + 1, before[1] + 1)


async def test_a_client_in_the_making_does_not_hold_other_calls(
    account: AwsStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = gateway(grant(), grant(role=ROLE))
    await own.call(own_scope(own), "rds", "describe_db_instances")
    made, making = threading.Event(), threading.Event()
    real = sessions._boto_session

    def slow(identity: Identity, config: Any) -> Any:
        making.set()
        assert made.wait(30)
        return real(identity, config)

    monkeypatch.setattr(sessions, "_boto_session", slow)
    waiting = [
        asyncio.ensure_future(own.call(role_scope(own), "rds", "describe_db_instances"))
        for _ in range(2 * sessions.THREADS)
    ]
    await asyncio.to_thread(making.wait, 30)
    for _ in range(3):
        await own.call(own_scope(own), "rds", "describe_db_instances")
    assert not any(call.done() for call in waiting)
    made.set()
    await asyncio.gather(*waiting)
    assert sum(call["operation"] == "AssumeRole" for call in account.ledger()) == 1


async def test_a_write_waits_for_the_lease_and_a_read_does_not(account: AwsStack) -> None:
    shop.create_ecs_service(account, "prod", "web", 1)
    account.clear_ledger()
    fence = Fence(write_seconds=1.0, call_seconds=5.0)
    own = gateway(fence=fence)
    fence.open_until(boottime() + 60)
    read = (own_scope(own), "application-autoscaling", "describe_scalable_targets")
    await own.call(*read, ServiceNamespace="ecs")
    fence.open_until(boottime() + 3)
    writing = asyncio.ensure_future(
        own.call(
            own_scope(own),
            "application-autoscaling",
            "register_scalable_target",
            ServiceNamespace="ecs",
            ResourceId="service/prod/web",
            ScalableDimension="ecs:service:DesiredCount",
            MinCapacity=1,
            MaxCapacity=2,
        )
    )

    await own.call(*read, ServiceNamespace="ecs")
    assert not writing.done(), "3 s are less than a call may take"
    fence.open_until(boottime() + 60)
    await writing
    written = [c["operation"] for c in account.ledger() if c["mutating"]]
    assert written == ["RegisterScalableTarget"]

    # Without the lease nothing is sent at all, not even what was on its way.
    fence.close()
    failed = await failure(own.call(*read, ServiceNamespace="ecs"))
    assert failed.reason is Reason.CONNECTION_FAILED
    await own.close()
