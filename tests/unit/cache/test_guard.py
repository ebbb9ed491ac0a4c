"""Layouts of frameworks, and policies that the guard lets through or not."""

import pytest

from setpoint.cache.guard import Guard, printable
from setpoint.cache.layouts import NAMES, SampledKey, Workload, layout_of, may_belong

PROTECTED = [
    (b"queue:default", "list", "Sidekiq"), (b"app:queue:mailers", "list", "Sidekiq"),
    (b"retry", "zset", "Sidekiq"), (b"schedule", "zset", "Sidekiq"), (b"dead", "zset", "Sidekiq"),
    (b"queues", "set", "Sidekiq"), (b"stat:processed", "string", "Sidekiq"),
    (b"bull:mail:wait", "list", "BullMQ"), (b"bull:mail:17", "hash", "BullMQ"),
    (b"{jobs}:mail:delayed", "zset", "BullMQ"), (b"bull:mail:events", "stream", "BullMQ"),
    (b"_kombu.binding.celery", "set", "Celery"), (b"unacked", "hash", "Celery"),
    (b"unacked_index", "zset", "Celery"), (b"celery", "list", "Celery"),
    (b"celery\x06\x163", "list", "Celery"), (b"celery-task-meta-0a1b", "string", "Celery"),
    (b"rq:queue:default", "list", "RQ"), (b"rq:job:0a1b", "hash", "RQ"),
    (b"resque:queue:low", "list", "Resque"), (b"resque:failed", "list", "Resque"),
    (b"shop_database_queues:default", "list", "Horizon"), (b"shop_horizon:17", "hash", "Horizon"),
    (b"queues:default:reserved", "zset", "Horizon"),
    (b"ns:\x01tags\x01product-1", "set", "Symfony tags"),
    (b"ns:\x00tags\x00product-1", "set", "Symfony tags"),
    (b"zc:ti:CATALOG", "set", "Magento tags"), (b"laravel_cache:tag:a:entries", "zset", "Laravel tags"),
    (b"redisson_lock_queue:{order}", "list", "Redisson"), (b"orderLock", "hash", "Redisson"),
    (b"redisson_delay_queue:{mail}", "list", "Redisson"),
    (b"lock:order:17", "string", "Redlock"), (b"locks:a", "string", "Redlock"),
    (b"order:17:lock", "string", "Redlock"), (b"redlock:x", "string", "Redlock"),
    (b"spring:session:sessions:0a1b", "hash", "Spring Session"),
    (b"spring:session:expirations:1700000000000", "set", "Spring Session"),
    (b":1:django.contrib.sessions.cacheabc", "string", "Django sessions"),
    (b"_session_id:2::0a1b", "string", "Rails sessions"), (b"sess:0a1b", "string", "sessions"),
    (b"PHPREDIS_SESSION:0a1b", "string", "PHP sessions"),
    (b"dramatiq:default", "list", "Dramatiq"), (b"huey.redis.app", "list", "Huey"),
    (b"arq:queue", "zset", "arq"), (b"asynq:{default}:pending", "list", "Asynq"),
    (b"anything", "stream", "streams"), (b"mail-jobs", "list", "queues"),
]  # fmt: skip
CACHES = [
    (b":1:views.decorators.cache.cache_page.GET.abc", "string"), (b"views/products/1-2026", "string"),
    (b"user:17", "hash"), (b"product:1:detail", "string"), (b"clock:1", "string"),
    (b"blocked:users", "set"), (b"cache:lock:product:1", "string"), (b"queue:length", "string"),
    (b"leaderboard", "zset"), (b"timeline:17", "list"), (b"zc:k:0a1b", "hash"),
    (b"redisson__map_cache__last_access__set:{c}", "zset"), (b"article:1:tags", "set"),
    (b"retry", "string"), (b"\xff\xfe\x00", "string"), (b"", "string"), (b"padlocked", "string"),
    (b"storage:v2:page", "string"), (b"obsessed:1", "string"), (b"recent:items", "list"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "kind", "name"), PROTECTED)
def test_keys_that_must_stay(key: bytes, kind: str, name: str) -> None:
    found = layout_of(key, kind)
    assert found is not None
    assert found.name == name
    assert found.name in NAMES
    assert may_belong(key) or kind == "stream"


@pytest.mark.parametrize(("key", "kind"), CACHES)
def test_keys_of_caches(key: bytes, kind: str) -> None:
    assert layout_of(key, kind) is None


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
def test_one_key_that_must_stay_is_enough(policy: str) -> None:
    cache = [SampledKey(key, kind) for key, kind in CACHES]
    assert Guard(cache).refuse(policy) is None
    refusal = Guard([*cache, SampledKey(b"bull:mail:wait", "list")]).refuse(policy)
    assert refusal is not None
    assert refusal.layouts[0].workload is Workload.QUEUE
    assert "bull:mail:wait" in refusal.evidence


def test_acknowledged_by_name() -> None:
    guard = Guard([SampledKey(b"queue:a", "list"), SampledKey(b"lock:a", "string", 5.0)])
    refusal = guard.refuse("allkeys-lru", ["sidekiq"])
    assert refusal is not None
    assert [layout.name for layout in refusal.layouts] == ["Redlock"]
    assert guard.refuse("allkeys-lru", ["Sidekiq", "Redlock"]) is None
    assert guard.refuse("noeviction") is None


def test_a_volatile_policy_evicts_only_what_has_a_ttl() -> None:
    data = [SampledKey(b"product:%d" % n, "string", 60.0, 100) for n in range(9)]
    queue = SampledKey(b"queue:a", "list", None, 100)
    assert Guard([*data, queue]).refuse("volatile-lru") is None
    lock = SampledKey(b"lock:a", "string", 5.0, 100)
    assert Guard([*data, lock]).refuse("volatile-lru") is not None


def test_a_volatile_policy_is_refused_where_few_bytes_have_a_ttl() -> None:
    small = [SampledKey(b"a:%d" % n, "string", 60.0, 10) for n in range(90)]
    big = [SampledKey(b"b:%d" % n, "string", None, 1000) for n in range(10)]
    refusal = Guard([*small, *big]).refuse("volatile-lru")
    assert refusal is not None
    assert "8% of the bytes" in refusal.evidence
    assert Guard([*small, *big]).refuse("volatile-lru", ["few TTLs"]) is None
    assert Guard([*small, *big]).refuse("allkeys-lru") is None


def test_jobs_of_a_queue_under_another_prefix_are_known_by_their_siblings() -> None:
    sample = [
        SampledKey(b"shop:mail:meta", "hash"), SampledKey(b"shop:mail:id", "string"),
        SampledKey(b"shop:mail:17", "hash"),
    ]  # fmt: skip
    assert [layout.name for layout in Guard(sample).layouts] == ["BullMQ"]
    assert Guard(sample[2:]).layouts == ()


def test_keys_are_shown_whatever_bytes_they_have() -> None:
    assert printable(b"\x01tags\x01a\xff") == ".tags.a."
    assert printable(b"k" * 1000) == "k" * 59 + "…"
