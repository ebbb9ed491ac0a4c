"""Every write to the outside waits for the fence: a whole operator behind a closed one."""

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.aio import client
from kubernetes.aio import config as kube_config

from setpoint.config import Config
from setpoint.engine.fence import Fence, boottime
from setpoint.engine.kube import KubeClient
from setpoint.wiring import Operator, assemble
from stack import shop
from stack.aws.client import AwsStack
from stack.cluster import Cluster
from stack.operator import configuration
from stack.redis import RedisServer
from stack.slack_client import SlackStack
from tests.ha.ledgers import Audit, until
from tests.ha.test_quiet import caching
from tests.ha.test_replicas import scaling, with_services
from tests.integration.aws.account import new_account

SPACE, CHANNEL = "fence", "CFENCE01"


def resources(cache: RedisServer) -> list[dict[str, Any]]:
    """Something that each kind would write at once, and an alert."""
    service = scaling("web", SPACE)
    service["spec"]["alerts"] = {
        "group": {"wait": "0s", "interval": "1s"},
        "slack": {"channel": CHANNEL, "tokenSecretRef": {"name": "slack", "key": "token"}},
    }
    instance = {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": "DBTuning",
        "metadata": {"name": "orders", "namespace": SPACE},
        "spec": {"approval": "None", "rds": {"instance": "fenced", "allocatedStorage": "120Gi"}},
    }
    swept = caching(
        "sessions", SPACE, approval="None", defaultTTL={"ttl": "1h", "include": ["session:*"]},
        config={"maxmemoryPolicy": "allkeys-lru", "acknowledge": ["sessions", "Sidekiq"]},
    )  # fmt: skip
    secrets = {"slack": {"token": "xoxb-test"}, "redis": {"url": cache.url(tls=False)}}
    return [
        *(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": SPACE},
                "stringData": data,
            }
            for name, data in secrets.items()
        ),
        service,
        instance,
        swept,
    ]


async def test_behind_a_closed_fence_a_whole_operator_writes_nothing(
    cluster: Cluster,
    aws: AwsStack,
    slack: SlackStack,
    cache: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = new_account(aws, monkeypatch)
    with_services(cluster, account, SPACE, "web")
    shop.set_service_load(account, "prod", f"{SPACE}-web", cpu=93, memory=50)
    shop.create_rds_instance(account, "fenced", instance_class="db.t4g.medium", storage=100)
    shop.fill_cache(cache, 300)
    cluster.apply(*resources(cache))
    config = Config.model_validate(configuration(slack.base_url, [SPACE]))
    fence = Fence(write_seconds=1.0, call_seconds=5.0)
    audit, sequence = Audit(cluster), account.last_call()

    def written() -> dict[str, Any]:
        """By system, what reached it."""
        with cache.client() as redis:
            with_ttl = redis.info("keyspace")["db0"]["expires"]
            policy = redis.config_get("maxmemory-policy")["maxmemory-policy"]
        return {
            "kubernetes": [
                event["verb"] for event in audit.read() if event["verb"] not in ("get", "list")
            ],
            "aws": [call["operation"] for call in account.mutations(sequence)],
            "redis": [with_ttl, policy],
            "slack": slack.taken(CHANNEL),
        }

    before = written()
    kubeconfig = client.Configuration()
    await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=str(cluster.admin_kubeconfig), client_configuration=kubeconfig
    )
    async with client.ApiClient(kubeconfig) as api:
        operator = assemble(
            KubeClient(api, fence), lambda: config, [], lambda: datetime.now(UTC), random.random,
            fence,
        )  # fmt: skip
        tasks = [asyncio.ensure_future(task) for task in operator.tasks()]
        stopping = asyncio.Event()
        tasks += [asyncio.ensure_future(operator.work(stopping)) for _ in range(4)]
        await _list(operator)
        await asyncio.sleep(4)
        assert written() == {**before, "kubernetes": []}

        fence.open_until(boottime() + 600)
        done = await asyncio.to_thread(until, lambda: _all_done(cluster, written()), 60)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await operator.gateway.close()
    assert done, "with the fence open, everything is written"


def _all_done(cluster: Cluster, found: dict[str, Any]) -> bool:
    return (
        {"RegisterScalableTarget", "PutScalingPolicy", "ModifyDBInstance"} <= set(found["aws"])
        and found["redis"][0] > 300
        and found["redis"][1] == "allkeys-lru"
        and bool(found["slack"])
    )


async def _list(operator: Operator) -> None:
    for plural in operator.plurals:
        bodies = await operator.kube.list_all(plural, [SPACE])
        operator.ingest.listed(plural, {}, bodies)
