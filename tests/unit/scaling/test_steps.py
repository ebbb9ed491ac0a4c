"""Friendly steps become AWS's policies and alarms."""

from dataclasses import replace
from typing import Any

from tests.unit.scaling.seen import (
    IN_SYNC,
    created,
    decide,
    operations,
    resource,
    status_with,
    told,
)

from setpoint.scaling.revert import revert

STEPS: dict[str, Any] = {
    "name": "cpu-steps",
    "metric": "CPU",
    "steps": [
        {"above": 90, "add": 4},
        {"above": 80, "add": 2},
        {"below": 20, "remove": 1},
        {"below": "7.5", "remove": 3},
    ],
}


def planned(**changes: Any) -> list[Any]:
    return list(decide(resource(stepScaling=[{**STEPS, **changes}]), IN_SYNC).actions)


def configured(**changes: Any) -> list[dict[str, Any]]:
    found = [action.payload["parameters"] for action in planned(**changes)]
    return [one["StepScalingPolicyConfiguration"] for one in found if "PolicyName" in one]


def test_a_policy_and_an_alarm_for_each_direction() -> None:
    assert told(planned()) == [
        ("Create", "policy/cpu-steps-out", "", "CPU"),
        ("Create", "policy/cpu-steps-in", "", "CPU"),
        ("Create", "alarm/setpoint/service/c/s/DesiredCount/cpu-steps-out", "", "threshold 80"),
        ("Create", "alarm/setpoint/service/c/s/DesiredCount/cpu-steps-in", "", "threshold 20"),
    ]


def test_intervals_are_relative_to_the_threshold_and_leave_no_gap() -> None:
    out, back = configured()
    assert out == {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 2},
            {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 4},
        ],
        "Cooldown": 300,
        "MetricAggregationType": "Average",
    }  # fmt: skip
    assert back["StepAdjustments"] == [
        {"MetricIntervalLowerBound": -12.5, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1},
        {"MetricIntervalUpperBound": -12.5, "ScalingAdjustment": -3},
    ]  # fmt: skip


def test_shares_and_exact_numbers() -> None:
    [share] = configured(steps=[{"above": 80, "add": "20%"}], minAdjustment=2)
    assert share["AdjustmentType"] == "PercentChangeInCapacity"
    assert share["MinAdjustmentMagnitude"] == 2
    [exact] = configured(steps=[{"above": 80, "set": 10}], minAdjustment=2)
    assert (exact["AdjustmentType"], exact["StepAdjustments"][0]["ScalingAdjustment"]) == (
        "ExactCapacity",
        10,
    )
    assert "MinAdjustmentMagnitude" not in exact, "AWS takes it with shares only"


def test_the_alarm_looks_at_the_metric_and_sets_the_policy_off() -> None:
    alarm = planned()[2]
    assert alarm.payload["action_of"] == "cpu-steps-out"
    sent = alarm.payload["parameters"]
    assert (sent["Namespace"], sent["MetricName"], sent["Statistic"]) == (
        "AWS/ECS",
        "CPUUtilization",
        "Average",
    )
    assert (sent["Threshold"], sent["ComparisonOperator"]) == (80.0, "GreaterThanThreshold")
    assert (sent["Period"], sent["EvaluationPeriods"], sent["DatapointsToAlarm"]) == (60, 3, 3)
    assert sent["Tags"] == [{"Key": "setpoint.dev/owner", "Value": "ns/n"}]


def settled() -> tuple[dict[str, Any], Any]:
    """Status and AWS after the first round."""
    actions = planned()
    policies = [
        {**a.payload["parameters"], "PolicyARN": f"arn:{a.payload['policy']}"}
        for a in actions
        if a.payload["operation"] == "put_scaling_policy"
    ]
    alarms = {
        a.payload["parameters"]["AlarmName"]: {
            **a.payload["parameters"],
            "AlarmActions": [f"arn:{a.payload['action_of']}"],
            "StateValue": "OK",
        }
        for a in actions
        if a.payload["operation"] == "put_metric_alarm"
    }
    seen = replace(
        IN_SYNC,
        policies=[*IN_SYNC.policies, *policies],
        alarms={**(IN_SYNC.alarms or {}), **alarms},
    )
    return status_with(*(a.record for a in actions)), seen


def test_what_is_there_is_not_made_again() -> None:
    status, seen = settled()
    assert decide(resource(status, stepScaling=[STEPS]), seen).actions == []


