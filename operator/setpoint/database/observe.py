"""Looks at the RDS instance and at every database; one's trouble does not hide the others."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from setpoint.api.conditions import Reason
from setpoint.api.dbtuning import Analysis
from setpoint.database.model import Index, Observed, Snapshot, Table
from setpoint.database.postgres.connect import Connector
from setpoint.database.postgres.snapshot import Counters, read_counters, read_snapshot
from setpoint.database.postgres.target import PostgresTarget
from setpoint.database.rds.model import RDSObserved
from setpoint.engine.failure import Failure, Help

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
    target: PostgresTarget,
    databases: Sequence[str],
    analysis: Analysis,
    connector: Connector,
    replicas: Sequence[PostgresTarget] = (),
    memory: int | None = None,
    seconds: float = ANALYSIS_SECONDS,
) -> tuple[list[Snapshot], list[Failure]]:
    """A snapshot of each database, one after the other: they share one server.

    Without `databases`, of the target's own. Scans on `replicas` count; `memory` is the machine's,
    in GiB. Ends after `seconds`, with what it has by then.
    """
    snapshots: list[Snapshot] = []
    failures: list[Failure] = []
    try:
        async with asyncio.timeout(seconds):
            for dbname in databases or [target.dbname]:
                try:
                    snapshot = await _snapshot(target, dbname, analysis, connector)
                except Failure as failure:
                    failures.append(_named(failure, dbname, databases))
                    if not snapshots and failure.reason in _OF_THE_SERVER:
                        break
                    continue
                snapshot, missing = await _with_replicas(snapshot, replicas, connector)
                failures += [_named(failure, dbname, databases) for failure in missing]
                snapshots.append(replace(snapshot, memory=memory))
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
    target: PostgresTarget, dbname: str, analysis: Analysis, connector: Connector
) -> Snapshot:
    async with connector.connect(target, dbname) as connection:
        snapshot = await read_snapshot(connection, analysis)
    return replace(snapshot, tls_verified=target.is_verified)


async def _with_replicas(
    snapshot: Snapshot, replicas: Sequence[PostgresTarget], connector: Connector
) -> tuple[Snapshot, list[Failure]]:
    """The snapshot with the scans that its replicas served, and those that could not be asked."""
    failures = []
    for replica in replicas:
        try:
            async with connector.connect(replica, snapshot.database) as connection:
                identifier, counters = await read_counters(connection)
            _require_same(snapshot, identifier)
        except Failure as failure:
            failures.append(Failure(failure.reason, f"replica {replica.host}: {failure.message}"))
        else:
            snapshot = _with(snapshot, counters)
    seen = len(replicas) - len(failures)
    return replace(snapshot, seen_replicas=seen, unseen_replicas=len(failures)), failures


def _require_same(snapshot: Snapshot, identifier: str | None) -> None:
    """Raises Failure where the replica is surely another cluster's: its oids mean other things."""
    own = snapshot.server.system_identifier
    if own is not None and identifier is not None and own != identifier:
        raise Failure(
            Reason.REJECTED, "it is no replica of the server: name one in spec.postgres.replicas"
        )


def _with(snapshot: Snapshot, counters: Counters) -> Snapshot:
    nothing = (0, 0)

    def index(entry: Index) -> Index:
        scans, rows = counters.get(entry.oid, nothing)
        return replace(entry, scans=entry.scans + scans, tuples_read=entry.tuples_read + rows)

    by_index: dict[int, int] = {}
    for entry in snapshot.indexes:
        more = counters.get(entry.oid, nothing)[0]
        by_index[entry.table] = by_index.get(entry.table, 0) + more

    def table(entry: Table) -> Table:
        parts = [
            replace(
                part,
                seq_scan=part.seq_scan + counters.get(part.oid, nothing)[0],
                seq_tup_read=part.seq_tup_read + counters.get(part.oid, nothing)[1],
            )
            for part in entry.parts
        ]
        return replace(entry, parts=parts, idx_scan=entry.idx_scan + by_index.get(entry.oid, 0))

    return replace(
        snapshot,
        indexes=[index(entry) for entry in snapshot.indexes],
        tables=[table(entry) for entry in snapshot.tables],
    )


def _named(failure: Failure, dbname: str, databases: Sequence[str]) -> Failure:
    """Which of several databases it was; trouble of the server needs no name."""
    if len(databases) < 2 or failure.reason in _OF_THE_SERVER:
        return failure
    return Failure(failure.reason, f"database {dbname}: {failure.message}")


def _all(failures: Sequence[Failure]) -> Failure:
    """Several as one, by the reason of the first that does not pass by itself."""
    if len(failures) == 1:
        return failures[0]
    worst = max(failures, key=lambda failure: failure.help is not Help.TIME)
    told = "; ".join(dict.fromkeys([worst.message, *(failure.message for failure in failures)]))
    return Failure(worst.reason, told)


def together(
    rds: RDSObserved | Failure | None,
    postgres: tuple[list[Snapshot], list[Failure]] | Failure | None,
) -> Observed:
    """Both parts, each of which may have failed; the instance's failure comes first.

    Raises Failure where there is nothing to see.
    """
    snapshots, failures = postgres if isinstance(postgres, tuple) else ([], [])
    failures = [*(part for part in (rds, postgres) if isinstance(part, Failure)), *failures]
    instance = rds if isinstance(rds, RDSObserved) else None
    if instance is None and not snapshots:
        raise _all(failures)
    return Observed(instance, snapshots, failures)
