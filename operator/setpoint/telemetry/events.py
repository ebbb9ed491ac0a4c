"""Kubernetes Events, posted beside the reconcile: they never hold it up, and may be lost."""

import asyncio
import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from setpoint.api import GROUP
from setpoint.api.conditions import Reason

Post = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Posts an Event's body into a namespace."""

_BACKLOG = 1000
_CONTROLLER = f"{GROUP}/operator"


class EventRecorder:
    """Queues Events; `run` posts them one after the other."""

    def __init__(self, post: Post, now: Callable[[], datetime]) -> None:
        self._post = post
        self._now = now
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(_BACKLOG)
        self._instance = socket.gethostname()[:63]

    def record(
        self, body: Mapping[str, Any], reason: Reason, note: str, *, warning: bool = False
    ) -> None:
        """Say something about a resource, given by its body. Dropped when the backlog is full."""
        metadata = body["metadata"]
        event = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata["namespace"],
            },
            "eventTime": self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Warning" if warning else "Normal",
            "reason": str(reason),
            "note": note[:1024],
            "action": "Reconcile",
            "reportingController": _CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": body["apiVersion"],
                "kind": body["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        }
        try:
            self._queue.put_nowait((metadata["namespace"], event))
        except asyncio.QueueFull:
            return

    async def run(self) -> None:
        """Post until cancelled."""
        while True:
            namespace, event = await self._queue.get()
            await self._post(namespace, event)
