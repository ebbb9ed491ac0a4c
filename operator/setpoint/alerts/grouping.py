"""When the alerts of one severity are told: Alertmanager's rules for a group. Pure.

A group is looked at at its ticks: group.wait after its first alert, then every group.interval
(Alertmanager's dispatch.go). What makes it speak is `needsUpdate` of its dedup_stage.go: an alert
that fires and was not told; all resolved, once; one resolved while others fire; else only when
group.repeat has passed (at a tick, or when a silence ends that held it back). Ticks are computed,
never stored: nothing is written while nothing changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from setpoint.api.alerts import Alert, AlertGroup, AlertState, Grouping, Storm
from setpoint.api.findings import Severity
from setpoint.engine.conditions import read_time


@dataclass(frozen=True)
class Members:
    """The alerts of a severity, as they stand to what was told.

    `firing` are to stand in the message as firing; of them, `news` do not yet. `gone` stand there
    as firing and are not. `passed` came and went, and were never told. `loud` are those firing ones
    that nothing suppresses.
    """

    firing: Sequence[Alert]
    news: Sequence[Alert]
    gone: Sequence[Alert]
    passed: Sequence[Alert]
    loud: Sequence[Alert]

    @property
    def any(self) -> bool:
        """Whether there is a group at all."""
        return bool(self.firing or self.gone or self.passed)

    @property
    def need_update(self) -> bool:
        """Whether there is something to tell that the message does not say."""
        if self.news:
            return True
        if not self.firing:
            return bool(self.gone)
        return bool(self.gone or self.passed)


def members(items: Sequence[Alert], severity: Severity) -> Members:
    """Which alerts the group of `severity` is made of."""
    here = [item for item in items if item.severity is severity]
    told = [item for item in items if severity in (item.told or ())]
    fires = [item for item in here if item.state is AlertState.FIRING]
    firing = [item for item in fires if item.suppressed_by is None or item in told]
    return Members(
        firing=firing,
        news=[item for item in firing if item not in told],
        gone=[item for item in told if item not in fires],
        passed=[item for item in here if item.state is AlertState.RESOLVED and not item.told],
        loud=[item for item in firing if item.suppressed_by is None],
    )


def tick(group: AlertGroup, settings: Grouping, moment: datetime) -> datetime:
    """The group's first tick at or after `moment`."""
    first = read_time(group.since) + settings.wait
    if moment <= first:
        return first
    return first + -((first - moment) // settings.interval) * settings.interval


def last_tick(group: AlertGroup, settings: Grouping, moment: datetime) -> datetime:
    """The group's last tick at or before `moment`; its first if there was none."""
    first = read_time(group.since) + settings.wait
    return first + max((moment - first) // settings.interval, 0) * settings.interval


def due(
    group: AlertGroup, found: Members, storm: Storm | None, settings: Grouping
) -> datetime | None:
    """When the group is to be told next, as things are; None if there is nothing to tell."""
    if group.changed is not None and found.need_update:
        at = tick(group, settings, read_time(group.changed))
        if storm is not None and found.news and storm.count > settings.digest_after:
            at = max(at, tick(group, settings, read_time(storm.since) + settings.digest_window))
        return at
    if group.told is not None and found.loud:
        return tick(group, settings, read_time(group.told) + settings.repeat)
    return None


def counted(storm: Storm | None, severity: Severity, news: int, now: str, size: timedelta) -> Storm:
    """The count of alerts in the digest window, with `news` more."""
    if storm is None or read_time(now) - read_time(storm.since) >= size:
        return Storm(severity=severity, since=now, count=news)
    return storm.model_copy(update={"count": storm.count + news})


def has_passed(item: Alert, group: AlertGroup, settings: Grouping, now: datetime) -> bool:
    """Whether a tick has gone by since an alert was resolved that was never told."""
    return item.ended is not None and tick(group, settings, read_time(item.ended)) < now
