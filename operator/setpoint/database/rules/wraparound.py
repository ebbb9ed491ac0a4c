"""Transaction ids and multixacts that run out. Pure.

Postgres stops to take writes 3 million transactions before 2^31. Autovacuum freezes from
autovacuum_freeze_max_age on, by default at 200 million, and gives up all restraint at
vacuum_failsafe_age, 1.6 billion. The oldest table decides for its database, the oldest database for
the server.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import qualified, quote
from setpoint.database.model import Database, Part, Snapshot
from setpoint.engine.model import Finding

_END = 2**31
_CRITICAL = 1_600_000_000
_WARNING = 1_200_000_000
_BEHIND = 1.5
"""Times the age at which autovacuum begins: it does not keep up, or something holds it back."""


@dataclass(frozen=True)
class _Counter:
    id: str
    what: str
    begins: float
    of_part: Callable[[Part], int]
    of_database: Callable[[Database], int]

    @property
    def limit(self) -> float:
        """An age beyond it is a finding."""
        return min(_BEHIND * self.begins, _WARNING)


def _transaction_ids(snapshot: Snapshot) -> _Counter:
    return _Counter(
        "TransactionIdWraparound",
        "transaction ids",
        snapshot.server.settings.get("autovacuum_freeze_max_age", 200_000_000),
        lambda part: part.transaction_age,
        lambda database: database.transaction_age,
    )


def _multixacts(snapshot: Snapshot) -> _Counter:
    return _Counter(
        "MultixactWraparound",
        "multixacts",
        snapshot.server.settings.get("autovacuum_multixact_freeze_max_age", 400_000_000),
        lambda part: part.multixact_age,
        lambda database: database.multixact_age,
    )


def transaction_ids(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Tables whose oldest transaction id is much older than autovacuum lets it become."""
    return _findings(snapshot, _transaction_ids(snapshot))


def multixacts(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """The same for multixacts, of which shared row locks make many."""
    return _findings(snapshot, _multixacts(snapshot))


def transaction_ids_elsewhere(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """Databases of the server that are not looked into: one of them stops the whole server."""
    return _elsewhere(snapshot, _transaction_ids(snapshot))


def multixacts_elsewhere(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """The same for multixacts."""
    return _elsewhere(snapshot, _multixacts(snapshot))


def _elsewhere(snapshot: Snapshot, counter: _Counter) -> Iterable[Finding]:
    known = snapshot.analysed | {snapshot.database}
    for database in snapshot.databases:
        if database.name not in known and counter.of_database(database) > counter.limit:
            yield _finding(counter, quote(database.name), counter.of_database(database), [])


def _findings(snapshot: Snapshot, counter: _Counter) -> Iterable[Finding]:
    """By table; of a partitioned one its oldest partition. By database where no table tells."""
    is_explained = False
    for table in snapshot.tables:
        oldest = max(table.parts, key=counter.of_part, default=None)
        if oldest is not None and counter.of_part(oldest) > counter.limit:
            is_explained = True
            yield _finding(
                counter,
                qualified(table.schema, table.name),
                counter.of_part(oldest),
                [f"VACUUM (FREEZE) {qualified(oldest.schema, oldest.name)}"],
            )
    itself = snapshot.itself
    if itself is not None and not is_explained and counter.of_database(itself) > counter.limit:
        yield _finding(counter, quote(itself.name), counter.of_database(itself), [])


def _finding(counter: _Counter, name: str, age: int, sql: list[str]) -> Finding:
    return Finding(
        id=counter.id,
        object=name,
        severity=Severity.CRITICAL if age >= _CRITICAL else Severity.WARNING,
        message=f"{counter.what} run out: when they are gone, the server takes no writes",
        evidence=(
            f"the oldest is {age} {counter.what} old, {_END - age} are left; autovacuum freezes "
            f"from {counter.begins:.0f} on"
        ),
        remedy="end what holds the oldest snapshot (long and prepared transactions, replication "
        "slots, standbys with feedback), then vacuum, not FULL",
        sql=sql,
        magnitude=float(age),
    )
