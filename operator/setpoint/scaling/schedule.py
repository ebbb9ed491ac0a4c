"""When a scheduled action of Application Auto Scaling fires: at(…), rate(…) and cron(…). Pure.

The grammar is that of PutScheduledAction and of EventBridge's cron expressions: six fields, 1-7 is
SUN-SAT, exactly one of the two day fields is `?`. AWS does not say what a local time means that
daylight saving time skips or repeats; EventBridge Scheduler's rules are taken: a skipped one does
not fire, a repeated one fires the first time only. `recent` tells where that is not certain.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_YEARS = (1970, 2199)
_SATURDAY = 7
_FORMS = "write cron(0 8 ? * MON-FRI *), rate(5 minutes) or at(2030-01-31T08:00:00)"


class _ScheduleError(ValueError):
    """A sentence that says what is wrong."""


@dataclass(frozen=True)
class Firing:
    """A moment (UTC) at which an action fires by the rules (`planned`) or may do so all the same.

    `sure` is False where AWS' documentation leaves open whether it does.
    """

    at: datetime
    planned: bool = True
    sure: bool = True


@dataclass(frozen=True)
class _At:
    moment: datetime


@dataclass(frozen=True)
class _Rate:
    every: timedelta


@dataclass(frozen=True)
class _Cron:
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    month_days: tuple[str, ...] | None
    months: frozenset[int]
    week_days: tuple[str, ...] | None
    years: frozenset[int]

    def days(self, year: int, month: int) -> list[int]:
        """The days of a month on which it fires, ascending."""
        if year not in self.years or month not in self.months:
            return []
        last = calendar.monthrange(year, month)[1]
        if self.month_days is not None:
            return sorted({d for t in self.month_days for d in _month_days(t, year, month, last)})
        return sorted({d for t in self.week_days or () for d in _week_days(t, year, month, last)})

    def before(self, moment: datetime) -> Iterator[datetime]:
        """Local times from the moment on backwards, itself included."""
        year, month = moment.year, moment.month
        while year >= min(self.years):
            for day in reversed(self.days(year, month)):
                if date(year, month, day) <= moment.date():
                    times = self._times(year, month, day)
                    yield from (time for time in reversed(times) if time <= moment)
            year, month = (year, month - 1) if month > 1 else (year - 1, 12)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Local times after the moment."""
        year, month = moment.year, moment.month
        while year <= max(self.years):
            for day in self.days(year, month):
                if date(year, month, day) >= moment.date():
                    times = self._times(year, month, day)
                    yield from (time for time in times if time > moment)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    def _times(self, year: int, month: int, day: int) -> list[datetime]:
        return [datetime(year, month, day, h, m) for h in self.hours for m in self.minutes]  # noqa: DTZ001


def validate(expression: str, time_zone: str | None) -> str | None:
    """What is wrong with a schedule and how to write it; None if nothing is."""
    try:
        parsed = _parse(expression, time_zone or "UTC")
    except _ScheduleError as error:
        return str(error)
    beginning = datetime(_YEARS[0], 1, 1)  # noqa: DTZ001
    if isinstance(parsed, _Cron) and next(parsed.after(beginning), None) is None:
        return f"{expression} never fires: no month has such a day"
    return None


def last_firing(
    expression: str,
    time_zone: str | None,
    start: datetime | None,
    end: datetime | None,
    created: datetime | None,
    now: datetime,
) -> datetime | None:
    """When it fired last, up to and including now, in UTC; None: never yet.

    Raises:
        ValueError: the expression or the time zone is not valid.
    """
    firings = recent(expression, time_zone, start, end, created, now)
    return next((firing.at for firing in firings if firing.planned), None)


def next_firing(
    expression: str,
    time_zone: str | None,
    start: datetime | None,
    end: datetime | None,
    created: datetime | None,
    now: datetime,
) -> datetime | None:
    """When it fires next, after now, in UTC; None: never again.

    A rate that has neither start nor creation time counts from now.

    Raises:
        ValueError: the expression or the time zone is not valid.
    """
    schedule = _parse(expression, time_zone or "UTC")
    earliest = _latest(start, created)
    found: datetime | None
    if isinstance(schedule, _At):
        found = schedule.moment if schedule.moment > now else None
        found = None if found and earliest and found < earliest else found
    elif isinstance(schedule, _Rate):
        found = _next_of_rate(schedule.every, start, created, now)
    else:
        after = max(now, earliest - timedelta(microseconds=1)) if earliest else now
        found = _next_of_cron(schedule, ZoneInfo(time_zone or "UTC"), after)
    return None if found is None or (end is not None and found > end) else found


