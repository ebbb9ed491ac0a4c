"""Rights in Kubernetes: an operator of one namespace needs exactly those of the chart's Role."""

from pathlib import Path

from stack import helm
from stack.operator import OperatorProcess, configuration
from stack.postgres import PostgresServer
from stack.redis import RedisServer
from stack.slack_client import SlackStack
from tests.e2e.conftest import LIMITS, Space
from tests.ledgers import rbac

WHERE, NAME = "team-system", "team-setpoint"


def test_it_needs_exactly_the_rights_of_its_role(
    space: Space,
    operator: OperatorProcess,
    slack: SlackStack,
    database: tuple[str, str],
    postgres: PostgresServer,
    cache: RedisServer,
    run_dir: Path,
) -> None:
    cluster = space.cluster
    values = {
        "namespaces": [space.name],
        "crds": {"enabled": False},
        "rbac": {"aggregate": False},
    }
    helm.install(cluster.admin_kubeconfig, values, release="team", namespace=WHERE)
    config = configuration(slack.base_url, [space.name], **LIMITS)
    if "leaderElection" in config:
        config["leaderElection"] = {"namespace": WHERE, "name": NAME}
    mine = OperatorProcess(
        run_dir / f"operator-{space.name}",
        cluster.service_account_kubeconfig(WHERE, NAME),
        space.aws.base_url,
        config,
        namespaces=[space.name],
    )
    operator.stop()  # it watches this namespace too
    mine.start()
    try:
        _use_all_kinds(space, database[1], postgres, cache)
    finally:
        mine.stop()
        operator.start()

    user = f"system:serviceaccount:{WHERE}:{NAME}"
    events = cluster.audit_events()
    objects = helm.render(values, release="team", namespace=WHERE)
    granted = rbac.granted(objects, NAME)
    if "leaderElection" in config:
        granted |= rbac.granted(objects, f"{NAME}-leader")
    assert rbac.denied(events, user) == set()
    assert rbac.used(events, user) == granted


def test_all_kinds_are_reverted_and_events_counted(
    space: Space, database: tuple[str, str], postgres: PostgresServer, cache: RedisServer
) -> None:
    """The same work by the operator of all namespaces; tests/ledgers compares its rights."""
    _use_all_kinds(space, database[1], postgres, cache)


def _use_all_kinds(space: Space, uri: str, postgres: PostgresServer, cache: RedisServer) -> None:
    space.with_service()
    space.secret("db", uri=uri, ca_crt=postgres.ca_file.read_text())
    specs = {
        "ScalingPolicy": space.scaling(deletionPolicy="Revert"),
        "DBTuning": {"postgres": {"secretRef": {"name": "db"}}, "deletionPolicy": "Revert"},
        "CacheTuning": {"redis": {"secretRef": {"name": "redis"}}, "deletionPolicy": "Revert"},
    }
    for kind, spec in specs.items():
        space.apply(kind, "mine", spec)
    for _ in range(2):  # an Event that is said again becomes a series
        space.wait_ready("cachetuning", "mine", "False", "SecretNotFound")
        space.secret("redis", url=cache.url(), ca_crt=cache.ca_file.read_text())
        space.poke("cachetuning", "mine")
        space.wait_ready("cachetuning", "mine")
        space.cluster.kubectl("delete", "secret", "redis", "-n", space.name)
        space.poke("cachetuning", "mine")
    space.wait(lambda: any(event.get("series") for event in space.events()), "a series")
    for kind in specs:
        if kind != "CacheTuning":
            space.wait_ready(kind, "mine")
        assert space.get(kind, "mine")["metadata"]["finalizers"]
        space.cluster.kubectl("delete", kind, "mine", "-n", space.name, "--timeout=30s")
