"""The newest known body of every resource, as the watch or our own writes brought it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from setpoint.engine.model import Key

FINALIZER = "setpoint.dev/finalizer"
"""Only with deletionPolicy Revert, and only while there is something to put back."""

ABANDON = "setpoint.dev/abandon"
"""Annotation that lets a resource go at once, whatever could not be reverted."""

REQUESTED_AT = ("reconcile.fluxcd.io/requestedAt", "setpoint.dev/requestedAt")
"""Annotations that ask for a reconcile now, Flux's and our own."""

_WATCHED_ANNOTATIONS = (*REQUESTED_AT, "setpoint.dev/approve", ABANDON)


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
        self._bodies[key] = bare(body)
        return known is None or not _same_object(known, body) or _request(known) != _request(body)

    def remove(self, key: Key) -> None:
        """The resource is gone."""
        self._bodies.pop(key, None)


def wants_work(body: Mapping[str, Any] | None, uid: str, generation: int) -> bool | None:
    """Whether long work for a resource of this uid and generation is to go on beside the loop.

    None where there is no resource of this uid any more.
    """
    if body is None or body["metadata"]["uid"] != uid:
        return None
    if body["metadata"].get("deletionTimestamp") or (body.get("spec") or {}).get("suspend"):
        return False
    return bool(body["metadata"].get("generation") == generation)


def bare(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what is large and nobody reads."""
    metadata = {k: v for k, v in body["metadata"].items() if k != "managedFields"}
    return {**body, "metadata": metadata}


def requested_at(body: dict[str, Any]) -> str | None:
    """The newest request for a reconcile that a resource's annotations carry."""
    return requested_of(body["metadata"].get("annotations") or {})


def requested_of(annotations: Mapping[str, str]) -> str | None:
    """The newest request for a reconcile among annotations: a token may be any text, but of two
    annotations the one with the later time counts."""
    tokens = [annotations[name] for name in REQUESTED_AT if name in annotations]
    return max(tokens, key=_moment, default=None)


def _moment(token: str) -> datetime:
    try:
        moment = datetime.fromisoformat(token)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
