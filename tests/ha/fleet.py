"""Replicas of one operator, restarted when they end, as a kubelet would; each behind a proxy of
its own to the API server, and told apart in every ledger."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from stack.cluster import Cluster
from stack.operator import NAMESPACE, configuration, wait_until
from stack.process import clean_environment, tied_to_parent
from stack.proxy import Proxy

ROOT = Path(__file__).parents[2]
HACK = ROOT / "hack"
SHORT = {"leaseDuration": "1s500ms", "renewDeadline": "1s", "retryPeriod": "250ms"}
"""Terms under which a schedule takes seconds; the real ones are the configuration's defaults."""

_RESTART_SECONDS = 0.1
_EXPECTED = (0, 3, -signal.SIGKILL)


@dataclass
class Life:
    """One process: `who` names it in the ledgers; times are the wall clock's."""

    who: str
    pid: int
    skew: float
    started: float
    ended: float | None = None
    status: int | None = None


@dataclass
class Replica:
    """A place that always has a process, while the fleet runs."""

    number: int
    user: str
    proxy: Proxy
    kubeconfig: Path
    log: Path
    lives: list[Life] = field(default_factory=list)

    @property
    def life(self) -> Life:
        """The newest process."""
        return self.lives[-1]


class ForkServer:
    """Hands out operators; tells when one ends."""

    def __init__(self, log_file: Path, on_end: Callable[[int, int], None]) -> None:
        self._on_end = on_end
        self._started: list[int] = []
        self._answered = threading.Condition()
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                tied_to_parent([sys.executable, "-m", "stack.forkserver"]),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=clean_environment({"PYTHONPATH": str(HACK)}),
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        assert json.loads(self._stdout.readline()) == {"ready": True}
        self._reader = threading.Thread(target=self._read, name="forkserver", daemon=True)
        self._reader.start()

    def start(self, order: dict[str, Any]) -> int:
        """The pid of a new operator. One caller at a time."""
        self._stdin.write(json.dumps(order).encode() + b"\n")
        self._stdin.flush()
        with self._answered:
            assert self._answered.wait_for(lambda: self._started, 60)
            return self._started.pop()

    def close(self) -> None:
        self._stdin.close()
        self._process.wait(30)
        self._reader.join()
        self._stdout.close()

    def _read(self) -> None:
        for line in self._stdout:
            told = json.loads(line)
            if "pid" in told:
                with self._answered:
                    self._started.append(told["pid"])
                    self._answered.notify()
            else:
                self._on_end(told["ended"], told["status"])


