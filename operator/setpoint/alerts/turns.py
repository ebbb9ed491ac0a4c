"""One word after the other, where nothing tells afterwards what a killed process had sent."""

import asyncio

from setpoint.engine.model import Key

_PATIENCE_SECONDS = 2.0
_LONGEST_SECONDS = 5.0


class Turns:
    """A turn is over when status knows that its word arrived, so a kill leaves one in doubt.

    Slack's answers take a while, and many channels may have much to say: whoever waited for two
    seconds goes beside one other, after four beside two, and so on. So what is due is never late
    by much, and only then can a kill leave more than one in doubt.
    """

    def __init__(self) -> None:
        self._out: dict[tuple[Key, str], float] = {}
        self._changed = asyncio.Event()

    async def take(self, key: Key, entry_id: str) -> None:
        """Wait for a turn."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            now = loop.time()
            self._out = {name: at for name, at in self._out.items() if now - at < _LONGEST_SECONDS}
            if len(self._out) <= (now - begun) // _PATIENCE_SECONDS:
                break
            self._changed.clear()
            next_chance = _PATIENCE_SECONDS - (now - begun) % _PATIENCE_SECONDS
            over = min(self._out.values()) + _LONGEST_SECONDS - now
            try:
                async with asyncio.timeout(min(next_chance, over)):
                    await self._changed.wait()
            except TimeoutError:
                continue
        self._out[key, entry_id] = loop.time()

    def give_back(self, key: Key, entry_id: str) -> None:
        """The word did not arrive."""
        if self._out.pop((key, entry_id), None) is not None:
            self._changed.set()

    def written(self, key: Key, left: set[str]) -> None:
        """Status is written; the words in `left` are still in its outbox."""
        for whose, entry_id in list(self._out):
            if whose == key and entry_id not in left:
                self.give_back(key, entry_id)
