"""The whole loop, each kind on its real system."""

import pytest

from stack import shop
from stack.operator import OperatorProcess
from stack.postgres import PostgresServer
from stack.redis import RedisServer
from stack.slack_client import SlackStack
from tests.e2e.conftest import AT_ONCE, Space


def test_a_service_gets_its_autoscaling(space: Space) -> None:
    space.with_service(desired=1)
    tracking = [{"metric": "CPU", "target": 60}, {"metric": "Memory", "target": 70}]

    space.apply("ScalingPolicy", "web", space.scaling(targetTracking=tracking))
    ready = space.wait_ready("scalingpolicy", "web")

    assert ready["reason"] == "InSync"
    target = space.target()
    assert target is not None
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 20)
    values = {
        name: policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        for name, policy in space.policies().items()
    }
    assert values == {"cpu-scaling": 60.0, "memory-scaling": 70.0}
    status = space.status("scalingpolicy", "web")
    assert status["capacity"] == {"desired": 2, "running": 2, "summary": "2 (2-20)"}
    assert status["metrics"]["cpu"] == "40%"
    assert space.mutations().count("RegisterScalableTarget") == 1
    assert "UpdateService" not in space.mutations()


def test_a_database_is_analysed(
    space: Space, database: tuple[str, str], postgres: PostgresServer
) -> None:
    name, uri = database
    shop.scan_table(postgres, name)
    space.secret("db", uri=uri, ca_crt=postgres.ca_file.read_text())

    space.apply("DBTuning", "orders", {"postgres": {"secretRef": {"name": "db"}}})
    space.wait_ready("dbtuning", "orders")

    found = space.status("dbtuning", "orders")["findings"]
    by_id = {item["id"]: item for item in found["items"]}
    assert by_id["SequentialScans"]["object"] == "public.orders"
    assert any("(customer_id)" in line for line in by_id["SequentialScans"]["sql"])
    assert by_id["UnusedIndex"]["object"] == "public.orders_note_idx"
    assert (found["worst"], found["summary"]) == ("Warning", "1W 1I")
    present = space.condition("dbtuning", "orders", "FindingsPresent")
    assert (present["status"], present["reason"]) == ("True", "WarningFindings")


def test_an_rds_instance_changes_in_its_window(space: Space) -> None:
    instance = f"db-{space.name}"
    shop.create_rds_instance(space.aws, instance, instance_class="db.t4g.medium", storage=100)

    spec = {
        "approval": "None",
        "rds": {
            "instance": instance,
            "instanceClass": "db.r6g.large",
            "allocatedStorage": "105Gi",
            "maxAllocatedStorage": "1Ti",
        },
    }
    space.apply("DBTuning", "orders", spec)
    space.wait_ready("dbtuning", "orders", reason="ChangePending")

    assert space.status("dbtuning", "orders")["rds"]["pending"] == "class, Sun 03:00"
    client = space.aws.boto3_client("rds", shop.REGION)
    [found] = client.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
    assert found["DBInstanceClass"] == "db.t4g.medium"
    assert found["PendingModifiedValues"] == {"DBInstanceClass": "db.r6g.large"}
    assert found["AllocatedStorage"] == 110, "RDS grows by a tenth at least"
    assert found["MaxAllocatedStorage"] == 1024
    space.aws.run_maintenance(shop.REGION)
    space.poke("dbtuning", "orders")
    assert space.wait_ready("dbtuning", "orders")["reason"] == "InSync"
    assert space.status("dbtuning", "orders")["rds"]["instanceClass"] == "db.r6g.large"


