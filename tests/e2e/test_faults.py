"""What goes wrong is said in our words, retried, and troubles nobody else."""

import time

import pytest

from stack import shop
from stack.operator import NAMESPACE, OperatorProcess, configuration
from stack.postgres import PostgresServer
from stack.redis import RedisServer
from stack.slack_client import SlackStack
from tests.e2e.conftest import AT_ONCE, LIMITS, Space


def test_a_missing_service_is_waited_for(space: Space) -> None:
    space.apply("ScalingPolicy", "web", space.scaling())
    failed = space.wait_ready("scalingpolicy", "web", "False", "TargetNotFound")
    assert space.service in failed["message"] or "prod" in failed["message"]

    space.with_service()
    space.wait_ready("scalingpolicy", "web")
    assert space.condition("scalingpolicy", "web", "Stalled") == {}
    reasons = [event["reason"] for event in space.events()]
    assert "TargetNotFound" in reasons
    assert "InSync" in reasons


def test_a_missing_secret_becomes_stalled_and_recovers(space: Space, cache: RedisServer) -> None:
    space.apply("CacheTuning", "sessions", {"redis": {"secretRef": {"name": "redis"}}})
    failed = space.wait_ready("cachetuning", "sessions", "False", "SecretNotFound")
    assert "Secret redis" in failed["message"]
    space.wait(
        lambda: space.condition("cachetuning", "sessions", "Stalled").get("status") == "True",
        "Stalled after the grace",
    )
    assert space.condition("cachetuning", "sessions", "Reconciling") == {}

    space.secret("redis", url=cache.url(), ca_crt=cache.ca_file.read_text())
    space.wait_ready("cachetuning", "sessions")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"password": "wrong"}, "AuthenticationFailed"),
        ({"host": "does-not-exist.invalid"}, "ConnectionFailed"),
        ({"host": "169.254.169.254"}, "HostRefused"),
        ({"dbname": "absent"}, "TargetNotFound"),
        ({"ca_crt": ""}, "TLSFailed"),
        ({"port": "1"}, "ConnectionFailed"),
        ({"host": "/var/run/postgresql"}, "SecretInvalid"),
    ],
    ids=str,
)
def test_postgres_cannot_be_used(
    space: Space,
    postgres: PostgresServer,
    change: dict[str, str],
    reason: str,
) -> None:
    role = f"role_{space.name.replace('-', '_')}"
    postgres.create_role(role, "right", "pg_monitor")
    data = {
        "host": "localhost",
        "port": str(postgres.port),
        "user": role,
        "password": "right",
        "dbname": "postgres",
        "ca_crt": postgres.ca_file.read_text(),
    }
    space.secret("db", **{**data, **change})

    space.apply("DBTuning", "orders", {"postgres": {"secretRef": {"name": "db"}}})
    failed = space.wait_ready("dbtuning", "orders", "False", reason)
    assert "right" not in failed["message"]

    space.secret("db", **data)
    space.poke("dbtuning", "orders")
    space.wait_ready("dbtuning", "orders")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("rediss://:wrong@localhost:{tls}/0", "AuthenticationFailed"),
        ("redis://:{password}@localhost:1/0", "ConnectionFailed"),
        ("unix:///var/run/redis.sock", "SecretInvalid"),
        ("redis://:{password}@[fd00:ec2::254]:6379/0", "HostRefused"),
    ],
)
def test_redis_cannot_be_used(space: Space, cache: RedisServer, url: str, reason: str) -> None:
    made = url.format(tls=cache.tls_port, password=cache.password)
    space.secret("redis", url=made, ca_crt=cache.ca_file.read_text())

    space.apply("CacheTuning", "sessions", {"redis": {"secretRef": {"name": "redis"}}})
    failed = space.wait_ready("cachetuning", "sessions", "False", reason)

    assert cache.password not in failed["message"]


def test_redis_down_and_up_again(space: Space, cache: RedisServer) -> None:
    space.secret("redis", url=cache.url(), ca_crt=cache.ca_file.read_text())
    space.apply("CacheTuning", "sessions", {"redis": {"secretRef": {"name": "redis"}}})
    space.wait_ready("cachetuning", "sessions")

    cache.stop()
    space.poke("cachetuning", "sessions")
    space.wait_ready("cachetuning", "sessions", "False", "ConnectionFailed")
    cache.restart()
    space.wait_ready("cachetuning", "sessions")


def test_aws_refuses_and_the_others_go_on(space: Space, cache: RedisServer) -> None:
    space.with_service()
    denied = {
        "service": "application-autoscaling",
        "operation": "PutScalingPolicy",
        "match": {"ResourceId": f"service/prod/{space.service}"},
        "kind": "refuse",
        "code": "ValidationException",
        "message": "User: arn:aws:iam::1:role/secret is not authorized to perform: "
        "cloudwatch:PutMetricAlarm",
    }
    space.aws.set_faults([denied])
    try:
        space.apply("ScalingPolicy", "web", space.scaling())
        failed = space.wait_ready("scalingpolicy", "web", "False", "AccessDenied")
        assert "arn:aws" not in failed["message"], "AWS's own text in status"

        space.secret("redis", url=cache.url(), ca_crt=cache.ca_file.read_text())
        space.apply("CacheTuning", "sessions", {"redis": {"secretRef": {"name": "redis"}}})
        space.wait_ready("cachetuning", "sessions")
    finally:
        space.aws.clear_faults()
    space.wait_ready("scalingpolicy", "web")


