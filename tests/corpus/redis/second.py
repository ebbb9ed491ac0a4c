"""A second set of keyspaces, written after the guard and told to it by nobody: each is a table.

A line has the role, the type, the name, and the TTL in seconds if there is one. `{n}` is a number,
`{u}` a UUID, `{x}` a hash of 32 digits, `{t}` a token of 24 letters; a line with one of them stands
for several keys.
"""

import random
from collections.abc import Callable, Sequence

from tests.corpus.redis.keyspace import (
    Entry,
    Keyspace,
    Writer,
    cache,
    data,
    hexes,
    tag,
    token,
    transient,
    uuid,
)

_WRITERS = {"data": data, "tag": tag, "transient": transient, "cache": cache}
_MANY = 12
_BIG = 60

PAGES = "cache string page:/p/{n} 3600"

UNSAFE: dict[str, str] = {
    # Laravel: its queue, its locks, its sessions, all in one database with the cache
    "laravel-all-in-one": f"""
        data list laravel_database_queues:default
        data zset laravel_database_queues:default:reserved
        data zset laravel_database_queues:emails:delayed
        data list laravel_database_queues:default:notify
        data string laravel_database_laravel_cache_:laravel_unique_job:App\\Jobs\\Bill{{n}} 3600
        cache string laravel_database_laravel_cache_:products.{{n}} 3600
        {PAGES}""",
    "bull-3-custom-prefix": """
        data string tenants:mail:id
        data list tenants:mail:wait
        data zset tenants:mail:completed
        data zset tenants:mail:repeat
        data hash tenants:mail:{n}
        transient string tenants:mail:stalled-check 30""",
    "bullmq-idle-custom-prefix": """
        data hash acme:invoices:meta
        data string acme:invoices:id
        data stream acme:invoices:events
        data hash acme:invoices:{n}
        cache string page:/p/{n} 3600""",
    "bullmq-two-queues-in-braces": """
        data hash {acme}:pdf:meta
        data string {acme}:pdf:id
        data hash {acme}:pdf:{n}
        data zset {acme}:pdf:prioritized
        data string {acme}:pdf:pc
        data hash {acme}:thumb:meta
        data zset {acme}:thumb:failed
        data hash {acme}:thumb:{n}""",
    "dramatiq-namespaced": """
        data list shop:dramatiq:default
        data hash shop:dramatiq:default.msgs
        data zset shop:dramatiq:__heartbeats__""",
    "faktory-one-queue": """
        data list critical
        data string processed
        data string failures
        data zset scheduled
        data zset retries""",
    "exq": """
        data set exq:queues
        data list exq:queue:default
        data zset exq:schedule
        data string exq:stat:processed""",
    "verk": """
        data list queue:priority
        data set verk_nodes
        data zset retry
        data string stat:failed""",
    "gocraft-work": """
        data set harbor:known_jobs
        data list harbor:jobs:REPLICATION
        data list harbor:jobs:REPLICATION:9f3a:inprogress
        data zset harbor:scheduled
        data hash harbor:worker_pools:{x}
        data hash harbor:worker:9f3a
        data set harbor:worker_pools
        data string harbor:last_periodic_enqueue""",
    "machinery": """
        data list machinery_tasks
        data zset delayed_tasks
        data string task_{u}""",
    "rmq-go": """
        data set rmq::connections
        data set rmq::queues
        data list rmq::queue::[things]::ready
        data list rmq::connection::c-x1::queue::[things]::unacked
        transient string rmq::connection::c-x1::heartbeat 60""",
    "saq": """
        data list saq:default:queued
        data zset saq:default:incomplete
        data string saq:job:default:{u}""",
    "tasktiger": """
        data set t:queued
        data zset t:queued:default
        data string t:task:{x}
        data zset t:active:default
        data string t:lock:{x} 60""",
    "django-q2": """
        data list django_q:default:q
        transient string django_q:default:cluster:{u} 3600""",
    "django-channels": """
        data zset asgi:group:room_{n}
        data zset asgi:specific.{t}!""",
    "apscheduler": """
        data hash apscheduler.jobs
        data zset apscheduler.run_times""",
    "scrapy-redis": """
        data zset quotes:requests
        data set quotes:dupefilter
        data list quotes:items
        data list quotes:start_urls""",
    "yii2-queue": """
        data list queue.waiting
        data hash queue.messages
        data hash queue.attempts
        data zset queue.reserved
        data string queue.message_id""",
    "hyperf-async-queue": """
        data list {queue}:waiting
        data zset {queue}:reserved
        data zset {queue}:delayed
        data list {queue}:failed""",
    "resque-under-another-namespace": """
        data set legacy:queues
        data list legacy:queue:mail
        data set legacy:workers
        data string legacy:worker:web-1:77:mail:started
        data list legacy:failed
        data string legacy:stat:processed
        data list legacy:delayed:1764000000
        data zset legacy:delayed_queue_schedule
        data hash legacy:schedules""",
    "sidekiq-plugins": """
        data list queue:default
        data set queues
        data hash cron_job:nightly
        data list cron_job:nightly:jid_history
        data zset cron_job:nightly:enqueued
        data set cron_jobs
        data hash sidekiq:status:{t} 1800
        data zset failed
        data hash uniquejobs:digests:{x}
        data hash BID-{t}""",
    "sidekiq-alone-and-idle": """
        data string stat:processed
        data string stat:failed
        data set processes
        cache string views/products/{n}-20261124/{x} 3600""",
    "celery-with-named-queues": """
        data set _kombu.binding.celery
        data set _kombu.binding.reports
        data list reports
        data list reports\x06\x166
        data list thumbnails
        data hash unacked
        data zset unacked_index
        transient string celery-task-meta-{u} 86400""",
    "celery-with-key-prefix": """
        data set {acme}:_kombu.binding.celery
        data list {acme}:celery
        data hash {acme}:unacked
        data zset {acme}:unacked_index""",
    "huey-with-priorities": """
        data zset huey.redis.shop
        data zset huey.schedule.shop
        data hash huey.results.shop""",
    "arq-under-another-name": """
        data zset reports:queue
        data string arq:job:{x} 86400
        transient string reports:queue:health-check 3601""",
    "asynq-groups": """
        data set asynq:queues
        data zset asynq:{low}:g:digest
        data hash asynq:{low}:t:{u}
        data zset asynq:{low}:retry""",
    # sessions
    "laravel-sessions": "data string laravel_cache_:{s} 7200",
    "flask-session-prefixed": "data string shop_session:{u} 2678400",
    "gorilla-redistore": "data string session_{T} 2592000",
    "aiohttp-session": "data string AIOHTTP_SESSION_{x} 86400",
    "magento-sessions": "data hash sess_{x} 7200",
    "symfony-sessions": "data string sf_s{t}aa 1440",
    "asp-net-classic": """
        data hash {/shop_{t}}_Data 1200
        data hash {/shop_{t}}_Internal 1200
        data string {/shop_{t}}_Write_Lock 110""",
    "aspnet-data-protection-keys": """
        data list DataProtection-Keys
        cache hash Shop:product:{n} 3600""",
    "spring-session-own-namespace": """
        data hash shop:sessions:{u} 2100
        data string shop:sessions:expires:{u} 1800
        data set shop:expirations:1764000000000 2100
        data set shop:index:org.springframework.session.FindByIndexNameSessionRepository.PRINCIPAL_NAME_INDEX_NAME:ada""",
    "oidc-provider": """
        data string oidc:Session:{t} 1209600
        data string oidc:AccessToken:{t} 3600
        data list oidc:grant:{t} 3600""",
    "refresh-tokens": "data string auth:refresh_token:{u} 2592000",
    "spring-oauth-token-store": """
        data string access:{u} 43200
        data string auth:{u} 43200
        data string refresh:{u}
        data string access_to_refresh:{u} 43200""",
    # locks and the like
    "exclusive-leases": "data string gitlab:exclusive_lease:project_{n} 300",
    "nextcloud-file-locks": "data string oc1a2b3c/lockfiles/{x} 3600",
    "redis-semaphore-gem": """
        data list SEMAPHORE:exports:AVAILABLE
        data hash SEMAPHORE:exports:GRABBED
        data string SEMAPHORE:exports:EXISTS""",
    "idempotency-keys": "data string idempotency:{u} 86400",
    "redisson-executor-and-permits": """
        data string {uploads}:permits
        data hash uploads
        data zset {reports:org.redisson.executor.RemoteExecutorService}:scheduler
        data hash redisson_options:{prices}
        data list redisson_fair_lock_queue:{x}""",
    "locks-in-camel-case": "data string inventoryLock:{n} 30",
    # what is counted or switched in Redis alone
    "counters-and-bitmaps": """
        data string counter:orders
        data string stats:unique-visitors:2026-11-{n}
        data string dau:2026-11-{n}
        data string bitmap:active:{n}""",
    "hyperloglogs": "data string hll:search:{n}",
    "flipper": """
        data set flipper_features
        data hash checkout_v2
        data hash new_search""",
    "rollout-gem": """
        data string feature:__features__
        data string feature:chat""",
    "launchdarkly": """
        data hash launchdarkly:features
        data hash launchdarkly:segments
        data string launchdarkly:$inited""",
    "shopware-number-ranges": """
        data string number_range:{u}
        cache string http-cache-{x} 7200""",
    # tag sets
    "typo3": """
        cache string identData:{x} 3600
        tag set identTags:{x}
        tag set tagIdents:pageId_{n}""",
    "nextjs-cache-handler": """
        cache string shop:/products/{n} 3600
        tag hash shop:__sharedTags__
        tag hash shop:__revalidated_tags__""",
    "old-spring-cache": """
        cache string products{n} 3600
        tag zset products~keys""",
    # other queues
    "symfony-messenger": """
        data stream messages
        data zset messages__queue""",
    "redis-streams-with-ttl": "data stream events:{n} 86400",
    "plain-lists": """
        data list emails:outbox
        data list import-tasks
        data list webhooks:pending
        data list webhooks:processing""",
    "camel-case-list": "data list trackingQueueV1_0",
    "conductor": """
        data zset conductor_queues.prod.QUEUE.encode.c
        data hash conductor.prod.WORKFLOW.{u}""",
}

