"""How frameworks lay out their keys, written down from knowledge of them: no copy of their code, and
not captured from running ones.

Each builder takes a generator of random numbers and how many jobs, locks or sessions there are;
with none, what is left is what an idle installation keeps in Redis.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from tests.corpus.redis.keyspace import Entry, data, hexes, tag, token, transient, uuid

Layout: TypeAlias = Callable[[random.Random, int], Sequence[Entry]]

_NOW = 1_764_000_000


def _job(rng: random.Random, name: str = "SendReceipt") -> str:
    return json.dumps({"class": name, "args": [rng.randrange(10**6)], "jid": token(rng)})


def sidekiq(rng: random.Random, jobs: int, namespace: str = "") -> list[Entry]:
    """Sidekiq 7 with sidekiq-cron; `namespace` as redis-namespace writes it."""
    process = f"{namespace}web-{hexes(rng, 8)}:{rng.randrange(1, 30_000)}:{hexes(rng, 12)}"
    entries = [
        data.set(f"{namespace}queues", ["default", "mailers", "critical"]),
        data.set(f"{namespace}processes", [process]),
        data.string(f"{namespace}stat:processed", rng.randrange(10**7)),
        data.string(f"{namespace}stat:failed", rng.randrange(10**4)),
        transient.string(
            f"{namespace}stat:processed:2026-11-23", rng.randrange(10**5), 157_680_000
        ),
        transient.hash(process, {"info": _job(rng), "busy": 3, "beat": _NOW, "rss": 211_000}, 60),
        data.set(f"{namespace}cron_jobs", ["cron_job:cleanup"]),
        data.hash(f"{namespace}cron_job:cleanup", {"name": "cleanup", "cron": "0 4 * * *"}),
        data.zset(f"{namespace}dead", {_job(rng): _NOW}),
    ]
    if jobs:
        entries += [
            data.list(f"{namespace}queue:default", [_job(rng) for _ in range(jobs)]),
            data.list(f"{namespace}queue:mailers", [_job(rng, "Mail") for _ in range(jobs)]),
            data.zset(f"{namespace}schedule", {_job(rng): _NOW + i for i in range(jobs)}),
            data.zset(f"{namespace}retry", {_job(rng): _NOW + i for i in range(3)}),
            transient.hash(f"{process}:work", {"a1": _job(rng)}, 60),
        ]
    return entries


def sidekiq_namespaced(rng: random.Random, jobs: int) -> list[Entry]:
    """Sidekiq behind redis-namespace."""
    return sidekiq(rng, jobs, "shop_production:")


def bullmq(rng: random.Random, jobs: int, queue: str = "bull:orders") -> list[Entry]:
    """BullMQ 5: jobs are hashes, locks are strings with a TTL."""
    entries = [
        data.hash(f"{queue}:meta", {"opts.maxLenEvents": 10_000, "version": "bullmq:5.65.1"}),
        data.string(f"{queue}:id", rng.randrange(jobs + 1, 10**6)),
        data.stream(f"{queue}:events", ["drained"]),
        data.zset(f"{queue}:completed", {"1": _NOW}),
        data.hash(f"{queue}:1", {"name": "charge", "data": _job(rng), "finishedOn": _NOW}),
        data.zset(f"{queue}:repeat", {"report": _NOW}),
        data.hash(f"{queue}:repeat:{hexes(rng)}", {"name": "report", "pattern": "0 * * * *"}),
        transient.string(f"{queue}:stalled-check", _NOW, 30),
    ]
    if jobs:
        ids = [str(number) for number in range(2, jobs + 2)]
        entries += [
            data.list(f"{queue}:wait", ids[2:] or ids),
            data.list(f"{queue}:active", ids[:1]),
            data.string(f"{queue}:{ids[0]}:lock", uuid(rng), 30),
            data.zset(f"{queue}:delayed", {ids[-1]: _NOW * 4096.0}),
            data.zset(f"{queue}:failed", {"1": _NOW}),
            data.zset(f"{queue}:marker", {"0": 0}),
            data.set(f"{queue}:stalled", ids[:1]),
        ]
        entries += [
            data.hash(
                f"{queue}:{number}",
                {"name": "charge", "data": _job(rng), "opts": '{"attempts":3}', "priority": 0},
            )
            for number in ids
        ]
    return entries


def bullmq_cluster(rng: random.Random, jobs: int) -> list[Entry]:
    """BullMQ with a prefix of its own and a hash tag, as clusters need."""
    return bullmq(rng, jobs, "{shop-jobs}:orders")


def bull(rng: random.Random, jobs: int) -> list[Entry]:
    """Bull 3."""
    queue = "bull:image transcoding"
    entries = [
        data.string(f"{queue}:id", jobs + 1),
        data.zset(f"{queue}:completed", {"1": _NOW}),
        data.hash(f"{queue}:1", {"name": "__default__", "data": "{}", "delay": 0}),
        transient.string(f"{queue}:stalled-check", _NOW, 30),
    ]
    if jobs:
        ids = [str(number) for number in range(2, jobs + 2)]
        entries += [
            data.list(f"{queue}:wait", ids[1:] or ids),
            data.list(f"{queue}:active", ids[:1]),
            data.string(f"{queue}:{ids[0]}:lock", uuid(rng), 30),
            data.zset(f"{queue}:delayed", {ids[-1]: _NOW * 4096.0}),
            data.zset(f"{queue}:priority", {ids[0]: 1}),
            *(
                data.hash(f"{queue}:{number}", {"name": "resize", "data": _job(rng)})
                for number in ids
            ),
        ]
    return entries


def celery(rng: random.Random, jobs: int) -> list[Entry]:
    """Celery on kombu's Redis transport, with priorities and the result backend."""
    separator = "\x06\x16"
    entries = [
        data.set("_kombu.binding.celery", [f"celery{separator}{separator}celery"]),
        data.set("_kombu.binding.mail.bulk", [f"bulk{separator}{separator}mail.bulk"]),
        data.set(
            "_kombu.binding.celery.pidbox", [f"{separator}{separator}celery@w1.celery.pidbox"]
        ),
        data.set(
            "_kombu.binding.celeryev", [f"worker.#{separator}{separator}celeryev.{uuid(rng)}"]
        ),
        *(
            transient.string(f"celery-task-meta-{uuid(rng)}", '{"status":"SUCCESS"}', 86_400)
            for _ in range(5)
        ),
    ]
    if jobs:
        message = [
            json.dumps({"body": token(rng, 80), "headers": {"task": "shop.tasks.bill"}})
            for _ in range(jobs)
        ]
        tags = [uuid(rng) for _ in range(3)]
        entries += [
            data.list("celery", message),
            data.list(f"celery{separator}3", message[:2]),
            data.list("mail.bulk", message),
            data.hash("unacked", dict.fromkeys(tags, message[0])),
            data.zset("unacked_index", dict.fromkeys(tags, _NOW)),
            transient.string("unacked_mutex", token(rng), 300),
        ]
    return entries


