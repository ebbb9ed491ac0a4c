"""What the keys beside it tell about a key that its own name does not. Pure.

BullMQ under a prefix of its own keeps a job as `shop:mail:17`, which could be anything; but where
there are `shop:mail:meta` and `shop:mail:id`, too, it is a job. Celery's queues are lists of any
name; `_kombu.binding.…` says that there are some.
"""

import re
from collections.abc import Iterable

from setpoint.cache.layouts import LAYOUTS, Layout, SampledKey, layout_of

_MOST_ROOTS = 50_000
"""Names that might become a queue's, of which only one key was seen yet."""

_PARTS: dict[bytes, frozenset[str]] = {
    b"wait": frozenset({"list"}), b"waiting": frozenset({"list"}),
    b"active": frozenset({"list"}), b"paused": frozenset({"list"}),
    b"meta": frozenset({"hash"}), b"id": frozenset({"string"}),
    b"completed": frozenset({"zset", "set"}), b"failed": frozenset({"zset", "set"}),
    b"succeeded": frozenset({"set"}), b"delayed": frozenset({"zset"}),
    b"prioritized": frozenset({"zset"}), b"repeat": frozenset({"zset"}),
    b"jobs": frozenset({"hash"}), b"stalled": frozenset({"set"}),
    b"stalled-check": frozenset({"string"}), b"events": frozenset({"stream"}),
    b"limiter": frozenset({"string"}), b"marker": frozenset({"zset"}),
    b"pc": frozenset({"string"}), b"dupefilter": frozenset({"set"}),
    b"requests": frozenset({"zset", "list"}), b"items": frozenset({"list"}),
    b"start_urls": frozenset({"list", "set"}),
}  # fmt: skip
"""What a queue of BullMQ, Bull, Bee-Queue or scrapy-redis has under its name, and of which type."""


_SCRAPY = frozenset({b"dupefilter", b"requests", b"items", b"start_urls"})
_NAMES = b"|".join(_PARTS)
_ROOT = re.compile(rb"^(.+):(" + _NAMES + rb")$", re.DOTALL)
_IDENTIFIER = re.compile(rb"(?:^|[:_\-])(?:[0-9]+|[0-9a-fA-F\-]{16,})\}?$")
_NAMESPACE = re.compile(
    rb"^((?:.*:)?)(?:queues|processes|known_jobs|worker_pools|queue:[^:]+|stat:[a-z]+"
    rb"|(?:waiting|acquired|blocked|paused|error)_triggers)$",
    re.DOTALL,
)
_BESIDE = re.compile(
    rb"(?:workers?|worker:.*|failed|failures|processed|retries|retry|scheduled?|schedules?"
    rb"|schedules_changed|dead|working|delayed|delayed_queue_schedule|delayed:.*|timestamps:.*"
    rb"|batch(?:es)?|stat:.*|stats:.*|cron.*|jobs?:.*|last_.*|locks?:.*|known_jobs|.*_lock"
    rb"|jobs|triggers?(?::.*)?|servers?(?::.*)?|succeeded|deleted|recurring-jobs?(?::.*)?)",
    re.DOTALL,
)
"""What Sidekiq, Resque, gocraft/work and their kin have besides, in the same namespace."""

_LIMIT = re.compile(
    rb"^(?:\{([^}]+)\}:(?:permits|value)|redisson_(?:lock|delay|fair|rw)[a-z_]*:\{([^}]+)\})$"
)
"""What Redisson keeps beside a limiter, a semaphore, a lock or a delayed queue of that name."""

_REPOSITORY = re.compile(rb"^(.+):[^:]+:(?:idx|phantom)$")
"""What Spring Data keeps beside an entity, whose key begins with the name of its repository."""

_NAMESPACED = ("Sidekiq", "job libraries")
_TELLING_ENDS = (
    b"queues", b"processes", b"known_jobs", b"worker_pools", b"}:permits", b"}:value", b":idx",
    b":phantom", b"_triggers",
)  # fmt: skip
_TELLING_STARTS = (b"flipper_features", b"queue:", b"stat:", b"redisson_")
_FAKTORY = (b"processed", b"failures", b"scheduled", b"retries", b"working")
_LISTS = ("Celery", "Faktory")
"""Layouts whose queues may be lists of any name."""


