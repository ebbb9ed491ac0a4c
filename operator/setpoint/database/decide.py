"""What to do about an RDS instance, and what is wrong with the databases. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from setpoint.api.dbtuning import Analysis, DBTuningSpec, Postgres
from setpoint.database import history, rules
from setpoint.database.identifiers import qualified, quote
from setpoint.database.memory import Memory
from setpoint.database.model import Observed, Snapshot
from setpoint.database.rds import decide as rds
from setpoint.database.rds import rules as rds_rules
from setpoint.database.rds.model import PREFIX
from setpoint.database.rules import About
from setpoint.engine.findings import carried
from setpoint.engine.ignore import wanted
from setpoint.engine.model import Decision, Finding, Sample


def decide(
    spec: DBTuningSpec,
    observed: Observed,
    memory: Memory,
    status: Mapping[str, Any],
    now: datetime,
) -> Decision[Memory]:
    """The plan for the instance and the findings of all databases.

    `status` is what was stored: findings of what could not be looked at this time stay.
    """
    found, looks = _postgres(spec, observed, memory.postgres, status, now)
    planned, samples = rds.RDSDecision(), list[Sample]()
    if spec.rds is not None and observed.rds is not None:
        planned = rds.decide(spec.rds, observed.rds, memory.rds, now)
        found += rds_rules.findings(rds_rules.Facts(spec.rds, observed.rds, memory.rds, now))
        samples = rds_rules.samples(observed.rds)
    elif spec.rds is not None:
        known = status.get("findings") or {}
        found = carried(found, known, lambda _, thing: thing.startswith(PREFIX))
    found, ignored = wanted(found, spec.ignore, now)
    memory = replace(memory, postgres=looks)
    return Decision(
        memory=memory,
        actions=planned.actions,
        findings=found,
        failures=[*observed.failures, *planned.failures],
        samples=samples,
        pending=planned.pending,
        ignored=ignored,
        settling=planned.settling,
        again=_again(spec, planned.again, advising=observed.advising),
    )


_ADVISING = timedelta(seconds=30)
"""Advice is looked for this often while it is being made."""


def _again(spec: DBTuningSpec, planned: timedelta | None, *, advising: bool) -> timedelta | None:
    """When to look again, if earlier than usual."""
    wishes = [wish for wish in (planned, _ADVISING if advising else None) if wish]
    return min((wish for wish in wishes if wish < spec.interval), default=None)


def _postgres(
    spec: DBTuningSpec,
    observed: Observed,
    memory: history.Memory,
    status: Mapping[str, Any],
    now: datetime,
) -> tuple[list[Finding], history.Memory]:
    if spec.postgres is None:
        return [], memory
    snapshots, memory = history.advance(memory, observed.snapshots)
    several = len(spec.postgres.databases) > 1
    found = findings(snapshots, spec.analysis, several=several)
    memory = history.persist(memory, _concerned(found, snapshots, several=several), now)
    return _with_unseen(found, spec.postgres, snapshots, status), memory


def findings(snapshots: Sequence[Snapshot], analysis: Analysis, *, several: bool) -> list[Finding]:
    """Findings of all databases, the worst first.

    Where `several` databases are asked for, an object names its own, as SQL writes it; also while
    only one of them can be seen, else its findings would be others then.
    """
    found: list[Finding] = []
    for snapshot in snapshots:
        for rule in rules.RULES:
            own = rule.check(snapshot, analysis)
            is_inside = several and rule.about is About.RELATION
            found += _of(snapshot.database, own) if is_inside else own
    once = {(f.id, f.object): f for f in reversed(found)}  # the server's, as seen first
    return sorted(once.values(), key=lambda f: (f.severity.rank, f.id, f.object))


def _of(database: str, found: Iterable[Finding]) -> list[Finding]:
    return [replace(finding, object=f"{quote(database)}.{finding.object}") for finding in found]


def _concerned(
    found: Sequence[Finding], snapshots: Sequence[Snapshot], *, several: bool
) -> Iterable[tuple[str, int]]:
    """The tables that carry findings about their scans, by database and oid."""
    objects = {finding.object for finding in found if finding.id == "SequentialScans"}
    for snapshot in snapshots:
        prefix = f"{quote(snapshot.database)}." if several else ""
        for table in snapshot.tables:
            if objects and prefix + qualified(table.schema, table.name) in objects:
                yield snapshot.database, table.oid


def _with_unseen(
    found: Sequence[Finding],
    spec: Postgres,
    snapshots: Sequence[Snapshot],
    status: Mapping[str, Any],
) -> list[Finding]:
    """With what status shows of the databases that could not be looked at."""
    ids = {rule.id for rule in rules.RULES}
    seen = {snapshot.database for snapshot in snapshots}
    missing = [quote(name) for name in spec.databases if name not in seen]

    def is_unseen(rule: str, thing: str) -> bool:
        if rule not in ids:
            return False
        return not seen or any(thing == name or thing.startswith(f"{name}.") for name in missing)

    return carried(found, status.get("findings") or {}, is_unseen)
