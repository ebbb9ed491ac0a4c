"""Sets a setting on every server of a cache, and reads it back."""

import asyncio
import math
from collections.abc import Sequence

from redis.exceptions import RedisError

from setpoint.api.conditions import Reason
from setpoint.cache.connect import Client, connect, failure
from setpoint.cache.nodes import others, seed
from setpoint.cache.observe import read_info
from setpoint.cache.target import RedisTarget
from setpoint.engine.failure import Failure
from setpoint.engine.fence import ALONE, Fence
from setpoint.trust.network import Network


async def set_everywhere(
    target: RedisTarget,
    network: Network,
    name: str,
    value: str,
    *,
    rewrite: bool,
    fence: Fence = ALONE,
) -> frozenset[str]:
    """Set it where it differs; the run ids of the servers. Raises Failure.

    The replicas come first: one that is promoted meanwhile has it already. A server that cannot be
    reached is a finding, and gets it when it is back.
    """
    start = await seed(target, network)
    async with connect(start, network) as client:
        info = await read_info(client)
        places = await others(client, info, set())
    run_ids = []
    for place in places:
        try:
            there = start.at(place.host, place.port)
            run_ids.append(await _set_one(there, network, (name, value), rewrite, fence))
        except Failure as problem:
            if problem.reason not in (Reason.CONNECTION_FAILED, Reason.TIMED_OUT):
                raise
    run_ids.append(await _set_one(start, network, (name, value), rewrite, fence))
    return frozenset(run_ids)


async def _set_one(
    target: RedisTarget, network: Network, setting: Sequence[str], rewrite: object, fence: Fence
) -> str:
    name, value = setting
    async with connect(target, network) as client:
        info = await read_info(client)
        try:
            if await _get(client, name) != value:
                async with fence.write() as seconds, asyncio.timeout(_within(seconds)):
                    await client.execute_command("CONFIG SET", name, value)
        except RedisError as error:
            raise failure(error, "config|set") from None
        if await _get(client, name) != value:
            raise Failure(
                Reason.REJECTED,
                f"Redis took {name}, but another value is in force: read the server's log",
            )
        if rewrite:
            await _rewrite(client, fence)
    return info.text("run_id") or target.name


async def _get(client: Client, name: str) -> str | None:
    """The value in force; None where the user may not read it."""
    try:
        answer = await client.execute_command("CONFIG GET", name)
    except RedisError as error:
        problem = failure(error, "config|get")
        if problem.reason is Reason.ACCESS_DENIED:
            raise problem from None
        raise
    pairs = (
        answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=False))
    )
    texts = {_text(key): _text(value) for key, value in pairs.items()}
    return texts.get(name)


async def _rewrite(client: Client, fence: Fence) -> None:
    try:
        async with fence.write() as seconds, asyncio.timeout(_within(seconds)):
            await client.execute_command("CONFIG REWRITE")
    except RedisError as error:
        problem = failure(error, "config|rewrite")
        if problem.reason is Reason.ACCESS_DENIED:
            raise problem from None
        raise Failure(
            Reason.REJECTED,
            "the setting is in force, but Redis cannot write it to its configuration file: it has "
            "none, or may not write it; set spec.config.rewrite to false",
        ) from None


def _within(seconds: float) -> float | None:
    """For asyncio.timeout: without a lease there is no end."""
    return seconds if math.isfinite(seconds) else None


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
