"""Observe reads, Plan waits for its approval, Enforce acts; deletion leaves or reverts."""

import time
from datetime import datetime

from stack import shop
from tests.e2e.conftest import Space, is_set_up


def test_observe_only_reads(space: Space) -> None:
    space.with_service()

    space.apply("ScalingPolicy", "web", space.scaling(mode="Observe"))
    ready = space.wait_ready("scalingpolicy", "web")

    assert ready["reason"] == "Observed"
    assert space.condition("scalingpolicy", "web", "Drifted")["status"] == "True"
    plan = space.status("scalingpolicy", "web")["plan"]
    assert [action["blockedBy"] for action in plan["actions"]] == ["Mode", "Mode"]
    assert space.target() is None
    assert [c for c in space.calls() if c["mutating"] and not is_set_up(c)] == []


def test_plan_carries_out_exactly_what_was_approved(space: Space) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling(mode="Plan"))
    space.wait_ready("scalingpolicy", "web", reason="ChangePending")
    digest = space.status("scalingpolicy", "web")["plan"]["digest"]
    approve = ("annotate", "scalingpolicy", "web", "-n", space.name, "--overwrite")

    space.cluster.kubectl(*approve, "setpoint.dev/approve=ffffffffffff")
    space.poke("scalingpolicy", "web")
    assert space.target() is None

    space.cluster.kubectl(*approve, f"setpoint.dev/approve={digest}")
    space.wait_ready("scalingpolicy", "web", reason="InSync")
    assert "cpu-scaling" in space.policies()

    # The approval was for that plan: a changed spec needs another.
    space.apply("ScalingPolicy", "web", space.scaling(mode="Plan", capacity={"min": 2, "max": 40}))
    space.wait_ready("scalingpolicy", "web", reason="ChangePending")
    target = space.target()
    assert target is not None
    assert target["MaxCapacity"] == 20


def test_retain_leaves_everything(space: Space) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait_ready("scalingpolicy", "web")
    assert "finalizers" not in space.get("scalingpolicy", "web")["metadata"]

    space.cluster.kubectl("delete", "scalingpolicy", "web", "-n", space.name, "--timeout=10s")

    assert "cpu-scaling" in space.policies()


def test_revert_removes_what_was_created_and_restores_what_was_changed(space: Space) -> None:
    space.with_service()
    client = space.aws.boto3_client("application-autoscaling", shop.REGION)
    base = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/prod/{space.service}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    client.register_scalable_target(**base, MinCapacity=1, MaxCapacity=5)
    client.put_scaling_policy(
        **base,
        PolicyName="theirs",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 35.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
            },
        },
    )
    tracking = [{"metric": "CPU", "target": 60}, {"metric": "Memory", "target": 70}]
    spec = space.scaling(targetTracking=tracking, deletionPolicy="Revert")
    space.apply("ScalingPolicy", "web", spec)
    space.wait_ready("scalingpolicy", "web")
    # Adopted by the metric that it tracks, under its own name.
    assert sorted(space.policies()) == ["memory-scaling", "theirs"]

    space.cluster.kubectl("delete", "scalingpolicy", "web", "-n", space.name, "--timeout=20s")

    [policy] = space.policies().values()
    configured = policy["TargetTrackingScalingPolicyConfiguration"]
    assert (policy["PolicyName"], configured["TargetValue"]) == ("theirs", 35.0)
    target = space.target()
    assert target is not None
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 5)


def test_a_policy_that_the_spec_drops_is_removed_if_it_was_ours(space: Space) -> None:
    space.with_service()
    tracking = [{"metric": "CPU", "target": 60}, {"metric": "Memory", "target": 70}]
    space.apply("ScalingPolicy", "web", space.scaling(targetTracking=tracking))
    space.wait_ready("scalingpolicy", "web")

    space.apply("ScalingPolicy", "web", space.scaling())
    space.wait(lambda: sorted(space.policies()) == ["cpu-scaling"], "memory-scaling removed")

    applied = space.wait(lambda: _applied(space), "the record of it removed")
    assert "policy/memory-scaling" not in applied


def _applied(space: Space) -> set[str] | None:
    objects = {entry["object"] for entry in space.status("scalingpolicy", "web")["applied"]}
    return objects if "policy/memory-scaling" not in objects else None


def test_the_older_of_two_owns_the_service(space: Space) -> None:
    space.with_service()
    space.apply("ScalingPolicy", "older", space.scaling())
    space.wait_ready("scalingpolicy", "older")
    born = space.get("scalingpolicy", "older")["metadata"]["creationTimestamp"]
    later = datetime.fromisoformat(born).timestamp() + 1
    space.wait(lambda: time.time() >= later, "the next second, so that it is the older one")

    space.apply("ScalingPolicy", "younger", space.scaling(capacity={"min": 1, "max": 2}))
    refused = space.wait_ready("scalingpolicy", "younger", "False", "TargetConflict")

    assert f"{space.name}/older" in refused["message"]
    assert space.condition("scalingpolicy", "younger", "Stalled")["status"] == "True"
    space.cluster.kubectl("delete", "scalingpolicy", "older", "-n", space.name)
    space.wait_ready("scalingpolicy", "younger")
    target = space.target()
    assert target is not None
    assert target["MaxCapacity"] == 2
