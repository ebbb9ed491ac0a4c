"""Writes to the Kubernetes API, and reads of Secrets, through the official asyncio client."""

import base64
import binascii
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from kubernetes.aio import client

from setpoint.api import GROUP, VERSION
from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure
from setpoint.engine.fence import ALONE, Fence
from setpoint.engine.model import Key
from setpoint.telemetry import metrics
from setpoint.telemetry.traces import span

MANAGER = "setpoint"
_TIMEOUT = 20.0
_PAGE = 500
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"


class Conflict(Exception):  # noqa: N818 - a state of the world, not an error
    """The object is newer than the one that was reconciled, or gone: look again."""


class Api(client.ApiClient):
    """Counts its requests."""

    async def call_api(self, method: str, *arguments: Any, **options: Any) -> Any:
        """One request. Raises ApiException, aiohttp.ClientError or TimeoutError."""
        result = "unreachable"
        with span(f"kubernetes {method}"):
            try:
                answer = await super().call_api(method, *arguments, **options)
                result = "ok"
            except client.ApiException as error:
                result = f"http_{error.status}"
                raise
            finally:
                metrics.KUBERNETES_REQUESTS.labels(method.lower(), result).inc()
        return answer


class KubeClient:
    """The few calls that the engine makes. Every write of a resource carries its version."""

    def __init__(self, api: client.ApiClient, fence: Fence = ALONE) -> None:
        self._fence = fence
        self._custom = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._events = client.EventsV1Api(api)

    async def patch_status(
        self, key: Key, resource_version: str, status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Replace the whole status; the object as written. Raises Conflict or Failure."""
        return await self._patch(
            self._custom.patch_namespaced_custom_object_status,
            key,
            resource_version,
            [{"op": "add", "path": "/status", "value": dict(status)}],
        )

    async def patch_finalizers(
        self, key: Key, resource_version: str, finalizers: Sequence[str]
    ) -> dict[str, Any]:
        """Replace the finalizers; the object as written. Raises Conflict or Failure."""
        return await self._patch(
            self._custom.patch_namespaced_custom_object,
            key,
            resource_version,
            [{"op": "add", "path": "/metadata/finalizers", "value": list(finalizers)}],
        )

    async def exists(self, key: Key) -> bool:
        """Whether a resource is there, whatever its labels. Raises Failure."""
        try:
            await self._custom.get_namespaced_custom_object(
                GROUP, VERSION, key.namespace, key.plural, key.name, _request_timeout=_TIMEOUT
            )
        except client.ApiException as error:
            if error.status == 404:
                return False
            raise _unreachable() from None
        except (aiohttp.ClientError, TimeoutError):
            raise _unreachable() from None
        return True

    async def list_all(
        self, plural: str, namespaces: Sequence[str], selector: str = ""
    ) -> list[dict[str, Any]]:
        """Every resource of a kind, in `namespaces` or, without any, in all. Raises Failure.

        As the server has it now, never from a cache. `selector`: only of these labels. A kind whose
        definition is not installed has none.
        """
        calls = [
            functools.partial(self._custom.list_namespaced_custom_object, GROUP, VERSION, name)
            for name in namespaces
        ] or [functools.partial(self._custom.list_cluster_custom_object, GROUP, VERSION)]
        return [item for call in calls for item in await _pages(call, plural, selector)]

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        """A Secret's data, decoded (this makes the client a trust.secrets.SecretReader)."""
        try:
            secret = await self._core.read_namespaced_secret(
                name, namespace, _request_timeout=_TIMEOUT
            )
        except (client.ApiException, aiohttp.ClientError, TimeoutError) as error:
            raise _secret_failure(error, name) from None
        try:
            return {
                key: base64.b64decode(text, validate=True).decode()
                for key, text in (secret.data or {}).items()
            }
        except (binascii.Error, UnicodeDecodeError):
            raise Failure(
                Reason.SECRET_INVALID, f"Secret {name} holds data that is not UTF-8 text"
            ) from None

    async def write_event(self, namespace: str, body: Mapping[str, Any]) -> None:
        """Post an events.k8s.io/v1 Event, or the series of one that was posted; a loss is borne:
        Events are best effort."""
        try:
            if "series" in body and await self._patch_series(namespace, body):
                return
            async with self._fence.write(_TIMEOUT) as seconds:
                await self._events.create_namespaced_event(
                    namespace,
                    client.EventsV1Event.model_validate(body),
                    _request_timeout=seconds,
                )
        except (client.ApiException, aiohttp.ClientError, TimeoutError):
            return

    async def _patch_series(self, namespace: str, body: Mapping[str, Any]) -> bool:
        """Whether the Event is still there."""
        try:
            async with self._fence.write(_TIMEOUT) as seconds:
                await self._events.patch_namespaced_event(
                    body["metadata"]["name"],
                    namespace,
                    {"series": body["series"]},
                    _content_type=_MERGE_PATCH,
                    _request_timeout=seconds,
                )
        except client.ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    async def _patch(
        self, call: Any, key: Key, resource_version: str, patch: list[dict[str, Any]]
    ) -> dict[str, Any]:
        lock = {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version}
        try:
            async with self._fence.write(_TIMEOUT) as seconds:
                written: dict[str, Any] = await call(
                    GROUP,
                    VERSION,
                    key.namespace,
                    key.plural,
                    key.name,
                    [lock, *patch],
                    field_manager=MANAGER,
                    _content_type=_JSON_PATCH,
                    _request_timeout=seconds,
                )
        except client.ApiException as error:
            if error.status in (404, 409):
                raise Conflict from None
            raise Failure(
                Reason.INTERNAL_ERROR,
                f"the Kubernetes API refused a write of this resource (HTTP {error.status})",
            ) from None
        except (aiohttp.ClientError, TimeoutError):
            raise _unreachable() from None
        return written


async def _pages(call: Any, plural: str, selector: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    token = None
    while True:
        try:
            page = await call(
                plural,
                label_selector=selector or None,
                limit=_PAGE,
                _continue=token,
                _request_timeout=_TIMEOUT,
            )
        except client.ApiException as error:
            if error.status == 404:
                return []
            raise Failure(
                Reason.ACCESS_DENIED if error.status == 403 else Reason.INTERNAL_ERROR,
                f"the Kubernetes API refused to list {plural} (HTTP {error.status})",
            ) from None
        except (aiohttp.ClientError, TimeoutError):
            raise _unreachable() from None
        items += page["items"]
        token = page["metadata"].get("continue")
        if not token:
            return items


def _unreachable() -> Failure:
    return Failure(Reason.CONNECTION_FAILED, "the Kubernetes API could not be reached")


def _secret_failure(error: Exception, name: str) -> Failure:
    status = error.status if isinstance(error, client.ApiException) else None
    if status == 404:
        return Failure(
            Reason.SECRET_NOT_FOUND, f"Secret {name} does not exist in this namespace: create it"
        )
    if status == 403:
        return Failure(
            Reason.ACCESS_DENIED,
            f"the operator may not read Secret {name}: its role lacks get on secrets here",
        )
    return _unreachable()
