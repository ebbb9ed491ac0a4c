"""Which minimum and maximum capacity a scalable target should have now, schedules included. Pure.

A scheduled action of Application Auto Scaling rewrites MinCapacity, MaxCapacity or both when it
fires, and for good; so the bounds are those of the last firings, or the spec's where nothing fired.
The past is replayed from the spec's bounds. What is not certain (a firing of the last minutes, an
hour that daylight saving time skips or repeats, a start time that may or may not fire) branches
the replay: every state that AWS may be in is acceptable, one is expected.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, permutations
from typing import Any

from setpoint.scaling.schedule import Firing, recent

SPEC = "Spec"
PREDICTIVE = "Predictive"
AWS = "AWS"

LATE = timedelta(minutes=3)
"""AWS fires to the minute and takes a moment: until then, the state before is fine too."""

EARLY = timedelta(minutes=1)
"""The two clocks may differ: from then on, the state after is fine too."""

_DEPTH = 64
"""Firings of each action that are replayed. Only the order of single-bound actions that refuse
each other could tell more."""

_ORDERS = 4
"""Up to so many actions of one minute are replayed in every order; of more, any may be left out."""


@dataclass(frozen=True)
class Bounds:
    """Capacity, and where it comes from: Spec, Schedule/NAME, Predictive or AWS."""

    min: int
    max: int
    source: str


@dataclass(frozen=True)
class Situation:
    """The spec's bounds, those that AWS has, and what else moves them.

    `actions` are ScheduledActions as DescribeScheduledActions returns them. `is_suspended` is
    SuspendedState.ScheduledScalingSuspended. `may_raise_max`: a predictive policy in mode
    ForecastAndScale with MaxCapacityBreachBehavior IncreaseMaxCapacity exists.
    """

    base: tuple[int, int]
    observed: tuple[int, int]
    actions: Sequence[Mapping[str, Any]]
    now: datetime
    is_suspended: bool = False
    may_raise_max: bool = False


@dataclass(frozen=True)
class _State:
    min: int
    max: int
    min_by: str = SPEC
    max_by: str = SPEC
    last: str = SPEC

    @property
    def bounds(self) -> tuple[int, int]:
        return self.min, self.max

    def after(self, action: "_Action") -> "_State":
        """AWS refuses a firing that would put the minimum above the maximum: nothing changes."""
        low = self.min if action.min is None else action.min
        high = self.max if action.max is None else action.max
        if low > high:
            return self
        return _State(
            low,
            high,
            self.min_by if action.min is None else action.source,
            self.max_by if action.max is None else action.source,
            action.source,
        )


@dataclass(frozen=True)
class _Action:
    source: str
    min: int | None
    max: int | None
    firings: tuple[Firing, ...] | None
    """None: its schedule is not understood, so it may have fired at any time."""


def expected(situation: Situation) -> Bounds:
    """What the bounds should be now; the source is the schedule that set one of them last."""
    state = _replay_planned(_actions(situation), situation)
    return Bounds(state.min, state.max, state.last)


def is_drift(situation: Situation) -> bool:
    """Whether neither spec nor schedules nor a forecast account for the observed bounds."""
    return _origin(situation) is None


def effective(situation: Situation) -> Bounds:
    """The observed bounds and where they come from; AWS where nothing accounts for them."""
    return Bounds(*situation.observed, _origin(situation) or AWS)


def _origin(situation: Situation) -> str | None:
    actions = _actions(situation)
    states = [_replay_planned(actions, situation), *_acceptable(actions, situation)]
    low, high = situation.observed
    for state in states:
        if state.bounds == situation.observed:
            return state.last
    if situation.may_raise_max and any(s.min == low and s.max < high for s in states):
        return PREDICTIVE
    return None


def _acceptable(actions: Sequence[_Action], situation: Situation) -> list[_State]:
    """Every state that may be, the spec's own among them: a schedule that was changed since has
    firings in the computed past that never were.
    """
    base = _State(*situation.base)
    states = [*_replay_all(actions, situation), base]
    mixed = [mix for state in states for mix in _mixed(state, base)]
    anytime = [a for a in actions if situation.is_suspended or a.firings is None]
    return [*states, *mixed, *_anytime([*states, *mixed], anytime)]


def _mixed(state: _State, base: _State) -> Iterator[_State]:
    """One bound of the spec, the other of another firing than the one that is put aside."""
    if state.min_by != state.max_by:
        for mix in (
            replace(state, min=base.min, min_by=SPEC, last=state.max_by),
            replace(state, max=base.max, max_by=SPEC, last=state.min_by),
        ):
            if mix.min <= mix.max:
                yield mix


def _anytime(states: Sequence[_State], actions: Sequence[_Action]) -> list[_State]:
    """With actions that may have fired in any order or not at all: any pair of their bounds."""
    if not actions:
        return []
    mins = {state.min: state.min_by for state in states}
    maxs = {state.max: state.max_by for state in states}
    mins |= {action.min: action.source for action in actions if action.min is not None}
    maxs |= {action.max: action.source for action in actions if action.max is not None}
    return [
        _State(low, high, min_by, max_by, max_by if min_by == SPEC else min_by)
        for low, min_by in mins.items()
        for high, max_by in maxs.items()
        if low <= high
    ]


def _replay_planned(actions: Sequence[_Action], situation: Situation) -> _State:
    state = _State(*situation.base)
    for firing, action in _events(actions):
        if firing.planned and firing.at <= situation.now:
            state = state.after(action)
    return state


def _replay_all(actions: Sequence[_Action], situation: Situation) -> list[_State]:
    states = [_State(*situation.base)]
    for _, minute in groupby(_events(actions), lambda event: _minute(event[0])):
        events = list(minute)
        leave_out = len(events) > _ORDERS
        orders = [events] if leave_out else permutations(events)
        latest = situation.now - LATE
        states = _distinct(
            end for order in orders for end in _follow(states, order, latest, leave_out=leave_out)
        )
    return states


def _follow(
    states: Sequence[_State],
    order: Iterable[tuple[Firing, _Action]],
    latest: datetime,
    *,
    leave_out: bool,
) -> list[_State]:
    """The states after firings in that order; one that is not certain leaves those before too."""
    reached = list(states)
    for firing, action in order:
        after = [state.after(action) for state in reached]
        is_sure = firing.sure and firing.at <= latest and not leave_out
        reached = after if is_sure else _distinct([*reached, *after])
    return reached


def _distinct(states: Iterable[_State]) -> list[_State]:
    return list({state.bounds: state for state in states}.values())


def _minute(firing: Firing) -> datetime:
    return firing.at.replace(second=0, microsecond=0)


def _events(actions: Sequence[_Action]) -> list[tuple[Firing, _Action]]:
    events = [(firing, action) for action in actions for firing in action.firings or ()]
    return sorted(events, key=lambda event: (event[0].at, event[1].source))


def _actions(situation: Situation) -> list[_Action]:
    return [_action(raw, situation.now + EARLY) for raw in situation.actions]


def _action(raw: Mapping[str, Any], until: datetime) -> _Action:
    change = raw.get("ScalableTargetAction") or {}
    return _Action(
        f"Schedule/{raw['ScheduledActionName']}",
        change.get("MinCapacity"),
        change.get("MaxCapacity"),
        _firings(raw, until),
    )


def _firings(raw: Mapping[str, Any], until: datetime) -> tuple[Firing, ...] | None:
    expression, start = str(raw["Schedule"]), raw.get("StartTime")
    limits = (start, raw.get("EndTime"), raw.get("CreationTime"))
    try:
        found = tuple(recent(expression, raw.get("Timezone"), *limits, until, _DEPTH))
    except ValueError:
        return None
    if created := raw.get("CreationTime"):  # AWS may not have it in time for a firing due at once
        found = tuple(replace(f, sure=f.sure and f.at >= created + LATE) for f in found)
    if start is None or start > until or not expression.startswith("cron"):
        return found
    # AWS' user guide says that the start time fires too, its API reference does not.
    return (*found, Firing(start, planned=False, sure=False))
