"""The rules: pure functions from a snapshot to findings."""

from collections.abc import Callable, Iterable, Sequence

from setpoint.api.dbtuning import Analysis
from setpoint.database.model import Snapshot
from setpoint.database.rules.access import missing_privilege, tls_not_verified
from setpoint.database.rules.scans import sequential_scans
from setpoint.database.rules.unused import unused_indexes
from setpoint.engine.model import Finding

Rule = Callable[[Snapshot, Analysis], Iterable[Finding]]

SERVER_RULES: tuple[Rule, ...] = (tls_not_verified, missing_privilege)
"""About the server and our role on it: each of its databases shows the same."""

DATABASE_RULES: tuple[Rule, ...] = (sequential_scans, unused_indexes)
"""About the objects of one database."""

RULES = (*SERVER_RULES, *DATABASE_RULES)


def findings(
    snapshot: Snapshot, analysis: Analysis, rules: Sequence[Rule] = RULES
) -> list[Finding]:
    """What the rules find, in their order."""
    return [finding for rule in rules for finding in rule(snapshot, analysis)]
