"""What is not told although it fires: silences, mute windows, and what another alert explains.

Pure. Suppression concerns what is new: an alert that was told is told again when it is resolved.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from cronsim import CronSim

from setpoint.api.alerts import Alert, Alerts, AlertState, MuteWindow, RuleName, Silence

_NEVER_EXPLAINED = (RuleName.STALLED, RuleName.UNREACHABLE)


def suppressed(items: Sequence[Alert], spec: Alerts, now: datetime) -> list[Alert]:
    """The alerts, each firing one with the reason why it is not told, if there is one."""
    firing = {str(item.rule) for item in items if item.state is AlertState.FIRING}
    window = next((w for w in spec.mute_windows if end_of(w, now) is not None), None)
    return [
        item.model_copy(update={"suppressed_by": reason})
        if (reason := _reason(item, spec, window, firing, now)) != item.suppressed_by
        else item
        for item in items
    ]


def ends(items: Sequence[Alert], spec: Alerts, now: datetime) -> Iterator[datetime]:
    """When silences and mute windows end that hold back something now."""
    held = {item.suppressed_by for item in items if item.suppressed_by}
    for silence in spec.silences:
        if f"Silence/{silence.name}" in held and silence.until > now:
            yield silence.until
    for window in spec.mute_windows:
        end = end_of(window, now)
        if f"MuteWindow/{window.name}" in held and end is not None:
            yield end


def end_of(window: MuteWindow, now: datetime) -> datetime | None:
    """When the mute window ends that `now` is in; None outside of it.

    Begins are found in wall-clock time of the window's zone; its length is elapsed time.
    """
    zone = ZoneInfo(window.time_zone)
    just_after = (now + timedelta(minutes=1)).astimezone(zone)
    for begin in CronSim(window.cron, just_after, reverse=True):
        start = begin.astimezone(UTC)
        if start <= now:
            end = start + window.duration
            return end if now < end else None
    return None


def _reason(
    item: Alert, spec: Alerts, window: MuteWindow | None, firing: set[str], now: datetime
) -> str | None:
    if item.state is not AlertState.FIRING:
        return None
    for silence in spec.silences:
        if _is_silenced(item, silence, now):
            return f"Silence/{silence.name}"
    if window is not None:
        return f"MuteWindow/{window.name}"
    return _explained(item, firing)


def _explained(item: Alert, firing: set[str]) -> str | None:
    """A target that cannot be observed explains all that is said of it; what only a person can
    mend explains why it cannot be observed."""
    if item.rule == RuleName.UNREACHABLE and RuleName.STALLED in firing:
        return f"Rule/{RuleName.STALLED}"
    if item.rule not in _NEVER_EXPLAINED and RuleName.UNREACHABLE in firing:
        return f"Rule/{RuleName.UNREACHABLE}"
    return None


def _is_silenced(item: Alert, silence: Silence, now: datetime) -> bool:
    has_begun = silence.since is None or silence.since <= now
    return (
        has_begun
        and now < silence.until
        and _is_of(item.rule, silence.rule)
        and _matches(item.target, silence.target)
    )


def _is_of(rule: str, pattern: str | None) -> bool:
    """The rule of an alert about a finding is the finding's id, which begins with a capital."""
    is_finding = rule[:1].isupper()
    return _matches(rule, pattern) or (is_finding and pattern == RuleName.FINDINGS)


def _matches(name: str, pattern: str | None) -> bool:
    return pattern is None or fnmatchcase(name, pattern.replace("[", "[[]"))
