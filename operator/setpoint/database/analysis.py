"""One analysis of a Postgres server without Kubernetes: what `setpoint analyze postgres` runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from setpoint.api.dbtuning import Analysis
from setpoint.config import Config
from setpoint.database import decide
from setpoint.database.model import Snapshot
from setpoint.database.observe import analyse
from setpoint.database.postgres.target import from_secret
from setpoint.engine.failure import Failure
from setpoint.engine.model import Finding
from setpoint.trust.network import Network

_ANYWHERE = Config.model_validate({"networks": {"allow": ["0.0.0.0/0", "::/0"]}})

DEFAULTS = Analysis()
"""The thresholds that a resource has without spec.analysis."""


@dataclass(frozen=True)
class Analysed:
    """The findings, worst first, and what could not be looked at."""

    findings: Sequence[Finding]
    failures: Sequence[Failure]
    snapshots: Sequence[Snapshot]


async def analyse_url(
    url: str,
    databases: Sequence[str] = (),
    analysis: Analysis = DEFAULTS,
    *,
    ca: str = "",
    replicas: Sequence[str] = (),
    memory: int | None = None,
    network: Network | None = None,
) -> Analysed:
    """The findings of a server, by a connection URI; `ca` is a PEM text, `memory` in GiB.

    Without a `network`, whoever runs it may reach what they can. Raises Failure for a URI that is
    none; that a server or a database cannot be looked at is among the failures.
    """
    target, *others = (from_secret("URL", {"uri": uri, "ca.crt": ca}) for uri in (url, *replicas))
    snapshots, failures = await analyse(
        target, databases, analysis, network or Network(lambda: _ANYWHERE), others, memory
    )
    found = decide.findings(snapshots, analysis, several=len(databases) > 1)
    return Analysed(found, failures, snapshots)
