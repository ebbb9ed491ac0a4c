"""Values that move all the time, held still in status until they mean something.

A shown value is renewed at once when it crosses a threshold, appears or goes away, and otherwise
when it moved by five points (percentages) or a quarter (other numbers), at most every ten minutes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MOVE_POINTS = 5.0
MOVE_RATIO = 0.25
MOVE_EVERY = timedelta(minutes=10)

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True)
class Form:
    """How a number is shown: `scale` × number with `digits` after the point, then `unit`."""

    unit: str
    scale: float = 1.0
    digits: int = 0

    def show(self, value: float) -> str:
        """The number as text."""
        return f"{value * self.scale:.{self.digits}f}{self.unit}"

    def read(self, text: str) -> float | None:
        """The number in a text that `show` made; None for any other text."""
        match = _NUMBER.match(text)
        return float(match[0]) / self.scale if match else None


PERCENT = Form("%")
PERCENT_1 = Form("%", digits=1)
MILLISECONDS = Form("ms", scale=1000)
"""Of a number of seconds."""
COUNT = Form("")


@dataclass
class Display:
    """Decides what status shows. `moved_at`: when a value of this resource was last renewed for
    having moved; `moved` becomes True when one is renewed now."""

    now: datetime
    moved_at: datetime | None = None
    moved: bool = False

    def text(
        self,
        shown: str | None,
        value: float | None,
        form: Form,
        thresholds: Sequence[float] = (),
    ) -> str | None:
        """`value` as text, or `shown` (what status has) where the change means nothing."""
        if value is None:
            return None
        before = form.read(shown) if shown is not None else None
        if shown is None or before is None:
            return form.show(value)
        if any((before > limit) != (value > limit) for limit in thresholds):
            return form.show(value)
        if not self._far(before, value, form) or not self._may_move():
            return shown
        self.moved = True
        return form.show(value)

    def number(self, shown: int | None, value: float | None) -> int | None:
        """The same for a plain integer."""
        text = self.text(None if shown is None else str(shown), value, COUNT)
        return None if text is None else int(text)

    def _may_move(self) -> bool:
        return self.moved_at is None or self.now - self.moved_at >= MOVE_EVERY

    @staticmethod
    def _far(before: float, value: float, form: Form) -> bool:
        if form.unit == "%":
            return abs(value - before) >= MOVE_POINTS
        return abs(value - before) > MOVE_RATIO * max(abs(before), abs(value))
