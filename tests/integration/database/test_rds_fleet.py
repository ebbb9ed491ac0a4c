"""Many RDS instances of one account: what looking at them costs, and who harms whom."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.dbtuning import DBTuningSpec
from setpoint.aws.reads import Reads
from setpoint.config import Config
from setpoint.database.kind import DBTuningKind
from setpoint.trust.network import Network
from stack import shop
from stack.aws.client import AwsStack
from tests.integration.aws.account import NAMESPACE, REGION, gateway, new_account
from tests.integration.aws.loop import Loop


class Clock:
    """One for the calendar and the reader; it stands still but for the tests."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 28, 20, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


class NoSecrets:
    """RDS instances need none."""

    async def read(self, namespace: str, name: str) -> dict[str, str]:
        raise AssertionError(f"the Secret {namespace}/{name} was read")


class Fleet:
    """Instances db0, db1, … and a DBTuning of each, all run by one operator."""

    def __init__(self, account: AwsStack, number: int, instance_class: str, **spec: Any) -> None:
        self.account, self.clock = account, Clock()
        self.names = [f"db{n}" for n in range(number)]
        for name in self.names:
            shop.create_rds_instance(account, name, instance_class=instance_class, storage=100)
        own = gateway()
        reads = Reads(own, self.clock.seconds)
        kind = DBTuningKind(NoSecrets(), Network(Config, ()), own, reads, now=self.clock)
        self.loops = {}
        for name in self.names:
            wanted = {"aws": {"region": REGION}, "rds": {"instance": name, **spec}}
            kind.announce(NAMESPACE, DBTuningSpec.model_validate(wanted))
            self.loops[name] = Loop(kind, wanted, self.clock)
        account.clear_ledger()

    def put(self, name: str, metric: str, value: float) -> None:
        dimensions = {"DBInstanceIdentifier": name}
        at = self.clock.seconds() - 600
        self.account.put_points(REGION, "AWS/RDS", metric, dimensions, {at: value})

    def calls(self) -> list[int]:
        """The number of queries of each GetMetricData."""
        asked = [c for c in self.account.ledger() if c["operation"] == "GetMetricData"]
        return [len(call["params"]["MetricDataQueries"]) for call in asked]

    async def found(self, name: str) -> set[str]:
        return {finding.id for finding in (await self.loops[name].attempt()).decision.findings}


@pytest.fixture
def account(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> AwsStack:
    return new_account(aws, monkeypatch)


async def test_the_metrics_of_a_hundred_instances_are_a_few_calls(account: AwsStack) -> None:
    """One after the other, as after a start; then as they come, every ten minutes."""
    fleet = Fleet(account, 100, "db.r6g.large")
    for name in fleet.names:
        await fleet.loops[name].attempt()
    assert sorted(fleet.calls()) == [500, 500], "the last minutes, and the last days, of all"

    account.clear_ledger()
    draw = random.Random(20261128)
    begin = fleet.clock.now
    due = {name: begin + timedelta(minutes=10 * draw.random()) for name in fleet.names}
    looks = Counter[str]()
    while min(due.values()) < begin + timedelta(hours=1):
        name = min(due, key=lambda name: due[name])
        fleet.clock.now = due[name]
        await fleet.loops[name].attempt()
        looks[name] += 1
        due[name] += timedelta(minutes=10 * (0.9 + 0.2 * draw.random()))
    calls = fleet.calls()
    assert looks.total() > 550
    assert len(calls) < 0.3 * looks.total(), "alone, each would make one"
    assert sum(calls) < 1.3 * 5 * (looks.total() + 100), "and hardly more is billed"


async def test_more_queries_than_one_call_takes_are_two_calls(account: AwsStack) -> None:
    fleet = Fleet(account, 101, "db.r6g.large")
    await asyncio.gather(*(loop.attempt() for loop in fleet.loops.values()))
    assert sorted(fleet.calls()) == [5, 5, 500, 500]


async def test_a_guess_that_was_wrong_costs_a_call_of_its_own(account: AwsStack) -> None:
    fleet = Fleet(account, 2, "db.t4g.large")
    fleet.put("db1", "CPUCreditBalance", 1.0)
    assert await fleet.found("db0") == set()
    assert await fleet.found("db1") == {"CPUCreditsLow"}


@pytest.mark.parametrize("status", ["InternalError", "Forbidden", "PartialData"])
async def test_a_metric_that_cannot_be_read_hides_no_other_one(
    account: AwsStack, status: str
) -> None:
    fleet = Fleet(account, 3, "db.r6g.large")
    for name in fleet.names:
        fleet.put(name, "FreeStorageSpace", 2.0**30)
        fleet.put(name, "FreeableMemory", 2.0**28)
    both = {"FreeStorageLow", "FreeableMemoryLow"}
    for name in fleet.names:
        assert await fleet.found(name) == both
    fleet.clock.now += timedelta(minutes=5)
    account.set_metric(
        REGION, "AWS/RDS", "FreeStorageSpace", {"DBInstanceIdentifier": "db1"}, 0.0, status=status
    )
    for name in fleet.names:
        assert await fleet.found(name) == both, "what it said before still stands"


async def test_queries_that_aws_refuses_harm_only_their_own(account: AwsStack) -> None:
    """A call for many is refused: each is asked for alone, and only one fails again."""
    fleet = Fleet(account, 3, "db.r6g.large")
    for name in fleet.names:
        fleet.put(name, "FreeStorageSpace", 2.0**30)
    account.set_faults(
        [{"service": "cloudwatch", "operation": "GetMetricData", "kind": "refuse", "count": 2,
          "code": "ValidationError", "message": "no"}]
    )  # fmt: skip
    found = [await fleet.found(name) for name in fleet.names]
    assert found == [{"RDSMetricsUnavailable"}, {"FreeStorageLow"}, {"FreeStorageLow"}]


async def test_the_days_are_asked_for_again_soon_after_they_could_not_be_read(
    account: AwsStack,
) -> None:
    fleet = Fleet(account, 1, "db.r6g.large")
    refused = {"service": "cloudwatch", "operation": "GetMetricData", "kind": "throttle"}
    account.set_faults([refused])
    await fleet.loops["db0"].attempt()
    account.set_faults([])
    fleet.clock.now += timedelta(minutes=5)
    account.clear_ledger()
    await fleet.loops["db0"].attempt()
    assert len(fleet.calls()) == 2
