"""Metrics of many resources in one call: whose Ids are whose, and what is paid for."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.aws.reading import World, scope

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import Scope
from setpoint.aws.windows import Query, Window, WindowBatch, merged, period_of, with_prefix
from setpoint.engine.failure import Failure


def stat(name: str, of: str, period: int = 60) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/ECS",
        "MetricName": name,
        "Dimensions": [{"Name": "S", "Value": of}],
    }
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Average"}}


def queries(of: str, count: int = 5) -> list[dict[str, Any]]:
    return [stat(f"m{n}", of) for n in range(count)]


def of(query: Query) -> str:
    return str(query["MetricStat"]["Metric"]["Dimensions"][0]["Value"])


class AWS:
    """Each metric has the name of its resource and the end of the window for values."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.spoilt: set[str] = set()

    async def fetch(self, asked: Scope, window: Window, queries: Sequence[Query]) -> list[Any]:
        assert len({query["Id"] for query in queries}) == len(queries) <= 500
        owners = [of(query) for query in queries]
        self.calls.append(list(dict.fromkeys(owners)))
        if self.spoilt & set(owners):
            raise Failure(Reason.REJECTED, "no")
        return [
            {"Id": query["Id"], "Values": [owner, window[1]], "StatusCode": "Complete"}
            for query, owner in zip(queries, owners, strict=True)
        ]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws() -> AWS:
    return AWS()


@pytest.fixture
def batch(world: World, aws: AWS) -> WindowBatch:
    return WindowBatch(60, world.host, aws.fetch)


