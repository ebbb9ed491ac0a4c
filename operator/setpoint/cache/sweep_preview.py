"""What a sweep would do, before it does it: a look through all names, in slices; writes nothing.

Every key is counted by its prefix. Only few keys of a prefix are asked for type and TTL, since each
question counts as a keyspace hit (which are counted, to be subtracted); what they say is taken for
the others.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from redis.exceptions import ResponseError

from setpoint.api.cachetuning import DefaultTTL
from setpoint.cache.connect import Client
from setpoint.cache.info import Info
from setpoint.cache.pace import Pace
from setpoint.cache.passes import NO_TOUCH_SINCE, Position, advance, first
from setpoint.cache.sweep_choice import Choice
from setpoint.cache.sweep_types import prefix_of
from setpoint.cache.sweep_wire import Wire, pack, wire

SLICE_SECONDS = 1.0
_ASKED = 50
"""Keys of a prefix that are asked for type and TTL."""

_BATCH = 64
_MAX_PREFIXES = 2_000
_OTHERS = b"(others)"
_GONE = -2


@dataclass(frozen=True)
class Row:
    """Keys of one prefix and type, as far as a sample tells. `protected`: they must stay."""

    prefix: bytes
    type: str
    keys: int
    to_change: int
    protected: int


@dataclass
class Preview:
    """How far the look is, and what it found. `hits` are keyspace hits it caused."""

    digest: str
    pending: list[str] | None = None
    position: Position | None = None
    scanned: int = 0
    hits: int = 0
    counts: Counter[tuple[bytes, bool]] = field(default_factory=Counter)
    answers: dict[tuple[bytes, bool], Counter[tuple[str, bool, bool]]] = field(default_factory=dict)

    def meet(self, servers: Sequence[str]) -> None:
        """The run ids of the servers there are: begin with them; those that are gone are left."""
        if self.pending is None:
            self.pending = list(servers)
        self.pending = [name for name in self.pending if name in servers]

    @property
    def server(self) -> str | None:
        """The run id of the server to look at."""
        return self.pending[0] if self.pending else None

    @property
    def is_complete(self) -> bool:
        """Whether all keys were seen."""
        return self.pending == []

    def rows(self, settings: DefaultTTL) -> list[Row]:
        """By prefix and type, those with most to change first."""
        found = [row for group in self.counts for row in self._of(group, settings)]
        return sorted(found, key=lambda row: (-row.to_change, -row.keys, row.prefix))

    def to_change(self, settings: DefaultTTL) -> int:
        """Keys that would be given a TTL."""
        return sum(row.to_change for row in self.rows(settings))

    def _of(self, group: tuple[bytes, bool], settings: DefaultTTL) -> Iterator[Row]:
        prefix, included = group
        answers = self.answers.get(group, Counter())
        asked = answers.total()
        kinds = {str(kind) for kind in settings.types}
        for kind in sorted({kind for kind, _, _ in answers}):
            share = self.counts[group] / asked
            total = sum(n for (its, _, _), n in answers.items() if its == kind)
            bare = sum(
                n
                for (its, ttl, stays), n in answers.items()
                if its == kind and not ttl and not stays
            )
            stays = sum(n for (its, _, stays_), n in answers.items() if its == kind and stays_)
            wanted = included and kind in kinds
            yield Row(
                prefix,
                kind,
                round(share * total),
                round(share * bare) if wanted else 0,
                round(share * stays) if wanted else 0,
            )


async def go_on(
    client: Client,
    settings: DefaultTTL,
    preview: Preview,
    info: Info,
    seconds: float = SLICE_SECONDS,
) -> None:
    """Look on at `preview.server` for at most `seconds`. Raises redis.RedisError."""
    databases, name = sorted(info.keyspace), preview.server or ""
    position = preview.position
    if position is None or position.run_id != name:
        position = first(name, databases)
    choice, end = Choice(settings), time.monotonic() + seconds
    pace = Pace(settings.max_keys_per_second, time.monotonic())
    async with wire(client) as line:
        if info.version >= NO_TOUCH_SINCE:
            await line.ask([pack("CLIENT", "NO-TOUCH", "ON")])
        selected = None
        while position is not None and time.monotonic() < end:
            if selected != position.database:
                selected = position.database
                await line.one("SELECT", selected)
            begun = time.monotonic()
            page = await line.one("SCAN", position.cursor, "COUNT", _BATCH)
            ended = time.monotonic()
            await _count(line, choice, preview, page[1])
            position = advance(position, int(page[0]), databases)
            if wait := pace.after(len(page[1]), ended - begun, time.monotonic()):
                await asyncio.sleep(wait)
    preview.position = position
    if position is None and preview.pending:
        preview.pending = preview.pending[1:]


async def _count(line: Wire, choice: Choice, preview: Preview, keys: Sequence[bytes]) -> None:
    included = set(choice.included(keys))
    asked: list[tuple[bytes, tuple[bytes, bool]]] = []
    for key in keys:
        group = (prefix_of(key), key in included)
        if group not in preview.counts and len(preview.counts) >= _MAX_PREFIXES:
            group = (_OTHERS, key in included)
        preview.counts[group] += 1
        if preview.counts[group] <= _ASKED:
            asked.append((key, group))
    preview.scanned += len(keys)
    if not asked:
        return
    answers = await line.ask([pack(word, key) for key, _ in asked for word in ("TYPE", "PTTL")])
    for (key, group), kind, ttl in zip(asked, answers[::2], answers[1::2], strict=True):
        if isinstance(kind, ResponseError) or isinstance(ttl, ResponseError) or ttl == _GONE:
            continue
        preview.hits += 2
        name = kind.decode()
        judged = (name, ttl >= 0, choice.is_protected(key, name))
        preview.answers.setdefault(group, Counter())[judged] += 1
