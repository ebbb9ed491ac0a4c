"""Puts the parts together: the one place that knows them all."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from setpoint.alerts.notifier import Notifier
from setpoint.api.cachetuning import SizingStatus
from setpoint.aws.gateway import AWSGateway
from setpoint.aws.reads import Reads
from setpoint.cache.kind import CacheTuningKind
from setpoint.config import Config
from setpoint.database.indexes.model import Advice
from setpoint.database.kind import DBTuningKind
from setpoint.engine.attempt import Attempter
from setpoint.engine.beside import Beside
from setpoint.engine.claims import Claims
from setpoint.engine.deletion import Deletion
from setpoint.engine.failure import Failure
from setpoint.engine.fence import Fence
from setpoint.engine.ingest import Ingest
from setpoint.engine.kind import Kind
from setpoint.engine.kube import KubeClient
from setpoint.engine.model import Key
from setpoint.engine.queue import Closed, WorkQueue
from setpoint.engine.reconciler import DELIVERED, Reconciler
from setpoint.engine.store import Store, wants_work
from setpoint.engine.writer import StatusWriter
from setpoint.scaling.kind import ScalingKind
from setpoint.telemetry import traces
from setpoint.telemetry.events import EventRecorder
from setpoint.telemetry.traced import Traced
from setpoint.trust.grants import Grants
from setpoint.trust.network import Address, Network

log = structlog.get_logger()

_UNEXPECTED_SECONDS = 30.0


@dataclass(frozen=True)
class Operator:
    """The parts that the process drives."""

    kube: KubeClient
    queue: WorkQueue
    ingest: Ingest
    reconciler: Reconciler
    notifier: Notifier
    events: EventRecorder
    gateway: AWSGateway
    beside: tuple[Beside[Any], ...]
    plurals: tuple[str, ...]

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside the workers."""
        return [self.notifier.run(), self.events.run(), *(each.run() for each in self.beside)]

    async def work(self, stopping: asyncio.Event) -> None:
        """One worker: nothing may escape the loop's body, or its resources would be dropped."""
        with contextlib.suppress(Closed):
            while not stopping.is_set():
                key, reasons = await self.queue.get()
                delay: float | None = _UNEXPECTED_SECONDS
                try:
                    delay = await self.reconciler.run(key, reasons)
                except Failure as failure:
                    log.warning("status not written", key=str(key), reason=failure.message)
                    delay = self.reconciler.delay_after(failure, key)
                except Exception:
                    log.exception("reconcile failed unexpectedly", key=str(key))
                finally:
                    self.queue.done(key)
                    if delay is not None:
                        self.queue.add_after(key, delay)


def assemble(
    kube: KubeClient,
    config: Callable[[], Config],
    api_server: Collection[tuple[Address, int]],
    now: Callable[[], datetime],
    draw: Callable[[], float],
    fence: Fence,
    *,
    sharded: bool = False,
) -> Operator:
    """All parts of an operator. `draw` gives numbers in [0, 1) for jitter; `fence` must be the one
    of `kube`. `sharded`: resources may leave without being deleted."""
    network, grants = Network(config, api_server), Grants(config)
    gateway = AWSGateway(config, grants, fence=fence)
    store, claims = Store(), Claims()

    def is_wanted(key: Key, uid: str, generation: int) -> bool | None:
        return wants_work(store.get(key), uid, generation)

    advice, sizings = Beside[Advice](now, is_wanted), Beside[SizingStatus](now, is_wanted)
    kinds = _kinds(kube, network, gateway, advice, sizings, fence)
    queue = WorkQueue(config().limits.concurrency_per_lane, time.monotonic)
    events = EventRecorder(kube.write_event, now)

    def delivered(key: Key) -> None:
        queue.add(key, DELIVERED)

    notifier = Notifier(kube, grants, network, config, delivered, now, fence=fence)
    reconciler = Reconciler(
        kinds,
        store,
        Attempter(claims, now),
        Deletion(kube, store, events, config, now, draw),
        StatusWriter(kube, store, events),
        notifier,
        events,
        config,
        now,
        draw,
        moved=kube.exists if sharded else None,
    )
    ingest = Ingest(kinds, store, claims, queue)
    return Operator(
        kube,
        queue,
        ingest,
        reconciler,
        notifier,
        events,
        gateway,
        (advice, sizings),
        tuple(kinds),
    )


def _kinds(
    kube: KubeClient,
    network: Network,
    gateway: AWSGateway,
    advice: Beside[Advice],
    sizings: Beside[SizingStatus],
    fence: Fence,
) -> dict[str, Kind[Any, Any, Any]]:
    reads = Reads(gateway)
    kinds: list[Kind[Any, Any, Any]] = [
        ScalingKind(gateway, reads),
        DBTuningKind(kube, network, gateway, reads, beside=advice),
        CacheTuningKind(kube, network, gateway, reads, beside=sizings, fence=fence),
    ]
    if traces.is_wanted():
        kinds = [Traced(kind) for kind in kinds]
    return {kind.names.plural: kind for kind in kinds}
