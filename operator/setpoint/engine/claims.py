"""One owner for each real target: the oldest resource that names it."""

from collections.abc import Collection, Iterable
from datetime import datetime

from setpoint.engine.model import Key


class Claims:
    """Which resources name which target. The oldest wins; the uid decides between equals."""

    def __init__(self) -> None:
        self._by_target: dict[str, dict[Key, tuple[datetime, str]]] = {}
        self._by_key: dict[Key, set[str]] = {}

    def add(self, key: Key, target: str, created: datetime, uid: str) -> None:
        """`key` names `target`, beside what it named before."""
        self._by_target.setdefault(target, {})[key] = (created, uid)
        self._by_key.setdefault(key, set()).add(target)

    def keep_only(self, key: Key, targets: Collection[str]) -> None:
        """`key` names these targets and no others any more."""
        for target in self._by_key.get(key, set()) - set(targets):
            self._drop(key, target)
        self._by_key[key] = set(targets) & self._by_key.get(key, set())

    def owner(self, target: str) -> Key | None:
        """The resource that may write to `target`."""
        claimants = self._by_target.get(target)
        return min(claimants, key=lambda key: claimants[key]) if claimants else None

    def release(self, key: Key) -> set[Key]:
        """`key` is gone; the resources that may now have become owners."""
        affected: set[Key] = set()
        for target in self._by_key.pop(key, set()):
            affected |= set(self._drop(key, target))
        return affected

    def _drop(self, key: Key, target: str) -> Iterable[Key]:
        """Take back one claim; the keys that still name the target."""
        claimants = self._by_target[target]
        del claimants[key]
        if not claimants:
            del self._by_target[target]
        return claimants
