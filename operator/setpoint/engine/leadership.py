"""Leadership of this process: which Lease, under which terms, and its way from start to end."""

import asyncio
import contextlib
import hashlib
import os
import random
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kubernetes.aio import client

from setpoint.config import ConfigError, LeaderElection
from setpoint.engine.election import Elector
from setpoint.engine.fence import Fence, Terms, boottime, unfenced
from setpoint.engine.lease import KubeLease
from setpoint.telemetry.metrics import LEADER

EXIT_LEASE_LOST = 3
"""Exit status of a process that lost its lease: start it again, as a standby."""

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DEFAULT_NAME = "setpoint"


@dataclass(frozen=True)
class Leadership:
    """`fence` is open while this process may write. Without an elector it always is."""

    fence: Fence
    elector: Elector | None = None

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[asyncio.Event]:
        """Beside the body, wait for the lease and renew it; gives the event that is set when this
        process may act. The lease is given back afterwards."""
        if self.elector is None:
            leading = asyncio.Event()
            leading.set()
            LEADER.set(1)
            yield leading
            return
        async with asyncio.TaskGroup() as group:
            campaign = group.create_task(self.elector.run())
            try:
                yield self.elector.leading
            finally:
                campaign.cancel()
        await self.elector.release()


def leadership_of(
    settings: LeaderElection, api: client.ApiClient, selector: str, name: str | None
) -> Leadership:
    """As the configuration says; `selector` is of the labels of this shard, `name` that of the
    Lease, if it was given. Raises ConfigError where it is not known in which namespace it is."""
    LEADER.set(0)
    if not settings.enabled:
        return Leadership(unfenced())
    terms = Terms(
        settings.lease_duration.total_seconds(),
        settings.renew_deadline.total_seconds(),
        settings.retry_period.total_seconds(),
    )
    fence = terms.fence()
    lease = KubeLease(api, _namespace(settings), name or lease_name(settings, selector))
    identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4()}"
    elector = Elector(
        lease, terms, identity, fence, _end,
        clock=boottime, now=lambda: datetime.now(UTC), draw=random.random,
    )  # fmt: skip
    return Leadership(fence, elector)


def lease_name(settings: LeaderElection, selector: str) -> str:
    """Of shards that are given none, each has its own: with a common one, only one would act."""
    name = settings.name or _DEFAULT_NAME
    if not selector or settings.name:
        return name
    return f"{name}-{hashlib.sha256(selector.encode()).hexdigest()[:8]}"


def _namespace(settings: LeaderElection) -> str:
    if settings.namespace:
        return settings.namespace
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except OSError:
        raise ConfigError(
            "leaderElection.namespace: outside a pod, say in which namespace the Lease is to be; "
            "or set leaderElection.enabled to false and run one replica only"
        ) from None


def _end() -> None:
    """At once, without tidying up: nothing that this process could still do is safe."""
    sys.stdout.flush()
    os._exit(EXIT_LEASE_LOST)
