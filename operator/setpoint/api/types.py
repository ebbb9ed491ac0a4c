"""Scalar types of the resources: how a user writes them, and what they are in Python.

Kubernetes' API conventions hold: no floats in a spec. Each type carries the OpenAPI schema
that the API server enforces, so that both sides accept the same texts.
"""

import re
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h)")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%")
_STORAGE = re.compile(r"([1-9][0-9]{0,6})(Gi|Ti)")
_SIZE = re.compile(r"([1-9][0-9]{0,6})(Mi|Gi|Ti)")
_QUANTITY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([mkMG]?)")
_AMOUNT = re.compile(r"([1-9][0-9]{0,3})%")
_SUFFIXES = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(10**3), "M": Decimal(10**6),
             "G": Decimal(10**9)}  # fmt: skip

DURATION_PATTERN = r"^([0-9]{1,9}(ms|s|m|h)){1,4}$"
PERCENT_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,2})?%$"
STORAGE_PATTERN = r"^[1-9][0-9]{0,6}(Gi|Ti)$"
SIZE_PATTERN = r"^[1-9][0-9]{0,6}(Mi|Gi|Ti)$"
QUANTITY_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,3})?[mkMG]?$"
AMOUNT_PATTERN = r"^[1-9][0-9]{0,3}%$"


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


def _parse_size(value: object) -> int:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("write a size in Mi, Gi or Ti, such as 500Mi")
    return int(match[1]) * {"Mi": 1, "Gi": 1024, "Ti": 1024**2}[match[2]]


def _parse_quantity(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("write a whole number, or a quantity such as 500m, 2.5 or 10k")
    return float(Decimal(match[1]) * _SUFFIXES[match[2]])


def format_quantity(value: float) -> int | str:
    """A number → as a resource holds it: a whole number, else thousandths: 0.5 → `500m`."""
    return int(value) if value.is_integer() else f"{round(value * 1000)}m"


class Amount(NamedTuple):
    """A number of tasks, or a share of them in percent."""

    value: int
    is_percent: bool


def _parse_amount(value: object) -> Amount:
    if isinstance(value, Amount):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return Amount(value, is_percent=False)
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("write a number of at least 1, or a share such as 20%")
    return Amount(int(match[1]), is_percent=True)


def _int_or_string(pattern: str, minimum: int, example: Any) -> WithJsonSchema:
    """Kubernetes' own form of a field that takes both: `pattern` binds the text, `minimum` the
    number."""
    return WithJsonSchema(
        {"x-kubernetes-int-or-string": True, "pattern": pattern, "maxLength": 16,
         "minimum": minimum, "example": example}
    )  # fmt: skip


def _string(pattern: str, example: str, **extra: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "example": example, **extra})


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    _string(DURATION_PATTERN, "5m", maxLength=48),
]
"""A length of time, written as Go writes it without fractions: `30s`, `5m`, `1h30m`."""


def duration_up_to(limit: str) -> WithJsonSchema:
    """Beside Duration: the longest that the API server takes, such as `24h`."""
    rule = {
        "rule": f"duration(self) <= duration('{limit}')",
        "message": f"must not be longer than {limit}",
    }
    return _string(DURATION_PATTERN, "5m", maxLength=48, **{"x-kubernetes-validations": [rule]})


Percent = Annotated[
    float,
    BeforeValidator(_parse_percent),
    PlainSerializer(lambda value: f"{value:g}%", return_type=str),
    _string(PERCENT_PATTERN, "80%", maxLength=8),
]
"""A percentage, `80%`; in Python a float of percent (80.0)."""


def percent_up_to(limit: int) -> WithJsonSchema:
    """Beside Percent: the most that the API server takes."""
    rule = {
        "rule": f"double(self.replace('%', '')) <= {limit}.0",
        "message": f"must not be more than {limit}%",
    }
    return _string(PERCENT_PATTERN, "80%", maxLength=8, **{"x-kubernetes-validations": [rule]})


Storage = Annotated[
    int,
    BeforeValidator(_parse_storage),
    PlainSerializer(lambda value: f"{value}Gi", return_type=str),
    _string(STORAGE_PATTERN, "200Gi", maxLength=16),
]
"""A disk size, `200Gi`; in Python an int of GiB."""

Size = Annotated[
    int,
    BeforeValidator(_parse_size),
    PlainSerializer(lambda value: f"{value}Mi", return_type=str),
    _string(SIZE_PATTERN, "500Mi", maxLength=16),
]
"""A size, `500Mi` or `2Gi`; in Python an int of MiB."""

Quantity = Annotated[
    float,
    BeforeValidator(_parse_quantity),
    PlainSerializer(format_quantity, return_type=int | str),
    _int_or_string(QUANTITY_PATTERN, 0, 60),
]
"""A number that need not be whole: `60`, `500m`, `2.5`; in Python a float."""

AmountOrShare = Annotated[
    Amount,
    PlainValidator(_parse_amount),
    PlainSerializer(
        lambda amount: f"{amount.value}%" if amount.is_percent else amount.value,
        return_type=int | str,
    ),
    _int_or_string(AMOUNT_PATTERN, 1, 2),
]
"""A number of tasks, `2`, or a share of those that run, `20%`."""

Moment = Annotated[
    AwareDatetime,
    PlainSerializer(
        lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), return_type=str
    ),
    WithJsonSchema({"type": "string", "format": "date-time", "example": "2027-01-31T08:00:00Z"}),
]
"""A moment, written as RFC 3339 has it: `2027-01-31T08:00:00Z`; in Python an aware datetime."""