def test_a_cache_is_swept_and_its_policy_set(space: Space, cache: RedisServer) -> None:
    shop.fill_cache(cache, 2000)
    space.secret("redis", url=cache.url(), ca_crt=cache.ca_file.read_text())
    spec = {
        "approval": "None",
        "redis": {"secretRef": {"name": "redis"}},
        "config": {"maxmemoryPolicy": "allkeys-lru", "acknowledge": ["sessions", "Sidekiq"]},
        "defaultTTL": {
            "ttl": "1h",
            "include": ["session:*", "pinned:*", "own:*"],
            "exclude": ["pinned:*"],
        },
    }

    space.apply("CacheTuning", "sessions", spec)
    space.wait_ready("cachetuning", "sessions")
    space.wait(
        lambda: space.status("cachetuning", "sessions").get("sweep", {}).get("phase") == "Done",
        "the sweep done",
    )

    client = cache.client()
    ttls = [client.ttl(f"session:{number}") for number in range(0, 2000, 97)]
    assert all(3200 < ttl <= 3960 for ttl in ttls)
    assert len(set(ttls)) > 5, "all keys would expire at once"
    assert client.ttl("own:3") > 80_000
    assert (client.ttl("pinned:3"), client.ttl("queue:mail")) == (-1, -1)
    space.wait(
        lambda: client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"},
        "the policy set",
    )
    assert space.status("cachetuning", "sessions")["sweep"]["summary"] == "done 2.0k"


@pytest.fixture
def channel(space: Space) -> str:
    space.secret("slack", token="xoxb-test")
    return f"C{space.name.upper().replace('-', '')}CHANNEL"


def test_breaches_are_one_message_that_is_resolved_in_place(
    space: Space, slack: SlackStack, channel: str
) -> None:
    space.with_service()
    shop.set_service_load(space.aws, "prod", space.service, cpu=93, memory=91)
    slack_target = {"channel": channel, "tokenSecretRef": {"name": "slack", "key": "token"}}

    space.apply(
        "ScalingPolicy", "web", space.scaling(alerts={"slack": slack_target, "group": AT_ONCE})
    )
    space.wait(lambda: slack.taken(channel), "a message")
    shop.set_service_load(space.aws, "prod", space.service, cpu=97, memory=95)
    space.poke("scalingpolicy", "web")
    shop.set_service_load(space.aws, "prod", space.service, cpu=41, memory=42)
    space.poke("scalingpolicy", "web")
    space.wait(lambda: len(slack.taken(channel)) == 3, "the message updated")

    posted, updated, told = slack.taken(channel)
    [attachment] = posted["body"]["attachments"]
    title, _, fields, *_ = attachment["blocks"]
    assert (posted["method"], attachment["color"]) == ("chat.postMessage", "danger")
    assert title["text"]["text"] == "performance"
    assert [field["text"] for field in fields["fields"]] == [
        "*cpu*\n93% (threshold: 80%)",
        "*memory*\n91% (threshold: 80%)",
    ]
    assert (updated["method"], updated["ts"]) == ("chat.update", posted["ts"])
    assert updated["body"]["attachments"][0]["color"] == "good"
    assert told["body"]["thread_ts"] == posted["ts"]
    space.wait(
        lambda: not space.status("scalingpolicy", "web")["alerts"].get("outbox"), "empty outbox"
    )


def test_the_operator_tells_its_values(space: Space, operator: OperatorProcess) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait_ready("scalingpolicy", "web")

    metrics = operator.get("/metrics")

    labels = f'kind="scalingpolicies",name="web",namespace="{space.name}",rule="cpu"'
    assert f"setpoint_value_ratio{{{labels}}} 0.4" in metrics
    assert "setpoint_aws_requests_total{" in metrics
    assert 'setpoint_kubernetes_requests_total{result="ok",verb="patch"}' in metrics
    about = f'kind="scalingpolicies",name="web",namespace="{space.name}",type="Ready"'
    assert f"setpoint_resource_condition{{{about}}} 1.0" in metrics
    assert operator.get("/livez") == "ok\n"
    lines = [line for line in operator.log_lines() if line.get("namespace") == space.name]
    assert {(line["kind"], line["name"]) for line in lines} == {("ScalingPolicy", "web")}
    assert all(len(line["reconcile_id"]) == 16 for line in lines)
