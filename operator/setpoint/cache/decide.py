"""What to do about a cache, and what is wrong with it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from setpoint.api.cachetuning import (
    AnalysisState,
    CacheTuningSpec,
    DefaultTTL,
    SweepPhase,
    SweepStatus,
)
from setpoint.api.conditions import Reason
from setpoint.api.plan import BlockedBy, PlanOp, Risk
from setpoint.api.types import format_duration
from setpoint.cache import growth, passes, rules, settings, window
from setpoint.cache.elasticache import rules as elasticache
from setpoint.cache.elasticache import settings as parameters
from setpoint.cache.elasticache.model import PREFIX
from setpoint.cache.elasticache.settings import Planned
from setpoint.cache.memory import Usage, evicts_any, usage
from setpoint.cache.model import Memory, Observed
from setpoint.cache.sweep_limits import forecast
from setpoint.cache.sweep_preview import Preview
from setpoint.cache.sweep_spread import spread
from setpoint.cache.window import Rates, Thresholds, Window
from setpoint.engine.display import PERCENT, PERCENT_1
from setpoint.engine.failure import Failure
from setpoint.engine.findings import carried
from setpoint.engine.ignore import wanted
from setpoint.engine.model import Action, Decision, Finding, Live, Sample, Unit
from setpoint.engine.window import Opening, opening

SHOW_EVERY = timedelta(seconds=10)
"""Progress of a sweep moves in status no more often than this."""

PREVIEW_VALID = timedelta(hours=24)
"""What a look through the keys has found is good for so long, while no pass has begun."""

_FIRST_AGAIN = timedelta(seconds=5)
_SURVEY_AGAIN = timedelta(seconds=1)
_APPLIED_AGAIN = timedelta(seconds=15)


def decide(
    spec: CacheTuningSpec,
    observed: Observed,
    memory: Memory,
    now: datetime,
    generation: int = 0,
    status: Mapping[str, Any] = MappingProxyType({}),
) -> Decision[Memory]:
    """The plan, the findings and the values to alert on.

    `status` is what was stored: findings of what could not be looked at this time stay.
    """
    opens = _opening(spec, now)
    memory = _shown(spec, _extended(observed, memory, now), opens, now)
    memory, planned = _settings(spec, observed, memory, generation)
    actions, failures = list(planned.actions), [*observed.failures, *planned.failures]
    if observed.nodes:
        sweep = _sweep(spec, observed, memory, opens, now)
        if observed.is_replica and (sweep or (actions and observed.elasticache is None)):
            message = "the Secret names a replica: settings and TTLs are changed on the primary"
            actions = actions if observed.elasticache is not None else []
            failures, sweep = [Failure(Reason.REJECTED, message)], []
        actions += sweep
    seen = windowed(spec, observed, memory, now) if observed.nodes else None
    rates = window.rates(seen) if seen is not None else None
    found = [*(rules.findings(seen) if seen else ()), *_of_elasticache(spec, observed)]
    kept, dropped = wanted(_with_unseen(found, spec, observed, status), spec.ignore, now)
    return Decision(
        memory=memory,
        actions=actions,
        findings=kept,
        ignored=dropped,
        samples=_samples(spec, observed, rates),
        failures=failures,
        pending=planned.pending,
        settling=planned.settling,
        again=_again(spec, observed, rates, actions, planned, opens, now),
        values=_values(spec, observed, memory, seen, rates) if seen and rates else {},
    )


def _settings(
    spec: CacheTuningSpec, observed: Observed, memory: Memory, generation: int
) -> tuple[Memory, Planned]:
    """By CONFIG SET, or by ElastiCache's parameter group, which refuses CONFIG SET."""
    if spec.elasti_cache is None:
        memory = settings.remember(spec, generation, observed, memory)
        actions, failures = settings.plan(spec, observed, memory)
        return memory, Planned(actions, failures)
    if observed.elasticache is None:
        return memory, Planned()
    memory = parameters.remember(spec, generation, observed.elasticache.group, memory)
    return memory, parameters.plan(spec, observed.elasticache, observed, memory)


