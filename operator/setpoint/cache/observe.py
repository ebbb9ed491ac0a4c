"""Reads a Redis server: one INFO, which counts as no look-up. Writes nothing."""

import re
from typing import Any

from redis.exceptions import RedisError

from setpoint.cache.connect import Client, failure
from setpoint.cache.model import Observed


async def observe(client: Client) -> Observed:
    """One look. Raises Failure."""
    try:
        info = await client.info()
    except RedisError as error:
        raise failure(error, "info") from None
    return read(info)


def read(info: dict[str, Any]) -> Observed:
    """INFO as redis-py parses it; servers that only speak Redis's protocol may lack fields."""
    keyspace = {
        int(name[2:]): (int(entry.get("keys", 0)), int(entry.get("expires", 0)))
        for name, entry in info.items()
        if re.fullmatch(r"db[0-9]+", name) and isinstance(entry, dict)
    }
    return Observed(
        version=str(info.get("redis_version", "0")),
        run_id=str(info.get("run_id", "")),
        uptime=int(info.get("uptime_in_seconds", 0)),
        role=str(info.get("role", "master")),
        hits=int(info.get("keyspace_hits", 0)),
        misses=int(info.get("keyspace_misses", 0)),
        used_memory=int(info.get("used_memory", 0)),
        not_counted=int(info.get("mem_not_counted_for_evict", 0)),
        maxmemory=int(info.get("maxmemory", 0)),
        machine_memory=int(info.get("total_system_memory", 0)),
        policy=str(info.get("maxmemory_policy", "")),
        keyspace=keyspace,
    )