def celery_results(rng: random.Random, jobs: int) -> list[Entry]:
    """Celery with `result_expires=None`, a global key prefix, and RedBeat's schedule."""
    prefix = "shop."
    return [
        data.set(f"{prefix}_kombu.binding.celery", ["celery\x06\x16\x06\x16celery"]),
        data.zset("redbeat::schedule", {"redbeat:nightly": _NOW}),
        data.hash("redbeat:nightly", {"definition": _job(rng), "meta": "{}"}),
        data.set("redbeat::statics", ["nightly"]),
        data.string("redbeat::lock", token(rng), 300),
        *([data.list(f"{prefix}celery", [_job(rng) for _ in range(jobs)])] if jobs else []),
    ]


def rq(rng: random.Random, jobs: int) -> list[Entry]:
    """RQ 2: jobs are hashes without a TTL until they are done."""
    worker = f"rq:worker:{hexes(rng)}"
    entries = [
        data.set("rq:queues", ["rq:queue:default", "rq:queue:low"]),
        data.set("rq:workers", [worker]),
        data.set("rq:workers:default", [worker]),
        transient.hash(worker, {"birth": "2026-11-24T08:00:00Z", "queues": "default"}, 480),
        transient.string("rq:clean_registries:default", 1, 899),
        transient.hash(f"rq:job:{uuid(rng)}", {"status": "finished", "data": token(rng)}, 500),
    ]
    if jobs:
        ids = [uuid(rng) for _ in range(jobs)]
        entries += [
            data.list("rq:queue:default", ids),
            data.zset("rq:scheduled:low", {ids[0]: _NOW}),
            data.zset("rq:failed:default", {ids[-1]: _NOW}),
            data.zset("rq:wip:default", {ids[0]: _NOW}),
            data.set(f"rq:job:{ids[0]}:dependents", ids[1:2] or ids),
            *(
                data.hash(
                    f"rq:job:{job}",
                    {
                        "status": "queued",
                        "data": token(rng, 60),
                        "origin": "default",
                        "timeout": 180,
                    },
                )
                for job in ids
            ),
        ]
    return entries


