"""Polls the idle times of a sample of the keys. Each one counts as a keyspace hit, which is
subtracted; with NO-TOUCH (7.2) or without, OBJECT IDLETIME itself does not count as use."""

import asyncio
import time
from collections.abc import Callable

from redis.exceptions import ResponseError

from setpoint.api.conditions import Reason
from setpoint.cache.connect import Client
from setpoint.cache.info import Info
from setpoint.cache.observe import read_info
from setpoint.cache.pace import Pace
from setpoint.cache.sizing import MOST_KEYS, Sizing, is_sampled, rate_for
from setpoint.cache.sweep_wire import Wire, pack, wire
from setpoint.engine.failure import Failure

_BATCH = 32
_KEYS_PER_SECOND = 20_000
_SCAN_EVERY = 10
"""Polls between two looks for new keys."""


def require_idle_times(info: Info) -> None:
    """Raises Failure where Redis keeps none."""
    if info.policy.endswith("-lfu"):
        raise Failure(
            Reason.UNSUPPORTED,
            f"the hit rate at other sizes is unknown under {info.policy}: it keeps no idle times",
        )


async def poll(
    client: Client,
    seconds: float,
    polls: int,
    cost: Callable[[int], None] = lambda _: None,
) -> Sizing:
    """Poll database 0 for so long; `cost` is told the keyspace hits of each poll.

    Raises Failure under an LFU policy, and redis.RedisError.
    """
    info = await read_info(client)
    require_idle_times(info)
    rate = rate_for(info.keyspace.get(0, (0, 0))[0])
    sizing, own, keys = Sizing(rate), 0, set[bytes]()
    begun = time.monotonic()
    for number in range(polls):
        info = await read_info(client)
        lookups = info.number("keyspace_hits") + info.number("keyspace_misses") - own
        now = time.monotonic()
        async with wire(client) as line:
            if number % _SCAN_EVERY == 0:
                keys |= await _sampled(line, rate)
            idle, missed = await _idle(line, sorted(keys))
        own += len(idle) + missed
        cost(len(idle) + missed)
        keys = set(idle)
        sizing.poll(now, idle, lookups)
        await asyncio.sleep(max(0.0, begun + (number + 1) * seconds / polls - time.monotonic()))
    return sizing


async def _sampled(line: Wire, rate: float) -> set[bytes]:
    found: set[bytes] = set()
    cursor, pace = 0, Pace(10 * _KEYS_PER_SECOND, time.monotonic())
    while True:
        begun = time.monotonic()
        page = await line.one("SCAN", cursor, "COUNT", 4 * _BATCH)
        ended = time.monotonic()
        cursor = int(page[0])
        found.update(key for key in page[1] if is_sampled(key, rate))
        if not cursor or len(found) > 2 * MOST_KEYS:
            return found
        await asyncio.sleep(pace.after(len(page[1]), ended - begun, ended))


async def _idle(line: Wire, keys: list[bytes]) -> tuple[dict[bytes, int], int]:
    """Idle seconds by key, without those that are gone; how many are."""
    found: dict[bytes, int] = {}
    pace = Pace(_KEYS_PER_SECOND, time.monotonic())
    for start in range(0, len(keys), _BATCH):
        some, begun = keys[start : start + _BATCH], time.monotonic()
        answers = await line.ask([pack("OBJECT", "IDLETIME", key) for key in some])
        ended = time.monotonic()
        for key, answer in zip(some, answers, strict=True):
            if isinstance(answer, ResponseError):
                raise answer
            if answer is not None:
                found[key] = answer
        await asyncio.sleep(pace.after(len(some), ended - begun, ended))
    return found, len(keys) - len(found)
