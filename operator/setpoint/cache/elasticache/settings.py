"""Which parameters of a group to change, what keeps them from it, and who puts them back. Pure.

A group is changed for all caches that have it at once. AWS takes no second change while it applies
the first one, so what may go together goes in one call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from setpoint.api.base import Approval, Mode
from setpoint.api.cachetuning import CacheTuningSpec
from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, AppliedOp, BlockedBy, PlanOp, Risk
from setpoint.cache import settings
from setpoint.cache.elasticache.model import (
    DEFAULT_GROUP,
    PREFIX,
    ElastiCacheObserved,
    Order,
    ParameterGroup,
)
from setpoint.cache.guard import Guard
from setpoint.cache.model import Memory, Observed, Setting
from setpoint.cache.settings import POLICY
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action

UNSEEN = "unseen keys"
"""Acknowledges a policy that evicts where no connection lets the guard see the keys."""

_KEYS_UNSEEN = "; the keys cannot be seen right now"
_SURVEY_RUNS = "; the names of the keys are still being looked through"


@dataclass(frozen=True)
class Planned:
    """Actions in their order; what cannot be done; what the nodes take only with a reboot, and what
    they are still applying (sentences, or empty)."""

    actions: Sequence[Action] = ()
    failures: Sequence[Failure] = ()
    pending: str = ""
    settling: str = ""


def remember(
    spec: CacheTuningSpec, generation: int, group: ParameterGroup | None, memory: Memory
) -> Memory:
    """Count those of our settings that somebody has put back since they were in force.

    Nodes that have been given another group are nobody's reversion.
    """
    if group is None:
        return memory
    wanted = spec.config.settings()
    kept: dict[str, Setting] = {}
    for name, setting in memory.settings.items():
        if wanted.get(name) != setting.value or setting.generation != generation:
            continue
        if group.value(name) == setting.value:
            kept[name] = replace(setting, in_force=True, run_ids=frozenset({group.name}))
        elif setting.in_force:
            again = 1 if group.name in setting.run_ids else 0
            reversions = setting.reversions + again
            kept[name] = replace(setting, in_force=False, reversions=reversions)
        else:
            kept[name] = setting
    return replace(memory, settings=kept)


def plan(
    spec: CacheTuningSpec, cache: ElastiCacheObserved, servers: Observed, memory: Memory
) -> Planned:
    """What to change. `servers` is what a connection to Redis shows, without nodes if there is
    none."""
    wanted = spec.config.settings()
    if not wanted or cache.is_serverless:
        return Planned()
    group = cache.group
    if group is None:
        return Planned(failures=[cache.group_failure] if cache.group_failure else [])
    differing = {name: value for name, value in wanted.items() if group.value(name) != value}
    if not differing:
        return _settled(cache, group, wanted)
    allowed = frozenset(spec.elasti_cache.shared_with) if spec.elasti_cache else frozenset()
    refusal = refuse(group, cache, allowed)
    if refusal is not None:
        return Planned(failures=[refusal])
    sight = _Sight(spec, cache, group, servers, memory, allowed)
    problems = {name: _problem(sight, name, value) for name, value in differing.items()}
    return replace(
        _settled(cache, group, wanted),
        actions=_actions(sight, {n: v for n, v in differing.items() if problems[n] is None}),
        failures=[problem for problem in problems.values() if problem is not None],
    )


def refuse(
    group: ParameterGroup, cache: ElastiCacheObserved, allowed: frozenset[str]
) -> Failure | None:
    """Why a group must not be changed at all; None if it may be."""
    if group.is_default:
        family = group.name.removeprefix(DEFAULT_GROUP).removesuffix(".cluster.on")
        return Failure(
            Reason.REJECTED,
            f"the nodes of {cache.name} have AWS's own parameter group {group.name}, which nobody "
            f"can change: create one of family {family} and give it to {cache.name} (no restart)",
        )
    if cache.is_global:
        return Failure(
            Reason.REJECTED,
            f"{cache.name} is a member of a global datastore, whose parameter group is changed "
            "with the datastore only: set its parameters there, and remove spec.config",
        )
    return refuse_shared(group.name, group.users, group.ungranted, cache.resource, allowed)


def refuse_shared(
    group: str,
    users: frozenset[str],
    ungranted: frozenset[str],
    own: str,
    allowed: frozenset[str],
) -> Failure | None:
    """Why a group that other caches have must be left alone; None if it need not be."""
    others = users - {own}
    if unnamed := sorted(others - allowed):
        return Failure(
            Reason.REJECTED,
            f"parameter group {group} is shared with {_listed(unnamed)}, whose settings would "
            "change along: give this cache a group of its own, or name them in "
            "spec.elastiCache.sharedWith",
        )
    if foreign := sorted(others & ungranted):
        return Failure(
            Reason.NOT_GRANTED,
            f"parameter group {group} is shared with {_listed(foreign)}, which this namespace may "
            "not change: whoever runs the operator must add a grant, or give this cache a group "
            "of its own",
        )
    return None


def revert(
    cache: ElastiCacheObserved, applied: Sequence[Applied], allowed: frozenset[str]
) -> list[Action]:
    """Parameters as they were found, in one call. Raises Failure where they must be left."""
    group = cache.group
    if group is None:
        raise cache.group_failure or Failure(Reason.BUSY, f"{cache.name} has no parameter group")
    former = {entry.field: entry.original for entry in applied if entry.object == group.object}
    values = {name: value for name, value in former.items() if group.value(name) != value}
    if not values:
        _require_nothing_left(cache, group, applied)
        return []
    if (refusal := refuse(group, cache, allowed)) is not None:
        raise refusal
    if cache.busy:
        raise Failure(Reason.BUSY, f"{cache.busy}: its parameters are put back afterwards")
    order = Order(group.name, values, allowed)
    return [
        Action(
            op=PlanOp.UPDATE,
            object=group.object,
            field=name,
            from_=group.value(name) or "",
            to=value,
            reason="the resource is deleted and its deletionPolicy is Revert",
            risk=Risk.HIGH,
            payload=order if number == 0 else None,
        )
        for number, (name, value) in enumerate(values.items())
    ]


def _require_nothing_left(
    cache: ElastiCacheObserved, group: ParameterGroup, applied: Sequence[Applied]
) -> None:
    """Raises Failure for what was changed of a group that the cache has no longer."""
    left = [e for e in applied if e.object.startswith(PREFIX) and e.object != group.object]
    if left:
        names = _listed([f"{e.field} of {e.object.rpartition(':')[2]}" for e in left])
        raise Failure(
            Reason.REJECTED,
            f"{cache.name} has another parameter group by now: {names} must be put back by hand",
        )


@dataclass(frozen=True)
class _Sight:
    """What a parameter is judged by."""

    spec: CacheTuningSpec
    cache: ElastiCacheObserved
    group: ParameterGroup
    servers: Observed
    memory: Memory
    allowed: frozenset[str]


def _settled(
    cache: ElastiCacheObserved, group: ParameterGroup, wanted: Mapping[str, str]
) -> Planned:
    """What is set, and not yet in force on every node."""
    applying = [node.name for node in cache.nodes if node.parameters == "applying"]
    static = [n for n in wanted if (p := group.parameters.get(n)) is not None and p.needs_reboot]
    waiting = cache.waiting_for_reboot()
    return Planned(
        pending=f"{', '.join(static)} of {group.name} takes effect on {_listed(waiting)} with the "
        "next reboot, which setpoint does not make"
        if static and waiting
        else "",
        settling=f"ElastiCache applies {group.name} to {_listed(applying)}" if applying else "",
    )


def _problem(sight: _Sight, name: str, wanted: str) -> Failure | None:
    parameter, group = sight.group.parameters.get(name), sight.group.name
    if parameter is None or not parameter.modifiable:
        return Failure(
            Reason.UNSUPPORTED,
            f"{sight.cache.product} has no parameter {name} that can be changed in {group}: remove "
            "it from spec.config",
        )
    if not parameter.allows(wanted):
        return Failure(
            Reason.REJECTED,
            f"{sight.cache.product} does not take {wanted} for {name} ({parameter.allowed[:200]})",
        )
    setting = sight.memory.settings.get(name)
    if setting is not None and setting.reversions >= settings.MOST_REVERSIONS:
        return settings.put_back(name, wanted)
    return _guarded(sight, wanted) if name == POLICY else None


def _guarded(sight: _Sight, wanted: str) -> Failure | None:
    if wanted == "noeviction":
        return None
    known = {name.casefold() for name in sight.spec.config.acknowledge}
    if UNSEEN not in known and (unseen := _unseen(sight)):
        return Failure(
            Reason.REJECTED,
            f"setpoint cannot tell whether {wanted} would delete jobs, locks or sessions: "
            f'{unseen}, or acknowledge "{UNSEEN}"',
        )
    if sight.servers.nodes:
        return settings.guarded(sight.spec, sight.servers, sight.memory, wanted)
    if sight.spec.redis is not None:
        return None  # the action waits until they can be seen
    refusal = Guard([]).refuse(wanted, known, volatile_share=volatile_share(sight.cache))
    if refusal is None:
        return None
    return Failure(Reason.REJECTED, f"{refusal.evidence}: {refusal.remedy}")


def _unseen(sight: _Sight) -> str:
    """Whose keys nobody looks at, and what would help; empty where all are seen."""
    if sight.spec.redis is None:
        return "name a Secret with the cache's endpoint in spec.redis"
    if others := sorted(sight.group.users - {sight.cache.resource}):
        return (
            f"the keys of {_listed(others)} are not seen here; give this cache a group of its own"
        )
    return ""


def volatile_share(cache: ElastiCacheObserved) -> float | None:
    """Share of the keys that have a TTL, by CloudWatch."""
    items, volatile = cache.metrics.total("items"), cache.metrics.total("volatile")
    return min(1.0, (volatile or 0.0) / items) if items else None


def _actions(sight: _Sight, values: Mapping[str, str]) -> list[Action]:
    """One for each parameter. The first of those that go together carries the call."""
    found: list[Action] = []
    for order in _orders(sight, values):
        blocked, why = _blocked(sight, order)
        if blocked is None and any(action.blocked_by is None for action in found):
            blocked, why = BlockedBy.STATE, "; after the parameters before it"
        for number, (name, value) in enumerate(order.items()):
            payload = Order(sight.group.name, order, sight.allowed) if number == 0 else None
            found.append(_action(sight, name, value, payload, blocked, why))
    return found


def _orders(sight: _Sight, values: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Everything in one, but for a policy that waits for its approval, or for its keys."""
    spec = sight.spec
    asks = spec.mode is Mode.ENFORCE and spec.approval is Approval.REQUIRED
    apart = POLICY in values and (
        _waits_for_keys(sight, values[POLICY]) != "" or (asks and _risk(sight, POLICY) is Risk.HIGH)
    )
    if not apart:
        return [values] if values else []
    rest = {name: value for name, value in values.items() if name != POLICY}
    return [rest, {POLICY: values[POLICY]}] if rest else [values]


