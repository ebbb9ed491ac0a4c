"""DBTuning's two halves, and what one's trouble leaves of the other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.database.a_database import NOW, database, snapshot, table

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import Analysis, DBTuningSpec
from setpoint.database import targets
from setpoint.database.decide import decide
from setpoint.database.decide import findings as rules_of
from setpoint.database.memory import Memory
from setpoint.database.model import Observed, Snapshot
from setpoint.database.observe import together
from setpoint.database.rds.model import RDSObserved
from setpoint.engine import findings
from setpoint.engine.failure import Failure
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
LITTERED = snapshot(tables=[table(dead=50_000, live=50_000)])


def decided(
    instance: RDSObserved | None, seen: Any, status: dict[str, Any] | None = None
) -> Decision[Memory]:
    return decide(SPEC, Observed(instance, [seen], []), Memory(), status or {}, NOW)


def ids(decision: Decision[Memory]) -> set[str]:
    return {finding.id for finding in decision.findings}


def stored(decision: Decision[Memory]) -> dict[str, Any]:
    return {"findings": findings.show(decision.findings, {}, {}, NOW).wire()}


def test_an_error_of_ours_in_the_postgres_half_leaves_the_rds_half() -> None:
    whole = decided(INSTANCE, LITTERED)
    assert {"StorageFull", "DeadTuples"} <= ids(whole)
    odd = snapshot(tables=[table(counted_rows=float("nan"))])
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


def test_a_database_that_is_looked_into_is_not_told_of_by_the_others() -> None:
    old = 1_700_000_000
    both = [database(transaction_age=old), database(name="other", transaction_age=old)]
    shop = snapshot(tables=[table(transaction_age=old)], databases=both)
    other = replace(shop, database="other", tables=[table(name="theirs", transaction_age=old)])
    seen = rules_of([shop, other], Analysis(), several=True)
    assert [f.object for f in seen] == ["other.public.theirs", "shop.public.orders"]
    alone = rules_of([shop], Analysis(), several=True)
    assert [f.object for f in alone] == ["other", "shop.public.orders"]


def test_of_several_failures_each_is_told() -> None:
    starts = Failure(Reason.BUSY, "database a: it starts")
    absent = Failure(Reason.TARGET_NOT_FOUND, "database b: it is not there")
    with pytest.raises(Failure) as caught:
        together(None, ([], [starts, absent]))
    assert caught.value.reason is Reason.TARGET_NOT_FOUND
    assert caught.value.message == "database b: it is not there; database a: it starts"
    with pytest.raises(Failure) as caught:
        together(None, ([], [starts]))
    assert caught.value is starts


ARN = INSTANCE.arn
SHOP = "postgres/7/shop"


def known(instance: RDSObserved | None, *seen: Snapshot, before: Sequence[str] = ()) -> list[str]:
    return targets.known(SPEC, Observed(instance, seen, []), before)


def test_each_real_target_has_a_name_of_its_own() -> None:
    assert known(INSTANCE, snapshot()) == [ARN, SHOP]
    unnamed = replace(snapshot().server, system_identifier=None)
    assert known(INSTANCE, snapshot(server=unnamed)) == [ARN]


def test_what_cannot_be_looked_at_keeps_its_name() -> None:
    assert known(None, snapshot(), before=[ARN, SHOP]) == [ARN, SHOP]
    assert known(INSTANCE, before=[ARN, SHOP]) == [ARN, SHOP]
    assert known(None, snapshot(), before=["arn:aws:rds:eu-central-1:1:db:former"]) == [SHOP]
    assert known(INSTANCE, snapshot(), before=["postgres/6/shop", "postgres/6/a/b"]) == [ARN, SHOP]
    assert known(INSTANCE, before=["postgres/odd", "anything"]) == [ARN, "postgres/odd"]


def test_of_several_databases_those_that_are_listed() -> None:
    postgres = {"secretRef": {"name": "db"}, "databases": ["shop", "a/b"]}
    spec = DBTuningSpec.model_validate({"postgres": postgres})
    before = ["postgres/7/a/b", "postgres/7/former", ARN]
    seen = Observed(None, [snapshot()], [])
    assert targets.known(spec, seen, before) == [SHOP, "postgres/7/a/b"]


def test_the_names_are_remembered() -> None:
    seen = Observed(INSTANCE, [snapshot()], [], [ARN, SHOP])
    assert decide(SPEC, seen, Memory(), {}, NOW).memory.targets == [ARN, SHOP]
