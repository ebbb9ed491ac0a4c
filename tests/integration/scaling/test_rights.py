"""The IAM policies of deploy/iam, kind by kind and mode by mode: enough, and no action too many.

That those of Enforce are not too much is told at the end of the whole suite, in tests/ledgers.
"""

import itertools
from pathlib import Path
from typing import Any

import pytest

from setpoint.api.aws_scaling import DIMENSIONS, LABELLED_METRICS, METRICS, RESOURCE_IDS
from setpoint.aws.gateway import AWSGateway
from setpoint.aws.reads import Reads
from setpoint.database.kind import DBTuningKind
from setpoint.scaling.kind import ScalingKind
from setpoint.trust.network import Network
from stack import shop
from stack.aws.client import AwsStack, iam_policies
from tests.integration.aws.account import NAMESPACE, REGION, gateway, new_account
from tests.integration.aws.loop import Loop
from tests.integration.database.catalog import CONFIG
from tests.integration.scaling.service import BASE, CPU, Service, spec

TARGETS = sorted(
    path.stem for path in (Path(__file__).parents[3] / "deploy/iam/targets").glob("*.json")
)
_accounts = itertools.count(310_000_000_000)


def actions(*names: str) -> list[str]:
    found = {
        action
        for document in iam_policies(*names)
        for statement in document["Statement"]
        for action in statement["Action"]
    }
    return sorted(found)


def as_role(account: AwsStack, *names: str) -> tuple[str, AWSGateway]:
    """A role with these policies alone, and a gateway that assumes it."""
    role = f"arn:aws:iam::{account.account}:role/setpoint-{'-'.join(names)}"
    account.attach(role, *iam_policies(*names))
    granted = {
        "namespaces": [NAMESPACE], "role": role, "regions": [REGION], "resources": ["*"],
    }  # fmt: skip
    return role, gateway(granted)


async def test_observing_a_scaled_service_takes_what_the_policy_has(service: Service) -> None:
    service.register(2, 10)
    service.track("cpu", CPU, 60)
    service.client.put_scheduled_action(
        **BASE, ScheduledActionName="morning", Schedule="cron(0 8 ? * MON-FRI *)",
        ScalableTargetAction={"MinCapacity": 3},
    )  # fmt: skip
    role, made = as_role(service.account, "scalingpolicy-observe")
    observed = spec(mode="Observe", deletionPolicy="Revert", aws={"region": REGION, "role": role})

    done = await Loop(ScalingKind(made, Reads(made)), observed).attempt()

    assert not done.failures
    rights = service.account.rights()[role]
    assert rights == {"used": actions("scalingpolicy-observe"), "refused": []}


async def test_observing_an_instance_takes_what_the_policy_has(
    aws: AwsStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = new_account(aws, monkeypatch)
    shop.create_rds_instance(account, "orders", instance_class="db.r6g.large", storage=100)
    role, made = as_role(account, "dbtuning-observe")
    kind = DBTuningKind(NoSecrets(), Network(lambda: CONFIG), made, Reads(made))
    wanted: dict[str, Any] = {
        "mode": "Observe", "aws": {"region": REGION, "role": role},
        "rds": {"instance": "orders", "allocatedStorage": "200Gi"},
    }  # fmt: skip

    done = await Loop(kind, wanted).attempt()

    assert not done.failures
    assert account.rights()[role] == {"used": actions("dbtuning-observe"), "refused": []}


class NoSecrets:
    """An RDS instance alone needs none."""

    async def read(self, namespace: str, name: str) -> dict[str, str]:
        raise AssertionError(f"the Secret {namespace}/{name} was read")


async def test_enforcing_with_the_policy_of_observing_is_refused(service: Service) -> None:
    role, made = as_role(service.account, "scalingpolicy-observe")
    loop = Loop(ScalingKind(made, Reads(made)), spec(aws={"region": REGION, "role": role}))

    done = await loop.attempt()

    assert [str(failure.reason) for failure in done.failures] == ["AccessDenied"]
    assert service.bounds() is None


@pytest.mark.parametrize("namespace", TARGETS)
async def test_another_service_takes_its_own_policy_too(service: Service, namespace: str) -> None:
    names = ("scalingpolicy-enforce", f"targets/{namespace}")
    role, made = as_role(service.account, *names)
    dimension = next(name for name, of in DIMENSIONS.items() if of == namespace)
    wanted = spec(
        aws={"region": REGION, "role": role},
        target={
            "scalableTarget": {
                "serviceNamespace": namespace,
                "resourceId": RESOURCE_IDS.get(dimension, ("", "https://example.com/x"))[1],
                "scalableDimension": dimension,
            }
        },
        capacity={"min": 2, "max": 20},
        targetTracking=[{"metric": metric, "target": 60} for metric in _metrics(dimension)],
    )

    done = await Loop(ScalingKind(made, Reads(made)), wanted).attempt()

    assert not done.failures
    rights = service.account.rights()[role]
    assert rights["refused"] == []
    assert set(actions(f"targets/{namespace}")) <= set(rights["used"])


def _metrics(dimension: str) -> list[str]:
    return [metric for metric in METRICS[dimension] if metric not in LABELLED_METRICS][:1]
