"""Which keys must not be evicted or expire: queues, locks, streams, sessions and tag sets. Pure.

The layouts are those that the frameworks' own sources write. A name alone is never enough where a
cache could use it too: the type of the key decides with it. Names are matched behind any namespace
that ends with a colon, since most frameworks can be given one.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

LEAST_VOLATILE = 0.5
"""Share of the bytes that must have a TTL before a volatile-* policy has enough to evict."""


class Workload(StrEnum):
    """What is lost when a key of a layout is evicted."""

    QUEUE = "queue"
    LOCK = "lock"
    STREAM = "stream"
    SESSION = "session"
    TAG_SET = "tag set"


@dataclass(frozen=True)
class Layout:
    """Keys of one framework. `name` is what a resource acknowledges it by."""

    name: str
    workload: Workload

    def __str__(self) -> str:
        """`queue (Sidekiq)`."""
        return f"{self.workload} ({self.name})"


@dataclass(frozen=True)
class SampledKey:
    """One key of a sample. `ttl` in seconds, None without one; `size` in bytes."""

    key: bytes
    type: str
    ttl: float | None = None
    size: int = 0


@dataclass(frozen=True)
class Pattern:
    """One kind of key of a layout; `types` empty for any type."""

    layout: Layout
    types: frozenset[str]
    name: "re.Pattern[bytes]"

    def matches(self, key: bytes, kind: str) -> bool:
        """Whether a key of that type is one."""
        return (not self.types or kind in self.types) and self.name.search(key) is not None


_START = rb"(?:^|[:}])"
"""The beginning of a name, or of what follows a namespace or a hash tag."""

_WORD = rb"(?:^|[:._/\-{}#|])"
_END = rb"(?:[:._/\-{}#|]|$)"

_LAYOUTS: dict[str, Layout] = {}


def _of(name: str, workload: Workload, *patterns: tuple[str, bytes]) -> list[Pattern]:
    layout = _LAYOUTS[name] = Layout(name, workload)
    return [
        Pattern(layout, frozenset(types.split()), re.compile(source, re.DOTALL))
        for types, source in patterns
    ]


_PATTERNS: tuple[Pattern, ...] = tuple(
    pattern
    for patterns in (
        # resque: lib/resque/data_store.rb, resque-scheduler
        _of("Resque", Workload.QUEUE, ("", rb"(?:^|:)resque:")),
        # rq: Queue, Job, registries; rq-scheduler
        _of("RQ", Workload.QUEUE, ("", rb"^rq:")),
        # bullmq: src/classes/queue-keys.ts, scripts; bull 3 has the same names
        _of(
            "BullMQ",
            Workload.QUEUE,
            ("", rb"^\{?bull(?:mq)?\}?:"),
            ("list", rb":(?:wait|active|paused)$"),
            ("zset", rb":(?:delayed|prioritized|priority|waiting-children|marker)$"),
            ("set", rb":(?:stalled)$"),
            ("string", rb":(?:stalled-check)$"),
        ),
        # transport/redis.py of kombu, backends/base.py of celery, redbeat
        _of(
            "Celery",
            Workload.QUEUE,
            ("", rb"(?:^|[:}])_kombu\."),
            ("hash zset string", rb"(?:^|[:._\-])unacked(?:_index|_mutex)?(?:[:._\-]|$)"),
            ("list", rb"(?:^|[:._\-}])celery(?:$|[:@._\-]|\x06\x16)"),
            ("list", rb"\x06\x16[0-9]+$"),
            ("list", rb"\.pidbox$"),
            ("string list set zset", rb"(?:^|[:}])celery-task(?:set)?-meta-"),
            ("", rb"(?:^|:)redbeat:"),
        ),
        # laravel/horizon: RedisJobRepository; illuminate/queue: RedisQueue
        _of(
            "Horizon",
            Workload.QUEUE,
            ("", rb"(?:^|[:_\-])horizon:"),
            ("list zset", rb"(?:^|[:_\-])queues:"),
        ),
        # lib/sidekiq: api.rb, client.rb and launcher.rb of sidekiq, and sidekiq-cron
        _of(
            "Sidekiq",
            Workload.QUEUE,
            ("list", _START + rb"queue:"),
            ("set", _START + rb"(?:queues|processes)$"),
            ("zset", _START + rb"(?:schedule|retry|dead)$"),
            ("string", _START + rb"stat:(?:processed|failed)(?::|$)"),
            ("hash", _START + rb"cron_jobs?:"),
            ("set", _START + rb"cron_jobs$"),
            ("", _START + rb"uniquejobs(?::|$)"),
            ("hash zset set string", _START + rb"BID-|" + _START + rb"b-[A-Za-z0-9_\-]{8,}"),
        ),
        _of("Dramatiq", Workload.QUEUE, ("", rb"^dramatiq:")),
        _of("Huey", Workload.QUEUE, ("", rb"^huey\.(?:redis|schedule|results|errors)")),
        _of("arq", Workload.QUEUE, ("", rb"^arq:")),
        _of("Asynq", Workload.QUEUE, ("", rb"^asynq:")),
        _of("Bee-Queue", Workload.QUEUE, ("", rb"^bq:")),
        _of("RSMQ", Workload.QUEUE, ("", rb"^rsmq:")),
        _of("Hangfire", Workload.QUEUE, ("", rb"^\{?hangfire(?:[:}\-]|$)")),
        _of("Kue", Workload.QUEUE, ("", rb"^\{?q\}?:(?:jobs?|ids)(?::|$)")),
        _of("Symfony Messenger", Workload.QUEUE, ("zset", rb"__queue$")),
        # redisson: RedissonLock, RedissonFairLock, RedissonDelayedQueue, RedissonSemaphore; its
        # map caches begin with redisson__ and are caches
        _of(
            "Redisson",
            Workload.LOCK,
            ("", rb"(?:^|:)redisson_(?:lock|rw|unlock|semaphore|fair|spin|count|delay|queue)"),
            ("zset hash", rb":rwlock_timeout|:rw_?lock"),
            ("hash", rb"(?:^|[a-z])Lock(?:$|[:._/\-{])"),
        ),
        # tag sets: symfony/cache AbstractTagAwareAdapter (Shopware uses it); Cm_Cache_Backend_Redis
        # (Magento, OpenMage); Laravel's RedisTaggedCache and its older reference sets; Drupal
        _of("Symfony tags", Workload.TAG_SET, ("set", rb"[\x00\x01]tags[\x00\x01]")),
        _of(
            "Shopware tags",
            Workload.TAG_SET,
            ("set", rb"(?:^|[:_])(?:sw|http-cache|cache)[-_]tags?[:_\-]"),
        ),
        _of("Magento tags", Workload.TAG_SET, ("set", rb"(?:^|[:_])zc:(?:ti:|tags$)")),
        _of(
            "Laravel tags",
            Workload.TAG_SET,
            ("zset", rb"(?:^|[:_])tag:.+:entries$"),
            ("set", rb":(?:standard|forever)_ref$"),
            ("string", rb"(?:^|[:_])tag:.+:key$"),
        ),
        _of("Drupal tags", Workload.TAG_SET, ("string", rb"(?:^|:)cachetags:")),
        _of("cacheops", Workload.TAG_SET, ("set", rb"(?:^|:)(?:conj|schemes):")),
        _of("tag sets", Workload.TAG_SET, ("set zset", rb"(?:^|:)tags?:[^:]+$")),
        # spring-session: RedisIndexedSessionRepository, its namespace may differ
        _of(
            "Spring Session",
            Workload.SESSION,
            ("", rb"(?:^|:)spring:session:"),
            ("hash string", rb":sessions:(?:expires:)?[0-9a-fA-F\-]{36}$"),
        ),
        _of("Django sessions", Workload.SESSION, ("", rb"django\.contrib\.sessions\.")),
        _of("Rails sessions", Workload.SESSION, ("", rb"(?:^|:)_session_id:|(?:^|:)rack:session:")),
        _of(
            "PHP sessions",
            Workload.SESSION,
            ("", rb"(?:^|:)PHPREDIS_SESSION|^sess_[A-Za-z0-9,\-]{20,}$|_session:"),
        ),
        _of("Tomcat sessions", Workload.SESSION, ("", rb"(?:^|:)redisson[:_]tomcat_session")),
        _of(
            "sessions",
            Workload.SESSION,
            ("string hash", rb"(?:^|[:._/\-{])(?:user[-_])?sess(?:ion)?s?[:/}]"),
        ),
        # locks by their names: node-redlock and redlock-py leave the name to the caller
        _of(
            "Redlock",
            Workload.LOCK,
            ("string hash", _WORD + rb"(?i:(?:red|r|rw|job|shed|dist)?[-_]?lock(?:s|er)?)" + _END),
            ("string", rb"[a-z]Lock(?:$|[:._/\-{])"),
            ("string hash", _WORD + rb"(?i:mutex(?:es)?)" + _END),
            ("string hash", _WORD + rb"leader[-_]?(?:election|ship)" + _END),
        ),
        # any list or sorted set that is named as a queue
        _of(
            "queues",
            Workload.QUEUE,
            (
                "list zset",
                _WORD
                + rb"(?i:(?:[a-z]+[-_])?(?:queues?|jobs?|dlq|dead[-_]?letters?|backlog))"
                + _END,
            ),
        ),
    )
    for pattern in patterns
)

_STREAMS = _LAYOUTS["streams"] = Layout("streams", Workload.STREAM)
_CACHE_LOCK = re.compile(rb"(?:^|[:._/\-{}#|])cached?(?:[:._/\-{}#|]|$)", re.IGNORECASE)

NAMES: tuple[str, ...] = tuple(_LAYOUTS)
"""Every layout, by the name that acknowledges it."""


def layout_of(key: bytes, type: str) -> Layout | None:  # noqa: A002 - Redis' own word
    """The layout that a key of that type belongs to; None for what may be a cache's.

    A lock inside a cache's own namespace guards a recomputation, and may go with its cache.
    """
    for pattern in _PATTERNS:
        if pattern.matches(key, type):
            if pattern.layout.name == "Redlock" and _CACHE_LOCK.search(key):
                continue
            return pattern.layout
    return _STREAMS if type == "stream" else None


_TOKENS = (
    b"resque", b"rq:", b"bull", b":wait", b":active", b":paused", b":delayed", b":priorit",
    b":marker", b":stalled", b"_kombu", b"unacked", b"celery", b"\x06\x16", b"pidbox", b"redbeat",
    b"horizon", b"queue", b"processes", b"schedule", b"retry", b"dead", b"stat:", b"cron_job",
    b"uniquejobs", b"bid-", b"b-", b"dramatiq", b"huey", b"asynq", b"bq:", b"rsmq", b"hangfire",
    b"q:", b"q}:", b"redisson", b"lock", b"tag", b"zc:", b"_ref", b"conj:", b"schemes:", b"sess",
    b"mutex", b"leader", b"job", b"dlq", b"backlog",
)  # fmt: skip
"""One of them is in the name of any key that a layout knows (but for streams of any name)."""


def may_belong(key: bytes) -> bool:
    """Whether a key's name alone could be one of a layout: worth asking for its type."""
    lowered = key.lower()
    if not any(token in lowered for token in _TOKENS):
        return False
    return any(pattern.name.search(key) for pattern in _PATTERNS)


