"""CacheTuning: analysis, eviction policy and default TTL of a Redis server."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from setpoint.api.alerts import Alerts, RuleName, rules_of_kind
from setpoint.api.base import ATOMIC, Model, SecretRef, cel, validations
from setpoint.api.common import CommonSpec, CommonStatus
from setpoint.api.crd import Column, Names
from setpoint.api.elasticache import ElastiCache, ElastiCacheStatus
from setpoint.api.ignore import Ignore
from setpoint.api.types import Duration, Percent, duration_up_to
from setpoint.api.window import MaintenanceWindow

GlobPattern = Annotated[str, Field(min_length=1, max_length=256)]
"""A pattern of Redis keys, as SCAN's MATCH takes it."""


_SIZE = re.compile(r"([1-9][0-9]{0,8})(Ki|Mi|Gi|Ti)")
_UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}
SIZE_PATTERN = r"^[1-9][0-9]{0,8}(Ki|Mi|Gi|Ti)$"


def parse_size(value: object) -> int:
    """`2Gi` → bytes. Raises ValueError for anything that is no size's text."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("write a size in Ki, Mi, Gi or Ti, such as 512Mi")
    return int(match[1]) * _UNITS[match[2]]


def format_size(value: int) -> str:
    """Bytes → the shortest text that `parse_size` reads back."""
    unit = next(unit for unit in ("Ti", "Gi", "Mi", "Ki") if value % _UNITS[unit] == 0)
    return f"{value // _UNITS[unit]}{unit}"


MemorySize = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": SIZE_PATTERN, "maxLength": 16, "example": "512Mi"}
    ),
]
"""An amount of memory, `512Mi`; in Python an int of bytes."""


class RedisServer(Model):
    """The Redis server."""

    secret_ref: SecretRef
    """Secret with the key url, or with host, port, username, password, ca.crt; with the key
    sentinels (host:port, with commas) and master-name, the primary is asked of Sentinel."""

    memory_limit: MemorySize | None = None
    """Memory limit of each server's container: Redis itself cannot tell it. Memory usage is
    measured against it where maxmemory is not set."""


class MaxmemoryPolicy(StrEnum):
    """Redis's eviction policies, by Redis's own names."""

    NOEVICTION = "noeviction"
    ALLKEYS_LRU = "allkeys-lru"
    ALLKEYS_LFU = "allkeys-lfu"
    ALLKEYS_RANDOM = "allkeys-random"
    VOLATILE_LRU = "volatile-lru"
    VOLATILE_LFU = "volatile-lfu"
    VOLATILE_RANDOM = "volatile-random"
    VOLATILE_TTL = "volatile-ttl"


LayoutName = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[A-Za-z][A-Za-z -]*$")]


class CacheConfig(Model):
    """Settings of the server. What is not set is left alone."""

    maxmemory_policy: MaxmemoryPolicy | None = None
    """What Redis evicts when maxmemory is reached. An allkeys-* policy deletes any key, also a
    job of a queue: a change to it waits for approval, and is refused where there are such keys."""

    maxmemory: MemorySize | None = None
    """The memory at which Redis evicts, or refuses writes."""

    maxmemory_samples: Annotated[int, Field(ge=1, le=64)] | None = None
    """Keys that are compared for each eviction: more is nearer to true LRU, and slower."""

    lfu_decay_time: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Minutes after which the counter of an LFU policy is lowered."""

    lfu_log_factor: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """How slowly the counter of an LFU policy rises."""

    active_expire_effort: Annotated[int, Field(ge=1, le=10)] | None = None
    """How hard Redis looks for expired keys."""

    activedefrag: bool | None = None
    """Whether Redis defragments its memory while it runs."""

    lazyfree_lazy_eviction: bool | None = None
    """Whether evicted keys are freed in the background."""

    lazyfree_lazy_expire: bool | None = None
    """Whether expired keys are freed in the background."""

    lazyfree_lazy_server_del: bool | None = None
    """Whether overwritten keys are freed in the background."""

    lazyfree_lazy_user_del: bool | None = None
    """Whether DEL frees in the background, as UNLINK does."""

    latency_monitor_threshold: Annotated[int, Field(ge=0, le=3_600_000)] | None = None
    """Milliseconds from which events are noted for LATENCY; 0 notes none."""

    slowlog_log_slower_than: Annotated[int, Field(ge=-1, le=3_600_000_000)] | None = None
    """Microseconds from which commands go to the slow log; -1 for none."""

    slowlog_max_len: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """Commands that the slow log keeps."""

    timeout: Annotated[int, Field(ge=0, le=31_536_000)] | None = None
    """Seconds after which an idle client's connection is closed; 0 for never."""

    tcp_keepalive: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """Seconds between probes of idle connections."""

    rewrite: bool = False
    """Also writes the settings to the server's configuration file (CONFIG REWRITE). Without it,
    they are set again after a restart."""

    acknowledge: Annotated[
        list[LayoutName],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Names of layouts whose keys may be evicted, such as Sidekiq or sessions, as the refusal of a
    policy names them; "unseen keys" where there is no spec.redis to look at the keys."""

    def settings(self) -> dict[str, str]:
        """What is set, by Redis' own names and in Redis' own words."""
        found = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name in ("rewrite", "acknowledge") or value is None:
                continue
            text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
            found[name.replace("_", "-")] = text
        return found


class KeyType(StrEnum):
    """Types of keys that may be given a TTL."""

    STRING = "string"
    HASH = "hash"
    LIST = "list"
    SET = "set"
    ZSET = "zset"
    STREAM = "stream"


class SweepEffect(StrEnum):
    """Effects of repeated sweeps that a user may accept."""

    RESETS_IDLE_TIME = "ResetsIdleTime"


class DefaultTTL(Model):
    """A TTL for keys that have none."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "duration(self.ttl) >= duration('1m')",
                "defaultTTL.ttl must be at least 1m: keys that expire are gone",
            ),
            cel(
                "!has(self.every) || duration(self.every) >= duration('1h')",
                "defaultTTL.every must be at least 1h: a pass reads every key",
            ),
        )
    )

    ttl: Duration
    """The TTL given to keys that have none; a TTL that the application set is never changed."""

    jitter: Annotated[
        Percent,
        Field(
            json_schema_extra=validations(
                cel(
                    "double(self.replace('%', '')) <= 50.0",
                    "defaultTTL.jitter must be at most 50%",
                )
            )
        ),
    ] = 10.0
    """Least spread of the TTLs around ttl. It grows with the number of keys, so that they expire at
    2,000 a second at most; TTLs become longer for it, up to twice ttl."""

    include: Annotated[
        list[GlobPattern],
        Field(min_length=1, max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """Patterns of the keys that may be given a TTL. "*" must be written to mean all."""

    exclude: Annotated[
        list[GlobPattern],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Patterns of the keys that never are; they win over include."""

    types: Annotated[
        list[KeyType],
        Field(min_length=1, max_length=6, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = [KeyType.STRING, KeyType.HASH]
    """Types of the keys that may be given a TTL. Lists, sets, sorted sets and streams are often
    queues, locks or indexes: name them only if you know better."""

    max_keys_per_second: Annotated[int, Field(ge=100, le=1_000_000)] = 75_000
    """Upper limit of the speed. It goes slower by itself where the server is busy."""

    every: Duration | None = None
    """How often the keys are looked through. Without it, after each ttl, but at least 1h."""

    window: MaintenanceWindow | None = None
    """When keys may be given TTLs; without it, at any time. A pass that is not done when the window
    closes goes on in the next one."""

    acknowledge: Annotated[
        list[SweepEffect],
        Field(max_length=1, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Effects that are accepted. ResetsIdleTime: before Redis 7.2, and in a cluster before 8.4,
    each pass makes every key that it looks at seem freshly used, so with an LRU or LFU policy it is
    not repeated without this."""


class Sizing(Model):
    """Measuring the hit rate that the cache would have with less memory."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "duration(self.every) >= duration('1h')",
                "sizing.every must be at least 1h: a measurement asks many keys many times",
            ),
            cel(
                "duration(self.duration) >= duration('1m') && "
                "duration(self.duration) <= duration('6h')",
                "sizing.duration must be between 1m and 6h",
            ),
        )
    )

    every: Duration = timedelta(hours=24)
    """How often it is measured."""

    duration: Annotated[Duration, duration_up_to("6h")] = timedelta(minutes=10)
    """How long one measurement lasts. Only reuses within it are seen: choose longer than the time
    in which a key is typically used again."""


class CacheThresholds(Model):
    """Values at which an alert fires."""

    hit_rate: Percent = 80.0
    """The alert fires when the hit rate is below this."""

    memory_usage: Percent = 80.0
    """The alert fires when memory usage is above this."""


class CacheAlerts(Alerts):
    """When to alert, and where to."""

    model_config = ConfigDict(
        json_schema_extra=rules_of_kind(RuleName.HIT_RATE, RuleName.MEMORY_USAGE)
    )

    thresholds: CacheThresholds = CacheThresholds()
    """Values at which an alert fires."""


def _no_settings() -> str:
    """CEL: spec.config sets nothing."""
    names = [name for name in CacheConfig.model_fields if name not in ("rewrite", "acknowledge")]
    return " && ".join(f"!has(self.config.{to_camel(name)})" for name in names)


class CacheTuningSpec(CommonSpec):
    """What the cache should be, and what to look at."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("has(self.redis) || has(self.elastiCache)", "set redis, elastiCache or both"),
            cel(
                "has(self.redis) || !has(self.sizing)",
                "sizing needs redis: only a connection can ask the keys",
            ),
            cel(
                "has(self.redis) || !has(self.defaultTTL)",
                "defaultTTL needs redis: only a connection can look through the keys",
            ),
            cel(
                "!has(self.elastiCache) || !has(self.config) || !has(self.config.maxmemory)",
                "config.maxmemory cannot be set on ElastiCache: it follows from the node type and "
                "reserved-memory-percent",
            ),
            cel(
                "!has(self.elastiCache) || !has(self.config) || !has(self.config.rewrite) || "
                "!self.config.rewrite",
                "config.rewrite has no meaning on ElastiCache: its parameter group keeps settings",
            ),
            cel(
                "!has(self.elastiCache) || !has(self.redis) || !has(self.redis.memoryLimit)",
                "redis.memoryLimit is that of a container; the memory of ElastiCache's nodes is "
                "known",
            ),
            cel(
                "!has(self.elastiCache) || !has(self.elastiCache.serverlessCache) || "
                f"!has(self.config) || ({_no_settings()})",
                "config cannot be set on a serverless cache: AWS lets nobody change its settings",
            ),
        )
    )

    redis: RedisServer | None = None
    """A Redis server, a cluster, or what Sentinel watches. With elastiCache, its endpoint: what the
    keys are can be seen there only."""

    elasti_cache: ElastiCache | None = None
    """A cache of ElastiCache: its metrics of CloudWatch are read, and config goes to its parameter
    group instead of CONFIG SET, which ElastiCache refuses."""

    config: CacheConfig = CacheConfig()
    """Settings of the server."""

    ignore: Annotated[list[Ignore], Field(max_length=100, json_schema_extra=ATOMIC)] = []
    """Findings that are not wanted."""

    default_ttl: DefaultTTL | None = Field(default=None, alias="defaultTTL")
    """A TTL for keys that have none."""

    sizing: Sizing | None = None
    """Tells the hit rate at smaller sizes of memory. It asks a sample of the keys, at most 32,768,
    for their idle times, 200 times in all."""

    alerts: CacheAlerts = CacheAlerts()
    """When to alert, and where to."""

    @property
    def memory_limit(self) -> int | None:
        """Bytes that a server's container may have, where they are known."""
        return self.redis.memory_limit if self.redis is not None else None


class AnalysisState(StrEnum):
    """Whether a rate over the window is known."""

    OK = "OK"
    COLLECTING = "Collecting"
    NO_TRAFFIC = "NoTraffic"
    TOO_FEW_LOOKUPS = "TooFewLookups"


class ConfigSource(StrEnum):
    """Where settings are kept: what is kept at run time only is lost at a restart."""

    RUNTIME = "Runtime"
    FILE = "File"
    PARAMETER_GROUP = "ParameterGroup"


class CacheStatus(Model):
    """What was measured; written when it moves much. The live values are in Prometheus."""

    state: AnalysisState
    """OK; Collecting until two samples are there; NoTraffic without lookups in the window;
    TooFewLookups with fewer than 100."""

    hit_rate: Annotated[str, Field(max_length=16)] | None = None
    """Share of lookups in the window that found their key."""

    miss_rate: Annotated[str, Field(max_length=16)] | None = None
    """Share of lookups in the window that did not."""

    memory_usage: Annotated[str, Field(max_length=16)] | None = None
    """Used memory in percent of maxmemory, or of the machine's memory where maxmemory is 0."""

    memory_limit: Annotated[str, Field(max_length=64)] | None = None
    """What memory usage is measured against."""

    maxmemory_policy: Annotated[str, Field(max_length=32)] | None = None
    """The eviction policy in force."""

    nodes: int | None = None
    """Servers that were seen."""

    keys_without_ttl: Annotated[str, Field(max_length=16)] | None = None
    """Share of the keys that have no TTL."""

    bytes_without_ttl: Annotated[str, Field(max_length=16)] | None = None
    """Share of the keys' memory that has no TTL, by a sample."""

    config_source: ConfigSource | None = None
    """Where spec.config's settings are kept."""


class SweepPhase(StrEnum):
    """State of the default TTL's sweep over the keys."""

    PENDING = "Pending"
    RUNNING = "Running"
    DONE = "Done"


class PrefixCount(Model):
    """Keys of one prefix."""

    prefix: Annotated[str, Field(max_length=64)]
    """The keys' name up to its first colon; empty for those without one."""

    keys: int
    """How many."""


class PreviewRow(Model):
    """What a sweep would do to the keys of one prefix and type, by a sample of them."""

    prefix: Annotated[str, Field(max_length=64)]
    """The keys' name up to its first colon; empty for those without one."""

    type: Annotated[str, Field(max_length=32)]
    """Redis' type."""

    keys: int
    """How many there are."""

    without_ttl: Annotated[int, Field(alias="withoutTTL")]
    """How many would be given a TTL."""

    protected: int
    """How many would be left alone because they look like queues, locks and the like."""


class SweepStatus(Model):
    """The default TTL's sweep over the keys."""

    phase: SweepPhase
    """Pending, Running or Done."""

    scanned: int = 0
    """Keys seen in this pass."""

    changed: int = 0
    """Keys given a TTL in this pass."""

    protected: int = 0
    """Keys left alone because they look like queues, locks, sessions and the like."""

    refused: int = 0
    """Keys that Redis does not let this user change."""

    passes: int = 0
    """Passes that ended, with these settings."""

    paused: Annotated[str, Field(max_length=128)] = ""
    """Why it waits, if it does."""

    producers: Annotated[list[PrefixCount], Field(max_length=20, json_schema_extra=ATOMIC)] = []
    """Prefixes whose keys were given a TTL in this pass, the most first. In a later pass, these are
    what keeps producing keys without TTL: the application should set one there."""

    preview: Annotated[list[PreviewRow], Field(max_length=20, json_schema_extra=ATOMIC)] = []
    """What a sweep that waits for approval would do, those with the most keys to change first."""

    cursor: Annotated[str, Field(max_length=256)] = ""
    """Where to go on: the run id, the database, Redis's cursor, and the type of key."""

    completed_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When the last pass ended."""

    digest: Annotated[str, Field(max_length=64)] = ""
    """Names the settings of the pass: other settings begin a new one."""

    summary: Annotated[str, Field(max_length=64)] = ""
    """State in short: done 1.2M."""


class SizePoint(Model):
    """The hit rate at one size."""

    memory: Annotated[str, Field(max_length=32)]
    """Memory of so many keys of average size."""

    keys: int
    """Keys that fit in."""

    hit_rate: Annotated[str, Field(max_length=16)]
    """Share of the look-ups that would find their key."""

    error: Annotated[str, Field(max_length=16)]
    """Twice its standard error, in percentage points."""


class SizingStatus(Model):
    """The hit rate at smaller sizes, as measured last."""

    measured_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When the measurement ended."""

    points: Annotated[list[SizePoint], Field(max_length=10, json_schema_extra=ATOMIC)] = []
    """From small to the present size. A larger one is unknown: what was evicted is not seen."""

    unknown: Annotated[str, Field(max_length=128)] = ""
    """Why nothing can be told, if so."""


class CacheBaseline(Model):
    """Keys without a TTL at an earlier time: their growth over a day or two is reckoned from it,
    also after a restart."""

    taken_at: Annotated[str, Field(max_length=64)]
    """When they were counted."""

    keys: int
    """How many keys had no TTL."""

    prefixes: Annotated[list[PrefixCount], Field(max_length=20, json_schema_extra=ATOMIC)] = []
    """About how many of each prefix, by a sample; those with the most."""


class CacheTuningStatus(CommonStatus):
    """What the cache is, and what was found."""

    server_version: Annotated[str, Field(max_length=64)] | None = None
    """Version of the server."""

    cache: CacheStatus | None = None
    """What was measured."""

    elasti_cache: ElastiCacheStatus | None = None
    """The cache as AWS describes it."""

    sweep: SweepStatus | None = None
    """The default TTL's sweep over the keys."""

    sizing: SizingStatus | None = None
    """The hit rate at smaller sizes."""

    baseline: CacheBaseline | None = None
    """An earlier count of keys without a TTL."""


class CacheTuning(Model):
    """CacheTuning analyses Redis or ElastiCache, and keeps eviction policy and TTLs as declared."""

    names: ClassVar[Names] = Names("CacheTuning", "cachetunings", "cachetuning", ("ct",))
    columns: ClassVar[tuple[Column, ...]] = (
        Column("Hit-Rate", ".status.cache.hitRate"),
        Column("Memory", ".status.cache.memoryUsage"),
        Column("Policy", ".status.cache.maxmemoryPolicy"),
        Column("Sweep", ".status.sweep.summary"),
        Column("Findings", ".status.findings.summary"),
    )

    spec: CacheTuningSpec
    status: CacheTuningStatus = CacheTuningStatus()
