"""RDS: pending values, states, storage."""

import time
from typing import Any

import pytest

from stack.aws.client import AwsStack

from .conftest import REGION, Database, Refused

COMBINATION = "InvalidParameterCombination"


def available(database: Database) -> dict[str, Any]:
    """The instance once its change is through."""
    end = time.monotonic() + 5
    while (found := database.described())["DBInstanceStatus"] != "available":
        assert time.monotonic() < end, found["DBInstanceStatus"]
        time.sleep(0.02)
    return found


def test_changes_wait_for_the_window_but_the_maximum(database: Database) -> None:
    database.modify(DBInstanceClass="db.r6g.xlarge", AllocatedStorage=200, MaxAllocatedStorage=500)
    found = database.described()
    assert (found["DBInstanceClass"], found["AllocatedStorage"]) == ("db.r6g.large", 100)
    assert found["PendingModifiedValues"] == {
        "DBInstanceClass": "db.r6g.xlarge",
        "AllocatedStorage": 200,
    }
    assert (found["DBInstanceStatus"], found["MaxAllocatedStorage"]) == ("available", 500)
    database.account.run_maintenance(REGION)
    found = database.described()
    assert (found["DBInstanceClass"], found["AllocatedStorage"]) == ("db.r6g.xlarge", 200)
    assert found["PendingModifiedValues"] == {}


def test_at_once_means_all_that_is_pending(database: Database) -> None:
    database.account.settings(rdsSeconds=0.1)
    database.modify(DBInstanceClass="db.r6g.xlarge")
    answer = database.modify(AllocatedStorage=200, ApplyImmediately=True)
    assert answer["DBInstanceStatus"] == "modifying"
    assert answer["DBInstanceClass"] == "db.r6g.large", "not before it is through"
    assert answer["PendingModifiedValues"].keys() == {"DBInstanceClass", "AllocatedStorage"}
    found = available(database)
    assert (found["DBInstanceClass"], found["AllocatedStorage"]) == ("db.r6g.xlarge", 200)


def test_a_name_has_no_case(database: Database) -> None:
    found = database.client.describe_db_instances(DBInstanceIdentifier=database.name.upper())
    assert [one["DBInstanceIdentifier"] for one in found["DBInstances"]] == [database.name]


def test_the_status_may_lag(database: Database, refused: Refused) -> None:
    database.account.settings(rdsAppearSeconds=30)
    answer = database.modify(DBInstanceClass="db.r6g.xlarge", ApplyImmediately=True)
    assert answer["DBInstanceStatus"] == "available"
    assert answer["PendingModifiedValues"] == {"DBInstanceClass": "db.r6g.xlarge"}
    assert refused(database.modify, AllocatedStorage=200)[0] == "InvalidDBInstanceState"


def test_what_is_taken_back_is_no_longer_pending(database: Database) -> None:
    database.modify(DBInstanceClass="db.r6g.xlarge")
    database.modify(DBInstanceClass="db.r6g.large")
    pending = database.described()["PendingModifiedValues"]
    assert pending == {"DBInstanceClass": "db.r6g.xlarge"}, "RDS promises it only at once"
    database.modify(DBInstanceClass="db.r6g.large", ApplyImmediately=True)
    assert database.described()["PendingModifiedValues"] == {}
    assert restarts(database) == 0


@pytest.mark.parametrize(
    ("change", "restarted"),
    [
        ({"DBInstanceClass": "db.r6g.xlarge"}, 1),
        ({"DBInstanceClass": "db.r6g.xlarge", "EngineVersion": "16.10"}, 1),
        ({"AllocatedStorage": 200}, 0),
        ({"StorageType": "gp2"}, 0),
        ({"StorageType": "io1", "Iops": 1000, "AllocatedStorage": 100}, 1),
        ({"BackupRetentionPeriod": 7}, 0),
        ({"BackupRetentionPeriod": 0}, 1),
    ],
)
def test_what_restarts_the_database(
    database: Database, change: dict[str, Any], restarted: int
) -> None:
    database.account.settings(rdsSeconds=0)
    database.modify(**change, ApplyImmediately=True)
    assert restarts(database) == restarted


