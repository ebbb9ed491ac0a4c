"""Rows that plans fetch one by one, and what the advice makes of them."""

from typing import Any

import pytest

from setpoint.database.indexes.costs import Seen
from setpoint.database.indexes.fetches import fetched
from setpoint.database.indexes.report import slower


def node(kind: str, rows: float, *plans: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Node Type": kind, "Plan Rows": rows, "Plans": list(plans), **more}


def nested(rows: float, outer: dict[str, Any], inner: dict[str, Any], **more: Any) -> Any:
    return node("Nested Loop", rows, outer, inner, **{"Join Type": "Inner", **more})


SCAN = node("Seq Scan", 2000)
LOOKED_UP = node("Index Scan", 600, **{"Index Name": "i"})
BITMAP = node("Bitmap Heap Scan", 600, node("Bitmap Index Scan", 600, **{"Index Name": "i"}))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (SCAN, 0),
        (LOOKED_UP, 600),
        (node("Index Only Scan", 600), 0),
        (BITMAP, 0),
        (nested(1_200_000, SCAN, LOOKED_UP), 1_200_000),
        (nested(9e9, SCAN, BITMAP), 1_200_000),
        # No more rows came of the table than the join returns, unless some were taken out.
        (nested(180_000, SCAN, LOOKED_UP), 180_000),
        (nested(180_000, SCAN, LOOKED_UP, **{"Join Filter": "(a > b)"}), 1_200_000),
        (nested(1500, SCAN, LOOKED_UP, **{"Join Type": "Semi"}), 2000),
        # Loops within loops multiply; what is kept, or was sorted, is read once.
        (nested(1e9, node("Seq Scan", 10), nested(6000, node("Seq Scan", 10), LOOKED_UP)), 60_000),
        (nested(1e9, SCAN, node("Materialize", 600, LOOKED_UP)), 600),
        (nested(1e9, SCAN, node("Memoize", 600, LOOKED_UP)), 600),
        (node("Limit", 6, LOOKED_UP), 6),
        (node("Limit", 6, node("Sort", 600, LOOKED_UP)), 600),
        (node("Hash Join", 5, LOOKED_UP, node("Hash", 600, LOOKED_UP)), 1200),
    ],
)
def test_rows_fetched_one_by_one(plan: dict[str, Any], expected: float) -> None:
    assert fetched(plan).total() == pytest.approx(expected)


def test_a_lower_cost_that_may_take_longer_is_said() -> None:
    """TPC-H's query 5 with an index of lineitem (l_suppkey): 1.2 s before, 3.0 s after."""
    before, after = Seen(0, 0, 200_740, 180_154), Seen(1, 1, 175_236, 1_200_243)
    why = slower(before, after)
    assert why is not None
    assert "1,200,243 rows one by one" in why
    assert "instead of 180,154" in why


@pytest.mark.parametrize(
    "after",
    [
        Seen(1, 1, 20_000, 1_000_000),  # so much cheaper that it makes up for them
        Seen(1, 1, 175_236, 180_154),  # no more of them
        Seen(1, 1, 210_000, 1_000_000),  # it saves nothing anyway
    ],
)
def test_all_else_is_no_warning(after: Seen) -> None:
    assert slower(Seen(0, 0, 200_740, 180_154), after) is None
