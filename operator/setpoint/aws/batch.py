"""Reads that are made for many resources at once: what one asks for fills its call with what
others will ask for soon. No timer, and no call that nobody asked for."""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Generic, TypeVar

from prometheus_client import Counter

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import Scope
from setpoint.engine.failure import Failure

READS = Counter(
    "setpoint_aws_reads_total",
    "Reads of AWS: cached (fetched before), stale (so too, and renewed in the background), shared "
    "(waited for a call under way), fetched (asked for a call), prefetched (filled another's).",
    ("read", "source"),
)

OWN_FAULTS = frozenset(
    {Reason.NOT_GRANTED, Reason.ACCESS_DENIED, Reason.REJECTED, Reason.TARGET_NOT_FOUND}
)
"""Failures of a call that may lie with a single one of its entries."""

NEVER = float("-inf")

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class Freshness:
    """How old data may be."""

    every: timedelta
    """How often this reader looks: the length of the epoch in which data is fetched once."""

    since: float | None = None
    """Data fetched before this moment of the clock, in seconds, is too old (after a write)."""

    @property
    def floor(self) -> float:
        """`since` as a number."""
        return NEVER if self.since is None else self.since


@dataclass(frozen=True)
class Host:
    """What the machinery needs of the world."""

    clock: Callable[[], float]
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    permitted: Callable[[Scope], bool]


@dataclass(eq=False)
class Entry(Generic[K, V]):
    """Something that is read again and again. `turn` is what its data was fetched for."""

    key: K
    scope: Scope
    seen: float
    weight: int = 1
    value: V | None = None
    fetched: float = NEVER
    turn: Hashable = None
    apart: bool = False  # it may be the one for which calls with others failed
    flight: "Flight | None" = None


@dataclass(eq=False)
class Flight:
    """One call under way, and those that wait for it. `done` gives the failures by key."""

    turn: Hashable
    done: "asyncio.Future[Mapping[Any, Failure]]"
    alone: bool
    started: float = float("inf")  # as long as it still takes on demands
    demanded: list[Any] = field(default_factory=list)
    filled: list[Any] = field(default_factory=list)

    @property
    def weight(self) -> int:
        """The room it takes already."""
        return sum(entry.weight for entry in self.demanded)

    def require(self, entry: Any) -> None:
        """Somebody waits for an entry of it."""
        if entry not in self.demanded:
            self.demanded.append(entry)

    async def landed(self, key: Hashable) -> None:
        """Wait for its end. Raises Failure if it failed for the key."""
        try:
            failure = (await asyncio.shield(self.done)).get(key)
        except asyncio.CancelledError:
            if not self.done.cancelled():
                raise  # it is the caller that is cancelled
            failure = Failure(Reason.CONNECTION_FAILED, "the operator stops: AWS is not asked")
        if failure is not None:
            raise failure


E = TypeVar("E", bound=Entry[Any, Any])


