"""How fast a sweep goes: a token bucket that listens to its own round trips. Pure; time is given.

Our own wait is the first to grow when the server becomes busy, so it slows us down before others
notice. A round trip that is much longer than the shortest of late halves the speed; every calm one
raises it a little (additive increase, multiplicative decrease, as TCP does).
"""

_TOO_LONG = 3.0
"""Times the shortest round trip."""

_SLACK_SECONDS = 0.0005
"""What the network, the timer and other processes may add without meaning anything."""

_SLOWER, _FASTER = 0.5, 0.02
_SLOWEST = 0.02
_FORGET = 1.001
"""The shortest round trip is forgotten by this factor at each batch: servers change."""

_BURST_SECONDS = 0.004
"""How far behind its schedule a sweep may catch up at once: timers are late by a millisecond."""


class Pace:
    """Says how long to wait after each batch. `limit` in keys a second."""

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._due = now
        self._shortest: float | None = None
        self.rate = limit

    def after(self, keys: int, round_trip: float, now: float) -> float:
        """Seconds to wait, when a batch of `keys` took `round_trip` seconds and ended `now`."""
        self._listen(round_trip)
        self._due = max(self._due, now - _BURST_SECONDS) + keys / self.rate
        return max(0.0, self._due - now)

    def _listen(self, round_trip: float) -> None:
        if self._shortest is None or round_trip < self._shortest:
            self._shortest = round_trip
        self._shortest *= _FORGET
        if round_trip > self._shortest * _TOO_LONG + _SLACK_SECONDS:
            self.rate = max(self._limit * _SLOWEST, self.rate * _SLOWER)
        else:
            self.rate = min(self._limit, self.rate + self._limit * _FASTER)