def _of_elasticache(spec: CacheTuningSpec, observed: Observed) -> Sequence[Finding]:
    if observed.elasticache is None:
        return ()
    return elasticache.findings(elasticache.Facts(spec, observed.elasticache))


def _with_unseen(
    found: Sequence[Finding], spec: CacheTuningSpec, observed: Observed, status: Mapping[str, Any]
) -> list[Finding]:
    """With what status shows of the part that could not be looked at."""
    no_servers = spec.redis is not None and not observed.nodes
    no_aws = spec.elasti_cache is not None and observed.elasticache is None

    def is_unseen(_: str, thing: str) -> bool:
        return no_aws if thing.startswith(PREFIX) else no_servers

    return carried(found, status.get("findings") or {}, is_unseen)


def windowed(
    spec: CacheTuningSpec, observed: Observed, memory: Memory, now: datetime | None = None
) -> Window:
    """What the rules judge by."""
    thresholds = spec.alerts.thresholds
    survey = memory.survey.found if memory.survey is not None else ()
    return Window(
        nodes=tuple(
            window.node(
                "cache" if len(observed.nodes) == 1 else node.name,
                node.info,
                memory.samples.get(node.run_id, ()),
                node.slow,
                node.latency,
            )
            for node in observed.nodes
        ),
        config=_config(observed),
        thresholds=Thresholds(thresholds.hit_rate, thresholds.memory_usage),
        memory_limit=spec.memory_limit,
        sample=memory.sample,
        protected=survey,
        denied=tuple(observed.denied),
        unreachable=observed.unreachable,
        username=observed.username,
        acknowledged=tuple(spec.config.acknowledge),
        growth=growth.growth(memory.earlier, now, _without_ttl(observed), memory.sample)
        if now
        else None,
    )


def _config(observed: Observed) -> Mapping[str, str]:
    """The first server's settings, as CONFIG GET or ElastiCache's parameter group tells them."""
    group = observed.elasticache.group if observed.elasticache is not None else None
    if group is None:
        return observed.first.config
    return {name: parameter.value for name, parameter in group.parameters.items()}


def worst_usage(spec: CacheTuningSpec, observed: Observed) -> Usage:
    """Of the server that is nearest to its limit."""
    found = [usage(node.info, spec.memory_limit) for node in observed.nodes]
    return max(found, key=lambda used: -1.0 if used.percent is None else used.percent)


def is_full_cache_healthy(observed: Observed) -> bool:
    """With an allkeys-* policy and a limit, a full cache is how it should be."""
    return all(evicts_any(node.info) for node in observed.primaries or observed.nodes)


def _extended(observed: Observed, memory: Memory, now: datetime) -> Memory:
    """The memory with what this look brought. Servers that are gone are forgotten."""
    memory = replace(memory, own_hits=memory.own_hits + observed.hits_before)
    if observed.elasticache is not None:
        memory = replace(memory, metrics=observed.elasticache.metrics)
    if not observed.nodes:  # not gone, but not seen either
        return memory
    samples = {
        node.run_id: window.extend(
            memory.samples.get(node.run_id, ()), window.sample(node.info, now, memory.own_hits)
        )
        for node in observed.nodes
    }
    memory = replace(
        memory,
        samples=samples,
        own_hits=memory.own_hits + observed.own_hits,
        survey=observed.survey if observed.survey is not None else memory.survey,
        preview=observed.preview if observed.preview is not None else memory.preview,
        sizing=observed.sizing if observed.sizing is not None else memory.sizing,
    )
    if observed.sample is None:
        return memory
    earlier = growth.advance(memory.earlier, now, _without_ttl(observed), observed.sample)
    return replace(memory, sample=observed.sample, sampled_at=now, earlier=earlier)


def _without_ttl(observed: Observed) -> int:
    nodes = observed.primaries or observed.nodes[:1]
    return sum(node.info.unlimited_keys for node in nodes)


def _opening(spec: CacheTuningSpec, now: datetime) -> Opening | None:
    """Where now is in the window of the default TTL; None without one."""
    default = spec.default_ttl
    return opening(default.window, now) if default and default.window else None


