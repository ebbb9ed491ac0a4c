"""Metric math: + - * /, comparisons, AND, OR, IF, FILL, SUM, AVG, MIN, MAX, METRICS.

After CloudWatch's user guide, "Using math expressions". A value is a number, a series by time, or
a list of series. Series are joined on the times that both have; what has no value (a division by
zero, too) has no datapoint.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Series = dict[float, float]
Value = float | Series | list[Series]

_TOKENS = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?)|(?P<text>\"[^\"]*\")|(?P<name>[A-Za-z_]\w*)|"
    r"(?P<symbol><=|>=|==|!=|&&|\|\||[-+*/^()\[\],<>]))"
)
_LEVELS: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"||": lambda a, b: float(bool(a) or bool(b)), "OR": lambda a, b: float(bool(a) or bool(b))},
    {"&&": lambda a, b: float(bool(a) and bool(b)), "AND": lambda a, b: float(bool(a) and bool(b))},
    {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge, "==": operator.eq,
     "!=": operator.ne},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv},
    {"^": operator.pow},
)  # fmt: skip
_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": sum, "AVG": lambda values: sum(values) / len(values), "MIN": min, "MAX": max,
}  # fmt: skip


class ExpressionError(Exception):
    """The expression cannot be understood; the text says where."""


@dataclass
class Scope:
    """What an expression sees: series by id, and every time of the window."""

    look_up: Callable[[str], Value]
    metrics: Callable[[], dict[str, Series]]
    times: Callable[[], list[float]]


@dataclass
class Parser:
    """Recursive descent: parsed and evaluated at once. `used` collects the ids that were named."""

    text: str
    scope: Scope
    used: set[str] = field(default_factory=set)
    _tokens: list[str] = field(default_factory=list)

    def evaluate(self) -> Value:
        """The value. Raises ExpressionError."""
        self._tokens = _split(self.text)
        value = self._binary(0)
        if self._tokens:
            raise ExpressionError(f"Unexpected {self._tokens[0]}")
        return value

    def _binary(self, level: int) -> Value:
        if level == len(_LEVELS):
            return self._operand()
        left = self._binary(level + 1)
        while self._tokens and self._tokens[0].upper() in _LEVELS[level]:
            function = _LEVELS[level][self._tokens.pop(0).upper()]
            left = _joined(function, left, self._binary(level + 1))
        return left

    def _operand(self) -> Value:
        word = self._next()
        if word == "-":
            return _joined(operator.sub, 0.0, self._operand())
        if word == "(":
            value = self._binary(0)
            self._expect(")")
            return value
        if word == "[":
            return [_series(value) for value in self._list("]")]
        if word[0].isdigit():
            return float(word)
        if self._tokens[:1] == ["("]:
            self._tokens.pop(0)
            return self._function(word.upper())
        if not word[0].isalpha():
            raise ExpressionError(f"Unexpected {word}")
        self.used.add(word)
        return self.scope.look_up(word)

    def _function(self, name: str) -> Value:
        if name == "FILL":
            return self._fill()
        if name == "METRICS":
            wanted = self._next().strip('"') if self._tokens[:1] != [")"] else ""
            self._expect(")")
            found = {n: s for n, s in self.scope.metrics().items() if wanted in n}
            self.used |= found.keys()
            return list(found.values())
        values = self._list(")")
        if name == "IF" and len(values) == 3:
            return _choose(*values)
        if name in _AGGREGATES and len(values) == 1:
            return _aggregate(_AGGREGATES[name], values[0])
        raise ExpressionError(f"{name} with {len(values)} arguments is not supported")

    def _fill(self) -> Value:
        """FILL(series, value): also for a metric without any datapoint in the window."""
        filled = self._binary(0)
        self._expect(",")
        if self._tokens[:1] == ["REPEAT"]:
            self._next()
            self._expect(")")
            return _repeated(_series(filled), self.scope.times())
        value = self._binary(0)
        self._expect(")")
        times = self.scope.times()
        other = value if isinstance(value, dict) else dict.fromkeys(times, _number(value))
        if isinstance(filled, list):
            return [{at: (s | other | s)[at] for at in times if at in s or at in other}
                    for s in filled]  # fmt: skip
        own = _series(filled)
        return {at: own.get(at, other.get(at, 0.0)) for at in times if at in own or at in other}

    def _list(self, end: str) -> list[Value]:
        values = [self._binary(0)]
        while self._tokens[:1] == [","]:
            self._tokens.pop(0)
            values.append(self._binary(0))
        self._expect(end)
        return values

    def _next(self) -> str:
        if not self._tokens:
            raise ExpressionError("Unexpected end")
        return self._tokens.pop(0)

    def _expect(self, symbol: str) -> None:
        token = self._next()
        if token != symbol:
            raise ExpressionError(f"Unexpected {token} where {symbol} was expected")


def _split(text: str) -> list[str]:
    found, position = [], 0
    while position < len(text.rstrip()):
        token = _TOKENS.match(text, position)
        if token is None:
            raise ExpressionError(f"Unexpected {text[position]}")
        found.append(token.group().strip())
        position = token.end()
    return found


def _joined(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    """An operation on two values, number by number."""
    if isinstance(left, list):
        return [_series(_joined(function, item, right)) for item in left]
    if isinstance(right, list):
        return [_series(_joined(function, left, item)) for item in right]
    if isinstance(left, dict):
        other = right if isinstance(right, dict) else dict.fromkeys(left, right)
        return _defined(function, {at: (left[at], other[at]) for at in left if at in other})
    if isinstance(right, dict):
        return _defined(function, {at: (left, value) for at, value in right.items()})
    try:
        return float(function(left, right))
    except ArithmeticError:
        raise ExpressionError("Division by zero of two numbers") from None


def _defined(
    function: Callable[[float, float], float], pairs: dict[float, tuple[float, float]]
) -> Series:
    found = {}
    for at, (left, right) in pairs.items():
        try:
            found[at] = float(function(left, right))
        except ArithmeticError:
            continue
    return found


def _choose(condition: Value, when_true: Value, when_false: Value) -> Value:
    """IF(condition, a, b)."""
    if isinstance(condition, float):
        return when_true if condition else when_false
    found = {}
    for at, value in _series(condition).items():
        chosen = when_true if value else when_false
        if isinstance(chosen, dict):
            if at in chosen:
                found[at] = chosen[at]
        else:
            found[at] = _number(chosen)
    return found


def _aggregate(function: Callable[[Sequence[float]], float], value: Value) -> Value:
    """Of a series one number; of several series one series, from those that have a value."""
    if isinstance(value, list):
        times = sorted({at for series in value for at in series})
        return {at: function([s[at] for s in value if at in s]) for at in times}
    values = list(_series(value).values())
    if not values:
        raise ExpressionError("No datapoint to aggregate")
    return function(values)


def _repeated(series: Series, times: list[float]) -> Series:
    found, last = {}, None
    for at in times:
        last = series.get(at, last)
        if last is not None:
            found[at] = last
    return found


def _series(value: Any) -> Series:
    if not isinstance(value, dict):
        raise ExpressionError("A time series was expected")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, float | int):
        raise ExpressionError("A number was expected")
    return float(value)
