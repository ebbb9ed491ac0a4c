"""The newest known body of every resource, as the watch or our own writes brought it."""

from collections.abc import Iterator, Mapping
from typing import Any

from setpoint.engine.model import Key

REQUESTED_AT = ("reconcile.fluxcd.io/requestedAt", "setpoint.dev/requestedAt")
"""Annotations that ask for a reconcile now, Flux's and our own."""

_WATCHED_ANNOTATIONS = (*REQUESTED_AT, "setpoint.dev/approve", "setpoint.dev/abandon")


class Store:
    """Bodies by key. They are shared: never change one in place."""

    def __init__(self) -> None:
        self._bodies: dict[Key, dict[str, Any]] = {}

    def get(self, key: Key) -> dict[str, Any] | None:
        """The newest body, or None if the resource is gone."""
        return self._bodies.get(key)

    def __iter__(self) -> Iterator[Key]:
        """Every key there is."""
        return iter(list(self._bodies))

    def keys(self, plural: str) -> list[Key]:
        """Every key of one kind."""
        return [key for key in self._bodies if key.plural == plural]

    def update(self, key: Key, body: dict[str, Any]) -> bool:
        """Take over a body; True if the change asks for a reconcile.

        An older body than the known one (an echo of the watch after our own write) is ignored.
        """
        known = self._bodies.get(key)
        if known is not None and _same_object(known, body) and _version(body) <= _version(known):
            return False
        metadata = {k: v for k, v in body["metadata"].items() if k != "managedFields"}
        self._bodies[key] = {**body, "metadata": metadata}
        return known is None or not _same_object(known, body) or _request(known) != _request(body)

    def remove(self, key: Key) -> None:
        """The resource is gone."""
        self._bodies.pop(key, None)


def requested_at(body: dict[str, Any]) -> str | None:
    """The newest request for a reconcile that a resource's annotations carry."""
    return requested_of(body["metadata"].get("annotations") or {})


def requested_of(annotations: Mapping[str, str]) -> str | None:
    """The newest request for a reconcile among annotations."""
    return next((annotations[name] for name in REQUESTED_AT if name in annotations), None)


def _same_object(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["metadata"]["uid"] == other["metadata"]["uid"])


def _version(body: dict[str, Any]) -> int:
    # Integers that grow, and comparable for all API servers since Kubernetes 1.35 says so.
    return int(body["metadata"]["resourceVersion"])


def _request(body: dict[str, Any]) -> tuple[Any, ...]:
    """What a user changes when they want something done; status is not part of it."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    return (
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        *(annotations.get(name) for name in _WATCHED_ANNOTATIONS),
    )
