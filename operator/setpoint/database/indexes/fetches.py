"""Rows that a plan fetches one by one through indexes, which its cost leaves out in part. Pure.

The planner counts the pages that repeated index scans read, by Mackert's and Lohman's formula
(costsize.c, index_pages_fetched): a row on a page that is in memory already costs next to nothing.
In truth its page is looked up, pinned and searched again. So a nested loop over a million such rows
can be several times slower than the scan it replaces, though its rows are estimated well and its
cost is lower. That CPU costs are too low for data in memory is what Leis and others found, "How
good are query optimizers, really?", VLDB 2015, section 5.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

FETCH_COST = 0.15
"""Units of cost of such a row: 1.5 µs by 10 µs a unit (TPC-H's query 5 at scale 1: 1.4 to 1.9)."""

_ONCE = frozenset({"Materialize", "Memoize", "Hash", "Sort"})
"""What is below is read once, or nobody knows how often: at least once."""

Node = Mapping[str, Any]


def fetched(node: Node, loops: float = 1.0) -> Counter[str]:
    """Rows that a plan fetches so, at least, by the index; `loops` is how often the node runs."""
    kind = node.get("Node Type")
    if kind == "Index Scan":
        return Counter({str(node["Index Name"]): float(node["Plan Rows"]) * loops})
    below = node.get("Plans", ())
    if kind == "Bitmap Heap Scan":
        rows = float(node["Plan Rows"]) * loops
        return Counter(dict.fromkeys(_names(node), rows) if loops > 1 else {})
    if kind == "Nested Loop":
        outer, inner, *others = below
        parts = [fetched(outer, loops), _inner(node, outer, inner, loops)]
        return _sum([*parts, *(fetched(child) for child in others)])
    if kind == "Limit" and below:
        loops *= min(float(node["Plan Rows"]) / max(float(below[0]["Plan Rows"]), 1.0), 1.0)
    own = 1.0 if kind in _ONCE else loops
    return _sum(fetched(child, own if _is_child(child) else 1.0) for child in below)


def _sum(parts: Iterable[Counter[str]]) -> Counter[str]:
    return sum(parts, Counter())


def _names(node: Node) -> list[str]:
    """The first index below a bitmap: its rows are counted once."""
    if "Index Name" in node:
        return [str(node["Index Name"])]
    return next((found for child in node.get("Plans", ()) if (found := _names(child))), [])


def _is_child(node: Node) -> bool:
    """And no plan of its own, which may run once or for each row."""
    return node.get("Parent Relationship") not in ("InitPlan", "SubPlan")


def _inner(join: Node, outer: Node, inner: Node, loops: float) -> Counter[str]:
    """Of the inner side, not more than the join returns, where it takes all or the first."""
    rows = max(float(outer["Plan Rows"]), 1.0)
    found = fetched(inner, loops * rows)
    if inner.get("Node Type") != "Index Scan" or "Join Filter" in join:
        return found
    most = float(join["Plan Rows"]) if join.get("Join Type") in ("Inner", "Left") else rows
    return Counter({name: min(number, most * loops) for name, number in found.items()})
