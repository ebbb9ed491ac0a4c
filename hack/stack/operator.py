"""The operator as a child process of the local stack, under its real, minimal role."""

import json
import re
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from stack.aws.client import OPERATOR_KEY
from stack.process import Child

NAMESPACE = "setpoint-system"
SERVICE_ACCOUNT = "setpoint"


class OperatorProcess:
    """Start, stop and kill it as often as you like: the same configuration, role and log file."""

    def __init__(
        self,
        run_dir: Path,
        kubeconfig: Path,
        aws_url: str,
        config: Mapping[str, Any],
        *,
        namespaces: Sequence[str] = (),
        access_key: str = f"{OPERATOR_KEY}123456789012",
    ) -> None:
        self._run_dir = run_dir
        self._kubeconfig = kubeconfig
        self._aws_url = aws_url
        self._namespaces = namespaces
        self._access_key = access_key
        self._child: Child | None = None
        run_dir.mkdir(parents=True, exist_ok=True)
        self.config_file = run_dir / "config.yaml"
        self.log_file = run_dir / "operator.log"
        self.write_config(config)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replace the configuration; a running operator takes it over by itself."""
        self.config_file.write_text(yaml.safe_dump(dict(config)), encoding="utf-8")

    def start(self, keep: bool = False) -> None:
        """Start it and wait until it has seen every resource."""
        offset = self.log_file.stat().st_size if self.log_file.exists() else 0
        arguments = ["run", "--config", str(self.config_file), "--listen", "127.0.0.1:0"]
        for namespace in self._namespaces:
            arguments += ["--namespace", namespace]
        self._child = Child.start(
            "operator",
            [sys.executable, "-m", "setpoint.cli", *arguments],
            log_file=self.log_file,
            env={
                "KUBECONFIG": str(self._kubeconfig),
                "AWS_ENDPOINT_URL": self._aws_url,
                "AWS_ACCESS_KEY_ID": self._access_key,
                "AWS_SECRET_ACCESS_KEY": "not-a-secret",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            },
            keep=keep,
        )
        self._child.wait_ready(lambda: self._is_ready(offset), limit=60, what="the operator")

    def _is_ready(self, offset: int) -> bool:
        found = re.findall(r'"port": (\d+).*"event": "listening"', self._log(offset)) or re.findall(
            r'"event": "listening".*"port": (\d+)', self._log(offset)
        )
        if not found:
            return False
        self.port = int(found[-1])
        try:
            return self.get("/readyz") == "ok\n"
        except OSError:
            return False

    def _log(self, offset: int = 0) -> str:
        if not self.log_file.exists():
            return ""
        return self.log_file.read_bytes()[offset:].decode(errors="replace")

    def get(self, path: str) -> str:
        """A page of the operator's own endpoint. Raises OSError."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())

    def log_lines(self) -> list[dict[str, Any]]:
        """The log so far, parsed."""
        lines = self._log().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def revive(self) -> None:
        """Start it again if it has ended, as a kubelet does."""
        if self._child is not None and self._child.process.poll() is not None:
            self.start()

    def stop(self) -> None:
        """End it with SIGTERM and wait."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """End it with SIGKILL: it gets no chance to tidy up."""
        if self._child is not None:
            self._child.kill()
            self._child = None


def configuration(slack_url: str, namespaces: Sequence[str], **limits: Any) -> dict[str, Any]:
    """A configuration for the local stack: loopback allowed, the given namespaces granted."""
    return {
        "aws": {"region": "eu-central-1"},
        "grants": [
            {
                "namespaces": list(namespaces),
                "regions": ["eu-central-1"],
                "resources": ["service/*", "db:*", "replicationgroup:*"],
            }
        ],
        "networks": {"allow": ["127.0.0.0/8", "::1/128"]},
        "slack": {"apiUrl": f"{slack_url}/api/"},
        "leaderElection": {"namespace": NAMESPACE},
        "limits": limits,
    }


def wait_until(check: Any, limit: float, what: str, every: float = 0.2) -> Any:
    """Call `check` until it gives something true, and return that.

    Raises TimeoutError, naming what was waited for, after `limit` seconds.
    """
    end = time.monotonic() + limit
    while True:
        if found := check():
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit:.0f} s for {what}")
        time.sleep(every)
