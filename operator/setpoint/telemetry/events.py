"""Kubernetes Events, posted beside the reconcile: they never hold it up, and may be lost.

What is said again within six minutes is counted in one Event's series (events.k8s.io/v1) instead of
making another: the first repetition is written at once, further ones once a minute.
"""

import asyncio
import socket
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from setpoint.api import GROUP
from setpoint.api.conditions import Reason

Write = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Writes an Event into a namespace: a new one, or the series of one that is there."""

_BACKLOG = 1000
_KNOWN = 4096
_SERIES_SECONDS = 360.0
_WRITE_SECONDS = 60.0
_CONTROLLER = f"{GROUP}/operator"

_Name = tuple[str, str, str, str]


@dataclass
class _Series:
    """An Event that was posted, and how often it was said. Times are the loop's."""

    namespace: str
    body: dict[str, Any]
    said_at: float
    written_at: float
    count: int = 1
    is_behind: bool = False


class EventRecorder:
    """Queues Events; `run` writes them one after the other."""

    def __init__(self, write: Write, now: Callable[[], datetime]) -> None:
        self._write = write
        self._now = now
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(_BACKLOG)
        self._instance = socket.gethostname()[:63]
        self._known: OrderedDict[_Name, _Series] = OrderedDict()

    def record(
        self, body: Mapping[str, Any], reason: Reason, note: str, *, warning: bool = False
    ) -> None:
        """Say something about a resource, given by its body. Dropped when the backlog is full."""
        metadata, time = body["metadata"], asyncio.get_running_loop().time()
        name = (metadata["uid"], str(reason), note, "Warning" if warning else "Normal")
        known = self._known.get(name)
        if known is not None and time - known.said_at < _SERIES_SECONDS:
            self._repeat(known, time)
            return
        event = self._event(body, reason, note, warning=warning)
        self._known[name] = _Series(metadata["namespace"], event, time, time)
        self._known.move_to_end(name)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        self._put(metadata["namespace"], event)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            try:
                async with asyncio.timeout(_WRITE_SECONDS):
                    namespace, event = await self._queue.get()
            except TimeoutError:
                self.flush()
                continue
            await self._write(namespace, event)

    def flush(self) -> None:
        """Bring the counts of series up to date."""
        time = asyncio.get_running_loop().time()
        for name, known in list(self._known.items()):
            if known.is_behind:
                self._write_series(known, time)
            elif time - known.said_at >= _SERIES_SECONDS:
                del self._known[name]

    def _repeat(self, known: _Series, time: float) -> None:
        known.count += 1
        known.said_at = time
        known.body["series"] = {"count": known.count, "lastObservedTime": self._micro_time()}
        known.is_behind = True
        if known.count == 2 or time - known.written_at >= _WRITE_SECONDS:
            self._write_series(known, time)

    def _write_series(self, known: _Series, time: float) -> None:
        known.is_behind, known.written_at = False, time
        self._put(known.namespace, dict(known.body))

    def _put(self, namespace: str, event: dict[str, Any]) -> None:
        try:
            self._queue.put_nowait((namespace, event))
        except asyncio.QueueFull:
            return

    def _micro_time(self) -> str:
        return self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _event(
        self, body: Mapping[str, Any], reason: Reason, note: str, *, warning: bool
    ) -> dict[str, Any]:
        metadata = body["metadata"]
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata["namespace"],
            },
            "eventTime": self._micro_time(),
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
