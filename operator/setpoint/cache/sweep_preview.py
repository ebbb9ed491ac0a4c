"""What a pass would do, before it does it. Pure.

Every key is counted by its prefix. Only few keys of a prefix are asked for type and TTL, since each
question counts as a keyspace hit (which are counted, to be subtracted); what they say is taken for
the others. Those whose names may tell of others are asked, too: before a key is given a TTL, the
keys beside it must be known.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from setpoint.api.cachetuning import DefaultTTL
from setpoint.cache.kin import Kin
from setpoint.cache.passes import Position


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
    """How far the look is, and what it found. `hits` are keyspace hits it caused.

    It is for the pass with those settings that follows `passes` others.
    """

    digest: str
    passes: int
    begun: datetime
    servers: frozenset[str] = frozenset()
    pending: list[str] | None = None
    position: Position | None = None
    scanned: int = 0
    hits: int = 0
    counts: Counter[tuple[bytes, bool]] = field(default_factory=Counter)
    answers: dict[tuple[bytes, bool], Counter[tuple[str, bool, bool]]] = field(default_factory=dict)
    kin: Kin = field(default_factory=Kin)

    def meet(self, servers: Sequence[str]) -> None:
        """The run ids of the servers there are. Where others were seen before, it begins anew:
        after a failover or a restart their cursors mean nothing."""
        if self.pending is None or self.servers != frozenset(servers):
            self.servers, self.pending = frozenset(servers), list(servers)
            self.position, self.scanned = None, 0
            self.counts, self.answers = Counter(), {}

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
