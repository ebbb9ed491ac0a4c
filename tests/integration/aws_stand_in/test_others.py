"""ECS, STS."""

from typing import Any

from stack.aws.client import AwsStack

from .conftest import REGION, Refused, Service

ROLE = "arn:aws:iam::210000000001:role/scaler"


def test_ten_services_a_call_and_failures_for_the_missing(
    service: Service, refused: Refused
) -> None:
    ask = service.ecs.describe_services
    code, _ = refused(ask, cluster="prod", services=[f"s{number}" for number in range(11)])
    assert code == "InvalidParameterException"
    assert refused(ask, cluster="prod", services=[])[0] == "InvalidParameterException"
    assert refused(ask, cluster="none", services=["web"])[0] == "ClusterNotFoundException"
    answer = ask(cluster="prod", services=["web", "absent"])
    assert [found["serviceName"] for found in answer["services"]] == ["web"]
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]


def test_tasks_run_as_soon_as_they_are_wanted(service: Service) -> None:
    service.ecs.update_service(cluster="prod", service="web", desiredCount=7)
    found = service.described()
    assert (found["desiredCount"], found["runningCount"], found["pendingCount"]) == (7, 7, 0)
    [deployment] = found["deployments"]
    assert (deployment["rolloutState"], deployment["runningCount"]) == ("COMPLETED", 7)


def test_a_deployment_that_lasts(service: Service) -> None:
    service.account.set_service(REGION, "prod", "web", deploying=True, running=1)
    found = service.described()
    assert (found["runningCount"], found["pendingCount"]) == (1, 3)
    assert found["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    service.account.set_service(REGION, "prod", "web")
    assert service.described()["deployments"][0]["rolloutState"] == "COMPLETED"


def sts(account: AwsStack) -> Any:
    return account.boto3_client("sts", REGION)


def test_an_access_key_of_twelve_digits_is_an_account(account: AwsStack) -> None:
    assert sts(account).get_caller_identity()["Account"] == account.account


def test_a_role_leads_into_its_own_account(account: AwsStack) -> None:
    answer = sts(account).assume_role(RoleArn=ROLE, RoleSessionName="setpoint")
    assumed = AwsStack(account.base_url, answer["Credentials"]["AccessKeyId"])
    identity = sts(assumed).get_caller_identity()
    assert identity["Account"] == "210000000001"
    assert identity["Arn"] == "arn:aws:sts::210000000001:assumed-role/scaler/setpoint"
    Service(account.in_account("210000000001"), "elsewhere")
    ecs = assumed.boto3_client("ecs", REGION)
    assert len(ecs.describe_services(cluster="prod", services=["elsewhere"])["services"]) == 1
    [call] = [c for c in account.in_account("210000000001").ledger() if c["role"] == ROLE
              and c["service"] == "ecs"]  # fmt: skip
    assert call["operation"] == "DescribeServices"


def test_external_ids_and_refused_roles(account: AwsStack, refused: Refused) -> None:
    refusing = ROLE.replace("scaler", "refusing")
    account.settings(externalIds={ROLE: "secret"}, refusedRoles=[refusing])
    asked = {"RoleArn": ROLE, "RoleSessionName": "setpoint"}
    assume = sts(account).assume_role
    for more in ({}, {"ExternalId": "wrong"}, {"RoleArn": refusing}):
        code, message = refused(assume, **{**asked, **more})
        assert code == "AccessDenied"
        assert "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam" in message
    assert assume(**asked, ExternalId="secret")["Credentials"]["SessionToken"]


def test_a_web_identity_needs_no_key(account: AwsStack) -> None:
    answer = sts(account).assume_role_with_web_identity(
        RoleArn=ROLE, RoleSessionName="setpoint", WebIdentityToken="token"
    )
    assumed = AwsStack(account.base_url, answer["Credentials"]["AccessKeyId"])
    assert sts(assumed).get_caller_identity()["Account"] == "210000000001"


def test_credentials_expire(account: AwsStack, refused: Refused) -> None:
    answer = sts(account).assume_role(RoleArn=ROLE, RoleSessionName="setpoint")
    assumed = AwsStack(account.base_url, answer["Credentials"]["AccessKeyId"])
    account.expire_sessions()
    assert refused(sts(assumed).get_caller_identity)[0] == "ExpiredToken"
    ecs = assumed.boto3_client("ecs", REGION)
    assert refused(ecs.list_clusters)[0] == "ExpiredTokenException"