def restarts(database: Database) -> int:
    answer = database.client.describe_events(
        SourceIdentifier=database.name, SourceType="db-instance"
    )
    return len(answer["Events"])


def test_nothing_to_change_changes_no_state(database: Database) -> None:
    answer = database.modify(DBInstanceClass="db.r6g.large", ApplyImmediately=True)
    assert answer["DBInstanceStatus"] == "available"


def test_what_no_window_concerns(database: Database) -> None:
    database.modify(DeletionProtection=True, PreferredMaintenanceWindow="mon:03:00-mon:04:00")
    found = database.described()
    assert found["DeletionProtection"] is True
    assert found["PreferredMaintenanceWindow"] == "mon:03:00-mon:04:00"
    assert found["PendingModifiedValues"] == {}


@pytest.mark.parametrize(("asked", "applied"), [(101, 110), (110, 110), (150, 150)])
def test_growth_is_rounded_up(database: Database, asked: int, applied: int) -> None:
    answer = database.modify(AllocatedStorage=asked)
    assert answer["PendingModifiedValues"]["AllocatedStorage"] == applied


@pytest.mark.parametrize(
    ("state", "change", "message"),
    [
        (
            {},
            {"AllocatedStorage": 50},
            "Invalid storage size for engine name postgres and storage type gp3: 50",
        ),
        (
            {},
            {"AllocatedStorage": 200, "Iops": 4000},
            ("You can't specify IOPS or storage throughput for engine postgres and a storage size "
            "less than 400."),
        ),
        (
            {},
            {"AllocatedStorage": 400},
            ("You must specify both the storage size and iops when modifying the storage size or "
            "iops on a DB instance that has iops."),
        ),
        (
            {"StorageType": "io1", "Iops": 1000},
            {"AllocatedStorage": 200},
            ("You must specify both the storage size and iops when modifying the storage size or "
            "iops on a DB instance that has iops."),
        ),
        (
            {},
            {"AllocatedStorage": 400, "Iops": 3000},
            "Invalid iops value for engine name postgres and storage type gp3: 3000",
        ),
        (
            {"DBClusterIdentifier": "a", "Engine": "aurora-postgresql"},
            {"AllocatedStorage": 300},
            ("The specified DB instance is a member of a DB Cluster. Storage grows based on usage. "
            "You don't need to set it explicitly."),
        ),
        (
            {"DBClusterIdentifier": "a", "Engine": "aurora-postgresql"},
            {"EngineVersion": "17.4"},
            ("The specified DB Instance is a member of a cluster. Modify the DB engine version for "
            "the DB Cluster using the ModifyDbCluster API"),
        ),
        (
            {},
            {"MaxAllocatedStorage": 105},
            "The maximum allocated storage must be increased by at least 10 percent.",
        ),
        (
            {"MaxAllocatedStorage": 150},
            {"AllocatedStorage": 150},
            "Max storage size must be greater than storage size",
        ),
        (
            {},
            {"AllocatedStorage": 150, "MaxAllocatedStorage": 150},
            "Max storage size must be greater than storage size",
        ),
        (
            {},
            {"EngineVersion": "17.4"},
            ("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major "
            "version."),
        ),
        (
            {"StorageType": "gp2"},
            {"AllocatedStorage": 200, "Iops": 3000},
            "You can't specify IOPS or storage throughput for storage type gp2.",
        ),
        (
            {"StorageType": "io1", "Iops": 4000},
            {"AllocatedStorage": 100, "Iops": 4000, "StorageThroughput": 500},
            "You can't specify storage throughput for storage type io1.",
        ),
        (
            {},
            {"AllocatedStorage": 400, "Iops": 12_000, "StorageThroughput": 4000},
            "The storage throughput to IOPS ratio must not exceed 0.25.",
        ),
        (
            {},
            {"AllocatedStorage": 400, "Iops": 12_000, "StorageThroughput": 125},
            "Invalid storage throughput value for engine name postgres and storage type gp3: 125",
        ),
        (
            {"AllocatedStorage": 500, "Iops": 12_000, "StorageThroughput": 500},
            {"StorageThroughput": 1000},
            ("You must specify both the storage size and iops when modifying the storage size or "
            "iops on a DB instance that has iops."),
        ),
        (
            {},
            {"StorageType": "io1"},
            ("You must specify both the storage size and iops when modifying the storage size or "
            "iops on a DB instance that has iops."),
        ),
        (
            {"DBClusterIdentifier": "multi-az"},
            {"DBInstanceClass": "db.r6g.xlarge"},
            "ModifyDBInstance isn't supported for a DB instance in a Multi-AZ DB Cluster.",
        ),
        (
            {"StorageType": "io1", "Iops": 1000},
            {"AllocatedStorage": 2100, "Iops": 1000},
            ("Invalid iops to storage (GB) ratio for engine name postgres and storage type io1: "
            "0.4762"),
        ),
        (
            {"StorageType": "io1", "Iops": 1000},
            {"AllocatedStorage": 100, "Iops": 6000},
            ("Invalid iops to storage (GB) ratio for engine name postgres and storage type io1: "
            "60.0000"),
        ),
        (
            {"AllocatedStorage": 20},
            {"AllocatedStorage": 50, "Iops": 1000, "StorageType": "io2"},
            "Invalid storage size for engine name postgres and storage type io2: 50",
        ),
        (
            {"StorageType": "io1", "Iops": 1000},
            {"MaxAllocatedStorage": 4000},
            ("Invalid iops to max storage (GB) ratio for engine name postgres and storage type "
            "io1: 0.2500"),
        ),
        (
            {"DBInstanceStatus": "storage-optimization"},
            {"AllocatedStorage": 200},
            ("You can't currently modify the storage of this DB instance because the previous "
            "storage change is being optimized."),
        ),
    ],
    ids=["shrink", "gp3-small", "gp3-large", "io1", "gp3-low", "aurora", "version", "max", "at-the-limit",
         "limit-of-the-new-size",
         "major", "gp2-iops", "io1-throughput", "ratio", "throughput-low", "throughput-alone",
         "io1-alone", "multi-az-cluster", "too-few-iops", "too-many-iops", "io2-small",
         "too-few-iops-for-the-limit", "optimizing"],
)  # fmt: skip
def test_combinations_are_refused(
    account: AwsStack,
    refused: Refused,
    state: dict[str, Any],
    change: dict[str, Any],
    message: str,
) -> None:
    account.settings(rdsOptimizeSeconds=30)
    database = Database(account)
    if state.get("DBInstanceStatus") == "storage-optimization":
        account.settings(rdsSeconds=0)
        database.modify(AllocatedStorage=150, ApplyImmediately=True)
        assert database.described()["StorageOperationStatus"] == "Optimizing"
    elif state:
        account.set_instance(REGION, database.name, **state)
    before = database.described()["PendingModifiedValues"]
    assert refused(database.modify, **change) == (COMBINATION, message)
    assert database.described()["PendingModifiedValues"] == before


