"""The ledger, faults, denials, settings: what tests and the demo steer by."""

import os
import time
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from stack.aws.client import AwsStack

from .conftest import REGION, Refused, Service


def fault(operation: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"service": "application-autoscaling", "operation": operation, "kind": kind, **more}


def test_the_ledger_has_every_call(service: Service, refused: Refused) -> None:
    start = service.account.last_call()
    refused(service.track)
    service.register()
    service.target()
    calls = service.account.ledger(start)
    shown = [(c["operation"], c["mutating"], c["status"], c["code"]) for c in calls]
    assert shown == [
        ("PutScalingPolicy", True, 400, "ObjectNotFoundException"),
        ("RegisterScalableTarget", True, 200, None),
        ("DescribeScalableTargets", False, 200, None),
    ]
    assert calls[1]["params"]["MinCapacity"] == 2
    assert calls[1]["account"] == calls[1]["accessKey"] == service.account.account
    assert calls[1]["region"] == REGION
    assert [c["operation"] for c in service.account.mutations(start)] == [
        "PutScalingPolicy",
        "RegisterScalableTarget",
    ]
    service.account.clear_ledger()
    assert service.account.ledger() == []
    service.target()
    assert service.account.last_call() > calls[-1]["seq"], "numbers go on"


def test_moto_answers_are_in_the_ledger_with_their_codes(
    account: AwsStack, refused: Refused
) -> None:
    ecs = account.boto3_client("ecs", REGION)
    code, _ = refused(ecs.update_service, cluster="none", service="none")
    assert [(c["operation"], c["code"]) for c in account.ledger()] == [("UpdateService", code)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"kind": "throttle"}, ("ThrottlingException", "Rate exceeded")),
        (
            {"kind": "throttle", "code": "FailedResourceAccessException"},
            ("FailedResourceAccessException", "Rate exceeded"),
        ),
        (
            {"kind": "refuse", "code": "ConcurrentUpdateException", "message": "later"},
            ("ConcurrentUpdateException", "later"),
        ),
        ({"kind": "http", "status": 503, "code": "ServiceUnavailable"}, ("ServiceUnavailable", "")),
    ],
    ids=["throttle", "disguised", "refuse", "http"],
)
def test_faults_answer(
    service: Service, refused: Refused, rule: dict[str, Any], expected: tuple[str, str]
) -> None:
    service.account.set_faults([{**fault("Describe*", ""), **rule, "count": 1}])
    assert refused(service.policies) == expected
    assert service.policies() == []
    assert service.account.faults()[0]["count"] == 0
    assert [c["fault"] for c in service.account.ledger()[-2:]] == [rule["kind"], None]


def test_a_rate_spares_the_calls_within_it(service: Service, refused: Refused) -> None:
    service.account.set_faults([fault("Describe*", "throttle", per_second=0.001)])
    service.policies()
    assert refused(service.policies) == ("ThrottlingException", "Rate exceeded")
    service.register()


def test_old_services_have_the_old_code(service: Service, refused: Refused) -> None:
    service.account.set_faults([{"service": "*", "operation": "*", "kind": "throttle"}])
    assert refused(service.alarms) == ("Throttling", "Rate exceeded")
    assert refused(service.described) == ("ThrottlingException", "Rate exceeded")


def test_faults_choose_by_parameter_and_account(
    aws: AwsStack, service: Service, refused: Refused
) -> None:
    other = Service(aws.in_account(f"3{str(service.account.account)[1:]}"))
    rule = fault("RegisterScalableTarget", "throttle", match={"ResourceId": "service/prod/w*"})
    service.account.set_faults([rule])
    other.register()
    assert refused(service.register)[0] == "ThrottlingException"
    service.account.clear_faults()
    service.register()


def test_a_later_page_may_fail(service: Service, refused: Refused) -> None:
    service.register()
    for number in range(12):
        service.step(f"s{number}")
    rule = fault("DescribeScalingPolicies", "throttle", match={"NextToken": "*"})
    service.account.set_faults([rule])
    pages = service.scaling.get_paginator("describe_scaling_policies")
    assert refused(lambda: list(pages.paginate(ServiceNamespace="ecs")))[0] == "ThrottlingException"
    assert len(service.policies()) == 10


def test_the_third_page_may_fail(service: Service, refused: Refused) -> None:
    service.register()
    for number in range(35):
        service.step(f"s{number}")
    rule = fault("DescribeScalingPolicies", "throttle", match={"NextToken": "*"}, after=1, count=1)
    service.account.set_faults([rule])
    ask, shown = service.scaling.describe_scaling_policies, []
    first = ask(ServiceNamespace="ecs")
    second = ask(ServiceNamespace="ecs", NextToken=first["NextToken"])
    token = second["NextToken"]
    found = refused(ask, ServiceNamespace="ecs", NextToken=token)
    assert found == ("ThrottlingException", "Rate exceeded")
    third = ask(ServiceNamespace="ecs", NextToken=token)
    for page in (first, second, third):
        shown += [policy["PolicyName"] for policy in page["ScalingPolicies"]]
    assert len(set(shown)) == 30, "the token is good for another try"


