"""How fast an error budget burns: multi-window, multi-burn-rate rules. Pure.

Google's SRE Workbook, chapter 5, table 5-8: a row fires while the burn rate is above its factor
over both of its windows; the short one ends the alert soon after the trouble has ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from setpoint.api.findings import Severity
from setpoint.api.types import format_duration
from setpoint.engine.model import Sample

PERIOD = timedelta(minutes=5)
"""Length of the periods that events are counted in: the shortest window."""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    factor: float
    long: timedelta
    short: timedelta
    severity: Severity

    @property
    def name(self) -> str:
        """`1h+5m`."""
        return f"{format_duration(self.long)}+{format_duration(self.short)}"


ROWS = (
    Row(14.4, timedelta(hours=1), timedelta(minutes=5), Severity.CRITICAL),
    Row(6.0, timedelta(hours=6), timedelta(minutes=30), Severity.CRITICAL),
    Row(1.0, timedelta(days=3), timedelta(hours=6), Severity.WARNING),
)
LONGEST = max(row.long for row in ROWS)


@dataclass(frozen=True)
class Events:
    """Events of one period: how many, and how many of them were bad."""

    total: float
    bad: float


def sample(
    rule: str,
    events: Mapping[datetime, Events],
    objective: float,
    min_events: int,
    end: datetime,
) -> Sample:
    """The row that fires, the worst first; else the one that is nearest to firing.

    `events` by the start of their period, up to `end` (exclusive); `objective` in percent of good
    events. A window with fewer than `min_events` events says nothing: with little traffic a single
    error would be a page. No row that says something: no data.
    """
    rated = [(row, rate) for row in ROWS if (rate := _rate(row, events, objective, min_events, end))
             is not None]  # fmt: skip
    if not rated:
        row = ROWS[0]
        return _sample(rule, row, None)
    firing = [(row, rate) for row, rate in rated if rate > row.factor]
    row, rate = firing[0] if firing else max(rated, key=lambda pair: pair[1] / pair[0].factor)
    return _sample(rule, row, rate)


def _rate(
    row: Row,
    events: Mapping[datetime, Events],
    objective: float,
    min_events: int,
    end: datetime,
) -> float | None:
    """The burn rate that both windows reach: the lower of the two."""
    budget = (100 - objective) / 100
    rates = []
    for window in (row.long, row.short):
        total, bad = _sum(events, end - window, end)
        if total < min_events:
            return None
        rates.append(bad / total / budget)
    return min(rates)


def _sum(events: Mapping[datetime, Events], start: datetime, end: datetime) -> tuple[float, float]:
    inside: Sequence[Events] = [one for at, one in events.items() if start <= at < end]
    return sum(one.total for one in inside), sum(one.bad for one in inside)


def _sample(rule: str, row: Row, rate: float | None) -> Sample:
    text = "no data" if rate is None else f"{rate:.1f}x over {row.name}"
    return Sample(
        rule=rule,
        value=rate,
        threshold=row.factor,
        shown=text,
        shown_threshold=f"{row.factor:g}x",
        severity=row.severity,
        unit="x",
        summary=""
        if rate is None
        else f"the error budget burns {text} (threshold {row.factor:g}x)",
    )
