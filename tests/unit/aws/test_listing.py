"""Listings that renew what single reads brought: when they are made, and what they never do."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.unit.aws.reading import World, fresh, scope

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import Scope
from setpoint.aws.listing import Items, Listing, Source
from setpoint.engine.failure import Failure


class AWS:
    """Every resource has `each` items; a page holds ten. What exists is more than what is known."""

    def __init__(self, world: World, resources: int, each: int = 2) -> None:
        self.world = world
        self.names = [f"r{n}" for n in range(resources)]
        self.each = each
        self.singles: list[str] = []
        self.pages = 0
        self.scopes: list[Scope] = []
        self.gate: asyncio.Event | None = None
        self.failures: dict[int, Reason] = {}  # by page, each once
        self.version = 1
        self.stuck = False

    def items(self, name: str) -> list[dict[str, Any]]:
        return [{"of": name, "n": n, "version": self.version} for n in range(self.each)]

    async def single(self, asked: Scope, keys: Sequence[str]) -> dict[str, Items]:
        self.singles += keys
        return {key: self.items(key) for key in keys if key in self.names}

    async def page(self, asked: Scope, token: Mapping[str, str]) -> dict[str, Any]:
        self.pages += 1
        self.scopes.append(asked)
        if self.gate is not None:
            await self.gate.wait()
        start = int(token.get("NextToken", 0))
        reason = self.failures.pop(start // 10, None)
        if reason is not None:
            raise Failure(reason, "no")
        everything = [item for name in self.names for item in self.items(name)]
        following = {"NextToken": str(start if self.stuck and start else start + 10)}
        more = start + 10 < len(everything)
        return {"Items": everything[start : start + 10]} | (following if more else {})

    def listing(self) -> Listing[str]:
        source = Source[str]("Items", self.page, lambda item: str(item["of"]), 5)
        return Listing("test", self.world.host, self.single, source)


@pytest.fixture
def world() -> World:
    return World()


async def look(
    listing: Listing[str], names: Sequence[str], every: float = 600, since: float | None = None
) -> list[Items]:
    return [await listing.one(scope(name), name, fresh(every, since)) for name in names]


async def next_epoch(world: World, listing: Listing[str], names: Sequence[str]) -> list[Items]:
    world.time += 600
    found = await look(listing, names)
    await world.settle()
    return found


async def test_a_thousand_resources_cost_their_pages_an_epoch(world: World) -> None:
    aws = AWS(world, 1000)
    listing = aws.listing()
    await look(listing, aws.names)
    assert (len(aws.singles), aws.pages) == (1000, 0), "nothing can be renewed yet"
    for epoch in range(1, 4):
        aws.version += 1
        old = await next_epoch(world, listing, aws.names)
        assert old[0][0]["version"] == aws.version - 1, "nobody waits for 200 pages"
        [new] = await look(listing, ["r999"])
        assert [item["version"] for item in new] == [aws.version] * 2
        assert (len(aws.singles), aws.pages) == (1000, 200 * epoch)


async def test_few_resources_are_read_one_by_one(world: World) -> None:
    aws = AWS(world, 4)
    listing = aws.listing()
    await look(listing, aws.names)
    await next_epoch(world, listing, aws.names)
    assert (len(aws.singles), aws.pages) == (8, 0)


async def test_a_resource_that_has_nothing_has_nothing(world: World) -> None:
    aws = AWS(world, 6)
    listing = aws.listing()
    names = [*aws.names, "bare"]
    await look(listing, names)
    await next_epoch(world, listing, names)
    assert await look(listing, ["bare"]) == [()]
    assert aws.pages == 2
    assert aws.singles.count("bare") == 1


async def test_a_new_resource_does_not_wait_for_a_listing(world: World) -> None:
    aws = AWS(world, 10)
    listing = aws.listing()
    await look(listing, aws.names[:9])
    world.time += 600
    aws.gate = asyncio.Event()
    await look(listing, aws.names[:9])
    [found] = await look(listing, ["r9"])
    assert len(found) == 2
    assert aws.singles[-1] == "r9"
    aws.gate.set()
    await world.settle()


async def test_fresh_data_is_one_single_read_that_a_listing_does_not_undo(world: World) -> None:
    aws = AWS(world, 10)
    listing = aws.listing()
    await look(listing, aws.names)
    world.time += 600
    aws.gate = asyncio.Event()
    await look(listing, aws.names)
    await world.until_idle()
    world.time += 1
    aws.version = 7
    [written] = await look(listing, ["r3"], since=world.time)
    assert written[0]["version"] == 7
    aws.version = 1  # what the listing, which is older, has of it
    aws.gate.set()
    await world.settle()
    assert (await look(listing, ["r3"]))[0][0]["version"] == 7
    assert aws.singles[10:] == ["r3"]


async def test_data_older_than_the_last_epoch_is_not_served(world: World) -> None:
    aws = AWS(world, 10)
    listing = aws.listing()
    await look(listing, aws.names)
    world.time += 1200
    aws.version = 2
    assert (await look(listing, ["r0"]))[0][0]["version"] == 2


async def test_a_page_that_fails_spoils_the_list_and_not_the_old_data(world: World) -> None:
    aws = AWS(world, 20)
    listing = aws.listing()
    await look(listing, aws.names)
    aws.version, aws.failures = 2, {2: Reason.CONNECTION_FAILED}
    await next_epoch(world, listing, aws.names[:1])
    assert aws.pages == 3
    world.time += 1
    found = await look(listing, aws.names[1:])
    assert {items[0]["version"] for items in found} == {2}, "one by one, and not from half a list"
    assert aws.pages == 3, "the listing is not tried again at once"
    await next_epoch(world, listing, aws.names)
    assert aws.pages == 7


async def test_a_throttled_page_is_asked_for_again(world: World) -> None:
    aws = AWS(world, 20)
    listing = aws.listing()
    await look(listing, aws.names)
    aws.failures = {2: Reason.THROTTLED}
    await next_epoch(world, listing, aws.names)
    assert (aws.pages, len(aws.singles)) == (5, 20)


async def test_a_token_that_comes_again_ends_the_listing(world: World) -> None:
    aws = AWS(world, 20)
    listing = aws.listing()
    await look(listing, aws.names)
    aws.stuck, aws.version = True, 2
    await next_epoch(world, listing, aws.names[:1])
    assert aws.pages == 2
    found = await look(listing, aws.names[1:])
    assert {items[0]["version"] for items in found} == {2}
    assert len(aws.singles) == 20 + 19


async def test_a_listing_of_much_that_is_not_ours_is_given_up(world: World) -> None:
    aws = AWS(world, 1000)
    listing, ours = aws.listing(), [f"r{n}" for n in range(12)]
    await look(listing, ours)
    await next_epoch(world, listing, ours[:1])
    assert aws.pages == 12
    await look(listing, ours[1:])
    assert len(aws.singles) == 12 + 11
    for _ in range(5):
        await next_epoch(world, listing, ours)
    assert aws.pages == 12, "for an hour"
    await next_epoch(world, listing, ours)
    assert aws.pages == 24


async def test_a_listing_that_aws_denies_is_left_alone_for_an_hour(world: World) -> None:
    aws = AWS(world, 20)
    listing = aws.listing()
    await look(listing, aws.names)
    aws.failures = {0: Reason.ACCESS_DENIED}
    for _ in range(6):
        await next_epoch(world, listing, aws.names)
    assert aws.pages == 1
    await next_epoch(world, listing, aws.names)
    assert aws.pages == 5


async def test_a_listing_names_no_resource(world: World) -> None:
    aws = AWS(world, 10)
    listing = aws.listing()
    await look(listing, aws.names)
    await next_epoch(world, listing, aws.names)
    assert {asked.shown for asked in aws.scopes} == {"resources in eu-central-1"}


async def test_a_quick_reader_does_not_make_listings_for_the_slow_ones(world: World) -> None:
    aws = AWS(world, 30)
    listing = aws.listing()
    await look(listing, aws.names[1:])
    for _ in range(9):
        await look(listing, aws.names[:1], every=60)
        world.time += 60
    await world.settle()
    assert aws.pages == 0


async def test_what_a_listing_cannot_renew_is_read_by_itself(world: World) -> None:
    aws = AWS(world, 20)
    source = Source[str](
        "Items", aws.page, lambda item: str(item["of"]), 5,
        renewable=lambda items: all(item["of"] != "r7" for item in items),
    )  # fmt: skip
    listing = Listing("test", world.host, aws.single, source)
    await look(listing, aws.names)
    aws.version = 2
    await next_epoch(world, listing, aws.names[:7])
    assert (await look(listing, ["r7"]))[0][0]["version"] == 2
    assert (aws.singles[20:], aws.pages) == (["r7"], 4)


async def test_only_the_new_part_of_a_long_history_is_listed(world: World) -> None:
    aws = AWS(world, 100)
    reached: list[float] = []

    def reaches(page: Mapping[str, Any], seconds: float) -> bool:
        reached.append(seconds)
        return len(reached) == 3

    source = Source[str](
        "Items", aws.page, lambda item: str(item["of"]), 5,
        reaches=reaches, merge=lambda old, new: [*new, *old],
    )  # fmt: skip
    listing = Listing("test", world.host, aws.single, source)
    await look(listing, aws.names)
    await next_epoch(world, listing, aws.names)
    assert aws.pages == 3
    assert reached == [600.0] * 3
    assert [len(items) for items in await look(listing, ["r0", "r99"])] == [4, 2]


async def test_many_that_are_expected_wait_for_one_listing(world: World) -> None:
    """As after the operator's start: a read of each would be a thousand calls."""
    many = AWS(world, 1000, 2)
    listing = many.listing()
    for name in many.names:
        listing.expect(scope(name), name, fresh(600))
    found = await asyncio.gather(*(listing.one(scope(n), n, fresh(600)) for n in many.names))
    assert (many.pages, many.singles) == (200, [])
    assert list(found) == [many.items(name) for name in many.names]


async def test_a_first_listing_that_fails_leaves_single_reads(world: World) -> None:
    many = AWS(world, 50, 2)
    many.failures = {3: Reason.CONNECTION_FAILED}
    listing = many.listing()
    for name in many.names:
        listing.expect(scope(name), name, fresh(600))
    assert await look(listing, many.names[:2]) == [many.items(name) for name in many.names[:2]]
    assert many.singles == many.names[:2]
