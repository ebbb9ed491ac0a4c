"""What an operator asks when there is nothing to do: `python -m tests.bench.quiet [--minutes N]`.

Three pairs of replicas, each with a label of its own and the real settings: one has no resources,
one has only suspended ones, one has healthy ones of all kinds. For ten minutes everything that they
ask of the Kubernetes API is counted by its audit log, and what they ask of AWS by the ledger. Then
the pair without resources is given some, one after the other: the time from the answer to a create
until the first write of its status.
"""

import argparse
import statistics
import time
from collections import Counter
from datetime import datetime
from typing import Any

from tests.ha.fleet import ROOT, Fleet
from tests.ha.ledgers import Audit

from stack import shop
from stack.aws.client import AwsStack
from stack.certs import Authority
from stack.config import PartName, Stack
from stack.operator import wait_until
from stack.redis import RedisServer

_PARTS: tuple[PartName, ...] = ("controlplane", "aws", "slack", "postgres")
_SPACE = "quiet"
_INTERVAL_SECONDS = 60
_CACHES, _SERVICES = 3, 5
_SETTLE_SECONDS = 150
_PAUSE_SECONDS = 0.25


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--creates", type=int, default=200)
    options = parser.parse_args()
    with Stack.start(None, _PARTS) as stack:
        stack.controlplane.kubectl(
            "apply", "-k", str(ROOT / "deploy/kustomize/overlays/cluster-wide")
        )
        authority = Authority(stack.run_dir / "pki-caches")
        caches = [
            RedisServer(stack.run_dir, authority, name=f"cache-{number}")
            for number in range(_CACHES)
        ]
        fleets = {name: _fleet(stack, name) for name in ("none", "suspended", "healthy")}
        try:
            _set_up(stack, caches)
            time.sleep(_SETTLE_SECONDS)
            _count(stack, fleets, options.minutes)
            _first_status(stack, fleets["none"], options.creates)
        finally:
            for fleet in fleets.values():
                fleet.close()
            for cache in caches:
                cache.stop()


def _fleet(stack: Stack, name: str) -> Fleet:
    return Fleet(
        name, stack.run_dir, stack.controlplane, stack.aws.base_url, stack.slack.base_url,
        replicas=2, terms={}, arguments=lambda _: ("--watch-label-selector", f"quiet={name}",
                                                   "--lease-name", name),
    )  # fmt: skip


def _set_up(stack: Stack, caches: list[RedisServer]) -> None:
    aws, cluster = AwsStack(stack.aws.base_url), stack.controlplane
    cluster.create_namespace(_SPACE)
    load = {"cpu": 40.0, "memory": 50.0}
    services = aws.create_services(shop.REGION, "prod", "quiet-", _SERVICES, load=load)
    uri = shop.create_database(stack.postgres, "orders", "reader")
    secrets = {"orders": {"uri": uri, "ca.crt": stack.postgres.ca_file.read_text()}}
    for number, cache in enumerate(caches):
        shop.fill_cache(cache, 500)
        secrets[f"cache-{number}"] = {"url": cache.url(tls=False)}
    for name, data in secrets.items():
        metadata = {"name": name, "namespace": _SPACE}
        cluster.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
        )
    for label, suspend in (("healthy", False), ("suspended", True)):
        wanted = [("ScalingPolicy", f"scaling-{name}", _scaling(name)) for name in services]
        wanted.append(("DBTuning", "orders", {"postgres": {"secretRef": {"name": "orders"}}}))
        wanted += [
            ("CacheTuning", f"cache-{n}", {"redis": {"secretRef": {"name": f"cache-{n}"}}})
            for n in range(_CACHES)
        ]
        interval = f"{_INTERVAL_SECONDS}s"
        cluster.apply(
            *(
                _resource(kind, f"{label}-{name}", label,
                          {"interval": interval, "suspend": suspend, **spec})
                for kind, name, spec in wanted
            )
        )  # fmt: skip


def _scaling(service: str, **more: Any) -> dict[str, Any]:
    return {
        "target": {"ecs": {"cluster": "prod", "service": service}},
        "capacity": {"min": 2, "max": 20},
        "targetTracking": [{"metric": "CPU", "target": 60}],
        **more,
    }


def _resource(kind: str, name: str, label: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": _SPACE, "labels": {"quiet": label}}
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }


def _count(stack: Stack, fleets: dict[str, Fleet], minutes: float) -> None:
    aws, audit = AwsStack(stack.aws.base_url), Audit(stack.controlplane)
    sequence = aws.last_call()
    time.sleep(minutes * 60)
    events, calls = audit.read(), aws.ledger(sequence)
    print(f"in {minutes:g} minutes, two replicas each:")
    for name, fleet in fleets.items():
        users = {replica.user for replica in fleet.replicas}
        asked = Counter(
            f"{event['verb']} {(event.get('objectRef') or {}).get('resource', event['requestURI'])}"
            for event in events
            if event["user"]["username"].rpartition(":")[2] in users
        )
        to_aws = Counter(
            "write" if call["mutating"] else "read"
            for call in calls
            if str(call["accessKey"]).startswith(f"{name}-")
        )
        print(f"  {name}: {dict(asked.most_common())}; AWS {dict(to_aws)}")
    secrets = _CACHES + 1
    print(f"  ({secrets} Secrets at an interval of {_INTERVAL_SECONDS} s ± 10 % are "
          f"{secrets * minutes * 60 / _INTERVAL_SECONDS:.0f} reads)")  # fmt: skip


def _first_status(stack: Stack, fleet: Fleet, count: int) -> None:
    aws, audit = AwsStack(stack.aws.base_url), Audit(stack.controlplane)
    load = {"cpu": 40.0, "memory": 50.0}
    services = aws.create_services(shop.REGION, "prod", "first-", count, load=load)
    for service in services:
        spec = _scaling(service, mode="Observe", interval="1h")
        made = _resource("ScalingPolicy", service, "none", spec)
        assert stack.controlplane.api.apply(made, _SPACE) == ("created", True)
        time.sleep(_PAUSE_SECONDS)
    created: dict[str, float] = {}
    first: dict[str, float] = {}

    def all_written() -> bool:
        for event in audit.read():
            ref = event.get("objectRef") or {}
            if ref.get("resource") != "scalingpolicies" or event["responseStatus"]["code"] > 201:
                continue
            at = _time(event["stageTimestamp"])
            if event["verb"] == "create":
                created.setdefault(ref["name"], at)
            elif ref.get("subresource") == "status":
                first.setdefault(ref["name"], at)
        return len(first.keys() & created.keys()) >= count

    wait_until(all_written, 120, "the status of all")
    took = sorted(first[name] - created[name] for name in created)
    cuts = statistics.quantiles(took, n=100)
    print(f"first status after a create, {count} resources {_PAUSE_SECONDS} s apart: median "
          f"{statistics.median(took) * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms, longest "
          f"{took[-1] * 1000:.0f} ms")  # fmt: skip
    assert fleet.leader() is not None


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    main()
