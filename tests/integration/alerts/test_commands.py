"""The commands of a message, typed into a shell as they stand."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from setpoint.alerts.message import Subject, commands
from setpoint.api.alerts import EntryStatus, OutboxAlert, OutboxEntry
from setpoint.api.findings import Severity
from setpoint.engine.conditions import wire_time
from stack.cluster import Cluster

ROOT = Path(__file__).parents[3]
SUBJECT = Subject("ScalingPolicy", "scalingpolicies", "typed", "web")


def entry(rule: str) -> OutboxEntry:
    now = wire_time(datetime.now(UTC))
    alert = OutboxAlert(
        fingerprint="f", rule=rule, state=EntryStatus.FIRING, value="93%", threshold="80%", since=now
    )  # fmt: skip
    return OutboxEntry(
        id="e", incident="i", uid="u", severity=Severity.CRITICAL, status=EntryStatus.FIRING,
        time=now, since=now, summary="s", alerts=[alert],
    )  # fmt: skip


def typed(cluster: Cluster, command: str, **user: str) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "USER"},
        "PATH": f"{cluster.kubectl_path.parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(cluster.admin_kubeconfig),
        **user,
    }
    done = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_show_and_silence(controlplane: Cluster) -> None:
    controlplane.kubectl("apply", "-k", str(ROOT / "crds"))
    controlplane.kubectl(
        "wait", "--for=condition=Established", "crd/scalingpolicies.setpoint.dev", "--timeout=30s"
    )
    controlplane.create_namespace("typed")
    controlplane.apply(
        {
            "apiVersion": "setpoint.dev/v1alpha1",
            "kind": "ScalingPolicy",
            "metadata": {"name": "web", "namespace": "typed"},
            "spec": {
                "target": {"ecs": {"cluster": "prod", "service": "web"}},
                "capacity": {"min": 2, "max": 20},
                "targetTracking": [{"metric": "CPU", "target": 60}],
            },
        }
    )

    for rule, user in (("cpu", {"USER": "ada"}), ("responseTime", {}), ("memory", {"USER": ""})):
        look, silence = commands(entry(rule), SUBJECT)
        typed(controlplane, silence, **user)

    assert "Name:         web" in typed(controlplane, look)
    spec = controlplane.get("scalingpolicy", "web", "-n", "typed")["spec"]
    assert {(s["rule"], s["author"]) for s in spec["alerts"]["silences"]} == {
        ("cpu", "ada"),
        ("responseTime", "on-call"),
        ("memory", "on-call"),
    }
    assert spec["capacity"] == {"min": 2, "max": 20}
