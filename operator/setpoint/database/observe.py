"""Looks at the RDS instance and at every database; one's trouble does not hide the others."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import Analysis
from setpoint.database.model import Observed, Snapshot
from setpoint.database.postgres.connect import connect
from setpoint.database.postgres.snapshot import read_snapshot
from setpoint.database.postgres.target import PostgresTarget, from_secret
from setpoint.database.rds.model import RDSObserved
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network

ANALYSIS_SECONDS = 60.0
"""For all databases together: well below the engine's limit, so that what was seen is kept."""

# Trouble of the server or the role: asking for the next database would meet it once more.
_OF_THE_SERVER = frozenset(
    {
        Reason.CONNECTION_FAILED,
        Reason.HOST_REFUSED,
        Reason.TLS_FAILED,
        Reason.AUTHENTICATION_FAILED,
        Reason.UNSUPPORTED,
    }
)


async def analyse(
    secret_name: str,
    data: Mapping[str, str],
    databases: Sequence[str],
    analysis: Analysis,
    network: Network,
    seconds: float = ANALYSIS_SECONDS,
) -> tuple[list[Snapshot], list[Failure]]:
    """A snapshot of each database, one after the other: they share one server.

    Ends after `seconds`, with what it has by then. Raises Failure for a Secret that cannot be used.
    """
    target = from_secret(secret_name, data)
    snapshots: list[Snapshot] = []
    failures: list[Failure] = []
    try:
        async with asyncio.timeout(seconds):
            for dbname in databases or [target.dbname]:
                try:
                    snapshots.append(await _snapshot(target, dbname, analysis, network))
                except Failure as failure:
                    failures.append(_named(failure, dbname, databases))
                    if not snapshots and failure.reason in _OF_THE_SERVER:
                        break
    except TimeoutError:
        failures.append(
            Failure(
                Reason.TIMED_OUT,
                "Postgres did not answer all statements of the analysis in time: look for what "
                "its sessions wait for",
            )
        )
    return snapshots, failures


async def _snapshot(
    target: PostgresTarget, dbname: str, analysis: Analysis, network: Network
) -> Snapshot:
    async with connect(target, dbname, network) as connection:
        snapshot = await read_snapshot(connection, analysis.sequential_scans.min_scans)
    return replace(snapshot, tls_verified=target.is_verified)


def _named(failure: Failure, dbname: str, databases: Sequence[str]) -> Failure:
    """Which of several databases it was; trouble of the server needs no name."""
    if len(databases) < 2 or failure.reason in _OF_THE_SERVER:
        return failure
    return Failure(failure.reason, f"database {dbname}: {failure.message}")


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
