"""The demo: all three kinds against a real API server, Postgres and Redis, and stand-ins for AWS
and Slack. It exits 0 only if each thing it shows was seen to happen."""

import argparse
import functools
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stack import shop
from stack.aws.client import AwsStack
from stack.config import Stack
from stack.operator import (
    NAMESPACE,
    SERVICE_ACCOUNT,
    OperatorProcess,
    configuration,
    wait_until,
)
from stack.process import StackError
from stack.slack_client import SlackStack

ROOT = Path(__file__).parent.parent
SHOP = "shop"
KEYS = 20_000
KINDS = "scalingpolicies,dbtunings,cachetunings"
_LIMIT = 90


def say(text: str) -> None:
    """A heading."""
    print(f"\n\033[1m=== {text}\033[0m" if sys.stdout.isatty() else f"\n=== {text}", flush=True)


class Demo:
    """The parts, and what has been seen so far."""

    def __init__(self, stack: Stack, *, keep: bool) -> None:
        self.stack = stack
        self.keep = keep
        self.cluster = stack.controlplane
        self.aws = AwsStack(stack.aws.base_url)
        self.slack = SlackStack(stack.slack.base_url)
        self.seen: list[str] = []
        self.operator: OperatorProcess | None = None

    def wait(self, what: str, check: Callable[[], Any], limit: float = _LIMIT) -> Any:
        """Wait for something, and say that it was seen."""
        print(f"  waiting for {what} …", flush=True)
        start = time.monotonic()
        found = wait_until(check, limit, what)
        print(f"  seen after {time.monotonic() - start:.1f} s: {what}", flush=True)
        self.seen.append(what)
        return found

    def resource(self, kind: str, name: str) -> dict[str, Any]:
        """A resource of the shop, as it is now."""
        return self.cluster.get(kind, name, "-n", SHOP)

    def run(self) -> None:
        """All of it. Raises TimeoutError for what never happens."""
        self.prepare()
        try:
            self.install()
            self.apply()
            self.show_ready()
            self.show_changes()
            self.show_alerts()
            self.show_quiet()
            say(f"All {len(self.seen)} things were seen")
        finally:
            if not self.keep:
                self.stop()

    def stop(self) -> None:
        """End the operator."""
        if self.operator is not None:
            self.operator.stop()

    def prepare(self) -> None:
        """The application's tiers, with load on them."""
        say("An application: an ECS service, an RDS instance, Postgres, Redis; load on all")
        shop.create_ecs_service(self.aws, "prod", "checkout", desired=1)
        shop.set_service_load(self.aws, "prod", "checkout", cpu=93, memory=62)
        shop.set_traffic(self.aws, requests=1000, errors=72, seconds=1.4)
        shop.create_rds_instance(self.aws, "orders", instance_class="db.t4g.medium", storage=100)
        self.database_uri = shop.create_database(self.stack.postgres, "orders", "setpoint")
        shop.scan_table(self.stack.postgres, "orders")
        shop.fill_cache(self.stack.redis, KEYS)
        print(f"  ECS prod/checkout at 93% CPU, {shop.SCANS} sequential scans, {KEYS} Redis keys")

    def install(self) -> None:
        """The manifests a user applies; the operator runs under the role that they give it."""
        overlay = "deploy/kustomize/overlays/cluster-wide"
        say(f"Install: kubectl apply -k {overlay}, and the operator under its own role")
        self.cluster.kubectl("apply", "-k", str(ROOT / overlay))
        kubeconfig = self.cluster.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT)
        self.operator = OperatorProcess(
            self.stack.run_dir / "logs",
            kubeconfig,
            self.aws.base_url,
            configuration(self.slack.base_url, [SHOP]),
        )
        self.operator.start(keep=self.keep)
        print("  the operator runs")

    def apply(self) -> None:
        """The samples, as they are in the repository, and the Secrets they name."""
        say("Apply: deploy/samples")
        self.cluster.kubectl("apply", "-f", str(ROOT / "deploy/samples/namespace.yaml"))
        authority = self.stack.postgres.ca_file.read_text(encoding="utf-8")
        secrets = {
            "orders-db": {"uri": self.database_uri, "ca.crt": authority},
            "sessions-redis": {"url": self.stack.redis.url(tls=True), "ca.crt": authority},
            "slack": {"token": "xoxb-local-demo"},
        }
        self.cluster.apply(*(secret(name, data) for name, data in secrets.items()))
        print(self.cluster.kubectl("apply", "-f", str(ROOT / "deploy/samples")).stdout)
        print("  alerts.group is shortened, for nobody watches a demo for five minutes")
        group = {"wait": "5s", "interval": "5s"}
        patch = json.dumps({"spec": {"alerts": {"group": group}}})
        for resource in ("scalingpolicy/checkout", "cachetuning/sessions"):
            self.cluster.kubectl("patch", resource, "-n", SHOP, "--type=merge", "-p", patch)

    def show_ready(self) -> None:
        """All Ready; what is risky waits for a person, and is let through."""
        say("Reconcile")
        for kind, name in (
            ("scalingpolicy", "checkout"),
            ("dbtuning", "orders"),
            ("cachetuning", "sessions"),
        ):
            ready = functools.partial(self._is_ready, kind, name)
            self.wait(f"{kind}/{name} to be Ready", ready)
        print(self.cluster.kubectl("get", KINDS, "-n", SHOP).stdout)
        self._approve("dbtuning", "orders")
        self._approve("cachetuning", "sessions")
        self.wait("the approved sweep to be done", self._is_swept)
        self.wait("the approved class change in AWS", self._has_class_change)
        self.wait("a hit rate below its threshold", self._has_hit_rate)
        self.wait("kubectl wait --for=condition=Ready", self._kubectl_wait)
        print(self.cluster.kubectl("get", KINDS, "-n", SHOP).stdout)

    def show_changes(self) -> None:
        """What changed in the real systems."""
        say("What changed in AWS")
        calls = self.aws.mutations()
        ours = [c for c in calls if c["operation"] in ("RegisterScalableTarget",
                "PutScalingPolicy", "ModifyDBInstance") and c["status"] == 200]  # fmt: skip
        for call in ours:
            print(f"  {call['operation']} {json.dumps(call['params'])}")
        names = {call["operation"] for call in ours}
        self.wait("the target registered, two policies and the RDS change",
                  lambda: len(names) == 3 and len(ours) >= 5)  # fmt: skip
        say("What changed in Redis")
        with shop.connect(self.stack.redis) as client:
            policy = client.config_get("maxmemory-policy")["maxmemory-policy"]
            ttl, pinned = client.ttl("session:1"), client.ttl("pinned:1")
            queue, own = client.ttl("queue:mail"), client.ttl("own:1")
        print(f"  maxmemory-policy {policy}; TTL of session:1 {ttl} s, own:1 {own} s, "
              f"pinned:1 {pinned}, queue:mail {queue}")  # fmt: skip
        self.wait(
            "the policy set, a TTL on sessions only",
            lambda: policy == "allkeys-lru" and 3200 < ttl <= 3960 and own > 80_000
            and (pinned, queue) == (-1, -1),
        )  # fmt: skip
        say("What was found in Postgres")
        items = self.resource("dbtuning", "orders")["status"]["findings"]["items"]
        for item in items:
            print(f"  {item['severity']:8} {item['id']} {item['object']}: {item['message']}")
            print(f"           {item['evidence']}")
            for line in item.get("sql") or ():
                print(f"           {line}")
        found = {(item["id"], item["object"]) for item in items}
        wanted = {
            ("SequentialScans", "public.orders"),
            ("UnusedIndex", "public.orders_note_idx"),
        }
        self.wait("both planted faults found", lambda: wanted <= found)

    def show_alerts(self) -> None:
        """The alerts, as Slack got them; then the load goes, and they are resolved in place."""
        say("Slack")
        self.wait("a message about the service", lambda: self._messages("ScalingPolicy"))
        self.wait("a message about the cache", lambda: self._messages("CacheTuning"))
        for call in self.slack.taken():
            self._print_message(call)
        say("The load goes")
        shop.set_service_load(self.aws, "prod", "checkout", cpu=41, memory=62)
        shop.set_traffic(self.aws, requests=1000, errors=1, seconds=0.18)
        self._reconcile_now("scalingpolicy", "checkout")
        resolved = self.wait(
            "the service's message updated to resolved",
            lambda: [c for c in self._messages("ScalingPolicy") if c["method"] == "chat.update"],
        )
        self._print_message(resolved[-1])
        self.wait(
            "no alert firing in status",
            lambda: self.resource("scalingpolicy", "checkout")["status"]["alerts"]["count"] == 0,
        )

    def show_quiet(self) -> None:
        """Further rounds, with counters moving, write nothing."""
        say("Quiet: a further round over unchanged resources, with load and counters moving")
        self._settle()
        versions, calls = self._versions(), self.aws.last_call()
        rounds = self._rounds()
        shop.use_cache(self.stack.redis, hits=2000, misses=3000, seed=2)
        shop.scan_table(self.stack.postgres, "orders", 50)
        shop.set_service_load(self.aws, "prod", "checkout", cpu=42.5, memory=63.5)
        self.wait("another round of every interval", lambda: self._rounds() >= rounds + 2)
        mutations = self.aws.mutations(calls)
        print(f"  resourceVersions before {versions}, after {self._versions()}")
        print(f"  mutating AWS calls: {len(mutations)}")
        if self._versions() != versions or mutations:
            raise StackError("an unchanged round wrote something")
        self.seen.append("a quiet round: no writes to Kubernetes, no mutating AWS call")
        print(self.cluster.kubectl("get", KINDS, "-n", SHOP).stdout)

    def _is_ready(self, kind: str, name: str) -> bool:
        conditions = self.resource(kind, name)["status"].get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def _approve(self, kind: str, name: str) -> None:
        """A risky change waits for a person: look at the plan, and let exactly that one through."""

        def waiting() -> dict[str, Any] | None:
            plan: dict[str, Any] = self.resource(kind, name)["status"].get("plan") or {}
            blocked = [a for a in plan.get("actions", []) if a.get("blockedBy") == "Approval"]
            return plan if blocked else None

        plan = self.wait(f"the plan of {kind}/{name} to wait for approval", waiting)
        for action in plan["actions"]:
            print(
                f"    {action['op']} {action['object']} {action['field']}: "
                f"{action['from']} -> {action['to']} ({action['risk']} risk: {action['reason']})"
            )
        annotation = f"setpoint.dev/approve={plan['digest']}"
        print(f"  $ kubectl annotate {kind} {name} -n {SHOP} {annotation}")
        self.cluster.kubectl("annotate", kind, name, "-n", SHOP, annotation)

    def _is_swept(self) -> bool:
        return bool(self.resource("cachetuning", "sessions")["status"]["sweep"]["phase"] == "Done")

    def _has_class_change(self) -> bool:
        return "class" in self.resource("dbtuning", "orders")["status"]["rds"]["pending"]

    def _has_hit_rate(self) -> bool:
        shop.use_cache(self.stack.redis, hits=300, misses=500, seed=1)
        status = self.resource("cachetuning", "sessions")["status"]
        return bool(status.get("alerts", {}).get("count")) and "hitRate" in status["cache"]

    def _kubectl_wait(self) -> bool:
        result = self.cluster.kubectl(
            "wait", KINDS, "--all", "-n", SHOP, "--for=condition=Ready", "--timeout=20s",
            check=False,
        )  # fmt: skip
        return result.returncode == 0

    def _messages(self, kind: str) -> list[dict[str, Any]]:
        return [c for c in self.slack.taken() if f"{kind} {SHOP}/" in c["body"]["text"]]

    def _print_message(self, call: dict[str, Any]) -> None:
        print(f"  {call['method']} {call['channel']}: {call['body']['text']}")
        for attachment in call["body"].get("attachments", []):
            print(f"    [{attachment['color']}]")
            for block in attachment["blocks"]:
                for part in [block.get("text"), *block.get("fields", [])]:
                    for line in part["text"].splitlines() if part else ():
                        print(f"      {line}")

    def _reconcile_now(self, kind: str, name: str) -> None:
        self.cluster.kubectl(
            "annotate", kind, name, "-n", SHOP, "--overwrite",
            f"setpoint.dev/requestedAt={time.time()}",
        )  # fmt: skip

    def _versions(self) -> dict[str, str]:
        items = self.cluster.get(KINDS, "-n", SHOP)["items"]
        return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}

    def _rounds(self) -> int:
        """Looks at the scalable target so far."""
        called = [call["operation"] for call in self.aws.ledger()]
        return called.count("DescribeScalableTargets")

    def _settle(self) -> None:
        """Wait until nothing is written for a while."""
        state: dict[str, Any] = {"versions": None, "since": 0.0}

        def is_still() -> bool:
            versions = self._versions()
            if versions != state["versions"]:
                state.update(versions=versions, since=time.monotonic())
            return bool(time.monotonic() - state["since"] > 15)

        self.wait("fifteen seconds without a write", is_still)


def secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    """A Secret of the shop."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SHOP},
        "stringData": data,
    }


def main() -> int:
    """Run the demo; 0 if all was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    keep = parser.parse_args().keep
    say("The local stack: API server, Postgres, Redis, and stand-ins for AWS and Slack")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    try:
        if keep:
            run_and_keep()
        else:
            with Stack.start() as stack:
                Demo(stack, keep=False).run()
    except (StackError, TimeoutError) as error:
        print(f"\nthe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run_and_keep() -> None:
    """Leave everything running, unless something goes wrong."""
    stack = Stack.start(keep=True)
    demo = Demo(stack, keep=True)
    try:
        demo.run()
    except BaseException:
        demo.stop()
        stack.stop()
        raise
    print(f"\nEverything runs on.\n  export KUBECONFIG={stack.controlplane.admin_kubeconfig}")
    print(f"  kubectl: {stack.controlplane.kubectl_path}")
    print(f"To end it: make demo-down RUN_DIR={stack.run_dir}")


if __name__ == "__main__":
    sys.exit(main())
