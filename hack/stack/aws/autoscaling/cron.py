"""AWS's cron: minutes, hours, day of month, month, day of week, year; one of the days is `?`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@dataclass(frozen=True)
class _Field:
    """A field's range, its names, and what it takes beside lists, ranges and increments."""

    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    special: str = r"(?!)"

    def takes(self, text: str) -> bool:
        return all(self._takes_item(item) for item in text.split(","))

    def _takes_item(self, item: str) -> bool:
        if re.fullmatch(self.special, item):
            return True
        values, slash, step = item.partition("/")
        if slash and not (step.isdecimal() and int(step) > 0):
            return False
        first, dash, last = values.partition("-")
        if values == "*" or (not dash and self._is_value(first)):
            return True
        return bool(dash) and self._is_value(first) and self._is_value(last)

    def _is_value(self, text: str) -> bool:
        number = self.names.get(text, int(text) if text.isdecimal() else -1)
        return self.low <= number <= self.high


_FIELDS = (
    _Field(0, 59),
    _Field(0, 23),
    _Field(1, 31, special=r"\?|L|LW|([1-9]|[12]\d|3[01])W"),
    _Field(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field(1, 7, {name: number for number, name in enumerate(_DAYS, 1)},
           special=rf"\?|L|([1-7]|{'|'.join(_DAYS)})(L|#[1-5])"),
    _Field(1970, 2199),
)  # fmt: skip


def is_cron(text: str) -> bool:
    """Whether AWS takes the six fields; exactly one of the two days must be `?`."""
    parts = text.upper().split()
    if len(parts) != len(_FIELDS):
        return False
    fits = all(each.takes(part) for each, part in zip(_FIELDS, parts, strict=True))
    return fits and (parts[2] == "?") != (parts[4] == "?")
