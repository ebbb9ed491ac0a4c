"""The guard corpus: keyspaces with a verdict on every evicting policy that follows from how each was built."""

import random
from collections.abc import Callable, Sequence

from tests.corpus.redis import layouts
from tests.corpus.redis.caches import CACHES, SIZES, strings
from tests.corpus.redis.keyspace import Entry, Keyspace

_page_cache = strings("page:/p/{n}")
_lasting_cache = strings("catalogue:{n}", ttl=None)
_BIG = 20_000
_MIXED = ("sidekiq", "bullmq", "celery", "rq", "resque", "horizon", "dramatiq", "huey")
_HIDDEN = {"bullmq-cluster": 2, "faktory": 1}


def keyspaces(seed: int) -> Sequence[Keyspace]:
    """All of them; each builds its keys when first asked, the same ones for the same seed."""
    return (*unsafe(seed), *pure_caches(seed))


def unsafe(seed: int) -> Sequence[Keyspace]:
    """Those in which something is lost, or writes fail, under some evicting policy."""
    spaces = []

    def add(
        name: str,
        why: str,
        layout: layouts.Layout,
        count: int,
        beside: Sequence[Callable[..., Sequence[Entry]]] = (),
        size: int = 0,
    ) -> None:
        def build() -> Sequence[Entry]:
            rng = random.Random(f"{seed}:{name}")
            return [
                *layout(rng, count),
                *(entry for other in beside for entry in other(rng, size)),
            ]

        spaces.append(Keyspace(name, why, build))

    for name, layout in layouts.QUEUES.items():
        add(f"{name}-busy", "Jobs wait here; an evicted one is lost without an error.", layout, 25)
    for name, layout in layouts.QUEUES.items():
        add(
            f"{name}-idle",
            "Queues are empty just now: what is left still belongs to them.",
            layout,
            0,
        )
    for name, layout in layouts.TAGS.items():
        add(name, "Without the tag sets stale values are served as hits.", layout, 120)
    for name, layout in layouts.OTHERS.items():
        add(name, "Locks, sessions or streams: nobody writes them again.", layout, 30)
    for name in _MIXED:
        layout = layouts.QUEUES[name]
        add(
            f"{name}-beside-a-cache",
            "One server for cache and jobs.",
            layout,
            10,
            [_page_cache],
            600,
        )
    add(
        "sidekiq-beside-a-cache-without-ttl",
        "Nothing may be evicted by volatile-*, and the jobs by allkeys-*.",
        layouts.sidekiq, 5, [_lasting_cache], 600,
    )  # fmt: skip
    for name in ("redlock", "spring-session", "streams", "redisson"):
        layout = layouts.OTHERS[name]
        add(
            f"{name}-beside-a-cache",
            "A few of them among cached pages.",
            layout,
            4,
            [_page_cache],
            600,
        )
    for name, count in _HIDDEN.items():
        layout = layouts.QUEUES[name]
        add(
            f"{name}-among-{_BIG}-cache-keys",
            "A handful of protected keys that a sample of the keyspace is likely to miss.",
            layout, count, [_page_cache], _BIG,
        )  # fmt: skip
    return spaces


def pure_caches(seed: int) -> Sequence[Keyspace]:
    """Those that allkeys-* suits, and volatile-* too where most bytes have a TTL."""

    def builder(name: str) -> Callable[[], Sequence[Entry]]:
        return lambda: CACHES[name](random.Random(f"{seed}:{name}"), SIZES.get(name, 300))

    return [
        Keyspace(f"cache-{name}", "Every key can be computed again.", builder(name))
        for name in CACHES
    ]
