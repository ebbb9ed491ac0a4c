"""One operator under its real role for the whole session; a namespace for each test."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stack import helm, shop
from stack.aws.client import ACCESS_KEY, AwsStack
from stack.cluster import AuditEvent, Cluster
from stack.operator import (
    NAMESPACE,
    SERVICE_ACCOUNT,
    OperatorProcess,
    configuration,
    wait_until,
)
from stack.postgres import PostgresServer
from stack.redis import RedisServer
from stack.slack_client import SlackStack

USER = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
GROUP = "setpoint.dev/v1alpha1"
LIMITS = {"backoffBase": "200ms", "backoffCeiling": "2s", "stalledAfter": "3s"}
AT_ONCE = {"wait": "0s", "interval": "1s"}
"""Of alerts.group: tests do not wait for others that may begin."""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def operator(
    controlplane: Cluster, aws: AwsStack, slack: SlackStack, run_dir: Path
) -> Iterator[OperatorProcess]:
    """Installed as a user installs it, and running."""
    helm.install(controlplane.admin_kubeconfig, {})
    process = OperatorProcess(
        run_dir / "operator",
        controlplane.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT),
        aws.base_url,
        configuration(slack.base_url, ["t-*"], **LIMITS),
    )
    process.start()
    yield process
    process.stop()


def is_set_up(call: dict[str, Any]) -> bool:
    """Whether an AWS call was a test's own."""
    return bool(call["accessKey"] == ACCESS_KEY)


class Space:
    """A namespace of its own, and short ways to look into it."""

    def __init__(self, name: str, cluster: Cluster, aws: AwsStack) -> None:
        self.name = name
        self.cluster = cluster
        self.aws = aws
        self.service = f"svc-{name}"
        cluster.create_namespace(name)

    def secret(self, name: str, **data: str) -> None:
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": self.name},
                "stringData": {key.replace("_", "."): value for key, value in data.items()},
            }
        )

    def manifest(self, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.name}
        return {"apiVersion": GROUP, "kind": kind, "metadata": metadata, "spec": spec}

    def apply(self, kind: str, name: str, spec: dict[str, Any], check: bool = True) -> str:
        return self.cluster.apply(self.manifest(kind, name, spec), check=check)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return self.cluster.api.get(GROUP, kind, name, self.name)

    def status(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(kind, name).get("status", {})
        return found

    def condition(self, kind: str, name: str, which: str) -> dict[str, Any]:
        conditions = self.status(kind, name).get("conditions", [])
        return next((c for c in conditions if c["type"] == which), {})

    def wait_ready(
        self, kind: str, name: str, status: str = "True", reason: str | None = None
    ) -> dict[str, Any]:
        """The Ready condition, once it is so for the newest generation."""

        def check() -> dict[str, Any] | None:
            body = self.get(kind, name)
            found: dict[str, Any] = self.condition(kind, name, "Ready")
            is_current = (
                body.get("status", {}).get("observedGeneration") == (body["metadata"]["generation"])
            )
            matches = found.get("status") == status and reason in (None, found.get("reason"))
            return found if is_current and matches else None

        what = f"{kind}/{name} Ready={status} {reason or ''}"
        found: dict[str, Any] = self.wait(check, what)
        return found

    def wait(self, check: Callable[[], Any], what: str, limit: float = 30) -> Any:
        return wait_until(check, limit, f"{what} in {self.name}")

    def poke(self, kind: str, name: str) -> str:
        """Ask for a reconcile now, and wait until it was done."""
        token = str(time.time_ns())
        patch = {"metadata": {"annotations": {"setpoint.dev/requestedAt": token}}}
        self.cluster.api.merge(GROUP, kind, name, self.name, patch)
        self.wait(
            lambda: self.status(kind, name).get("lastHandledReconcileAt") == token,
            f"{kind}/{name} reconciled on request",
        )
        return token

    def scaling(self, **changes: Any) -> dict[str, Any]:
        """A ScalingPolicy's spec for this namespace's service."""
        return {
            "target": {"ecs": {"cluster": "prod", "service": self.service}},
            "capacity": {"min": 2, "max": 20},
            "targetTracking": [{"metric": "CPU", "target": 60}],
            **changes,
        }

    def with_service(self, desired: int = 3) -> "Space":
        shop.create_ecs_service(self.aws, "prod", self.service, desired)
        shop.set_service_load(self.aws, "prod", self.service, cpu=40, memory=50)
        return self

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """AWS calls about this namespace's service, the tests' own too."""
        return [c for c in self.aws.ledger(since) if self.service in str(c["params"])]

    def mutations(self, since: int = 0) -> list[str]:
        return [c["operation"] for c in self.calls(since) if c["mutating"] and not is_set_up(c)]

    def policies(self) -> dict[str, Any]:
        """The service's scaling policies in AWS by name."""
        client = self.aws.boto3_client("application-autoscaling", shop.REGION)
        found = client.describe_scaling_policies(
            ServiceNamespace="ecs", ResourceId=f"service/prod/{self.service}"
        )["ScalingPolicies"]
        return {policy["PolicyName"]: policy for policy in found}

    def target(self) -> dict[str, Any] | None:
        client = self.aws.boto3_client("application-autoscaling", shop.REGION)
        found = client.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[f"service/prod/{self.service}"]
        )["ScalableTargets"]
        return found[0] if found else None

    def writes(self) -> list[AuditEvent]:
        """The operator's writes to this namespace, from the API server's audit log."""
        return [
            event
            for event in self.cluster.audit_events()
            if event["user"]["username"] == USER
            and event["verb"] not in ("get", "list", "watch")
            and event.get("objectRef", {}).get("namespace") == self.name
            and event.get("objectRef", {}).get("resource") != "events"
        ]

    def events(self) -> list[dict[str, Any]]:
        listed = self.cluster.api.get("events.k8s.io/v1", "events", namespace=self.name)
        found: list[dict[str, Any]] = listed["items"]
        return found


@pytest.fixture
def space(controlplane: Cluster, aws: AwsStack, operator: OperatorProcess) -> Iterator[Space]:
    """A namespace; what is in it is deleted afterwards."""
    made = Space(f"t-{next(_numbers)}", controlplane, aws)
    yield made
    for plural in ("scalingpolicies", "dbtunings", "cachetunings"):
        controlplane.api.delete(GROUP, plural, namespace=made.name)


@pytest.fixture
def database(postgres: PostgresServer) -> tuple[str, str]:
    """A database with two planted faults, and the URI of the operator's role for it."""
    name = f"db_{next(_numbers)}"
    return name, shop.create_database(postgres, name, f"{name}_reader")


@pytest.fixture
def cache(run_dir: Path, authority: Any) -> Iterator[RedisServer]:
    """A Redis server of its own: its settings are the test's."""
    with RedisServer(run_dir, authority, name=f"redis-{next(_numbers)}") as server:
        yield server
