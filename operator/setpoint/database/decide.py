"""What to do about an RDS instance, and what is wrong with the databases. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from setpoint.api.dbtuning import Analysis, DBTuningSpec
from setpoint.database import rules
from setpoint.database.identifiers import quote
from setpoint.database.model import Observed, Snapshot
from setpoint.database.rds import decide as rds
from setpoint.engine.model import Decision, Finding


def decide(spec: DBTuningSpec, observed: Observed) -> Decision[None]:
    """The plan for the instance and the findings of all databases."""
    planned = rds.RDSDecision([], "")
    if spec.rds is not None and observed.rds is not None:
        planned = rds.decide(spec.rds, observed.rds)
    several = spec.postgres is not None and len(spec.postgres.databases) > 1
    return Decision(
        memory=None,
        actions=planned.actions,
        findings=findings(observed.snapshots, spec.analysis, several=several),
        failures=[*observed.failures, *planned.failures],
        pending=planned.pending,
    )


def findings(snapshots: Sequence[Snapshot], analysis: Analysis, *, several: bool) -> list[Finding]:
    """Findings of all databases, the worst first.

    Where `several` databases are asked for, an object names its own, as SQL writes it; also while
    only one of them can be seen, else its findings would be others then.
    """
    found: list[Finding] = []
    for snapshot in snapshots:
        found += rules.findings(snapshot, analysis, rules.SERVER_RULES)
        own = rules.findings(snapshot, analysis, rules.DATABASE_RULES)
        found += _of(snapshot.database, own) if several else own
    once = {(f.id, f.object): f for f in reversed(found)}  # the server's, as seen first
    return sorted(once.values(), key=lambda f: (f.severity.rank, f.id, f.object))


def _of(database: str, found: Iterable[Finding]) -> list[Finding]:
    return [replace(finding, object=f"{quote(database)}.{finding.object}") for finding in found]
