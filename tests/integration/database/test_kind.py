"""DBTuning's Postgres half as the engine runs it: Secrets, memory, status."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action
from setpoint.trust.network import Network
from stack.postgres import PostgresServer
from tests.integration.aws.loop import Loop
from tests.integration.database.catalog import NETWORK, Database, caught_up, kind, scan, table


class Secrets:
    """Those of the resource's namespace."""

    def __init__(self, **data: dict[str, str]) -> None:
        self.data = data

    async def read(self, namespace: str, name: str) -> dict[str, str]:
        if name not in self.data:
            raise Failure(Reason.SECRET_NOT_FOUND, f"there is no Secret {name}")
        return self.data[name]


def loop(secrets: Secrets, network: Network = NETWORK, **spec: Any) -> Loop:
    return Loop(kind(secrets, network), {"postgres": {**spec}})


@pytest.fixture
def scanned(one_database: Database) -> Database:
    one_database.run(*table("bare"), *scan("bare"))
    return one_database


DB: dict[str, Any] = {"secretRef": {"name": "db"}}


async def test_a_look_and_what_is_remembered_of_it(scanned: Database) -> None:
    run = loop(Secrets(db=scanned.data()), **DB)
    done = await run.attempt()
    assert [(f.id, f.object) for f in done.decision.findings] == [
        ("SequentialScans", "public.bare")
    ]
    first = run.status
    assert first["databases"][0]["name"] == scanned.name
    assert first["databases"][0]["tables"] == 1
    [counter] = first["baseline"]["counters"]
    assert counter.startswith(f"{scanned.name}/")
    assert counter.endswith("/0")

    scanned.run(*scan("bare", 300))
    done = await run.attempt()
    assert run.status == first, "counters move, status does not"
    [finding] = done.decision.findings
    assert finding.evidence.startswith("1400 sequential and 0 index scans since ")
    assert finding.evidence.endswith("rates are being collected"), "seconds tell no rate"


async def test_after_a_restart_rates_go_on_from_what_status_has(scanned: Database) -> None:
    secrets = Secrets(db=scanned.data())
    before = loop(secrets, **DB)
    await before.attempt()
    scanned.run(*scan("bare", 300))
    baseline = before.status["baseline"]
    earlier = datetime.fromisoformat(baseline["takenAt"]) - timedelta(hours=1)
    after = loop(secrets, **DB)
    after.status = {**before.status, "baseline": {**baseline, "takenAt": earlier.isoformat()}}
    after.restart()
    [finding] = (await after.attempt()).decision.findings
    assert "; 300 sequential and 0 index scans an hour" in finding.evidence
    fresh = loop(secrets, **DB)
    [finding] = (await fresh.attempt()).decision.findings
    assert "rates are being collected" in finding.evidence


async def test_a_replica_has_a_secret_of_its_own(
    scanned: Database, replica: PostgresServer
) -> None:
    own = {"uri": scanned.uri(replica), "ca.crt": replica.ca_file.read_text()}
    spec: dict[str, Any] = {**DB, "replicas": [{"secretRef": {"name": "replica"}}]}
    caught_up(scanned, replica).close()  # it has the role that is to log in
    done = await loop(Secrets(db=scanned.data(), replica=own), **spec).attempt()
    assert done.observed.snapshots[0].seen_replicas == 1
    with pytest.raises(Failure) as caught:
        await loop(Secrets(db=scanned.data()), **spec).attempt()
    assert caught.value.reason is Reason.SECRET_NOT_FOUND


async def test_nothing_is_ever_done_to_a_database(scanned: Database) -> None:
    done = await loop(Secrets(db=scanned.data()), **DB).attempt()
    assert list[Action](done.decision.actions) == []
    assert done.target is not None
    assert done.target.startswith("postgres/")
