"""What the watch brings: into the store, the claims and the queue. No reading, no writing."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from setpoint.engine.claims import Claims
from setpoint.engine.failure import Failure
from setpoint.engine.kind import Kind
from setpoint.engine.model import Key
from setpoint.engine.parse import parse
from setpoint.engine.queue import WorkQueue
from setpoint.engine.store import Store

CHANGED = "changed"


class Ingest:
    """Takes over bodies and hands their keys to the queue."""

    def __init__(
        self,
        kinds: Mapping[str, Kind[Any, Any, Any]],
        store: Store,
        claims: Claims,
        queue: WorkQueue,
    ) -> None:
        self._kinds = kinds
        self._store = store
        self._claims = claims
        self._queue = queue

    def seen(self, key: Key, body: dict[str, Any]) -> None:
        """A resource as it is now."""
        if self._store.update(key, body):
            self._queue.add(key, CHANGED, self._claim(key, body))

    def gone(self, key: Key) -> None:
        """A resource was deleted: those that waited for its target may go on."""
        self._store.remove(key)
        self._queue.forget(key)
        self._queue.add(key, CHANGED)
        for other in self._claims.release(key):
            self._queue.add(other, CHANGED)

    def known(self, plural: str) -> dict[Key, str]:
        """The resources of a kind, with their uids."""
        return {key: self._uid(key) for key in self._store.keys(plural)}

    def listed(
        self, plural: str, before: Mapping[Key, str], bodies: Iterable[dict[str, Any]]
    ) -> None:
        """All resources of a kind as a list has them: what was `known` before it was made, and is
        not among them, is gone."""
        found = set()
        for body in bodies:
            metadata = body["metadata"]
            key = Key(plural, metadata["namespace"], metadata["name"])
            found.add(key)
            self.seen(key, body)
        for key, uid in before.items():
            if key not in found and self._uid(key) == uid:
                self.gone(key)

    def all_again(self) -> None:
        """Look at everything: what was refused may be allowed now, and the other way round."""
        for key in self._store:
            self._queue.add(key, CHANGED)

    def _uid(self, key: Key) -> str:
        return str((self._store.get(key) or {}).get("metadata", {}).get("uid", ""))

    def _claim(self, key: Key, body: dict[str, Any]) -> str:
        """Note which targets it names; the lane of its work."""
        kind = self._kinds[key.plural]
        metadata = body["metadata"]
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        targets = [(body.get("status") or {}).get("target")]
        lane = key.plural
        try:
            spec = parse(key, body, kind.spec_model).spec
        except Failure:  # the reconciler says so in status
            pass
        else:
            targets.append(kind.claim(key.namespace, spec))
            lane = kind.lane(key.namespace, spec)
            if not spec.suspend:
                kind.announce(key.namespace, spec)
        for target in filter(None, targets):
            self._claims.add(key, target, created, metadata["uid"])
        return lane
