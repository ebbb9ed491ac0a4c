"""The work queue: each key once, never twice at a time, delayed, bounded by lane, fair.

Semantics of client-go's work queue, with three additions: at most `per_lane` keys of one lane run
at once (a slow database does not take all workers), namespaces take turns, and a key carries the
reasons for which it was added, so that a small matter need not cause a full reconcile.
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from setpoint.engine.model import Key

INTERVAL = "interval"
"""Reason of a key whose time has come."""


class Closed(Exception):  # noqa: N818 - the end of work, not an error
    """The queue hands out nothing any more."""


@dataclass
class _Item:
    reasons: set[str] = field(default_factory=set)
    lane: str = ""
    begun: float = 0.0


class WorkQueue:
    """Hands out keys to workers. All methods belong to one event loop; `clock` in seconds."""

    def __init__(self, per_lane: int, clock: Callable[[], float]) -> None:
        self._per_lane = per_lane
        self._clock = clock
        self._ready: dict[str, deque[Key]] = {}  # by namespace; a dict keeps the order of turns
        self._waiting: dict[Key, _Item] = {}
        self._running: dict[Key, _Item] = {}
        self._lanes: dict[str, int] = {}  # how many run
        self._lane_of: dict[Key, str] = {}
        self._due: dict[Key, float] = {}
        self._delayed: list[tuple[float, int, Key]] = []
        self._sequence = itertools.count()
        self._changed = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """Hand out nothing any more: `get` raises Closed."""
        self._closed = True
        self._changed.set()

    def add(self, key: Key, reason: str, lane: str | None = None) -> None:
        """Have `key` worked on as soon as may be; while it runs, once more afterwards.

        A lane, once given, holds for the key until it is forgotten.
        """
        if lane is not None:
            self._lane_of[key] = lane
        item = self._waiting.get(key)
        if item is None:
            item = self._waiting[key] = _Item()
            if key not in self._running:
                self._enqueue(key)
        item.reasons.add(reason)
        item.lane = self._lane_of.get(key, "")
        self._changed.set()

    def add_after(self, key: Key, delay: float) -> None:
        """Add `key` after `delay` seconds with the reason INTERVAL; replaces an earlier delay."""
        due = self._clock() + delay
        self._due[key] = due
        heapq.heappush(self._delayed, (due, next(self._sequence), key))
        self._changed.set()

    def forget(self, key: Key) -> None:
        """Drop what is known of a key that is gone."""
        self._due.pop(key, None)
        self._lane_of.pop(key, None)

    async def get(self) -> tuple[Key, frozenset[str]]:
        """The next key that may run, and why it was added. Call `done` with it afterwards.

        Raises Closed.
        """
        while not self._closed:
            self._release_due()
            if (key := self._pick()) is not None:
                item = self._running[key] = self._waiting.pop(key)
                item.begun = self._clock()
                self._lanes[item.lane] = self._lanes.get(item.lane, 0) + 1
                return key, frozenset(item.reasons)
            self._changed.clear()
            try:
                async with asyncio.timeout(self._next_delay()):
                    await self._changed.wait()
            except TimeoutError:
                continue
        raise Closed

    def done(self, key: Key) -> None:
        """`key` is finished; if it was added meanwhile, it is due again."""
        lane = self._running.pop(key).lane
        self._lanes[lane] -= 1
        if not self._lanes[lane]:
            del self._lanes[lane]
        if key in self._waiting:
            self._enqueue(key)
        self._changed.set()

    def depth(self) -> int:
        """Number of keys that wait for a worker."""
        return len(self._waiting)

    def longest(self) -> tuple[Key | None, float]:
        """The key that a worker has had for longest, and for how many seconds."""
        key = min(self._running, key=lambda one: self._running[one].begun, default=None)
        return key, 0.0 if key is None else self._clock() - self._running[key].begun

    def _enqueue(self, key: Key) -> None:
        self._ready.setdefault(key.namespace, deque()).append(key)

    def _release_due(self) -> None:
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:  # else it was replaced or forgotten
                del self._due[key]
                self.add(key, INTERVAL)

    def _next_delay(self) -> float | None:
        return max(0.0, self._delayed[0][0] - self._clock()) if self._delayed else None

    def _pick(self) -> Key | None:
        """The first key whose lane has room; its namespace then goes to the end of the turns."""
        for namespace, keys in self._ready.items():
            for index, key in enumerate(keys):
                if self._lanes.get(self._waiting[key].lane, 0) < self._per_lane:
                    del keys[index]
                    del self._ready[namespace]
                    if keys:
                        self._ready[namespace] = keys
                    return key
        return None
