"""The short form of `make bench-quiet`: what an operator asks when there is nothing to do."""

import time
from collections import Counter
from typing import Any

from stack.aws.client import AwsStack
from stack.cluster import Cluster
from stack.operator import wait_until
from stack.redis import RedisServer
from tests.ha.conftest import StartFleet
from tests.ha.fleet import Fleet
from tests.ha.ledgers import Audit
from tests.ha.test_replicas import REAL

SECONDS = 22
INTERVAL = 10


def caching(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "CacheTuning",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": f"{INTERVAL}s", "redis": {"secretRef": {"name": "redis"}}, **spec},
    }


def secret(namespace: str, cache: RedisServer) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "redis", "namespace": namespace},
        "stringData": {"url": cache.url(tls=False)},
    }


def asked(audit: Audit, fleet: Fleet) -> Counter[tuple[str, str]]:
    """Verb and resource of each of the fleet's requests since the last look."""
    users = {replica.user for replica in fleet.replicas}
    return Counter(
        (event["verb"], (event.get("objectRef") or {}).get("resource", event["requestURI"]))
        for event in audit.read()
        if event["user"]["username"].rpartition(":")[2] in users
    )


def beside(found: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """All but watches and the lease."""
    return {
        what: count for what, count in found.items() if what[0] != "watch" and what[1] != "leases"
    }


def settled(cluster: Cluster, namespace: str) -> bool:
    items = cluster.api.get("setpoint.dev/v1alpha1", "cachetunings", namespace=namespace)["items"]
    return all(
        item.get("status", {}).get("observedGeneration") == item["metadata"]["generation"]
        for item in items
    )


def test_nothing_is_asked_when_all_is_suspended_and_one_secret_when_all_is_well(
    start_fleet: StartFleet, cluster: Cluster, aws: AwsStack, cache: RedisServer
) -> None:
    fleet = start_fleet("quiet", 1, terms=REAL)
    fleet.wait_leader()
    cluster.create_namespace("quiet")
    cluster.apply(secret("quiet", cache), caching("one", "quiet", suspend=True))
    wait_until(lambda: settled(cluster, "quiet"), 60, "the suspended one seen")
    time.sleep(1)  # its Events are written beside
    audit, sequence = Audit(cluster), aws.last_call()
    time.sleep(INTERVAL + 2)

    assert beside(asked(audit, fleet)) == {}
    assert aws.last_call() == sequence

    cluster.apply(caching("one", "quiet", suspend=False))
    wait_until(lambda: settled(cluster, "quiet"), 60, "the healthy one seen")
    # The first looks bring what moves a status; a hit rate needs two.
    wait_until(lambda: _is_still(audit, fleet), 120, "a round without a write", every=INTERVAL + 1)
    audit.read()
    time.sleep(SECONDS)

    found = beside(asked(audit, fleet))
    assert set(found) == {("get", "secrets")}
    assert found["get", "secrets"] <= SECONDS / (0.9 * INTERVAL) + 1, "one for each interval"


def _is_still(audit: Audit, fleet: Fleet) -> bool:
    found = beside(asked(audit, fleet))
    return set(found) <= {("get", "secrets")}
