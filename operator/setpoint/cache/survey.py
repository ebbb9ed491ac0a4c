"""Looks through the names of all keys for the guard, in slices: a sample could miss a queue."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from redis.exceptions import ResponseError

from setpoint.cache.connect import Client
from setpoint.cache.kin import Kin
from setpoint.cache.layouts import SampledKey, layout_of, may_belong
from setpoint.cache.model import NodeLook, Survey
from setpoint.cache.sampling import Denied, describe, rest

SLICE_SECONDS = 1.0
VALID = timedelta(hours=24)
"""A complete survey is good for so long."""

_COUNT = 250
_BATCH = 25
_MOST_OF_A_LAYOUT = 20
_MOST_OF_A_SHAPE = 50
_MOST = 1200
_STREAM_COMMANDS = ("xadd", "xreadgroup", "xread", "xautoclaim")
_START = "start"
_IDENTIFIER = re.compile(rb"[0-9a-fA-F-]{8,}|[0-9]+")


def begin(before: Survey | None, now: datetime) -> Survey:
    """The survey to go on with, or a new one."""
    if before is not None and (not before.is_complete or abs(now - before.started) < VALID):
        return before
    return Survey(now, ((_START, 0, 0),))


async def go_on(client: Client, node: NodeLook, survey: Survey) -> tuple[Survey, int]:
    """A slice of it on one server, and the look-ups made. Raises redis.RedisError, Denied."""
    if survey.is_complete:
        return survey, 0
    place = next((p for p in survey.places if p[0] == node.run_id), None)
    databases = sorted(node.info.keyspace)
    if place is None:
        is_new = any(p[0] == _START for p in survey.places)
        if not is_new or not databases:
            return survey, 0
        place = (node.run_id, databases[0], 0)
    names_tell = not any(node.info.has(f"cmdstat_{name}") for name in _STREAM_COMMANDS)
    end, hits, found, scanned = time.monotonic() + SLICE_SECONDS, 0, list(survey.found), 0
    asked_of: Counter[bytes] = Counter()
    following: tuple[str, int, int] | None = place
    while following is not None and time.monotonic() < end:
        _, database, cursor = following
        names, cursor = await _scan(client, database, cursor)
        scanned += len(names)
        asked = [
            name
            for name in names
            if (may_belong(name) or Kin.is_telling(name) or not names_tell)
            and _is_news(asked_of, name)
        ]
        for start in range(0, len(asked), _BATCH):
            known, looked = await describe(client, asked[start : start + _BATCH])
            hits += looked
            _keep(found, known, survey.kin)
        following = _next(node.run_id, database, cursor, databases)
    kept = tuple(p for p in survey.places if p[0] != node.run_id)
    places = (*kept, following) if following is not None else kept
    return replace(
        survey, places=places, found=tuple(found), scanned=survey.scanned + scanned
    ), hits


def finish(survey: Survey | None, nodes: Sequence[NodeLook]) -> Survey | None:
    """The survey after a look. After a failover or a restart in the middle it begins anew."""
    if survey is None:
        return None
    known = {node.run_id for node in nodes if not node.info.is_replica}
    if any(place[0] not in {_START, *known} for place in survey.places):
        return Survey(survey.started, ((_START, 0, 0),))
    return replace(survey, places=tuple(p for p in survey.places if p[0] in known))


async def _scan(client: Client, database: int, cursor: int) -> tuple[list[bytes], int]:
    began = time.monotonic()
    try:
        await client.execute_command("SELECT", database)
        following, names = await client.execute_command("SCAN", cursor, "COUNT", _COUNT)
    except ResponseError:
        raise Denied("scan") from None
    await rest(began)
    return list(names), int(following)


def _is_news(asked_of: Counter[bytes], name: bytes) -> bool:
    """Whether few keys of a name like this were asked for their type in this slice."""
    shape = _IDENTIFIER.sub(b"", name)
    asked_of[shape] += 1
    return asked_of[shape] <= _MOST_OF_A_SHAPE


def _keep(found: list[SampledKey], known: Sequence[SampledKey], kin: Kin) -> None:
    """Those that must stay, by their own names or as evidence with others; few of each layout."""
    for item in known:
        evidence = kin.add(item)
        layout = layout_of(item.key, item.type, item.ttl, item.size)
        for each in evidence or ([item] if layout is not None else []):
            alike = sum(layout_of(f.key, f.type, f.ttl, f.size) == layout for f in found)
            if alike < _MOST_OF_A_LAYOUT and len(found) < _MOST:
                found.append(each)


def _next(
    run_id: str, database: int, cursor: int, databases: Sequence[int]
) -> tuple[str, int, int] | None:
    if cursor:
        return run_id, database, cursor
    later = [number for number in databases if number > database]
    return (run_id, later[0], 0) if later else None
