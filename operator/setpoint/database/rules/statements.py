"""Statements that take long again and again. Pure."""

import re
from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.model import Snapshot, Statement
from setpoint.database.rules.words import when
from setpoint.engine.model import Finding

_SHOWN = 240
_SHARE = 0.1
"""Of all the database's time: above it, a slow statement is worth an alarm."""

# The server has replaced the constants by $1, $2 …, except in utility statements, which are not
# read, and in comments; this is for what it may have missed.
_SECRET = re.compile(
    r"--[^\n]*|/\*.*?(\*/|$)|\$(\w*)\$.*?(\$\2\$|$)|[eEbBxXnN]?'(?:[^']|'')*('|$)", re.DOTALL
)
_NUMBER = re.compile(r"(?<![\w$.])[0-9]+(?:\.[0-9]+)?\b")


def slow_statements(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """One finding for each; it is known by the server's own id for it."""
    for statement in snapshot.statements:
        yield Finding(
            id="SlowStatement",
            object=f"statement {statement.id}",
            severity=Severity.WARNING if statement.share >= _SHARE else Severity.INFO,
            message=f"a statement is slow: {redacted(statement.text)}",
            evidence=(
                f"{statement.calls} calls of {statement.mean:.0f} ms on average, "
                f"{statement.total / 1000:.0f} s in all, {statement.share:.0%} of the database's "
                f"time, {_rows(statement)} rows each, counted since {when(snapshot.stats_since)} "
                "or later"
            ),
            remedy="EXPLAIN (ANALYZE, BUFFERS) it with real values; a sequential scan that keeps "
            "few rows wants an index",
            magnitude=max(statement.total, 1.0),
        )


def redacted(text: str) -> str:
    """A statement without constants and comments, on one line."""
    bare = _NUMBER.sub("?", _SECRET.sub(lambda m: "?" if m[0][0] not in "-/" else " ", text))
    line = " ".join(bare.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _rows(statement: Statement) -> str:
    return f"{statement.rows / max(statement.calls, 1):.0f}"
