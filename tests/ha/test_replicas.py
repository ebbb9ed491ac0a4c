"""What replicas do and leave, beside faults: ready standbys, a lease given back, shards, watches."""

import signal
import time
from typing import Any

from setpoint import main
from setpoint.config import Config
from stack import shop
from stack.aws.client import AwsStack
from stack.cluster import Cluster
from stack.operator import wait_until
from tests.ha.conftest import StartFleet
from tests.ha.fleet import Fleet, Replica
from tests.ha.ledgers import Audit, of_aws

KEY = "sharding.fluxcd.io/key"
REAL: dict[str, str] = {}


def scaling(name: str, namespace: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {
            "target": {"ecs": {"cluster": "prod", "service": f"{namespace}-{name}"}},
            "capacity": {"min": 2, "max": 20},
            "targetTracking": [{"metric": "CPU", "target": 60}],
        },
    }


def with_services(cluster: Cluster, aws: AwsStack, namespace: str, *names: str) -> None:
    cluster.create_namespace(namespace)
    for name in names:
        shop.create_ecs_service(aws, "prod", f"{namespace}-{name}", 2)
        shop.set_service_load(aws, "prod", f"{namespace}-{name}", cpu=40, memory=50)


def status_of(cluster: Cluster, name: str, namespace: str) -> dict[str, Any]:
    body = cluster.api.get("setpoint.dev/v1alpha1", "scalingpolicies", name, namespace)
    found: dict[str, Any] = body.get("status", {})
    return found


def is_ready(cluster: Cluster, name: str, namespace: str) -> bool:
    status = status_of(cluster, name, namespace)
    found = [c for c in status.get("conditions", ()) if c["type"] == "Ready"]
    return bool(found) and found[0]["status"] == "True"


def wait_standby(fleet: Fleet, leader: Replica, audit: Audit) -> Replica:
    """A replica that is ready, does not lead, and has seen that another does."""
    [standby] = [replica for replica in fleet.replicas if replica is not leader]
    wait_until(lambda: fleet.get(standby, "/readyz")[0] == 200, 60, "the standby ready")

    def has_seen_the_lease() -> bool:  # before that it tries to create it
        return any(
            (event["verb"], event.get("objectRef", {}).get("resource")) == ("get", "leases")
            and event["responseStatus"]["code"] == 200
            for event in audit.read()
            if event["user"]["username"].endswith(standby.user)
        )

    wait_until(has_seen_the_lease, 60, "the standby at the lease")
    return standby


def test_a_standby_is_ready_and_does_nothing_until_the_lease_is_given_back(
    start_fleet: StartFleet, cluster: Cluster, aws: AwsStack
) -> None:
    fleet = start_fleet("pair", 2, terms=REAL)
    audit = Audit(cluster)
    leader = fleet.wait_leader()
    standby = wait_standby(fleet, leader, audit)
    sequence = aws.last_call()
    with_services(cluster, aws, "pair", "web")

    cluster.apply(scaling("web", "pair"))
    wait_until(lambda: is_ready(cluster, "web", "pair"), 60, "the resource ready")

    assert "setpoint_leader 0.0" in fleet.get(standby, "/metrics")[1]
    assert fleet.get(standby, "/livez") == (200, "ok\n")
    asked = {
        (event["verb"], event["objectRef"]["resource"])
        for event in audit.read()
        if event["user"]["username"].endswith(standby.user)
    }
    acts = {what for what in asked if what[0] not in ("list", "watch")}
    assert acts <= {("get", "leases")}, "a standby only looks"
    callers = {call["accessKey"] for call in aws.ledger(sequence)}
    assert standby.life.who not in callers

    # A graceful end gives the lease back: nobody waits for its 15 s.
    former, begun = leader.life.who, time.monotonic()
    fleet.signal(leader, signal.SIGTERM)
    fleet.wait_leader(other_than=former)
    ended = next(life for life in fleet.lives() if life.who == former)
    assert time.monotonic() - begun < 12, "it waited for the lease to end"
    wait_until(lambda: ended.status is not None, 30, "the end of the former leader")
    assert ended.status == 0


def test_three_shards_act_each_on_their_own(
    start_fleet: StartFleet, cluster: Cluster, aws: AwsStack
) -> None:
    selectors = {1: f"{KEY}=a", 2: f"{KEY}=b", 3: f"!{KEY}"}
    with_services(cluster, aws, "shards", "one", "two", "rest")
    sequence = aws.last_call()
    fleet = start_fleet(
        "shard", 3, terms={"namespace": "setpoint-system"},
        arguments=lambda number: (
            "--watch-label-selector", selectors[number], "--lease-name", f"shard-{number}",
        ),
    )  # fmt: skip
    cluster.apply(
        scaling("one", "shards", {KEY: "a"}),
        scaling("two", "shards", {KEY: "b"}),
        scaling("rest", "shards"),
    )

    for name in ("one", "two", "rest"):
        wait_until(lambda n=name: is_ready(cluster, n, "shards"), 60, f"{name} ready")

    assert actors(fleet, aws, sequence) == {"one": {1}, "two": {2}, "rest": {3}}
    for number in (1, 2, 3):
        lease = cluster.get("lease", f"shard-{number}", "-n", "setpoint-system")
        assert lease["spec"]["holderIdentity"].startswith(f"shard-r{number}-")

    # A resource that changes its label goes to the other shard.
    sequence = aws.last_call()
    moved = scaling("one", "shards", {KEY: "b"})
    moved["spec"]["capacity"]["max"] = 30
    cluster.apply(moved)
    wait_until(lambda: actors(fleet, aws, sequence).get("one"), 60, "the change at the other shard")
    assert actors(fleet, aws, sequence)["one"] == {2}


def actors(fleet: Fleet, aws: AwsStack, since: int) -> dict[str, set[int]]:
    """Which replicas changed a service in AWS, by the service's resource."""
    found: dict[str, set[int]] = {}
    for call in aws.ledger(since):
        if write := of_aws(call, fleet):
            name = call["params"]["ResourceId"].rpartition("-")[2]
            found.setdefault(name, set()).add(int(write.who.split("-r")[1].split("-")[0]))
    return found


def test_a_watch_that_goes_silent_is_begun_anew(
    start_fleet: StartFleet, cluster: Cluster, aws: AwsStack
) -> None:
    fleet = start_fleet("silent", 1, terms=REAL, limits={"watchSilence": "3s"})
    leader = fleet.wait_leader()
    with_services(cluster, aws, "silent", "web")
    cluster.apply(scaling("web", "silent"))
    wait_until(lambda: is_ready(cluster, "web", "silent"), 60, "the resource ready")

    # The connections stand, and nothing comes over them: no end, no error.
    leader.proxy.stall(new=False)
    changed = scaling("web", "silent")
    changed["spec"]["capacity"]["max"] = 31
    begun = time.monotonic()
    cluster.apply(changed)

    def bounds() -> Any:
        return status_of(cluster, "web", "silent").get("effectiveBounds", {}).get("max") == 31

    wait_until(bounds, 60, "the change noticed")
    print(f"noticed after {time.monotonic() - begun:.1f} s of silence, allowed: 3 s")
    assert fleet.get(leader, "/livez") == (200, "ok\n")


def test_the_real_settings_notice_silence_within_90_s() -> None:
    silence = Config().limits.watch_silence.total_seconds()

    assert main._settings([], silence).watching.inactivity_timeout == silence == 70
    assert silence + main._SILENCE_GRACE_SECONDS == 90
