"""CloudWatch's metrics, read for many resources in one call of one window."""

import re
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from setpoint.aws.batch import NEVER, Batch, Entry, Host
from setpoint.aws.gateway import Scope

Query = Mapping[str, Any]
Window = tuple[datetime, datetime]
Results = Sequence[Mapping[str, Any]]
FetchWindow = Callable[[Scope, Window, Sequence[Query]], Coroutine[Any, Any, Results]]

QUERIES = 500
"""MetricDataQueries of one call."""

_PERIOD = 60
_FIRST_LOOK = 3600.0
"""Seconds after which a resource that has looked only once is forgotten."""

_UNSURE = 0.05
"""Of a reader's interval: by how much its next look may come later than expected. The loop's
jitter is a tenth; a smaller part costs a few needless fetches and saves more calls."""

_WORD = re.compile(r"""("[^"]*"|'[^']*')|\b([a-z]\w*)\b""")


@dataclass(eq=False)
class Queries(Entry[str, Results]):
    """The queries of one resource."""

    turn: Window | None = None
    queries: Sequence[Query] = ()
    asked: Window | None = None  # the window that its own reader asked for last
    interval: float | None = None  # seconds between its demands, as learned from them
    ahead: bool = False  # fetched in another's call since it was demanded


class WindowBatch(Batch[str, Results, Queries]):
    """Each window is fetched once for each resource. `period` is the metrics', in seconds.

    AWS bills each metric of each call. So a resource that looks less often than about once a period
    is taken along only when its next look is overdue, or is expected while the window is still the
    newest; and then only once.
    """

    def __init__(self, period: int, host: Host, fetch: FetchWindow) -> None:
        super().__init__("metric_data", QUERIES, host)
        self._period = period
        self._fetch_window = fetch
        self._lag = float("inf")  # of our clock after a window's end: the least that was seen

    async def get(
        self,
        scope: Scope,
        key: str,
        queries: Sequence[Query],
        window: Window,
        since: float | None = None,
    ) -> Results:
        """MetricDataResults, by the Ids of `queries`. Raises Failure.

        `since`: what was fetched before this moment of the clock is too old.
        """
        floor = NEVER if since is None else since
        self._lag = min(self._lag, self._host.clock() - window[1].timestamp())
        entry = self._entry(scope, key, queries, window)
        if entry.turn == window and entry.fetched >= floor:
            self._count("cached")
        # Another window of the same resource may have come between.
        while entry.turn != window or entry.fetched < floor:
            await self._demand(entry, window, floor).landed(key)
        return entry.value or ()

    def expect(self, scope: Scope, key: str, queries: Sequence[Query]) -> None:
        """They will be asked for soon: until then, another's call takes them along."""
        if key not in self._entries:
            weight = QUERIES if _sees_others(queries) else len(queries)
            now = self._host.clock()
            self._entries[key] = Queries(key, scope, now, weight, queries=queries)

    def _entry(self, scope: Scope, key: str, queries: Sequence[Query], window: Window) -> Queries:
        now = self._host.clock()
        entry = self._entries.get(key)
        if entry is None or entry.queries != queries:
            weight = QUERIES if _sees_others(queries) else len(queries)
            entry = self._entries[key] = Queries(key, scope, now, weight, queries=queries)
        gap = now - entry.seen
        if gap >= self._period / 2:  # not a second look at the same thing
            entry.interval = gap if entry.interval is None else (entry.interval + gap) / 2
            entry.seen = now
        entry.scope, entry.asked, entry.ahead = scope, window, False
        return entry

    async def _fetch(
        self, scope: Scope, turn: Hashable, entries: Sequence[Queries]
    ) -> Mapping[str, Results]:
        assert isinstance(turn, tuple)  # noqa: S101 - tells the type
        for entry in entries:
            entry.ahead = entry.asked != turn
        renamed = {
            (f"r{number}_", entry.key): entry.queries for number, entry in enumerate(entries)
        }
        asked = [q for (prefix, _), qs in renamed.items() for q in with_prefix(qs, prefix)]
        answer = merged(await self._fetch_window(scope, turn, asked))
        return {
            key: [
                {**answer[prefix + query["Id"]], "Id": query["Id"]}
                for query in queries
                if prefix + query["Id"] in answer
            ]
            for (prefix, key), queries in renamed.items()
        }

    def _due(self, entry: Queries, turn: Hashable, now: float) -> bool:
        assert isinstance(turn, tuple)  # noqa: S101 - tells the type
        if entry.turn is not None and entry.turn >= turn:
            return False  # it has this window, or a later one
        if entry.interval is None:
            return not entry.ahead
        if entry.interval <= 1.5 * self._period:
            return True
        if entry.ahead:
            return False
        expected = entry.seen + entry.interval
        return now >= expected or expected + _UNSURE * entry.interval <= self._over(turn)

    def _over(self, window: Window) -> float:
        """When readers will ask for the window after it: windows move once a period."""
        return window[1].timestamp() + self._lag + self._period

    def _forgotten(self, entry: Queries, now: float) -> bool:
        kept = 2 * entry.interval + self._period if entry.interval is not None else _FIRST_LOOK
        return now - entry.seen > kept


def period_of(queries: Sequence[Query]) -> int:
    """The longest period of the queries, in seconds."""
    periods = (q.get("Period") or q.get("MetricStat", {}).get("Period") for q in queries)
    return max((int(period) for period in periods if period), default=_PERIOD)


def with_prefix(queries: Sequence[Query], prefix: str) -> list[dict[str, Any]]:
    """The queries under other Ids, in expressions too; what stands in quotes is no Id."""
    ids = {query["Id"] for query in queries}

    def renamed(match: re.Match[str]) -> str:
        return prefix + match[2] if match[2] in ids else match[0]

    return [
        {**query, "Id": prefix + query["Id"]}
        | ({"Expression": _WORD.sub(renamed, query["Expression"])} if "Expression" in query else {})
        for query in queries
    ]


def merged(results: Results) -> dict[str, dict[str, Any]]:
    """MetricDataResults of all pages by Id: a long one is spread over pages, and its StatusCode is
    that of its last part."""
    found: dict[str, dict[str, Any]] = {}
    for result in results:
        before = found.get(result["Id"], {})
        parts = {
            name: [*before.get(name, ()), *result.get(name, ())]
            for name in ("Timestamps", "Values")
        }
        found[result["Id"]] = {**before, **result, **parts}
    return found


def _sees_others(queries: Sequence[Query]) -> bool:
    """METRICS() stands for all metrics of the call, whosesoever they are."""
    return any("METRICS(" in query.get("Expression", "") for query in queries)
