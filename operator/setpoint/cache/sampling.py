"""A bounded random sample of keys, taken so slowly that nobody notices.

Every key costs two look-ups (TYPE and PTTL), which are counted, so that they can be taken off the
hit rate.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import AskError, ResponseError, TryAgainError

from setpoint.cache.connect import Client
from setpoint.cache.info import Info
from setpoint.cache.layouts import SampledKey

KEYS = 500
"""Keys in a sample of a cache."""

BATCH = 25
REST = 2.0
"""Pauses are this many times as long as the batch before: a slow server is asked more slowly."""

LEAST_REST_SECONDS = 0.002
NO_KEY, NO_TTL = -2, -1
_ON_ITS_WAY = (AskError, TryAgainError)
"""A key of a slot that moves to another server, or (MOVED is a kind of ASK) comes from one."""


class Denied(Exception):  # noqa: N818 - it says what was denied
    """A command is not allowed to the user, or not known to the server."""

    def __init__(self, command: str) -> None:
        super().__init__(command)
        self.command = command


async def sample(client: Client, info: Info, most: int) -> tuple[list[SampledKey], int]:
    """At most `most` keys of a server, from each database by its share; and the look-ups made.

    Raises redis.RedisError, Denied.
    """
    found: dict[tuple[int, bytes], SampledKey] = {}
    hits, total = 0, info.keys
    for database, (keys, _) in sorted(info.keyspace.items()):
        share = min(keys, max(1, round(most * keys / total))) if total else 0
        if not share or len(found) >= most:
            continue
        if len(info.keyspace) > 1 or database:
            await client.execute_command("SELECT", database)
        every = await _all(client) if share == keys else []
        for start in range(0, share, BATCH):
            some = every[start : start + BATCH]
            names = some if share == keys else await _random(client, min(BATCH, share - start))
            known, looked = await describe(client, names)
            hits += looked
            found |= {(database, item.key): item for item in known}
    return list(found.values()), hits


async def describe(
    client: Client, names: Sequence[bytes], *, sizes: bool = True
) -> tuple[list[SampledKey], int]:
    """Type, TTL and size of keys; those that are gone, or move between servers of a cluster, are
    left out. And the look-ups made."""
    if not names:
        return [], 0
    began = time.monotonic()
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.execute_command("TYPE", name)
        pipeline.execute_command("PTTL", name)
        if sizes:
            pipeline.execute_command("MEMORY USAGE", name, "SAMPLES", 5)
    answers: list[Any] = await pipeline.execute(raise_on_error=False)
    await rest(began)
    step = 3 if sizes else 2
    found, hits = [], 0
    for number, name in enumerate(names):
        kind, ttl, *size = answers[step * number : step * (number + 1)]
        if isinstance(kind, _ON_ITS_WAY) or isinstance(ttl, _ON_ITS_WAY):
            continue
        _require(kind, "type")
        _require(ttl, "pttl")
        hits += 2 * (ttl != NO_KEY)
        if ttl == NO_KEY:
            continue
        known = size[0] if size and isinstance(size[0], int) else 0
        text = kind.decode() if isinstance(kind, bytes) else str(kind)
        found.append(SampledKey(name, text, None if ttl == NO_TTL else ttl / 1000, known))
    return found, hits


async def rest(began: float) -> None:
    """Wait in proportion to what the batch that began then has taken."""
    await asyncio.sleep(max(LEAST_REST_SECONDS, REST * (time.monotonic() - began)))


async def _all(client: Client) -> list[bytes]:
    """The names of the keys of a database that has few."""
    names: set[bytes] = set()
    cursor = 0
    for _ in range(KEYS):
        try:
            cursor, found = await client.execute_command("SCAN", cursor, "COUNT", BATCH)
        except ResponseError:
            raise Denied("scan") from None
        names |= set(found)
        if not int(cursor):
            break
    return sorted(names)


async def _random(client: Client, number: int) -> list[bytes]:
    began = time.monotonic()
    pipeline = client.pipeline(transaction=False)
    for _ in range(number):
        pipeline.execute_command("RANDOMKEY")
    answers = await pipeline.execute(raise_on_error=False)
    await rest(began)
    for answer in answers:
        _require(answer, "randomkey")
    return list({answer for answer in answers if isinstance(answer, bytes)})


def _require(answer: Any, command: str) -> None:
    if isinstance(answer, ResponseError):
        raise Denied(command) from None
    if isinstance(answer, Exception):
        raise answer
