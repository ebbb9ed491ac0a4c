"""One word after the other, where nothing tells afterwards what a killed process had sent."""

import asyncio

from setpoint.engine.model import Key

_PATIENCE_SECONDS = 1.0
_LONGEST_SECONDS = 5.0


class Turns:
    """A turn is over when status knows that its word arrived, so a kill leaves one in doubt.

    Slack's answers take a while, and in a storm many channels have much to say. So there is room
    for one more each time that somebody waited for a second, until there is quiet again: what is
    due is late by a few seconds at most, and only a kill in a storm can leave several in doubt.
    """

    def __init__(self) -> None:
        self._out: dict[tuple[Key, str], float] = {}
        self._room = 1
        self._widened = 0.0
        self._changed = asyncio.Event()

    async def take(self, key: Key, entry_id: str) -> None:
        """Wait for a turn."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while not self._has_room(loop.time()):
            patient_until = max(begun, self._widened) + _PATIENCE_SECONDS
            if loop.time() >= patient_until:
                self._room, self._widened = self._room + 1, loop.time()
                continue
            self._changed.clear()
            try:
                async with asyncio.timeout_at(patient_until):
                    await self._changed.wait()
            except TimeoutError:
                continue
        self._out[key, entry_id] = loop.time()

    def give_back(self, key: Key, entry_id: str) -> None:
        """The word did not arrive, or status knows that it did."""
        if self._out.pop((key, entry_id), None) is not None:
            self._changed.set()

    def written(self, key: Key, left: set[str]) -> None:
        """Status is written; the words in `left` are still in its outbox."""
        for whose, entry_id in list(self._out):
            if whose == key and entry_id not in left:
                self.give_back(key, entry_id)

    def _has_room(self, now: float) -> bool:
        # Of a resource that was deleted meanwhile, no status is written any more.
        self._out = {name: at for name, at in self._out.items() if now - at < _LONGEST_SECONDS}
        if not self._out:
            self._room = 1
        return len(self._out) < self._room
