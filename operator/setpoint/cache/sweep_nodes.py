"""A pass over all servers that take writes: a primary, or a cluster's primaries in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError

from setpoint.api.cachetuning import DefaultTTL, SweepPhase, SweepStatus
from setpoint.cache import passes, sweep, sweep_look
from setpoint.cache.connect import connect, failure
from setpoint.cache.info import Info
from setpoint.cache.kin import Kin
from setpoint.cache.nodes import members, seed
from setpoint.cache.observe import read_info
from setpoint.cache.passes import Position
from setpoint.cache.sweep_preview import Preview
from setpoint.cache.target import RedisTarget
from setpoint.engine.fence import ALONE, Fence
from setpoint.trust.network import Network


@dataclass(frozen=True)
class Primary:
    """A server that takes writes."""

    target: RedisTarget
    info: Info
    slot: int = 0

    @property
    def run_id(self) -> str:
        """The server's run id, else its address: some servers have none."""
        return self.info.text("run_id") or self.target.name.replace(":", "-")


async def primaries(target: RedisTarget, network: Network) -> list[Primary]:
    """By the slots that they have: a replica that is promoted in the middle of a pass takes the
    place of its primary. Raises Failure where one of them cannot be reached: a pass leaves nothing
    out."""
    start = await seed(target, network)
    async with connect(start, network) as client:
        info = await read_info(client)
        is_cluster = info.text("redis_mode") == "cluster"
        places = await members(client, set()) if is_cluster else []
    own = next((place.slot for place in places if place.is_asked), None)
    found = [Primary(start, info, own or 0)]
    for place in places:
        if place.slot is None or place.is_asked:  # a replica, or one that failed and was replaced
            continue
        there = start.at(place.host, place.port)
        async with connect(there, network) as client:
            found.append(Primary(there, await read_info(client), place.slot))
    return sorted((p for p in found if not p.info.is_replica), key=lambda p: (p.slot, p.run_id))


async def go_on(
    target: RedisTarget,
    network: Network,
    settings: DefaultTTL,
    before: SweepStatus | None,
    now: datetime,
    kin: Kin,
    *,
    fast: bool = False,
    fence: Fence = ALONE,
) -> tuple[SweepStatus, int]:
    """One slice; the pass as it is then, and the keyspace hits it caused. Raises Failure."""
    servers = await primaries(target, network)
    names = [server.run_id for server in servers]
    current = passes.begin(settings, before, names, now)
    if not servers or current.phase is SweepPhase.DONE:
        return current, 0
    position = Position.read(current.cursor)
    number = names.index(position.run_id) if position else 0
    server = servers[number]
    async with connect(server.target, network) as client:
        try:
            current, hits = await sweep.run_slice(
                client, settings, current, server.info, now, kin,
                run_id=server.run_id, fast=fast, fence=fence,
            )  # fmt: skip
        except RedisError as error:
            raise failure(error, "expire") from None
    if current.phase is SweepPhase.DONE and number + 1 < len(servers):
        following = {
            "phase": SweepPhase.RUNNING,
            "passes": current.passes - 1,
            "completed_at": None,
            "cursor": str(Position(names[number + 1], 0)),
        }
        current = current.model_copy(update=following)
    return current, hits


async def look_on(
    target: RedisTarget, network: Network, settings: DefaultTTL, preview: Preview
) -> int:
    """One slice of the dry run; the keyspace hits it caused. Raises Failure."""
    servers: Sequence[Primary] = await primaries(target, network)
    before = preview.hits
    preview.meet([server.run_id for server in servers])
    server = next((s for s in servers if s.run_id == preview.server), None)
    if server is None:
        return 0
    async with connect(server.target, network) as client:
        try:
            await sweep_look.go_on(client, settings, preview, server.info)
        except RedisError as error:
            raise failure(error, "scan") from None
    return preview.hits - before