@pytest.mark.parametrize(("asked", "applied"), [(4100, 4400), (4400, 4400), (3000, 3000)])
def test_iops_are_rounded_up_too(account: AwsStack, asked: int, applied: int) -> None:
    database = Database(account, StorageType="io1", Iops=4000)
    answer = database.modify(AllocatedStorage=100, Iops=asked)
    assert answer["PendingModifiedValues"] == {"Iops": applied}


def test_large_gp3_grows_with_its_iops(database: Database) -> None:
    database.modify(AllocatedStorage=400, Iops=12_000)
    database.account.run_maintenance(REGION)
    found = database.described()
    shown = (found["AllocatedStorage"], found["Iops"], found["StorageThroughput"])
    assert shown == (400, 12_000, 500)


def test_gp3_shows_what_nobody_chose(database: Database) -> None:
    found = database.described()
    assert (found["Iops"], found["StorageThroughput"]) == (3000, 125)
    assert "MaxAllocatedStorage" not in found, "autoscaling is off"


def test_the_maximum_equal_to_the_storage_turns_autoscaling_off(database: Database) -> None:
    assert database.modify(MaxAllocatedStorage=500)["MaxAllocatedStorage"] == 500
    assert "MaxAllocatedStorage" not in database.modify(MaxAllocatedStorage=100)


