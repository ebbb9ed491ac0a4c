"""A maintenance window as a resource declares it."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from setpoint.api.base import Model, cel, validations
from setpoint.api.types import Duration


def _cron_field(value: str, extra: str = "") -> str:
    """The pattern of a cron field: a list of `*`, values, ranges, all with or without a step."""
    item = rf"((\*|{value}(-{value})?)(/[1-9][0-9]?)?{extra})"
    return f"{item}(,{item})*"


_NAMED_DAY = "([0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)"
_NAMED_MONTH = "(0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
_CRON = " +".join(
    (
        _cron_field("[0-5]?[0-9]"),
        _cron_field("([01]?[0-9]|2[0-3])"),
        _cron_field("(0?[1-9]|[12][0-9]|3[01])", "|LW?"),
        _cron_field(_NAMED_MONTH),
        _cron_field(_NAMED_DAY, f"|{_NAMED_DAY}#[1-5]|[0-7]L"),
    )
)
_CRON_RULE = f"self.matches(r'^(?i){_CRON}$')"
"""CEL: five cron fields with values in their ranges."""

_ZONE_RULE = "timestamp('2026-01-01T00:00:00Z').getHours(self) >= 0"
"""CEL: a time zone that the API server knows."""


def _checked_cron(text: str) -> str:
    """A cron expression of five fields that comes true some time. Raises ValueError."""
    try:
        next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise ValueError("write five cron fields that come true, such as 0 3 * * SUN") from None
    return text


def _checked_time_zone(name: str) -> str:
    """The name of an IANA time zone. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # a path, an unknown name, a folder
        raise ValueError("write an IANA time zone, such as Europe/Berlin") from None
    return name


Cron = Annotated[
    str,
    Field(
        max_length=100,
        pattern=r"^[0-9A-Za-z*,/#-]+( +[0-9A-Za-z*,/#-]+){4}$",
        json_schema_extra=validations(cel(_CRON_RULE, "write five cron fields: 0 3 * * SUN")),
    ),
    AfterValidator(_checked_cron),
]
"""Minute, hour, day of month, month, day of week."""

TimeZone = Annotated[
    str,
    Field(
        max_length=64,
        pattern=r"^[A-Za-z][A-Za-z0-9_+/-]*$",
        json_schema_extra=validations(cel(_ZONE_RULE, "write a time zone: Europe/Berlin")),
    ),
    AfterValidator(_checked_time_zone),
]
"""The name of an IANA time zone."""

_WindowDuration = Annotated[
    Duration,
    Field(
        json_schema_extra=validations(
            cel(
                "duration(self) >= duration('10m') && duration(self) <= duration('24h')",
                "window.duration must be between 10m and 24h",
            )
        )
    ),
]


class MaintenanceWindow(Model):
    """When something may be done that others could notice."""

    cron: Cron
    """When the window opens: minute, hour, day of month, month, day of week, as cron has them;
    SUN#1 is the first Sunday of a month."""

    duration: _WindowDuration
    """How long it stays open. A change of RDS is begun while it is open; how long RDS then takes is
    not in anybody's hands, so leave room. A sweep of TTLs works only while it is open."""

    time_zone: TimeZone = "UTC"
    """IANA time zone in which cron is meant, such as Europe/Berlin. A time that a change to
    daylight saving time skips is made up for right after it; one that comes twice counts once."""
