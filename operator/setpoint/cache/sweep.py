"""Gives a TTL to keys that have none, a slice at a time, without anybody noticing.

SCAN in small batches, then TYPE and EXPIRE … NX in pipelines: a TTL that the application set
meanwhile is never overwritten. Before 7.0 there is no NX; a script does the same at once. TYPE and
the script each cost a keyspace hit a key; they are counted, and taken off the hit rate. (SCAN …
TYPE costs the same on 7.0, for an unknown number of keys; SCAN and EXPIRE cost none.)
"""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import datetime

from redis.exceptions import ResponseError

from setpoint.api.cachetuning import DefaultTTL, SweepPhase, SweepStatus
from setpoint.cache.connect import Client
from setpoint.cache.glob import matcher
from setpoint.cache.passes import Position, advance, first
from setpoint.engine.conditions import wire_time

SLICE_SECONDS = 1.5
BATCH = 50
"""Keys a batch: the batch, not the rate, makes other clients wait."""

MIN_TTL_SECONDS = 60
_NX_SINCE = (7, 0)

_SCRIPT = """
if redis.call('PTTL', KEYS[1]) == -1 then return redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return 0
"""


async def run_slice(
    client: Client,
    settings: DefaultTTL,
    sweep: SweepStatus,
    run_id: str,
    version: tuple[int, ...],
    databases: Sequence[int],
    now: datetime,
) -> tuple[SweepStatus, int]:
    """Go on for at most SLICE_SECONDS; the pass as it is then, and keyspace hits we caused.

    Raises redis.RedisError; a batch that was lost in mid-flight is done again, harmlessly.
    """
    slice_ = _Slice(client, settings, version)
    position: Position | None = Position.read(sweep.cursor) or first(run_id, databases)
    end = time.monotonic() + SLICE_SECONDS
    while position is not None and time.monotonic() < end:
        position = await slice_.step(position, databases)
    done = position is None
    return sweep.model_copy(
        update={
            "phase": SweepPhase.DONE if done else SweepPhase.RUNNING,
            "scanned": sweep.scanned + slice_.scanned,
            "changed": sweep.changed + slice_.changed,
            "cursor": "" if done else str(position),
            "completed_at": wire_time(now) if done else None,
        }
    ), slice_.hits


class _Slice:
    """Steps of a pass over one connection; counts what they do."""

    def __init__(self, client: Client, settings: DefaultTTL, version: tuple[int, ...]) -> None:
        self._client = client
        self._settings = settings
        self._matches = matcher(settings.include, settings.exclude)
        self._types = {str(kind).encode() for kind in settings.types}
        self._has_nx = version >= _NX_SINCE
        self._script = None if self._has_nx else client.register_script(_SCRIPT)
        self._started = time.monotonic()
        self._selected: int | None = None
        self.scanned = self.changed = self.hits = 0

    async def step(self, position: Position, databases: Sequence[int]) -> Position | None:
        """One batch; where to go on, or None at the end of everything."""
        if self._selected != position.database:
            await self._client.execute_command("SELECT", position.database)
            self._selected = position.database
        cursor, keys = await self._client.scan(
            cursor=position.cursor, count=BATCH, match=self._pattern()
        )
        wanted = [key for key in keys if self._matches(key)]
        for start in range(0, len(wanted), BATCH):
            batch = await self._of_wanted_types(wanted[start : start + BATCH])
            await self._expire(batch)
        self.scanned += len(keys)
        await self._pace()
        return advance(position, int(cursor), databases)

    def _pattern(self) -> str | None:
        """A single pattern can be matched by the server."""
        include = self._settings.include
        return include[0] if len(include) == 1 and include[0] != "*" else None

    async def _of_wanted_types(self, keys: Sequence[bytes]) -> list[bytes]:
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
        types = await pipeline.execute(raise_on_error=False)
        self.hits += sum(1 for kind in types if kind != b"none")
        return [key for key, kind in zip(keys, types, strict=True) if kind in self._types]

    async def _expire(self, keys: Sequence[bytes]) -> None:
        if not keys:
            return
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            if self._script is not None:
                self._script(keys=[key], args=[self._ttl()], client=pipeline)
            else:
                pipeline.expire(key, self._ttl(), nx=True)
        results = await pipeline.execute(raise_on_error=False)
        for result in results:
            # A key that this user may not touch is no reason to leave the others.
            if isinstance(result, Exception) and not isinstance(result, ResponseError):
                raise result
        self.changed += sum(1 for result in results if result in (1, True))
        self.hits += 0 if self._has_nx else len(keys)

    def _ttl(self) -> int:
        """Seconds: the TTL spread by the jitter, never so small that it deletes."""
        ttl, share = self._settings.ttl.total_seconds(), self._settings.jitter / 100
        spread = ttl * (1 + random.uniform(-share, share))  # noqa: S311 - no secret
        return max(MIN_TTL_SECONDS, round(spread))

    async def _pace(self) -> None:
        """Never faster than maxKeysPerSecond."""
        due = self.scanned / self._settings.max_keys_per_second
        ahead = due - (time.monotonic() - self._started)
        if ahead > 0:
            await asyncio.sleep(ahead)
