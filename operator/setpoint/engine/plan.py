"""Which actions may run now, and the plan as status shows it. Pure."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from setpoint.api.base import Approval, Mode
from setpoint.api.common import CommonSpec
from setpoint.api.plan import BlockedBy, PlanAction, PlanStatus, Risk
from setpoint.engine.model import Action, Change

APPROVE = "setpoint.dev/approve"
"""Annotation that lets exactly the plan through whose digest it names."""

SHOWN = 20


@dataclass(frozen=True)
class Gated:
    """A plan after the gates: every action, with what blocks it, and the digest of all."""

    actions: Sequence[Action]
    digest: str

    @property
    def runnable(self) -> list[Action]:
        """Actions that nothing blocks."""
        return [action for action in self.actions if action.blocked_by is None]

    @property
    def blocked(self) -> list[Action]:
        """Actions that wait for something."""
        return [action for action in self.actions if action.blocked_by is not None]


def digest(uid: str, generation: int, actions: Sequence[Action]) -> str:
    """12 hex digits over uid, generation and every from/to: no times, no wording. "" if empty."""
    if not actions:
        return ""
    content = [uid, generation] + [[str(action.op), *action.change] for action in actions]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def gate(
    uid: str,
    generation: int,
    spec: CommonSpec,
    approved: str | None,
    actions: Sequence[Action],
    carried: Collection[Change] = (),
) -> Gated:
    """Block what the mode or a missing approval forbids; what a kind blocked stays blocked.

    `approved` is the annotation's value; `carried` is background work that was let through before
    and is not finished, although the plan's digest has changed since.
    """
    name = digest(uid, generation, actions)
    is_approved = approved is not None and approved == name and name != ""

    def blocked_by(action: Action) -> BlockedBy | None:
        if spec.mode is Mode.OBSERVE:
            return BlockedBy.MODE
        if action.blocked_by is not None or is_approved or action.change in carried:
            return action.blocked_by
        if spec.mode is Mode.PLAN:
            return BlockedBy.APPROVAL
        if action.risk is Risk.HIGH and spec.approval is Approval.REQUIRED:
            return BlockedBy.APPROVAL
        return None

    gated = [replace(action, blocked_by=blocked_by(action)) for action in actions]
    return Gated(gated, name)


def show(gated: Gated) -> PlanStatus:
    """The plan for status, at most 20 actions."""
    shown = [
        PlanAction(
            op=action.op,
            object=action.object,
            field=action.field[:128],
            from_=action.from_[:256],
            to=action.to[:256],
            reason=action.reason[:256],
            risk=action.risk,
            blocked_by=action.blocked_by,
        )
        for action in gated.actions[:SHOWN]
    ]
    return PlanStatus(
        digest=gated.digest, truncated=max(0, len(gated.actions) - SHOWN), actions=shown
    )


def sentence(action: Action) -> str:
    """An action in words: `Update rds/orders instanceClass from A to B waits for Approval`."""
    what = f"{action.op} {action.object} {action.field}".rstrip()
    change = f" from {action.from_}" if action.from_ else ""
    change += f" to {action.to}" if action.to else ""
    return f"{what}{change}" + (f" waits for {action.blocked_by}" if action.blocked_by else "")