@pytest.mark.parametrize(
    ("listing", "method", "item"),
    [
        ("ScalableTargets", "describe_scalable_targets", {"ScalableDimension": "ecs:task:Cpu"}),
        ("ScalingPolicies", "describe_scaling_policies", {"PolicyType": "ClairvoyantScaling"}),
        ("ScheduledActions", "describe_scheduled_actions", {"Schedule": "full-moon()"}),
    ],
)
def test_objects_that_aws_has_added_since(
    service: Service, listing: str, method: str, item: dict[str, Any]
) -> None:
    service.register()
    created = "2026-11-24T12:00:00+00:00"
    named = {"ServiceNamespace": "ecs", "ResourceId": "service/prod/new", "CreationTime": created}
    service.account.put_raw(REGION, listing, [{**named, **item}])
    ask = getattr(service.scaling, method)
    found = ask(ServiceNamespace="ecs")[listing][-1]
    assert {name: found[name] for name in item} == item
    assert found["CreationTime"].isoformat() == created
    assert ask(ServiceNamespace="rds")[listing] == []
    service.account.put_raw(REGION, listing, [])
    assert all(each["ResourceId"] != "service/prod/new" for each in ask(ServiceNamespace="ecs")
               [listing])  # fmt: skip


def test_an_activity_of_an_unknown_status(service: Service) -> None:
    service.account.add_activity(REGION, service.resource, StatusCode="Postponed")
    found = service.scaling.describe_scaling_activities(ServiceNamespace="ecs")
    assert [each["StatusCode"] for each in found["ScalingActivities"]] == ["Postponed"]


def test_calls_are_counted_by_operation(service: Service) -> None:
    start = service.account.last_call()
    service.register()
    service.target()
    service.target()
    assert service.account.counts(start) == {
        "application-autoscaling:RegisterScalableTarget": 1,
        "application-autoscaling:DescribeScalableTargets": 2,
    }


def test_pages_may_be_short(service: Service) -> None:
    service.register()
    for number in range(7):
        service.step(f"s{number}")
    service.account.set_faults([fault("DescribeScalingPolicies", "partial_page", count=2)])
    pages = service.scaling.get_paginator("describe_scaling_policies")
    sizes = [len(p["ScalingPolicies"]) for p in pages.paginate(ServiceNamespace="ecs")]
    assert (sizes, sum(sizes)) == ([3, 2, 2], 7)


def test_connections_break_before_or_after_the_call(service: Service) -> None:
    service.account.set_faults([fault("RegisterScalableTarget", "reset", count=1)])
    with pytest.raises(ConnectionClosedError):
        service.register()
    assert (
        service.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    )
    service.account.set_faults([fault("RegisterScalableTarget", "lost", count=1)])
    with pytest.raises(ConnectionClosedError):
        service.register()
    assert service.target()["MinCapacity"] == 2, "it was carried out"
    assert [c["status"] for c in service.account.mutations()[-2:]] == [0, 0]


def test_delays_do_not_hold_up_others(service: Service) -> None:
    service.account.set_faults([fault("Describe*", "delay", delay_ms=300)])
    start = time.monotonic()
    service.policies()
    assert time.monotonic() - start >= 0.3
    assert service.account.ledger()[-1]["ms"] >= 300


@pytest.mark.parametrize(
    ("action", "method"),
    [("cloudwatch:PutMetricAlarm", "track"), ("ecs:UpdateService", "register"),
     ("iam:CreateServiceLinkedRole", "register")],
)  # fmt: skip
def test_rights_on_other_services_are_a_validation_exception(
    service: Service, refused: Refused, action: str, method: str
) -> None:
    if method == "track":
        service.register()
    service.account.deny({"action": action})
    code, message = refused(getattr(service, method))
    assert code == "ValidationException"
    assert f"is not authorized to perform: {action} on resource: service/prod/web" in message


def test_describing_policies_needs_the_right_to_see_alarms(
    service: Service, refused: Refused
) -> None:
    service.account.deny({"action": "cloudwatch:DescribeAlarms"})
    assert refused(service.policies)[0] == "FailedResourceAccessException"
    assert refused(service.alarms)[0] == "AccessDenied"


def test_denials_by_resource(service: Service, refused: Refused) -> None:
    service.account.deny(
        {"action": "application-autoscaling:*", "resource": "service/prod/web"},
        {"action": "rds:ModifyDBInstance"},
    )
    assert refused(service.register)[0] == "AccessDeniedException"
    rds = service.account.boto3_client("rds", REGION)
    assert refused(rds.modify_db_instance, DBInstanceIdentifier="x")[0] == "AccessDenied"
    assert (
        service.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    )
    service.account.deny()
    service.register()


def test_accounts_are_reset_one_by_one(aws: AwsStack, service: Service) -> None:
    other = Service(aws.in_account(f"4{str(service.account.account)[1:]}"))
    other.register()
    service.register()
    service.account.reset()
    assert service.account.ledger() == []
    assert service.ecs.list_clusters()["clusterArns"] == []
    assert other.target()["MinCapacity"] == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a: a.settings(rdsMinutes=1), "no setting is called rdsMinutes"),
        (lambda a: a.set_faults([fault("x", "explode")]), "no fault is called 'explode'"),
        (lambda a: a.set_service(REGION, "prod", "gone"), "no active service gone in prod"),
        (lambda a: a.set_instance(REGION, "gone"), "DBInstance gone not found"),
        (lambda a: a.put_raw(REGION, "Policies", []), "no listing is called 'Policies'"),
    ],
)
def test_wrong_control_calls_say_why(account: AwsStack, call: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call(account)


def test_the_users_shell_does_not_matter(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, "/nonexistent/bundle.pem")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert os.environ["HTTP_PROXY"]
    client = service.account.boto3_client("ecs", REGION)
    assert client.list_clusters()["clusterArns"]
    assert service.account.ledger()


def test_connections_are_kept(service: Service) -> None:
    metadata = service.ecs.list_clusters()["ResponseMetadata"]
    assert metadata["HTTPHeaders"].get("connection", "keep-alive") == "keep-alive"
