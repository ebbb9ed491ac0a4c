"""What the planner says of a statement."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

Session = psycopg.Connection[tuple[Any, ...]]
Costs = Mapping[int, float]
"""The planner's total cost by the number of the query."""


def plan(session: Session, text: str) -> dict[str, Any]:
    """The plan of a text that may hold anything but parameters. Raises psycopg.Error."""
    row = session.execute(f"EXPLAIN (FORMAT json) {text}").fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def cost(session: Session, text: str) -> float:
    """The planner's estimate of it. Raises psycopg.Error."""
    return float(plan(session, text)["Total Cost"])


def index_names(node: Mapping[str, Any]) -> Iterator[str]:
    """Of all indexes that a plan uses, in its order."""
    if "Index Name" in node:
        yield node["Index Name"]
    for child in node.get("Plans", []):
        yield from index_names(child)
