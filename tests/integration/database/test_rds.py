"""The RDS half of DBTuning against the strict stand-in for AWS."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy
from setpoint.config import Config
from setpoint.engine import findings
from setpoint.engine.attempt import Attempt
from setpoint.engine.failure import Failure
from setpoint.engine.plan import APPROVE
from setpoint.trust.network import Network
from stack import shop
from stack.aws.client import AwsStack
from tests.integration.aws.account import NAMESPACE, REGION, new_account
from tests.integration.aws.loop import Loop
from tests.integration.database.catalog import Database, kind

OLD, NEW = "db.t4g.medium", "db.r6g.large"
GP2 = {"StorageType": "gp2", "Iops": None, "StorageThroughput": None}
IO1 = {"StorageType": "io1", "Iops": 2000, "StorageThroughput": None}
SUNDAY = {"cron": "0 3 * * SUN", "duration": "2h", "timeZone": "Europe/Berlin"}


class NoSecrets:
    """An RDS instance alone needs none."""

    async def read(self, namespace: str, name: str) -> dict[str, str]:
        raise AssertionError(f"the Secret {namespace}/{name} was read")


class Clock:
    """Ours; RDS has its own. It stands on a Saturday evening."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Instance:
    """RDS instance `orders`, Postgres on gp3, in an account of its own. A change takes no time."""

    def __init__(self, account: AwsStack, storage: int = 100, **values: Any) -> None:
        self.account, self.clock = account, Clock()
        account.settings(rdsSeconds=0)
        shop.create_rds_instance(account, "orders", instance_class=OLD, storage=storage)
        self.client = account.boto3_client("rds", REGION)
        if values:
            self.set(**values)
        account.clear_ledger()

    def loop(self, mode: str = "Enforce", approval: str = "None", **rds: Any) -> Loop:
        made = kind(NoSecrets(), Network(Config, ()), now=self.clock)
        return Loop(made, self.spec(mode, approval, **rds), self.clock)

    @staticmethod
    def spec(mode: str = "Enforce", approval: str = "None", **rds: Any) -> dict[str, Any]:
        return {
            "aws": {"region": REGION},
            "mode": mode,
            "approval": approval,
            "rds": {"instance": "orders", **rds},
        }

    def set(self, **values: Any) -> None:
        self.account.set_instance(REGION, "orders", **values)

    def modify(self, **values: Any) -> None:
        """Somebody else does."""
        self.client.modify_db_instance(DBInstanceIdentifier="orders", **values)
        self.account.clear_ledger()

    def described(self, *names: str) -> list[Any]:
        [found] = self.client.describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"]
        return [found.get(name) for name in names]

    def run_window(self) -> None:
        """RDS's maintenance window opens, and everything in it is done."""
        self.account.run_maintenance(REGION, "orders")

    def restarts(self) -> int:
        answer = self.client.describe_events(SourceIdentifier="orders", SourceType="db-instance")
        return len(answer["Events"])

    def sent(self) -> list[dict[str, Any]]:
        """What each ModifyDBInstance that RDS has taken asked for."""
        calls = [c for c in self.account.ledger() if c["operation"] == "ModifyDBInstance"]
        return [
            {k: v for k, v in c["params"].items() if v is not None and k != "DBInstanceIdentifier"}
            for c in calls
            if not c["code"]
        ]


MakeInstance = Callable[..., Instance]


