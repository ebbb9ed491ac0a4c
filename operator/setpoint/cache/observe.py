"""Reads a cache's servers. Writes nothing, and says what looking has cost in look-ups."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError

from setpoint.api.conditions import Reason
from setpoint.cache import sampling, survey
from setpoint.cache.connect import Client, connect, failure, leave_no_trace
from setpoint.cache.info import Info, parse
from setpoint.cache.layouts import SampledKey
from setpoint.cache.model import Memory, NodeLook, Observed, Survey
from setpoint.cache.nodes import others, seed
from setpoint.cache.target import RedisTarget
from setpoint.cache.window import WINDOW, Command, Latency
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network

SAMPLE_EVERY = timedelta(minutes=10)
OUR_NAME = "setpoint"
_SLOW_ENTRIES = 32
_OPTIONAL = (Reason.ACCESS_DENIED, Reason.UNSUPPORTED)


@dataclass
class Look:
    """One look: what it is to read, and what it has cost so far."""

    network: Network
    memory: Memory
    now: datetime
    settings: Sequence[str]
    survey_wanted: bool = False
    denied: set[str] = field(default_factory=set)
    own_hits: int = 0
    sample: list[SampledKey] = field(default_factory=list)
    survey: Survey | None = None

    @property
    def samples(self) -> bool:
        """Whether it is time for a sample of keys."""
        at = self.memory.sampled_at
        return at is None or abs(self.now - at) >= SAMPLE_EVERY


async def observe(target: RedisTarget, look: Look) -> Observed:
    """One look at all servers. Raises Failure where the first of them cannot be seen."""
    look.survey = survey.begin(look.memory.survey, look.now) if look.survey_wanted else None
    start = await seed(target, look.network)
    async with connect(start, look.network) as client:
        info = await read_info(client)
        places = await others(client, info, look.denied)
        first = await _node(client, start.name, info, look, 1 + len(places))
    nodes, unreachable = [first], []
    for place in places:
        there = start.at(place.host, place.port)
        try:
            async with connect(there, look.network) as client:
                found = await read_info(client)
                nodes.append(await _node(client, there.name, found, look, 1 + len(places)))
        except Failure:
            unreachable.append(there.name)
    nodes.sort(key=lambda node: node.info.is_replica)  # stable: the first of each kind stays so
    return Observed(
        nodes=tuple(nodes),
        denied=frozenset(look.denied),
        unreachable=tuple(unreachable),
        username=target.username or "default",
        sample=tuple(look.sample) if look.samples else None,
        survey=survey.finish(look.survey, nodes),
        own_hits=look.own_hits,
    )


async def read_info(client: Client) -> Info:
    """INFO with all sections. Raises Failure."""
    try:
        return parse(await client.execute_command("INFO", "all"))
    except RedisError as error:
        raise failure(error, "info") from None


async def _node(client: Client, name: str, info: Info, look: Look, servers: int) -> NodeLook:
    try:
        return await _read(client, name, info, look, servers)
    except RedisError as error:
        raise failure(error, "a read") from None


async def _read(client: Client, name: str, info: Info, look: Look, servers: int) -> NodeLook:
    node = NodeLook(
        name,
        info,
        await _config(client, look),
        await _slow(client, look, since := _clock(info) - WINDOW.total_seconds()),
        await _latency(client, look, since),
    )
    if info.is_replica:
        return node
    if not await leave_no_trace(client, info):
        look.denied.add("client|no-touch")
    try:
        if look.samples:
            most = max(sampling.BATCH, sampling.KEYS // servers)
            found, hits = await sampling.sample(client, info, most)
            look.sample += found
            look.own_hits += hits
        if look.survey is not None:
            look.survey, hits = await survey.go_on(client, node, look.survey)
            look.own_hits += hits
    except sampling.Denied as denied:
        look.denied.add(denied.command)
    return node


async def _config(client: Client, look: Look) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in look.settings:
        answer = await _optional(client, look, "config|get", "CONFIG GET", name)
        if answer is None:
            return found
        pairs = answer.items() if isinstance(answer, dict) else _pairs(answer)
        found |= {_text(key): _text(value) for key, value in pairs}
    return found


def _clock(info: Info) -> float:
    """The server's own clock, by which its logs are; it may differ from ours."""
    return info.number("server_time_usec") / 1_000_000 or time.time()


async def _slow(client: Client, look: Look, since: float) -> tuple[Command, ...]:
    """The slow log within the window; our own commands and all arguments are left out."""
    answer = await _optional(client, look, "slowlog|get", "SLOWLOG GET", _SLOW_ENTRIES)
    return tuple(
        Command(_command(entry.get("command", b"")), int(entry.get("duration", 0)))
        for entry in answer or ()
        if isinstance(entry, dict)
        and int(entry.get("start_time", 0)) >= since
        and _text(entry.get("client_name", b"")) != OUR_NAME
    )


async def _latency(client: Client, look: Look, since: float) -> tuple[Latency, ...]:
    answer = await _optional(client, look, "latency|latest", "LATENCY LATEST")
    return tuple(
        Latency(_text(event), int(latest))
        for event, at, latest, *_ in answer or ()
        if int(at) >= since
    )


async def _optional(client: Client, look: Look, acl: str, *words: Any) -> Any:
    """The answer, or None where the user may not ask: that is noted, and the rest goes on."""
    try:
        return await client.execute_command(*words)
    except RedisError as error:
        if failure(error, acl).reason not in _OPTIONAL:
            raise
        look.denied.add(acl)
        return None


def _pairs(flat: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(flat[::2], flat[1::2], strict=False))


def _command(text: Any) -> str:
    """Its name only: what follows may be anybody's data."""
    word = _text(text).split(maxsplit=1)
    return word[0].upper()[:32] if word and word[0].replace(".", "").isalnum() else "?"


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
