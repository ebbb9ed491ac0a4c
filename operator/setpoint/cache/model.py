"""What is observed of a Redis server, and what is remembered between two looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from setpoint.api.cachetuning import SweepStatus


@dataclass(frozen=True)
class Observed:
    """One INFO. Memory in bytes; `keyspace` is database → (keys, keys with a TTL)."""

    version: str
    run_id: str
    uptime: int
    role: str
    hits: int
    misses: int
    used_memory: int
    not_counted: int
    maxmemory: int
    machine_memory: int
    policy: str
    keyspace: Mapping[int, tuple[int, int]]

    @property
    def version_tuple(self) -> tuple[int, ...]:
        """The version for comparison, (7, 0, 15)."""
        return tuple(int(part) for part in self.version.split(".") if part.isdecimal())

    @property
    def keys(self) -> int:
        """Keys in all databases."""
        return sum(keys for keys, _ in self.keyspace.values())


@dataclass(frozen=True)
class Counters:
    """A sample of the counters. `own` hits are setpoint's, to be taken off."""

    at: datetime
    run_id: str
    uptime: int
    hits: int
    misses: int
    own: int = 0


@dataclass(frozen=True)
class Memory:
    """Samples within the window, the oldest first; the sweep; what status shows of it."""

    samples: tuple[Counters, ...] = ()
    own_hits: int = 0
    sweep: SweepStatus | None = None
    shown_sweep: SweepStatus | None = None
    shown_at: datetime | None = None
