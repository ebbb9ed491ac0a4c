"""The rules: pure functions from a snapshot to findings."""

from collections.abc import Callable, Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.database.model import Snapshot
from setpoint.database.rules.access import missing_privilege, tls_not_verified
from setpoint.database.rules.scans import sequential_scans
from setpoint.database.rules.unused import unused_indexes
from setpoint.engine.model import Finding

Rule = Callable[[Snapshot, Analysis], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    tls_not_verified,
    missing_privilege,
    sequential_scans,
    unused_indexes,
)


def findings(snapshot: Snapshot, analysis: Analysis) -> list[Finding]:
    """What all rules find, in the rules' order."""
    return [finding for rule in RULES for finding in rule(snapshot, analysis)]
