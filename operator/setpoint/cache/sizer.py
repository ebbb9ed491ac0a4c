"""Measurements of the hit rate at other sizes, beside the loop, for status."""

from datetime import UTC, datetime

from redis.exceptions import RedisError

from setpoint.api.cachetuning import CacheTuningSpec, SizePoint, SizingStatus
from setpoint.api.conditions import Reason
from setpoint.cache.connect import connect, failure
from setpoint.cache.info import Info
from setpoint.cache.memory import human
from setpoint.cache.nodes import seed
from setpoint.cache.observe import read_info
from setpoint.cache.sizing import Sizing
from setpoint.cache.sizing_poll import poll
from setpoint.cache.target import RedisTarget
from setpoint.engine.beside import Beside, Subject
from setpoint.engine.conditions import read_time, wire_time
from setpoint.engine.display import PERCENT_1
from setpoint.engine.failure import Failure
from setpoint.engine.model import Resource
from setpoint.trust.network import Network

_POLLS = 200
_POINTS = 10


class Sizer:
    """Begins what is due; what it costs in keyspace hits is fetched at the next look."""

    def __init__(self, network: Network, beside: Beside[SizingStatus]) -> None:
        self._network = network
        self._beside = beside
        self._hits: dict[Subject, int] = {}

    def ask(
        self,
        resource: Resource[CacheTuningSpec],
        target: RedisTarget,
        before: SizingStatus | None,
    ) -> SizingStatus | None:
        """The newest measurement of this process, if the spec wants one."""
        wanted = resource.spec.sizing
        if wanted is None:
            return None
        subject = Subject(resource.key, resource.uid)
        made, _ = self._beside.ask(
            subject,
            resource.generation,
            wanted,
            wanted.every,
            lambda: self._measure(subject, target, wanted.duration.total_seconds()),
            read_time(before.measured_at) if before is not None else None,
        )
        return made.value if made is not None else None

    def hits(self, resource: Resource[CacheTuningSpec]) -> int:
        """Keyspace hits caused since this was last asked."""
        return self._hits.pop(Subject(resource.key, resource.uid), 0)

    async def _measure(self, subject: Subject, target: RedisTarget, seconds: float) -> SizingStatus:
        def cost(hits: int) -> None:
            self._hits[subject] = self._hits.get(subject, 0) + hits

        start = await seed(target, self._network)
        async with connect(start, self._network) as client:
            try:
                sizing = await poll(client, seconds, _POLLS, cost=cost)
                return measured(sizing, await read_info(client), _now())
            except RedisError as error:
                raise failure(error, "object|idletime") from None
            except Failure as problem:
                if problem.reason is not Reason.UNSUPPORTED:
                    raise
                return SizingStatus(measured_at=wire_time(_now()), unknown=problem.message[:128])


def measured(sizing: Sizing, info: Info, now: datetime) -> SizingStatus:
    """A measurement as status shows it. A key is taken to need what keys need on average."""
    each = info.number("used_memory") / max(info.keys, 1)
    points = [
        SizePoint(
            memory=human(each * point.keys),
            keys=round(point.keys),
            hit_rate=PERCENT_1.show(100 * point.hit_rate),
            error=f"±{100 * point.error:.1f}",
        )
        for point in sizing.curve(_POINTS)
    ]
    unknown = "" if points else "too few look-ups while it was watched"
    return SizingStatus(measured_at=wire_time(now), points=points, unknown=unknown)


def _now() -> datetime:
    return datetime.now(UTC)
