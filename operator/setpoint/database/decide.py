"""What to do about an RDS instance, and what is wrong with the databases. Pure."""

from datetime import datetime

from setpoint.api.dbtuning import DBTuningSpec
from setpoint.database import rules
from setpoint.database.model import Observed
from setpoint.database.rds import decide as rds
from setpoint.database.rds import rules as rds_rules
from setpoint.database.rds.memory import RDSMemory
from setpoint.engine.model import Decision, Finding, Sample


def decide(
    spec: DBTuningSpec, observed: Observed, memory: RDSMemory, now: datetime
) -> Decision[RDSMemory]:
    """The plan for the instance and the findings of all databases."""
    found: list[Finding] = []
    for snapshot in observed.snapshots:
        found += rules.findings(snapshot, spec.analysis)
    planned, samples = rds.RDSDecision(), list[Sample]()
    if spec.rds is not None and observed.rds is not None:
        planned = rds.decide(spec.rds, observed.rds, memory, now)
        found += rds_rules.findings(rds_rules.Facts(spec.rds, observed.rds, memory, now))
        samples = rds_rules.samples(observed.rds)
    return Decision(
        memory=memory,
        actions=planned.actions,
        findings=_named(found, several=len(observed.snapshots) > 1),
        failures=[*observed.failures, *planned.failures],
        samples=samples,
        pending=planned.pending,
        settling=planned.settling,
        again=planned.again if planned.again and planned.again < spec.interval else None,
    )


def _named(found: list[Finding], *, several: bool) -> list[Finding]:
    """Findings once each; those of the server as a whole are found in each of its databases."""
    return list({(f.id, f.object): f for f in found}.values()) if several else found
