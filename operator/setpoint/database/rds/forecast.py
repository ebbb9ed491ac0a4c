"""When storage will be full, by the hourly free bytes of the last days. Pure.

The pace is the median of all slopes between two points (Theil and Sen), and counts where the test
of Mann and Kendall takes it for a trend, over all of the time and over its later half: so noise, a
load that was made once, and what is cleaned up every night are none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from setpoint.database.rds.model import Series

FROM = 24
"""Hourly datapoints, without which nothing is said."""

_STEP = 0.05  # of the storage within an hour: enlarged, or filled by something that is over
_GROWN = 0.08  # what a growth by 10 % makes of the larger storage, and a little less
_FASTER = 1.25  # than on the worst day before
_FEW = 2  # so many steps are single events; more are how this database lives
_FINE = 72  # up to so many points each counts, beyond that the least of three
_SURE, _LIKELY = -3.1, -2.0  # standard deviations: one chance in a thousand, and in forty

Points = Sequence[tuple[datetime, float]]


@dataclass(frozen=True)
class Forecast:
    """Hours until there is no free byte, at the pace of the time `over` which it was measured."""

    hours: float
    over: timedelta


def full(series: Series, size: int, *, autoscales: bool = False) -> Forecast | None:
    """For storage of `size` bytes; None without enough data, or where it does not fill up.

    `autoscales`: RDS may have enlarged it any number of times.
    """
    points = _since(list(series.values), size, autoscales=autoscales)
    if len(points) < FROM:
        return None
    found = [_trend(points), _of_today(points, size)]
    return min(filter(None, found), key=lambda forecast: forecast.hours, default=None)


def _since(points: Points, size: int, *, autoscales: bool) -> Points:
    """What came after the last step, if there were few."""
    changes = [
        (number, (points[number][1] - points[number - 1][1]) / size)
        for number in range(1, len(points))
    ]
    steps = [number for number, change in changes if abs(change) > _STEP]
    if autoscales and (grown := [number for number, change in changes if change > _GROWN]):
        return points[grown[-1] :]
    return points[steps[-1] :] if 0 < len(steps) <= _FEW else points


def _trend(points: Points) -> Forecast | None:
    """By all of the time: from the least of the last day on, which comes again every day."""
    half = points[len(points) // 2 :]
    if _pace(points, _SURE) is None or (pace := _pace(half, _LIKELY)) is None:
        return None
    return _forecast(min(value for _, value in points[-FROM:]), pace, points)


def _of_today(points: Points, size: int) -> Forecast | None:
    """By the last day alone, where it went below all of the days before, and faster."""
    before, today = points[:-FROM], points[-FROM:]
    now = median(value for _, value in today[-3:])
    if len(before) < FROM or now > min(value for _, value in before) - _STEP * size:
        return None
    days = [before[n : n + FROM] for n in range(0, len(before) - FROM + 1, FROM)]
    if _spread(today) < _FASTER * max(map(_spread, days)):
        return None
    pace = _pace(today, _SURE)
    return None if pace is None else _forecast(now, pace, today)


def _forecast(free: float, pace: float, points: Points) -> Forecast:
    return Forecast(free / -pace, points[-1][0] - points[0][0])


def _spread(points: Points) -> float:
    values = [value for _, value in points]
    return max(values) - min(values)


def _pace(points: Points, most: float) -> float | None:
    """The median slope in bytes an hour, if it falls and Kendall's statistic is below `most`."""
    kept = points if len(points) <= _FINE else _least_of_three(points)
    count = len(kept)
    slopes, score = [], 0
    for number, (at, value) in enumerate(kept):
        for then, later in kept[number + 1 :]:
            slopes.append((later - value) / ((then - at).total_seconds() / 3600))
            score += (later > value) - (later < value)
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    slope = median(slopes)
    return slope if slope < 0 and (score + 1) / deviation < most else None


def _least_of_three(points: Points) -> Points:
    return [min(points[n : n + 3], key=lambda point: point[1]) for n in range(0, len(points), 3)]