@dataclass(frozen=True)
class Refusal:
    """Why a policy is refused. `layouts` are those found and not acknowledged, the most frequent
    first; empty where it is the bytes without a TTL that are too many."""

    layouts: tuple[Layout, ...]
    evidence: str
    remedy: str


class Guard:
    """Judges policies by a sample of the keyspace."""

    def __init__(self, sample: Iterable[SampledKey]) -> None:
        self._sample = list(sample)
        self._found: Counter[Layout] = Counter()
        self._examples: dict[Layout, bytes] = {}
        siblings = _bull_queues(self._sample)
        for item in self._sample:
            layout = layout_of(item.key, item.type) or _job_of(item, siblings)
            if layout is not None:
                self._found[layout] += 1
                self._examples.setdefault(layout, item.key)

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """What was found, the most frequent first."""
        return tuple(layout for layout, _ in self._found.most_common())

    @property
    def volatile_share(self) -> float | None:
        """Share of the sampled bytes (of the keys, where no sizes are known) with a TTL."""
        sized = any(item.size for item in self._sample)
        weights = [(item.size if sized else 1, item.ttl is not None) for item in self._sample]
        total = sum(weight for weight, _ in weights)
        return sum(weight for weight, volatile in weights if volatile) / total if total else None

    def refuse(
        self,
        policy: str,
        acknowledged: Collection[str] = (),
        *,
        volatile_share: float | None = None,
    ) -> Refusal | None:
        """Why `policy` must not be set; None if it may be.

        `volatile_share`, where the caller knows it better than this sample tells.
        """
        if policy == "noeviction" or not policy:
            return None
        known = {name.casefold() for name in acknowledged}
        unsafe = tuple(layout for layout in self.layouts if layout.name.casefold() not in known)
        if policy.startswith("volatile-"):
            unsafe = tuple(layout for layout in unsafe if self._has_volatile(layout))
        if unsafe:
            return self._layouts_refused(policy, unsafe)
        share = self.volatile_share if volatile_share is None else volatile_share
        if policy.startswith("volatile-") and share is not None and share < LEAST_VOLATILE:
            if "few ttls" in known:
                return None
            return Refusal(
                (),
                f"only {100 * share:.0f}% of the bytes have a TTL, so {policy} has little to "
                "evict, and writes fail when memory is full",
                "give the cache's keys a TTL first, choose an allkeys-* policy if every key may "
                'go, or acknowledge "few TTLs"',
            )
        return None

    def _has_volatile(self, layout: Layout) -> bool:
        """Whether keys of the layout have a TTL: only those does a volatile-* policy evict."""
        return any(
            item.ttl is not None and layout_of(item.key, item.type) == layout
            for item in self._sample
        )

    def _layouts_refused(self, policy: str, unsafe: Sequence[Layout]) -> Refusal:
        shown = ", ".join(
            f"{layout} such as {printable(self._examples[layout])}" for layout in unsafe[:3]
        )
        names = ", ".join(sorted(layout.name for layout in unsafe)[:5])
        return Refusal(
            tuple(unsafe),
            f"{policy} evicts keys that must stay: {shown}",
            f"move them to a Redis of their own, or acknowledge by name: {names}",
        )


def printable(key: bytes, limit: int = 60) -> str:
    """A key as text of at most `limit` characters, whatever bytes it has."""
    text = "".join(
        char if char.isprintable() and char != "�" else "."
        for char in key[: 4 * limit].decode("utf-8", "replace")
    )
    return text if len(text) <= limit else text[: limit - 1] + "…"


_BULL_QUEUE = re.compile(rb"^(.+):(?:wait|active|meta|id|completed|failed|events|delayed)$")


def _bull_queues(sample: Sequence[SampledKey]) -> frozenset[bytes]:
    """Names of BullMQ queues under a prefix of their own: known by two keys or more each."""
    names = Counter(found[1] for item in sample if (found := _BULL_QUEUE.match(item.key)))
    return frozenset(name for name, number in names.items() if number >= 2)


def _job_of(item: SampledKey, queues: frozenset[bytes]) -> Layout | None:
    """A job or a register of such a queue: `prefix:queue:17`."""
    head, _, _ = item.key.rpartition(b":")
    return _LAYOUTS["BullMQ"] if head and head in queues else None
