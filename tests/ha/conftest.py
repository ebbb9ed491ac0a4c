"""A control plane of its own: the operators of other tests watch every namespace of theirs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.aws.client import AwsStack
from stack.certs import Authority
from stack.cluster import Cluster
from stack.controlplane import ControlPlane
from stack.redis import RedisServer
from stack.slack_client import SlackStack
from tests.ha.fleet import ROOT, Fleet
from tests.ha.schedules import World

LIMITS = {"backoffBase": "200ms", "backoffCeiling": "2s", "stalledAfter": "30s"}

StartFleet = Callable[..., Fleet]


@pytest.fixture(scope="module")
def cluster(run_dir: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """An API server with what the kustomize overlay for all namespaces installs."""
    with ControlPlane(run_dir / request.module.__name__.rpartition(".")[2]) as server:
        server.kubectl("apply", "-k", str(ROOT / "deploy/kustomize/overlays/cluster-wide"))
        yield server


@pytest.fixture
def start_fleet(
    run_dir: Path, cluster: Cluster, aws: AwsStack, slack: SlackStack
) -> Iterator[StartFleet]:
    """Start replicas; they end with the test."""
    started: list[Fleet] = []

    def start(
        name: str, replicas: int, *, limits: dict[str, str] | None = None, **options: Any
    ) -> Fleet:
        fleet = Fleet(
            name, run_dir, cluster, aws.base_url, slack.base_url,
            replicas=replicas, limits=LIMITS | (limits or {}), **options,
        )  # fmt: skip
        started.append(fleet)
        return fleet

    yield start
    for fleet in started:
        fleet.close()


@pytest.fixture
def cache(run_dir: Path, authority: Authority, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A Redis server of its own."""
    with RedisServer(run_dir, authority, name=f"redis-{request.node.name[:40]}") as server:
        yield server


@pytest.fixture(scope="module")
def world(
    run_dir: Path, cluster: Cluster, aws: AwsStack, slack: SlackStack, authority: Authority
) -> Iterator[World]:
    """Three replicas under a lease of 1.5 s, and all they work on."""
    with (
        RedisServer(run_dir, authority, name="redis-ha") as redis,
        Fleet(
            "quick",
            run_dir,
            cluster,
            aws.base_url,
            slack.base_url,
            replicas=3,
            limits=LIMITS,
        ) as fleet,
    ):
        made = World(fleet, cluster, aws, slack, redis)
        yield made
        made.close()
