"""DBTuning's two halves, and what one's trouble leaves of the other."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from tests.unit.database import a_database as a

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import DBTuningSpec
from setpoint.database.decide import decide
from setpoint.database.memory import Memory
from setpoint.database.model import Observed
from setpoint.database.rds.model import RDSObserved
from setpoint.engine import findings
from setpoint.engine.model import Decision

SPEC = DBTuningSpec.model_validate(
    {
        "postgres": {"secretRef": {"name": "db"}},
        "rds": {"instance": "orders", "maxAllocatedStorage": "500Gi"},
    }
)
INSTANCE = RDSObserved(
    arn="arn:aws:rds:eu-central-1:1:db:orders", instance="orders", state="storage-full",
    maintenance_window="sun:03:00-sun:04:00", in_cluster=False, pending={},
    current={"DBInstanceClass": "db.r6g.large", "AllocatedStorage": 100, "StorageType": "gp3",
             "Engine": "postgres"},
)  # fmt: skip
LITTERED = a.snapshot(tables=[a.table(dead=50_000, live=50_000)])


def decided(
    instance: RDSObserved | None, seen: Any, status: dict[str, Any] | None = None
) -> Decision[Memory]:
    now: datetime = a.NOW
    return decide(SPEC, Observed(instance, [seen], []), Memory(), status or {}, now)


def ids(decision: Decision[Memory]) -> set[str]:
    return {finding.id for finding in decision.findings}


def stored(decision: Decision[Memory]) -> dict[str, Any]:
    return {"findings": findings.show(decision.findings, {}, {}, a.NOW).wire()}


def test_an_error_of_ours_in_the_postgres_half_leaves_the_rds_half() -> None:
    whole = decided(INSTANCE, LITTERED)
    assert {"StorageFull", "DeadTuples"} <= ids(whole)
    odd = a.snapshot(tables=[a.table(options={"autovacuum_vacuum_scale_factor": "much"})])
    done = decided(INSTANCE, odd, stored(whole))
    assert [f.reason for f in done.failures] == [Reason.INTERNAL_ERROR]
    assert isinstance(done.failures[0].__cause__, ValueError), "the log needs it"
    assert list(done.samples) == list(whole.samples)
    assert [action.field for action in done.actions] == ["maxAllocatedStorage"]
    assert ids(done) == ids(whole), "what was known of Postgres is not resolved"


def test_an_error_of_ours_in_the_rds_half_leaves_the_postgres_half() -> None:
    whole = decided(INSTANCE, LITTERED)
    odd = replace(INSTANCE, current={**INSTANCE.current, "AllocatedStorage": "much"})
    done = decided(odd, LITTERED, stored(whole))
    assert [f.reason for f in done.failures] == [Reason.INTERNAL_ERROR]
    assert ids(done) == ids(whole)
    assert not done.actions
    assert not done.samples, "no reading is no all-clear"
