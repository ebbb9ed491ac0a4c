"""One analysis of a Postgres server without Kubernetes: what `setpoint analyze postgres` runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from setpoint.api.dbtuning import Analysis
from setpoint.database import decide
from setpoint.database.advisor import advise_on
from setpoint.database.indexes.fallback import completed
from setpoint.database.indexes.model import Limits, Statement
from setpoint.database.model import Snapshot
from setpoint.database.observe import analyse
from setpoint.database.postgres.connect import Connector
from setpoint.database.postgres.target import PostgresTarget, from_secret
from setpoint.engine.failure import Failure
from setpoint.engine.model import Finding
from setpoint.trust.network import Network, unrestricted

DEFAULTS = Analysis()
"""The thresholds that a resource has without spec.analysis."""


@dataclass(frozen=True)
class Analysed:
    """The findings, worst first, and what could not be looked at."""

    findings: Sequence[Finding]
    failures: Sequence[Failure]
    snapshots: Sequence[Snapshot]


@dataclass(frozen=True)
class Wish:
    """Index advice, for these statements or, without any, for what the server counted."""

    limits: Limits
    statements: Sequence[Statement] | None = None


async def analyse_url(
    url: str,
    databases: Sequence[str] = (),
    analysis: Analysis = DEFAULTS,
    *,
    ca: str = "",
    replicas: Sequence[str] = (),
    memory: int | None = None,
    network: Network | None = None,
    advice: Wish | None = None,
) -> Analysed:
    """The findings of a server, by a connection URI; `ca` is a PEM text, `memory` in GiB.

    With `advice`, indexes are suggested for what runs. Without a `network`, whoever runs it may
    reach what they can. Raises Failure for a URI that is none; that a server or a database cannot
    be looked at is among the failures.
    """
    target, *others = (from_secret("URL", {"uri": uri, "ca.crt": ca}) for uri in (url, *replicas))
    network = network or unrestricted()
    connector = Connector(network)
    snapshots, failures = await analyse(target, databases, analysis, connector, others, memory)
    if advice is not None:
        snapshots, missing = await _advised(target, snapshots, analysis, network, advice)
        failures += missing
    found = decide.findings(snapshots, analysis, several=len(databases) > 1)
    return Analysed(found, failures, snapshots)


async def _advised(
    target: PostgresTarget,
    snapshots: Sequence[Snapshot],
    analysis: Analysis,
    network: Network,
    wish: Wish,
) -> tuple[list[Snapshot], list[Failure]]:
    """The snapshots with advice; one database's trouble does not hide the others."""
    found, failures = [], []
    for snapshot in snapshots:
        now = datetime.now(UTC)
        try:
            advice = await advise_on(
                target, snapshot.database, network, wish.limits, statements=wish.statements, now=now
            )
        except Failure as failure:
            failures.append(
                Failure(failure.reason, f"index advice for {snapshot.database}: {failure.message}")
            )
            found.append(snapshot)
        else:
            advice = completed(advice, snapshot, analysis, wish.limits)
            found.append(replace(snapshot, advice=advice, advised_at=now))
    return found, failures
