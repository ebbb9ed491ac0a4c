"""CacheTuning: analysis, eviction policy and default TTL of a Redis server."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from setpoint.api.alerts import Alerts, RuleName, rules_of_kind
from setpoint.api.base import Model, SecretRef, cel, validations
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


class DefaultTTL(Model):
    """A TTL for keys that have none."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "duration(self.ttl) >= duration('1m')",
                "defaultTTL.ttl must be at least 1m: keys that expire are gone",
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
    """Spread of the TTLs around ttl, so that the keys do not all expire at once."""

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
    """Upper limit of the speed."""


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


class SweepStatus(Model):
    """The default TTL's sweep over the keys."""

    phase: SweepPhase
    """Pending, Running or Done."""

    scanned: int = 0
    """Keys seen in this pass."""

    changed: int = 0
    """Keys given a TTL in this pass."""

    cursor: Annotated[str, Field(max_length=256)] = ""
    """Where to go on: the run id, the database and Redis's cursor."""

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
