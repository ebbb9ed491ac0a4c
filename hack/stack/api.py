"""An API server spoken to directly: what tests ask by the thousand, without a kubectl for each."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from kubernetes import config

from stack.process import StackError

_JSON = "application/json"
_JSON_PATCH = "application/json-patch+json"
_MERGE_PATCH = "application/merge-patch+json"


class _Resource(NamedTuple):
    """Where a kind's objects are."""

    root: str
    """/api/v1, /apis/GROUP/VERSION"""
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        where = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{self.root}{where}/{self.plural}{f'/{name}' if name else ''}"


class Answer(NamedTuple):
    """Of a request: its status, and the object; of a refusal, the server's Status."""

    status: int
    body: dict[str, Any]


class Api:
    """The server of a kubeconfig. Fields that a kind does not have are refused, as by kubectl."""

    def __init__(self, kubeconfig: Path) -> None:
        self._client = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
        self._known: dict[tuple[str, str], _Resource] = {}

    def request(
        self, method: str, path: str, body: Any = None, content_type: str = _JSON
    ) -> Answer:
        """Any request; `path` with its query."""
        headers = {"Accept": _JSON, "Content-Type": content_type}
        made = self._client.param_serialize(
            method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = self._client.call_api(*made)
        return Answer(answer.status, json.loads(answer.read()))

    def get(self, version: str, kind: str, name: str = "", namespace: str = "") -> dict[str, Any]:
        """An object, or the list of all; `kind` in the plural, singular or as in manifests.

        Raises StackError.
        """
        return self._made("GET", self._resource(version, kind).path(namespace, name))

    def merge(
        self, version: str, kind: str, name: str, namespace: str, patch: dict[str, Any]
    ) -> dict[str, Any]:
        """A merge patch; the object as it is then. Raises StackError."""
        path = self._resource(version, kind).path(namespace, name)
        return self._made("PATCH", path, patch, _MERGE_PATCH)

    def delete(self, version: str, kind: str, name: str = "", namespace: str = "") -> None:
        """An object, or all of the namespace; does not wait for finalizers. Raises StackError."""
        self._made("DELETE", self._resource(version, kind).path(namespace, name))

    def apply(
        self, manifest: dict[str, Any], namespace: str = "default", *, dry_run: bool = False
    ) -> tuple[str, bool]:
        """Create the object, or give the one that is there these fields, labels, annotations.

        What was done (created, configured, unchanged), or the server's words; whether it was done.
        `namespace` is of manifests that name none.
        """
        metadata = manifest["metadata"]
        resource = self._resource(manifest["apiVersion"], manifest["kind"])
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        path = resource.path(metadata.get("namespace", namespace))
        answer = self.request("POST", path + query, manifest)
        if answer.status < 300:
            return "created", True
        if answer.body.get("reason") != "AlreadyExists":
            return answer.body["message"], False
        path += f"/{metadata['name']}"
        found = self._made("GET", path)
        answer = self.request("PATCH", path + query, _changes(manifest, found), _JSON_PATCH)
        if answer.status >= 300:
            return answer.body["message"], False
        same = _version(answer.body) == _version(found)
        return "unchanged" if same else "configured", True

    def token(self, namespace: str, account: str, seconds: int) -> str:
        """A token of a ServiceAccount. Raises StackError."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        return str(self._made("POST", path, body)["status"]["token"])

    def _made(
        self, method: str, path: str, body: Any = None, content_type: str = _JSON
    ) -> dict[str, Any]:
        answer = self.request(method, path, body, content_type)
        if answer.status >= 300:
            raise StackError(f"{method} {path}: {answer.body.get('message')}")
        return answer.body

    def _resource(self, version: str, kind: str) -> _Resource:
        key = (version, kind.lower())
        if key not in self._known:
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            for one in self._made("GET", root)["resources"]:
                if "/" not in one["name"]:
                    resource = _Resource(root, one["name"], one["namespaced"])
                    for name in (one["name"], one["singularName"], one["kind"].lower()):
                        self._known[version, name] = resource
        if key not in self._known:
            raise StackError(f"{version} has no kind {kind}")
        return self._known[key]


def _changes(manifest: dict[str, Any], found: dict[str, Any]) -> list[dict[str, Any]]:
    """A JSON patch: each of the manifest's parts as it says; labels and annotations are added."""
    parts = {k: v for k, v in manifest.items() if k not in ("apiVersion", "kind", "metadata")}
    changes = [{"op": "add", "path": f"/{name}", "value": value} for name, value in parts.items()]
    for name in ("labels", "annotations"):
        if new := manifest["metadata"].get(name):
            value = {**found["metadata"].get(name, {}), **new}
            changes.append({"op": "add", "path": f"/metadata/{name}", "value": value})
    return changes


def _version(body: dict[str, Any]) -> str:
    return str(body["metadata"]["resourceVersion"])