def window(world: World) -> Window:
    end = datetime.fromtimestamp(world.time // 60 * 60 - 60, UTC)
    return end - timedelta(minutes=5), end


async def look(
    world: World, batch: WindowBatch, name: str, asked: Sequence[Query] | None = None
) -> Any:
    return await batch.get(scope(name), name, asked or queries(name), window(world))


async def test_a_thousand_resources_each_minute_cost_ten_calls(world: World, aws: AWS) -> None:
    batch = WindowBatch(60, world.host, aws.fetch)
    draw = random.Random(5)
    start = world.time
    nexts = [start + 60 * draw.random() for _ in range(1000)]
    costs: Counter[float] = Counter()
    while min(nexts) < start + 600:
        number = nexts.index(min(nexts))
        world.time = nexts[number]
        before = len(aws.calls)
        found = await look(world, batch, f"r{number}")
        costs[world.time // 60] += len(aws.calls) - before
        assert [result["Id"] for result in found] == [f"m{n}" for n in range(5)]
        assert {tuple(result["Values"]) for result in found} == {(f"r{number}", window(world)[1])}
        nexts[number] += 60 * (0.9 + 0.2 * draw.random())
    assert all(cost <= 10 for cost in list(costs.values())[3:]), costs


async def test_slow_readers_are_not_paid_for_each_minute(
    world: World, batch: WindowBatch, aws: AWS
) -> None:
    draw = random.Random(9)
    start = world.time
    slow = {f"slow{n}": start + 600 * draw.random() for n in range(20)}
    looks: Counter[str] = Counter()
    while world.time < start + 6000:
        await look(world, batch, "quick")
        for name, due in slow.items():
            if due <= world.time:
                await look(world, batch, name)
                looks[name] += 1
                slow[name] = world.time + 600 * (0.9 + 0.2 * draw.random())
        world.time += 60
    fetched = Counter(name for call in aws.calls for name in call)
    paid, needed = (sum(c[name] for name in slow) for c in (fetched, looks))
    assert needed <= paid <= 1.35 * needed


async def test_readers_that_share_a_wide_window_are_taken_along_before_they_come(
    world: World, aws: AWS
) -> None:
    """Every ten minutes, in windows of five: whoever is first in one knows who else will come."""
    batch, draw, start = WindowBatch(300, world.host, aws.fetch), random.Random(7), world.time
    nexts = [start + 600 * draw.random() for _ in range(60)]
    looks = 0
    while min(nexts) < start + 12_000:
        number = nexts.index(min(nexts))
        world.time = nexts[number]
        end = datetime.fromtimestamp(world.time // 300 * 300, UTC)
        asked = queries(f"r{number}")
        await batch.get(scope(f"r{number}"), f"r{number}", asked, (end - timedelta(hours=1), end))
        looks += 1
        nexts[number] += 600 * (0.9 + 0.2 * draw.random())
    paid = sum(len(call) for call in aws.calls)
    assert looks <= paid <= 1.1 * looks
    assert len(aws.calls) - len(nexts) <= looks / 4, "the first look of each cannot be foreseen"


async def test_a_second_look_at_once_does_not_make_a_slow_reader_quick(
    world: World, batch: WindowBatch, aws: AWS
) -> None:
    for minute in range(60):
        await look(world, batch, "quick")
        if minute % 10 == 0:
            await look(world, batch, "slow")
            world.time += 0.5
            await look(world, batch, "slow")
            world.time -= 0.5
        world.time += 60
    assert sum("slow" in call for call in aws.calls) <= 8


async def test_a_slow_reader_that_comes_no_more_is_paid_for_once(
    world: World, batch: WindowBatch, aws: AWS
) -> None:
    for _ in range(3):
        await look(world, batch, "slow")
        world.time += 600
    before = len(aws.calls)
    for _ in range(40):
        await look(world, batch, "quick")
        world.time += 60
    assert sum("slow" in call for call in aws.calls[before:]) == 1


async def test_the_same_window_is_fetched_once(world: World, batch: WindowBatch, aws: AWS) -> None:
    first = await look(world, batch, "a")
    world.time += 30
    assert await look(world, batch, "a") == first
    assert len(aws.calls) == 1


async def test_other_queries_are_another_demand(world: World, batch: WindowBatch, aws: AWS) -> None:
    await look(world, batch, "a")
    found = await look(world, batch, "a", queries("a", 2))
    assert [result["Id"] for result in found] == ["m0", "m1"]


async def test_a_resources_queries_stay_in_one_call(
    world: World, batch: WindowBatch, aws: AWS
) -> None:
    names = [f"r{n}" for n in range(4)]
    await asyncio.gather(*(look(world, batch, n, queries(n, 200)) for n in names))
    assert aws.calls == [["r0", "r1"], ["r2", "r3"]]


async def test_an_expression_over_all_metrics_of_its_call_has_the_call_to_itself(
    world: World, batch: WindowBatch, aws: AWS
) -> None:
    total = stat("total", "sum") | {"Expression": "SUM(METRICS())"}
    await asyncio.gather(look(world, batch, "a"), look(world, batch, "sum", [total]))
    assert aws.calls == [["a"], ["sum"]]


async def test_queries_that_spoil_a_call_harm_nobody_else(
    world: World, batch: WindowBatch, aws: AWS
) -> None:
    aws.spoilt = {"bad"}
    looks: list[Any] = [look(world, batch, "a"), look(world, batch, "bad")]
    results: list[Any] = await asyncio.gather(*looks, return_exceptions=True)
    assert results[0][0]["Values"][0] == "a"
    assert isinstance(results[1], Failure)


def test_ids_are_renamed_in_expressions_by_whole_words() -> None:
    asked: list[dict[str, Any]] = [
        {"Id": "e", "MetricStat": {}, "ReturnData": False},
        {"Id": "r", "MetricStat": {}, "ReturnData": False},
        {"Id": "rate", "Expression": "IF(r>1e3, 100*FILL(e,0)/r, 0)", "Label": "e per r"},
        {"Id": "found", "Expression": "SEARCH('{AWS/ECS} e r', \"Sum\") + rate"},
    ]
    renamed = with_prefix(asked, "r0_")
    assert [query["Id"] for query in renamed] == ["r0_e", "r0_r", "r0_rate", "r0_found"]
    assert renamed[2]["Expression"] == "IF(r0_r>1e3, 100*FILL(r0_e,0)/r0_r, 0)"
    assert renamed[3]["Expression"] == "SEARCH('{AWS/ECS} e r', \"Sum\") + r0_rate"
    assert renamed[2]["Label"] == "e per r"
    assert renamed[0]["ReturnData"] is False
    assert asked[2]["Id"] == "rate", "the caller's are as they were"


def test_a_long_result_is_put_together_and_its_last_state_counts() -> None:
    pages: list[dict[str, Any]] = [
        {"Id": "a", "Timestamps": [1], "Values": [10.0], "StatusCode": "PartialData", "Label": "A"},
        {"Id": "b", "Timestamps": [], "Values": [], "StatusCode": "Complete"},
        {"Id": "a", "Timestamps": [2], "Values": [20.0], "StatusCode": "Complete"},
    ]
    found = merged(pages)
    assert found["a"] == {
        "Id": "a", "Timestamps": [1, 2], "Values": [10.0, 20.0], "StatusCode": "Complete",
        "Label": "A",
    }  # fmt: skip
    assert found["b"]["Values"] == []


def test_the_period_is_the_longest_of_the_queries() -> None:
    assert period_of([stat("a", "x"), stat("b", "x", 300), {"Id": "c", "Expression": "a+b"}]) == 300
    assert period_of([{"Id": "c", "Expression": "1"}]) == 60
