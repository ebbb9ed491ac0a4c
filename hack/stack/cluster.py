"""A Kubernetes API server as the stack's users see it: kubectl, kubeconfigs, the audit log."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import yaml

from stack import tools
from stack.api import Api
from stack.process import StackError, clean_environment

_TOKEN_SECONDS = 24 * 3600
_KUBECTL_SECONDS = 120


class AuditUser(TypedDict):
    """Who made a request."""

    username: str


class AuditObject(TypedDict, total=False):
    """What a request was about; absent for paths such as /version."""

    resource: str
    subresource: str
    namespace: str
    name: str
    apiGroup: str


class AuditStatus(TypedDict, total=False):
    """How a request ended."""

    code: int


class AuditEvent(TypedDict, total=False):
    """One request as audit.k8s.io/v1 writes it (the parts in use)."""

    verb: str
    requestURI: str
    user: AuditUser
    objectRef: AuditObject
    responseStatus: AuditStatus
    userAgent: str
    requestReceivedTimestamp: str
    responseObject: dict[str, Any]
    """Of writes to setpoint's resources: the object as it is now."""


class Cluster:
    """An API server that runs, reached with the client certificate or token of a kubeconfig."""

    url: str
    """https://HOST:PORT"""
    ca_file: Path
    admin_kubeconfig: Path
    audit_log: Path | None = None
    """JSON lines; None where the stack does not run the server."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.kubectl_path = tools.control_plane().kubectl

    @cached_property
    def api(self) -> Api:
        """The server as admin, without a process of kubectl."""
        return Api(self.admin_kubeconfig)

    def kubectl(
        self,
        *arguments: str,
        stdin: str | None = None,
        kubeconfig: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl of the server's own version, as admin unless `kubeconfig` says otherwise.

        Raises StackError with what kubectl said if it fails and `check`.
        """
        command: list[str | Path] = [
            self.kubectl_path,
            f"--kubeconfig={kubeconfig or self.admin_kubeconfig}",
            f"--cache-dir={self.directory / 'kubectl-cache'}",
            *arguments,
        ]
        return run_kubectl(command, stdin=stdin, check=check)

    def apply(self, *manifests: dict[str, Any], check: bool = True) -> str:
        """Apply manifests without kubectl; a line for each: what was done, or why not.

        Raises StackError if one is refused and `check`.
        """
        lines = []
        for manifest in manifests:
            said, done = self.api.apply(manifest)
            lines.append(f"{manifest['kind']}/{manifest['metadata']['name']}: {said}\n")
            if check and not done:
                raise StackError(lines[-1])
        return "".join(lines)

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`, parsed."""
        parsed: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)
        return parsed

    def create_namespace(self, name: str) -> None:
        """A namespace; nothing happens if it is there."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig with a fresh token, good for a day, of a ServiceAccount that exists."""
        token = self.api.token(namespace, name, _TOKEN_SECONDS)
        return self.write_kubeconfig(f"{namespace}-{name}", {"token": token})

    def write_kubeconfig(self, name: str, user: dict[str, str]) -> Path:
        """A kubeconfig of its own file, mode 0600, with `user` as its only user."""
        cluster = {"server": self.url}
        if authority := self.ca_file.read_bytes():  # none if a public authority signed
            cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "stack", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "stack", "context": {"cluster": "stack", "user": name}}],
            "current-context": "stack",
        }
        return write_private(self.directory / f"{name}.kubeconfig", yaml.safe_dump(content))

    def audit_events(self, since: datetime | None = None) -> list[AuditEvent]:
        """The requests that were received at or after `since` (UTC), in the order of their answers.

        A watch appears when it begins; objects are left out. Raises StackError where the stack
        does not run the server.
        """
        bound = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if since else ""
        events = []
        for event in self._audited():
            event.pop("responseObject", None)
            if event["requestReceivedTimestamp"] >= bound:
                events.append(event)
        return events

    def audited_writes(self) -> Iterator[AuditEvent]:
        """The writes to setpoint's resources that took effect, each with the object it left."""
        for event in self._audited('"responseObject":'):
            if event["responseStatus"]["code"] < 300 and "dryRun=" not in event["requestURI"]:
                yield event

    def _audited(self, having: str = "") -> Iterator[AuditEvent]:
        if self.audit_log is None:
            raise StackError("the audit log can be read only of a control plane of the stack's own")
        with self.audit_log.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n") and having in line:
                    event = json.loads(line)
                    event.pop("requestObject", None)
                    yield event

    def restart_apiserver(self, down_seconds: float = 0) -> None:  # noqa: ARG002
        """Only a control plane of the stack's own can be restarted. Raises StackError."""
        raise StackError("the stack does not restart a cluster that it did not start")

    def stop(self) -> None:
        """The stack ends what it started; here, nothing."""


class ExternalCluster(Cluster):
    """The cluster of SETPOINT_KUBECONFIG, in its context SETPOINT_CONTEXT or its current one."""

    def __init__(self, directory: Path, kubeconfig: Path, context: str | None) -> None:
        super().__init__(directory)
        if not kubeconfig.is_file():
            raise StackError(f"SETPOINT_KUBECONFIG={kubeconfig} is not a file")
        view = ["config", "view", "--minify", "--flatten", "--raw", "-o", "yaml"]
        if context:
            view.append(f"--context={context}")
        text = run_kubectl([self.kubectl_path, f"--kubeconfig={kubeconfig}", *view]).stdout
        cluster = yaml.safe_load(text)["clusters"][0]["cluster"]
        self.url = cluster["server"]
        authority = base64.b64decode(cluster.get("certificate-authority-data", ""))
        self.ca_file = write_private(directory / "ca.crt", authority.decode())
        self.admin_kubeconfig = write_private(directory / "admin.kubeconfig", text)


def external_cluster(directory: Path) -> ExternalCluster | None:
    """The cluster that the user names explicitly, if so. Never the current context of ~/.kube."""
    path = os.environ.get("SETPOINT_KUBECONFIG")
    if not path:
        return None
    return ExternalCluster(directory, Path(path), os.environ.get("SETPOINT_CONTEXT"))


def run_kubectl(
    command: list[str | Path], *, stdin: str | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run it in a clean environment. Raises StackError with its words."""
    result = subprocess.run(
        command, input=stdin or "", capture_output=True, text=True, check=False,
        timeout=_KUBECTL_SECONDS, env=clean_environment(),
    )  # fmt: skip
    if check and result.returncode:
        words = " ".join(str(word) for word in command if not str(word).startswith("--"))
        raise StackError(f"{words} failed:\n{result.stderr}{result.stdout}")
    return result


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path
