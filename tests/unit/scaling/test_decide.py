"""What a ScalingPolicy does about what it sees."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.scaling.seen import (
    CPU,
    ECS,
    EMPTY,
    IN_SYNC,
    MEMORY,
    NOW,
    changed,
    created,
    decide,
    operations,
    policy,
    resource,
    status_with,
    told,
    with_policies,
)

from setpoint.api.conditions import ConditionStatus, Reason
from setpoint.api.scalingpolicy import ScalingPolicySpec
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure
from setpoint.scaling import support
from setpoint.scaling.model import Memory, Metrics, Service, Target, scalable_id
from setpoint.scaling.report import report
from setpoint.scaling.revert import revert


def test_from_nothing_the_target_comes_first() -> None:
    actions = decide(resource(), EMPTY).actions
    assert told(actions) == [
        ("Create", "scalable-target", "", "2-20"),
        ("Create", "policy/cpu-scaling", "", "CPU at 60"),
    ]
    register = actions[0].payload["parameters"]
    assert (register["MinCapacity"], register["MaxCapacity"]) == (2, 20)
    assert register["Tags"] == {"setpoint.dev/owner": "ns/n", "setpoint.dev/uid": "u"}


def test_in_sync_is_no_action() -> None:
    assert decide(resource(), IN_SYNC).actions == []


def test_only_what_differs_is_changed() -> None:
    seen = replace(IN_SYNC, target=Target(1, 20))
    [action] = decide(resource(), seen).actions
    assert action.payload["operation"] == "register_scalable_target"
    assert action.record is not None
    assert json.loads(action.record.original) == {"min": 1, "max": 20, "suspended": []}
    sent = action.payload["parameters"]
    assert "SuspendedState" not in sent, "what does not differ is not sent"
    assert "Tags" not in sent, "AWS takes them at the first registration only"


def test_an_existing_policy_for_the_metric_keeps_its_name_and_its_own_fields() -> None:
    theirs = policy("prod-cpu", CPU, 50.0, DisableScaleIn=True)
    [action] = decide(resource(), with_policies(theirs)).actions
    assert told([action]) == [("Update", "policy/prod-cpu", "50", "60")]
    put = action.payload["parameters"]
    assert put["PolicyName"] == "prod-cpu"
    assert put["TargetTrackingScalingPolicyConfiguration"]["DisableScaleIn"] is True


def test_foreign_policies_are_left_alone_and_ours_go_when_the_spec_drops_them() -> None:
    step = {"PolicyName": "steps", "PolicyType": "StepScaling"}
    memory = policy("memory-scaling", MEMORY, 70.0)
    seen = with_policies(*IN_SYNC.policies, step, memory)
    assert decide(resource(), seen).actions == []
    [action] = decide(resource(status_with(created("policy/memory-scaling"))), seen).actions
    assert told([action])[0][:2] == ("Delete", "policy/memory-scaling")


def test_samples_carry_their_units() -> None:
    seen = replace(IN_SYNC, metrics=Metrics(93.4, None, 1.4, 7.25, 5000))
    samples = {
        s.rule: (s.shown, s.shown_threshold, s.breached) for s in decide(resource(), seen).samples
    }
    assert samples == {
        "cpu": ("93%", "80%", True),
        "memory": ("no data", "80%", None),
        "responseTime": ("1400ms", "1000ms", True),
        "errorRate": ("7.2%", "5.0%", True),
        "scalingLimited": ("below the maximum of 20", "below the maximum", False),
    }


def test_metrics_that_cannot_be_read_do_not_stop_the_rest() -> None:
    failure = Failure(Reason.ACCESS_DENIED, "AWS denies it")
    seen = replace(EMPTY, failures=[failure], measured=False)
    before = {"metrics": {"cpu": "40%", "window": "5m"}}
    decision = decide(resource(before), seen)
    assert (len(decision.actions), decision.failures) == (2, [failure])
    assert all(sample.breached is None for sample in decision.samples)
    shown = report(resource(before), seen, Display(NOW)).metrics
    assert shown is not None
    assert shown.cpu == "40%", "what was known stays"


def test_a_name_that_is_taken_is_not_overwritten() -> None:
    taken = [{"PolicyName": name, "PolicyType": "StepScaling"} for name in ("cpu-scaling", "x")]
    [action] = decide(resource(), with_policies(*taken)).actions
    assert told([action])[0][:2] == ("Create", "policy/cpu-scaling-2")
    assert action.payload["parameters"]["PolicyName"] == "cpu-scaling-2"


def test_revert_never_takes_what_is_not_ours() -> None:
    applied = [created("scalable-target"), created("policy/cpu-scaling")]
    assert operations(revert(IN_SYNC, applied)) == [
        "delete_scaling_policy",
        "deregister_scalable_target",
    ]
    foreign = replace(IN_SYNC, policies=[*IN_SYNC.policies, {"PolicyName": "theirs"}])
    assert operations(revert(foreign, applied)) == ["delete_scaling_policy"]
    scheduled = replace(IN_SYNC, schedules=[{"ScheduledActionName": "theirs"}])
    assert operations(revert(scheduled, applied)) == ["delete_scaling_policy"]
    assert revert(EMPTY, applied) == [], "half of it is already gone"


def test_a_policy_of_our_own_is_kept_whole_and_an_adopted_one_where_the_spec_speaks() -> None:
    held = policy("cpu-scaling", CPU, 60.0, DisableScaleIn=True)
    assert decide(resource(), with_policies(held)).actions == [], "somebody wanted it so"
    [action] = decide(
        resource(status_with(created("policy/cpu-scaling"))), with_policies(held)
    ).actions
    assert told([action]) == [("Update", "policy/cpu-scaling", "true", "false")]
    asked = resource(targetTracking=[{"metric": "CPU", "target": 60, "disableScaleIn": False}])
    assert told(decide(asked, with_policies(held)).actions)[0][2:] == ("true", "false")


def test_flags_that_the_spec_does_not_name_are_left_and_told() -> None:
    seen = replace(IN_SYNC, target=Target(2, 20, frozenset({"scaleIn"})))
    decision = decide(resource(), seen)
    assert decision.actions == []
    assert [(f.id, f.object) for f in decision.findings] == [("ScalingSuspended", "scaleIn")]
    wanted = {"min": 2, "max": 20, "suspended": {"scaleIn": False, "schedules": True}}
    decision = decide(resource(capacity=wanted), seen)
    [action] = decision.actions
    assert action.payload["parameters"]["SuspendedState"] == {
        "DynamicScalingInSuspended": False,
        "ScheduledScalingSuspended": True,
    }
    assert "MinCapacity" not in action.payload["parameters"]
    assert decision.findings == []


def test_the_short_and_the_long_form_of_a_service_are_the_same_target() -> None:
    long = {
        "serviceNamespace": "ecs",
        "resourceId": "service/c/s",
        "scalableDimension": "ecs:service:DesiredCount",
    }
    assert scalable_id(resource(target={"scalableTarget": long}).spec.target) == ECS


DYNAMODB = {
    "serviceNamespace": "dynamodb",
    "resourceId": "table/orders",
    "scalableDimension": "dynamodb:table:ReadCapacityUnits",
}
READS = "DynamoDBReadCapacityUtilization"


def table(**changes: Any) -> ScalingPolicySpec:
    wanted = {"targetTracking": [{"metric": READS, "target": 70}], **changes}
    return resource(
        target={"scalableTarget": {**DYNAMODB, **wanted.pop("scalable", {})}}, **wanted
    ).spec


def test_another_service_of_aws_is_scaled_by_its_own_metric() -> None:
    of = resource(
        target={"scalableTarget": DYNAMODB}, targetTracking=[{"metric": READS, "target": 70}]
    )
    seen = replace(EMPTY, id=scalable_id(of.spec.target), service=None)
    decision = decide(of, seen)
    put = decision.actions[1].payload["parameters"]
    assert put["ScalableDimension"] == "dynamodb:table:ReadCapacityUnits"
    assert put["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": READS},
        "DisableScaleIn": False,
    }, "cooldowns are AWS's own unless the spec says otherwise"
    assert support.problem(of.spec) is None
    shown = report(of, replace(seen, target=Target(5, 50)), Display(NOW))
    assert shown.resource == "dynamodb/table/orders"
    assert shown.capacity is not None
    assert shown.capacity.summary == "5-50"


STEPS = {
    "name": "q",
    "custom": {"namespace": "n", "metricName": "m"},
    "steps": [{"above": 1, "add": 1}],
}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (table(scalable={"scalableDimension": "rds:cluster:ReadReplicaCount"}), "no dimension of"),
        (table(scalable={"resourceId": "cluster:orders"}), "should have the form of table/"),
        (table(targetTracking=[{"metric": "CPU", "target": 70}]), "no metric that AWS predefines"),
        (table(stepScaling=[STEPS]), "no StepScaling policies for dynamodb"),
        (table(predictiveScaling=[{"metric": "CPU", "target": 1}]), "no PredictiveScaling"),
        (resource(targetTracking=[{"metric": "RequestCountPerTarget", "target": 9}]).spec, "resourceLabel"),
        (resource(schedules=[{"name": "s", "schedule": "cron(0 8 * * * *)", "min": 1}]).spec, "schedule s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_aws_does_not_support_is_said_before_any_call(
    spec: ScalingPolicySpec, said: str
) -> None:
    problem = support.problem(spec)
    assert problem is not None
    assert said in problem


def test_request_counts_take_their_label_from_the_load_balancer() -> None:
    balancer = {"loadBalancer": "app/a/1", "targetGroup": "targetgroup/t/2"}
    of = resource(
        targetTracking=[{"metric": "RequestCountPerTarget", "target": 500}],
        metrics={"loadBalancer": balancer},
    )
    [action] = decide(of, with_policies()).actions
    assert action.payload["parameters"]["PolicyName"] == "request-count-scaling"
    configured = action.payload["parameters"]["TargetTrackingScalingPolicyConfiguration"]
    assert configured["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "ALBRequestCountPerTarget",
        "ResourceLabel": "app/a/1/targetgroup/t/2",
    }


def test_metric_math_is_adopted_whatever_the_order_of_its_queries() -> None:
    visible = {
        "id": "visible",
        "metric": {"namespace": "AWS/SQS", "metricName": "Visible", "dimensions": {"QueueName": "q"}, "stat": "Sum"},
    }  # fmt: skip
    ratio = {"id": "each", "expression": "visible / 3", "returnData": True}
    wanted = {"metric": "QueuePerTask", "target": "2.5", "custom": {"metrics": [visible, ratio]}}
    of = resource(targetTracking=[wanted])
    [action] = decide(of, with_policies()).actions
    put = action.payload["parameters"]
    assert put["PolicyName"] == "queue-per-task-scaling"
    configured = put["TargetTrackingScalingPolicyConfiguration"]
    assert configured["TargetValue"] == 2.5
    math = configured["CustomizedMetricSpecification"]["Metrics"]
    assert [(one["Id"], one["ReturnData"]) for one in math] == [("visible", False), ("each", True)]
    theirs = {**put, "PolicyName": "theirs", "Alarms": []}
    swapped = {**configured, "CustomizedMetricSpecification": {"Metrics": math[::-1]}}
    theirs["TargetTrackingScalingPolicyConfiguration"] = swapped
    seen = replace(with_policies(theirs), alarms=None)
    assert decide(of, seen).actions == []


def test_predictive_scaling_forecasts_only_unless_asked() -> None:
    of = resource(predictiveScaling=[{"metric": "CPU", "target": 55}])
    [action] = decide(of, IN_SYNC).actions
    put = action.payload["parameters"]
    assert (put["PolicyName"], put["PolicyType"]) == ("cpu-forecast", "PredictiveScaling")
    configured = put["PredictiveScalingPolicyConfiguration"]
    assert configured["Mode"] == "ForecastOnly"
    assert configured["MetricSpecifications"] == [
        {
            "TargetValue": 55.0,
            "PredefinedMetricPairSpecification": {
                "PredefinedMetricType": "ECSServiceCPUUtilization"
            },
        }
    ]
    theirs = {**put, "PolicyName": "theirs"}
    seen = replace(IN_SYNC, policies=[*IN_SYNC.policies, theirs])
    assert decide(of, seen).actions == [], "it is adopted by its metric"
    acting = resource(
        predictiveScaling=[{"metric": "CPU", "target": 55, "mode": "ForecastAndScale"}]
    )
    [action] = decide(acting, seen).actions
    assert (action.field, action.from_, action.to) == ("Mode", "ForecastOnly", "ForecastAndScale")


def test_a_buffer_goes_with_the_behaviour_that_has_one() -> None:
    increase = {
        "metric": "CPU",
        "target": 5,
        "maxCapacityBreach": "IncreaseMaxCapacity",
        "maxCapacityBuffer": 10,
    }
    [action] = decide(resource(predictiveScaling=[increase]), IN_SYNC).actions
    put = action.payload["parameters"]
    assert put["PredictiveScalingPolicyConfiguration"]["MaxCapacityBuffer"] == 10
    seen = replace(IN_SYNC, policies=[*IN_SYNC.policies, put])
    back = resource(
        status_with(created("policy/cpu-forecast")),
        predictiveScaling=[{"metric": "CPU", "target": 5}],
    )
    [action] = decide(back, seen).actions
    sent = action.payload["parameters"]["PredictiveScalingPolicyConfiguration"]
    assert sent["MaxCapacityBreachBehavior"] == "HonorMaxCapacity"
    assert "MaxCapacityBuffer" not in sent


def test_a_policy_that_lost_its_alarms_is_put_again_and_not_for_ever() -> None:
    seen = replace(IN_SYNC, alarms={"cpu-scaling-high": {}})
    [action] = decide(resource(), seen).actions
    assert (action.field, action.from_) == ("alarms", "1 missing")
    assert action.payload["repair"] is True
    tired = decide(resource(), seen, Memory(repairs={"cpu-scaling": 2}))
    assert tired.actions == []
    assert [(f.id, str(f.severity)) for f in tired.findings] == [("AlarmsMissing", "Critical")]
    assert tired.memory.repairs == {"cpu-scaling": 2}
    assert decide(resource(), IN_SYNC, tired.memory).memory.repairs == {}, "they are back"


@pytest.mark.parametrize(
    "seen",
    [
        replace(IN_SYNC, alarms=None),
        replace(IN_SYNC, alarms={}, unlisted=frozenset({"cpu-scaling"})),
        replace(IN_SYNC, alarms={"cpu-scaling-high": {}}, policies=[
            {**policy("cpu-scaling", CPU, 60.0, DisableScaleIn=True), "Alarms": [{"AlarmName": "cpu-scaling-high"}]}
        ]),
    ],
    ids=["not read", "just put", "only the high one"],
)  # fmt: skip
def test_alarms_that_need_not_be_there(seen: Any) -> None:
    assert decide(resource(), seen).actions == []


def test_no_task_and_only_cpu_never_wakes_up() -> None:
    capacity = {"min": 0, "max": 20}
    seen = replace(IN_SYNC, target=Target(0, 20))
    [finding] = decide(resource(capacity=capacity), seen).findings
    assert finding.id == "ZeroMinimum"
    awake = [
        {"metric": "RequestCountPerTarget", "target": 5, "resourceLabel": "app/a/1/targetgroup/t/2"}
    ]
    assert decide(resource(capacity=capacity, targetTracking=awake), seen).findings[:1] != [finding]


def test_what_others_added_is_told_and_left() -> None:
    step = {"PolicyName": "steps", "PolicyType": "StepScaling"}
    strange = {"PolicyName": "new", "PolicyType": "QuantumScaling"}
    seen = replace(
        IN_SYNC,
        policies=[*IN_SYNC.policies, step, strange],
        schedules=[{"ScheduledActionName": "theirs", "Schedule": "rate(1 day)", "ScalableTargetAction": {}}],
    )  # fmt: skip
    decision = decide(resource(), seen)
    assert decision.actions == []
    assert [(f.id, f.object) for f in decision.findings] == [
        ("ForeignPolicy", "policy/steps"),
        ("ForeignPolicy", "policy/new"),
        ("ForeignSchedule", "schedule/theirs"),
    ]
    assert "QuantumScaling" not in decision.findings[1].evidence


def test_a_tag_proves_what_status_has_lost() -> None:
    revert: dict[str, Any] = {"deletionPolicy": "Revert"}
    [target, policy] = decide(resource(**revert), replace(IN_SYNC, is_tagged=True)).records
    assert (target.object, str(target.op)) == ("scalable-target", "Created")
    assert (policy.object, str(policy.op)) == ("policy/cpu-scaling", "Changed")
    known = resource(status_with(changed("scalable-target", {"min": 1, "max": 2})), **revert)
    [policy] = decide(known, replace(IN_SYNC, is_tagged=True)).records
    assert policy.object == "policy/cpu-scaling"
    assert decide(resource(), replace(IN_SYNC, is_tagged=True)).records == [], "only to revert"


def test_at_the_maximum_and_overloaded_is_limited() -> None:
    full = replace(IN_SYNC, service=Service(20, 20), metrics=Metrics(cpu=85.0, tasks=20.0))
    decision = decide(resource(), full)
    [condition] = decision.conditions
    assert (condition.status, condition.reason) == (ConditionStatus.TRUE, Reason.AT_MAXIMUM)
    assert [s.breached for s in decision.samples if s.rule == "scalingLimited"] == [True]
    calm = replace(full, metrics=Metrics(cpu=50.0, tasks=20.0))
    assert decide(resource(), calm).conditions[0].status is ConditionStatus.FALSE


def activity(minutes: float, code: str = "", status: str = "Successful") -> dict[str, Any]:
    reasons = [{"Code": code, "MaxCapacity": 20, "CurrentCapacity": 20}] if code else []
    return {
        "StartTime": NOW - timedelta(minutes=minutes),
        "StatusCode": status,
        "NotScaledReasons": reasons,
    }


@pytest.mark.parametrize(
    ("activities", "limited"),
    [
        ([activity(2, "AlreadyAtMaxCapacity")], True),
        ([activity(2, "AlreadyAtDesiredCapacity"), activity(4, "AlreadyAtMaxCapacity")], True),
        ([activity(2), activity(4, "AlreadyAtMaxCapacity")], False),
        ([activity(40, "AlreadyAtMaxCapacity")], False),
        ([activity(2, "SomethingNew", "Strange")], False),
        ([], False),
    ],
)
def test_what_aws_could_not_scale_says_so(activities: list[Any], limited: bool) -> None:
    full = replace(IN_SYNC, service=Service(20, 20), activities=activities)
    [condition] = decide(resource(), full).conditions
    assert (condition.status is ConditionStatus.TRUE) == limited
    room = replace(full, service=Service(5, 5))
    assert decide(resource(), room).conditions[0].status is ConditionStatus.FALSE


def test_the_last_activity_is_one_that_changed_something() -> None:
    seen = replace(
        IN_SYNC, activities=[activity(1, "AlreadyAtMaxCapacity"), activity(9, status="Failed")]
    )
    shown = report(resource(), seen, Display(NOW)).last_activity
    assert shown is not None
    assert (shown.time, shown.result) == ("2026-11-23T11:54:42Z", "Failed")


RAISED = {
    "metric": "CPU", "target": 5, "mode": "ForecastAndScale",
    "maxCapacityBreach": "IncreaseMaxCapacity", "maxCapacityBuffer": 10,
}  # fmt: skip


def test_a_maximum_that_a_forecast_raised_is_never_lowered() -> None:
    """Lowering it would end tasks that run."""
    of = resource(predictiveScaling=[RAISED])
    put = decide(of, IN_SYNC).actions[0].payload["parameters"]
    seen = replace(IN_SYNC, policies=[*IN_SYNC.policies, put], target=Target(1, 44))
    [action] = decide(of, seen).actions
    assert (action.from_, action.to) == ("1-44", "2-44")
    sent = action.payload["parameters"]
    assert sent["MinCapacity"] == 2
    assert "MaxCapacity" not in sent


def test_only_the_bound_that_differs_is_sent() -> None:
    [action] = decide(resource(), replace(IN_SYNC, target=Target(2, 99))).actions
    assert "MinCapacity" not in action.payload["parameters"]
    assert action.payload["parameters"]["MaxCapacity"] == 20


def test_bounds_that_were_accounted_for_stay_so() -> None:
    """Somebody edits the schedule that has set them: it is not for us to move capacity then."""
    ready = {"type": "Ready", "status": "True", "observedGeneration": 1}
    status = {
        "effectiveBounds": {"min": 6, "max": 20, "source": "Schedule/theirs"},
        "conditions": [ready],
    }
    edited = {
        "ScheduledActionName": "theirs",
        "Schedule": "rate(1 day)",
        "ScalableTargetAction": {"MinCapacity": 7},
    }
    seen = replace(IN_SYNC, target=Target(6, 20), schedules=[edited])
    assert decide(resource(status), seen).actions == []
    for other in ({"observedGeneration": 0}, {"status": "False"}):
        changed_spec = {**status, "conditions": [{**ready, **other}]}
        assert decide(resource(changed_spec), seen).actions != [], "a spec not carried out yet"
    by_hand = replace(seen, target=Target(5, 20))
    assert decide(resource(status), by_hand).actions != []


def test_suspended_schedules_do_not_set_bounds() -> None:
    morning = {
        "ScheduledActionName": "m", "Schedule": "cron(0 8 * * ? *)", "ScalableTargetAction": {"MinCapacity": 7},
        "CreationTime": NOW - timedelta(days=9),
    }  # fmt: skip
    held = replace(IN_SYNC, target=Target(1, 20, frozenset({"schedules"})), schedules=[morning])
    [action] = decide(resource(), held).actions
    assert action.to == "2-20"


def test_two_policies_for_one_metric_are_refused() -> None:
    same = {"custom": {"namespace": "App", "metricName": "Depth"}, "target": 5}
    of = resource(targetTracking=[{"metric": "A", **same}, {"metric": "B", **same}])
    assert "keep one of the two" in str(support.problem(of.spec))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"targetTracking": [{"metric": "CPU", "target": "150"}]}, "at most 100"),
        ({"targetTracking": [{"metric": "CPU", "target": "0"}]}, "above 0"),
        ({"predictiveScaling": [{"metric": "CPU", "target": 101}]}, "at most 100"),
        ({"stepScaling": [{"name": "s", "metric": "CPU", "steps": [{"above": 8, "add": 1}] * 2}]}, "same value"),
        ({"stepScaling": [{"name": "s", "metric": "CPU", "steps": [{"above": 8, "add": 1}, {"below": 9, "remove": 1}]}]}, "both would act"),
        ({"stepScaling": [{"name": "s", "metric": "CPU", "period": "45s", "steps": [{"above": 8, "add": 1}]}]}, "period must be"),
        ({"stepScaling": [{"name": "s", "metric": "CPU", "period": "24h", "evaluations": 2, "steps": [{"above": 8, "add": 1}]}]}, "longer than a day"),
        ({"stepScaling": [{"name": "s", "metric": "CPU", "minAdjustment": 2, "steps": [{"above": 8, "add": 1}]}]}, "goes with shares"),
        ({"targetTracking": [{"metric": CPU, "target": 60}]}, "no metric that AWS predefines"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_values_that_aws_would_refuse(changes: dict[str, Any], said: str) -> None:
    assert said in str(support.problem(resource(**changes).spec))


def test_a_metric_that_is_edited_keeps_its_policy() -> None:
    def queue(name: str) -> dict[str, Any]:
        custom = {"namespace": "App", "metricName": "Depth", "dimensions": {"Queue": name}}
        return {"metric": "Depth", "name": "my-name", "target": 5, "custom": custom}

    put = (
        decide(resource(targetTracking=[queue("a")]), with_policies())
        .actions[0]
        .payload["parameters"]
    )
    seen = replace(with_policies(put), alarms=None)
    ours = status_with(created("policy/my-name"))
    [action] = decide(resource(ours, targetTracking=[queue("b")]), seen).actions
    assert (str(action.op), action.object) == ("Update", "policy/my-name")


def test_records_of_what_is_gone_are_forgotten() -> None:
    ours = status_with(
        created("policy/old"), created("schedule/old"), created("policy/cpu-scaling")
    )
    assert set(decide(resource(ours), IN_SYNC).forgotten) == {"policy/old", "schedule/old"}


def test_a_service_that_is_gone_stops_the_plan_and_not_the_revert() -> None:
    gone = replace(
        IN_SYNC, service=None, missing=Failure(Reason.TARGET_NOT_FOUND, "no such service")
    )
    decision = decide(resource(), gone)
    assert decision.actions == ()
    assert [failure.reason for failure in decision.failures] == [Reason.TARGET_NOT_FOUND]
    applied = [created("scalable-target"), created("policy/cpu-scaling")]
    assert operations(revert(gone, applied)) == [
        "delete_scaling_policy",
        "deregister_scalable_target",
    ]


def test_the_maximum_holds_while_the_metric_swings_around_its_target() -> None:
    full = replace(IN_SYNC, service=Service(20, 20), metrics=Metrics(cpu=59.0, tasks=20.0))
    before = {"conditions": [{"type": "ScalingLimited", "status": "True"}]}
    assert decide(resource(before), full).conditions[0].status is ConditionStatus.TRUE
    assert decide(resource(), full).conditions[0].status is ConditionStatus.FALSE
    calm = replace(full, metrics=Metrics(cpu=50.0, tasks=20.0))
    assert decide(resource(before), calm).conditions[0].status is ConditionStatus.FALSE


def test_what_cannot_be_kept_is_not_overwritten() -> None:
    math = [
        {"id": f"m{n}", "metric": {"namespace": "App", "metricName": "x" * 250, "stat": "Sum", "dimensions": {"d" * 250: "v" * 250}}}
        for n in range(9)
    ]  # fmt: skip
    custom = {"metrics": [*math, {"id": "e", "expression": "m0", "returnData": True}]}
    wanted = {"metric": "Long", "target": 5, "custom": custom}
    put = (
        decide(resource(targetTracking=[wanted]), with_policies()).actions[0].payload["parameters"]
    )
    config = put["TargetTrackingScalingPolicyConfiguration"]
    theirs = {
        **put,
        "PolicyName": "theirs",
        "TargetTrackingScalingPolicyConfiguration": {**config, "TargetValue": 9.0},
    }
    [action] = decide(
        resource(targetTracking=[wanted]), replace(with_policies(theirs), alarms=None)
    ).actions
    assert action.record is not None, "what it looks at stays, so it need not be kept"
    assert len(action.record.original) < 200