PURE: dict[str, str] = {
    # frameworks
    "wordpress": """
        cache string wp_:options:alloptions
        cache string wp_:posts:{n}
        cache string wp_:post_meta:{n}
        cache string wp_:terms:{n}
        cache string wp_:category_relationships:{n}
        cache string wp_:site-transient:update_plugins 43200
        cache string wp_:user_meta:{n}
        cache string wp_:wc_session_id:{t} 172800
        cache string wp_:comment:{n}""",
    "wordpress-woocommerce": """
        cache string shop:wc_cache_0.{n}_product_{n} 3600
        cache string shop:counts:wp_count_posts_product
        cache string shop:products:shipping_class_{n}""",
    "laravel-rate-limits": """
        cache string laravel_cache_:{h} 60
        cache string laravel_cache_:{h}:timer 60
        cache string laravel_cache_:spatie.permission.cache 86400
        cache string laravel_cache_:user.{n}.profile 3600""",
    "django-ratelimit": """
        cache string :1:rl:{x} 60
        cache string :1:throttle_anon_10.0.0.{n} 60
        cache string :1:article.{n}.v2 3600""",
    "node-rate-limiters": """
        cache string rlflx:10.0.0.{n} 60
        cache string rl:10.0.0.{n} 60
        cache string rate-limit:login:10.0.0.{n} 900
        cache string api:/products?page={n} 300""",
    "rack-attack": """
        cache string rack::attack:29400{n}:req/ip:10.0.0.{n} 60
        cache string views/products/{n}-20261124/{x} 3600""",
    "aspnet-output-cache": "cache hash OutputCache:GET:/products/{n} 600",
    "hybrid-cache": "cache string Shop:v1:product:{n} 600",
    "spring-data-repository": "cache hash ProductView:{u} 3600",
    "jhipster-hazelcast-like": "cache string users::login-{n} 3600",
    "nest-cache-manager": "cache string nestjs:/api/v1/products/{n} 60",
    "apollo-server": """
        cache string apq:{x}
        cache string fqc:{x} 300""",
    "craft-and-yii": "cache string CraftCMS{x} 86400",
    "moodle-muc": "cache hash mdl_core_string_{n}",
    "nginx-and-varnish": "cache string nx:GETshop.example/p/{n} 600",
    "rails-russian-dolls": "cache string views/orders/{n}-2026112408000000/line_items/{x} 86400",
    "rails-counts": """
        cache string stats/orders/count/{n} 300
        cache string posts/{n}/comments_count 3600""",
    "image-proxies": "cache string imgproxy:{x} 86400",
    "elixir-nebulex": "cache string Shop.Cache:product:{n} 3600",
    "caffeine-second-level": "cache hash hibernate:shop.Product:{n} 3600",
    "python-dogpile": "cache string dogpile:shop.queries:{x} 600",
    "python-aiocache": "cache string main:get_product({n},) 600",
    "go-redis-cache": "cache string mycache:obj:{n} 600",
    "symfony-app-pool": """
        cache string Kx7+mPq2Zr:product_{n} 3600
        cache string Kx7+mPq2Zr:rate_limiter-login-{x} 900""",
    "magento-full-page-without-tags": "cache hash zc:k:FPC_{x} 86400",
    # names that look like more
    "conference-sessions": """
        cache string talk:session-{n}:abstract 600
        cache string agenda:day-{n}:sessions 600""",
    "door-locks": f"""
        cache string! catalogue:locks:page:{{n}} 600
        cache string! product:smart-lock:{{n}} 600
        {PAGES}""",
    "job-board": """
        cache string job:{n} 3600
        cache string jobs:list:page:{n} 300
        cache string company:{n}:jobs 300
        cache list search:jobs:{n} 300""",
    "task-tracker": """
        cache string task:{n}:html 600
        cache list board:{n}:tasks 600
        cache zset user:{n}:tasks 600""",
    "queueing-theory-wiki": """
        cache string wiki:queue:{n} 600
        cache string wiki:Message_queue 600""",
    "video-streams": """
        cache string stream:{n}:manifest 10
        cache hash streams:live:{n} 30""",
    "stock-tickers": """
        cache string ticker:BULL:{n} 5
        cache string quote:bull-call-spread:{n} 5""",
    "celery-shop": "cache string grocery:celery:{n}:price 600",
    "tag-pages": """
        cache string tag:{n}:html 600
        cache string tags:popular 600
        cache string blog/tag/redis/page/{n} 600""",
    "flags-of-countries": "cache string country:{n}:flag.svg 86400",
    "leaderboards": """
        cache zset leaderboard:daily:{n} 86400
        cache string leaderboard:html:{n} 60""",
    "workers-profiles": "cache string hr:worker:{n} 600",
    "tokens-of-a-blockchain": """
        cache string token:{n}:metadata 600
        cache string nft:{n}:tokens 600""",
    "features-of-products": "cache string product:{n}:features 600",
    "cached-counts": "cache string product:{n}:review_count 600",
    "retry-pages": "cache string status:retry-after:{n} 60",
    "schedules-of-trains": """
        cache string schedule:line-{n} 600
        cache zset departures:{n} 60""",
    "playlists": "cache list playlist:cached:{n} 600",
    "permits-of-a-city": "cache string city:permits:{n} 600",
    "libraries-of-meta": """
        cache hash page:{n}:meta 600
        cache string page:{n}:id 600""",
}


