"""Nothing is written for nothing."""

import json

from stack import shop
from stack.postgres import PostgresServer
from stack.redis import RedisServer
from tests.e2e.conftest import Space, is_set_up


def test_an_unchanged_round_writes_nothing(
    space: Space, database: tuple[str, str], postgres: PostgresServer, cache: RedisServer
) -> None:
    name, uri = database
    shop.scan_table(postgres, name)
    shop.fill_cache(cache, 500)
    authority = postgres.ca_file.read_text()
    space.with_service()
    space.secret("db", uri=uri, ca_crt=authority)
    space.secret("redis", url=cache.url(), ca_crt=authority)
    space.apply("ScalingPolicy", "web", space.scaling())
    space.apply("DBTuning", "orders", {"postgres": {"secretRef": {"name": "db"}}})
    space.apply("CacheTuning", "sessions", {"redis": {"secretRef": {"name": "redis"}}})
    kinds = {"scalingpolicy": "web", "dbtuning": "orders", "cachetuning": "sessions"}
    for kind, resource in kinds.items():
        space.wait_ready(kind, resource)
    shop.use_cache(cache, hits=800, misses=200, seed=1)
    for kind, resource in kinds.items():
        space.poke(kind, resource)
    space.wait(lambda: _state(space) == "OK", "a hit rate")
    for kind, resource in kinds.items():
        space.poke(kind, resource)

    writes, sequence = len(space.writes()), space.aws.last_call()
    for round_ in range(3):
        shop.use_cache(cache, hits=820, misses=180 + 10 * round_, seed=round_)
        shop.scan_table(postgres, name, 40)
        shop.set_service_load(space.aws, "prod", space.service, cpu=41 + round_, memory=50.5)
        for kind, resource in kinds.items():
            space.poke(kind, resource)

    made = space.writes()[writes:]
    # Each request is echoed in lastHandledReconcileAt: that, and nothing else, is written.
    assert len(made) == 3 * len(kinds)
    assert space.mutations(sequence) == []


def _state(space: Space) -> str:
    state: str = space.status("cachetuning", "sessions")["cache"]["state"]
    return state


def test_a_round_by_its_interval_writes_nothing_at_all(space: Space) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling(interval="10s"))
    space.wait_ready("scalingpolicy", "web")
    writes, sequence = len(space.writes()), space.aws.last_call()

    shop.set_service_load(space.aws, "prod", space.service, cpu=43, memory=52)

    def rounds() -> int:
        return sum(1 for c in space.calls(sequence) if c["operation"] == "DescribeScalableTargets")

    space.wait(lambda: rounds() >= 2, "two rounds")

    assert space.writes()[writes:] == []
    assert space.mutations(sequence) == []


def test_a_change_is_one_patch(space: Space) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait_ready("scalingpolicy", "web")
    writes = len(space.writes())

    space.apply("ScalingPolicy", "web", space.scaling(capacity={"min": 2, "max": 30}))
    space.wait_ready("scalingpolicy", "web")

    [patch] = space.writes()[writes:]
    assert (patch["verb"], patch["objectRef"]["subresource"]) == ("patch", "status")


def test_applying_the_same_again_changes_nothing(space: Space) -> None:
    space.with_service()
    body = space.manifest("ScalingPolicy", "web", space.scaling())
    text = json.dumps(body)
    space.cluster.kubectl("apply", "-f", "-", stdin=text)
    space.wait_ready("scalingpolicy", "web")

    assert "unchanged" in space.cluster.kubectl("apply", "-f", "-", stdin=text).stdout


def test_a_suspended_resource_is_left_alone(space: Space) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait_ready("scalingpolicy", "web")
    sequence = space.aws.last_call()

    space.apply("ScalingPolicy", "web", space.scaling(suspend=True, capacity={"min": 3, "max": 9}))
    space.wait_ready("scalingpolicy", "web")  # the conditions stay, for the new generation
    target = space.target()
    assert target is not None
    assert target["MaxCapacity"] == 20
    assert [call for call in space.calls(sequence) if not is_set_up(call)] == []

    space.apply("ScalingPolicy", "web", space.scaling(suspend=False, capacity={"min": 3, "max": 9}))
    space.wait(lambda: (space.target() or {})["MaxCapacity"] == 9, "the change after the pause")
