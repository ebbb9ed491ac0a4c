"""A thousand ScalingPolicies on one account and region: python tests/bench/scaling.py.

Measures the time from a change of a spec to the call to AWS, and the calls of one new setup; then
counts, while nothing changes, the calls to AWS by operation and the writes to Kubernetes.
Everything is real but AWS, which is the strict stand-in; the operator runs under its own role, with
nothing set but its defaults. It takes about 35 minutes, most of it waiting.
"""

import argparse
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "hack")]

from stack import shop  # noqa: E402
from stack.aws.client import ACCESS_KEY, AwsStack  # noqa: E402
from stack.cluster import Cluster  # noqa: E402
from stack.config import Stack  # noqa: E402
from stack.operator import (  # noqa: E402
    NAMESPACE,
    SERVICE_ACCOUNT,
    OperatorProcess,
    configuration,
    wait_until,
)

SPACE = "bench"
SEED = 20261124
FULL_ROUND_SECONDS = 600
OFTEN = ("DescribeScalableTargets", "DescribeScalingActivities", "GetMetricData")
PREFIX = "svc-"


@dataclass
class Bench:
    """What is measured, and with how many resources."""

    aws: AwsStack
    cluster: Cluster
    operator: OperatorProcess
    services: Sequence[str]

    def apply_all(self) -> None:
        """One ScalingPolicy for each service, in bundles."""
        for first in range(0, len(self.services), 100):
            self.cluster.apply(*map(manifest, self.services[first : first + 100]))

    def ready(self) -> int:
        """How many are Ready."""
        items = self.cluster.get("scalingpolicies", "-n", SPACE)["items"]
        return sum(
            condition["type"] == "Ready" and condition["status"] == "True"
            for item in items
            for condition in item.get("status", {}).get("conditions", [])
        )

    def calls(self, since: int) -> list[dict[str, Any]]:
        """The operator's calls to AWS."""
        return [call for call in self.aws.ledger(since) if call["accessKey"] != ACCESS_KEY]

    def registered(self, since: int, service: str) -> float | None:
        """When (s) the operator registered a service's target after a call."""
        for call in self.calls(since):
            if call["operation"] == "RegisterScalableTarget" and service in str(call["params"]):
                return float(call["time"])
        return None

    def changed(self, since: datetime, service: str) -> float:
        """When (s) the API server received a user's change of a ScalingPolicy."""
        for event in self.cluster.audit_events(since):
            ref = event.get("objectRef") or {}
            is_operator = event["user"]["username"].startswith("system:serviceaccount")
            if event["verb"] == "patch" and ref.get("name") == service and not is_operator:
                moment = datetime.fromisoformat(event["requestReceivedTimestamp"])
                return moment.timestamp()
        raise TimeoutError(f"the audit log has no change of {service}")

    def writes(self, since: datetime) -> int:
        """The operator's writes to the API server, the Lease aside."""
        user = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
        return sum(
            event["user"]["username"] == user and event["verb"] not in ("get", "list", "watch")
            for event in self.cluster.audit_events(since)
        )


def manifest(service: str, low: int = 2) -> dict[str, Any]:
    """The ScalingPolicy of a service."""
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": service, "namespace": SPACE},
        "spec": {
            "target": {"ecs": {"cluster": "prod", "service": service}},
            "capacity": {"min": low, "max": 20},
            "targetTracking": [{"metric": "CPU", "target": 60}, {"metric": "Memory", "target": 70}],
        },
    }


def steady(bench: Bench, minutes: int) -> None:
    """Calls and writes while nothing changes but load, in `minutes` (a multiple of 10)."""
    start, since = datetime.now(UTC), bench.aws.last_call()
    end = time.monotonic() + 60 * minutes
    draw = random.Random(SEED)
    while time.monotonic() < end:  # load and counters move; nothing that means something does
        for service in draw.sample(bench.services, min(20, len(bench.services))):
            load = {"cpu": draw.uniform(39, 41), "memory": draw.uniform(49, 51)}
            shop.set_service_load(bench.aws, "prod", service, **load)
        time.sleep(max(0.0, min(20.0, end - time.monotonic())))
    calls = bench.calls(since)
    counts = Counter(call["operation"] for call in calls)
    rounds = 60 * minutes / FULL_ROUND_SECONDS
    print(f"\n{minutes} minutes, {len(bench.services)} ScalingPolicies, nothing changes")
    print(f"{'call':34}{'in all':>8}{'a minute':>10}{'a full round':>14}")
    for name, count in sorted(counts.items()):
        often = name in OFTEN
        minute = f"{count / minutes:.1f}" if often else ""
        share = count / minutes if often else count / rounds
        print(f"{name:34}{count:>8}{minute:>10}{share:>14.1f}")
    each = sum(counts[name] for name in OFTEN) / minutes
    whole = each + sum(n for name, n in counts.items() if name not in OFTEN) / rounds
    print(f"{'a full round':34}{'':>8}{'':>10}{whole:>14.1f}   aim <= 420 (per object: >= 3,000)")
    print(f"{'a round between':34}{'':>8}{each:>10.1f}{'':>14}   aim <= 45")
    print(f"mutating calls: {sum(call['mutating'] for call in calls)}   aim 0")
    print(f"writes to the API server: {bench.writes(start)}   aim 0")


