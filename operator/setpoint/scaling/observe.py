"""Reads a scalable target, its policies, schedules, alarms, activities and metrics. Writes nothing.

What moves is read every interval, the rest every ten minutes: both in calls that are shared with
all other resources of the account and region. What was just written, or asked for by a changed
spec, is read anew. The target and its policies are kept also while metrics cannot be read.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from setpoint.api.base import DeletionPolicy
from setpoint.api.conditions import Reason
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.names import ScalableId
from setpoint.aws.reads import Freshness, Reads
from setpoint.engine.failure import Failure
from setpoint.engine.model import Resource, Sample
from setpoint.scaling import alarms, metrics, policies
from setpoint.scaling.decide import applied
from setpoint.scaling.model import (
    SUSPENDED_FLAGS,
    Memory,
    Metrics,
    Observed,
    Service,
    Target,
    ecs_names,
)
from setpoint.scaling.target import OBJECT, UID_TAG
from setpoint.scaling.wanted import uses_high_resolution

T = TypeVar("T")

FULL_ROUND = timedelta(minutes=10)
"""How often everything is read: policies, services, alarms and schedules."""

_ALARMS_SETTLE_SECONDS = 60.0
"""AWS makes the alarms of a policy; for this long after one was put they need not be listed."""


@dataclass(frozen=True)
class Look:
    """One look at one target. `since`: what was read before (seconds of the reader's clock) is too
    old; None: what others' looks have brought is good enough."""

    gateway: AWSGateway
    reads: Reads
    scope: Scope
    target: ScalableId
    resource: Resource[ScalingPolicySpec]
    memory: Memory
    now: datetime
    since: float | None

    @property
    def spec(self) -> ScalingPolicySpec:
        """The resource's."""
        return self.resource.spec

    def often(self, part: str = "") -> Freshness:
        """For what moves: every interval."""
        return Freshness(self.spec.interval, self._since(part))

    def rarely(self, part: str = "") -> Freshness:
        """For what only people change: every full round."""
        return Freshness(_full_round(self.spec), self._since(part))

    def _since(self, part: str) -> float | None:
        moments = [self.since, self.memory.written.get(part)]
        return max((moment for moment in moments if moment is not None), default=None)


async def observe(look: Look) -> Observed:
    """One look. Raises Failure."""
    reads, scope, target = look.reads, look.scope, look.target
    now = Freshness(FULL_ROUND, reads.clock())
    account, service, found, existing, schedules, extras = await asyncio.gather(
        look.gateway.account(scope),
        _service(look, now if look.memory.missing else look.rarely("service")),
        reads.scalable_target(scope, target, look.often("target")),
        reads.scaling_policies(scope, target, look.rarely("policies")),
        reads.scheduled_actions(scope, target, look.rarely("schedules")),
        _extras(look),
    )
    activities, values, tagged, budgets = extras
    seen_alarms = await _caught(_alarms(look, existing))
    parts = (activities, values, tagged, seen_alarms, budgets)
    numbers = values if isinstance(values, Metrics) else Metrics()
    if isinstance(service, Service) and _has_moved(look, numbers, service):
        service = await _service(look, now)
    return Observed(
        account=account,
        region=scope.region,
        id=target,
        service=service if isinstance(service, Service) else None,
        missing=service if isinstance(service, Failure) else None,
        target=_target(found),
        policies=existing,
        schedules=schedules,
        activities=[] if isinstance(activities, Failure) else activities,
        alarms=None if isinstance(seen_alarms, Failure) else seen_alarms,
        unlisted=_unlisted(look, existing),
        metrics=numbers,
        budgets=[] if isinstance(budgets, Failure) else budgets,
        failures=[part for part in parts if isinstance(part, Failure)],
        measured=isinstance(values, Metrics),
        is_tagged=None if isinstance(tagged, Failure) else tagged,
    )


def expect(reads: Reads, scope: Scope, target: ScalableId, spec: ScalingPolicySpec) -> None:
    """Have what a first look will read taken along by others' looks."""
    rarely = Freshness(_full_round(spec))
    reads.expect_target(scope, target, Freshness(spec.interval), rarely)
    if (names := ecs_names(target)) is not None:
        reads.expect_service(scope, *names, rarely)
        queries = metrics.queries(*names, spec.metrics)
        reads.expect_metric_data(scope, str(target), queries, metrics.WINDOW)


def _full_round(spec: ScalingPolicySpec) -> timedelta:
    return max(spec.interval, FULL_ROUND)


def changed(resource: Resource[ScalingPolicySpec], memory: Memory, requested: str | None) -> bool:
    """Whether somebody waits for this look: a spec that changed since the last, or a request."""
    is_new = memory.generation not in (-1, resource.generation)
    handled = (memory.requested, resource.status.get("lastHandledReconcileAt"))
    return is_new or (requested is not None and requested not in handled)


async def _extras(
    look: Look,
) -> tuple[
    Sequence[Mapping[str, Any]] | Failure,
    Metrics | Failure,
    bool | Failure | None,
    Sequence[Sample] | Failure,
]:
    """Parts that nothing else rests on: activities, metrics, whether the tag is ours, and error
    budgets."""
    activities = look.reads.scaling_activities(look.scope, look.target, look.often())
    return await asyncio.gather(
        _caught(activities),
        _caught(_metrics(look)),
        _caught(_is_tagged(look)),
        _caught(_budgets(look)),
    )


async def _caught(part: Awaitable[T]) -> T | Failure:
    """A Failure as a value: nothing else rests on this part."""
    try:
        return await part
    except Failure as failure:
        return failure


async def _service(look: Look, fresh: Freshness) -> Service | Failure | None:
    """None for what is no ECS service; a Failure as a value for one that ECS does not have: its
    scaling may outlive it."""
    names = ecs_names(look.target)
    if names is None:
        return None
    cluster, name = names
    try:
        found = await look.reads.ecs_service(look.scope, cluster, name, fresh)
    except Failure as failure:
        if failure.reason is not Reason.TARGET_NOT_FOUND:
            raise
        found = None  # not even its cluster
    if found is None:
        return Failure(
            Reason.TARGET_NOT_FOUND,
            f"ECS has no active service {name} in cluster {cluster} in {look.scope.region}: check "
            "the names; it is looked for again",
        )
    deployments = found.get("deployments") or ()
    deploying = len(deployments) > 1 or any(
        deployment.get("rolloutState") == "IN_PROGRESS" for deployment in deployments
    )
    return Service(found["desiredCount"], found["runningCount"], deploying)


def _has_moved(look: Look, values: Metrics, service: Service) -> bool:
    """Whether tasks came or went since ECS was asked: then it is asked again, once."""
    if values.tasks is None or values.tasks == look.memory.tasks:
        return False
    return round(values.tasks) != service.running


def _target(found: Mapping[str, Any] | None) -> Target | None:
    if found is None:
        return None
    state = found.get("SuspendedState") or {}
    return Target(
        min=found["MinCapacity"],
        max=found["MaxCapacity"],
        suspended=frozenset(name for name, flag in SUSPENDED_FLAGS.items() if state.get(flag)),
        arn=found.get("ScalableTargetARN", ""),
    )


async def _metrics(look: Look) -> Metrics:
    names = ecs_names(look.target)
    if names is None:
        return Metrics()
    start, end = metrics.window(look.now)
    queries = metrics.queries(*names, look.spec.metrics)
    results = await look.reads.metric_data(
        look.scope, str(look.target), queries, start, end, look.since
    )
    return metrics.read(results, high_resolution=uses_high_resolution(look.spec))


async def _budgets(look: Look) -> Sequence[Sample]:
    """Three days of requests, fetched once in five minutes: AWS remembers them, not setpoint."""
    objectives, source = look.spec.alerts.slo, look.spec.metrics.load_balancer
    if objectives is None or source is None or ecs_names(look.target) is None:
        return []
    start, end = metrics.budget_window(look.now)
    results = await look.reads.metric_data(
        look.scope, f"{look.target}/budgets", metrics.budget_queries(source), start, end
    )
    return metrics.budgets(results, objectives, end)


async def _alarms(
    look: Look, existing: Sequence[Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    records = applied(look.resource.status)
    matched = policies.matches(look.spec, existing, records)
    names = alarms.names(matched, records, _unlisted(look, existing))
    if not names:
        return {}
    return await look.reads.alarms(look.scope, sorted(names), look.rarely("alarms"))


def _unlisted(look: Look, existing: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Policies of a target where one was put just now."""
    written = look.memory.written.get("policies")
    if written is None or look.reads.clock() - written > _ALARMS_SETTLE_SECONDS:
        return frozenset()
    return frozenset(str(policy["PolicyName"]) for policy in existing)


async def _is_tagged(look: Look) -> bool | None:
    """Whether the target's tag proves that this resource registered it.

    Asked once, where it matters: to revert, and while status has no record of the target.
    """
    if look.spec.deletion_policy is not DeletionPolicy.REVERT or look.memory.tag_known:
        return None
    if any(record.object == OBJECT for record in applied(look.resource.status)):
        return None
    found = await look.reads.scalable_target(look.scope, look.target, look.often("target"))
    if not found or not found.get("ScalableTargetARN"):
        return False
    answer = await look.gateway.call(
        look.scope,
        "application-autoscaling",
        "list_tags_for_resource",
        ResourceARN=found["ScalableTargetARN"],
    )
    return bool(answer.get("Tags", {}).get(UID_TAG) == look.resource.uid)