def test_while_storage_is_optimized_the_class_may_change(database: Database) -> None:
    database.account.settings(rdsSeconds=0, rdsOptimizeSeconds=30)
    found = database.modify(AllocatedStorage=200, ApplyImmediately=True)
    assert found["DBInstanceStatus"] == "storage-optimization"
    database.modify(DBInstanceClass="db.r6g.xlarge", ApplyImmediately=True)
    assert database.described()["DBInstanceClass"] == "db.r6g.xlarge"


@pytest.mark.parametrize(
    ("status", "change", "is_taken"),
    [
        ("storage-full", {"AllocatedStorage": 200}, True),
        ("storage-full", {"DBInstanceClass": "db.r6g.xlarge"}, False),
        ("storage-full", {"AllocatedStorage": 200, "DBInstanceClass": "db.r6g.xlarge"}, False),
        ("backing-up", {"AllocatedStorage": 200}, False),
        ("modifying", {"DBInstanceClass": "db.r6g.xlarge"}, False),
        ("something-new", {"DBInstanceClass": "db.r6g.xlarge"}, False),
    ],
)
def test_states(
    account: AwsStack, refused: Refused, status: str, change: dict[str, Any], is_taken: bool
) -> None:
    database = Database(account, DBInstanceStatus=status)
    if is_taken:
        assert database.modify(**change)["PendingModifiedValues"] == change
    else:
        expected = ("InvalidDBInstanceState", "Database instance is not in available state.")
        assert refused(database.modify, **change) == expected


def test_a_full_instance_is_available_again_once_it_has_grown(account: AwsStack) -> None:
    database = Database(account, DBInstanceStatus="storage-full")
    account.settings(rdsSeconds=0)
    database.modify(AllocatedStorage=200, ApplyImmediately=True)
    found = database.described()
    assert (found["DBInstanceStatus"], found["AllocatedStorage"]) == ("available", 200)


def test_four_storage_changes_a_day(database: Database, refused: Refused) -> None:
    database.account.settings(rdsSeconds=0)
    for size in (150, 200, 250, 300):
        database.modify(AllocatedStorage=size, ApplyImmediately=True)
    assert refused(database.modify, AllocatedStorage=350)[0] == COMBINATION
    database.modify(DBInstanceClass="db.r6g.xlarge", ApplyImmediately=True)


def test_wrong_names(database: Database, refused: Refused) -> None:
    code, message = refused(database.modify, DBInstanceClass="large")
    assert (code, message) == ("InvalidParameterValue", "Invalid DB Instance class: large")
    for ask in (database.client.describe_db_instances, database.client.modify_db_instance):
        found = refused(ask, DBInstanceIdentifier="nope")
        assert found == ("DBInstanceNotFound", "DBInstance nope not found.")


def test_a_deleted_instance_leaves_nothing_behind(database: Database, refused: Refused) -> None:
    database.modify(DBInstanceClass="db.r6g.xlarge")
    database.client.delete_db_instance(DBInstanceIdentifier=database.name, SkipFinalSnapshot=True)
    assert refused(database.described)[0] == "DBInstanceNotFound"
