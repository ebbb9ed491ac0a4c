"""What to do about a Redis server, and what is wrong with it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from setpoint.api.cachetuning import (
    AnalysisState,
    CacheTuningSpec,
    DefaultTTL,
    SweepPhase,
    SweepStatus,
)
from setpoint.api.conditions import Reason
from setpoint.api.findings import Severity
from setpoint.api.plan import Applied, AppliedOp, PlanOp, Risk
from setpoint.api.types import format_duration
from setpoint.cache import passes, window
from setpoint.cache.model import Memory, Observed
from setpoint.cache.window import Rates
from setpoint.engine.display import PERCENT, PERCENT_1
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action, Decision, Finding, Sample

SHOW_EVERY = timedelta(seconds=10)
"""Progress of a sweep moves in status no more often than this."""

_FIRST_AGAIN = timedelta(seconds=5)
_EVICTS_ANY = "allkeys-"


@dataclass(frozen=True)
class Usage:
    """Memory in percent of what it is measured against."""

    percent: float | None
    limit: str
    is_certain: bool


def decide(
    spec: CacheTuningSpec, observed: Observed, memory: Memory, now: datetime
) -> Decision[Memory]:
    """The plan, the findings and the values to alert on."""
    samples = window.extend(memory.samples, observed, memory.own_hits, now)
    rates = window.rates(samples)
    memory = _shown(spec, replace(memory, samples=samples), now)
    actions = [*_policy(spec, observed), *_sweep(spec, observed, memory, now)]
    failures = []
    if actions and observed.role != "master":
        message = "the Secret names a replica: settings and TTLs are changed on the primary"
        actions, failures = [], [Failure(Reason.REJECTED, message)]
    usage_ = usage(observed)
    return Decision(
        memory=memory,
        actions=actions,
        findings=[
            *_low_hit_rate(spec, observed, rates),
            *_high_memory(spec, observed, usage_),
        ],
        samples=_samples(spec, observed, rates, usage_),
        failures=failures,
        again=_FIRST_AGAIN if rates.state is AnalysisState.COLLECTING else None,
    )


def usage(observed: Observed) -> Usage:
    """Against maxmemory, else the machine's memory: Redis cannot tell a container's limit.

    What eviction does not count (replica and AOF buffers) is taken off, as Redis itself does.
    """
    if observed.maxmemory > 0:
        used = max(0, observed.used_memory - observed.not_counted)
        return Usage(100 * used / observed.maxmemory, "maxmemory", is_certain=True)
    if observed.machine_memory > 0:
        percent = 100 * observed.used_memory / observed.machine_memory
        return Usage(percent, "machine (maxmemory is 0)", is_certain=False)
    return Usage(None, "unknown", is_certain=False)


def is_full_cache_healthy(observed: Observed) -> bool:
    """With an allkeys-* policy and a limit, a full cache is how it should be."""
    return observed.policy.startswith(_EVICTS_ANY) and observed.maxmemory > 0


def _policy(spec: CacheTuningSpec, observed: Observed) -> list[Action]:
    wanted = spec.config.maxmemory_policy
    if wanted is None or wanted == observed.policy:
        return []
    is_risky = wanted.startswith(_EVICTS_ANY) and not observed.policy.startswith(_EVICTS_ANY)
    return [
        Action(
            op=PlanOp.UPDATE,
            object="config",
            field="maxmemory-policy",
            from_=observed.policy,
            to=str(wanted),
            reason="the eviction policy differs"
            + ("; the new one may evict any key, also a job or a lock" if is_risky else ""),
            risk=Risk.HIGH if is_risky else Risk.MEDIUM,
            payload=("maxmemory-policy", str(wanted)),
            record=Applied(
                object="config",
                field="maxmemory-policy",
                op=AppliedOp.CHANGED,
                original=observed.policy,
            ),
        )
    ]


def _sweep(
    spec: CacheTuningSpec, observed: Observed, memory: Memory, now: datetime
) -> list[Action]:
    settings = spec.default_ttl
    if settings is None or not passes.is_due(settings, memory.sweep, now):
        return []
    if not passes.may_repeat(settings, memory.sweep, observed.version_tuple, observed.policy):
        return []
    return [
        Action(
            op=PlanOp.SWEEP,
            object="keys",
            field="ttl",
            from_="none",
            to=_ttl_text(settings),
            reason="keys without TTL stay for ever; a TTL cannot be taken back",
            risk=_sweep_risk(settings, observed, memory.sweep),
            payload=settings,
            background=True,
        )
    ]


def _sweep_risk(settings: DefaultTTL, observed: Observed, before: SweepStatus | None) -> Risk:
    """High for the first sweep of a data store; one that was begun was let through."""
    was_begun = before is not None and before.digest == passes.digest(settings)
    is_store = observed.policy == "noeviction" or observed.maxmemory == 0
    return Risk.HIGH if is_store and not was_begun else Risk.MEDIUM


def _ttl_text(settings: DefaultTTL) -> str:
    ttl = f"{format_duration(settings.ttl)} ±{settings.jitter:g}%"
    text = f"{ttl} on {' '.join(settings.include)}"
    return text + (f" but {' '.join(settings.exclude)}" if settings.exclude else "")


def _shown(spec: CacheTuningSpec, memory: Memory, now: datetime) -> Memory:
    """What status shows of the sweep: at once when its phase changes, else every ten seconds."""
    current = memory.sweep
    if spec.default_ttl is None:
        return replace(memory, sweep=None, shown_sweep=None)
    if current is None:
        current = SweepStatus(phase=SweepPhase.PENDING, summary="pending")
    before, at = memory.shown_sweep, memory.shown_at
    is_same_phase = before is not None and before.phase is current.phase
    if is_same_phase and at is not None and now - at < SHOW_EVERY:
        return memory
    return replace(memory, shown_sweep=current, shown_at=now)


def _low_hit_rate(spec: CacheTuningSpec, observed: Observed, rates: Rates) -> list[Finding]:
    threshold = spec.alerts.thresholds.hit_rate
    if rates.hit_rate is None or not rates.is_telling or rates.hit_rate >= threshold:
        return []
    evicts = observed.policy != "noeviction" and observed.maxmemory > 0
    return [
        Finding(
            id="LowHitRate",
            object="cache",
            severity=Severity.WARNING,
            message=f"fewer than {threshold:g}% of look-ups find their key",
            evidence=f"{rates.hit_rate:.1f}% of {rates.lookups} look-ups in the last minutes",
            remedy="lengthen the TTLs of keys that are read often, fill the cache before it is "
            "asked" + (", or give it more memory if it evicts" if evicts else ""),
            magnitude=max(100 - rates.hit_rate, 1.0),
        )
    ]


def _high_memory(spec: CacheTuningSpec, observed: Observed, used: Usage) -> list[Finding]:
    threshold = spec.alerts.thresholds.memory_usage
    if used.percent is None or used.percent <= threshold or is_full_cache_healthy(observed):
        return []
    doubt = "" if used.is_certain else "; a container's own limit is not known to Redis"
    return [
        Finding(
            id="HighMemoryUsage",
            object="cache",
            severity=Severity.CRITICAL if observed.policy == "noeviction" else Severity.WARNING,
            message=f"Redis uses more than {threshold:g}% of its memory",
            evidence=f"{used.percent:.0f}% of {used.limit}, policy {observed.policy}{doubt}",
            remedy="give it more memory, or let it evict: with maxmemory and allkeys-lru if every "
            "key may go, volatile-lru if only keys with a TTL may",
            magnitude=used.percent,
        )
    ]


def _samples(
    spec: CacheTuningSpec, observed: Observed, rates: Rates, used: Usage
) -> Sequence[Sample]:
    limits = spec.alerts.thresholds
    rate = rates.hit_rate if rates.is_telling else None
    samples = [
        Sample(
            "hitRate",
            rate,
            limits.hit_rate,
            "no data" if rate is None else PERCENT_1.show(rate),
            PERCENT.show(limits.hit_rate),
            above=False,
        )
    ]
    if not is_full_cache_healthy(observed):
        shown = "no data" if used.percent is None else PERCENT.show(used.percent)
        limit = limits.memory_usage
        samples.append(Sample("memoryUsage", used.percent, limit, shown, PERCENT.show(limit)))
    return samples
