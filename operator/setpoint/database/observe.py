"""Looks at the RDS instance and at every database; one's trouble does not hide the others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from setpoint.api.dbtuning import Analysis
from setpoint.database.model import Observed, Snapshot
from setpoint.database.postgres.connect import connect
from setpoint.database.postgres.snapshot import read_snapshot
from setpoint.database.postgres.target import PostgresTarget, from_secret
from setpoint.database.rds.model import RDSObserved
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network


async def analyse(
    secret_name: str,
    data: Mapping[str, str],
    databases: Sequence[str],
    analysis: Analysis,
    network: Network,
) -> tuple[list[Snapshot], list[Failure]]:
    """A snapshot of each database, one after the other: they share one server.

    Raises Failure for a Secret that cannot be used.
    """
    target = from_secret(secret_name, data)
    snapshots: list[Snapshot] = []
    failures: list[Failure] = []
    for dbname in databases or [target.dbname]:
        try:
            snapshots.append(await _snapshot(target, dbname, analysis, network))
        except Failure as failure:
            failures.append(failure)
            if not snapshots:  # the server itself, most likely: do not wait for it once more
                break
    return snapshots, failures


async def _snapshot(
    target: PostgresTarget, dbname: str, analysis: Analysis, network: Network
) -> Snapshot:
    async with connect(target, dbname, network) as connection:
        snapshot = await read_snapshot(connection, analysis.sequential_scans.min_scans)
    return replace(snapshot, tls_verified=target.is_verified)


def together(
    rds: RDSObserved | Failure | None,
    postgres: tuple[list[Snapshot], list[Failure]] | Failure | None,
) -> Observed:
    """Both parts, each of which may have failed. Raises Failure where there is nothing to see."""
    snapshots, failures = postgres if isinstance(postgres, tuple) else ([], [])
    failures = [*(part for part in (rds, postgres) if isinstance(part, Failure)), *failures]
    instance = rds if isinstance(rds, RDSObserved) else None
    if instance is None and not snapshots:
        raise failures[0]
    return Observed(instance, snapshots, failures)
