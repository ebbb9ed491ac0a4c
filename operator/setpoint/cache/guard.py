"""Which eviction policies a keyspace may have: none that evicts what must stay. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from setpoint.cache.kin import Kin
from setpoint.cache.layouts import Layout, SampledKey

LEAST_VOLATILE = 0.5
"""Share of the bytes that must have a TTL before a volatile-* policy has enough to evict."""


@dataclass(frozen=True)
class Refusal:
    """Why a policy is refused. `layouts` are those found and not acknowledged, the most frequent
    first; empty where it is the bytes without a TTL that are too many."""

    layouts: tuple[Layout, ...]
    evidence: str
    remedy: str


class Guard:
    """Judges policies by a sample of the keyspace."""

    def __init__(self, sample: Iterable[SampledKey]) -> None:
        self._sample = list(sample)
        self._found: Counter[Layout] = Counter()
        self._examples: dict[Layout, bytes] = {}
        self._volatile: set[Layout] = set()
        kin = Kin(self._sample)
        for item in self._sample:
            layout = kin.layout_of(item)
            if layout is not None:
                self._found[layout] += 1
                self._examples.setdefault(layout, item.key)
                if item.ttl is not None:
                    self._volatile.add(layout)

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """What was found, the most frequent first."""
        return tuple(layout for layout, _ in self._found.most_common())

    @property
    def volatile_share(self) -> float | None:
        """Share of the sampled bytes (of the keys, where no sizes are known) with a TTL."""
        sized = any(item.size for item in self._sample)
        weights = [(item.size if sized else 1, item.ttl is not None) for item in self._sample]
        total = sum(weight for weight, _ in weights)
        return sum(weight for weight, volatile in weights if volatile) / total if total else None

    def refuse(
        self,
        policy: str,
        acknowledged: Collection[str] = (),
        *,
        volatile_share: float | None = None,
    ) -> Refusal | None:
        """Why `policy` must not be set; None if it may be.

        `volatile_share`, where the caller knows it better than this sample tells.
        """
        if policy == "noeviction" or not policy:
            return None
        known = {name.casefold() for name in acknowledged}
        unsafe = tuple(layout for layout in self.layouts if layout.name.casefold() not in known)
        if policy.startswith("volatile-"):
            unsafe = tuple(layout for layout in unsafe if layout in self._volatile)
        if unsafe:
            return self._layouts_refused(policy, unsafe)
        share = self.volatile_share if volatile_share is None else volatile_share
        if policy.startswith("volatile-") and share is not None and share < LEAST_VOLATILE:
            if "few ttls" in known:
                return None
            return Refusal(
                (),
                f"only {100 * share:.0f}% of the bytes have a TTL, so {policy} has little to "
                "evict, and writes fail when memory is full",
                "give the cache's keys a TTL first, choose an allkeys-* policy if every key may "
                'go, or acknowledge "few TTLs"',
            )
        return None

    def _layouts_refused(self, policy: str, unsafe: Sequence[Layout]) -> Refusal:
        shown = ", ".join(
            f"{layout} such as {printable(self._examples[layout])}" for layout in unsafe[:3]
        )
        names = ", ".join(sorted(layout.name for layout in unsafe)[:5])
        return Refusal(
            tuple(unsafe),
            f"{policy} evicts keys that must stay: {shown}",
            f"move them to a Redis of their own, or acknowledge by name: {names}",
        )


def printable(key: bytes, limit: int = 60) -> str:
    """A key as text of at most `limit` characters, whatever bytes it has."""
    text = "".join(
        char if char.isprintable() and char != "�" else "."
        for char in key[: 4 * limit].decode("utf-8", "replace")
    )
    return text if len(text) <= limit else text[: limit - 1] + "…"