def resque(rng: random.Random, jobs: int) -> list[Entry]:
    """Resque with resque-scheduler."""
    worker = f"app-1:{rng.randrange(100, 9_999)}:mail,default"
    entries = [
        data.set("resque:queues", ["mail", "default"]),
        data.set("resque:workers", [worker]),
        data.string(f"resque:worker:{worker}:started", "2026-11-24 08:00:00 +0000"),
        data.hash("resque:workers:heartbeat", {worker: "2026-11-24T08:01:00+00:00"}),
        data.string("resque:stat:processed", rng.randrange(10**7)),
        data.string("resque:stat:failed", rng.randrange(10**4)),
        data.string(f"resque:stat:processed:{worker}", rng.randrange(10**5)),
        data.hash("resque:schedules", {"nightly": '{"cron":"0 4 * * *"}'}),
        data.string("resque:resque_scheduler_master_lock", "app-1:77", 180),
    ]
    if jobs:
        payload = [_job(rng) for _ in range(jobs)]
        entries += [
            data.list("resque:queue:mail", payload),
            data.list("resque:failed", payload[:2]),
            data.zset("resque:delayed_queue_schedule", {str(_NOW): _NOW}),
            data.list(f"resque:delayed:{_NOW}", payload[:1]),
            data.set(f"resque:timestamps:{payload[0]}", [f"delayed:{_NOW}"]),
        ]
    return entries


def laravel_queue(rng: random.Random, jobs: int) -> list[Entry]:
    """Laravel's Redis queue."""
    prefix = "shop_database_queues"
    entries = [data.zset(f"{prefix}:default:delayed", {_job(rng): _NOW + 60.0})]
    if jobs:
        entries += [
            data.list(f"{prefix}:default", [_job(rng) for _ in range(jobs)]),
            data.list(f"{prefix}:default:notify", [1] * jobs),
            data.zset(f"{prefix}:default:reserved", {_job(rng): _NOW}),
            data.list(f"{prefix}:mail", [_job(rng) for _ in range(jobs)]),
        ]
    return entries


def horizon(rng: random.Random, jobs: int) -> list[Entry]:
    """Laravel Horizon's own records; the queues are Laravel's."""
    prefix = "shop_horizon:"
    ids = [uuid(rng) for _ in range(jobs)]
    entries = [
        data.zset(f"{prefix}masters", {"web-1-x4Kq": _NOW}),
        transient.hash(f"{prefix}master:web-1-x4Kq", {"pid": 7, "status": "running"}, 15),
        data.zset(f"{prefix}supervisors", {"web-1-x4Kq:supervisor-1": _NOW}),
        transient.hash(f"{prefix}supervisor:web-1-x4Kq:supervisor-1", {"status": "running"}, 30),
        data.set(f"{prefix}measured_jobs", ["App\\Jobs\\Bill"]),
        data.set(f"{prefix}measured_queues", ["default"]),
        data.hash(f"{prefix}job:App\\Jobs\\Bill", {"throughput": 12, "runtime": 5.25}),
        data.zset(f"{prefix}snapshot:queue:default", {'{"throughput":1}': _NOW}),
        data.string(f"{prefix}last_snapshot_at", _NOW),
        *laravel_queue(rng, jobs),
    ]
    if jobs:
        entries += [
            data.zset(f"{prefix}recent_jobs", dict.fromkeys(ids, -_NOW)),
            data.zset(f"{prefix}pending_jobs", dict.fromkeys(ids, -_NOW)),
            data.zset(f"{prefix}failed_jobs", {ids[0]: -_NOW}),
            *(
                data.hash(f"{prefix}{job}", {"status": "pending", "payload": _job(rng)})
                for job in ids
            ),
        ]
    return entries


