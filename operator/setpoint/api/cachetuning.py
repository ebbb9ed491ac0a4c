"""CacheTuning: analysis, eviction policy and default TTL of a Redis server."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from setpoint.api.alerts import SlackTarget
from setpoint.api.base import ATOMIC, Model, SecretRef, cel, validations
from setpoint.api.common import CommonSpec, CommonStatus
from setpoint.api.crd import Column, Names
from setpoint.api.types import Duration, Percent

GlobPattern = Annotated[str, Field(min_length=1, max_length=256)]
"""A pattern of Redis keys, as SCAN's MATCH takes it."""


class RedisServer(Model):
    """The Redis server."""

    secret_ref: SecretRef
    """Secret with the key url, or with host, port, username, password, ca.crt."""


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


class CacheConfig(Model):
    """Settings of the server. What is not set is left alone."""

    maxmemory_policy: MaxmemoryPolicy | None = None
    """What Redis evicts when maxmemory is reached. An allkeys-* policy deletes any key, also a
    job of a queue, so a change to it waits for approval."""


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

    max_keys_per_second: Annotated[int, Field(ge=100, le=1_000_000)] = 50_000
    """Upper limit of the speed. It goes slower by itself where the server is busy."""

    every: Duration | None = None
    """How often the keys are looked through. Without it, after each ttl, but at least 1h."""

    acknowledge: Annotated[
        list[SweepEffect],
        Field(max_length=1, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = []
    """Effects that are accepted. ResetsIdleTime: before Redis 7.2, each pass makes every key that
    it looks at seem freshly used, so with an LRU or LFU policy it is not repeated without this."""


class CacheThresholds(Model):
    """Values at which an alert fires."""

    hit_rate: Percent = 80.0
    """The alert fires when the hit rate is below this."""

    memory_usage: Percent = 80.0
    """The alert fires when memory usage is above this."""


class CacheAlerts(Model):
    """When to alert, and where to."""

    thresholds: CacheThresholds = CacheThresholds()
    """Values at which an alert fires."""

    slack: SlackTarget | None = None
    """Where in Slack alerts go. Without it, the channel that the operator's configuration sets
    for this namespace, if it does."""


class CacheTuningSpec(CommonSpec):
    """What the cache should be, and what to look at."""

    redis: RedisServer
    """The Redis server."""

    config: CacheConfig = CacheConfig()
    """Settings of the server."""

    default_ttl: DefaultTTL | None = Field(default=None, alias="defaultTTL")
    """A TTL for keys that have none."""

    alerts: CacheAlerts = CacheAlerts()
    """When to alert, and where to."""


class AnalysisState(StrEnum):
    """Whether a rate over the window is known."""

    OK = "OK"
    COLLECTING = "Collecting"
    NO_TRAFFIC = "NoTraffic"


class CacheStatus(Model):
    """What was measured; written when it moves much. The live values are in Prometheus."""

    state: AnalysisState
    """OK; Collecting until two samples are there; NoTraffic without lookups in the window."""

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

    cursor: Annotated[str, Field(max_length=256)] = ""
    """Where to go on: the run id, the database, Redis's cursor, and the type of key."""

    completed_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None = None
    """When the last pass ended."""

    digest: Annotated[str, Field(max_length=64)] = ""
    """Names the settings of the pass: other settings begin a new one."""

    summary: Annotated[str, Field(max_length=64)] = ""
    """State in short: done 1.2M."""


class CacheTuningStatus(CommonStatus):
    """What the cache is, and what was found."""

    server_version: Annotated[str, Field(max_length=64)] | None = None
    """Version of the server."""

    cache: CacheStatus | None = None
    """What was measured."""

    sweep: SweepStatus | None = None
    """The default TTL's sweep over the keys."""


class CacheTuning(Model):
    """CacheTuning analyses a Redis server, and keeps its eviction policy and TTLs as declared."""

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
