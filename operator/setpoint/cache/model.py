"""What is observed of a cache's servers, and what is remembered between two looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from setpoint.api.cachetuning import SizingStatus, SweepStatus
from setpoint.cache.elasticache.model import ElastiCacheObserved, Metrics
from setpoint.cache.growth import Earlier
from setpoint.cache.info import Info
from setpoint.cache.kin import Kin
from setpoint.cache.layouts import SampledKey
from setpoint.cache.sweep_preview import Preview
from setpoint.cache.window import Command, Counters, Latency
from setpoint.engine.failure import Failure


@dataclass(frozen=True)
class NodeLook:
    """One look at one server. `name` is host:port; `config` the settings that it told."""

    name: str
    info: Info
    config: Mapping[str, str] = field(default_factory=dict)
    slow: tuple[Command, ...] = ()
    latency: tuple[Latency, ...] = ()

    @property
    def run_id(self) -> str:
        """The server's run id, else its address: some servers have none."""
        return self.info.text("run_id") or self.name


@dataclass(frozen=True)
class Survey:
    """A look through the names of all keys, for the guard: where it is, and what it found.

    `places` are the primaries' run ids with the database and cursor that come next; it is complete
    when there are none. `kin` learns while it goes.
    """

    started: datetime
    places: tuple[tuple[str, int, int], ...]
    found: tuple[SampledKey, ...] = ()
    scanned: int = 0
    kin: Kin = field(default_factory=Kin)

    @property
    def is_complete(self) -> bool:
        """Whether all keys were seen."""
        return not self.places


@dataclass(frozen=True)
class Observed:
    """One look at all servers of a cache, the primaries first, and at what AWS says of it.

    There are no `nodes` where the spec has no connection, or it failed; `failures` says why what
    could not be seen could not.
    `denied` are commands, by ACL names, that the user may not call. `sample` is None where no
    sample was taken in this look. `own_hits` are look-ups of keys that this look made after INFO,
    `hits_before` those of long work that ended before it. `sizing`: measured since the last look.
    """

    nodes: tuple[NodeLook, ...] = ()
    denied: frozenset[str] = frozenset()
    unreachable: tuple[str, ...] = ()
    username: str = "default"
    sample: tuple[SampledKey, ...] | None = None
    survey: Survey | None = None
    own_hits: int = 0
    preview: Preview | None = None
    sizing: SizingStatus | None = None
    hits_before: int = 0
    elasticache: ElastiCacheObserved | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def first(self) -> NodeLook:
        """The first primary, or the replica where the Secret names one."""
        return self.nodes[0]

    @property
    def primaries(self) -> tuple[NodeLook, ...]:
        """The servers that take writes."""
        return tuple(node for node in self.nodes if not node.info.is_replica)

    @property
    def is_replica(self) -> bool:
        """Whether no primary is seen."""
        return not self.primaries

    @property
    def version(self) -> str:
        """The first server's."""
        return self.first.info.text("redis_version") or "0"

    @property
    def run_id(self) -> str:
        """The first primary's."""
        return self.first.info.text("run_id")

    @property
    def role(self) -> str:
        """Master or slave."""
        return self.first.info.text("role") or "master"

    @property
    def policy(self) -> str:
        """The first primary's eviction policy."""
        return self.first.info.policy

    @property
    def maxmemory(self) -> int:
        """The first primary's limit in bytes."""
        return self.first.info.number("maxmemory")

    @property
    def used_memory(self) -> int:
        """The first primary's memory in bytes."""
        return self.first.info.number("used_memory")

    @property
    def keyspace(self) -> Mapping[int, tuple[int, int]]:
        """The first primary's databases → (keys, keys with a TTL)."""
        return self.first.info.keyspace

    @property
    def keys(self) -> int:
        """Keys in all databases of all primaries."""
        return sum(node.info.keys for node in self.primaries or self.nodes[:1])

    @property
    def volatile_keys(self) -> int:
        """Those with a TTL."""
        return sum(node.info.volatile_keys for node in self.primaries or self.nodes[:1])


@dataclass(frozen=True)
class Setting:
    """A setting that we made. `reversions`: how often somebody else put it back; `in_force`:
    whether it was there when we last looked."""

    value: str
    generation: int
    run_ids: frozenset[str]
    in_force: bool = True
    reversions: int = 0


@dataclass(frozen=True)
class Memory:
    """Samples by run id, the oldest first; keys as sampled last; what we set; the sweep; earlier
    counts of keys without a TTL.

    `changed_at`: when a parameter group was last changed, in seconds of the reader's clock;
    `metrics`: CloudWatch's, as last read.
    """

    samples: Mapping[str, tuple[Counters, ...]] = field(default_factory=dict)
    own_hits: int = 0
    sample: tuple[SampledKey, ...] = ()
    sampled_at: datetime | None = None
    survey: Survey | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    sweep: SweepStatus | None = None
    shown_sweep: SweepStatus | None = None
    shown_at: datetime | None = None
    preview: Preview | None = None
    sizing: SizingStatus | None = None
    changed_at: float | None = None
    metrics: Metrics = field(default_factory=Metrics)
    earlier: Earlier = field(default_factory=Earlier)

    def with_setting(self, name: str, setting: Setting) -> "Memory":
        """The memory with what was set."""
        return replace(self, settings={**self.settings, name: setting})
