"""Fixtures: one of each server for the whole session, each started when first asked for."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import tools
from stack.aws.client import OPERATOR_KEY, OPERATOR_POLICIES, AwsStack, iam_policies
from stack.certs import Authority
from stack.cluster import Cluster
from stack.config import make_run_dir
from stack.controlplane import control_plane
from stack.postgres import PostgresServer
from stack.redis import RedisServer
from stack.slack_client import SlackStack
from stack.stand_in import StandIn


@pytest.fixture(scope="session")
def run_dir(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where the servers of this session live; kept when a test failed."""
    directory = make_run_dir()
    yield directory
    if request.session.testsfailed:
        print(f"\nlogs of the local stack are kept in {directory}/logs")
    else:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def authority(run_dir: Path) -> Authority:
    """The certificate authority of the data servers."""
    return Authority(run_dir / "pki")


@pytest.fixture(scope="session")
def controlplane(run_dir: Path) -> Iterator[Cluster]:
    """A Kubernetes API server."""
    server = control_plane(run_dir)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres(run_dir: Path, authority: Authority) -> Iterator[PostgresServer]:
    """A Postgres server."""
    with PostgresServer(run_dir, authority) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_17(run_dir: Path, authority: Authority) -> Iterator[PostgresServer]:
    """A Postgres server of version 17."""
    programs = tools.postgres_of_a_wheel(17)
    with PostgresServer(run_dir, authority, name="postgres-17", programs=programs) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_18(run_dir: Path, authority: Authority) -> Iterator[PostgresServer]:
    """A Postgres server of version 18, which speaks no TLS."""
    programs = tools.postgres_of_a_wheel(18)
    with PostgresServer(run_dir, authority, name="postgres-18", programs=programs) as server:
        yield server


@pytest.fixture(scope="session")
def replica(
    run_dir: Path, authority: Authority, postgres: PostgresServer
) -> Iterator[PostgresServer]:
    """A streaming replica of `postgres`."""
    with PostgresServer(run_dir, authority, name="postgres-replica", replica_of=postgres) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(run_dir: Path, authority: Authority) -> Iterator[RedisServer]:
    """A Redis server."""
    with RedisServer(run_dir, authority) as server:
        yield server


@pytest.fixture(scope="session")
def aws(run_dir: Path) -> Iterator[AwsStack]:
    """The stand-in for AWS, in which operators have the rights of deploy/iam and no others."""
    with StandIn(run_dir, "aws") as server:
        stack = AwsStack(server.base_url)
        stack.attach(f"{OPERATOR_KEY}*", *iam_policies(*OPERATOR_POLICIES))
        yield stack


@pytest.fixture(scope="session")
def slack(run_dir: Path) -> Iterator[SlackStack]:
    """The stand-in for Slack."""
    with StandIn(run_dir, "slack") as server:
        yield SlackStack(server.base_url)
