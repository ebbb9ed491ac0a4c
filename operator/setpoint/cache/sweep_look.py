"""Looks through all names before a pass, in slices; writes nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from redis.exceptions import ResponseError

from setpoint.api.cachetuning import DefaultTTL
from setpoint.cache.connect import Client
from setpoint.cache.info import Info
from setpoint.cache.kin import Kin
from setpoint.cache.layouts import SampledKey
from setpoint.cache.pace import Pace
from setpoint.cache.passes import advance, first
from setpoint.cache.sweep_choice import Choice, prefix_of
from setpoint.cache.sweep_preview import Preview
from setpoint.cache.sweep_wire import Wire, pack, wire

SLICE_SECONDS = 1.0
_ASKED = 50
"""Keys of a prefix that are asked for type and TTL."""

_BATCH = 64
_MAX_PREFIXES = 2_000
_OTHERS = b"(others)"
_GONE, _NONE = -2, b"none"


async def go_on(
    client: Client,
    settings: DefaultTTL,
    preview: Preview,
    info: Info,
    seconds: float = SLICE_SECONDS,
) -> None:
    """Look on at `preview.server` for at most `seconds`. Raises redis.RedisError."""
    databases, name = sorted(info.keyspace), preview.server or ""
    position = preview.position
    if position is None or position.run_id != name:
        position = first(name, databases)
    choice, end = Choice(settings, preview.kin), time.monotonic() + seconds
    pace = Pace(settings.max_keys_per_second, time.monotonic())
    async with wire(client) as line:
        if info.may_no_touch:
            await line.ask([pack("CLIENT", "NO-TOUCH", "ON")])
        selected = None
        while position is not None and time.monotonic() < end:
            if selected != position.database:
                selected = position.database
                await line.one("SELECT", selected)
            begun = time.monotonic()
            page = await line.one("SCAN", position.cursor, "COUNT", _BATCH)
            ended = time.monotonic()
            await _count(line, choice, preview, page[1])
            position = advance(position, int(page[0]), databases)
            if wait := pace.after(len(page[1]), ended - begun, time.monotonic()):
                await asyncio.sleep(wait)
    preview.position = position
    if position is None and preview.pending:
        preview.pending = preview.pending[1:]


async def _count(line: Wire, choice: Choice, preview: Preview, keys: Sequence[bytes]) -> None:
    included = set(choice.included(keys))
    asked: list[tuple[bytes, tuple[bytes, bool]]] = []
    telling: list[bytes] = []
    for key in keys:
        group = (prefix_of(key), key in included)
        if group not in preview.counts and len(preview.counts) >= _MAX_PREFIXES:
            group = (_OTHERS, key in included)
        preview.counts[group] += 1
        if preview.counts[group] <= _ASKED:
            asked.append((key, group))
        elif Kin.is_telling(key):
            telling.append(key)
    preview.scanned += len(keys)
    if asked:
        await _ask(line, choice, preview, asked)
    if telling:
        kinds = await line.ask([pack("TYPE", key) for key in telling])
        for key, kind in zip(telling, kinds, strict=True):
            if not isinstance(kind, ResponseError):
                preview.hits += kind != _NONE
                preview.kin.add(SampledKey(key, kind.decode()))


async def _ask(
    line: Wire,
    choice: Choice,
    preview: Preview,
    asked: Sequence[tuple[bytes, tuple[bytes, bool]]],
) -> None:
    answers = await line.ask([pack(word, key) for key, _ in asked for word in ("TYPE", "PTTL")])
    for (key, group), kind, ttl in zip(asked, answers[::2], answers[1::2], strict=True):
        if isinstance(kind, ResponseError) or isinstance(ttl, ResponseError) or ttl == _GONE:
            continue
        preview.hits += 2
        name = kind.decode()
        preview.kin.add(SampledKey(key, name, ttl / 1000 if ttl >= 0 else None))
        judged = (name, ttl >= 0, choice.is_protected(key, name))
        preview.answers.setdefault(group, Counter())[judged] += 1