def creation(bench: Bench) -> None:
    """The calls of one new setup."""
    [name] = bench.aws.create_services(
        shop.REGION, "prod", "new-", 1, load={"cpu": 40, "memory": 50}
    )
    since = bench.aws.last_call()
    bench.cluster.apply(manifest(name))

    def in_sync() -> bool:
        policy = bench.cluster.get("scalingpolicies", name, "-n", SPACE)
        conditions = policy.get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    wait_until(in_sync, 30, "the new setup")
    calls = bench.calls(since)
    writes = [n for n, call in enumerate(calls) if call["mutating"]]
    after = [call["operation"] for call in calls[writes[-1] + 1 :] if name in str(call["params"])]
    print(f"\none new setup: {len(writes)} mutating calls (aim <= 3), read-backs: {sorted(after)}")


def latency(bench: Bench, changes: int) -> None:
    """From the moment at which the API server took a change of a spec to the call to AWS."""
    draw, delays = random.Random(SEED), []
    bounds = dict.fromkeys(bench.services, 2)
    for _ in range(changes):
        service = draw.choice(bench.services)
        bounds[service] = 5 - bounds[service]
        since, start = bench.aws.last_call(), datetime.now(UTC)
        bench.cluster.apply(manifest(service, bounds[service]))
        called = wait_until(
            lambda since=since, service=service: bench.registered(since, service),
            30,
            f"the call for {service}",
            every=0.05,
        )
        delays.append(called - bench.changed(start, service))
        time.sleep(0.5)  # AWS's writes have a rate: this is about the time of one
    quantiles = statistics.quantiles(delays, n=100)
    print(f"\nfrom a change of a spec to the call to AWS, {changes} changes, one at a time")
    print(
        f"p50 {statistics.median(delays) * 1000:.0f} ms (aim <= 200), "
        f"p99 {quantiles[98] * 1000:.0f} ms (aim <= 1000), worst {max(delays) * 1000:.0f} ms"
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=1000)
    parser.add_argument(
        "--minutes", type=int, default=20, help="of nothing, a multiple of 10; 0: only the times"
    )
    parser.add_argument("--changes", type=int, default=200)
    arguments = parser.parse_args()
    print(f"seed {SEED}")
    with Stack.start(parts=("controlplane", "aws", "slack")) as stack:
        aws, cluster = AwsStack(stack.aws.base_url), stack.controlplane
        start = time.monotonic()
        services = aws.create_services(
            shop.REGION, "prod", PREFIX, arguments.resources, tasks=4,
            scaling={"min": 2, "max": 20, "cpu": 60, "memory": 70},
            load={"cpu": 40, "memory": 50},
        )  # fmt: skip
        print(f"{len(services)} services with their scaling in {time.monotonic() - start:.0f} s")
        cluster.kubectl("apply", "-k", str(ROOT / "deploy/kustomize/overlays/cluster-wide"))
        cluster.create_namespace(SPACE)
        operator = OperatorProcess(
            stack.run_dir / "operator",
            cluster.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT),
            aws.base_url,
            configuration(stack.slack.base_url, [SPACE]),
        )
        bench = Bench(aws, cluster, operator, services)
        bench.apply_all()
        since, start = aws.last_call(), time.monotonic()
        operator.start()
        try:
            wait_until(lambda: bench.ready() == len(services), 600, "all Ready", every=2)
            counts = Counter(call["operation"] for call in bench.calls(since))
            print(f"all Ready {time.monotonic() - start:.0f} s after the start, {dict(counts)}")
            time.sleep(90)  # what they show has settled
            latency(bench, arguments.changes)
            creation(bench)
            if arguments.minutes:
                time.sleep(FULL_ROUND_SECONDS / 10)
                steady(bench, arguments.minutes)
        finally:
            operator.stop()


if __name__ == "__main__":
    main()