@pytest.fixture
def make(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> MakeInstance:
    account = new_account(aws, monkeypatch)
    return lambda **values: Instance(account, **values)


async def rounds(loop: Loop, number: int) -> Attempt:
    for _ in range(number):
        done = await loop.attempt()
    return done


# What is sent, and when


async def test_only_what_differs_is_sent_once_and_waits_for_the_window(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop(instanceClass=NEW, allocatedStorage="100Gi")
    done = await loop.attempt()
    await loop.attempt()

    assert instance.sent() == [{"DBInstanceClass": NEW, "ApplyImmediately": False}]
    assert not done.gated.runnable
    assert f"instanceClass {NEW}" in done.decision.pending
    assert loop.status["rds"] == {
        "instance": "orders",
        "state": "available",
        "instanceClass": OLD,
        "allocatedStorage": "100Gi",
        "pending": "class, Sun 03:00",
        "queuedClass": NEW,
        "modifications": [
            {
                "at": "2026-11-28T20:00:00Z",
                "values": f"DBInstanceClass={NEW}",
                "immediately": False,
            }
        ],
    }
    instance.run_window()
    done = await loop.attempt()
    assert (done.decision.pending, loop.status["rds"]["instanceClass"]) == ("", NEW)


async def test_storage_and_its_limit_grow_together_at_once(make: MakeInstance) -> None:
    instance = make(MaxAllocatedStorage=150)
    loop = instance.loop(allocatedStorage="200Gi", maxAllocatedStorage="1Ti")
    done = await rounds(loop, 2)
    assert not done.failures
    assert instance.sent() == [
        {"AllocatedStorage": 200, "MaxAllocatedStorage": 1024, "ApplyImmediately": True}
    ]
    assert instance.described("AllocatedStorage", "MaxAllocatedStorage") == [200, 1024]
    assert instance.restarts() == 0


async def test_the_plan_shows_what_rds_will_make_of_it(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop("Plan", allocatedStorage="101Gi")
    done = await loop.attempt()
    assert [(a.from_, a.to) for a in done.gated.actions] == [("100Gi", "110Gi")]
    assert instance.account.mutations() == []
    loop.annotations[APPROVE] = done.gated.digest
    await loop.attempt()
    assert instance.described("AllocatedStorage") == [110]


async def test_a_limit_that_cannot_be_kept_is_turned_off_before_the_storage_grows(
    make: MakeInstance,
) -> None:
    instance = make(MaxAllocatedStorage=120)
    loop = instance.loop(allocatedStorage="118Gi", maxAllocatedStorage="120Gi")
    done = await rounds(loop, 3)
    assert (done.failures, done.gated.actions) == ((), [])
    assert instance.described("AllocatedStorage", "MaxAllocatedStorage") == [118, 120]

    loop.set_spec(instance.spec(allocatedStorage="119Gi", maxAllocatedStorage="120Gi"))
    done = await rounds(loop, 3)
    assert (done.failures, done.gated.actions) == ((), [])
    assert instance.described("AllocatedStorage", "MaxAllocatedStorage") == [130, None]


async def test_a_larger_storage_is_left_alone(make: MakeInstance) -> None:
    instance = make(storage=300)
    done = await instance.loop(allocatedStorage="200Gi").attempt()
    assert (done.done, instance.sent()) == ((), [])


async def test_a_limit_that_equals_the_storage_turns_autoscaling_off(make: MakeInstance) -> None:
    instance = make(MaxAllocatedStorage=500)
    loop = instance.loop(maxAllocatedStorage="100Gi")
    done = await rounds(loop, 2)
    assert not done.gated.runnable, "RDS shows no limit then: that is what was asked for"
    assert len(instance.sent()) == 1


@pytest.mark.parametrize(
    ("storage", "values", "spec", "expected"),
    [
        (100, {}, {}, [600, "gp3", 12_000, 500]),
        (500, {}, {}, [600, "gp3", 12_000, 500]),
        (100, IO1, {}, [600, "io1", 2000, None]),
        (100, GP2, {}, [600, "gp2", None, None]),
        (500, {}, {"iops": 16_000, "storageThroughput": 1000}, [600, "gp3", 16_000, 1000]),
        (100, IO1, {"iops": 2100}, [600, "io1", 2200, None]),
        (500, GP2, {"storageType": "gp3", "iops": 13_000}, [600, "gp3", 13_000, 500]),
    ],
    ids=["gp3 across 400 GiB", "gp3 above 400 GiB", "io1", "gp2", "chosen", "rounded", "migrated"],
)  # fmt: skip
async def test_what_rds_wants_with_the_size_goes_along(
    make: MakeInstance,
    storage: int,
    values: dict[str, Any],
    spec: dict[str, Any],
    expected: list[Any],
) -> None:
    instance = make(storage=storage, **values)
    done = await rounds(instance.loop(allocatedStorage="600Gi", **spec), 3)
    assert not done.failures
    names = ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput")
    assert instance.described(*names) == expected
    assert (len(instance.sent()), instance.restarts()) == (1, 0)


async def test_provisioned_iops_grow_with_a_storage_that_they_are_too_few_for(
    make: MakeInstance,
) -> None:
    instance = make(StorageType="io1", Iops=1000, StorageThroughput=None)
    done = await rounds(instance.loop(allocatedStorage="3000Gi", maxAllocatedStorage="4000Gi"), 3)
    assert ["at most 3000Gi with 1500 IOPS" in f.message for f in done.failures] == [True]
    assert instance.described("AllocatedStorage", "Iops") == [3000, 1500]
    assert len(instance.sent()) == 1


async def test_class_and_type_restart_the_instance_once(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop(
        instanceClass=NEW, storageType="io1", iops=2000, allocatedStorage="200Gi", window=SUNDAY
    )
    await rounds(loop, 2)
    assert instance.described("AllocatedStorage", "StorageType") == [200, "gp3"]
    instance.clock.forward(hours=6.5)  # 03:30 in Berlin
    await rounds(loop, 3)
    assert instance.described("DBInstanceClass", "StorageType", "Iops") == [NEW, "io1", 2000]
    assert (len(instance.sent()), instance.restarts()) == (2, 1)


# The window


async def test_nothing_that_costs_downtime_is_sent_before_our_window_opens(
    make: MakeInstance,
) -> None:
    instance = make()
    loop = instance.loop(instanceClass=NEW, allocatedStorage="200Gi", window=SUNDAY)
    done = await rounds(loop, 2)
    assert instance.sent() == [{"AllocatedStorage": 200, "ApplyImmediately": True}]
    assert [a.blocked_by for a in done.gated.actions] == [BlockedBy.WINDOW]
    assert loop.status["rds"]["pending"] == "class, Sun 03:00 Europe/Berlin"
    instance.clock.forward(hours=5, minutes=59)
    assert not (await loop.attempt()).done
    instance.clock.forward(minutes=1)
    done = await loop.attempt()
    assert instance.sent()[1:] == [{"DBInstanceClass": NEW, "ApplyImmediately": True}]
    assert instance.described("DBInstanceClass") == [NEW]
    await rounds(loop, 2)
    assert (len(instance.sent()), instance.restarts()) == (2, 1)
    assert "pending" not in loop.status["rds"] or not loop.status["rds"]["pending"]


async def test_a_window_that_was_missed_is_over(make: MakeInstance) -> None:
    instance = make()
    instance.clock.forward(hours=8)  # 05:00 in Berlin
    done = await instance.loop(instanceClass=NEW, window=SUNDAY).attempt()
    assert [a.blocked_by for a in done.gated.actions] == [BlockedBy.WINDOW]
    assert instance.sent() == []


async def test_a_restart_in_the_window_still_wants_its_approval(make: MakeInstance) -> None:
    instance = make()
    instance.clock.forward(hours=6.5)
    loop = instance.loop(approval="Required", instanceClass=NEW, window=SUNDAY)
    done = await loop.attempt()
    assert [a.blocked_by for a in done.gated.actions] == [BlockedBy.APPROVAL]
    loop.annotations[APPROVE] = done.gated.digest
    await loop.attempt()
    assert instance.described("DBInstanceClass") == [NEW]


async def test_a_window_that_comes_later_empties_rds_own_queue(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop(instanceClass=NEW)
    await loop.attempt()
    loop.set_spec(instance.spec(instanceClass=NEW, window=SUNDAY))
    await loop.attempt()
    instance.run_window()
    assert (instance.described("DBInstanceClass"), instance.restarts()) == ([OLD], 0)


async def test_a_class_that_is_no_longer_asked_for_does_not_come(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop(instanceClass=NEW)
    await loop.attempt()
    loop.restart()
    loop.set_spec(instance.spec())
    done = await rounds(loop, 2)
    instance.run_window()
    assert (instance.described("DBInstanceClass"), instance.restarts()) == ([OLD], 0)
    assert (done.gated.actions, len(instance.sent())) == ([], 2)


# What is pending


async def test_storage_grows_while_our_own_class_change_is_pending(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop(instanceClass=NEW)
    await loop.attempt()
    loop.restart()
    loop.set_spec(instance.spec(approval="Required", instanceClass=NEW, allocatedStorage="200Gi"))
    await rounds(loop, 4)
    assert instance.sent() == [
        {"DBInstanceClass": NEW, "ApplyImmediately": False},
        {"DBInstanceClass": OLD, "ApplyImmediately": True},
        {"AllocatedStorage": 200, "ApplyImmediately": True},
        {"DBInstanceClass": NEW, "ApplyImmediately": False},
    ]
    assert instance.described("DBInstanceClass", "AllocatedStorage") == [OLD, 200]
    assert instance.restarts() == 0
    instance.run_window()
    await rounds(loop, 2)
    assert (instance.described("DBInstanceClass"), instance.restarts()) == ([NEW], 1)
    assert len(instance.sent()) == 4


@pytest.mark.parametrize("open_now", [False, True], ids=["closed", "open"])
async def test_somebody_elses_pending_restart_is_never_fired(
    make: MakeInstance, open_now: bool
) -> None:
    instance = make()
    instance.modify(EngineVersion="16.10")
    if open_now:
        instance.clock.forward(hours=6.5)
    loop = instance.loop(instanceClass=NEW, allocatedStorage="200Gi", window=SUNDAY)
    done = await rounds(loop, 2)
    assert (instance.sent(), instance.restarts()) == ([], 0)
    assert {a.blocked_by for a in done.gated.actions} == {BlockedBy.WINDOW}
    assert "PendingForeignChange" in [f.id for f in done.decision.findings]
    instance.run_window()
    await rounds(loop, 3)
    assert instance.described("AllocatedStorage") == [200]


async def test_a_full_storage_grows_in_spite_of_it_and_is_alerted(make: MakeInstance) -> None:
    instance = make()
    instance.modify(EngineVersion="16.10")
    instance.set(DBInstanceStatus="storage-full")
    loop = instance.loop(instanceClass=NEW, allocatedStorage="200Gi")
    seen = await loop.attempt()
    assert instance.sent() == [{"AllocatedStorage": 200, "ApplyImmediately": True}]
    assert instance.described("DBInstanceStatus", "AllocatedStorage") == ["available", 200]
    assert [sample.breached for sample in seen.decision.samples] == [False], "it is over"


async def test_a_full_storage_that_nobody_may_change_is_critical(make: MakeInstance) -> None:
    instance = make(DBInstanceStatus="storage-full")
    done = await instance.loop("Observe", allocatedStorage="200Gi").attempt()
    assert [f.id for f in done.decision.findings] == ["StorageFull"]
    assert [sample.breached for sample in done.decision.samples] == [True]


class OneSecret:
    """Of the Postgres half."""

    def __init__(self, data: dict[str, str]) -> None:
        self.data = data

    async def read(self, namespace: str, name: str) -> dict[str, str]:
        assert (namespace, name) == (NAMESPACE, "db")
        return self.data


async def test_while_rds_cannot_be_asked_its_findings_stay(
    make: MakeInstance, one_database: Database
) -> None:
    instance = make(DBInstanceStatus="storage-full")
    made = kind(OneSecret(one_database.data()), now=instance.clock)
    spec = instance.spec("Observe", allocatedStorage="200Gi")
    loop = Loop(made, {**spec, "postgres": {"secretRef": {"name": "db"}}}, instance.clock)
    done = await loop.attempt()
    assert ("StorageFull", "rds/orders") in {(f.id, f.object) for f in done.decision.findings}
    first = done.target
    assert first is not None
    assert first.startswith("arn:")
    now = instance.clock()
    loop.status["findings"] = findings.show(done.decision.findings, {}, {}, now).wire()
    instance.account.deny({"action": "rds:DescribeDBInstances"})
    done = await loop.attempt()
    assert [f.reason for f in done.failures] == [Reason.ACCESS_DENIED]
    assert ("StorageFull", "rds/orders") in {(f.id, f.object) for f in done.decision.findings}
    assert not done.decision.samples, "no reading is no all-clear"
    assert done.target == first, "nobody else may take the instance meanwhile"
    loop.status["target"] = first
    loop.restart()
    assert (await loop.attempt()).target == first


class BrokenSecrets:
    """An error of our own on the way to Postgres."""

    async def read(self, namespace: str, name: str) -> dict[str, str]:
        raise KeyError(name)


async def test_an_error_of_ours_in_one_half_leaves_the_other(make: MakeInstance) -> None:
    instance = make(DBInstanceStatus="storage-full")
    made = kind(BrokenSecrets(), now=instance.clock)
    spec = instance.spec(allocatedStorage="200Gi")
    loop = Loop(made, {**spec, "postgres": {"secretRef": {"name": "db"}}}, instance.clock)
    done = await loop.attempt()
    assert [f.reason for f in done.failures] == [Reason.INTERNAL_ERROR]
    assert "KeyError" in done.failures[0].message
    assert done.decision.samples
    assert instance.sent() == [{"AllocatedStorage": 200, "ApplyImmediately": True}]


# The breaker, and what RDS refuses


async def test_the_breaker_stops_a_tug_of_war_even_over_restarts(make: MakeInstance) -> None:
    instance = make(MaxAllocatedStorage=500)
    loop = instance.loop(maxAllocatedStorage="1Ti")
    for _ in range(7):
        done = await loop.attempt()
        loop.restart()
        instance.set(MaxAllocatedStorage=500)  # somebody sets it back
        instance.clock.forward(minutes=10)
    assert len(instance.sent()) == 4
    assert [a.blocked_by for a in done.gated.actions] == [BlockedBy.BUDGET]
    assert "ModificationBudgetUsed" in [f.id for f in done.decision.findings]
    instance.clock.forward(hours=24)
    await loop.attempt()
    assert len(instance.sent()) == 5


MODIFY = {"service": "rds", "operation": "ModifyDBInstance", "count": 1}


async def test_a_modification_whose_answer_is_lost_counts_and_is_not_repeated(
    make: MakeInstance,
) -> None:
    instance = make()
    instance.account.set_faults([{**MODIFY, "kind": "lost"}])
    loop = instance.loop(instanceClass=NEW)
    done = await loop.attempt()
    assert [failure.reason for failure in done.failures] == [Reason.CONNECTION_FAILED]
    done = await loop.attempt()
    assert (done.failures, done.gated.actions) == ((), [])
    assert len(loop.status["rds"]["modifications"]) == 1


async def test_a_class_whose_answer_is_lost_still_makes_way_for_storage(make: MakeInstance) -> None:
    instance = make()
    instance.account.set_faults([{**MODIFY, "kind": "lost"}])
    loop = instance.loop(instanceClass=NEW)
    await loop.attempt()
    assert loop.status["rds"]["queuedClass"] == NEW
    instance.clock.forward(minutes=6)
    loop.set_spec(instance.spec(instanceClass=NEW, allocatedStorage="200Gi"))
    await rounds(loop, 3)
    assert instance.described("AllocatedStorage") == [200]
    assert instance.restarts() == 0


async def test_a_class_that_was_not_taken_after_all_is_forgotten(make: MakeInstance) -> None:
    """What another one then leaves in the queue is not ours."""
    instance = make()
    instance.account.set_faults([{**MODIFY, "kind": "reset"}])
    loop = instance.loop(instanceClass=NEW)
    done = await loop.attempt()
    assert [failure.reason for failure in done.failures] == [Reason.CONNECTION_FAILED]
    assert loop.status["rds"]["queuedClass"] == NEW
    loop.set_spec(instance.spec("Observe", instanceClass=NEW))
    instance.clock.forward(minutes=6)
    await loop.attempt()
    assert "queuedClass" not in loop.status["rds"]


async def test_a_modification_counts_though_the_operator_dies_on_it(make: MakeInstance) -> None:
    instance = make(MaxAllocatedStorage=500)
    loop = instance.loop(maxModificationsPerDay=1)
    await loop.attempt()  # the connections are there
    instance.account.set_faults([{**MODIFY, "kind": "delay", "delay_ms": 2500}])
    loop.set_spec(instance.spec(maxAllocatedStorage="1Ti", maxModificationsPerDay=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await loop.attempt()
    loop.restart()
    instance.clock.forward(minutes=6)
    done = await loop.attempt()
    assert "ModificationBudgetUsed" in [f.id for f in done.decision.findings]
    assert {action.blocked_by for action in done.gated.actions} <= {BlockedBy.BUDGET}


COOLDOWN = "You can't currently modify the storage of this DB instance because …"


@pytest.mark.parametrize(
    ("code", "text", "reason", "minutes"),
    [
        ("InvalidParameterCombination", COOLDOWN, Reason.BUSY, 5),
        ("StorageQuotaExceeded", "", Reason.QUOTA_EXCEEDED, 15),
        ("InsufficientDBInstanceCapacity", "", Reason.QUOTA_EXCEEDED, 15),
        ("ProvisionedIopsNotAvailableInAZFault", "", Reason.QUOTA_EXCEEDED, 15),
        ("InvalidParameterCombination", "does not support", Reason.REJECTED, 30),
    ],
)
async def test_a_refused_change_is_tried_again_later(
    make: MakeInstance, code: str, text: str, reason: Reason, minutes: int
) -> None:
    instance = make()
    instance.account.set_faults(
        [{"service": "rds", "operation": "ModifyDBInstance", "kind": "refuse", "count": 1,
          "code": code, "message": text}]
    )  # fmt: skip
    loop = instance.loop(allocatedStorage="200Gi")
    done = await rounds(loop, 2)
    assert [failure.reason for failure in done.failures] == [reason]
    assert instance.sent() == []
    assert "modifications" not in loop.status["rds"] or not loop.status["rds"]["modifications"]
    instance.clock.forward(minutes=minutes)
    done = await loop.attempt()
    assert not done.failures
    assert instance.described("AllocatedStorage") == [200]


async def test_a_second_growth_waits_until_the_first_is_optimized(make: MakeInstance) -> None:
    instance = make()
    instance.account.settings(rdsOptimizeSeconds=3600)
    loop = instance.loop(allocatedStorage="200Gi")
    await loop.attempt()
    loop.set_spec(instance.spec(allocatedStorage="300Gi", instanceClass=NEW))
    done = await rounds(loop, 2)
    assert [(a.field, a.blocked_by) for a in done.gated.actions] == [
        ("allocatedStorage", BlockedBy.STATE),
        ("instanceClass", BlockedBy.STATE),
    ]
    assert len(instance.sent()) == 1
    instance.set(DBInstanceStatus="available")
    await rounds(loop, 2)
    assert instance.described("AllocatedStorage") == [300]


# States


@pytest.mark.parametrize("state", ["modifying", "stopped", "a-state-of-the-future"])
async def test_an_instance_that_takes_no_change_is_waited_for(
    make: MakeInstance, state: str
) -> None:
    instance = make(DBInstanceStatus=state)
    done = await instance.loop(instanceClass=NEW, allocatedStorage="200Gi").attempt()
    assert {action.blocked_by for action in done.gated.actions} == {BlockedBy.STATE}
    assert instance.sent() == []


async def test_a_change_that_is_not_to_be_seen_yet_is_not_repeated(make: MakeInstance) -> None:
    """RDS says `available` for a while, then `modifying`, then it is done."""
    instance = make()
    instance.account.settings(rdsAppearSeconds=3600)
    loop = instance.loop(allocatedStorage="200Gi")
    done = await rounds(loop, 3)
    assert len(instance.sent()) == 1
    assert instance.described("DBInstanceStatus") == ["available"]
    assert done.decision.settling == "RDS is changing allocatedStorage to 200Gi"
    instance.run_window()
    done = await loop.attempt()
    assert (done.decision.settling, done.gated.actions) == ("", [])


async def test_observe_writes_nothing(make: MakeInstance) -> None:
    instance = make(MaxAllocatedStorage=150)
    instance.clock.forward(hours=6.5)
    loop = instance.loop(
        "Observe", instanceClass=NEW, allocatedStorage="200Gi", maxAllocatedStorage="1Ti",
        storageType="io1", iops=2000, window=SUNDAY,
    )  # fmt: skip
    done = await rounds(loop, 2)
    assert len(done.gated.actions) == 5
    assert {a.blocked_by for a in done.gated.actions} == {BlockedBy.MODE}
    assert {entry["operation"] for entry in instance.account.ledger()} == {
        "DescribeDBInstances", "GetMetricData",
    }  # fmt: skip


async def test_plan_writes_nothing_that_was_not_approved(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop("Plan", instanceClass=NEW)
    loop.annotations[APPROVE] = "0123456789ab"
    await rounds(loop, 2)
    assert instance.account.mutations() == []


async def test_an_approval_is_of_what_the_plan_says_and_of_nothing_else(
    make: MakeInstance,
) -> None:
    """Storage that RDS has grown meanwhile is another plan; the hour is not."""
    instance = make(MaxAllocatedStorage=500)
    loop = instance.loop("Plan", allocatedStorage="200Gi")
    loop.annotations[APPROVE] = (await loop.attempt()).gated.digest
    instance.set(AllocatedStorage=110)
    done = await loop.attempt()
    assert {a.blocked_by for a in done.gated.actions} == {BlockedBy.APPROVAL}
    assert instance.sent() == []

    loop.set_spec(instance.spec("Plan", instanceClass=NEW, window=SUNDAY))
    loop.annotations[APPROVE] = (await loop.attempt()).gated.digest
    assert (await loop.attempt()).done == ()
    instance.clock.forward(hours=6.5)
    await rounds(loop, 2)
    assert instance.sent() == [{"DBInstanceClass": NEW, "ApplyImmediately": True}]


async def test_a_member_of_a_cluster(make: MakeInstance) -> None:
    instance = make(DBClusterIdentifier="a", Engine="aurora-postgresql")
    done = await instance.loop(instanceClass=NEW, allocatedStorage="200Gi").attempt()
    assert [failure.reason for failure in done.failures] == [Reason.INVALID_SPEC]
    assert instance.sent() == [{"DBInstanceClass": NEW, "ApplyImmediately": False}]


async def test_a_member_of_a_multi_az_cluster_is_left_alone(make: MakeInstance) -> None:
    instance = make(DBClusterIdentifier="orders-cluster")
    done = await rounds(instance.loop(instanceClass=NEW, allocatedStorage="200Gi"), 2)
    assert [failure.reason for failure in done.failures] == [Reason.INVALID_SPEC]
    assert instance.account.mutations() == []


async def test_an_instance_that_is_not_there(aws: AwsStack, make: MakeInstance) -> None:
    loop = make().loop()
    loop.set_spec({"aws": {"region": REGION}, "rds": {"instance": "invoices"}})
    with pytest.raises(Failure) as caught:
        await loop.attempt()
    assert caught.value.reason is Reason.TARGET_NOT_FOUND


# What the metrics say


async def test_free_storage_runs_out(make: MakeInstance) -> None:
    instance = make()
    end = instance.clock.now.timestamp()
    dimensions = {"DBInstanceIdentifier": "orders"}
    # 40 GiB are used up in 40 hours, and 8 are left.
    points = {end - 60 * n: (8 + n / 60) * 2**30 for n in range(10, 40 * 60, 10)}
    instance.account.put_points(REGION, "AWS/RDS", "FreeStorageSpace", dimensions, points)
    done = await instance.loop().attempt()
    [finding] = done.decision.findings
    assert (finding.id, finding.severity) == ("FreeStorageLow", "Critical")
    assert finding.evidence == (
        "8.2 of 100 GiB free (8 %); full in about 8 h at the pace of the last 39 h"
    )


async def test_a_size_is_judged_by_a_week_of_its_own(make: MakeInstance) -> None:
    instance = make(DBInstanceClass="db.r6g.2xlarge", SourceDBInstanceIdentifier="main")
    end = instance.clock.now.timestamp()
    for name, value in (("CPUUtilization", 5.0), ("FreeableMemory", 50 * 2.0**30)):
        points = {end - 3600 * n - 60: value for n in range(7 * 24 + 1)}
        dimensions = {"DBInstanceIdentifier": "orders"}
        instance.account.put_points(REGION, "AWS/RDS", name, dimensions, points)
    loop = instance.loop()
    [finding] = (await loop.attempt()).decision.findings
    assert (finding.id, finding.evidence) == (
        "InstanceOversized",
        "CPU (95th percentile) 5 %, freeable memory never below 78 %, in 168 hours",
    )
    assert finding.remedy.endswith("it is a replica of main, and may have to take its place")

    instance.set(DBInstanceClass="db.r6g.xlarge")
    instance.clock.forward(minutes=10)
    assert (await loop.attempt()).decision.findings == []
    loop.restart()
    assert (await loop.attempt()).decision.findings == [], "it is known over restarts"
    assert loop.status["rds"]["classSince"] == "2026-11-28T20:10:00Z"


async def test_rds_knows_no_case_in_a_name(make: MakeInstance) -> None:
    instance = make()
    at = instance.clock.now.timestamp() - 600
    dimensions = {"DBInstanceIdentifier": "orders"}
    instance.account.put_points(REGION, "AWS/RDS", "FreeStorageSpace", dimensions, {at: 2.0**30})
    loop = instance.loop(allocatedStorage="200Gi")
    loop.set_spec(instance.spec(allocatedStorage="200Gi") | {"rds": {"instance": "Orders"}})
    done = await loop.attempt()
    assert [(f.id, f.object) for f in done.decision.findings] == [("FreeStorageLow", "rds/orders")]


async def test_metrics_are_billed_and_so_asked_for_now_and_then(make: MakeInstance) -> None:
    instance = make()
    loop = instance.loop()

    async def asked(**later: float) -> int:
        instance.clock.forward(**later)
        instance.account.clear_ledger()
        await loop.attempt()
        return sum(c["operation"] == "GetMetricData" for c in instance.account.ledger())

    assert await asked() == 2, "the last minutes, and the last days"
    assert await asked(minutes=4) == 0
    assert await asked(minutes=1) == 1
    assert await asked(minutes=55) == 2, "the days once an hour"


async def test_without_metrics_the_rest_goes_on(make: MakeInstance) -> None:
    instance = make()
    instance.account.deny({"action": "cloudwatch:GetMetricData"})
    done = await instance.loop(allocatedStorage="200Gi").attempt()
    assert not done.failures
    assert [f.id for f in done.decision.findings] == ["RDSMetricsUnavailable"]
    assert instance.described("AllocatedStorage") == [200]


async def test_while_metrics_cannot_be_read_what_they_told_is_kept_but_not_judged_anew(
    make: MakeInstance,
) -> None:
    instance = make()
    at = instance.clock.now.timestamp() - 600
    dimensions = {"DBInstanceIdentifier": "orders"}
    instance.account.put_points(REGION, "AWS/RDS", "FreeStorageSpace", dimensions, {at: 2.0**30})
    loop = instance.loop("Observe")
    done = await loop.attempt()
    [told] = done.decision.findings
    loop.status["findings"] = findings.show([told], {}, {}, instance.clock()).wire()
    instance.account.deny({"action": "cloudwatch:GetMetricData"})
    for hours in (0.1, 2):
        instance.clock.forward(hours=hours)
        stored = loop.status["findings"]
        done = await loop.attempt()
        loop.status["findings"] = stored
        assert {f.id for f in done.decision.findings} == {"FreeStorageLow", "RDSMetricsUnavailable"}
    instance.account.deny()
    instance.clock.forward(minutes=6)
    done = await loop.attempt()
    assert done.decision.findings == [], "there is no newer value"


# Revert


@pytest.mark.parametrize("in_window", [False, True], ids=["pending", "applied"])
async def test_revert_puts_back_all_but_the_size(make: MakeInstance, in_window: bool) -> None:
    instance = make(storage=500)
    loop = instance.loop(
        instanceClass=NEW, maxAllocatedStorage="1Ti", allocatedStorage="600Gi", iops=16_000
    )
    await rounds(loop, 3)
    if in_window:
        instance.run_window()
    assert sorted(await loop.revert()) == ["instanceClass", "iops", "maxAllocatedStorage"]
    instance.run_window()
    names = ("DBInstanceClass", "MaxAllocatedStorage", "Iops", "AllocatedStorage")
    assert instance.described(*names) == [OLD, None, 12_000, 600]


async def test_what_cannot_be_looked_at_is_not_taken_for_reverted(
    make: MakeInstance, one_database: Database
) -> None:
    instance = make(storage=500)
    made = kind(OneSecret(one_database.data()), now=instance.clock)
    spec = instance.spec(maxAllocatedStorage="1Ti")
    loop = Loop(made, {**spec, "postgres": {"secretRef": {"name": "db"}}}, instance.clock)
    await loop.attempt()
    instance.account.deny({"action": "rds:DescribeDBInstances"})
    with pytest.raises(Failure) as caught:
        await loop.revert()
    assert caught.value.reason is Reason.ACCESS_DENIED