def unsafe(seed: int) -> Sequence[Keyspace]:
    """Those in which something is lost under an allkeys-* policy."""
    return [space(f"second-{name}", text, seed) for name, text in UNSAFE.items()]


def pure_caches(seed: int) -> Sequence[Keyspace]:
    """Those of which every key can be computed again."""
    return [space(f"second-cache-{name}", text, seed) for name, text in PURE.items()]


def space(name: str, text: str, seed: int) -> Keyspace:
    """The keyspace of a table."""

    def build() -> Sequence[Entry]:
        rng = random.Random(f"{seed}:{name}")
        found: dict[bytes, Entry] = {}
        for line in text.strip().split("\n"):
            for entry in _entries(line.strip(), rng):
                found.setdefault(entry.key, entry)
        return list(found.values())

    return Keyspace(name, "By its table.", build)


_MARKS: dict[str, Callable[[random.Random, int], str]] = {
    "{n}": lambda _, number: str(number + 1),
    "{u}": lambda rng, _: uuid(rng),
    "{x}": lambda rng, _: hexes(rng),
    "{h}": lambda rng, _: hexes(rng, 40),
    "{t}": lambda rng, _: token(rng),
    "{T}": lambda rng, _: token(rng, 52).upper(),
    "{s}": lambda rng, _: (
        "Aq" + "".join(c.upper() if rng.random() < 0.5 else c for c in token(rng, 38))
    ),
}


