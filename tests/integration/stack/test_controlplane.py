"""A real API server: RBAC decides, the audit log tells, kubectl understands it."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from stack.cluster import Cluster, ExternalCluster
from stack.controlplane import ControlPlane, control_plane
from stack.process import StackError


@pytest.fixture
def namespace(controlplane: Cluster) -> str:
    name = f"stack-{uuid.uuid4().hex[:8]}"
    controlplane.create_namespace(name)
    return name


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One that may be restarted without disturbing the session's."""
    with ControlPlane(tmp_path_factory.mktemp("own")) as server:
        yield server


def service_account(cluster: Cluster, namespace: str, name: str) -> Path:
    metadata = {"name": name, "namespace": namespace}
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    return cluster.service_account_kubeconfig(namespace, name)


def test_a_service_account_without_rights_is_refused_and_the_audit_log_says_so(
    controlplane: Cluster, namespace: str
) -> None:
    kubeconfig = service_account(controlplane, namespace, "nobody")
    before = datetime.now(UTC)
    refused = controlplane.kubectl(
        "get", "secrets", "-n", namespace, kubeconfig=kubeconfig, check=False
    )
    assert refused.returncode == 1
    assert "Forbidden" in refused.stderr
    user = f"system:serviceaccount:{namespace}:nobody"
    events = [e for e in controlplane.audit_events(before) if e["user"]["username"] == user]
    denied = [e for e in events if e.get("objectRef", {}).get("resource") == "secrets"]
    assert [(e["verb"], e["responseStatus"]["code"]) for e in denied] == [("list", 403)]
    assert denied[0]["objectRef"]["namespace"] == namespace
    assert not [e for e in controlplane.audit_events(datetime.now(UTC)) if e in denied]


def test_a_role_gives_exactly_what_it_says(controlplane: Cluster, namespace: str) -> None:
    kubeconfig = service_account(controlplane, namespace, "reader")
    controlplane.kubectl(
        "create", "role", "r", "--verb=list", "--resource=configmaps", "-n", namespace
    )
    controlplane.kubectl(
        "create", "rolebinding", "r", "--role=r", f"--serviceaccount={namespace}:reader",
        "-n", namespace,
    )  # fmt: skip
    answers = {
        resource: controlplane.kubectl(
            "auth", "can-i", "list", resource, "-n", namespace, kubeconfig=kubeconfig, check=False
        ).stdout.strip()
        for resource in ("configmaps", "secrets")
    }
    assert answers == {"configmaps": "yes", "secrets": "no"}


def test_a_watch_is_one_line_of_the_audit_log_and_probes_are_none(
    controlplane: Cluster, namespace: str
) -> None:
    before = datetime.now(UTC)
    controlplane.kubectl("get", "--raw", "/readyz")
    watch = f"/api/v1/namespaces/{namespace}/configmaps?watch=1&timeoutSeconds=1"
    controlplane.kubectl("get", "--raw", watch)
    mine = [e for e in controlplane.audit_events(before) if e["user"]["username"] == "admin"]
    verbs = [e["verb"] for e in mine if namespace in e["requestURI"]]
    assert verbs == ["watch"]
    assert not [e for e in mine if e["requestURI"].startswith("/readyz")]


def test_kubectl_parses_the_servers_version(controlplane: Cluster) -> None:
    result = controlplane.kubectl("version", "-o", "yaml")
    assert result.stderr == ""
    versions = yaml.safe_load(result.stdout)
    server, client = versions["serverVersion"], versions["clientVersion"]
    assert server["gitVersion"] == client["gitVersion"]
    assert f"v{server['major']}.{server['minor']}." in server["gitVersion"]


def test_kubectl_that_fails_tells_why(controlplane: Cluster) -> None:
    with pytest.raises(StackError, match=r"kubectl get nonsense failed:\n.*nonsense"):
        controlplane.kubectl("get", "nonsense")


def test_a_restarted_server_has_its_address_data_and_tokens(own: ControlPlane) -> None:
    own.create_namespace("lasting")
    kubeconfig = service_account(own, "lasting", "someone")
    url = own.url
    own.restart_apiserver()
    assert own.url == url
    assert own.get("namespace", "lasting")["metadata"]["name"] == "lasting"
    whoami = own.kubectl("auth", "whoami", kubeconfig=kubeconfig).stdout
    assert "system:serviceaccount:lasting:someone" in whoami


def test_another_user_cannot_read_keys_and_kubeconfigs(own: ControlPlane) -> None:
    secret = [*own.directory.rglob("*.key"), *own.directory.rglob("*.kubeconfig")]
    assert len(secret) >= 3
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}


def test_a_cluster_that_the_user_names_is_used_and_left_alone(
    own: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "users-own-config"
    config = yaml.safe_load(own.admin_kubeconfig.read_text("utf-8"))
    config["contexts"].append({"name": "staging", "context": config["contexts"][0]["context"]})
    config["current-context"] = "production"
    users.write_text(yaml.safe_dump(config), encoding="utf-8")
    content = users.read_bytes()
    monkeypatch.setenv("SETPOINT_KUBECONFIG", str(users))
    monkeypatch.setenv("SETPOINT_CONTEXT", "staging")

    cluster = control_plane(tmp_path / "run")
    assert isinstance(cluster, ExternalCluster)
    assert cluster.url == own.url
    cluster.create_namespace("named")
    kubeconfig = service_account(cluster, "named", "someone")
    whoami = cluster.kubectl("auth", "whoami", kubeconfig=kubeconfig).stdout
    assert "system:serviceaccount:named:someone" in whoami
    for not_ours in (cluster.audit_events, cluster.restart_apiserver):
        with pytest.raises(StackError):
            not_ours()
    cluster.stop()
    assert own.get("namespace", "named")["status"]["phase"] == "Active"
    assert users.read_bytes() == content


def test_a_kubeconfig_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETPOINT_KUBECONFIG", "/nonexistent/config")
    with pytest.raises(StackError, match="SETPOINT_KUBECONFIG=/nonexistent/config is not a file"):
        control_plane(tmp_path)
