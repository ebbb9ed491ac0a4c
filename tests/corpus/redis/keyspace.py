"""What a keyspace of the guard corpus is, and how it gets into a real server."""

import random
import string as letters
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain, islice
from typing import Any, TypeAlias

ALLKEYS = frozenset({"allkeys-lru", "allkeys-lfu", "allkeys-random"})
VOLATILE = frozenset({"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"})

_OVERHEAD = 90  # bytes that a small key costs beside its payload
_FEW_BYTES = 0.1
_MOST_BYTES = 0.6

Value: TypeAlias = str | bytes | int | float
Command: TypeAlias = tuple[Value, ...]


class Role(StrEnum):
    """What the loss of a key means."""

    DATA = "data"
    """A job, a lock, a session, a stream, a counter: gone without an error if it is evicted."""
    TAG = "tag"
    """The index that invalidates a cache: without it stale values are served."""
    TRANSIENT = "transient"
    """The framework gave it a short life of its own and writes it again: heartbeats, results."""
    CACHE = "cache"
    """Can be computed again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: what `TYPE` says of it, its TTL in seconds or None, and the commands that write it."""

    key: bytes
    type: str
    ttl: int | None
    role: Role
    commands: tuple[Command, ...]

    @property
    def bytes(self) -> int:
        """About what it weighs in memory."""
        payload = sum(len(_raw(part)) for command in self.commands for part in command[1:])
        return payload + _OVERHEAD


@dataclass(frozen=True)
class Keyspace:
    """One database of a server.

    Policies in neither `unsafe_policies` nor `safe_policies` have no label: people may argue.
    """

    name: str
    why: str
    build: Callable[[], Sequence[Entry]]
    """Builds the entries; always the same ones."""

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """Every key once. Raises ValueError if the builder wrote one twice."""
        entries = self.build()
        if len({entry.key for entry in entries}) != len(entries):
            raise ValueError(f"{self.name}: a key is built twice")
        return entries

    @cached_property
    def protected(self) -> frozenset[bytes]:
        """Keys that must never get a TTL from us, nor be evicted."""
        return frozenset(entry.key for entry in self.entries if entry.role in {Role.DATA, Role.TAG})

    @cached_property
    def sweepable(self) -> frozenset[bytes]:
        """Cached strings and hashes without a TTL: what a default TTL for `*` is meant for."""
        return frozenset(
            entry.key
            for entry in self.entries
            if entry.role is Role.CACHE and entry.ttl is None and entry.type in {"string", "hash"}
        )

    @cached_property
    def unsafe_policies(self) -> frozenset[str]:
        """Evicting policies that must be refused."""
        unsafe: frozenset[str] = frozenset()
        if self.protected:
            unsafe |= ALLKEYS
        if self._has_volatile_data or self._volatile_share < _FEW_BYTES:
            unsafe |= VOLATILE
        return unsafe

    @cached_property
    def safe_policies(self) -> frozenset[str]:
        """Evicting policies that must be let through."""
        data = any(entry.role is Role.DATA for entry in self.entries)
        safe = frozenset[str]() if self.protected else ALLKEYS
        if not data and self._volatile_share > _MOST_BYTES:
            safe |= VOLATILE
        return safe

    @property
    def is_pure_cache(self) -> bool:
        """Whether nothing in it is protected."""
        return not self.protected

    @cached_property
    def _volatile_share(self) -> float:
        """Of the bytes: the part that volatile-* may evict."""
        total = sum(entry.bytes for entry in self.entries)
        return sum(entry.bytes for entry in self.entries if entry.ttl is not None) / total

    @cached_property
    def _has_volatile_data(self) -> bool:
        return any(entry.ttl is not None and entry.key in self.protected for entry in self.entries)


def load(client: Any, entries: Iterable[Entry], *, batch: int = 500) -> None:
    """Write the entries into the client's database, which should be empty. Raises RedisError."""
    rest = iter(entries)
    while group := list(islice(rest, batch)):
        pipeline = client.pipeline(transaction=False)
        for command in chain.from_iterable(entry.commands for entry in group):
            pipeline.execute_command(*command)
        pipeline.execute()


class Writer:
    """Makes entries of one role: `data.list("queue:default", jobs)`."""

    def __init__(self, role: Role) -> None:
        self._role = role

    def string(self, key: str | bytes, value: Value, ttl: int | None = None) -> Entry:
        """SET, with EX where it has a TTL."""
        raw = _raw(key)
        life: Command = () if ttl is None else ("EX", ttl)
        return Entry(raw, "string", ttl, self._role, (("SET", raw, value, *life),))

    def hash(self, key: str | bytes, fields: Mapping[str, Value], ttl: int | None = None) -> Entry:
        """HSET."""
        return self._written("hash", "HSET", key, chain.from_iterable(fields.items()), ttl)

    def list(self, key: str | bytes, items: Iterable[Value], ttl: int | None = None) -> Entry:
        """LPUSH."""
        return self._written("list", "LPUSH", key, items, ttl)

    def set(self, key: str | bytes, members: Iterable[Value], ttl: int | None = None) -> Entry:
        """SADD."""
        return self._written("set", "SADD", key, members, ttl)

    def zset(self, key: str | bytes, scores: Mapping[str, float], ttl: int | None = None) -> Entry:
        """ZADD."""
        pairs = chain.from_iterable((score, member) for member, score in scores.items())
        return self._written("zset", "ZADD", key, pairs, ttl)

    def stream(
        self, key: str | bytes, messages: Iterable[str], group: str = "", ttl: int | None = None
    ) -> Entry:
        """XADD of each message, and a consumer group if it is named."""
        raw = _raw(key)
        added: list[Command] = [("XADD", raw, "*", "payload", message) for message in messages]
        if group:
            added.append(("XGROUP", "CREATE", raw, group, "0", "MKSTREAM"))
        return Entry(raw, "stream", ttl, self._role, (*added, *_expire(raw, ttl)))

    def _written(
        self, kind: str, verb: str, key: str | bytes, values: Iterable[Any], ttl: int | None
    ) -> Entry:
        raw = _raw(key)
        return Entry(raw, kind, ttl, self._role, ((verb, raw, *values), *_expire(raw, ttl)))


data = Writer(Role.DATA)
tag = Writer(Role.TAG)
transient = Writer(Role.TRANSIENT)
cache = Writer(Role.CACHE)


def token(rng: random.Random, length: int = 24) -> str:
    """A random id of digits and small letters."""
    return "".join(rng.choices(letters.ascii_lowercase + letters.digits, k=length))


def hexes(rng: random.Random, length: int = 32) -> str:
    """A random hexadecimal id."""
    return f"{rng.getrandbits(4 * length):0{length}x}"


def uuid(rng: random.Random) -> str:
    """A random id in the form of a UUID."""
    text = hexes(rng)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def distinct(make: Callable[[], str], count: int) -> Iterator[str]:
    """That many different values of `make`."""
    seen: set[str] = set()
    while len(seen) < count:
        value = make()
        if value not in seen:
            seen.add(value)
            yield value


def _expire(key: bytes, ttl: int | None) -> tuple[Command, ...]:
    return () if ttl is None else (("EXPIRE", key, ttl),)


def _raw(value: Value) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
