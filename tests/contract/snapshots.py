"""The objects as writes left them, from the API server's audit log."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from setpoint.engine.kube import MANAGER
from stack.cluster import AuditEvent, Cluster

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ID = re.compile(r"\b([0-9a-f]{12}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{9,})\b")


@dataclass(frozen=True)
class Snapshot:
    """An object right after a write; `ours`: a write of status by setpoint itself."""

    body: dict[str, Any]
    ours: bool

    @property
    def uid(self) -> str:
        """Of the object."""
        return str(self.body["metadata"]["uid"])

    @property
    def version(self) -> int:
        """Its resourceVersion."""
        return int(self.body["metadata"]["resourceVersion"])

    @property
    def generation(self) -> int:
        """Its generation."""
        return int(self.body["metadata"]["generation"])

    @property
    def status(self) -> dict[str, Any]:
        """Its status."""
        return self.body.get("status") or {}

    @property
    def conditions(self) -> dict[str, dict[str, Any]]:
        """By type."""
        return {one["type"]: one for one in self.status.get("conditions", ())}

    def described(self) -> str:
        """For the message of a violation."""
        metadata = self.body["metadata"]
        where = f"{self.body['kind']} {metadata['namespace']}/{metadata['name']}"
        return f"{where}, resourceVersion {self.version}, generation {self.generation}"

    def without_times(self) -> str:
        """Kind and status, without times, names of its own, digests and counters of requests."""
        metadata = self.body["metadata"]
        status = {k: v for k, v in self.status.items() if k != "lastHandledReconcileAt"}
        text = json.dumps([self.body["kind"], status], sort_keys=True)
        for name in (metadata["namespace"], metadata["name"]):
            text = text.replace(name, "NAME")
        return _ID.sub("ID", _TIME.sub("TIME", text))

    def shape(self) -> tuple[Any, ...]:
        """Kind, and each condition's type, status and reason."""
        found = self.conditions.values()
        return (self.body["kind"], *((c["type"], c["status"], c["reason"]) for c in found))


def snapshots(cluster: Cluster) -> list[Snapshot]:
    """Every write's, in the order in which they took effect."""
    found = [
        Snapshot(event["responseObject"], _is_ours(event)) for event in _writes_of_objects(cluster)
    ]
    return sorted(found, key=lambda one: one.version)


def _writes_of_objects(cluster: Cluster) -> Iterator[AuditEvent]:
    for event in cluster.audited_writes():
        if "generation" in event["responseObject"].get("metadata", {}):
            yield event


def _is_ours(event: AuditEvent) -> bool:
    is_status = event["objectRef"].get("subresource") == "status"
    return is_status and f"fieldManager={MANAGER}" in event["requestURI"]
