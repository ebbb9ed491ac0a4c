"""The hit rate that a cache would have at other sizes, from polled idle times. Pure.

A few keys, chosen by the hash of their names, are asked how long they were not used, again and
again. When that time became shorter, the key was used, and the time between two uses is known: with
a cache that keeps keys for T seconds, every use after a longer time is a miss. An LRU cache of C
keys keeps them for the T in which C different keys are used (Denning's working set), which the idle
times tell, too. The uses themselves are counted by INFO.

Nothing is known of times shorter than the polls are apart, of keys that were evicted, and under an
LFU policy, where Redis keeps no idle times.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

MOST_KEYS = 32_768
"""Keys that are asked; of more, a smaller share is."""

_GROUPS = 8
"""Parts of the sample, whose differences tell how far it can be trusted."""

_STEP = 1.08
_GRID = [0.0, *(_STEP**n for n in range(math.ceil(math.log(10**8, _STEP))))]
"""Seconds; a time is known to 8%."""

_CLOCK_SECONDS = 1.0
"""Redis tells idle times in whole seconds."""


@dataclass(frozen=True)
class Point:
    """A cache of so many keys: its hit rate from 0 to 1, and twice its standard error."""

    keys: float
    hit_rate: float
    error: float


def is_sampled(key: bytes, rate: float) -> bool:
    """Whether a key is of the sample: the same keys at each poll, whoever asks."""
    return crc32(key) < rate * (1 << 32)


def rate_for(keys: int) -> float:
    """The share of so many keys that may be asked."""
    return min(1.0, MOST_KEYS / max(keys, 1))


@dataclass
class _Group:
    """Counts of one part of the sample by bucket of the grid."""

    gaps: list[int] = field(default_factory=lambda: [0] * (len(_GRID) + 1))
    idle: list[int] = field(default_factory=lambda: [0] * (len(_GRID) + 1))


class Sizing:
    """Adds up polls. `rate` is the share of the keys that is sampled."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._groups = [_Group() for _ in range(_GROUPS)]
        self._used: dict[bytes, float] = {}
        self._first: float | None = None
        self._last = 0.0
        self._lookups = self._lookups_before = 0
        self._resident = 0
        self.polls = 0

    def poll(self, now: float, idle: Mapping[bytes, int], lookups: int) -> None:
        """One poll at `now` (seconds, of any clock): idle times in seconds by sampled key, and the
        server's look-ups since its start, without our own."""
        is_first = self._first is None
        if self._first is None:
            self._first, self._lookups_before = now, lookups
        used: dict[bytes, float] = {}
        for key, seconds in idle.items():
            group = self._groups[crc32(key) % _GROUPS]
            group.idle[bisect_right(_GRID, seconds)] += 1
            at, before = now - seconds, self._used.get(key)
            if before is None:
                if not is_first:
                    group.gaps[-1] += 1  # it is new: a miss at any size
            elif at > before + _CLOCK_SECONDS:
                group.gaps[bisect_right(_GRID, at - before)] += 1
            else:
                at = before
            used[key] = at
        self._used, self._last, self._lookups = used, now, lookups
        self._resident = len(idle)
        self.polls += 1

    @property
    def resident(self) -> float:
        """Keys that are there; of a larger cache nothing is known."""
        return self._resident / self._rate

    def curve(self, points: int = 20) -> list[Point]:
        """Hit rates at sizes up to the present one, the smallest first; empty where the polls do
        not tell."""
        lookups = self._lookups - self._lookups_before
        if self.polls < 3 or lookups <= 0 or not self._used or self._first is None:
            return []
        apart = (self._last - self._first) / (self.polls - 1)
        whole = _Times(self._groups, self._rate, self.polls, lookups)
        parts = [
            _Times([group], self._rate / _GROUPS, self.polls, lookups) for group in self._groups
        ]
        least = bisect_right(_GRID, apart + _CLOCK_SECONDS)
        sizes = [whole.sizes[-1] * n / points for n in range(1, points + 1)]
        return [
            Point(size, 1 - whole.misses(size), _error(size, parts))
            for size in sizes
            if size >= whole.sizes[least]
        ]


class _Times:
    """By seconds of the grid: keys used within them, and the share of look-ups that come later."""

    def __init__(self, groups: Sequence[_Group], rate: float, polls: int, lookups: int) -> None:
        width = len(_GRID)
        later, within = 0, 0
        shares, sizes = [0.0] * width, [0.0] * width
        for n in range(width - 1, -1, -1):
            later += sum(group.gaps[n + 1] for group in groups)
            shares[n] = min(1.0, later / rate / lookups)
        for n in range(width):
            within += sum(group.idle[n] for group in groups)
            sizes[n] = within / rate / polls
        self.shares, self.sizes = shares, sizes

    def misses(self, size: float) -> float:
        """The share of look-ups that miss in a cache of `size` keys, between two seconds of the
        grid by their distance."""
        n = bisect_right(self.sizes, size)
        if n == 0 or n >= len(self.sizes):
            return self.shares[0 if n == 0 else -1]
        low, high = self.sizes[n - 1], self.sizes[n]
        part = (size - low) / (high - low)
        return self.shares[n - 1] + part * (self.shares[n] - self.shares[n - 1])


def _error(size: float, parts: Sequence[_Times]) -> float:
    """Twice the standard error of the mean of the parts."""
    found = [part.misses(size) for part in parts]
    mean = sum(found) / len(found)
    variance = sum((value - mean) ** 2 for value in found) / (len(found) - 1)
    return 2 * math.sqrt(variance / len(found))
