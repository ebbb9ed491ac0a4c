"""What a ScalingPolicy does about what it sees."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, AppliedOp
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action, Key, Resource
from setpoint.scaling import metrics
from setpoint.scaling.decide import decide
from setpoint.scaling.model import Metrics, Observed, Service, Target
from setpoint.scaling.report import report
from setpoint.scaling.revert import revert

NOW = datetime(2026, 11, 23, 12, 3, 42, tzinfo=UTC)
EMPTY = Observed(
    account="1", region="r", resource_id="service/c/s", service=Service(3, 3), target=None,
    policies=[], has_schedules=False, metrics=Metrics(),
)  # fmt: skip


def resource(status: dict[str, Any] | None = None, **changes: Any) -> Resource[ScalingPolicySpec]:
    spec = {
        "target": {"ecs": {"cluster": "c", "service": "s"}},
        "capacity": {"min": 2, "max": 20},
        "targetTracking": [{"metric": "CPU", "target": 60}],
        **changes,
    }
    parsed = ScalingPolicySpec.model_validate(spec)
    return Resource(Key("scalingpolicies", "ns", "n"), "u", 1, NOW, parsed, status or {})


def policy(name: str, metric: str, target: float, **more: Any) -> dict[str, Any]:
    return {
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "ScaleOutCooldown": 300,
            "ScaleInCooldown": 300,
            **more,
        },
    }


CPU = "ECSServiceAverageCPUUtilization"
IN_SYNC = replace(EMPTY, target=Target(2, 20), policies=[policy("cpu-scaling", CPU, 60.0)])


def told(actions: Any) -> list[tuple[str, str, str, str]]:
    return [(str(a.op), a.object, a.from_, a.to) for a in actions]


def test_from_nothing_the_target_comes_first() -> None:
    assert told(decide(resource(), EMPTY).actions) == [
        ("Create", "scalable-target", "", "2-20"),
        ("Create", "policy/cpu-scaling", "", "CPU at 60%"),
    ]


def test_in_sync_is_no_action() -> None:
    assert decide(resource(), IN_SYNC).actions == []


def test_only_what_differs_is_changed() -> None:
    seen = replace(IN_SYNC, target=Target(1, 20))
    [action] = decide(resource(), seen).actions
    assert action.payload["operation"] == "register_scalable_target"
    assert action.record is not None
    assert json.loads(action.record.original) == {"min": 1, "max": 20}


def test_an_existing_policy_for_the_metric_keeps_its_name_and_its_own_fields() -> None:
    theirs = policy("prod-cpu", CPU, 50.0, DisableScaleIn=True)
    [action] = decide(resource(), replace(IN_SYNC, policies=[theirs])).actions
    assert told([action]) == [("Update", "policy/prod-cpu", "50", "60")]
    put = action.payload["parameters"]
    assert put["PolicyName"] == "prod-cpu"
    assert put["TargetTrackingScalingPolicyConfiguration"]["DisableScaleIn"] is True


def test_foreign_policies_are_left_alone_and_ours_go_when_the_spec_drops_them() -> None:
    step = {"PolicyName": "steps", "PolicyType": "StepScaling"}
    memory = policy("memory-scaling", "ECSServiceAverageMemoryUtilization", 70.0)
    seen = replace(IN_SYNC, policies=[*IN_SYNC.policies, step, memory])
    assert decide(resource(), seen).actions == []
    ours = {"applied": [{"object": "policy/memory-scaling", "field": "", "op": "Created"}]}
    [action] = decide(resource(ours), seen).actions
    assert told([action])[0][:2] == ("Delete", "policy/memory-scaling")


def test_samples_carry_their_units() -> None:
    seen = replace(EMPTY, metrics=Metrics(93.4, None, 1.4, 7.25, 5000))
    samples = {
        s.rule: (s.shown, s.shown_threshold, s.breached) for s in decide(resource(), seen).samples
    }
    assert samples == {
        "cpu": ("93%", "80%", True),
        "memory": ("no data", "80%", None),
        "responseTime": ("1400ms", "1000ms", True),
        "errorRate": ("7.2%", "5.0%", True),
    }


def test_the_window_is_aligned_and_leaves_the_newest_period_out() -> None:
    start, end = metrics.window(NOW)
    assert (start.isoformat(), end.isoformat()) == (
        "2026-11-23T11:57:00+00:00",
        "2026-11-23T12:02:00+00:00",
    )


def read(**values: list[float]) -> Metrics:
    return metrics.read(
        [{"Id": k, "Values": v, "StatusCode": "Complete"} for k, v in values.items()]
    )


def test_no_data_is_not_zero() -> None:
    assert metrics.read([]) == Metrics()
    assert read(cpu=[], memory=[], requests=[], errors=[]) == Metrics()


def test_means_sums_and_the_error_rate() -> None:
    found = read(cpu=[40.0, 60.0], response=[0.2, 0.4], requests=[50.0, 50.0], errors=[5.0])
    assert found.cpu == 50
    assert found.response_time == pytest.approx(0.3)
    assert (found.error_rate, found.requests) == (5.0, 100)
    assert read(requests=[100.0], errors=[]).error_rate == 0, "requests, and no error"
    assert read(requests=[10.0], errors=[5.0]).error_rate is None, "too few to tell"
    assert read(requests=[], errors=[5.0]).error_rate is None


def test_a_result_may_come_in_several_pages() -> None:
    pages = [
        {"Id": "cpu", "Values": [10.0, 20.0], "StatusCode": "PartialData"},
        {"Id": "cpu", "Values": [30.0], "StatusCode": "Complete"},
    ]
    assert metrics.read(pages).cpu == 20


def test_metrics_that_cannot_be_read_do_not_stop_the_rest() -> None:
    failure = Failure(Reason.ACCESS_DENIED, "AWS denies it")
    seen = replace(EMPTY, failures=[failure])
    before = {"metrics": {"cpu": "40%", "window": "5m"}}
    decision = decide(resource(before), seen)
    assert (len(decision.actions), decision.failures) == (2, [failure])
    assert all(sample.breached is None for sample in decision.samples)
    shown = report(resource(before), seen, Display(NOW)).metrics
    assert shown is not None
    assert shown.cpu == "40%", "what was known stays"


def test_a_name_that_is_taken_is_not_overwritten() -> None:
    taken = [{"PolicyName": name, "PolicyType": "StepScaling"} for name in ("cpu-scaling", "x")]
    [action] = decide(resource(), replace(IN_SYNC, policies=taken)).actions
    assert told([action])[0][:2] == ("Create", "policy/cpu-scaling-2")
    assert action.payload["parameters"]["PolicyName"] == "cpu-scaling-2"


def test_a_partial_result_is_no_data() -> None:
    partial = [{"Id": "cpu", "Values": [99.0], "StatusCode": "PartialData"}]
    assert metrics.read(partial).cpu is None


def test_both_dimensions_and_no_unit() -> None:
    [cpu, memory] = metrics.queries("c", "s", None)
    for query in (cpu, memory):
        names = [d["Name"] for d in query["MetricStat"]["Metric"]["Dimensions"]]
        assert names == ["ClusterName", "ServiceName"]
        assert "Unit" not in query["MetricStat"]


def created(name: str) -> Applied:
    return Applied(object=name, field="", op=AppliedOp.CREATED)


def operations(actions: list[Action]) -> list[str]:
    return [action.payload["operation"] for action in actions]


def test_revert_never_takes_what_is_not_ours() -> None:
    applied = [created("scalable-target"), created("policy/cpu-scaling")]
    assert operations(revert(IN_SYNC, applied)) == [
        "delete_scaling_policy",
        "deregister_scalable_target",
    ]
    foreign = replace(IN_SYNC, policies=[*IN_SYNC.policies, {"PolicyName": "theirs"}])
    assert operations(revert(foreign, applied)) == ["delete_scaling_policy"]
    scheduled = replace(IN_SYNC, has_schedules=True)
    assert operations(revert(scheduled, applied)) == ["delete_scaling_policy"]
    assert revert(EMPTY, applied) == [], "half of it is already gone"
