"""What to do about an RDS instance, and what is wrong with the databases. Pure."""

from setpoint.api.dbtuning import DBTuningSpec
from setpoint.database import rules
from setpoint.database.model import Observed
from setpoint.database.rds import decide as rds
from setpoint.engine.model import Decision, Finding


def decide(spec: DBTuningSpec, observed: Observed) -> Decision[None]:
    """The plan for the instance and the findings of all databases."""
    found: list[Finding] = []
    for snapshot in observed.snapshots:
        found += rules.findings(snapshot, spec.analysis)
    planned = rds.RDSDecision([], "")
    if spec.rds is not None and observed.rds is not None:
        planned = rds.decide(spec.rds, observed.rds)
    return Decision(
        memory=None,
        actions=planned.actions,
        findings=_named(found, several=len(observed.snapshots) > 1),
        failures=[*observed.failures, *planned.failures],
        pending=planned.pending,
    )


def _named(found: list[Finding], *, several: bool) -> list[Finding]:
    """Findings once each; those of the server as a whole are found in each of its databases."""
    return list({(f.id, f.object): f for f in found}.values()) if several else found
