"""Which settings to change, what the guard refuses, and who puts them back. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from setpoint.api.cachetuning import CacheConfig, CacheTuningSpec
from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, AppliedOp, BlockedBy, PlanOp, Risk
from setpoint.cache.guard import Guard
from setpoint.cache.memory import human
from setpoint.cache.model import Memory, NodeLook, Observed, Setting
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action

POLICY, MAXMEMORY = "maxmemory-policy", "maxmemory"
MOST_REVERSIONS = 2
READ_ALWAYS = ("maxclients", "activedefrag")
_EVICTS_ANY = "allkeys-"


def names(config: CacheConfig) -> list[str]:
    """The settings to read of every server."""
    return [*dict.fromkeys([*config.settings(), *READ_ALWAYS])]


def wants_survey(spec: CacheTuningSpec, observed_policy: str | None) -> bool:
    """Whether the guard has to know all keys: before a policy that evicts comes into force."""
    wanted = spec.config.maxmemory_policy
    return wanted is not None and wanted not in ("noeviction", observed_policy)


def value(node: NodeLook, name: str) -> str | None:
    """A setting in force, from CONFIG GET, else from INFO where that says it; None if unknown."""
    if name in node.config:
        return node.config[name]
    if name == POLICY and node.info.policy:
        return node.info.policy
    return node.info.text(name) if name == MAXMEMORY and node.info.has(name) else None


def remember(spec: CacheTuningSpec, generation: int, observed: Observed, memory: Memory) -> Memory:
    """Count those of our settings that somebody has put back since they were in force.

    A restart loses them too, and is nobody's doing.
    """
    wanted = spec.config.settings()
    kept: dict[str, Setting] = {}
    run_ids = frozenset(node.run_id for node in observed.nodes)
    for name, setting in memory.settings.items():
        if wanted.get(name) != setting.value or setting.generation != generation:
            continue
        is_there = all(value(node, name) in (setting.value, None) for node in observed.nodes)
        if is_there:
            kept[name] = replace(setting, in_force=True, run_ids=run_ids)
        elif setting.in_force:
            same = all(
                value(node, name) in (setting.value, None)
                for node in observed.nodes
                if node.run_id in setting.run_ids
            )
            reversions = setting.reversions + (0 if same else 1)
            kept[name] = replace(setting, in_force=False, reversions=reversions)
        else:
            kept[name] = setting
    return replace(memory, settings=kept)


def plan(
    spec: CacheTuningSpec, observed: Observed, memory: Memory
) -> tuple[list[Action], list[Failure]]:
    """What to set, and what keeps it from being set."""
    actions: list[Action] = []
    failures: list[Failure] = []
    for name, wanted in spec.config.settings().items():
        found = [value(node, name) for node in observed.nodes]
        if all(each == wanted for each in found):
            continue
        if any(each is None for each in found) and "config|get" in observed.denied:
            failures.append(_unreadable(name))
            continue
        if (problem := _problem(spec, observed, memory, name, wanted)) is not None:
            failures.append(problem)
            continue
        actions.append(_action(spec, observed, memory, name, wanted, found))
    return actions, failures


def revert(observed: Observed, applied: Sequence[Applied]) -> list[Action]:
    """Put settings back as they were found; TTLs cannot be taken back."""
    return [
        Action(
            op=PlanOp.UPDATE,
            object=entry.object,
            field=entry.field,
            from_=value(observed.first, entry.field) or "",
            to=entry.original,
            reason="the resource is deleted and its deletionPolicy is Revert",
            risk=Risk.HIGH,
            payload=(entry.field, entry.original),
        )
        for entry in applied
        if entry.object == "config"
        and any(value(node, entry.field) != entry.original for node in observed.nodes)
    ]


def _action(
    spec: CacheTuningSpec,
    observed: Observed,
    memory: Memory,
    name: str,
    wanted: str,
    found: Sequence[str | None],
) -> Action:
    differing = [each or "" for each in found if each != wanted]
    is_risky = name == POLICY and any(lets_evict_any(each, wanted) for each in differing)
    waits = name == POLICY and needs_survey(spec, observed) and not surveyed(memory)
    reason = f"{name} differs"
    if is_risky:
        reason += "; the new policy may evict any key, also a job or a lock"
    if waits:
        reason += "; the names of the keys are still being looked through"
    return Action(
        op=PlanOp.UPDATE,
        object="config",
        field=name,
        from_=", ".join(sorted(set(differing))),
        to=wanted,
        reason=reason,
        risk=Risk.HIGH if is_risky else _risk(observed, name, wanted),
        payload=(name, wanted),
        record=Applied(
            object="config", field=name, op=AppliedOp.CHANGED, original=found[0] or ""
        ),
        blocked_by=BlockedBy.STATE if waits else None,
    )  # fmt: skip


def lets_evict_any(before: str, wanted: str) -> bool:
    """Whether keys that were safe until now may go."""
    return wanted.startswith(_EVICTS_ANY) and not before.startswith(_EVICTS_ANY)


def _risk(observed: Observed, name: str, wanted: str) -> Risk:
    """Less memory than is used evicts at once."""
    if name == MAXMEMORY and wanted.isdecimal():
        used = max(node.info.number("used_memory") for node in observed.nodes)
        return Risk.HIGH if 0 < int(wanted) < used else Risk.MEDIUM
    return Risk.MEDIUM if name == POLICY else Risk.LOW


def _problem(
    spec: CacheTuningSpec, observed: Observed, memory: Memory, name: str, wanted: str
) -> Failure | None:
    setting = memory.settings.get(name)
    if setting is not None and setting.reversions >= MOST_REVERSIONS:
        return put_back(name, wanted)
    if name == POLICY:
        return guarded(spec, observed, memory, wanted)
    if name == MAXMEMORY:
        return _too_small(spec, observed, wanted)
    return None


def put_back(name: str, wanted: str) -> Failure:
    """Two controllers that both keep a setting would go on for ever."""
    return Failure(
        Reason.TARGET_CONFLICT,
        f"something else keeps putting {name} back after setpoint has set it to {wanted}: "
        "let only one of them manage it (another operator's configuration, a ConfigMap, "
        "a script, Terraform), then change spec.config",
    )


def guarded(
    spec: CacheTuningSpec, observed: Observed, memory: Memory, wanted: str
) -> Failure | None:
    """Why a policy must not be set, by the keys that were seen; None if it may be."""
    guard = Guard([*memory.sample, *(memory.survey.found if memory.survey else ())])
    share = Guard(memory.sample).volatile_share
    if share is None and observed.keys:
        share = observed.volatile_keys / observed.keys
    refusal = guard.refuse(wanted, spec.config.acknowledge, volatile_share=share)
    if refusal is not None:
        return Failure(Reason.REJECTED, f"{refusal.evidence}: {refusal.remedy}")
    if needs_survey(spec, observed) and observed.denied & {"scan", "type", "pttl"}:
        return Failure(
            Reason.ACCESS_DENIED,
            f"setpoint may not look at the keys, so it cannot tell whether {wanted} would delete "
            f"jobs or locks: ACL SETUSER {observed.username} +scan +type +pttl +select "
            "+randomkey +memory|usage",
        )
    return None


def _too_small(spec: CacheTuningSpec, observed: Observed, wanted: str) -> Failure | None:
    size, limit = int(wanted) if wanted.isdecimal() else 0, spec.memory_limit
    if limit is not None and size > limit:
        return Failure(
            Reason.INVALID_SPEC,
            "spec.config.maxmemory is more than spec.redis.memoryLimit: Redis would be killed "
            "before it evicts; leave a quarter for buffers and forks",
        )
    policy = spec.config.maxmemory_policy or observed.policy
    used = max((node.info.number("used_memory") for node in observed.primaries), default=0)
    if policy == "noeviction" and 0 < size < used:
        return Failure(
            Reason.REJECTED,
            f"spec.config.maxmemory ({human(size)}) is less than Redis uses, and it evicts "
            "nothing: every write would fail",
        )
    return None


def needs_survey(spec: CacheTuningSpec, observed: Observed) -> bool:
    """Whether the guard has to know all keys of these servers."""
    return any(wants_survey(spec, node.info.policy) for node in observed.nodes)


def surveyed(memory: Memory) -> bool:
    """Whether it does."""
    return memory.survey is not None and memory.survey.is_complete


def _unreadable(name: str) -> Failure:
    return Failure(
        Reason.ACCESS_DENIED,
        f"setpoint cannot read {name}: the user needs +config|get and +config|set; where a managed "
        "service has taken CONFIG away, name the cache in spec.elastiCache if it is ElastiCache",
    )
