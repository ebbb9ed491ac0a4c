"""Scalable targets and scaling activities."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .conftest import DIMENSION, REGION, Refused, Service


@pytest.mark.parametrize(
    ("key", "bounds", "message"),
    [
        ({}, (5, 3), "Maximum capacity cannot be less than minimum capacity"),
        ({}, (-1, 3), "Minimum capacity must be at least 0"),
        (
            {"ResourceId": "service/prod/absent"},
            (1, 3),
            "ECS service doesn't exist: service/prod/absent",
        ),
        (
            {"ResourceId": "service/web"},
            (1, 3),
            "Unsupported service namespace, resource type or scalable dimension",
        ),
        (
            {"ServiceNamespace": "dynamodb"},
            (1, 3),
            "Unsupported service namespace, resource type or scalable dimension",
        ),
        (
            {
                "ServiceNamespace": "dynamodb",
                "ResourceId": "table/orders",
                "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
            },
            (0, 3),
            "Minimum capacity must be at least 1",
        ),
    ],
    ids=["min>max", "negative", "no-service", "grammar", "namespace", "least"],
)
def test_registration_is_refused(
    service: Service, refused: Refused, key: dict[str, str], bounds: tuple[int, int], message: str
) -> None:
    low, high = bounds
    asked = {**service.key, **key, "MinCapacity": low, "MaxCapacity": high}
    found = refused(service.scaling.register_scalable_target, **asked)
    assert found == ("ValidationException", message)


@pytest.mark.parametrize(
    ("namespace", "resource", "dimension"),
    [
        ("rds", "cluster:orders", "rds:cluster:ReadReplicaCount"),
        ("dynamodb", "table/x/index/y", "dynamodb:index:WriteCapacityUnits"),
        ("lambda", "function:pay:live", "lambda:function:ProvisionedConcurrency"),
        ("sagemaker", "endpoint/e/variant/v", "sagemaker:variant:DesiredInstanceCount"),
        ("elasticache", "cache-cluster/c", "elasticache:cache-cluster:Nodes"),
    ],
)
def test_other_namespaces_have_their_own_grammar(
    service: Service, refused: Refused, namespace: str, resource: str, dimension: str
) -> None:
    asked = {
        "ServiceNamespace": namespace,
        "ResourceId": resource,
        "ScalableDimension": dimension,
        "MinCapacity": 1,
        "MaxCapacity": 2,
    }
    service.scaling.register_scalable_target(**asked)
    asked["ResourceId"] = f"service/{resource}"
    assert refused(service.scaling.register_scalable_target, **asked)[0] == "ValidationException"


def test_a_new_target_needs_both_bounds(service: Service, refused: Refused) -> None:
    found = refused(service.scaling.register_scalable_target, **service.key, MinCapacity=1)
    assert found[0] == "ValidationException"


def test_what_is_not_given_stays(service: Service) -> None:
    service.register(2, 10, SuspendedState={"DynamicScalingInSuspended": True})
    before = service.target()
    service.scaling.register_scalable_target(**service.key, MaxCapacity=8)
    after = service.target()
    assert (after["MinCapacity"], after["MaxCapacity"]) == (2, 8)
    assert after["SuspendedState"] == {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }
    assert after["ScalableTargetARN"] == before["ScalableTargetARN"]
    assert after["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_ECSService")


def test_any_update_moves_live_capacity(service: Service) -> None:
    service.register(6, 10)
    assert service.described()["desiredCount"] == 6
    service.ecs.update_service(cluster="prod", service="web", desiredCount=1)
    service.scaling.register_scalable_target(
        **service.key, SuspendedState={"DynamicScalingOutSuspended": True}
    )
    found = service.described()
    assert (found["desiredCount"], found["runningCount"]) == (6, 6)
    [newest, *_] = service.scaling.describe_scaling_activities(ServiceNamespace="ecs")[
        "ScalingActivities"
    ]
    assert newest["Cause"] == "minimum capacity was set to 6"


def test_deregistration_takes_everything_along(service: Service, refused: Refused) -> None:
    service.register()
    service.track()
    service.schedule()
    service.scaling.deregister_scalable_target(**service.key)
    service.register()
    assert (service.policies(), service.schedules(), service.alarms()) == ([], [], [])
    service.scaling.deregister_scalable_target(**service.key)
    code, message = refused(service.scaling.deregister_scalable_target, **service.key)
    assert code == "ObjectNotFoundException"
    assert "service/prod/web" in message


def test_targets_by_fifty(service: Service, refused: Refused) -> None:
    for number in range(60):
        service.scaling.register_scalable_target(
            ServiceNamespace="custom-resource",
            ResourceId=f"https://example.com/{number}",
            ScalableDimension="custom-resource:ResourceType:Property",
            MinCapacity=0,
            MaxCapacity=1,
        )
    ask = service.scaling.describe_scalable_targets
    first = ask(ServiceNamespace="custom-resource")
    rest = ask(ServiceNamespace="custom-resource", NextToken=first["NextToken"])
    found = first["ScalableTargets"] + rest["ScalableTargets"]
    assert (len(first["ScalableTargets"]), len({t["ResourceId"] for t in found})) == (50, 60)
    assert "NextToken" not in rest
    wrong = refused(ask, ServiceNamespace="ecs", NextToken=first["NextToken"])
    assert wrong[0] == "InvalidNextTokenException"
    many = [f"service/prod/s{number}" for number in range(51)]
    assert refused(ask, ServiceNamespace="ecs", ResourceIds=many)[0] == "ValidationException"
    assert refused(ask, ServiceNamespace="ecs", MaxResults=51)[0] == "ValidationException"


def test_ids_that_are_not_registered_are_left_out(service: Service) -> None:
    service.register()
    found = service.scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=["service/prod/none", service.resource]
    )["ScalableTargets"]
    assert [target["ResourceId"] for target in found] == [service.resource]


@pytest.mark.parametrize("settings", [{"settleCalls": 2}, {"settleSeconds": 30}], ids=str)
def test_registration_is_eventually_consistent(
    service: Service, refused: Refused, settings: dict[str, Any]
) -> None:
    service.account.settings(**settings)
    service.register()
    for _ in range(2):
        code, message = refused(service.track)
        assert code == "ObjectNotFoundException"
        assert message == (
            "No scalable target registered for service namespace: ecs, resource ID: "
            f"service/prod/web, scalable dimension: {DIMENSION}"
        )
    if "settleCalls" in settings:
        assert service.track()["PolicyARN"]


def test_listings_may_lag_behind_a_write(service: Service) -> None:
    service.register(2, 10)
    service.track(target=60)
    service.schedule()
    service.account.settings(staleCalls=2)
    service.track(target=50)

    def value() -> float:
        [policy] = service.policies()
        found: float = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        return found

    assert [value(), value(), value()] == [60, 60, 50]
    service.register(3, 10)
    assert [service.target()["MinCapacity"] for _ in range(3)] == [2, 2, 3]
    service.scaling.delete_scheduled_action(**service.key, ScheduledActionName="morning")
    assert [len(service.schedules()) for _ in range(3)] == [1, 1, 0]


def test_predictive_scaling_raises_the_maximum_by_itself(service: Service) -> None:
    service.register(2, 10)
    service.account.set_target(REGION, service.resource, MaxCapacity=14, PredictedCapacity=13)
    found = service.target()
    assert (found["MaxCapacity"], found["PredictedCapacity"]) == (14, 13)
    with pytest.raises(RuntimeError, match="no scalable target"):
        service.account.set_target(REGION, "service/prod/gone", MaxCapacity=1)


def test_tags(service: Service, refused: Refused) -> None:
    arn = service.register(Tags={"a": "1"})["ScalableTargetARN"]
    code, message = refused(service.register, Tags={"late": "x"})
    assert code == "ValidationException"
    assert message.startswith("The scalable target that you tried to tag already exists.")
    service.scaling.tag_resource(ResourceARN=arn, Tags={"b": "2"})
    service.scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert service.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
    many = {f"k{number}": "v" for number in range(50)}
    tag = service.scaling.tag_resource
    assert refused(tag, ResourceARN=arn, Tags=many)[0] == "TooManyTagsException"
    unknown = arn[:-4] + "beef"
    assert refused(tag, ResourceARN=unknown, Tags={})[0] == "ResourceNotFoundException"


def test_tags_at_creation(service: Service, refused: Refused) -> None:
    many = {f"k{number}": "v" for number in range(51)}
    assert refused(service.register, Tags=many)[0] == "TooManyTagsException"
    assert refused(service.register, Tags={"aws:x": "v"})[0] == "ValidationException"
    assert refused(service.register, Tags={"k" * 129: "v"})[0] == "ValidationException"
    service.register(Tags={"k": "v"})


@pytest.mark.parametrize(
    "listing",
    ["scalable_targets", "scaling_policies", "scheduled_actions", "scaling_activities"],
)
def test_a_dimension_needs_its_resource(service: Service, refused: Refused, listing: str) -> None:
    ask = getattr(service.scaling, f"describe_{listing}")
    found = refused(ask, ServiceNamespace="ecs", ScalableDimension=DIMENSION)
    assert found[0] == "ValidationException"


def test_activities_newest_first_by_fifty(service: Service, refused: Refused) -> None:
    start = datetime.now(UTC) - timedelta(hours=2)
    for number in range(60):
        at = (start + timedelta(minutes=number)).isoformat()
        service.account.add_activity(REGION, f"service/prod/s{number % 3}", Cause=str(number),
                                     StartTime=at)  # fmt: skip
    ask = service.scaling.describe_scaling_activities
    first = ask(ServiceNamespace="ecs")
    rest = ask(ServiceNamespace="ecs", NextToken=first["NextToken"])
    found = first["ScalingActivities"] + rest["ScalingActivities"]
    assert [activity["Cause"] for activity in found] == [str(n) for n in range(59, -1, -1)]
    assert len(first["ScalingActivities"]) == 50
    assert refused(ask, ServiceNamespace="ecs", MaxResults=51)[0] == "ValidationException"


def test_activities_of_six_weeks_with_reasons_on_demand(service: Service) -> None:
    reasons = [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 10, "CurrentCapacity": 10}]
    add = service.account.add_activity
    add(REGION, service.resource, Cause="idle", NotScaledReasons=reasons)
    add(REGION, service.resource, Cause="scaled")
    old = datetime.now(UTC) - timedelta(weeks=6, hours=1)
    add(REGION, service.resource, Cause="old", StartTime=old.isoformat())

    def causes(**more: Any) -> set[str]:
        answer = service.scaling.describe_scaling_activities(ServiceNamespace="ecs", **more)
        return {activity["Cause"] for activity in answer["ScalingActivities"]}

    assert causes() == {"scaled"}
    assert causes(IncludeNotScaledActivities=True) == {"scaled", "idle"}
    assert causes(ResourceId="service/prod/other") == set()


def test_unknown_enum_values_are_refused_as_aws_words_it(
    service: Service, refused: Refused
) -> None:
    code, message = refused(
        service.scaling.register_scalable_target,
        **{**service.key, "ServiceNamespace": "eks"},
        MinCapacity=1,
        MaxCapacity=2,
    )
    assert code == "ValidationException"
    assert message.startswith(
        "1 validation error detected: Value 'eks' at 'serviceNamespace' failed to satisfy "
        "constraint: Member must satisfy enum value set: [ecs, "
    )


def test_what_the_stand_in_lacks_says_so(service: Service, refused: Refused) -> None:
    now = datetime.now(UTC)
    code, message = refused(
        service.scaling.get_predictive_scaling_forecast,
        **service.key,
        PolicyName="p",
        StartTime=now,
        EndTime=now,
    )
    assert code == "NotImplemented"
    assert "GetPredictiveScalingForecast" in message