def _entries(line: str, rng: random.Random) -> Sequence[Entry]:
    words = line.split(" ")
    role, kind, *rest = words
    ttl = int(rest.pop()) if len(rest) > 1 and rest[-1].isdecimal() else None
    name = " ".join(rest)
    number = _MANY if any(mark in name for mark in _MARKS) else 1
    found = []
    for n in range(number):
        text = name
        for mark, make in _MARKS.items():
            while mark in text:
                text = text.replace(mark, make(rng, n), 1)
        found.append(_written(_WRITERS[role], kind, text, rng, ttl, is_cache=role == "cache"))
    return found


def _written(
    writer: Writer, kind: str, key: str, rng: random.Random, ttl: int | None, *, is_cache: bool
) -> Entry:
    """A lock, a job and a session are small; a page is not."""
    if kind.startswith("string"):
        size = 900 if kind.endswith("!") or is_cache else _BIG
        return writer.string(key, token(rng, size), ttl)
    if kind == "hash":
        return writer.hash(key, {"a": token(rng, 12), "b": token(rng, _BIG)}, ttl)
    if kind == "list":
        return writer.list(key, [token(rng, _BIG) for _ in range(3)], ttl)
    if kind == "set":
        return writer.set(key, [token(rng) for _ in range(3)], ttl)
    if kind == "zset":
        return writer.zset(key, {token(rng): n for n in range(3)}, ttl)
    return writer.stream(key, [token(rng, _BIG)], ttl=ttl)
