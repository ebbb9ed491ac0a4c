"""Transaction ids and multixacts that run out. Pure.

Postgres stops to take writes 3 million transactions before 2^31. Autovacuum freezes from
autovacuum_freeze_max_age on, by default at 200 million, and gives up all restraint at
vacuum_failsafe_age, 1.6 billion.
"""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import qualified, quote
from setpoint.database.model import Part, Snapshot
from setpoint.engine.model import Finding

_END = 2**31
_CRITICAL = 1_600_000_000
_WARNING = 1_200_000_000
_BEHIND = 1.5
"""Times the age at which autovacuum begins: it does not keep up, or something holds it back."""


def transaction_ids(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Databases whose oldest transaction id is much older than autovacuum lets it become."""
    limit = snapshot.server.settings.get("autovacuum_freeze_max_age", 200_000_000)
    for database in snapshot.databases:
        yield from _finding(
            snapshot, "TransactionIdWraparound", database.name, database.transaction_age, limit
        )


def multixacts(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """The same for multixacts, of which shared row locks make many."""
    limit = snapshot.server.settings.get("autovacuum_multixact_freeze_max_age", 400_000_000)
    for database in snapshot.databases:
        yield from _finding(
            snapshot, "MultixactWraparound", database.name, database.multixact_age, limit
        )


def _finding(
    snapshot: Snapshot, rule: str, database: str, age: int, limit: float
) -> Iterable[Finding]:
    if age <= min(_BEHIND * limit, _WARNING):
        return
    what = "transaction ids" if rule == "TransactionIdWraparound" else "multixacts"
    oldest = _oldest(snapshot, rule) if database == snapshot.database else None
    evidence = f"{age} {what} old, {_END - age} left; autovacuum freezes from {limit:.0f} on"
    if oldest is not None:
        evidence += f"; the oldest is {qualified(oldest.schema, oldest.name)}"
    yield Finding(
        id=rule,
        object=quote(database),
        severity=Severity.CRITICAL if age >= _CRITICAL else Severity.WARNING,
        message=f"the database runs out of {what}: when they are gone, it takes no writes",
        evidence=evidence,
        remedy="end what holds the oldest snapshot (long and prepared transactions, replication "
        "slots, standbys with feedback), then vacuum the oldest tables, not FULL",
        sql=[f"VACUUM (FREEZE) {qualified(oldest.schema, oldest.name)}"] if oldest else (),
        magnitude=float(age),
    )


def _oldest(snapshot: Snapshot, rule: str) -> Part | None:
    parts = (part for table in snapshot.tables for part in table.parts)
    if rule == "TransactionIdWraparound":
        return max(parts, key=lambda part: part.transaction_age, default=None)
    return max(parts, key=lambda part: part.multixact_age, default=None)
