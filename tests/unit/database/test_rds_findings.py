"""What RDS says about itself, as findings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.rds import RDS
from setpoint.database.rds import hardware
from setpoint.database.rds.memory import RDSMemory, Sent
from setpoint.database.rds.model import Metrics, RDSObserved, Series
from setpoint.database.rds.rules import Facts, findings
from setpoint.engine.failure import Failure

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GIB = 2**30
WEEK = 7 * 24


def series(*values: float) -> Series:
    """Hourly, up to now."""
    start = NOW - timedelta(hours=len(values))
    return Series([(start + timedelta(hours=n), value) for n, value in enumerate(values)])


def found(
    recent: dict[str, float] | None = None,
    days: dict[str, Series] | None = None,
    spec: dict[str, Any] | None = None,
    memory: RDSMemory | None = None,
    failure: Failure | None = None,
    now: datetime = NOW,
    rising: dict[str, float] | None = None,
    **values: Any,
) -> dict[str, tuple[str, str]]:
    """Severity and evidence by id."""
    fields = {name: values.pop(name) for name in ("state", "pending", "in_cluster",
              "default_parameters") if name in values}  # fmt: skip
    current = {"DBInstanceClass": "db.r6g.large", "AllocatedStorage": 100, "Engine": "postgres",
               "StorageType": "gp3", **values}  # fmt: skip
    before = rising or {}
    last = {
        name: series(*([before[name]] if name in before else []), value)
        for name, value in (recent or {}).items()
    }
    metrics = Metrics(last, days or {}, failure)
    observed = RDSObserved(
        arn="arn", instance="orders", state="available", maintenance_window="sun:03:00-sun:04:00",
        in_cluster=False, current=current, pending={}, default_parameters=True, metrics=metrics,
    )  # fmt: skip
    facts = Facts(
        RDS.model_validate({"instance": "orders", **(spec or {})}),
        replace(observed, **fields),
        memory or RDSMemory(),
        now,
    )
    return {f.id: (str(f.severity), f.evidence) for f in findings(facts)}


def test_nothing_is_wrong_where_nothing_is_known() -> None:
    assert found() == {}


def test_old_values_tell_nothing_about_now() -> None:
    full, week = {"free_storage": 1.0 * GIB}, {"cpu": series(*[95.0] * WEEK)}
    assert set(found(full, week)) == {"FreeStorageLow", "InstanceUndersized"}
    assert set(found(full, week, now=NOW + timedelta(hours=1))) == {"InstanceUndersized"}
    assert set(found(full, week, now=NOW + timedelta(days=1))) == set()


@pytest.mark.parametrize(
    ("free", "values", "severity"),
    [
        (50, {}, None),
        (10, {}, None),
        (9.9, {}, "Warning"),
        (4.9, {}, "Critical"),
        (9.9, {"MaxAllocatedStorage": 500}, None),
        (4.9, {"MaxAllocatedStorage": 500}, "Critical"),
        (9.9, {"MaxAllocatedStorage": 110}, "Warning"),
        (9.9, {"in_cluster": True, "Engine": "aurora-postgresql"}, None),
        (9.9, {"in_cluster": True}, "Warning"),
    ],
    ids=["half", "edge", "low", "very low", "RDS will grow it", "RDS is late", "RDS cannot",
         "Aurora", "Multi-AZ cluster"],
)  # fmt: skip
def test_free_storage(free: float, values: dict[str, Any], severity: str | None) -> None:
    kept = found({"free_storage": free * GIB}, **values).get("FreeStorageLow")
    assert (kept[0] if kept else None) == severity


def test_free_storage_that_will_be_full_within_the_week() -> None:
    shrinking = series(*(GIB * (30 + (WEEK - n) / 4) for n in range(WEEK)))
    kept = found({"free_storage": 30 * GIB}, {"free_storage": shrinking})
    assert kept["FreeStorageLow"] == (
        "Warning",
        "30.0 of 100 GiB free (30 %); full in about 5 days at the pace of the last 7 days",
    )
    old = found({"free_storage": 30 * GIB}, {"free_storage": Series(shrinking.values[:-30])})
    assert old == {}, "what was last known a day ago says nothing about now"
    slower = series(*(GIB * (60 + (WEEK - n) / 20) for n in range(WEEK)))
    assert found({"free_storage": 60 * GIB}, {"free_storage": slower}) == {}


@pytest.mark.parametrize(
    ("size", "limit", "is_near"),
    [(100, 111, False), (100, 110, True), (200, 220, True), (200, 221, False), (100, None, False),
     (50, 60, True)],
)  # fmt: skip
def test_storage_autoscaling_near_its_limit(size: int, limit: int | None, is_near: bool) -> None:
    kept = found(AllocatedStorage=size, MaxAllocatedStorage=limit)
    assert ("StorageAutoscalingNearLimit" in kept) is is_near


@pytest.mark.parametrize(
    ("name", "balance", "severity"),
    [
        ("db.t4g.medium", 58, None),
        ("db.t4g.medium", 57, "Warning"),
        ("db.t4g.medium", 0, "Warning"),
        ("db.t2.medium", 20, "Critical"),
        ("db.t2.small", 29, None),
        ("db.t2.small", 28, "Warning"),
        ("db.r6g.large", 0, None),
    ],
)
def test_cpu_credits(name: str, balance: float, severity: str | None) -> None:
    kept = found({"credits": balance}, DBInstanceClass=name).get("CPUCreditsLow")
    assert (kept[0] if kept else None) == severity


@pytest.mark.parametrize(
    ("name", "is_found"),
    [("db.t4g.medium", False), ("db.t3.medium", False), ("db.t2.medium", True)],
)
def test_credits_that_grow_are_those_of_a_new_instance(name: str, is_found: bool) -> None:
    """In unlimited mode it begins with none; nothing is billed while it earns more than it uses."""
    observed = found({"credits": 10.0}, DBInstanceClass=name, rising={"credits": 8.0})
    assert ("CPUCreditsLow" in observed) is is_found
    observed = found({"credits": 10.0}, DBInstanceClass=name, rising={"credits": 12.0})
    assert "CPUCreditsLow" in observed


def test_the_worst_balance_speaks() -> None:
    kept = found({"burst": 15, "ebs_io": 4, "ebs_bytes": 90})
    assert kept["BurstBalanceLow"] == ("Critical", "EBSIOBalance% 4 %")
    assert found({"burst": 20, "ebs_io": 99}) == {}


@pytest.mark.parametrize(
    ("used", "values", "severity"),
    [
        (1441, {}, None),
        (1442, {}, "Warning"),
        (1800, {}, "Critical"),
        (1800, {"default_parameters": False}, None),
        (1200, {"Engine": "mysql"}, "Warning"),
        (9999, {"Engine": "oracle-ee"}, None),
        (9999, {"DBInstanceClass": "db.x9z.huge"}, None),
    ],
)
def test_connections(used: int, values: dict[str, Any], severity: str | None) -> None:
    kept = found({"connections": used}, **values).get("RDSConnectionsHigh")
    assert (kept[0] if kept else None) == severity


@pytest.mark.parametrize(
    ("free", "engine", "severity"),
    [
        (2, "postgres", None),
        (1.5, "postgres", "Warning"),
        (0.5, "postgres", "Critical"),
        (1.5, "mysql", None),
        (0.9, "mariadb", None),
        (0.7, "mysql", "Warning"),
        (0.3, "sqlserver-se", "Critical"),
    ],
)
def test_freeable_memory(free: float, engine: str, severity: str | None) -> None:
    kept = found({"freeable_memory": free * GIB}, Engine=engine).get("FreeableMemoryLow")
    assert (kept[0] if kept else None) == severity


def week(cpu: float, free: float, connections: float = 10, hours: int = WEEK) -> dict[str, Series]:
    values = {"cpu": cpu, "cpu_p95": cpu, "freeable_memory": free * GIB,
              "connections": connections}  # fmt: skip
    return {name: series(*[value] * hours) for name, value in values.items()}


@pytest.mark.parametrize(
    ("name", "days", "expected"),
    [
        ("db.r6g.xlarge", week(20, 24), "InstanceOversized"),
        ("db.r6g.large", week(20, 12), None),
        ("db.r6g.xlarge", week(45, 24), None),
        ("db.r6g.xlarge", week(20, 15), None),
        ("db.r6g.xlarge", week(20, 24, connections=2000), None),
        ("db.r6g.xlarge", week(20, 24, hours=100), None),
        ("db.r6g.xlarge", week(85, 24), "InstanceUndersized"),
        ("db.r6g.xlarge", week(50, 1), "InstanceUndersized"),
        ("db.t4g.large", week(20, 6), None),
        ("db.t4g.large", {**week(20, 6), "credits": series(*[864.0] * WEEK)}, "InstanceOversized"),
        ("db.t4g.large", {**week(20, 6), "credits": series(*[100.0] * WEEK)}, None),
    ],
    ids=["idle", "smallest", "busy", "memory needed", "connections needed", "known too short",
         "CPU short", "memory short", "credits unknown", "credits saved", "credits used"],
)  # fmt: skip
def test_the_size_over_the_last_week(
    name: str, days: dict[str, Series], expected: str | None
) -> None:
    assert list(found(days=days, DBInstanceClass=name)) == ([expected] if expected else [])


def test_a_size_is_judged_by_what_it_did_since_it_runs() -> None:
    """After a change of class, the week before it says nothing about the new one."""
    name, days = "db.r6g.xlarge", week(85, 24)
    lately = RDSMemory(class_name=name, class_since=NOW - timedelta(days=2))
    assert found(days=days, DBInstanceClass=name, memory=lately) == {}
    idle = {**week(20, 24), "cpu": series(*[85.0] * 10, *[20.0] * (WEEK - 10))}
    earlier = RDSMemory(class_name=name, class_since=NOW - timedelta(hours=WEEK - 10))
    assert "InstanceUndersized" in found(days=idle, DBInstanceClass=name)
    assert set(found(days=idle, DBInstanceClass=name, memory=earlier)) == {"InstanceOversized"}


def test_one_bad_hour_is_not_a_small_instance() -> None:
    days = week(20, 24)
    days["cpu"] = series(*[100.0] * 5, *[20.0] * (WEEK - 5))
    assert "InstanceUndersized" not in found(days=days, DBInstanceClass="db.r6g.xlarge")


def test_states_that_a_person_must_mend() -> None:
    assert found(state="storage-full")["StorageFull"][0] == "Critical"
    assert found(state="incompatible-parameters")["InstanceNeedsAttention"][0] == "Critical"
    assert found(state="backing-up") == {}


def test_a_foreign_pending_change() -> None:
    kept = found(pending={"EngineVersion": "17.4", "MasterUserPassword": "hidden"})
    assert kept == {
        "PendingForeignChange": (
            "Warning", "EngineVersion 17.4, MasterUserPassword, Sun 03:00 UTC",
        )
    }  # fmt: skip
    assert found(pending={"MultiAZ": True})["PendingForeignChange"][0] == "Info"


def test_our_own_pending_change_is_no_finding() -> None:
    pending = {"DBInstanceClass": "db.r6g.2xlarge"}
    assert found(pending=pending, spec={"instanceClass": "db.r6g.2xlarge"}) == {}
    assert found(pending=pending, memory=RDSMemory(queued_class="db.r6g.2xlarge")) == {}
    earlier = RDSMemory([Sent(NOW, {"Iops": 2000}, immediately=False)])
    assert found(pending={"Iops": 2000}, memory=earlier) == {}
    assert "PendingForeignChange" in found(pending={"Iops": 3000}, memory=earlier)


def test_the_breaker_and_the_missing_metrics_are_told() -> None:
    memory = RDSMemory([Sent(NOW, {"Iops": n}, immediately=True) for n in range(4)])
    assert found(memory=memory) == {"ModificationBudgetUsed": ("Warning", "changed: Iops")}
    failure = Failure(Reason.ACCESS_DENIED, "denied")
    assert found(failure=failure) == {"RDSMetricsUnavailable": ("Info", "AccessDenied: denied")}


@pytest.mark.parametrize(
    ("name", "engine", "most"),
    [
        ("db.r6g.large", "postgres", 1802),
        ("db.r6g.16xlarge", "postgres", 5000),
        ("db.r6g.large", "mysql", 1365),
        ("db.r6g.large", "mariadb", 682),
        ("db.r6g.16xlarge", "mariadb", 12_000),
        ("db.r6g.large", "oracle", None),
    ],
)
def test_how_many_connections_a_class_takes(name: str, engine: str, most: int | None) -> None:
    assert hardware.most_connections(name, engine) == most


@pytest.mark.parametrize(
    ("name", "memory", "saved", "smaller"),
    [
        ("db.t4g.medium", 4, 576, True),
        ("db.t3.micro", 1, 288, False),
        ("db.t2.large", 8, 864, True),
        ("db.t2.2xlarge", 32, 1958, True),
        ("db.r6g.large", 16, None, False),
        ("db.r6g.16xlarge", 512, None, True),
        ("db.m5d.4xlarge", 64, None, True),
        ("db.r5.2xlarge.tpc1.mem4x", None, None, False),
        ("db.serverless", None, None, False),
        ("db.x2g.large", None, None, False),
    ],
)
def test_what_a_class_has(name: str, memory: int | None, saved: int | None, smaller: bool) -> None:
    assert hardware.memory(name) == (memory * GIB if memory else None)
    assert hardware.most_credits(name) == saved
    assert hardware.has_smaller(name) is smaller