def symfony_tags(rng: random.Random, items: int, namespace: str = "") -> list[Entry]:
    """Symfony's RedisTagAwareAdapter: values always have a TTL, tag sets never."""
    pool = namespace or f"{token(rng, 10)}:"
    names = [f"product-{number}" for number in range(items)]
    return [
        *(
            transient.string(f"{pool}{name}", b"\x9d" + rng.randbytes(400), 8_640_000)
            for name in names
        ),
        tag.set(f"{pool}\x01tags\x01catalogue", names or ["product-0"]),
        *(tag.set(f"{pool}\x01tags\x01{name}", [name]) for name in names[: items // 4]),
    ]


def shopware(rng: random.Random, items: int) -> list[Entry]:
    """Shopware 6's HTTP and object cache: Symfony's layout with longer names, tags before 5.4."""
    pool = f"sw_{token(rng, 8)}:"
    names = [f"http-cache-{hexes(rng)}" for _ in range(items)]
    return [
        *(transient.string(f"{pool}{name}", b"\x9d" + rng.randbytes(900), 7_200) for name in names),
        *(
            tag.set(f"{pool}\x00tags\x00product-{hexes(rng)}", names[:3] or ["x"])
            for _ in range(items // 3 + 1)
        ),
        tag.set(f"{pool}\x00tags\x00navigation-route", names or ["x"]),
    ]


def magento(rng: random.Random, items: int) -> list[Entry]:
    """Cm_Cache_Backend_Redis: entries are hashes with a TTL, tags and indexes sets without."""
    ids = [hexes(rng, 8).upper() for _ in range(items)]
    return [
        *(
            transient.hash(
                f"zc:k:B04_{name}", {"d": rng.randbytes(500), "t": "CFG", "i": 1}, 57_600
            )
            for name in ids
        ),
        tag.set("zc:ids", ids or ["x"]),
        tag.set("zc:tags", ["B04_CONFIG", "B04_MAGE"]),
        tag.set("zc:ti:B04_CONFIG", ids or ["x"]),
        tag.set("zc:ti:B04_MAGE", ids or ["x"]),
    ]


def laravel_tags(rng: random.Random, items: int) -> list[Entry]:
    """Laravel's tagged cache since 10: sorted sets of entries."""
    prefix = "shop_database_shop_cache_:"
    names = [f"{hexes(rng, 40)}:product:{number}" for number in range(items)]
    return [
        *(transient.string(prefix + name, "s:300:" + token(rng, 300), 3_600) for name in names),
        tag.zset(f"{prefix}tag:products:entries", dict.fromkeys(names, _NOW) or {"x": 1}),
        tag.zset(f"{prefix}tag:category-7:entries", dict.fromkeys(names, -1) or {"x": 1}),
    ]


def cacheops(rng: random.Random, items: int) -> list[Entry]:
    """django-cacheops: `conj:` sets say which queries to drop when a row changes."""
    keys = [f"q:{hexes(rng)}" for _ in range(items)]
    return [
        *(transient.string(key, rng.randbytes(600), 900) for key in keys),
        tag.set("schemes:shop_product", ["category_id", "id"]),
        *(tag.set(f"conj:shop_product:category_id={n}", keys[n::9] or ["q:0"]) for n in range(9)),
    ]


def redisson(rng: random.Random, locks: int) -> list[Entry]:
    """Redisson: a lock is a hash named as the programmer likes, a fair lock a list and a zset."""
    owner = f"{uuid(rng)}:61"
    entries = [
        data.hash("redisson_options:{prices}", {"max-size": 1000, "mode": "LRU"}),
        transient.hash("prices", {f"sku-{n}": token(rng, 40) for n in range(30)}),
        data.zset("redisson__timeout__set:{prices}", {f"sku-{n}": _NOW for n in range(30)}),
        data.zset("redisson__idle__set:{prices}", {"sku-1": _NOW}),
        data.string("{invoices}:permits", 5),
        data.list("redisson_delay_queue:{mail}", [rng.randbytes(60)]),
        data.zset("redisson_delay_queue_timeout:{mail}", {"m1": _NOW}),
    ]
    if locks:
        entries += [
            data.list("redisson_lock_queue:{checkout}", [f"{uuid(rng)}:7"]),
            data.zset("redisson_lock_timeout:{checkout}", {f"{uuid(rng)}:7": _NOW}),
            *(data.hash(f"lock:order:{n}", {owner: 1}, 30) for n in range(locks)),
        ]
    return entries


def redlock(rng: random.Random, locks: int) -> list[Entry]:
    """Locks by `SET NX PX`: node-redlock, Spring Integration, ShedLock, python-redis-lock."""
    return [
        *(data.string(f"locks:account:{n}", hexes(rng, 40), 20) for n in range(locks)),
        *(data.string(f"registry-lock:{uuid(rng)}", uuid(rng), 60) for _ in range(locks)),
        data.string("job-lock:prod:nightlyReport", "ADDED:2026-11-24T08:00@web-1", 3_600),
        data.string("lock:stock-import", token(rng, 24), 60),
        data.list("lock-signal:stock-import", [1], 1_000),
        data.string("leader:billing", "billing-7d9f-x2x", 15),
    ]


def spring_session(rng: random.Random, sessions: int) -> list[Entry]:
    """Spring Session's indexed repository."""
    entries = [data.set(f"spring:session:expirations:{_NOW}000", [f"expires:{uuid(rng)}"], 2_100)]
    for _ in range(sessions):
        name = uuid(rng)
        user = token(rng, 7)
        entries += [
            data.hash(
                f"spring:session:sessions:{name}",
                {
                    "creationTime": _NOW,
                    "maxInactiveInterval": 1_800,
                    "sessionAttr:cart": token(rng),
                },
                2_100,
            ),
            data.string(f"spring:session:sessions:expires:{name}", "", 1_800),
            data.set(
                "spring:session:index:org.springframework.session."
                f"FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME:{user}",
                [name],
            ),
        ]
    return entries


def connect_redis(rng: random.Random, sessions: int) -> list[Entry]:
    """express-session with connect-redis."""
    return [
        data.string(
            f"sess:{token(rng, 32)}",
            json.dumps({"cookie": {"originalMaxAge": 86_400_000}, "userId": rng.randrange(10**5)}),
            86_400,
        )
        for _ in range(sessions)
    ]


def php_sessions(rng: random.Random, sessions: int) -> list[Entry]:
    """phpredis' session handler."""
    return [
        data.string(f"PHPREDIS_SESSION:{token(rng, 26)}", f"cart|a:1:{{i:0;i:{n};}}", 1_440)
        for n in range(sessions)
    ]


def flask_sessions(rng: random.Random, sessions: int) -> list[Entry]:
    """Flask-Session."""
    return [
        data.string(f"session:{uuid(rng)}", rng.randbytes(120), 2_678_400) for _ in range(sessions)
    ]


def streams(rng: random.Random, messages: int) -> list[Entry]:
    """Event streams with consumer groups, and Symfony Messenger's."""
    bodies = [_job(rng, "OrderPlaced") for _ in range(messages)]
    return [
        data.stream("orders.events", bodies or ["first"], "billing"),
        data.stream("payments", bodies, "ledger"),
        data.stream("messages", bodies, "symfony"),
        data.zset("messages__queue", {_job(rng): _NOW}),
    ]


def hangfire(rng: random.Random, jobs: int) -> list[Entry]:
    """Hangfire.Redis.StackExchange."""
    prefix = "{hangfire}:"
    server = f"web-1:{rng.randrange(9_999)}:{hexes(rng, 8)}"
    entries = [
        data.set(f"{prefix}servers", [server]),
        data.hash(f"{prefix}server:{server}", {"WorkerCount": 20, "Heartbeat": _NOW}),
        data.set(f"{prefix}queues", ["default"]),
        data.string(f"{prefix}stats:succeeded", rng.randrange(10**6)),
        transient.string(f"{prefix}stats:succeeded:2026-11-24", 40, 2_592_000),
        data.zset(f"{prefix}recurring-jobs", {"report": _NOW}),
        data.hash(f"{prefix}recurring-job:report", {"Cron": "0 4 * * *", "Job": _job(rng)}),
    ]
    if jobs:
        ids = [uuid(rng) for _ in range(jobs)]
        entries += [
            data.list(f"{prefix}queue:default", ids),
            data.zset(f"{prefix}schedule", {ids[0]: _NOW}),
        ]
        for job in ids:
            entries += [
                data.hash(f"{prefix}job:{job}", {"Type": "Shop.Mail", "State": "Enqueued"}),
                data.hash(f"{prefix}job:{job}:state", {"State": "Enqueued", "Queue": "default"}),
                data.list(f"{prefix}job:{job}:history", ['{"State":"Enqueued"}']),
            ]
    return entries


def faktory(rng: random.Random, jobs: int) -> list[Entry]:
    """Faktory's own Redis: a queue is a list by the queue's bare name."""
    entries = [
        data.set("queues", ["default", "bulk"]),
        data.string("processed", 9_127),
        data.string("failures", 11),
        data.zset("dead", {_job(rng): _NOW}),
    ]
    if jobs:
        entries += [
            data.list("default", [_job(rng) for _ in range(jobs)]),
            data.list("bulk", [_job(rng) for _ in range(jobs)]),
            data.zset("scheduled", {_job(rng): _NOW + n for n in range(jobs)}),
            data.zset("retries", {_job(rng): _NOW}),
            data.zset("working", {_job(rng): _NOW}),
        ]
    return entries


def dramatiq(rng: random.Random, jobs: int) -> list[Entry]:
    """Dramatiq: ids in a list, messages in a hash beside it."""
    worker = uuid(rng)
    ids = [uuid(rng) for _ in range(max(jobs, 1))]
    entries = [
        data.zset("dramatiq:__heartbeats__", {worker: _NOW}),
        data.zset("dramatiq:default.XQ", {ids[0]: _NOW}),
        data.hash("dramatiq:default.XQ.msgs", {ids[0]: _job(rng)}),
    ]
    if jobs:
        entries += [
            data.list("dramatiq:default", ids),
            data.hash("dramatiq:default.msgs", {name: _job(rng) for name in ids}),
            data.list("dramatiq:default.DQ", ids[:1]),
            data.hash("dramatiq:default.DQ.msgs", {ids[0]: _job(rng)}),
            data.set(f"dramatiq:__acks__.{worker}.default", ids[:1]),
        ]
    return entries


def arq(rng: random.Random, jobs: int) -> list[Entry]:
    """arq: the queue is a sorted set, jobs are strings that expire a day after they are due."""
    ids = [hexes(rng) for _ in range(jobs)]
    entries = [
        transient.string("arq:queue:health-check", "Nov-24 08:00:00 j_complete=5", 3_601),
        transient.string(f"arq:result:{hexes(rng)}", rng.randbytes(80), 3_600),
        data.zset("arq:abort", {hexes(rng): _NOW}),
    ]
    if jobs:
        entries += [
            data.zset("arq:queue", dict.fromkeys(ids, _NOW * 1000.0)),
            data.string(f"arq:in-progress:{ids[0]}", 1, 310),
            data.string(f"arq:retry:{ids[0]}", 2, 88_200),
            *(data.string(f"arq:job:{job}", rng.randbytes(120), 86_400) for job in ids),
        ]
    return entries


def huey(rng: random.Random, jobs: int) -> list[Entry]:
    """Huey."""
    entries = [data.hash("huey.results.shop", {uuid(rng): rng.randbytes(40)})]
    if jobs:
        entries += [
            data.list("huey.redis.shop", [rng.randbytes(90) for _ in range(jobs)]),
            data.zset("huey.schedule.shop", {token(rng, 60): _NOW}),
            data.string(f"huey.r.shop.rv.{uuid(rng)}", rng.randbytes(20)),
        ]
    return entries


def asynq(rng: random.Random, jobs: int) -> list[Entry]:
    """asynq (Go): a hash a task, ids in lists and sorted sets."""
    queue = "asynq:{default}"
    ids = [uuid(rng) for _ in range(max(jobs, 1))]
    entries = [
        data.set("asynq:queues", ["default"]),
        data.zset("asynq:servers", {f"asynq:servers:{{web-1:7:{ids[0]}}}": _NOW}),
        data.string(f"{queue}:processed", 40_001),
        data.zset(f"{queue}:archived", {ids[0]: _NOW}),
        data.hash(f"{queue}:t:{ids[0]}", {"msg": rng.randbytes(90), "state": "archived"}),
    ]
    if jobs:
        entries += [
            data.list(f"{queue}:pending", ids[1:] or ids),
            data.zset(f"{queue}:scheduled", {ids[-1]: _NOW}),
            data.zset(f"{queue}:lease", {ids[0]: _NOW}),
            data.string(f"{queue}:unique:mail:{hexes(rng)}", ids[0], 600),
            *(
                data.hash(f"{queue}:t:{job}", {"msg": rng.randbytes(90), "state": "pending"})
                for job in ids[1:]
            ),
        ]
    return entries


def bee_queue(rng: random.Random, jobs: int) -> list[Entry]:
    """Bee-Queue and Kue, two of Node's older queues."""
    entries = [
        data.string("bq:thumbs:id", jobs),
        data.string("q:ids", jobs),
        data.set("q:job:types", ["email"]),
        data.zset("q:jobs", {"01|1": 0}),
        data.hash("q:job:1", {"type": "email", "state": "complete", "data": _job(rng)}),
    ]
    if jobs:
        entries += [
            data.list("bq:thumbs:waiting", [str(n) for n in range(jobs)]),
            data.hash("bq:thumbs:jobs", {str(n): _job(rng) for n in range(jobs)}),
            data.list("q:email:jobs", [1] * jobs),
            data.zset("q:jobs:inactive", {"01|1": 0}),
        ]
    return entries


QUEUES: dict[str, Layout] = {
    "sidekiq": sidekiq,
    "sidekiq-namespaced": sidekiq_namespaced,
    "bullmq": bullmq,
    "bullmq-cluster": bullmq_cluster,
    "bull-3": bull,
    "celery": celery,
    "celery-redbeat": celery_results,
    "rq": rq,
    "resque": resque,
    "laravel-queue": laravel_queue,
    "horizon": horizon,
    "hangfire": hangfire,
    "faktory": faktory,
    "dramatiq": dramatiq,
    "arq": arq,
    "huey": huey,
    "asynq": asynq,
    "bee-queue-and-kue": bee_queue,
}

TAGS: dict[str, Layout] = {
    "symfony-tags": symfony_tags,
    "shopware": shopware,
    "magento": magento,
    "laravel-tags": laravel_tags,
    "cacheops": cacheops,
}

OTHERS: dict[str, Layout] = {
    "redisson": redisson,
    "redlock": redlock,
    "spring-session": spring_session,
    "connect-redis": connect_redis,
    "php-sessions": php_sessions,
    "flask-sessions": flask_sessions,
    "streams": streams,
}