class Fleet:
    """`terms` are of leaderElection; `skew` draws the error of a new process's wall clock."""

    def __init__(
        self,
        name: str,
        run_dir: Path,
        cluster: Cluster,
        aws_url: str,
        slack_url: str,
        *,
        replicas: int,
        terms: dict[str, str] | None = None,
        namespaces: Sequence[str] = ("*",),
        arguments: Callable[[int], Sequence[str]] = lambda _: (),
        limits: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.skew: Callable[[], float] = lambda: 0.0
        self._dir = run_dir / name
        self._dir.mkdir(parents=True)
        self._cluster = cluster
        self._aws_url = aws_url
        self._slack_url = slack_url
        self._terms = SHORT if terms is None else terms
        self._namespaces = namespaces
        self._limits = dict(limits)
        self._arguments = arguments
        self._lock = threading.RLock()
        self._stopping = False
        self._paused: set[int] = set()
        self._fork = ForkServer(self._dir / "forkserver.log", self._ended)
        self.replicas = [self._replica(number) for number in range(1, replicas + 1)]
        for replica in self.replicas:
            self._start(replica)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all, at once."""
        with self._lock:
            self._stopping = True
            for replica in self.replicas:
                self.signal(replica, signal.SIGKILL)
        for replica in self.replicas:
            wait_until(lambda r=replica: r.life.ended, 20, "a replica's end")
            replica.proxy.close()
        self._fork.close()

    def leader(self) -> Replica | None:
        """The replica that the Lease names, if it runs."""
        holder = self.lease().get("holderIdentity") or ""
        who = holder.partition("_")[0]
        found = (r for r in self.replicas if r.life.who == who and r.life.ended is None)
        return next(found, None)

    def lease(self) -> dict[str, Any]:
        """The Lease's spec; empty without one."""
        leases = self._cluster.api.get("coordination.k8s.io/v1", "leases", namespace=NAMESPACE)
        mine = (one["spec"] for one in leases["items"] if one["metadata"]["name"] == self.name)
        return next(mine, {})

    def wait_leader(self, limit: float = 60, other_than: str = "") -> Replica:
        """Once there is one whose process is not `other_than`."""

        def check() -> Replica | None:
            found = self.leader()
            return found if found is not None and found.life.who != other_than else None

        leader: Replica = wait_until(check, limit, f"a leader of {self.name}", every=0.1)
        return leader

    def signal(self, replica: Replica, number: signal.Signals) -> None:
        """Send a signal to its process, if it runs."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if replica.life.ended is None:
                os.kill(replica.life.pid, number)

    def get(self, replica: Replica, path: str) -> tuple[int, str]:
        """Status and text of a page of its own endpoint."""
        url = f"http://127.0.0.1:{self.port(replica)}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def log_of(self, replica: Replica) -> list[dict[str, Any]]:
        """All that a replica's processes have logged."""
        text = replica.log.read_text(encoding="utf-8", errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def port(self, replica: Replica) -> int:
        """Of the newest process's own endpoint."""

        def check() -> int | None:
            lines = self.log_of(replica)
            begun = [n for n, line in enumerate(lines) if line.get("event") == "listening"]
            if len(begun) < len(replica.lives):
                return None
            return int(lines[begun[-1]]["port"])

        found: int = wait_until(check, 60, "its port")
        return found

    def lives(self) -> list[Life]:
        with self._lock:
            return [life for replica in self.replicas for life in replica.lives]

    def _replica(self, number: int) -> Replica:
        user = f"{self.name}-r{number}"
        self._cluster.apply(*_account(user))
        proxy = Proxy(urlsplit(self._cluster.url).port or 443)
        kubeconfig = self._cluster.service_account_kubeconfig(NAMESPACE, user)
        content = yaml.safe_load(kubeconfig.read_text())
        content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        kubeconfig.write_text(yaml.safe_dump(content))
        return Replica(number, user, proxy, kubeconfig, self._dir / f"r{number}.log")

    def _start(self, replica: Replica) -> None:
        with self._lock:
            if self._stopping:
                return
            who = f"{self.name}-r{replica.number}-{len(replica.lives) + 1}"
            config = configuration(self._slack_url, self._namespaces, **self._limits)
            config["slack"]["apiUrl"] = f"{self._slack_url}/as/{who}/api/"
            config["leaderElection"] = {"name": self.name, "namespace": NAMESPACE, **self._terms}
            file = self._dir / f"{who}.yaml"
            file.write_text(yaml.safe_dump(config))
            skew = self.skew()
            order = {
                "args": ["run", "--config", str(file), "--listen", "127.0.0.1:0",
                         *self._arguments(replica.number)],
                "log": str(replica.log),
                "skew": skew,
                "env": clean_environment({
                    "KUBECONFIG": str(replica.kubeconfig),
                    "POD_NAME": who,
                    "AWS_ENDPOINT_URL": self._aws_url,
                    "AWS_ACCESS_KEY_ID": who,
                    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
                    "AWS_EC2_METADATA_DISABLED": "true",
                    "AWS_CONFIG_FILE": "/dev/null",
                    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                }),
            }  # fmt: skip
            pid = self._fork.start(order)
            replica.lives.append(Life(who, pid, skew, time.time()))

    def _ended(self, pid: int, status: int) -> None:
        """Called in the fork server's thread, which must go on reading."""
        at = time.time()

        def restart() -> None:
            time.sleep(_RESTART_SECONDS if status in _EXPECTED else 2.0)
            with self._lock:
                for replica in self.replicas:
                    if replica.lives and replica.life.pid == pid:
                        replica.life.ended, replica.life.status = at, status
                        self._start(replica)

        threading.Thread(target=restart, daemon=True).start()


def _account(user: str) -> list[dict[str, Any]]:
    """A ServiceAccount with the operator's own role, so that the audit log tells the replicas
    apart; its leases have other names than the one that the operator's own may hold."""
    subject = [{"kind": "ServiceAccount", "name": user, "namespace": NAMESPACE}]
    rbac = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": user, "namespace": NAMESPACE},
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": user},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "setpoint"},
            "subjects": subject,
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": {"name": user, "namespace": NAMESPACE},
            "rules": [
                {
                    "apiGroups": ["coordination.k8s.io"],
                    "resources": ["leases"],
                    "verbs": ["get", "create", "update"],
                }
            ],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": user, "namespace": NAMESPACE},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": user},
            "subjects": subject,
        },
    ]
