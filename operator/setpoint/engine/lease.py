"""One Lease (coordination.k8s.io/v1) at the API server."""

from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes.aio import client

_WHERE = ("coordination.k8s.io", "v1")


@dataclass(frozen=True)
class Record:
    """What a Lease says. `version` is its resourceVersion, `duration` is in whole seconds."""

    holder: str
    duration: int
    acquired: str | None
    renewed: str | None
    transitions: int
    version: str


class Taken(Exception):  # noqa: N818 - a state of the world, not an error
    """The Lease is not as it was when it was read: somebody else wrote it."""


class UnreachableError(Exception):
    """The API server did not answer in time, or refused; the text says which, for the log."""


class KubeLease:
    """Reads and writes it; verbs get, create and update, and no others."""

    def __init__(self, api: client.ApiClient, namespace: str, name: str) -> None:
        self._custom = client.CustomObjectsApi(api)  # it takes any group, and gives plain JSON
        self._namespace = namespace
        self._name = name

    async def read(self, seconds: float) -> Record | None:
        """The Lease as it is; None if there is none. Raises UnreachableError."""
        try:
            body = await self._custom.get_namespaced_custom_object(
                *_WHERE, self._namespace, "leases", self._name, _request_timeout=seconds
            )
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise UnreachableError(f"HTTP {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(type(error).__name__) from None
        return _record(body)

    async def write(self, record: Record, seconds: float) -> Record:
        """Create it (version empty), or replace that very version; the Lease as written.

        Raises Taken or UnreachableError.
        """
        body = _body(self._namespace, self._name, record)
        try:
            if record.version:
                written = await self._custom.replace_namespaced_custom_object(
                    *_WHERE, self._namespace, "leases", self._name, body, _request_timeout=seconds
                )
            else:
                written = await self._custom.create_namespaced_custom_object(
                    *_WHERE, self._namespace, "leases", body, _request_timeout=seconds
                )
        except client.ApiException as error:
            if error.status == 409 or (error.status == 404 and record.version):
                raise Taken from None
            raise UnreachableError(f"HTTP {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(type(error).__name__) from None
        return _record(written)


def _record(body: Any) -> Record:
    spec = body.get("spec") or {}
    return Record(
        holder=spec.get("holderIdentity") or "",
        duration=spec.get("leaseDurationSeconds") or 1,
        acquired=spec.get("acquireTime"),
        renewed=spec.get("renewTime"),
        transitions=spec.get("leaseTransitions") or 0,
        version=body["metadata"]["resourceVersion"],
    )


def _body(namespace: str, name: str, record: Record) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name}
    if record.version:
        metadata["resourceVersion"] = record.version
    return {
        "apiVersion": "/".join(_WHERE),
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": record.holder,
            "leaseDurationSeconds": record.duration,
            "acquireTime": record.acquired,
            "renewTime": record.renewed,
            "leaseTransitions": record.transitions,
        },
    }
