"""Lists of what resources have, read for a whole namespace of AWS where that is cheaper than one by
one. Where data is there already, nobody waits for it: it is renewed in the background."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import structlog

from setpoint.api.conditions import Reason
from setpoint.aws.batch import NEVER, OWN_FAULTS, EpochBatch, Fetch, Freshness, Host, Periodic
from setpoint.aws.gateway import Scope, next_token
from setpoint.engine.failure import Failure

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)

Items = Sequence[Mapping[str, Any]]

_FEWEST = 5
"""Below this many resources a listing saves too little."""

_TRIES = 4
"""Of one page that AWS throttles; the others would be lost with it."""

_FORGIVEN = 3600.0
"""Seconds after which a listing that was too long, or that AWS refuses, is tried again."""

_FIRST = 86_400.0
"""Seconds that the first listing reaches back, where a listing is of what happens."""

_RETRY = 60.0
"""Seconds after the first failure until a listing is tried again; they double with each one."""


@dataclass(frozen=True)
class Source(Generic[K]):
    """A listing of AWS. `page` raises Failure."""

    items: str
    """The name of the list in a page."""

    page: Callable[[Scope, Mapping[str, str]], Coroutine[Any, Any, Mapping[str, Any]]]
    """Fetches a page by its NextToken parameter, which is empty for the first."""

    key: Callable[[Mapping[str, Any]], K]
    """Whose an item is."""

    resources_per_page: float
    """A guess, until a listing has shown it."""

    most_pages: float = math.inf
    """Where it is given up at the latest."""

    reaches: Callable[[Mapping[str, Any], float], bool] = lambda _page, _seconds: False
    """Whether all that is newer than so many seconds has been seen with this page."""

    renewable: Callable[[Items], bool] = lambda _items: True
    """Whether a listing brings all that can change of what a resource has."""

    merge: Callable[[Items, Items], Items] = lambda _old, new: new
    """What a resource has, from what was known and what was listed."""


class _TooLong(Exception):  # noqa: N818 - no error: single reads are cheaper
    """A listing costs more calls than it saves."""


class Listing(EpochBatch[K, Items]):
    """Single reads, and listings that renew them.

    What was read in the last epoch is served while a listing is under way. A list is whole or not
    used at all.
    """

    def __init__(
        self,
        read: str,
        host: Host,
        fetch: Fetch[K, Items],
        source: Source[K],
        listed: Callable[[Scope, Items, float], None] = lambda _scope, _items, _every: None,
    ) -> None:
        """`listed` is told what a listing has brought for each resource, and how often (seconds) it
        is looked at."""
        super().__init__(read, 1, host, fetch)
        self._source = source
        self._told = listed
        self._running: asyncio.Future[None] | None = None
        self._listed: Sequence[Periodic[K, Items]] = ()  # by the one that runs
        self._pages: int | None = None  # of the last listing
        self._guess_at = math.inf  # when that says nothing any more
        self._not_before = -math.inf
        self._failures = 0

    async def one(self, scope: Scope, key: K, fresh: Freshness) -> Items:
        """The items of a resource. Raises Failure."""
        now = self._host.clock()
        entry = self._seen(scope, key, fresh, now)
        served = self._is_due(entry, now) and entry.fetched >= fresh.floor
        if served and self._is_renewed(scope, now):
            self._count("stale")
            return entry.value or ()
        if entry.fetched == NEVER and fresh.floor == NEVER:
            await self._first(scope, entry, now)
        return (await self.get(scope, [key], fresh))[key] or ()

    async def _first(self, scope: Scope, entry: Periodic[K, Items], now: float) -> None:
        """Wait for a listing where many are waited for, as after the operator's start."""
        unread = [one for one in self._entries.values() if one.fetched == NEVER]
        if self._running is None and self._is_worth(len(unread), now):
            self._begin(scope, unread)
        if self._running is not None and entry in self._listed:
            await asyncio.shield(self._running)

    def _is_due(self, entry: Periodic[K, Items], now: float) -> bool:
        """Whether its data is of the last epoch, and a listing could renew it."""
        return entry.age(now) == 1 and self._source.renewable(entry.value or ())

    def _is_renewed(self, scope: Scope, now: float) -> bool:
        """Whether a listing is under way; it is begun if it is cheaper than single reads."""
        if self._running is not None:
            return True
        self._forget(now)
        due = [entry for entry in self._entries.values() if self._is_due(entry, now)]
        if not self._is_worth(len(due), now):
            return False
        self._begin(scope, due)
        return True

    def _is_worth(self, resources: int, now: float) -> bool:
        """Whether a listing is cheaper than a read of each."""
        fewest = max(_FEWEST, self._expected(resources, now))
        return now >= self._not_before and resources >= fewest

    def _begin(self, scope: Scope, due: Sequence[Periodic[K, Items]]) -> None:
        self._running, self._listed = asyncio.get_running_loop().create_future(), due
        self._host.spawn(self._renew(scope, due))

    def _expected(self, resources: int, now: float) -> int:
        """Pages that a listing will cost."""
        if self._pages is None or now >= self._guess_at:
            return math.ceil(resources / self._source.resources_per_page)
        return self._pages

    async def _renew(self, scope: Scope, due: Sequence[Periodic[K, Items]]) -> None:
        started = self._host.clock()
        oldest = min(_FIRST, started - min(entry.fetched for entry in due))
        limit = min(len(due), self._source.most_pages)
        try:
            found = await self._list(scope, limit, oldest, {entry.key for entry in due})
        except _TooLong:
            self._pages, self._guess_at = 2 * int(limit), started + _FORGIVEN
        except Failure as failure:
            self._put_off(failure)
        else:
            self._failures = 0
            for entry in due:
                if started >= entry.fetched:
                    entry.value = self._source.merge(entry.value or (), found[entry.key])
                    entry.fetched = started
                    self._count("prefetched")
                    self._told(entry.scope, entry.value, entry.every)
        finally:
            running, self._running, self._listed = self._running, None, ()
            if running is not None:
                running.set_result(None)

    def _put_off(self, failure: Failure) -> None:
        self._failures += 1
        delay = min(_RETRY * 2.0 ** min(self._failures - 1, 32), _FORGIVEN)
        if failure.reason in OWN_FAULTS and failure.reason is not Reason.NOT_GRANTED:
            delay = _FORGIVEN
        self._not_before = self._host.clock() + delay
        log.warning("resources are read one by one", read=self._read, reason=failure.message)

    async def _list(
        self, scope: Scope, limit: float, oldest: float, wanted: set[K]
    ) -> Mapping[K, Items]:
        """All pages; kept is what is wanted. Raises Failure, _TooLong."""
        found: defaultdict[K, list[Mapping[str, Any]]] = defaultdict(list)
        pages, token = 0, dict[str, str]()
        scope = replace(scope, shown=f"resources in {scope.region}")
        while True:
            page = await self._page(scope, token)
            pages += 1
            for item in page.get(self._source.items, ()):
                if (key := self._source.key(item)) in wanted:
                    found[key].append(item)
            following = next_token(page, token, f"{self._read} in {scope.region}")
            if following is None or self._source.reaches(page, oldest):
                self._pages, self._guess_at = pages, math.inf
                return found
            if pages >= limit:
                raise _TooLong
            token = following

    async def _page(self, scope: Scope, token: Mapping[str, str]) -> Mapping[str, Any]:
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._source.page(scope, token)
            except Failure as failure:
                if failure.reason is not Reason.THROTTLED or attempt == _TRIES:
                    raise
        raise AssertionError("unreachable")
