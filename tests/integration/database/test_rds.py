"""The RDS half of DBTuning against the strict stand-in for AWS."""

from collections.abc import Callable
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy
from setpoint.config import Config
from setpoint.database.kind import DBTuningKind
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network
from stack import shop
from stack.aws.client import AwsStack
from tests.integration.aws.account import REGION, gateway, new_account
from tests.integration.aws.loop import Loop


class NoSecrets:
    """An RDS instance alone needs none."""

    async def read(self, namespace: str, name: str) -> dict[str, str]:
        raise AssertionError(f"the Secret {namespace}/{name} was read")


class Instance:
    """RDS instance `orders`, Postgres on gp3, in an account of its own."""

    def __init__(self, account: AwsStack, storage: int = 100, **values: Any) -> None:
        self.account = account
        shop.create_rds_instance(account, "orders", instance_class="db.t4g.medium", storage=storage)
        if values:
            account.set_instance(REGION, "orders", **values)
        self.client = account.boto3_client("rds", REGION)

    def loop(self, **rds: Any) -> Loop:
        kind = DBTuningKind(NoSecrets(), Network(Config, ()), gateway())
        return Loop(kind, self.spec(**rds))

    @staticmethod
    def spec(**rds: Any) -> dict[str, Any]:
        return {
            "aws": {"region": REGION},
            "approval": "None",
            "rds": {"instance": "orders", **rds},
        }

    def described(self, *names: str) -> list[Any]:
        [found] = self.client.describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"]
        return [found.get(name) for name in names]

    def run_window(self) -> None:
        """The maintenance window opens, and everything in it is done."""
        self.account.run_maintenance(REGION, "orders")

    def sent(self) -> list[dict[str, Any]]:
        """Parameters of each ModifyDBInstance."""
        calls = [c for c in self.account.ledger() if c["operation"] == "ModifyDBInstance"]
        return [{k: v for k, v in c["params"].items() if v is not None} for c in calls]


MakeInstance = Callable[..., Instance]


@pytest.fixture
def make(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> MakeInstance:
    account = new_account(aws, monkeypatch)
    return lambda **values: Instance(account, **values)


async def test_only_what_differs_is_sent_once_and_waits_for_the_window(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop(instanceClass="db.r6g.large", allocatedStorage="100Gi")
    done = await loop.attempt()
    await loop.attempt()

    assert instance.sent() == [
        {
            "DBInstanceIdentifier": "orders",
            "DBInstanceClass": "db.r6g.large",
            "ApplyImmediately": False,
        }
    ]
    assert not done.gated.runnable
    assert "class db.r6g.large" in done.decision.pending
    assert loop.status["rds"] == {
        "instance": "orders",
        "state": "available",
        "instanceClass": "db.t4g.medium",
        "allocatedStorage": "100Gi",
        "pending": "class db.r6g.large, sun:03:00",
    }
    instance.run_window()
    done = await loop.attempt()
    assert (done.decision.pending, loop.status["rds"]["instanceClass"]) == ("", "db.r6g.large")


async def test_storage_and_its_limit_grow_together(make: MakeInstance) -> None:
    instance = make(MaxAllocatedStorage=150)
    loop = instance.loop(allocatedStorage="200Gi", maxAllocatedStorage="1Ti")
    done = await loop.attempt()
    assert not done.failures
    first, second = instance.sent()
    assert "MaxAllocatedStorage" in first, "the storage may never exceed its limit"
    assert second["AllocatedStorage"] == 200
    instance.run_window()
    assert instance.described("AllocatedStorage", "MaxAllocatedStorage") == [200, 1024]


async def test_a_larger_storage_is_left_alone(make: MakeInstance) -> None:
    instance = make(storage=300)
    done = await instance.loop(allocatedStorage="200Gi").attempt()
    assert (done.done, instance.sent()) == ((), [])


async def test_a_limit_that_equals_the_storage_turns_autoscaling_off(make: MakeInstance) -> None:
    instance = make(MaxAllocatedStorage=500)
    loop = instance.loop(maxAllocatedStorage="100Gi")
    done = await loop.attempt()
    assert not done.gated.runnable, "RDS shows no limit then: that is what was asked for"
    await loop.attempt()
    assert len(instance.sent()) == 1


async def test_a_limit_below_the_storage_means_no_more_growth(make: MakeInstance) -> None:
    instance = make(storage=300, MaxAllocatedStorage=500)
    done = await instance.loop(maxAllocatedStorage="200Gi").attempt()
    assert not done.failures
    assert not done.gated.runnable
    assert instance.described("AllocatedStorage") == [300]


@pytest.mark.parametrize(
    ("storage", "values", "iops"),
    [
        (100, {}, 12_000),  # it becomes striped
        (500, {}, 12_000),
        (100, {"StorageType": "io1", "Iops": 2000}, 2000),
    ],
    ids=["gp3 across 400 GiB", "gp3 above 400 GiB", "io1"],
)
async def test_iops_go_with_the_size_where_rds_wants_both(
    make: MakeInstance, storage: int, values: dict[str, Any], iops: int
) -> None:
    instance = make(storage=storage, **values)
    done = await instance.loop(allocatedStorage="600Gi").attempt()
    assert not done.failures
    instance.run_window()
    assert instance.described("AllocatedStorage", "Iops") == [600, iops]


@pytest.mark.parametrize("state", ["modifying", "stopped", "a-state-of-the-future"])
async def test_an_instance_that_takes_no_change_is_waited_for(
    make: MakeInstance, state: str
) -> None:
    instance = make(DBInstanceStatus=state)
    done = await instance.loop(instanceClass="db.r6g.large").attempt()
    assert [action.blocked_by for action in done.gated.actions] == [BlockedBy.STATE]
    assert instance.sent() == []


async def test_a_refused_storage_change_is_tried_again_later(make: MakeInstance) -> None:
    instance = make()
    refused = {
        "service": "rds", "operation": "ModifyDBInstance", "kind": "refuse",
        "code": "InvalidParameterCombination",
        "message": "You can't currently modify the storage of this DB instance because the "
        "previous storage change is being optimized.",
    }  # fmt: skip
    instance.account.set_faults([refused])
    done = await instance.loop(allocatedStorage="200Gi").attempt()
    assert [failure.reason for failure in done.failures] == [Reason.BUSY]


async def test_an_instance_that_is_not_there(aws: AwsStack, make: MakeInstance) -> None:
    loop = make().loop()
    loop.set_spec({"aws": {"region": REGION}, "rds": {"instance": "invoices"}})
    with pytest.raises(Failure) as caught:
        await loop.attempt()
    assert caught.value.reason is Reason.TARGET_NOT_FOUND


@pytest.mark.parametrize("in_window", [False, True], ids=["pending", "applied"])
async def test_revert_puts_class_and_limit_back(make: MakeInstance, in_window: bool) -> None:
    instance = make()
    loop = instance.loop(instanceClass="db.r6g.large", maxAllocatedStorage="1Ti")
    await loop.attempt()
    if in_window:
        instance.run_window()
    assert sorted(await loop.revert()) == ["instanceClass", "maxAllocatedStorage"]
    instance.run_window()
    assert instance.described("DBInstanceClass", "MaxAllocatedStorage") == ["db.t4g.medium", None]