def _again(
    spec: CacheTuningSpec,
    observed: Observed,
    rates: Rates | None,
    actions: Sequence[Action],
    planned: Planned,
    opens: Opening | None,
    now: datetime,
) -> timedelta | None:
    """When to look earlier than at the next interval, if it is earlier."""
    cache = observed.elasticache
    if planned.settling or (planned.actions and cache is not None and cache.busy):
        return _APPLIED_AGAIN
    if rates is None:
        return None
    if any(action.blocked_by is BlockedBy.STATE for action in actions):
        return _SURVEY_AGAIN
    if rates.state is AnalysisState.COLLECTING:
        return _FIRST_AGAIN
    if any(a.blocked_by is BlockedBy.WINDOW for a in actions) and opens and opens.next:
        wait = opens.next - now + timedelta(seconds=1)
        return wait if wait < spec.interval else None
    return None


def wants_preview(spec: CacheTuningSpec, observed: Observed, memory: Memory, now: datetime) -> bool:
    """Whether the keys are to be looked through: before a pass it must be known what it will do,
    and which keys tell that others must stay."""
    default = spec.default_ttl
    if default is None or not observed.nodes or observed.is_replica:
        return False
    if not _is_due(default, observed, memory, now):
        return False
    return _preview(default, memory, now) is None


def _is_due(default: DefaultTTL, observed: Observed, memory: Memory, now: datetime) -> bool:
    return passes.is_due(default, memory.sweep, now) and passes.may_repeat(
        default, memory.sweep, observed.first.info
    )


def _preview(default: DefaultTTL, memory: Memory, now: datetime) -> Preview | None:
    """The complete and fresh one of the pass that is due."""
    found = memory.preview
    if found is None or not found.is_complete or found.digest != passes.digest(default):
        return None
    is_running = memory.sweep is not None and memory.sweep.phase is SweepPhase.RUNNING
    is_fresh = is_running or abs(now - found.begun) < PREVIEW_VALID
    return found if is_fresh and found.passes == passes.ended(default, memory.sweep) else None


def _sweep(
    spec: CacheTuningSpec,
    observed: Observed,
    memory: Memory,
    opens: Opening | None,
    now: datetime,
) -> list[Action]:
    default = spec.default_ttl
    if default is None or not _is_due(default, observed, memory, now):
        return []
    blocked = BlockedBy.WINDOW if opens and not opens.is_open else None
    if wants_preview(spec, observed, memory, now):
        blocked = BlockedBy.STATE
    return [
        Action(
            op=PlanOp.SWEEP,
            object="keys",
            field="ttl",
            from_="none",
            to=_ttl_text(default),
            reason=_sweep_reason(default, _preview(default, memory, now)),
            risk=_sweep_risk(default, observed, memory.sweep),
            payload=default,
            blocked_by=blocked,
            background=True,
        )
    ]


def _sweep_reason(default: DefaultTTL, preview: Preview | None) -> str:
    """What it does, with its numbers where they are known, and that there is no way back."""
    why = "keys without TTL stay for ever; Revert cannot take TTLs back"
    if preview is None:
        return why
    keys = preview.to_change(default)
    apart = spread(default.ttl, default.jitter, keys)
    return f"about {keys:,} keys get {apart}, for {forecast(keys)}; {why}"


def _sweep_risk(settings: DefaultTTL, observed: Observed, before: SweepStatus | None) -> Risk:
    """High for the first sweep of a data store; one that was begun was let through."""
    was_begun = before is not None and before.digest == passes.digest(settings)
    is_store = observed.policy == "noeviction" or observed.maxmemory == 0
    return Risk.HIGH if is_store and not was_begun else Risk.MEDIUM


def _ttl_text(settings: DefaultTTL) -> str:
    ttl = f"{format_duration(settings.ttl)} ±{settings.jitter:g}%"
    text = f"{ttl} on {' '.join(settings.include)}"
    return text + (f" but {' '.join(settings.exclude)}" if settings.exclude else "")