def recent(
    expression: str,
    time_zone: str | None,
    start: datetime | None,
    end: datetime | None,
    created: datetime | None,
    now: datetime,
    limit: int | None = None,
) -> Iterator[Firing]:
    """The firings up to now, the latest first, with those that may have happened.

    Around a change of the clocks they are not strictly in order.

    Raises:
        ValueError: the expression or the time zone is not valid.
    """
    schedule = _parse(expression, time_zone or "UTC")
    found: Iterator[Firing]
    if isinstance(schedule, _At):
        found = iter([Firing(schedule.moment)])
    elif isinstance(schedule, _Rate):
        found = _past_of_rate(schedule.every, start, created, min(now, end or now))
    else:
        found = _past_of_cron(schedule, ZoneInfo(time_zone or "UTC"), min(now, end or now))
    earliest = _latest(start, created)
    return islice(_within(found, earliest, min(now, end or now)), limit)


def _within(
    firings: Iterator[Firing], earliest: datetime | None, latest: datetime
) -> Iterator[Firing]:
    for firing in firings:
        if earliest is not None and firing.at < earliest:
            if firing.planned:
                return
        elif firing.at <= latest:
            yield firing


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _next_of_rate(
    every: timedelta, start: datetime | None, created: datetime | None, now: datetime
) -> datetime:
    anchor = start or created or now
    first = anchor if start else anchor + every
    reached = max(now, created - timedelta(microseconds=1)) if created else now
    return first if first > reached else anchor + ((reached - anchor) // every + 1) * every


def _past_of_rate(
    every: timedelta, start: datetime | None, created: datetime | None, now: datetime
) -> Iterator[Firing]:
    """Counted from the start, else from the creation, at which it may fire for the first time."""
    anchor = start or created
    if anchor is None:
        return
    for times in range((now - anchor) // every, -1, -1):
        known = bool(times or start)
        yield Firing(anchor + times * every, planned=known, sure=known)


def _next_of_cron(cron: _Cron, zone: ZoneInfo, now: datetime) -> datetime | None:
    local = now.astimezone(zone).replace(tzinfo=None, fold=0)
    moments = (moment for time in cron.after(local) for moment in _moments(time, zone))
    return next((m.at for m in moments if m.planned and m.at > now), None)


def _past_of_cron(cron: _Cron, zone: ZoneInfo, now: datetime) -> Iterator[Firing]:
    local = now.astimezone(zone)
    # In a repeated hour, all its local times have been there once already.
    before = now - timedelta(hours=3)
    back = before.astimezone(zone).utcoffset() or timedelta()
    ahead = max(timedelta(), back - (local.utcoffset() or timedelta()))
    for time in cron.before(local.replace(tzinfo=None, fold=0) + ahead):
        yield from (moment for moment in _moments(time, zone) if moment.at <= now)


def _moments(time: datetime, zone: ZoneInfo) -> list[Firing]:
    """What a local time means, the latest first."""
    first = time.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = time.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return [Firing(first)]
    if first.astimezone(zone).replace(tzinfo=None, fold=0) != time:  # skipped by the clock
        return [Firing(first, planned=False, sure=False)]
    return [Firing(second, planned=False, sure=False), Firing(first, sure=False)]


@lru_cache(maxsize=4096)
def _parse(expression: str, time_zone: str) -> _At | _Rate | _Cron:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _ScheduleError(
            f"{time_zone} is no time zone: write an IANA name such as Europe/Berlin"
        ) from None
    found = re.fullmatch(r"(cron|rate|at)\(\s*(.*?)\s*\)", expression.strip())
    if not found:
        raise _ScheduleError(f"{expression!r} is no schedule: {_FORMS}")
    kind, inner = found.groups()
    if kind == "at":
        return _parse_at(inner, zone)
    return _parse_rate(inner) if kind == "rate" else _parse_cron(inner)


def _parse_at(text: str, zone: ZoneInfo) -> _At:
    wrong = f"at({text}) is no point in time: write at(2030-01-31T08:00:00)"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text):
        raise _ScheduleError(wrong)
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise _ScheduleError(wrong) from None
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None, fold=0) != local:
        raise _ScheduleError(f"at({text}) does not exist in {zone.key}: the clock skips it")
    return _At(moment)


