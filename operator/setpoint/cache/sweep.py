"""Gives a TTL to keys that have none, a slice at a time, without anybody noticing.

SCAN in small batches, then EXPIRE … NX in one write, together with the next SCAN: a TTL that the
application set meanwhile is never overwritten. Before 7.0 there is no NX; a script does the same
at once, at one keyspace hit a key, which is counted and taken off the hit rate.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from redis.exceptions import RedisError, ResponseError

from setpoint.api.cachetuning import DefaultTTL, SweepPhase, SweepStatus
from setpoint.cache.connect import Client
from setpoint.cache.info import Info
from setpoint.cache.kin import Kin
from setpoint.cache.pace import Pace
from setpoint.cache.passes import Position, advance, first, ranked
from setpoint.cache.sweep_choice import Choice, prefix_of
from setpoint.cache.sweep_limits import brake, vitals
from setpoint.cache.sweep_spread import Spread, spread
from setpoint.cache.sweep_types import SCAN_TYPE_IS_FREE_SINCE, TypeProbe
from setpoint.cache.sweep_wire import ANSWER_SECONDS, Wire, pack, pack_expire, wire
from setpoint.engine.conditions import wire_time
from setpoint.engine.fence import ALONE, Fence

SLICE_SECONDS = 1.5
PAUSE_SECONDS = 1.0
BATCH = 32
"""Keys a batch: the batch, not the rate, makes other clients wait."""

FAST_BATCH = 256
_WIDEST = 8
_MAX_PREFIXES = 4096
_NX_SINCE = (7, 0)
_GONE_ELSEWHERE = ("MOVED", "ASK", "TRYAGAIN", "CROSSSLOT")

_SCRIPT = b"""
if redis.call('PTTL', KEYS[1]) == -1 then return redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return 0
"""


async def run_slice(
    client: Client,
    settings: DefaultTTL,
    sweep: SweepStatus,
    info: Info,
    now: datetime,
    kin: Kin,
    *,
    run_id: str,
    seconds: float = SLICE_SECONDS,
    fast: bool = False,
    fence: Fence = ALONE,
) -> tuple[SweepStatus, int]:
    """Go on for at most `seconds`; the pass as it is then, and keyspace hits we caused.

    Raises redis.RedisError where it failed before anything was done. What fails later ends the
    slice: of a batch that was lost in mid-flight nothing is known, so it is done again, harmlessly.
    Where the server has other burdens, it only waits.
    """
    left = max(0, info.keys - info.volatile_keys)
    if why := brake(vitals(info), left):
        await asyncio.sleep(min(PAUSE_SECONDS, seconds))
        return sweep.model_copy(update={"paused": why}), 0
    databases = sorted(info.keyspace)
    # The spread is that of the pass: what is left becomes less with each slice.
    apart = spread(settings.ttl, settings.jitter, left + sweep.changed)
    async with wire(client) as line:
        choice = Choice(settings, kin)
        slice_ = Slice(line, settings, choice, info, apart, fast=fast, fence=fence)
        await slice_.prepare()
        position = slice_.first(run_id, databases, Position.read(sweep.cursor))
        position = await slice_.run(position, databases, time.monotonic() + seconds)
        if slice_.broken:  # whatever answer is on its way belongs to nothing
            await client.connection_pool.disconnect()
    return slice_.outcome(sweep, position, now), slice_.hits


class Slice:
    """Steps of a pass over one connection; counts what they do."""

    def __init__(
        self,
        line: Wire,
        settings: DefaultTTL,
        choice: Choice,
        info: Info,
        spread_: Spread,
        *,
        fast: bool = False,
        fence: Fence = ALONE,
    ) -> None:
        self._line = line
        self._fence = fence
        self._choice = choice
        self._include = settings.include
        self._info = info
        self._spread = spread_
        self._probe = TypeProbe(line)
        self._scans_types = (
            info.version >= SCAN_TYPE_IS_FREE_SINCE and not self._choice.takes_any_type
        )
        self._kinds: Sequence[str] = self._choice.kinds if self._scans_types else ("",)
        self._expire: Callable[[bytes], bytes] = self._expire_nx
        self._sha = b""
        self._batch = self._count = FAST_BATCH if fast else BATCH
        self._pace = Pace(1e9 if fast else settings.max_keys_per_second, time.monotonic())
        self._selected: int | None = None
        self._pending: list[bytes] = []
        self._by_prefix: Counter[bytes] = Counter()
        self._script_hits = 0
        self.scanned = self.changed = self.protected = self.refused = 0
        self.broken = False

    @property
    def hits(self) -> int:
        """Keyspace hits caused."""
        return self._probe.hits + self._script_hits

    async def prepare(self) -> None:
        """Have the connection leave no trace, and the script known, where they are needed."""
        if self._info.may_no_touch:
            await self._line.ask([pack(b"CLIENT", b"NO-TOUCH", b"ON")])  # or not allowed
        if self._info.version < _NX_SINCE:
            async with self._fence.write():
                self._sha = await self._line.one(b"SCRIPT", b"LOAD", _SCRIPT)
            self._expire = self._expire_by_script

    def first(
        self, run_id: str, databases: Sequence[int], before: Position | None
    ) -> Position | None:
        """Where to go on; the beginning where there is no such place on this server."""
        if before is not None and before.kind in self._kinds and before.database in databases:
            return before
        return first(run_id, databases, self._kinds)

    async def run(
        self, position: Position | None, databases: Sequence[int], end: float
    ) -> Position | None:
        """Batches until `end` (monotonic); where to go on, None when all is done.

        Raises redis.RedisError where no batch was done.
        """
        settled = current = position
        try:
            while current is not None and time.monotonic() < end:
                # What was found from `settled` on gets its TTLs with the write that comes now.
                settled, current = current, await self._step(current, databases)
            self._settle(await self._write())
        except RedisError:
            if settled == position:
                raise
            self.broken = True
            return settled
        return current

    def outcome(self, sweep: SweepStatus, position: Position | None, now: datetime) -> SweepStatus:
        """The pass with this slice added."""
        done = position is None
        return sweep.model_copy(
            update={
                "phase": SweepPhase.DONE if done else SweepPhase.RUNNING,
                "scanned": sweep.scanned + self.scanned,
                "changed": sweep.changed + self.changed,
                "protected": sweep.protected + self.protected,
                "refused": sweep.refused + self.refused,
                "passes": sweep.passes + done,
                "paused": "",
                "producers": ranked(sweep.producers, self._by_prefix),
                "cursor": "" if done else str(position),
                "completed_at": wire_time(now) if done else None,
            }
        )

    async def _step(self, position: Position, databases: Sequence[int]) -> Position | None:
        """One write: the EXPIREs of the batch before, and SCAN for the next one."""
        if self._selected != position.database:
            self._settle(await self._write())
            await self._line.one(b"SELECT", position.database)
            self._selected = position.database
        begun = time.monotonic()
        *answers, page = await self._write(self._scan(position))
        self._settle(answers)
        if isinstance(page, ResponseError):
            raise page
        cursor, keys = int(page[0]), page[1]
        self._widen(len(keys))
        self._pending = await self._chosen(keys, position.kind)
        self.scanned += len(keys)
        ended = time.monotonic()
        wait = self._pace.after(len(keys), ended - begun, ended)
        if wait:
            await asyncio.sleep(wait)
        return advance(position, cursor, databases, self._kinds)

    def _scan(self, position: Position) -> bytes:
        words: list[bytes | str | int] = [b"SCAN", position.cursor, b"COUNT", self._count]
        if len(self._include) == 1 and self._include[0] != "*":
            words += [b"MATCH", self._include[0]]  # a single pattern can be matched by the server
        if position.kind:
            words += [b"TYPE", position.kind]
        return pack(*words)

    def _widen(self, found: int) -> None:
        """Look at more keys at once where few of them are asked for: those cost little."""
        if found > self._batch:
            self._count = self._batch
        elif found < self._batch // 4:
            self._count = min(2 * self._count, _WIDEST * self._batch)

    async def _chosen(self, keys: Sequence[bytes], kind: str) -> list[bytes]:
        keys = self._choice.included(keys)
        if kind:
            kinds = [kind] * len(keys)
        else:
            kinds = [found.decode() for found in await self._probe.types(keys)]
        chosen = []
        for key, its_kind in zip(keys, kinds, strict=True):
            if its_kind not in self._choice.kinds:
                continue
            if self._may_fade(its_kind) or self._choice.is_protected(key, its_kind):
                self.protected += 1
            else:
                chosen.append(key)
        return chosen

    def _may_fade(self, kind: str) -> bool:
        """Whether it may be a hash whose fields have TTLs: those are the application's, may be
        longer than ours, and cannot be told from outside."""
        return kind == "hash" and self._info.fading_hashes(self._selected or 0) > 0

    async def _write(self, *reads: bytes) -> list[Any]:
        """Send the EXPIREs of the batch before, and then `reads`; the answers."""
        commands = [*(self._expire(key) for key in self._pending), *reads]
        if len(commands) == len(reads):
            return await self._line.ask(commands)
        async with self._fence.write(ANSWER_SECONDS) as seconds:
            return await self._line.of_keys(commands, seconds)

    def _expire_nx(self, key: bytes) -> bytes:
        return pack_expire(key, self._spread.draw())

    def _expire_by_script(self, key: bytes) -> bytes:
        self._script_hits += 1
        return pack(b"EVALSHA", self._sha, 1, key, self._spread.draw())

    def _settle(self, answers: Sequence[Any]) -> None:
        """Count what the EXPIREs did. Raises redis.ResponseError where the server refuses all."""
        keys, self._pending = self._pending, []
        for key, answer in zip(keys, answers, strict=True):
            if answer == 1:
                self.changed += 1
                self._by_prefix[prefix_of(key)] += 1
            elif isinstance(answer, ResponseError):
                self._count_refusal(answer)
        if len(self._by_prefix) > _MAX_PREFIXES:
            self._by_prefix = Counter(dict(self._by_prefix.most_common(_MAX_PREFIXES // 2)))

    def _count_refusal(self, error: ResponseError) -> None:
        """A key that this user may not touch, or that moved, is no reason to leave the others."""
        text = str(error)
        if text.startswith(_GONE_ELSEWHERE):
            return
        if not text.startswith("NOPERM") and "no permissions" not in text:
            raise error
        self.refused += 1
