"""What happened in a window, from the differences between our own samples. Pure.

Redis' counters count since its start. A server that restarted, failed over, or had its counters
reset (CONFIG RESETSTAT changes neither run_id nor uptime) begins a new window.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from setpoint.api.cachetuning import AnalysisState
from setpoint.cache.growth import Growth
from setpoint.cache.info import Info, parse, whole
from setpoint.cache.layouts import SampledKey

WINDOW = timedelta(minutes=5)
MIN_LOOKUPS = 100
"""Fewer look-ups in a window say nothing about a rate."""

_Z = 1.96
"""Standard deviations of a confidence of 95 %."""

_COUNTERS = (
    "keyspace_hits", "keyspace_misses", "evicted_keys", "expired_keys", "rejected_connections",
    "total_commands_processed", "total_connections_received", "expired_time_cap_reached_count",
    "sync_full", "sync_partial_err",
)  # fmt: skip
OOM = "errorstat_OOM"
UNLIMITED = "keys without TTL"


@dataclass(frozen=True)
class Counters:
    """A sample of one server's counters. `own` hits are setpoint's, to be taken off; `unlimited`
    is the number of keys without a TTL, `keys` that of all."""

    at: datetime
    run_id: str
    uptime: int
    values: Mapping[str, int]
    own: int = 0
    unlimited: int = 0
    keys: int = 0


@dataclass(frozen=True)
class Command:
    """An entry of the slow log, without its arguments. Microseconds."""

    name: str
    microseconds: int


@dataclass(frozen=True)
class Latency:
    """An event of LATENCY LATEST within the window. Milliseconds."""

    event: str
    milliseconds: int


@dataclass(frozen=True)
class Node:
    """One server over a window. `changes` of its counters, None while there is one sample only;
    `unlimited` and `keys` are the growth of the numbers of keys; `own` are our look-ups on all
    servers."""

    name: str
    info: Info
    changes: Mapping[str, int] | None = None
    seconds: float = 0.0
    unlimited: int = 0
    keys: int = 0
    own: int = 0
    slow: tuple[Command, ...] = ()
    latency: tuple[Latency, ...] = ()

    def change(self, counter: str) -> int:
        """How much a counter grew; 0 where that is not known."""
        return self.changes.get(counter, 0) if self.changes is not None else 0

    def rate(self, counter: str) -> float:
        """The same a second."""
        return self.change(counter) / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class Thresholds:
    """What the resource calls too low or too high, in percent."""

    hit_rate: float = 80.0
    memory_usage: float = 80.0


@dataclass(frozen=True)
class Window:
    """All servers of a cache over a window, and what else the rules judge by.

    `memory_limit` in bytes is that of each server's container; `denied` are the commands that the
    user may not call, by their ACL names; `unreachable` are addresses of servers. `sample` is a
    random one; `protected` are keys of the guard's layouts that were found besides. `growth` is
    that of keys without a TTL over a longer time.
    """

    nodes: tuple[Node, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    thresholds: Thresholds = Thresholds()
    memory_limit: int | None = None
    sample: tuple[SampledKey, ...] = ()
    protected: tuple[SampledKey, ...] = ()
    denied: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    username: str = "default"
    acknowledged: tuple[str, ...] = ()
    growth: Growth | None = None


@dataclass(frozen=True)
class Rates:
    """Hit rate in percent over the window, with the bounds of a confidence of 95 %; None where it
    is not known."""

    state: AnalysisState
    hit_rate: float | None = None
    lookups: int = 0
    low: float | None = None
    high: float | None = None

    @property
    def is_telling(self) -> bool:
        """Whether there were enough look-ups to judge by."""
        return self.state is AnalysisState.OK


def sample(info: Info, at: datetime, own_hits: int = 0) -> Counters:
    """The counters of one look."""
    values = {name: info.number(name) for name in _COUNTERS}
    values[OOM] = whole(info.entry(OOM).get("count", ""))
    return Counters(
        at,
        info.text("run_id"),
        info.number("uptime_in_seconds"),
        values,
        own_hits,
        info.unlimited_keys,
        info.keys,
    )


def extend(samples: Sequence[Counters], new: Counters) -> tuple[Counters, ...]:
    """The samples with a new one; those older than the window go, but for the newest of them."""
    if samples and _was_reset(samples[-1], new):
        return (new,)
    outside = [old for old in samples if new.at - old.at > WINDOW]
    inside = [old for old in samples if new.at - old.at <= WINDOW]
    if not inside:
        return (*outside[-1:], new)
    return (*inside, new)


def node(
    name: str,
    info: Info,
    samples: Sequence[Counters],
    slow: Sequence[Command] = (),
    latency: Sequence[Latency] = (),
) -> Node:
    """A server over the window that its samples span; `info` is its newest."""
    if len(samples) < 2:
        return Node(name, info, slow=tuple(slow), latency=tuple(latency))
    first, last = samples[0], samples[-1]
    changes = {name: last.values[name] - first.values[name] for name in last.values}
    return Node(
        name,
        info,
        changes,
        max((last.at - first.at).total_seconds(), 0.0),
        last.unlimited - first.unlimited,
        last.keys - first.keys,
        last.own - first.own,
        tuple(slow),
        tuple(latency),
    )


def from_info(
    before: str,
    after: str,
    seconds: float,
    config: Mapping[str, str] | None = None,
    *,
    name: str = "cache",
    own_hits: int = 0,
    memory_limit: int | None = None,
    thresholds: Thresholds = Thresholds(),
    sampled: Sequence[SampledKey] = (),
    slow: Sequence[Command] = (),
    latency: Sequence[Latency] = (),
    denied: Sequence[str] = (),
    unreachable: Sequence[str] = (),
) -> Window:
    """The window between two INFO texts of one server; `before` empty: there is one sample only.

    `config` is CONFIG GET's answer as far as it is known, `own_hits` the look-ups of the window
    that were setpoint's own.
    """
    start = datetime(2000, 1, 1, tzinfo=UTC)
    newest = parse(after)
    samples = extend((), sample(newest, start))
    if before:
        samples = extend(
            extend((), sample(parse(before), start)),
            sample(newest, start + timedelta(seconds=seconds), own_hits),
        )
    return Window(
        nodes=(node(name, newest, samples, slow, latency),),
        config=dict(config or {}),
        thresholds=thresholds,
        memory_limit=memory_limit,
        sample=tuple(sampled),
        denied=tuple(denied),
        unreachable=tuple(unreachable),
    )


def rates(window: Window) -> Rates:
    """The hit rate over all servers: reads may be served by any of them."""
    known = [each for each in window.nodes if each.changes is not None]
    if not known:
        return Rates(AnalysisState.COLLECTING)
    counted = sum(each.change("keyspace_hits") for each in known)
    hits = max(0, counted - max(each.own for each in known))
    lookups = hits + sum(each.change("keyspace_misses") for each in known)
    if lookups <= 0:
        return Rates(AnalysisState.NO_TRAFFIC)
    low, high = confidence(hits, lookups)
    state = AnalysisState.OK if lookups >= MIN_LOOKUPS else AnalysisState.TOO_FEW_LOOKUPS
    return Rates(state, 100 * hits / lookups, lookups, 100 * low, 100 * high)


def confidence(hits: int, lookups: int) -> tuple[float, float]:
    """Wilson's score interval of a share, 95 %."""
    share, square = hits / lookups, _Z * _Z
    middle = share + square / (2 * lookups)
    spread = _Z * math.sqrt(share * (1 - share) / lookups + square / (4 * lookups * lookups))
    scale = 1 + square / lookups
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _was_reset(before: Counters, after: Counters) -> bool:
    return (
        after.run_id != before.run_id
        or after.uptime < before.uptime
        or after.at < before.at
        or any(after.values[name] < value for name, value in before.values.items())
    )
