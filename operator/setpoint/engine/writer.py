"""Writes status: one PATCH for a change, none for a no-op; then tells the world what changed."""

from collections.abc import Mapping
from typing import Any

from setpoint.api.conditions import ConditionStatus, ConditionType, Reason
from setpoint.engine import conditions
from setpoint.engine.kube import Conflict, KubeClient
from setpoint.engine.model import Key
from setpoint.engine.store import Store, bare
from setpoint.telemetry import metrics
from setpoint.telemetry.events import EventRecorder


class StatusWriter:
    """The only one who writes status."""

    def __init__(self, kube: KubeClient, store: Store, events: EventRecorder) -> None:
        self._kube = kube
        self._store = store
        self._events = events

    async def write(self, key: Key, version: str, status: Mapping[str, Any]) -> dict[str, Any]:
        """Make `status` the status of the object of that resourceVersion.

        Returns the body as it was written: the store may have a newer one by then, of a spec that
        nobody has looked at. Raises Conflict if the object is newer than `version` or gone,
        Failure if the API server refuses or cannot be reached.
        """
        body = self._store.get(key)
        if body is None or body["metadata"]["resourceVersion"] != version:
            raise Conflict
        before = body.get("status") or {}
        if before == status:
            return body
        written = bare(await self._kube.patch_status(key, version, status))
        self._store.update(key, written)
        metrics.STATUS_WRITES.labels(key.plural).inc()
        self._announce(written, before, status)
        return written

    def _announce(
        self, body: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """An Event when Ready changes its reason or its status; nothing while work is under way."""
        old = conditions.find(before.get("conditions") or (), ConditionType.READY)
        new = conditions.find(after.get("conditions") or (), ConditionType.READY)
        if new is None or new["status"] == ConditionStatus.UNKNOWN:
            return
        if old is None or (old["status"], old["reason"]) != (new["status"], new["reason"]):
            is_asked_for = new["reason"] == Reason.SUSPENDED
            is_bad = new["status"] == ConditionStatus.FALSE and not is_asked_for
            self._events.record(body, Reason(new["reason"]), new["message"], warning=is_bad)
