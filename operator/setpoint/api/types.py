"""Scalar types of the resources: how a user writes them, and what they are in Python.

Kubernetes' API conventions hold: no floats in a spec. Each type carries the OpenAPI schema
that the API server enforces, so that both sides accept the same texts.
"""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h)")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%")
_STORAGE = re.compile(r"([1-9][0-9]{0,6})(Gi|Ti)")

DURATION_PATTERN = r"^([0-9]{1,9}(ms|s|m|h)){1,4}$"
PERCENT_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,2})?%$"
STORAGE_PATTERN = r"^[1-9][0-9]{0,6}(Gi|Ti)$"


def parse_duration(value: object) -> timedelta:
    """`1h30m` → a timedelta. Raises ValueError for anything that is no duration's text."""
    if not isinstance(value, str) or not re.match(DURATION_PATTERN, value):
        raise ValueError("write a duration such as 30s, 5m or 1h30m")
    parts = _DURATION.findall(value)
    return timedelta(seconds=sum(int(number) * _DURATION_UNITS[unit] for number, unit in parts))


def format_duration(value: timedelta) -> str:
    """A timedelta → the shortest text that `parse_duration` reads back, e.g. `1h30m`."""
    milliseconds = round(value.total_seconds() * 1000)
    text = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        number, milliseconds = divmod(milliseconds, size)
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def _parse_percent(value: object) -> float:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("write a percentage such as 80% or 2.5%")
    return float(match[1])


def _parse_storage(value: object) -> int:
    match = _STORAGE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("write a size in Gi or Ti, such as 200Gi")
    return int(match[1]) * (1024 if match[2] == "Ti" else 1)


def _string(pattern: str, example: str, **extra: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "example": example, **extra})


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    _string(DURATION_PATTERN, "5m", maxLength=48),
]
"""A length of time, written as Go writes it without fractions: `30s`, `5m`, `1h30m`."""

Percent = Annotated[
    float,
    BeforeValidator(_parse_percent),
    PlainSerializer(lambda value: f"{value:g}%", return_type=str),
    _string(PERCENT_PATTERN, "80%", maxLength=8),
]
"""A percentage, `80%`; in Python a float of percent (80.0)."""

Storage = Annotated[
    int,
    BeforeValidator(_parse_storage),
    PlainSerializer(lambda value: f"{value}Gi", return_type=str),
    _string(STORAGE_PATTERN, "200Gi", maxLength=16),
]
"""A disk size, `200Gi`; in Python an int of GiB."""