def _action(
    sight: _Sight, name: str, value: str, payload: Order | None, blocked: BlockedBy | None, why: str
) -> Action:
    group = sight.group
    before = group.value(name) or ""
    reason = f"{name} differs"
    if name == POLICY and settings.lets_evict_any(before, value):
        reason += "; the new policy may evict any key, also a job or a lock"
    if group.parameters[name].needs_reboot:
        reason += "; it takes effect with the next reboot of the nodes"
    return Action(
        op=PlanOp.UPDATE,
        object=group.object,
        field=name,
        from_=before,
        to=value,
        reason=reason + why,
        risk=_risk(sight, name),
        payload=payload,
        record=Applied(object=group.object, field=name, op=AppliedOp.CHANGED, original=before),
        blocked_by=blocked,
    )


def _blocked(sight: _Sight, order: Mapping[str, str]) -> tuple[BlockedBy | None, str]:
    if sight.cache.busy:
        return BlockedBy.STATE, f"; {sight.cache.busy}"
    why = _waits_for_keys(sight, order.get(POLICY))
    return (BlockedBy.STATE, why) if why else (None, "")


def _waits_for_keys(sight: _Sight, policy: str | None) -> str:
    """Why the guard cannot judge a policy yet; empty where it can, or need not."""
    if policy in (None, "noeviction") or sight.spec.redis is None:
        return ""
    if not sight.servers.nodes:
        return _KEYS_UNSEEN
    return "" if settings.surveyed(sight.memory) else _SURVEY_RUNS


def _risk(sight: _Sight, name: str) -> Risk:
    if name != POLICY:
        return Risk.MEDIUM if sight.group.parameters[name].needs_reboot else Risk.LOW
    wanted = sight.spec.config.settings()[name]
    is_high = settings.lets_evict_any(sight.group.value(name) or "", wanted)
    return Risk.HIGH if is_high else Risk.MEDIUM


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