def _shown(spec: CacheTuningSpec, memory: Memory, opens: Opening | None, now: datetime) -> Memory:
    """What status shows of the sweep: at once when its phase changes, else every ten seconds."""
    current = memory.sweep
    if spec.default_ttl is None:
        return replace(memory, sweep=None, shown_sweep=None)
    if current is None:
        current = SweepStatus(phase=SweepPhase.PENDING, summary="pending")
    if current.phase is not SweepPhase.DONE and opens and not opens.is_open:
        current = current.model_copy(update={"paused": _closed(opens)})
    before, at = memory.shown_sweep, memory.shown_at
    is_same_phase = before is not None and before.phase is current.phase
    if is_same_phase and at is not None and abs(now - at) < SHOW_EVERY:
        return memory
    return replace(memory, shown_sweep=current, shown_at=now)


def _closed(opens: Opening) -> str:
    when = f"{opens.next:%Y-%m-%d %H:%M %Z}" if opens.next else "never again"
    return f"defaultTTL.window opens {when}"


def _values(
    spec: CacheTuningSpec, observed: Observed, memory: Memory, seen: Window, rates: Rates
) -> Mapping[str, Live]:
    """For graphs: what is known of the whole cache, and of the sweep."""
    infos = [node.info for node in observed.nodes]
    found = {
        "usedMemory": Live(sum(info.number("used_memory") for info in infos), Unit.BYTES),
        "maxmemory": Live(sum(info.number("maxmemory") for info in infos), Unit.BYTES),
        "evictionsPerSecond": Live(sum(node.rate("evicted_keys") for node in seen.nodes)),
        "expirationsPerSecond": Live(sum(node.rate("expired_keys") for node in seen.nodes)),
        "connectedClients": Live(sum(info.number("connected_clients") for info in infos)),
        "keys": Live(observed.keys),
        "keysWithoutTTL": Live(_without_ttl(observed)),
    }
    if rates.is_telling and rates.hit_rate is not None:
        found["missRate"] = Live(100 - rates.hit_rate, Unit.PERCENT)
    if (used := worst_usage(spec, observed).percent) is not None:
        found["memoryUsage"] = Live(used, Unit.PERCENT)
    if memory.sweep is not None:
        is_done = memory.sweep.phase is SweepPhase.DONE
        done = 100.0 if is_done else min(99.0, 100 * memory.sweep.scanned / max(observed.keys, 1))
        found["sweepProgress"] = Live(done, Unit.PERCENT)
    return found


def _samples(spec: CacheTuningSpec, observed: Observed, rates: Rates | None) -> Sequence[Sample]:
    """Of Redis itself; of CloudWatch, where the spec names no connection."""
    if rates is not None:
        used, is_healthy = worst_usage(spec, observed), is_full_cache_healthy(observed)
    elif spec.redis is None and (cache := observed.elasticache) is not None:
        rates, used = elasticache.rates(cache), elasticache.usage(cache)
        is_healthy = elasticache.is_full_healthy(cache)
    else:
        rates, used = Rates(AnalysisState.COLLECTING), Usage(None, "unknown", is_certain=False)
        is_healthy = False
    found = [_hit_rate(spec, rates)]
    return found if is_healthy else [*found, _memory_usage(spec, used)]


def _hit_rate(spec: CacheTuningSpec, rates: Rates) -> Sample:
    limit = spec.alerts.thresholds.hit_rate
    rate = rates.hit_rate if rates.is_telling else None
    return Sample(
        "hitRate",
        rate,
        limit,
        "no data" if rate is None else PERCENT_1.show(rate),
        PERCENT.show(limit),
        above=False,
        unit=PERCENT.unit,
        finding="LowHitRate",
    )


def _memory_usage(spec: CacheTuningSpec, used: Usage) -> Sample:
    limit = spec.alerts.thresholds.memory_usage
    return Sample(
        "memoryUsage",
        used.percent,
        limit,
        "no data" if used.percent is None else PERCENT.show(used.percent),
        PERCENT.show(limit),
        unit=PERCENT.unit,
        finding="HighMemoryUsage",
    )