def test_an_alarm_that_somebody_changed_or_deleted_is_put_again() -> None:
    status, seen = settled()
    name = "setpoint/service/c/s/DesiredCount/cpu-steps-out"
    wrongs: list[dict[str, Any]] = [
        {"Threshold": 95.0},
        {"ActionsEnabled": False},
        {"AlarmActions": []},
    ]
    for wrong in wrongs:
        touched = replace(seen, alarms={**seen.alarms, name: {**seen.alarms[name], **wrong}})
        [action] = decide(resource(status, stepScaling=[STEPS]), touched).actions
        assert (str(action.op), action.field) == ("Update", next(iter(wrong)))
        assert "Tags" not in action.payload["parameters"], "AWS takes them for a new alarm only"
    gone = replace(seen, alarms={k: v for k, v in seen.alarms.items() if k != name})
    [action] = decide(resource(status, stepScaling=[STEPS]), gone).actions
    assert (str(action.op), action.payload["operation"]) == ("Create", "put_metric_alarm")


def test_steps_that_the_spec_drops_go_alarms_first() -> None:
    status, seen = settled()
    assert operations(decide(resource(status), seen).actions) == [
        "delete_alarms",
        "delete_alarms",
        "delete_scaling_policy",
        "delete_scaling_policy",
    ]


def test_revert_goes_the_same_way() -> None:
    status, seen = settled()
    records = [created(entry["object"]) for entry in status["applied"]]
    assert (
        operations(revert(seen, records)) == ["delete_alarms"] * 2 + ["delete_scaling_policy"] * 2
    )


def test_metric_math_in_an_alarm_has_a_period() -> None:
    math = [
        {"id": "m", "metric": {"namespace": "AWS/SQS", "metricName": "Visible", "stat": "Sum"}},
        {"id": "e", "expression": "m / 2", "returnData": True},
    ]
    custom = {"name": "q", "custom": {"metrics": math}, "steps": [{"above": 1, "add": 1}]}
    actions = decide(resource(stepScaling=[custom]), IN_SYNC).actions
    metrics = actions[1].payload["parameters"]["Metrics"]
    assert metrics[0]["MetricStat"]["Period"] == 60
    assert "Period" not in actions[1].payload["parameters"]


def test_a_name_that_is_taken_gets_a_number_and_keeps_it() -> None:
    taken = {"PolicyName": "cpu-steps-out", "PolicyType": "TargetTrackingScaling"}
    status: dict[str, Any] = {}
    seen = replace(IN_SYNC, policies=[*IN_SYNC.policies, taken])
    for _ in range(3):
        actions = decide(resource(status, stepScaling=[STEPS]), seen).actions
        puts = [a for a in actions if a.payload["operation"] == "put_scaling_policy"]
        made = [
            {**a.payload["parameters"], "PolicyARN": f"arn:{a.payload['policy']}"} for a in puts
        ]
        status = status or status_with(*(a.record for a in actions if a.record))
        seen = replace(seen, policies=[*seen.policies, *made])
    names = [policy["PolicyName"] for policy in seen.policies]
    assert names == ["cpu-scaling", "cpu-steps-out", "cpu-steps-out-2", "cpu-steps-in"]


def test_long_names_keep_their_direction() -> None:
    long = {"ecs": {"cluster": "c" * 120, "service": "s" * 120}}
    of = resource(target=long, stepScaling=[{**STEPS, "name": "n" * 60}])
    names = [
        a.payload["parameters"]["AlarmName"]
        for a in decide(of, IN_SYNC).actions
        if a.payload["operation"] == "put_metric_alarm"
    ]
    assert len(set(names)) == 2
    assert all(len(name) <= 255 for name in names)
    assert [name[-4:] for name in names] == ["-out", "n-in"]


def test_what_the_spec_drops_is_dropped() -> None:
    shares = {**STEPS, "steps": [{"above": 80, "add": "20%"}]}
    of = resource(stepScaling=[{**shares, "minAdjustment": 2}])
    put = decide(of, IN_SYNC).actions[0].payload["parameters"]
    seen = replace(IN_SYNC, policies=[*IN_SYNC.policies, put], alarms=None)
    ours = status_with(created("policy/cpu-steps-out"))
    [action] = decide(resource(ours, stepScaling=[shares]), seen).actions
    assert action.field == "MinAdjustmentMagnitude"
    sent = action.payload["parameters"]["StepScalingPolicyConfiguration"]
    assert "MinAdjustmentMagnitude" not in sent
    counted = {**STEPS, "steps": [{"above": 80, "add": 3}]}
    [action] = decide(resource(stepScaling=[counted]), seen).actions
    sent = action.payload["parameters"]["StepScalingPolicyConfiguration"]
    assert sent["AdjustmentType"] == "ChangeInCapacity"
    assert "MinAdjustmentMagnitude" not in sent, "AWS takes it with shares only"


def test_alarms_that_cannot_be_listed_are_deleted_all_the_same() -> None:
    status, seen = settled()
    records = [created(entry["object"]) for entry in status["applied"]]
    blind = replace(seen, alarms=None)
    assert operations(revert(blind, records))[:2] == ["delete_alarms"] * 2
