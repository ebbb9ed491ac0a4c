"""What may run now, and the digest that approves exactly one plan."""

from dataclasses import replace

import pytest

from setpoint.api.base import Approval, Mode
from setpoint.api.common import CommonSpec
from setpoint.api.plan import BlockedBy, PlanOp, Risk
from setpoint.engine import plan
from setpoint.engine.model import Action

LOW = Action(PlanOp.UPDATE, "target", "min", "1", "2", "differs")
HIGH = Action(PlanOp.UPDATE, "rds", "class", "a", "b", "differs", risk=Risk.HIGH)
BUSY = replace(LOW, object="busy", blocked_by=BlockedBy.STATE)


def blocked(
    mode: Mode, approval: Approval = Approval.REQUIRED, approved: bool = False
) -> list[BlockedBy | None]:
    actions = [LOW, HIGH, BUSY]
    name = plan.digest("uid", 1, actions) if approved else None
    gated = plan.gate("uid", 1, CommonSpec(mode=mode, approval=approval), name, actions)
    return [action.blocked_by for action in gated.actions]


@pytest.mark.parametrize(
    ("mode", "approval", "approved", "expected"),
    [
        (Mode.OBSERVE, Approval.REQUIRED, False, ["Mode", "Mode", "Mode"]),
        (Mode.OBSERVE, Approval.NONE, True, ["Mode", "Mode", "Mode"]),
        (Mode.PLAN, Approval.REQUIRED, False, ["Approval", "Approval", "State"]),
        (Mode.PLAN, Approval.NONE, False, ["Approval", "Approval", "State"]),
        (Mode.PLAN, Approval.REQUIRED, True, [None, None, "State"]),
        (Mode.ENFORCE, Approval.REQUIRED, False, [None, "Approval", "State"]),
        (Mode.ENFORCE, Approval.REQUIRED, True, [None, None, "State"]),
        (Mode.ENFORCE, Approval.NONE, False, [None, None, "State"]),
    ],
)
def test_the_gates(
    mode: Mode, approval: Approval, approved: bool, expected: list[str | None]
) -> None:
    assert blocked(mode, approval, approved) == expected


def test_the_digest_is_of_what_changes_and_of_nothing_else() -> None:
    name = plan.digest("uid", 1, [LOW, HIGH])
    reworded = replace(HIGH, reason="other words", risk=Risk.LOW, payload=object())
    assert plan.digest("uid", 1, [LOW, reworded]) == name
    assert plan.digest("uid", 2, [LOW, HIGH]) != name
    assert plan.digest("other", 1, [LOW, HIGH]) != name
    assert plan.digest("uid", 1, [LOW, replace(HIGH, to="c")]) != name
    assert plan.digest("uid", 1, [HIGH, LOW]) != name
    assert plan.digest("uid", 1, []) == ""


def test_an_empty_approval_approves_nothing() -> None:
    gated = plan.gate("uid", 1, CommonSpec(mode=Mode.PLAN), "", [LOW])
    assert gated.runnable == []


def test_background_work_that_was_let_through_goes_on() -> None:
    sweep = replace(HIGH, op=PlanOp.SWEEP, background=True)
    carried = {sweep.change}
    gated = plan.gate("uid", 1, CommonSpec(), None, [sweep, HIGH], carried)
    assert [action.blocked_by for action in gated.actions] == [None, None]
    other = replace(sweep, to="c")
    assert plan.gate("uid", 1, CommonSpec(), None, [other], carried).runnable == []


def test_status_shows_twenty_and_counts_the_rest() -> None:
    actions = [replace(LOW, object=f"o{number}") for number in range(23)]
    shown = plan.show(plan.gate("uid", 1, CommonSpec(), None, actions))
    assert (len(shown.actions), shown.truncated) == (20, 3)
    assert shown.wire()["actions"][0]["from"] == "1"