class Kin:
    """Learns from keys as they come; what it knows does not depend on their order."""

    def __init__(self, seen: Iterable[SampledKey] = ()) -> None:
        self._parts: dict[bytes, list[SampledKey]] = {}
        self._queues: dict[bytes, Layout] = {}
        self._namespaces: dict[bytes, Layout] = {}
        self._limits: set[bytes] = set()
        self._repositories: set[bytes] = set()
        self._lists: Layout | None = None
        self._bare: Layout | None = None
        for item in seen:
            self.add(item)

    @staticmethod
    def is_telling(key: bytes) -> bool:
        """Whether a key with this name may tell about others: worth asking for its type."""
        return (
            b"_kombu." in key
            or key.endswith(_TELLING_ENDS)
            or key.startswith(_TELLING_STARTS)
            or key in _FAKTORY
            or _root(key) is not None
        )

    def add(self, item: SampledKey) -> list[SampledKey]:
        """Learn from a key; those that are evidence, once they suffice."""
        layout = layout_of(item.key, item.type, item.ttl, item.size)
        if layout is not None:
            self._learn(item, layout)
        return self._learn_part(item)

    def layout_of(self, item: SampledKey) -> Layout | None:
        """The layout of a key, by its name and type, else by what was seen beside it."""
        return layout_of(item.key, item.type, item.ttl, item.size) or self.beside(item)

    def beside(self, item: SampledKey) -> Layout | None:
        """The layout of a key by what was seen beside it alone."""
        if self._lists is not None and item.type == "list" and item.ttl is None:
            return self._lists
        if item.key in self._limits:
            return LAYOUTS["Redisson"]
        if self._repositories and item.type in {"hash", "set"}:
            heads = {item.key, *_heads(item.key)}
            if not self._repositories.isdisjoint(heads):
                return LAYOUTS["Spring Data"]
        if b":" not in item.key:
            return self._bare if item.ttl is None else None
        for head in _heads(item.key):
            if (queue := self._queues.get(head)) is not None:
                return queue
        for namespace in (*_heads(item.key), b""):
            layout = self._namespaces.get(namespace)
            if layout is not None and _BESIDE.fullmatch(item.key[len(namespace) :].lstrip(b":")):
                return layout
        return None

    def _learn(self, item: SampledKey, layout: Layout) -> None:
        if layout.name in _LISTS:
            self._lists = self._lists or layout
        if layout.name in _NAMESPACED and (found := _NAMESPACE.match(item.key)):
            namespace = found[1].rstrip(b":")
            if len(self._namespaces) < _MOST_ROOTS:
                self._namespaces.setdefault(namespace, layout)
            if not namespace:
                self._bare = self._bare or layout
        if (limit := _LIMIT.match(item.key)) and len(self._limits) < _MOST_ROOTS:
            self._limits.add(limit[1] or limit[2])
        entity = _REPOSITORY.match(item.key) if layout.name == "Spring Data" else None
        if entity is not None and len(self._repositories) < _MOST_ROOTS:
            self._repositories.add(entity[1])
        if layout.name == "Faktory" or item.key == b"flipper_features":
            self._bare = self._bare or layout

    def _learn_part(self, item: SampledKey) -> list[SampledKey]:
        root = _root(item.key)
        if root is None or root in self._queues:
            return []
        part = item.key[len(root) + 1 :]
        if item.type not in _PARTS[part]:
            return []
        parts = self._parts.setdefault(root, [])
        parts.append(item)
        if len({part.key for part in parts}) >= 2:
            self._queues[root] = LAYOUTS["job libraries" if part in _SCRAPY else "BullMQ"]
            return self._parts.pop(root)
        if len(self._parts) > _MOST_ROOTS:
            del self._parts[root]
        return []


def _root(key: bytes) -> bytes | None:
    """The name of the queue that a key would be a part of; entities with an id are none."""
    found = _ROOT.match(key)
    return None if found is None or _IDENTIFIER.search(found[1]) else found[1]


def _heads(key: bytes) -> Iterable[bytes]:
    """The names before each of its colons, the longest first."""
    end = key.rfind(b":")
    while end > 0:
        yield key[:end]
        end = key.rfind(b":", 0, end)
