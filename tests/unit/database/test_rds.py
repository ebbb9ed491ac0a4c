"""What a DBTuning does about an RDS instance, rule by rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, AppliedOp, BlockedBy, Risk
from setpoint.api.rds import RDS
from setpoint.database.rds.decide import RDSDecision, decide
from setpoint.database.rds.memory import SETTLE, RDSMemory, Sent, from_status
from setpoint.database.rds.model import RDSObserved
from setpoint.database.rds.report import report
from setpoint.database.rds.revert import revert
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
OPEN = {"cron": "0 11 * * TUE", "duration": "2h"}
CLOSED = {"cron": "0 3 * * SUN", "duration": "2h"}
OLD, NEW = "db.t4g.medium", "db.r6g.large"

SEEN = RDSObserved(
    arn="arn:x", instance="orders", state="available", maintenance_window="sun:03:00-sun:04:00",
    in_cluster=False, pending={},
    current={"DBInstanceClass": OLD, "AllocatedStorage": 100, "MaxAllocatedStorage": 500,
             "StorageType": "gp3", "Iops": 3000, "StorageThroughput": 125, "Engine": "postgres"},
)  # fmt: skip


def seen(pending: dict[str, Any] | None = None, state: str = "available", **values: Any) -> Any:
    current = {**SEEN.current, **values}
    optimizing = state == "storage-optimization"
    return replace(SEEN, current=current, pending=pending or {}, state=state, optimizing=optimizing)


def decided(
    observed: RDSObserved = SEEN, memory: RDSMemory | None = None, **spec: Any
) -> RDSDecision:
    return decide(
        RDS.model_validate({"instance": "orders", **spec}), observed, memory or RDSMemory(), NOW
    )


def plan(observed: RDSObserved = SEEN, **spec: Any) -> list[tuple[str, str, str]]:
    return [(a.field, a.from_, a.to) for a in decided(observed, **spec).actions]


def sent(decision: RDSDecision) -> list[dict[str, Any]]:
    """The modifications that may be sent now."""
    free = [a for a in decision.actions if a.blocked_by is None and a.payload is not None]
    return [{**a.payload.values, "now": a.payload.immediately} for a in free]


def blocks(decision: RDSDecision) -> dict[str, BlockedBy | None]:
    return {action.field: action.blocked_by for action in decision.actions}


def memory_of(*values: dict[str, Any], ago: timedelta = timedelta(hours=1)) -> RDSMemory:
    return RDSMemory([Sent(NOW - ago, entry, immediately=True) for entry in values])


def test_what_is_not_named_is_left_alone() -> None:
    assert plan() == []


@pytest.mark.parametrize(
    ("asked", "now", "to"),
    [
        ("100Gi", 100, None),
        ("50Gi", 100, None),
        ("200Gi", 100, "200Gi"),
        ("101Gi", 100, "110Gi"),
        ("201Gi", 195, "215Gi"),
        ("100Gi", 212, None),
    ],
    ids=["equal", "less", "more", "rounded", "rounded up to a whole", "autoscaled"],
)
def test_storage_is_a_floor_and_grows_by_a_tenth(asked: str, now: int, to: str | None) -> None:
    found = plan(seen(AllocatedStorage=now), allocatedStorage=asked)
    assert found == ([("allocatedStorage", f"{now}Gi", to)] if to else [])


def test_storage_is_sent_at_once_and_a_class_for_the_window() -> None:
    assert sent(decided(allocatedStorage="200Gi")) == [{"AllocatedStorage": 200, "now": True}]
    assert sent(decided(instanceClass=NEW)) == [{"DBInstanceClass": NEW, "now": False}]
    assert sent(decided(maxAllocatedStorage="1Ti")) == [{"MaxAllocatedStorage": 1024, "now": False}]


def test_one_modification_at_a_time_the_free_one_first() -> None:
    found = decided(allocatedStorage="200Gi", maxAllocatedStorage="1Ti", instanceClass=NEW)
    assert sent(found) == [{"AllocatedStorage": 200, "MaxAllocatedStorage": 1024, "now": True}]
    assert blocks(found) == {
        "maxAllocatedStorage": None, "allocatedStorage": None, "instanceClass": BlockedBy.STATE,
    }  # fmt: skip
    assert [a.risk for a in found.actions] == [Risk.MEDIUM, Risk.MEDIUM, Risk.HIGH]


def test_everything_that_restarts_goes_in_one_modification() -> None:
    found = decided(instanceClass=NEW, storageType="io1", iops=2000, window=OPEN)
    assert sent(found) == [
        {"DBInstanceClass": NEW, "StorageType": "io1", "Iops": 2000, "AllocatedStorage": 100,
         "now": True}
    ]  # fmt: skip
    assert {a.risk for a in found.actions} == {Risk.HIGH}


def test_storage_grows_before_its_type_restarts_the_instance() -> None:
    found = decided(allocatedStorage="200Gi", storageType="io1", iops=2000)
    assert sent(found) == [{"AllocatedStorage": 200, "now": True}]


@pytest.mark.parametrize(
    ("spec", "values", "expected"),
    [
        ({"allocatedStorage": "600Gi"}, {}, {"AllocatedStorage": 600, "Iops": 12_000}),
        ({"allocatedStorage": "399Gi"}, {}, {"AllocatedStorage": 399}),
        ({"allocatedStorage": "300Gi"}, {"Engine": "oracle-ee"},
         {"AllocatedStorage": 300, "Iops": 12_000}),
        ({"allocatedStorage": "300Gi"}, {"Engine": "sqlserver-se", "Iops": 4000},
         {"AllocatedStorage": 300, "Iops": 4000}),
        ({"allocatedStorage": "600Gi"}, {"StorageType": "gp2", "Iops": 1800},
         {"AllocatedStorage": 600}),
        ({"allocatedStorage": "200Gi"}, {"StorageType": "io1", "Iops": 2000},
         {"AllocatedStorage": 200, "Iops": 2000}),
        ({"iops": 2100}, {"StorageType": "io2", "Iops": 2000},
         {"Iops": 2200, "AllocatedStorage": 100}),
        ({"iops": 2100}, {"StorageType": "io2", "Iops": 2200}, None),
        ({"iops": 1000}, {"StorageType": "io2", "Iops": 2200},
         {"Iops": 1000, "AllocatedStorage": 100}),
        ({"iops": 16_000, "storageThroughput": 1000}, {"AllocatedStorage": 500, "Iops": 12_000},
         {"Iops": 16_000, "StorageThroughput": 1000, "AllocatedStorage": 500}),
        ({"storageThroughput": 1000}, {"AllocatedStorage": 500, "Iops": 12_000},
         {"Iops": 12_000, "StorageThroughput": 1000, "AllocatedStorage": 500}),
        ({"storageType": "gp3"}, {"StorageType": "gp2", "Iops": 300}, {"StorageType": "gp3"}),
        ({"storageType": "gp3"}, {"StorageType": "gp2", "AllocatedStorage": 500, "Iops": 1500},
         {"StorageType": "gp3", "Iops": 12_000, "AllocatedStorage": 500}),
        ({"storageType": "gp2"}, {}, {"StorageType": "gp2"}),
        ({"storageType": "io2"}, {"StorageType": "io1", "Iops": 2000},
         {"StorageType": "io2", "Iops": 2000, "AllocatedStorage": 100}),
        ({"iops": 3000, "storageThroughput": 125}, {}, None),
        ({"allocatedStorage": "3000Gi"}, {"StorageType": "io1", "Iops": 1000},
         {"AllocatedStorage": 3000, "Iops": 1500}),
        ({"allocatedStorage": "2100Gi"}, {"StorageType": "io2", "Iops": 1000},
         {"AllocatedStorage": 2100, "Iops": 1100}),
        ({"allocatedStorage": "3000Gi"}, {"StorageType": "io1", "Iops": 1000,
         "Engine": "sqlserver-se"}, {"AllocatedStorage": 3000, "Iops": 3000}),
    ],
)  # fmt: skip
def test_what_goes_along_with_storage(
    spec: dict[str, Any], values: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    expect = [] if expected is None else [{**expected, "now": True}]
    observed = seen(**{"MaxAllocatedStorage": None, **values})
    assert sent(decided(observed, **spec)) == expect


@pytest.mark.parametrize(
    ("spec", "values", "sentence"),
    [
        ({"iops": 5000}, {}, "gp3 below 400 GiB takes no rds.iops"),
        ({"storageThroughput": 500}, {}, "takes no rds.storageThroughput"),
        ({"iops": 5000}, {"Engine": "oracle-se2"}, "raise rds.allocatedStorage to 200Gi"),
        ({"iops": 5000}, {"StorageType": "gp2"}, "gp2 storage takes no rds.iops"),
        ({"iops": 5000}, {"AllocatedStorage": 500, "Iops": 12_000}, "at least 12000"),
        ({"storageThroughput": 400}, {"AllocatedStorage": 500, "Iops": 12_000}, "at least 500"),
        ({"storageThroughput": 4000}, {"AllocatedStorage": 500, "Iops": 12_000}, "a quarter"),
        ({"storageThroughput": 500}, {"StorageType": "io1", "Iops": 4000}, "for gp3 only"),
        ({"storageType": "io1"}, {"StorageType": "gp2"}, "needs rds.iops too"),
        ({"iops": 9000}, {"StorageType": "io1", "Iops": 4000}, "at most 7500 for io1"),
        (
            {"iops": 1000},
            {"StorageType": "io1", "Iops": 4000, "AllocatedStorage": 3000},
            "at least 1650 for io1",
        ),
        ({"storageType": "io2", "iops": 1000}, {"AllocatedStorage": 40}, "begins at 100Gi"),
        (
            {"iops": 12_000},
            {"AllocatedStorage": 500, "Iops": 16_000, "StorageThroughput": 4000},
            "a quarter of the IOPS",
        ),
    ],
)
def test_what_the_storage_cannot_have_is_said_and_growth_goes_on(
    spec: dict[str, Any], values: dict[str, Any], sentence: str
) -> None:
    size = int(values.get("AllocatedStorage", 100)) + 50
    found = decided(seen(**values), **spec, allocatedStorage=f"{size}Gi")
    [failure] = found.failures
    assert failure.reason is Reason.INVALID_SPEC
    assert sentence in failure.message
    assert [a.field for a in found.actions] == ["allocatedStorage"]


@pytest.mark.parametrize(
    ("spec_max", "values", "sends"),
    [
        ("500Gi", {}, None),
        ("500Gi", {"AllocatedStorage": 480}, None),
        ("100Gi", {"MaxAllocatedStorage": None}, None),
        ("105Gi", {"MaxAllocatedStorage": None}, None),
        ("105Gi", {}, 100),
        ("110Gi", {}, 110),
        ("200Gi", {"AllocatedStorage": 300}, 300),
    ],
    ids=["same", "same, nearly reached", "off", "cannot be", "turns off", "least", "outgrown"],
)
def test_the_limit_is_one_that_rds_takes(
    spec_max: str, values: dict[str, Any], sends: int | None
) -> None:
    found = sent(decided(seen(**values), maxAllocatedStorage=spec_max))
    assert found == ([] if sends is None else [{"MaxAllocatedStorage": sends, "now": False}])


def test_a_limit_below_what_growth_is_rounded_to_is_turned_off_before() -> None:
    observed = seen(MaxAllocatedStorage=104)
    spec: dict[str, Any] = {"allocatedStorage": "102Gi", "maxAllocatedStorage": "104Gi"}
    assert sent(decided(observed, **spec)) == [{"MaxAllocatedStorage": 100, "now": False}]
    off = seen(MaxAllocatedStorage=None)
    assert sent(decided(off, **spec)) == [{"AllocatedStorage": 110, "now": True}]


def test_a_limit_that_the_iops_do_not_reach_for_is_refused_and_growth_goes_on() -> None:
    provisioned = seen(StorageType="io1", Iops=1000)
    found = decided(provisioned, allocatedStorage="200Gi", maxAllocatedStorage="2001Gi")
    assert sent(found) == [{"AllocatedStorage": 200, "Iops": 1000, "now": True}]
    assert [f.message for f in found.failures] == [
        "rds.maxAllocatedStorage may be at most 2000Gi with 1000 IOPS: raise rds.iops"
    ]
    assert not decided(provisioned, maxAllocatedStorage="2000Gi").failures
    with_more = decided(provisioned, maxAllocatedStorage="4000Gi", iops=2000)
    assert sent(with_more) == [
        {"AllocatedStorage": 100, "Iops": 2000, "MaxAllocatedStorage": 4000, "now": True}
    ]


@pytest.mark.parametrize(("size", "is_refused"), [("499Gi", False), ("500Gi", True)])
def test_storage_does_not_grow_to_a_limit_that_the_spec_does_not_name(
    size: str, is_refused: bool
) -> None:
    found = decided(allocatedStorage=size)
    assert bool(found.actions) is not is_refused
    assert ["set rds.maxAllocatedStorage too" in f.message for f in found.failures] == (
        [True] if is_refused else []
    )


def test_what_is_pending_counts_as_done() -> None:
    pending = seen({"DBInstanceClass": NEW, "AllocatedStorage": 200})
    assert plan(pending, instanceClass=NEW, allocatedStorage="200Gi") == []


def test_a_member_of_a_cluster_keeps_its_class_only() -> None:
    member = replace(seen(Engine="aurora-postgresql"), in_cluster=True)
    found = decided(member, instanceClass=NEW, allocatedStorage="200Gi", iops=5000)
    assert sent(found) == [{"DBInstanceClass": NEW, "now": False}]
    assert "remove allocatedStorage, iops from spec.rds" in found.failures[0].message


def test_of_a_multi_az_cluster_nothing_is_changed_by_the_instance() -> None:
    member = replace(SEEN, in_cluster=True)
    found = decided(member, instanceClass=NEW, allocatedStorage="200Gi", window=OPEN)
    assert found.actions == []
    assert "its class and storage are the cluster's" in found.failures[0].message
    assert "remove instanceClass, allocatedStorage from spec.rds" in found.failures[0].message
    assert not decided(member).failures


@pytest.mark.parametrize(
    ("state", "free"),
    [
        ("available", {"allocatedStorage", "maxAllocatedStorage"}),
        ("storage-full", {"allocatedStorage", "maxAllocatedStorage"}),
        ("backing-up", set()),
        ("modifying", set()),
        ("stopped", set()),
        ("something-new", set()),
    ],
)
def test_what_can_be_changed_in_which_state(state: str, free: set[str]) -> None:
    found = decided(
        seen(state=state), instanceClass=NEW, allocatedStorage="200Gi", maxAllocatedStorage="1Ti"
    )
    assert {field for field, blocked in blocks(found).items() if blocked is None} == free
    assert set(blocks(found).values()) <= {None, BlockedBy.STATE}


def test_while_storage_is_optimized_only_the_rest_changes() -> None:
    observed = seen(state="storage-optimization")
    assert sent(decided(observed, instanceClass=NEW)) == [{"DBInstanceClass": NEW, "now": False}]
    assert sent(decided(observed, maxAllocatedStorage="1Ti"))
    assert not sent(decided(observed, allocatedStorage="200Gi"))
    both = decided(observed, allocatedStorage="200Gi", instanceClass=NEW)
    assert not sent(both), "in RDS's queue the class would be in the storage's way"
    both = decided(observed, allocatedStorage="200Gi", instanceClass=NEW, window=OPEN)
    assert sent(both) == [{"DBInstanceClass": NEW, "now": True}], "at once it is not"
    newer = replace(SEEN, optimizing=True)  # as DescribeDBInstances says it today
    assert not sent(decided(newer, allocatedStorage="200Gi"))


@pytest.mark.parametrize(("window", "is_sent"), [(OPEN, True), (CLOSED, False)])
def test_our_window(window: dict[str, str], is_sent: bool) -> None:
    found = decided(instanceClass=NEW, window=window)
    assert sent(found) == ([{"DBInstanceClass": NEW, "now": True}] if is_sent else [])
    if not is_sent:
        assert blocks(found) == {"instanceClass": BlockedBy.WINDOW}
        assert found.waiting == "class, Sun 03:00"
        assert "spec.rds.window opens 2026-11-29 03:00 UTC" in found.pending


def test_the_window_is_looked_at_when_it_opens() -> None:
    soon = {"cron": "5 12 * * *", "duration": "1h"}
    assert decided(instanceClass=NEW, window=soon).again == timedelta(minutes=5, seconds=1)


@pytest.mark.parametrize("window", [None, OPEN, CLOSED])
@pytest.mark.parametrize(
    "pending",
    [
        {"EngineVersion": "17.4"},
        {"StorageType": "io1"},
        {"BackupRetentionPeriod": 7},
        {"DBInstanceClass": "db.x.large"},
        {"SomethingNew": 1},
    ],
)
def test_nobodys_downtime_is_fired_by_growing_storage(
    window: dict[str, str] | None, pending: dict[str, Any]
) -> None:
    found = decided(seen(pending), allocatedStorage="200Gi", window=window)
    assert sent(found) == []
    assert blocks(found) == {"allocatedStorage": BlockedBy.WINDOW}
    assert "which would be applied with it" in found.actions[0].reason


@pytest.mark.parametrize(
    "pending", [{"MultiAZ": True}, {"Iops": 4000}, {"MasterUserPassword": "x"}]
)
def test_what_costs_no_downtime_does_not_hold_storage_back(pending: dict[str, Any]) -> None:
    assert sent(decided(seen(pending), allocatedStorage="200Gi"))


def test_a_class_is_not_sent_at_once_over_a_foreign_change() -> None:
    observed = seen({"EngineVersion": "17.4"})
    assert not sent(decided(observed, instanceClass=NEW, window=OPEN))
    assert sent(decided(observed, instanceClass=NEW)), "what waits with it fires nothing"


def test_a_limit_does_not_wait_for_what_the_storage_waits_for() -> None:
    found = decided(
        seen({"EngineVersion": "17.4"}), allocatedStorage="200Gi", maxAllocatedStorage="1Ti"
    )
    assert sent(found) == [{"MaxAllocatedStorage": 1024, "now": False}]


def test_a_full_storage_grows_whatever_is_fired() -> None:
    observed = seen({"EngineVersion": "17.4"}, state="storage-full")
    found = decided(observed, allocatedStorage="200Gi")
    assert sent(found) == [{"AllocatedStorage": 200, "now": True}]
    assert "RDS applies EngineVersion 17.4 with it, now" in found.actions[0].reason


def test_storage_grows_while_our_own_class_waits_without_a_restart() -> None:
    """Out of the queue, growth, back into the queue."""
    spec = {"instanceClass": NEW, "allocatedStorage": "200Gi"}
    memory = memory_of()
    memory.queued_class = NEW
    queued = seen({"DBInstanceClass": NEW})
    found = decided(queued, memory, **spec)
    assert sent(found) == [{"DBInstanceClass": OLD, "now": True}]
    assert found.actions[0].risk is Risk.MEDIUM

    memory.taken(Sent(NOW, {"DBInstanceClass": OLD}, immediately=True), withdraws=True)
    found = decided(SEEN, memory, **spec)
    assert sent(found) == [{"AllocatedStorage": 200, "now": True}]

    found = decided(seen(AllocatedStorage=200, state="storage-optimization"), memory, **spec)
    assert sent(found) == [{"DBInstanceClass": NEW, "now": False}]
    assert found.actions[0].risk is Risk.MEDIUM, "it was approved before"


def test_storage_comes_before_our_own_class_where_only_two_modifications_are_left() -> None:
    memory = memory_of(*[{"MaxAllocatedStorage": 500}] * 2)
    memory.queued_class = NEW
    spec = {"instanceClass": NEW, "allocatedStorage": "200Gi"}
    assert sent(decided(seen({"DBInstanceClass": NEW}), memory, **spec)) == [
        {"DBInstanceClass": OLD, "now": True}
    ]
    memory.add(Sent(NOW, {"DBInstanceClass": OLD}, immediately=True))
    memory.taken(memory.sent[-1], withdraws=True)
    assert sent(decided(SEEN, memory, **spec)) == [{"AllocatedStorage": 200, "now": True}]
    memory.add(Sent(NOW, {"AllocatedStorage": 200}, immediately=True))
    found = decided(seen(AllocatedStorage=200), memory, **spec)
    assert blocks(found) == {"instanceClass": BlockedBy.BUDGET}
    assert memory.withdrawn_class == NEW, "it goes back as it was approved"


def test_a_withdrawal_that_rds_refuses_is_not_repeated_at_once() -> None:
    memory = memory_of()
    memory.queued_class = NEW
    entry = Sent(NOW, {"DBInstanceClass": OLD}, immediately=True)
    memory.refused(entry, Failure(Reason.REJECTED, "no"))
    found = decided(
        seen({"DBInstanceClass": NEW}), memory, instanceClass=NEW, allocatedStorage="200Gi"
    )
    assert sent(found) == []
    assert [failure.reason for failure in found.failures] == [Reason.REJECTED]


@pytest.mark.parametrize(
    ("observed", "entries"),
    [
        (seen({"DBInstanceClass": NEW, "EngineVersion": "17.4"}), 0),
        (seen({"DBInstanceClass": NEW}, state="storage-optimization"), 0),
        (seen({"DBInstanceClass": NEW}), 3),
    ],
    ids=["another's change is there too", "storage cannot grow now", "the budget is nearly used"],
)
def test_nothing_is_withdrawn_in_vain(observed: RDSObserved, entries: int) -> None:
    memory = memory_of(*[{"MaxAllocatedStorage": 500}] * entries)
    memory.queued_class = NEW
    assert not sent(decided(observed, memory, instanceClass=NEW, allocatedStorage="200Gi"))


def test_another_class_in_the_queue_is_taken_out() -> None:
    found = decided(seen({"DBInstanceClass": NEW}), instanceClass=OLD)
    assert sent(found) == [{"DBInstanceClass": OLD, "now": True}]
    assert found.actions[0].risk is Risk.MEDIUM


def test_a_window_that_comes_later_takes_our_class_out_of_rds_own_queue() -> None:
    memory = memory_of()
    memory.queued_class = NEW
    queued = seen({"DBInstanceClass": NEW})
    assert sent(decided(queued, memory, instanceClass=NEW, window=CLOSED)) == [
        {"DBInstanceClass": OLD, "now": True}
    ]
    assert sent(decided(queued, memory, instanceClass=NEW, window=OPEN)) == [
        {"DBInstanceClass": NEW, "now": True}
    ]


def test_our_class_that_the_spec_no_longer_names_is_taken_out_of_the_queue() -> None:
    memory = memory_of()
    memory.queued_class = NEW
    queued = seen({"DBInstanceClass": NEW})
    assert sent(decided(queued, memory)) == [{"DBInstanceClass": OLD, "now": True}]
    assert sent(decided(queued, memory, window=OPEN)) == [{"DBInstanceClass": OLD, "now": True}]
    assert not decided(queued).actions, "somebody else's is left alone"
    foreign = seen({"DBInstanceClass": NEW, "EngineVersion": "17.4"})
    assert not sent(decided(foreign, memory)), "it would fire the upgrade"


def test_four_modifications_a_day_and_no_more() -> None:
    memory = memory_of(*[{"MaxAllocatedStorage": 500}] * 4)
    found = decided(SEEN, memory, instanceClass=NEW)
    assert blocks(found) == {"instanceClass": BlockedBy.BUDGET}
    assert sent(decided(SEEN, memory, instanceClass=NEW, maxModificationsPerDay=5))
    yesterday = memory_of(*[{"MaxAllocatedStorage": 500}] * 4, ago=timedelta(hours=24))
    assert sent(decided(SEEN, yesterday, instanceClass=NEW))


def test_rds_itself_takes_four_changes_of_storage() -> None:
    memory = memory_of(*[{"AllocatedStorage": 100}] * 4)
    spec = {"allocatedStorage": "200Gi", "maxModificationsPerDay": 10}
    assert blocks(decided(SEEN, memory, **spec)) == {"allocatedStorage": BlockedBy.BUDGET}


@pytest.mark.parametrize("state", ["available", "modifying"])
def test_what_was_sent_is_awaited_not_repeated(state: str) -> None:
    memory = memory_of({"DBInstanceClass": NEW}, ago=timedelta(seconds=3))
    found = decided(seen(state=state), memory, instanceClass=NEW, window=OPEN)
    assert sent(found) == []
    assert found.settling == f"RDS is changing instanceClass to {NEW}"
    assert found.again is not None


def test_a_long_change_is_awaited_for_as_long_as_it_takes() -> None:
    memory = memory_of({"DBInstanceClass": NEW}, ago=timedelta(hours=1))
    applying = seen({"DBInstanceClass": NEW}, state="modifying")
    assert decided(applying, memory, instanceClass=NEW, window=OPEN).settling
    done = seen(DBInstanceClass=NEW)
    found = decided(done, memory, instanceClass=NEW, window=OPEN)
    assert (found.actions, found.settling, found.again) == ([], "", None)


def test_a_restart_that_did_not_come_about_is_not_asked_for_again_at_once() -> None:
    """RDS takes the change, finds no capacity, and is available again as before: each time the
    database may be interrupted."""

    def may_be_sent(*minutes_ago: float) -> bool:
        times = [NOW - timedelta(minutes=ago) for ago in minutes_ago]
        memory = RDSMemory([Sent(at, {"DBInstanceClass": NEW}, immediately=True) for at in times])
        return bool(sent(decided(SEEN, memory, instanceClass=NEW, window=OPEN)))

    assert not may_be_sent(14)
    assert may_be_sent(15)
    assert not may_be_sent(50, 29)
    assert may_be_sent(50, 30)
    assert not may_be_sent(150, 120, 59)
    found = decided(
        SEEN, memory_of({"DBInstanceClass": NEW}, ago=timedelta(minutes=10)),
        instanceClass=NEW, window=OPEN,
    )  # fmt: skip
    assert "not again before 12:05 UTC" in found.actions[0].reason
    assert found.again is not None


def test_what_never_comes_to_be_seen_is_tried_again() -> None:
    memory = memory_of({"AllocatedStorage": 200}, ago=SETTLE)
    assert sent(decided(SEEN, memory, allocatedStorage="200Gi"))


@pytest.mark.parametrize(
    ("reason", "minutes"),
    [(Reason.QUOTA_EXCEEDED, 15), (Reason.BUSY, 5), (Reason.REJECTED, 30)],
)
def test_what_rds_refuses_is_not_sent_again_at_once(reason: Reason, minutes: int) -> None:
    memory, entry = RDSMemory(), Sent(NOW, {"AllocatedStorage": 200}, immediately=True)
    memory.add(entry)
    memory.refused(entry, Failure(reason, "no"))
    assert memory.sent == [], "it is no modification"
    found = decided(SEEN, memory, allocatedStorage="200Gi")
    assert (sent(found), [f.reason for f in found.failures]) == ([], [reason])
    assert sent(decided(SEEN, memory, allocatedStorage="300Gi")), "another one may be taken"
    just_before, then = (
        NOW + timedelta(minutes=minutes, seconds=-1),
        NOW + timedelta(minutes=minutes),
    )
    assert memory.held(entry.values, just_before)
    assert not memory.held(entry.values, then)
    memory.refused(replace(entry, at=then), Failure(reason, "no"))
    assert memory.held(entry.values, then + timedelta(minutes=2 * minutes - 1)), "twice as long"


def test_what_is_known_of_our_class_in_the_queue() -> None:
    def known(memory: RDSMemory) -> tuple[str | None, str | None]:
        return memory.queued_class, memory.withdrawn_class

    memory = RDSMemory()
    memory.taken(Sent(NOW, {"DBInstanceClass": NEW}, immediately=False), withdraws=False)
    assert known(memory) == (NEW, None)
    memory.taken(Sent(NOW, {"AllocatedStorage": 200}, immediately=True), withdraws=False)
    assert known(memory) == (NEW, None)
    memory.taken(Sent(NOW, {"DBInstanceClass": OLD}, immediately=True), withdraws=True)
    assert known(memory) == (None, NEW)
    memory.keep_approval_of(NEW)
    assert known(memory) == (None, NEW)
    memory.keep_approval_of(OLD)
    assert known(memory) == (None, None), "it would be another approval"
    memory.taken(Sent(NOW, {"DBInstanceClass": NEW}, immediately=True), withdraws=False)
    assert known(memory) == (None, None)


def test_the_ledger_survives_in_status() -> None:
    memory = memory_of({"DBInstanceClass": NEW, "Iops": 2000}, {"AllocatedStorage": 200})
    memory.queued_class, memory.withdrawn_class = NEW, "db.x.large"
    stored = report(SEEN, memory, "", NOW).wire()
    again = from_status(stored)
    assert (again.sent, again.queued_class, again.withdrawn_class) == (
        memory.sent, NEW, "db.x.large",
    )  # fmt: skip
    assert from_status({"modifications": "nonsense"}) == RDSMemory() == from_status(None)


def test_since_when_a_class_runs_is_known_over_restarts() -> None:
    memory = RDSMemory()
    memory.read_back(SEEN, NOW - timedelta(days=1))
    assert memory.class_since is None, "it may have run for years"
    memory = from_status(report(SEEN, memory, "", NOW).wire())
    memory.read_back(seen(DBInstanceClass=NEW), NOW)
    memory = from_status(report(seen(DBInstanceClass=NEW), memory, "", NOW).wire())
    memory.read_back(seen(DBInstanceClass=NEW), NOW + timedelta(hours=1))
    assert (memory.class_name, memory.class_since) == (NEW, NOW)


def test_a_class_that_runs_is_queued_no_more() -> None:
    memory = RDSMemory(queued_class=NEW)
    assert report(seen({"DBInstanceClass": NEW}), memory, "", NOW).queued_class == NEW
    assert report(seen(DBInstanceClass=NEW), memory, "", NOW).queued_class is None


def test_the_column_says_what_is_under_way_and_what_waits() -> None:
    assert decided(instanceClass=NEW, window=CLOSED).waiting == "class, Sun 03:00"
    memory = memory_of({"DBInstanceClass": NEW}, ago=timedelta(seconds=3))
    assert decided(SEEN, memory, instanceClass=NEW, window=OPEN).waiting == "class, now"
    queued = seen({"DBInstanceClass": NEW, "AllocatedStorage": 200})
    assert report(queued, RDSMemory(), "", NOW).pending == "class+storage, Sun 03:00"


def test_the_ledger_is_bounded() -> None:
    memory = memory_of({"Iops": 1}, ago=timedelta(days=3))
    for number in range(100):
        memory.add(Sent(NOW, {"Iops": number}, immediately=True))
    assert len(memory.sent) == 20
    old = memory_of({"Iops": 1}, ago=timedelta(days=3))
    assert len(report(SEEN, old, "", NOW).modifications) == 1, "the last one is kept"


def put_back(
    observed: RDSObserved, window: dict[str, str] | None = None, **originals: str
) -> list[Action]:
    applied = [
        Applied(object="rds/orders", field=name, op=AppliedOp.CHANGED, original=before)
        for name, before in originals.items()
    ]
    return revert(
        RDS.model_validate({"instance": "orders", "window": window}), observed, applied, NOW
    )


def test_revert_is_one_modification_and_never_shrinks() -> None:
    observed = seen(StorageType="io1", Iops=4000)
    found = put_back(
        observed, instanceClass=NEW, allocatedStorage="50", maxAllocatedStorage="300", iops="2000"
    )
    assert [a.field for a in found] == ["instanceClass", "iops", "maxAllocatedStorage"]
    assert found[0].payload.values == {
        "DBInstanceClass": NEW, "MaxAllocatedStorage": 300, "Iops": 2000, "AllocatedStorage": 100,
    }  # fmt: skip
    assert not found[0].payload.immediately, "the class waits for RDS's window"
    back = seen({"DBInstanceClass": NEW})
    assert put_back(back, instanceClass=NEW) == []
    assert put_back(SEEN, OPEN, instanceClass=NEW)[0].payload.immediately


def test_revert_takes_a_waiting_class_out_of_the_queue() -> None:
    [action] = put_back(seen({"DBInstanceClass": NEW}), instanceClass=OLD)
    assert action.payload.immediately
    with pytest.raises(Failure, match="EngineVersion"):
        put_back(seen({"DBInstanceClass": NEW, "EngineVersion": "17.4"}), instanceClass=OLD)