class Batch(ABC, Generic[K, V, E]):
    """Entries that can be fetched together, up to `size` by weight in one call."""

    def __init__(self, read: str, size: int, host: Host) -> None:
        self._read = read
        self._size = size
        self._host = host
        self._entries: dict[K, E] = {}
        self._open: dict[Hashable, Flight] = {}

    @abstractmethod
    async def _fetch(self, scope: Scope, turn: Hashable, entries: Sequence[E]) -> Mapping[K, V]:
        """One call. What AWS does not know is not in the answer. Raises Failure."""

    @abstractmethod
    def _due(self, entry: E, turn: Hashable, now: float) -> bool:
        """Whether it is worth the room in another's call."""

    @abstractmethod
    def _forgotten(self, entry: E, now: float) -> bool:
        """Whether nobody asks for it any more."""

    def _demand(self, entry: E, turn: Hashable, floor: float) -> Flight:
        """The call that will have fetched an entry."""
        flight = entry.flight
        if flight is not None and flight.turn == turn and flight.started >= floor:
            self._count("shared")
        else:
            self._count("fetched")
            flight = entry.flight = self._flight(entry, turn)
        flight.require(entry)
        return flight

    def _count(self, source: str) -> None:
        READS.labels(self._read, source).inc()

    def _flight(self, entry: E, turn: Hashable) -> Flight:
        """One that still takes on demands, or a new one."""
        found = None if entry.apart else self._open.get(turn)
        if found is None or found.weight + entry.weight > self._size:
            done = asyncio.get_running_loop().create_future()
            found = Flight(turn, done, entry.apart)
            if not entry.apart:
                self._open[turn] = found
            self._host.spawn(self._fly(found))
        return found

    async def _fly(self, flight: Flight) -> None:
        try:
            await asyncio.sleep(0)  # whatever is demanded in the same moment comes along
            if self._open.get(flight.turn) is flight:
                del self._open[flight.turn]
            flight.started = self._host.clock()
            if not flight.alone:
                self._fill(flight)
            flight.done.set_result(await self._carry(flight))
        except Exception as error:  # noqa: BLE001 - those who wait must learn of it, whatever it is
            flight.done.set_exception(error)
            flight.done.exception()  # there may be nobody left who waits
        finally:
            flight.done.cancel()
            for entry in flight.demanded + flight.filled:
                if entry.flight is flight:
                    entry.flight = None

    def _fill(self, flight: Flight) -> None:
        """Take along what is due, the stalest first, if its own grant still holds."""
        now, room = self._host.clock(), self._size - flight.weight
        self._forget(now)
        if room <= 0:
            return
        due = [
            entry
            for entry in self._entries.values()
            if entry.flight is None and not entry.apart and self._due(entry, flight.turn, now)
        ]
        for entry in sorted(due, key=lambda entry: entry.fetched):
            if entry.weight <= room and self._host.permitted(entry.scope):
                room -= entry.weight
                entry.flight = flight
                flight.filled.append(entry)
                self._count("prefetched")
            if room == 0:
                return

    def _forget(self, now: float) -> None:
        over = [
            key
            for key, entry in self._entries.items()
            if entry.flight is None and self._forgotten(entry, now)
        ]
        for key in over:
            del self._entries[key]

    async def _carry(self, flight: Flight) -> dict[K, Failure]:
        """Fetch; where one entry may have spoilt it for all, fetch the demanded ones alone."""
        members = flight.demanded + flight.filled
        failure = await self._try(flight, members)
        if failure is None:
            return {}
        if len(members) == 1 or failure.reason not in OWN_FAULTS:
            for entry in members:
                entry.apart |= failure.reason in OWN_FAULTS
            return {entry.key: failure for entry in members}
        for entry in members:
            entry.apart = True  # until it has succeeded alone
        failures: dict[K, Failure] = {}
        asked = 0
        while asked < len(flight.demanded):  # some may come to wait for it meanwhile
            alone = flight.demanded[asked:]
            asked = len(flight.demanded)
            results = await asyncio.gather(*(self._try(flight, [entry]) for entry in alone))
            failures |= {e.key: r for e, r in zip(alone, results, strict=True) if r is not None}
        return failures

    async def _try(self, flight: Flight, entries: Sequence[E]) -> Failure | None:
        scope = scope_of([entry.scope for entry in entries])
        try:
            found = await self._fetch(scope, flight.turn, entries)
        except Failure as failure:
            return failure
        for entry in entries:
            entry.apart = False
            if flight.started >= entry.fetched:
                entry.value = found.get(entry.key)
                entry.fetched, entry.turn = flight.started, flight.turn
        return None


def scope_of(scopes: Sequence[Scope]) -> Scope:
    """The scope of a call made for several resources: its failures name none of them."""
    first = scopes[0]
    if all(scope.resource == first.resource for scope in scopes):
        return first
    return replace(first, shown=f"resources in {first.region}")


@dataclass(eq=False)
class Periodic(Entry[K, V]):
    """Looked at every so many seconds."""

    every: float = math.inf

    def age(self, now: float) -> float:
        """In epochs: 0 for data of the current one."""
        if self.fetched == NEVER:
            return math.inf
        return now // self.every - self.fetched // self.every

    def forgotten(self, now: float) -> bool:
        """Not asked for in two epochs."""
        return now // self.every - self.seen // self.every > 2


Fetch = Callable[[Scope, Sequence[K]], Coroutine[Any, Any, Mapping[K, V]]]


class EpochBatch(Batch[K, V, Periodic[K, V]]):
    """Each entry is fetched once in an epoch, as long as somebody asks for it."""

    def __init__(self, read: str, size: int, host: Host, fetch: Fetch[K, V]) -> None:
        super().__init__(read, size, host)
        self._fetch_keys = fetch

    async def get(self, scope: Scope, keys: Sequence[K], fresh: Freshness) -> dict[K, V | None]:
        """The values by key; None for what AWS does not know. Raises Failure."""
        now = self._host.clock()
        entries, flights = [], []
        for key in dict.fromkeys(keys):
            entry = self._seen(scope, key, fresh, now)
            entries.append(entry)
            if entry.age(now) == 0 and entry.fetched >= fresh.floor:
                self._count("cached")
            else:
                flights.append((self._demand(entry, None, fresh.floor), key))
        for flight, key in flights:
            await flight.landed(key)
        return {entry.key: entry.value for entry in entries}

    def expect(self, scope: Scope, key: K, fresh: Freshness) -> None:
        """It will be asked for soon: until then, others' calls take it along."""
        if key not in self._entries:
            self._seen(scope, key, fresh, self._host.clock())

    def _seen(self, scope: Scope, key: K, fresh: Freshness, now: float) -> Periodic[K, V]:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Periodic(key, scope, now)
        entry.scope, entry.seen, entry.every = scope, now, fresh.every.total_seconds()
        return entry

    async def _fetch(
        self, scope: Scope, turn: Hashable, entries: Sequence[Periodic[K, V]]
    ) -> Mapping[K, V]:
        del turn  # they are fetched as they are now
        return await self._fetch_keys(scope, [entry.key for entry in entries])

    def _due(self, entry: Periodic[K, V], turn: Hashable, now: float) -> bool:
        del turn
        return entry.age(now) > 0

    def _forgotten(self, entry: Periodic[K, V], now: float) -> bool:
        return entry.forgotten(now)