def _parse_rate(text: str) -> _Rate:
    found = re.fullmatch(r"([1-9]\d{0,5})\s+(minute|hour|day)s?", text)
    if not found:
        raise _ScheduleError(
            f"rate({text}) is no rate: write a whole number above 0 and minutes, hours or days, "
            "as in rate(5 minutes)"
        )
    return _Rate(timedelta(**{f"{found[2]}s": int(found[1])}))


def _parse_cron(text: str) -> _Cron:
    fields = text.upper().split()
    if len(fields) != 6:
        raise _ScheduleError(
            f"cron({text}) has {len(fields)} fields instead of 6 (minutes, hours, day of month, "
            "month, day of week, year): write cron(0 8 ? * MON-FRI *)"
        )
    minutes, hours, month_days, months, week_days, years = fields
    if (month_days == "?") == (week_days == "?"):
        raise _ScheduleError(
            f"cron({text}) must have ? in exactly one of day of month (third) and day of week "
            "(fifth): write cron(0 8 * * ? *) or cron(0 8 ? * MON-FRI *)"
        )
    return _Cron(
        minutes=tuple(sorted(_values("minutes", minutes, 0, 59))),
        hours=tuple(sorted(_values("hours", hours, 0, 23))),
        month_days=None if month_days == "?" else _month_day_terms(month_days),
        months=frozenset(_values("month", months, 1, 12, _MONTHS)),
        week_days=None if week_days == "?" else _week_day_terms(week_days),
        years=frozenset(_values("year", years, *_YEARS)),
    )


def _values(field: str, text: str, low: int, high: int, names: list[str] | None = None) -> set[int]:
    """The numbers of lists, ranges and steps. A range may go over the end, as FRI-MON does."""
    found: set[int] = set()
    for term in text.split(","):
        base, slash, step_text = term.partition("/")
        step = _number(field, step_text, 1, high, None) if slash else 1
        first_text, dash, last_text = base.partition("-")
        if base == "*":
            first, last = low, high
        else:
            first = _number(field, first_text, low, high, names)
            last = high if slash else first
            last = _number(field, last_text, low, high, names) if dash else last
        size = high - low + 1
        found |= {
            low + (first - low + offset) % size
            for offset in range(0, (last - first) % size + 1, step)
        }
    return found


def _number(field: str, text: str, low: int, high: int, names: list[str] | None) -> int:
    if names and text in names:
        return low + names.index(text)
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    also = f" or {names[0]}-{names[-1]}" if names else ""
    raise _ScheduleError(f"{text or 'nothing'!r} is no value for {field}: write {low}-{high}{also}")


def _month_day_terms(text: str) -> tuple[str, ...]:
    terms: set[str] = set()
    for term in text.split(","):
        if term in {"L", "LW"}:
            terms.add(term)
        elif term.endswith("W"):
            terms.add(f"{_number('day of month', term[:-1], 1, 31, None)}W")
        else:
            terms |= {str(day) for day in _values("day of month", term, 1, 31)}
    return tuple(sorted(terms))


def _week_day_terms(text: str) -> tuple[str, ...]:
    terms: set[str] = set()
    for term in text.split(","):
        day, sharp, week = term.partition("#")
        if sharp:
            number = _number("day of week", day, 1, 7, _DAYS)
            terms.add(f"{number}#{_number('the week after #', week, 1, 5, None)}")
        elif term == "L":
            terms.add(str(_SATURDAY))
        elif term.endswith("L"):
            terms.add(f"{_number('day of week', term[:-1], 1, 7, _DAYS)}L")
        else:
            terms |= {str(day) for day in _values("day of week", term, 1, 7, _DAYS)}
    return tuple(sorted(terms))


def _month_days(term: str, year: int, month: int, last: int) -> list[int]:
    if term == "L":
        return [last]
    day = last if term == "LW" else int(term.removesuffix("W"))
    if day > last:
        return []
    if not term.endswith("W"):
        return [day]
    weekday = date(year, month, day).isoweekday()
    if weekday == 6:
        return [day - 1 if day > 1 else day + 2]
    if weekday == 7:
        return [day + 1 if day < last else day - 2]
    return [day]


def _week_days(term: str, year: int, month: int, last: int) -> list[int]:
    wanted = int(term[0])
    days = [d for d in range(1, last + 1) if date(year, month, d).isoweekday() % 7 + 1 == wanted]
    if term.endswith("L"):
        return days[-1:]
    if "#" in term:
        nth = int(term[2:])
        return days[nth - 1 : nth]
    return days
