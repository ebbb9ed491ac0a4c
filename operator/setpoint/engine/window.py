"""Our own maintenance window: when it is open, and when it opens next. Pure.

The hours are those of cron in a time zone, as cronsim and Debian's cron have them: a time that
daylight saving skips comes right after the gap, one that comes twice counts the first time. The
duration is real time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from setpoint.api.window import MaintenanceWindow

_SHIFT = timedelta(hours=3)  # more than any clock is put forward or back


@dataclass(frozen=True)
class Opening:
    """`until`: the end of the window that is open now, else None. `next`: the next opening after
    now, in the window's time zone; None where there is none in the next decades."""

    until: datetime | None
    next: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether changes that cost downtime may begin now."""
        return self.until is not None


def opening(window: MaintenanceWindow, now: datetime) -> Opening:
    """Where `now` (with a time zone) is in the window. An opening counts from its very second."""
    zone = ZoneInfo(window.time_zone)
    until = None
    for start in _starts(window, now - window.duration, zone):
        if start > now:
            return Opening(until, start)
        until = (start.astimezone(UTC) + window.duration).astimezone(zone)
    return Opening(until, None)


def shown(moment: datetime) -> str:
    """A moment of the coming week, in short: `Sun 03:00`."""
    return moment.strftime("%a %H:%M")


def _starts(window: MaintenanceWindow, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Openings after a moment, in their order."""
    # Begun earlier: cronsim looks at the local time only, which comes twice when clocks go back.
    for start in CronSim(window.cron, (after - _SHIFT).astimezone(zone)):
        if start.astimezone(UTC) > after:
            yield start
