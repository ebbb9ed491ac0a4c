"""One attempt at a resource: observe, decide, carry out what may run now, read it back."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, BlockedBy, PlanOp
from setpoint.engine.claims import Claims
from setpoint.engine.failure import Failure
from setpoint.engine.kind import Kind
from setpoint.engine.model import Action, Change, Decision, Resource
from setpoint.engine.plan import APPROVE, Gated, gate
from setpoint.engine.track import Track

Record = tuple[str, str]
"""Names a record of ownership: its object and field."""

_UNCERTAIN = frozenset({Reason.CONNECTION_FAILED, Reason.TIMED_OUT})
"""After these, the action may have been carried out all the same."""

Prepare = Callable[["Attempt"], Awaitable[Resource[Any]]]
"""Writes down, before the first action, what must survive a crash; the resource as written."""


@dataclass(frozen=True)
class Attempt:
    """What was seen and done. `resource` is as it was last written."""

    resource: Resource[Any]
    observed: Any
    decision: Decision[Any]
    gated: Gated
    applied: Sequence[Applied]
    target: str | None
    done: Sequence[Action] = ()
    failures: Sequence[Failure] = field(default_factory=tuple)

    def without_deleted(self) -> "Attempt":
        """Forget the records of what is gone."""
        gone = {action.object for action in self.done if action.op is PlanOp.DELETE}
        gone |= set(self.decision.forgotten)
        return replace(self, applied=[entry for entry in self.applied if entry.object not in gone])

    def without(self, undone: Collection[Record]) -> "Attempt":
        """Forget the records of what was not done after all."""
        kept = [entry for entry in self.applied if (entry.object, entry.field) not in undone]
        return replace(self, applied=kept)


class Attempter:
    """Runs attempts; knows the claims and the clock, and no kind."""

    def __init__(self, claims: Claims, now: Callable[[], datetime]) -> None:
        self._claims = claims
        self._now = now

    async def run(
        self, kind: Kind[Any, Any, Any], resource: Resource[Any], track: Track, prepare: Prepare
    ) -> Attempt:
        """Raises Failure where nothing could be observed, or the target is another's."""
        if target := kind.claim(resource.key.namespace, resource.spec):
            self._require_ownership(resource, target)
        seen = await self._look(kind, resource, track)
        if not seen.gated.runnable:
            return seen.without_deleted()
        before = _recorded(resource)
        resource = await prepare(seen)
        planned = seen.gated.runnable
        done, failure = await _carry_out(kind, resource, planned, track)
        undone = _undone(planned, done, failure) - before
        if any(not action.background for action in done):
            seen = await self._look(kind, resource, track)
        failures = [*seen.failures, *([failure] if failure else ())]
        finished = replace(seen, resource=resource, done=done, failures=failures)
        return finished.without_deleted().without(undone)

    async def _look(
        self, kind: Kind[Any, Any, Any], resource: Resource[Any], track: Track
    ) -> Attempt:
        observed = await kind.observe(resource, track.memory)
        static = kind.claim(resource.key.namespace, resource.spec)
        targets = kind.targets(observed)
        for target in targets:
            self._claims.add(resource.key, target, resource.created, resource.uid)
        if targets:
            # It may have been another server until now, under the same name.
            self._claims.keep_only(resource.key, {name for name in (static, *targets) if name})
        for target in targets:
            self._require_ownership(resource, target)
        decision = kind.decide(resource, observed, track.memory, self._now())
        track.memory = decision.memory
        gated = gate(
            resource.uid,
            resource.generation,
            resource.spec,
            resource.annotations.get(APPROVE),
            decision.actions,
            track.approved,
        )
        track.approved = _still_approved(gated, track.approved)
        return Attempt(
            resource=resource,
            observed=observed,
            decision=decision,
            gated=gated,
            applied=applied_of(resource, gated.runnable, decision.records),
            target=targets[0] if targets else static,
            failures=tuple(decision.failures),
        )

    def _require_ownership(self, resource: Resource[Any], target: str) -> None:
        owner = self._claims.owner(target)
        if owner is not None and owner != resource.key:
            raise Failure(
                Reason.TARGET_CONFLICT,
                f"{owner.plural} {owner.namespace}/{owner.name} is older and manages the same "
                "target: delete one of the two",
            )


async def _carry_out(
    kind: Kind[Any, Any, Any], resource: Resource[Any], actions: Sequence[Action], track: Track
) -> tuple[list[Action], Failure | None]:
    """Act in order up to the first failure: what follows may rest on what failed."""
    done: list[Action] = []
    for action in actions:
        try:
            track.memory = await kind.act(resource, action, track.memory)
        except Failure as failure:
            return done, failure
        done.append(action)
    return done, None


def _recorded(resource: Resource[Any]) -> set[Record]:
    """What status has records of."""
    return {(entry["object"], entry["field"]) for entry in resource.status.get("applied") or ()}


def _undone(
    planned: Sequence[Action], done: Sequence[Action], failure: Failure | None
) -> set[Record]:
    """Records of actions that were certainly not carried out: a proof of ownership of what was
    refused would one day delete what somebody else made."""
    rest = planned[len(done) :]
    if failure is not None and failure.reason in _UNCERTAIN:
        rest = rest[1:]
    return {(a.record.object, a.record.field) for a in rest if a.record is not None}


def _still_approved(gated: Gated, before: frozenset[Change]) -> frozenset[Change]:
    """Background work that runs now may go on in later slices, when the plan has become shorter,
    and when its window opens again."""
    return frozenset(
        action.change
        for action in gated.actions
        if action.background
        and (
            action.blocked_by is None
            or (action.blocked_by is BlockedBy.WINDOW and action.change in before)
        )
    )


def applied_of(
    resource: Resource[Any], actions: Sequence[Action], added: Sequence[Applied] = ()
) -> list[Applied]:
    """The records of ownership that status has, those that are `added`, and those of `actions`.

    What was there before setpoint came is recorded once, and never overwritten.
    """
    records = {
        (entry["object"], entry["field"]): Applied.model_validate(entry)
        for entry in resource.status.get("applied") or ()
    }
    for record in (*added, *(action.record for action in actions if action.record is not None)):
        records.setdefault((record.object, record.field), record)
    return list(records.values())
