"""How frameworks lay out the keys that must not be evicted or expire. Pure.

Queues, locks, streams, sessions, tag sets, and what else is gone without an error. A name alone is
never enough where a cache could use it too: the type of the key decides with it, for common words
that it has no TTL, and for locks that it is small. Names are matched behind any namespace that
ends with a colon, since most frameworks can be given one. What only the keys beside it tell (jobs
of a queue under a prefix of its own) is in `kin`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Workload(StrEnum):
    """What is lost when a key of a layout is evicted."""

    QUEUE = "queue"
    LOCK = "lock"
    STREAM = "stream"
    SESSION = "session"
    TAG_SET = "tag set"
    DATA = "data"


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
    """One key of a sample. `ttl` in seconds, None without one; `size` in bytes, 0 if unknown."""

    key: bytes
    type: str
    ttl: float | None = None
    size: int = 0


@dataclass(frozen=True)
class Pattern:
    """One kind of key of a layout; `types` empty for any type.

    `lasting`: only where it has no TTL. `most`: only up to so many bytes, 0 for any.
    """

    layout: Layout
    types: frozenset[str]
    name: "re.Pattern[bytes]"
    lasting: bool = False
    most: int = 0

    def matches(self, item: SampledKey) -> bool:
        """Whether a key is one."""
        return (
            (not self.types or item.type in self.types)
            and not (self.lasting and item.ttl is not None)
            and not (self.most and item.size > self.most)
            and self.name.search(item.key) is not None
        )


_START = rb"(?:^|[:}])"
"""The beginning of a name, or of what follows a namespace or a hash tag."""

_WORD = rb"(?:^|[:._/\-{}#|])"
_END = rb"(?:[:._/\-{}#|]|$)"
_LOCK_BYTES = 400
"""A lock holds a token, a host or a date; what is bigger is a page about locks."""

_TOKEN = rb"[A-Za-z0-9._\-]{16,}$"
_FORTY = rb"[A-Za-z0-9]{40}$"
_LARAVELS_LOCKS = rb"(?:^|[:_\-])(?:framework/schedule-|laravel-queue-overlap:)"

_LAYOUTS: dict[str, Layout] = {}


def _of(
    name: str,
    workload: Workload,
    *patterns: tuple[str, bytes],
    lasting: bool = False,
    most: int = 0,
) -> list[Pattern]:
    layout = _LAYOUTS.setdefault(name, Layout(name, workload))
    return [
        Pattern(layout, frozenset(types.split()), re.compile(source, re.DOTALL), lasting, most)
        for types, source in patterns
    ]


_PATTERNS: tuple[Pattern, ...] = tuple(
    pattern
    for patterns in (
        # resque: lib/resque/data_store.rb, resque-scheduler; node-resque, php-resque and Jesque
        _of("Resque", Workload.QUEUE, ("", rb"(?:^|[:.])resque:")),
        # rq: Queue, Job, registries; rq-scheduler
        _of(
            "RQ",
            Workload.QUEUE,
            ("hash list set zset stream", rb"(?:^|[:}])rq:"),
            ("string", rb"^rq:|[:}]rq:[a-z\-]+lock"),
        ),
        # bullmq: src/classes/queue-keys.ts, scripts; bull 3 has the same names
        _of(
            "BullMQ",
            Workload.QUEUE,
            ("string", rb"(?:^|[:_\-])\{?bull(?:mq)?[:}].+:(?:id|pc|limiter|lock|meta-paused)$"),
            ("string", rb"(?:^|[:_\-])\{?bull(?:mq)?[:}].+:(?:de|dedup|debounce):"),
            ("string", rb":(?:stalled-check)$"),
        ),
        _of(
            "BullMQ",
            Workload.QUEUE,
            ("hash list set zset stream", rb"(?:^|[:_\-])\{?bull(?:mq)?[:}]"),
            ("list", rb":(?:wait|active|paused)$"),
            ("zset", rb":(?:delayed|prioritized|priority|waiting-children|marker)$"),
            ("set", rb":(?:stalled)$"),
            lasting=True,
        ),
        # transport/redis.py of kombu, backends/base.py of celery, redbeat
        _of(
            "Celery",
            Workload.QUEUE,
            ("", rb"(?:^|[^A-Za-z0-9])_kombu\."),
            ("hash", rb"(?:^|[:._\-}])unacked$"),
            ("zset", rb"(?:^|[:._\-}])unacked_index$"),
            ("string", rb"(?:^|[:._\-}])unacked_mutex$"),
            ("list", rb"(?:^|[:._\-}])celery(?:$|[:@._\-]|\x06\x16)"),
            ("list", rb"\x06\x16[0-9]+$"),
            ("list", rb"\.pidbox$|(?:^|[:._\-}])celeryev\."),
            ("string list set zset", rb"(?:^|[:}._\-])celery-task(?:set)?-meta-"),
            ("string", rb"(?:^|:)qo_[A-Za-z]|(?:^|:)SINGLETONLOCK_"),
            ("", rb"(?:^|[:}._\-])redbeat:"),
        ),
        # laravel/horizon: RedisJobRepository; illuminate/queue: RedisQueue; think-queue
        _of(
            "Horizon",
            Workload.QUEUE,
            ("hash list set zset", rb"(?:^|[:_\-])horizon:"),
            ("string", rb"[_\-]horizon:|(?:^|:)horizon:(?:last_snapshot_at$|monitor|notification)"),
            ("list zset", rb"(?:^|[:_\-{])queues:"),
            ("string", rb"(?:^|[:_\-])laravel_unique_job:"),
        ),
        # lib/sidekiq: api.rb, client.rb, launcher.rb, metrics; Pro's batches, Enterprise's
        # limiters; sidekiq-cron, -scheduler, -failures, -status, -unique-jobs
        _of(
            "Sidekiq",
            Workload.QUEUE,
            ("string", _START + rb"stat:(?:processed|failed)(?::|$)"),
            ("hash", _START + rb"cron_jobs?:"),
            ("set", _START + rb"cron_jobs$"),
            ("zset list", _START + rb"cron_job:"),
            ("", _START + rb"uniquejobs(?::|$)"),
            ("", rb"(?:^|[:_\-])sidekiq[:_\-|]"),
            ("hash zset set string", _START + rb"BID-|" + _START + rb"b-[A-Za-z0-9_\-]{8,}"),
            ("hash zset set string", rb"^lmtr[-:]|^periodic$|^loops?-|^limiters$"),
        ),
        _of(
            "Sidekiq",
            Workload.QUEUE,
            ("list", _START + rb"queue:"),
            ("set", _START + rb"(?:queues|(?:super_)?processes)$"),
            ("zset", _START + rb"(?:schedule|retry|dead)$"),
            ("zset", rb"^failed$"),
            lasting=True,
        ),
        # storage/redis.go of faktory; its queues are lists of any name
        _of(
            "Faktory",
            Workload.QUEUE,
            ("zset", rb"^(?:scheduled|retries|working)$"),
            ("string", rb"^(?:processed|failures)$"),
        ),
        _of(
            "Dramatiq",
            Workload.QUEUE,
            ("", rb"(?:^|:)dramatiq[:\-]"),
            ("", rb":__acks__\.|:__heartbeats__$"),
            ("list zset", rb":[^:]+\.(?:DQ|XQ)$"),
        ),
        _of("Dramatiq", Workload.QUEUE, ("hash", rb":[^:]+\.msgs$"), lasting=True),
        _of(
            "Huey",
            Workload.QUEUE,
            ("", rb"(?:^|:)huey\.(?:redis|schedule|results?|r|queue|lock|tasks?)\."),
        ),
        _of(
            "arq",
            Workload.QUEUE,
            ("", rb"(?:^|:)arq:(?:queue|job|result|in-progress|retry|abort|health-check|cron)"),
        ),
        _of("Asynq", Workload.QUEUE, ("", rb"(?:^|:)asynq:")),
        _of("Bee-Queue", Workload.QUEUE, ("", rb"^bq:")),
        _of("RSMQ", Workload.QUEUE, ("", rb"(?:^|:)rsmq:")),
        _of("Hangfire", Workload.QUEUE, ("", rb"(?:^|:)\{?hangfire(?:[:}\-]|$)")),
        _of("Kue", Workload.QUEUE, ("", rb"^\{?q\}?:(?:jobs?|ids)(?::|$)")),
        _of("Symfony Messenger", Workload.QUEUE, ("zset", rb"__queue$")),
        # work by gocraft (Harbor), machinery, rmq, saq, tasktiger, django-q, Channels,
        # APScheduler, scrapy-redis, Exq, Quartz, JobRunr, Conductor, yii2-queue, message_bus
        # and mini_scheduler (Discourse), taskiq and its schedules, Drupal's queues, qless, rpush,
        # taskq, Sentry's buffers, Logstash and the Beats, the logs of GitLab's running jobs
        _of(
            "job libraries",
            Workload.QUEUE,
            ("set", _START + rb"(?:known_jobs|worker_pools)$"),
            ("hash", _START + rb"worker_pools:"),
            ("", rb"(?:^|:)(?:machinery_tasks|delayed_tasks)$"),
            ("string", rb"^(?:task|group|chord)_[0-9a-f\-]{36}$"),
            ("", rb"^rmq::"),
            ("", rb"(?:^|:)s(?:tre)?aq:"),
            (
                "",
                rb"(?:^|:)t:(?:queued|active|scheduled|error|task|lock|qlock|queue_config)(?::|$)",
            ),
            ("", rb"(?:^|:)django[_\-]q:"),
            ("", rb"(?:^|:)asgi:"),
            ("", rb"(?:^|:)apscheduler\.|(?:^|:)apscheduler:"),
            ("set zset list", rb":(?:dupefilter|start_urls)$"),
            ("", rb"(?:^|:)exq:"),
            ("", rb"(?:^|[:_\-{])(?:jobrunr|conductor_queues|taskiq)[:}._]"),
            ("", rb"(?:^|[:.])queue\.(?:messages|waiting|reserved|delayed|attempts|message_id)$"),
            ("", rb"(?:^|:)__mb_|(?:^|:)_scheduler_"),
            ("list", rb"(?:^|:)taskiq$|(?:^|:)schedule:(?:cron|time:[0-9\-]{10}T[0-9:]{5})$"),
            ("", rb"(?:^|:)drupal:queue:"),
            ("hash", rb"^b:k:"),
            ("zset", rb"^b:p(?::[0-9]+)?$"),
            ("", rb"^ql:(?:[jqrstw]:|config$|queues$|workers$)|(?:^|:)rpush:|(?:^|:)taskq:\{"),
            ("zset", rb"(?:^|:)(?:waiting|acquired|blocked|paused|error)_triggers$"),
            ("list", rb"^(?:logstash|[a-z]+beat)(?:[:._\-]|$)"),
            ("string", rb"^gitlab:ci:trace:"),
        ),
        _of(
            "job libraries",
            Workload.QUEUE,
            ("string", rb"(?:^|:)schedule:data:[0-9a-f]{32}$"),
            ("", rb"(?:^|[:_\-{])(?:quartz|qrtz|conductor|mrq|tiger)[:}._]"),
            lasting=True,
        ),
        # redisson: RedissonLock, RedissonFairLock, RedissonDelayedQueue, RedissonSemaphore,
        # RedissonRateLimiter, RedissonExecutorService; of its map caches, what keeps their times
        _of(
            "Redisson",
            Workload.LOCK,
            ("", rb"(?:^|:)redisson_(?:lock|rw|unlock|semaphore|fair|spin|count|delay|queue)"),
            ("", rb"(?:^|:)redisson_(?:options|rate|permit|tx|transaction|executor)"),
            ("", rb"\{[^}]+\}:(?:permits|tasks|counter|retry-interval|expiration)$"),
            ("", rb"org\.redisson\."),
            ("zset hash", rb":rwlock_timeout|:rw_?lock"),
            ("hash", rb"(?:^|[a-z])Lock(?:$|[:._/\-{])"),
        ),
        _of("Redisson", Workload.LOCK, ("", rb"\{[^}]+\}:(?:value|config)$"), lasting=True),
        # tag sets: symfony/cache AbstractTagAwareAdapter (Shopware uses it); Cm_Cache_Backend_Redis
        # (Magento, OpenMage); Laravel's RedisTaggedCache and its older reference sets; Drupal;
        # TYPO3's RedisBackend; the shared tags of Next.js' cache handlers; HybridCache and
        # FusionCache; Nette's journal; the sets of keys of older Spring caches
        _of("Symfony tags", Workload.TAG_SET, ("set", rb"[\x00\x01]tags[\x00\x01]")),
        _of(
            "Shopware tags",
            Workload.TAG_SET,
            ("set", rb"(?:^|[:_])(?:sw|http-cache|cache)[-_]tags?[:_\-]"),
        ),
        _of("Magento tags", Workload.TAG_SET, ("set", rb"(?:^|[:_])zc:(?:ti:|tags$|ids$)")),
        _of(
            "Laravel tags",
            Workload.TAG_SET,
            ("zset", rb"(?:^|[:_])tag:.+:entries$"),
            ("set", rb":(?:standard|forever)_ref$"),
            ("string", rb"(?:^|[:_])tag:.+:key$"),
        ),
        _of("Drupal tags", Workload.TAG_SET, ("string", rb"(?:^|:)cachetags:")),
        _of("cacheops", Workload.TAG_SET, ("set", rb"(?:^|:)(?:conj|schemes):")),
        _of(
            "tag sets",
            Workload.TAG_SET,
            ("set", rb"(?:^|:)(?:tagIdents|identTags):"),
            ("hash", rb"__(?:shared|revalidated)_?[Tt]ags(?:Ttl)?__$"),
            ("", rb"__MSFT_HCT__|(?:^|:)__fc:t:"),
            ("set zset", rb"(?:^|:)Nette\.Journal:"),
            ("zset", rb"~keys$"),
        ),
        _of(
            "tag sets",
            Workload.TAG_SET,
            ("set", rb"(?:^|[:_\-])(?:cache)?tags?:."),
            ("zset", rb"(?:^|[:_\-])tags?:[^:]+$"),
            lasting=True,
        ),
        # spring-session: RedisIndexedSessionRepository, its namespace may differ
        _of(
            "Spring Session",
            Workload.SESSION,
            ("", rb"(?:^|:)spring:session:"),
            ("hash string", rb":sessions:(?:expires:)?[0-9a-fA-F\-]{36}$"),
            ("set", rb":index:org\.springframework\.session\."),
            ("set zset", rb":sessions:expirations|:expirations:[0-9]{13}$"),
        ),
        # those of cached_db are in the database, too
        _of(
            "Django sessions", Workload.SESSION, ("", rb"django\.contrib\.sessions\.cache(?!d_db)")
        ),
        _of("Rails sessions", Workload.SESSION, ("", rb"(?:^|:)_session_id:|(?:^|:)rack:session:")),
        _of(
            "PHP sessions",
            Workload.SESSION,
            ("", rb"(?:^|:)PHPREDIS_SESSION|^(?:sess_|sf_s)[A-Za-z0-9,\-]{20,}$|_session:"),
        ),
        # Illuminate's session store: forty letters of both cases, which no hash has
        _of(
            "Laravel sessions",
            Workload.SESSION,
            (
                "string",
                rb"(?:^|[:_\-])(?=[^:_\-]*[A-Z])(?=[^:_\-]*[g-z])(?!.*[0-9a-f]{32}$)" + _FORTY,
            ),
        ),
        _of("Tomcat sessions", Workload.SESSION, ("", rb"(?:^|:)redisson[:_]tomcat_session")),
        # classic ASP.NET's provider, and the keys that protect cookies of ASP.NET Core
        _of(
            "ASPNET sessions",
            Workload.SESSION,
            ("", rb"\}_(?:Data|Internal|Write_Lock)$"),
            ("list", rb"DataProtection-Keys$"),
        ),
        _of(
            "sessions",
            Workload.SESSION,
            ("string hash", rb"(?:^|[:._/\-{])(?i:(?:user[-_]?)?sess(?:ion)?s?)[:}]"),
            ("string hash", rb"(?:^|[:._/\-{])sess(?:ion)?s?/[A-Za-z0-9_\-]{16,}$"),
            ("string hash", rb"(?:^|:)sid:[A-Za-z0-9_\-]{16,}$|_oauth2_proxy-[0-9a-f]{16,}"),
            ("string hash", rb"(?:^|:)(?:user|account|member|customer)s?:[^:]+:sess(?:ion)?s?$"),
            (
                "string hash",
                rb"(?i:(?:^|[:._/\-])(?:[a-z]+_)?(?:star)?sessions?[_\-.])[A-Za-z0-9\-]{20,}$",
            ),
            ("", rb"(?:^|:)(?:satoken|CAS_TICKET):"),
            (
                "",
                rb"(?:^|:)[a-z\-]*oidc:(?:[A-Z][A-Za-z]+|grant|uid|userCode|session|state|nonce):",
            ),
            (
                "string hash set",
                _WORD + rb"(?i:(?:access|refresh|auth|oauth2?|remember(?:-?me)?|reset|verification|"
                rb"verify|csrf|jwt|login)[-_:]?tokens?|(?:jwt|tokens?)[:_\-](?:black|deny)list|"
                rb"(?:black|deny)list[:_\-](?:jwt|tokens?))" + _END,
            ),
            (
                "string hash set",
                rb"(?:^|:)(?:access|auth|refresh|refresh_auth|[a-z_]+_to_(?:access|refresh)):"
                + _TOKEN,
            ),
        ),
        _of(
            "sessions",
            Workload.SESSION,
            ("hash", rb"(?:^|:)(?:cart|basket)s?[:\-]"),
            ("set", rb"(?:^|:)(?:user[-_])?sess(?:ion)?s?:"),
            lasting=True,
        ),
        # what a user was sent, or is halfway through
        _of(
            "sessions",
            Workload.SESSION,
            (
                "string hash",
                _WORD + rb"(?i:otps?|2fa|mfa|magic[-_]?links?|password[-_]?resets?|"
                rb"oauth2?[:_\-]states?|[cx]srf|(?:sms|verif(?:y|ication))[-_]?codes?)" + _END,
            ),
            most=_LOCK_BYTES,
        ),
        # locks by their names: node-redlock and redlock-py leave the name to the caller
        _of(
            "Redlock",
            Workload.LOCK,
            (
                "string hash zset",
                _WORD + rb"(?i:(?:red|rw?|d|job|shed|dist)?[-_]?lock(?:s|er)?)" + _END,
            ),
            ("string", rb"(?:^|:)locked:|:locked$"),
            ("string hash", rb"[a-z](?:Lock|Mutex|Semaphore)(?:$|[:._/\-{])"),
            ("string hash", rb"(?:^|[:._/\-])lock(?:files)?/"),
            ("", _WORD + rb"(?i:mutex(?:es)?|semaphores?)" + _END),
            ("string hash", _WORD + rb"(?i:exclusive_)?(?i:lease)s?" + _END),
            (
                "string hash",
                _WORD
                + rb"(?:leader[-_:]?(?:election|ship|elect)?|dear-leader|singleton)(?:[:/]|$)",
            ),
            (
                "string hash set",
                _WORD + rb"(?i:idempoten(?:t|cy)(?:[-_]keys?)?|dedup(?:e|lication)?|"
                rb"processed[:_\-](?:events?|messages?|webhooks?))" + _END,
            ),
            ("list", rb"(?:^|:)lock-signal:"),
            ("string", rb"(?:^|:)activejob_uniqueness:"),
            most=_LOCK_BYTES,
        ),
        # Laravel keeps its locks in its cache, all of them
        _of("Laravel locks", Workload.LOCK, ("string", _LARAVELS_LOCKS)),
        # what is counted or switched in Redis alone
        _of(
            "counters",
            Workload.DATA,
            (
                "string hash",
                _WORD + rb"(?i:counters?|hll|hyperloglogs?|bitmaps?|bloom|sequences?|seq|nextid|"
                rb"next[-_]id|number[-_]range|[dwm]au|unique[-_](?:visitors|users)|uniques|"
                rb"(?:daily|weekly|monthly)[-_]active(?:[-_]users)?|quotas?|balances?|"
                rb"(?:page|post|article|video)[-_]?views|views?[-_]?counts?|impressions|clicks|"
                rb"visits)" + _END,
            ),
            lasting=True,
        ),
        _of(
            "Mastodon feeds",
            Workload.DATA,
            ("zset set", rb"(?:^|:)feed:(?:home|list):[0-9]+(?::|$)"),
            lasting=True,
        ),
        # the ids of a repository's entities, by what their fields hold
        _of("Spring Data", Workload.DATA, ("set", rb":.+:idx$"), ("hash", rb":.+:phantom$")),
        _of(
            "feature flags",
            Workload.DATA,
            (
                "string hash set",
                _WORD + rb"(?i:feature[-_]?(?:flags?|toggles?|switch(?:es)?)|flags|toggles|flipper|"
                rb"unleash|togglz|launchdarkly|growthbook|flagsmith|constance)" + _END,
            ),
            ("set hash", rb"^flipper_features$"),
            ("string hash", rb"(?:^|:)features?:[^:]+$"),
            lasting=True,
        ),
        # any list or sorted set that is named as a queue
        _of(
            "queues",
            Workload.QUEUE,
            (
                "list zset",
                _WORD + rb"(?i:(?:[a-z]+[-_])?(?:queues?|jobs?|dlq|dead[-_]?letters?|backlog|tasks|"
                rb"outbox|inbox|pending|processing|in[-_]?flight|retry|retries|scheduled|delayed|"
                rb"failed|unacked|todo|mailbox|work))" + _END,
            ),
            ("set hash", _WORD + rb"(?i:queues?)" + _END),
            ("list zset", rb"(?i:queue)"),
            lasting=True,
        ),
    )
    for pattern in patterns
)

STREAMS = _LAYOUTS["streams"] = Layout("streams", Workload.STREAM)
_CACHES_OWN = re.compile(rb"(?:^|[:._/\-{}#|])(?:cached?(?:[:._/\-{}#|]|$)|views/)", re.IGNORECASE)
_LARAVEL = re.compile(rb"_cache_:|[_\-]database[_\-].*[_\-]cache[_\-]")
"""What comes before the name in Laravel's cache, and before that of an application's lock, too."""

_MAY_GO_WITH_A_CACHE = ("Redlock", "counters")

LAYOUTS = _LAYOUTS
NAMES: tuple[str, ...] = tuple(_LAYOUTS)
"""Every layout, by the name that acknowledges it."""

_TOKENS = (
    b"resque", b"rq:", b"bull", b":wait", b":active", b":paused", b":delayed", b":priorit",
    b":marker", b":stalled", b"_kombu", b"unacked", b"celery", b"pidbox", b"redbeat", b"horizon",
    b"queue", b"process", b"schedule", b"retr", b"dead", b"stat:", b"cron_job", b"uniquejobs",
    b"bid-", b"dramatiq", b"huey", b"asynq", b"bq:", b"rsmq", b"hangfire", b":ids", b"}:ids",
    b"redisson", b"lock", b"tag", b"zc:", b"_ref", b"conj:", b"schemes:", b"sess", b"mutex",
    b"leader", b"job", b"dlq", b"backlog", b"work", b"fail", b"sidekiq", b"lmtr", b"periodic",
    b"loop", b"limiters", b"machinery", b"delayed_tasks", b"task", b"group_", b"chord_", b"rmq",
    b"saq", b"streaq", b"t:a", b"t:s", b"t:e", b"t:t", b"t:l", b"t:q", b"django", b"asgi:",
    b"apscheduler", b":dupefilter", b":start_urls", b"exq", b"quartz", b"conductor", b"tiger",
    b"__mb_", b":permits", b":value", b":config", b"expiration", b"__shared", b"__revalidated",
    b"__msft", b"~keys", b":expirations", b"}_d", b"}_i", b"}_w", b"dataprotection", b"satoken",
    b"cas_ticket", b"oidc", b"token", b"list", b"access:", b"auth:", b"refresh:", b"to_access:",
    b"refresh_auth:", b"to_refresh:", b"cart", b"basket", b"semaphore", b"lease", b"singleton",
    b"idempoten", b"dedup", b"count", b"hll", b"hyperlog", b"bitmap", b"bloom", b"seq", b"next",
    b"number", b"dau", b"wau", b"mau", b"unique", b"quota", b"balance", b"feature", b"flag",
    b"toggle", b"flipper", b"unleash", b"togglz", b"launchdarkly", b"growthbook", b"constance",
    b"outbox", b"inbox", b"pending", b"flight", b"todo", b"mailbox", b"sf_s", b":__", b".dq",
    b".xq", b".msgs", b"otp", b"2fa", b"mfa", b"magic", b"password", b"oauth", b"code", b"view",
    b"impression", b"click", b"visit", b"feed:", b":idx", b":phantom", b"qo_", b"qrtz", b"mrq",
    b"beat", b"logstash", b"ql:", b"rpush:", b"trigger", b":trace:", b"__fc:", b"nette.", b"sid:",
    b"csrf", b"xsrf",
)  # fmt: skip
"""One of them is in the name of any key that a layout knows, but for `_ELSE`."""

_BY_THREES = frozenset(token[:3] for token in _TOKENS)
_ELSE = re.compile(rb"\x06\x16|(?:^|[:}])b-|^b:[kp]|(?:^|[:_\-])[A-Za-z0-9]{40}$")


def layout_of(
    key: bytes,
    type: str,  # noqa: A002 - Redis' own word
    ttl: float | None = None,
    size: int = 0,
) -> Layout | None:
    """The layout that a key of that type belongs to; None for what may be a cache's.

    A lock inside a cache's own namespace guards a recomputation, and may go with its cache, but for
    Laravel's, whose locks are all there.
    """
    if type == "stream":
        return _named(SampledKey(key, type, ttl, size)) or STREAMS
    return _named(SampledKey(key, type, ttl, size)) if _is_suspect(key) else None


def may_belong(key: bytes) -> bool:
    """Whether a key's name alone could be one of a layout: worth asking for its type."""
    return _is_suspect(key) and any(pattern.name.search(key) for pattern in _PATTERNS)


def _is_suspect(key: bytes) -> bool:
    """Cheap, and true of all keys that a pattern matches: the patterns are slow."""
    lowered = key.lower()
    threes = [lowered[n : n + 3] for n in range(len(lowered) - 2)]
    if not _BY_THREES.isdisjoint(threes) and any(token in lowered for token in _TOKENS):
        return True
    return _ELSE.search(key) is not None


def _named(item: SampledKey) -> Layout | None:
    for pattern in _PATTERNS:
        if pattern.matches(item):
            if _goes_with_a_cache(item.key, pattern.layout.name):
                continue
            return pattern.layout
    return None


def _goes_with_a_cache(key: bytes, layout: str) -> bool:
    if layout not in _MAY_GO_WITH_A_CACHE or _CACHES_OWN.search(key) is None:
        return False
    return layout != "Redlock" or _LARAVEL.search(key) is None
