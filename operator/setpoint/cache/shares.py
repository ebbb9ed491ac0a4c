"""Shares of keys and bytes without a TTL, by prefix and type, of a sample. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from setpoint.cache.guard import printable
from setpoint.cache.layouts import SampledKey
from setpoint.cache.prefixes import prefix

MOST = 100
"""Prefixes that are told apart; what is rarer goes together."""


@dataclass(frozen=True)
class Share:
    """Keys of a prefix and type without a TTL, in percent of the sample's keys and bytes."""

    prefix: bytes
    type: str
    keys: float
    size: float

    def __str__(self) -> str:
        """`user:* (hash) 12% of keys, 30% of bytes`."""
        name = printable(self.prefix)
        return f"{name} ({self.type}) {self.keys:.0f}% of keys, {self.size:.0f}% of bytes"


def without_ttl(sample: Sequence[SampledKey]) -> list[Share]:
    """The greatest shares first."""
    counts: dict[tuple[bytes, str], list[int]] = defaultdict(lambda: [0, 0])
    for item in sample:
        if item.ttl is None:
            entry = counts[prefix(item.key), item.type]
            entry[0] += 1
            entry[1] += item.size
    total = sum(item.size for item in sample)
    found = [
        Share(name, kind, 100 * keys / len(sample), 100 * size / total if total else 0.0)
        for (name, kind), (keys, size) in counts.items()
    ]
    return sorted(found, key=lambda share: (-share.keys, share.prefix))[:MOST]
