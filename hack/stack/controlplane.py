"""etcd and kube-apiserver on loopback, with RBAC and an audit log. No controllers, no kubelet."""

import ssl
import time
from pathlib import Path
from typing import Self

import yaml

from stack import tools
from stack.certs import Authority
from stack.cluster import Cluster, external_cluster
from stack.ports import Port
from stack.probe import answers
from stack.process import Child

_READY_SECONDS = 90
_TOKEN_SECONDS = 24 * 3600
_AUDIT_MEGABYTES = 4096

# The server's talk with itself and the probes would drown the rest; a watch counts once, when it
# begins, for its end tells nothing. Of our own resources, every object as a write left it.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "rules": [
        {"level": "None", "users": ["system:apiserver"]},
        {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*"]},
        {
            "level": "Metadata",
            "verbs": ["watch"],
            "omitStages": ["RequestReceived", "ResponseComplete"],
        },
        {
            "level": "RequestResponse",
            "verbs": ["create", "update", "patch"],
            "resources": [{"group": "setpoint.dev"}],
            "omitStages": ["RequestReceived", "ResponseStarted"],
            "omitManagedFields": True,
        },
        {"level": "Metadata", "omitStages": ["RequestReceived", "ResponseStarted"]},
    ],
}


class ControlPlane(Cluster):
    """A Kubernetes API server, as real as one can be without nodes."""

    audit_log: Path

    def __init__(self, run_dir: Path, *, keep: bool = False) -> None:
        super().__init__(run_dir / "controlplane")
        self._tools = tools.control_plane()
        self._logs = run_dir / "logs"
        self._keep = keep
        self._etcd: Child | None = None
        self._apiserver: Child | None = None
        self._port = Port()
        self.url = f"https://127.0.0.1:{self._port}"
        self.audit_log = self._logs / "audit.log"
        try:
            self._write_files()
            self._start_etcd()
            self._start_apiserver()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End both processes. Without a grace: their data is thrown away."""
        for child in (self._apiserver, self._etcd):
            if child is not None:
                child.kill()
        self._port.release()

    def restart_apiserver(self, down_seconds: float = 0) -> None:
        """Stop kube-apiserver and start it again on the same port; what it stored is kept."""
        if self._apiserver is not None:
            self._apiserver.stop()
        time.sleep(down_seconds)
        self._start_apiserver()

    def _write_files(self) -> None:
        authority = Authority(self.directory / "pki")
        self.ca_file = authority.ca
        self._server = authority.server("apiserver")
        self._admin = authority.client("admin", "admin", "system:masters")
        self._tokens = authority.client("service-accounts", "service-accounts")
        self._context = ssl.create_default_context(cafile=str(self.ca_file))
        self._context.load_cert_chain(self._admin.cert, self._admin.key)
        self._policy = self.directory / "audit-policy.yaml"
        self._policy.write_text(yaml.safe_dump(_AUDIT_POLICY), encoding="utf-8")
        self.admin_kubeconfig = self.write_kubeconfig(
            "admin",
            {"client-certificate": str(self._admin.cert), "client-key": str(self._admin.key)},
        )

    def _start_etcd(self) -> None:
        """On unix sockets in a directory of ours: no port, and nobody else can open them."""
        sockets = self.directory / "etcd"
        sockets.mkdir(mode=0o700)
        client, peer = f"unix://{sockets}/client", f"unix://{sockets}/peer"
        self._etcd_url = client
        self._etcd = Child.start(
            "etcd",
            [
                self._tools.etcd, "--name=stack", f"--data-dir={sockets / 'data'}",
                f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=stack={peer}", "--unsafe-no-fsync", "--log-level=warn",
            ],
            log_file=self._logs / "etcd.log",
            keep=self._keep,
        )  # fmt: skip
        # kube-apiserver itself waits until etcd answers
        self._etcd.wait_ready((sockets / "client").exists, limit=_READY_SECONDS, what="etcd")

    def _start_apiserver(self) -> None:
        flags = {
            "etcd-servers": self._etcd_url,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": self._port,
            "tls-cert-file": self._server.cert,
            "tls-private-key-file": self._server.key,
            "cert-dir": self.directory,
            "client-ca-file": self.ca_file,
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": "10.0.0.0/24",
            "service-account-issuer": self.url,
            "service-account-key-file": self._tokens.cert,
            "service-account-signing-key-file": self._tokens.key,
            "service-account-max-token-expiration": f"{_TOKEN_SECONDS}s",
            "audit-policy-file": self._policy,
            "audit-log-path": self.audit_log,
            "audit-log-mode": "blocking",  # a request's line is there before its answer
            "audit-log-maxsize": _AUDIT_MEGABYTES,  # else it begins a new file at 100
            "endpoint-reconciler-type": "none",
            "v": "1",
        }
        self._apiserver = Child.start(
            "kube-apiserver",
            [self._tools.kube_apiserver, *(f"--{name}={value}" for name, value in flags.items())],
            log_file=self._logs / "kube-apiserver.log",
            keep=self._keep,
        )
        self._apiserver.wait_ready(self._is_ready, limit=_READY_SECONDS, what="kube-apiserver")

    def _is_ready(self) -> bool:
        """Ready, and the namespace `default`, which the server makes a moment later, is there."""
        paths = ("/readyz", "/api/v1/namespaces/default")
        return all(answers(self.url + path, self._context) for path in paths)


def control_plane(run_dir: Path, *, keep: bool = False) -> Cluster:
    """The cluster that the user names explicitly, else one of our own."""
    return external_cluster(run_dir / "controlplane") or ControlPlane(run_dir, keep=keep)