def test_throttling_passes(space: Space) -> None:
    space.with_service()
    fault = {"service": "application-autoscaling", "operation": "*", "kind": "throttle", "count": 6}
    space.aws.set_faults([fault])
    try:
        space.apply("ScalingPolicy", "web", space.scaling())
        space.wait_ready("scalingpolicy", "web")
    finally:
        space.aws.clear_faults()


def test_registration_is_eventually_consistent(space: Space) -> None:
    space.with_service()
    space.aws.settings(settleSeconds=0.5)
    try:
        space.apply("ScalingPolicy", "web", space.scaling())
        space.wait_ready("scalingpolicy", "web")
    finally:
        space.aws.settings(settleSeconds=0)
    assert space.condition("scalingpolicy", "web", "Ready")["reason"] == "InSync"


def test_without_a_grant_there_is_no_call(
    space: Space, operator: OperatorProcess, slack: SlackStack
) -> None:
    space.with_service()
    sequence = space.aws.last_call()
    spec = space.scaling(aws={"region": "us-east-1"})

    space.apply("ScalingPolicy", "web", spec)
    failed = space.wait_ready("scalingpolicy", "web", "False", "NotGranted")
    assert "us-east-1" in failed["message"]
    assert space.calls(sequence) == []

    # The operator's configuration is taken over while it runs.
    granted = configuration(slack.base_url, ["t-*"], **LIMITS)
    granted["grants"][0]["regions"].append("us-east-1")
    operator.write_config(granted)
    try:
        space.wait_ready("scalingpolicy", "web", "False", "TargetNotFound")
    finally:
        operator.write_config(configuration(slack.base_url, ["t-*"], **LIMITS))


def test_min_above_max_is_refused_at_apply(space: Space) -> None:
    answer = space.apply(
        "ScalingPolicy", "web", space.scaling(capacity={"min": 9, "max": 3}), check=False
    )
    assert "capacity.min must not be greater than capacity.max" in answer


def test_the_api_server_goes_and_comes_back(space: Space, operator: OperatorProcess) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait_ready("scalingpolicy", "web")

    space.cluster.restart_apiserver()

    space.apply("ScalingPolicy", "web", space.scaling(capacity={"min": 2, "max": 33}))

    def is_changed() -> bool:
        operator.revive()  # if its lease could not be renewed in time, it ended
        return bool((space.target() or {})["MaxCapacity"] == 33)

    space.wait(is_changed, "the change", limit=60)
    space.wait_ready("scalingpolicy", "web")


def kill(operator: OperatorProcess, space: Space) -> None:
    """It cannot give its lease back, and its successor need not wait here until that ends."""
    operator.kill()
    space.cluster.kubectl("delete", "lease", "setpoint", "-n", NAMESPACE)


def test_killed_at_any_moment_it_loses_and_repeats_nothing(
    space: Space, operator: OperatorProcess, slack: SlackStack
) -> None:
    channel = f"CKILL{space.name.upper().replace('-', '')}"
    space.secret("slack", token="xoxb-test")
    space.with_service()
    shop.set_service_load(space.aws, "prod", space.service, cpu=93, memory=50)
    target = {"channel": channel, "tokenSecretRef": {"name": "slack", "key": "token"}}
    kills = 5
    for number, pause in enumerate([0.0, 0.15, 0.3, 0.6, 1.2]):
        capacity = {"min": 2, "max": 20 + number}
        alerts = {"slack": target, "group": AT_ONCE}
        space.apply("ScalingPolicy", "web", space.scaling(capacity=capacity, alerts=alerts))
        time.sleep(pause)
        kill(operator, space)
        operator.start()

    space.wait(lambda: (space.target() or {}).get("MaxCapacity") == 24, "the last change")
    space.wait_ready("scalingpolicy", "web")
    space.wait(lambda: slack.taken(channel), "the alert")
    space.wait(
        lambda: not space.status("scalingpolicy", "web")["alerts"].get("outbox"), "empty outbox"
    )
    assert len(slack.taken(channel)) <= 1 + kills
    assert list(space.policies()) == ["cpu-scaling"]
    created = [c for c in space.calls() if c["operation"] == "PutScalingPolicy"]
    assert len({c["params"]["PolicyName"] for c in created}) == 1

    kill(operator, space)
    sent = len(slack.taken(channel))
    operator.start()
    space.poke("scalingpolicy", "web")
    assert len(slack.taken(channel)) == sent, "an alert that was delivered was sent again"
