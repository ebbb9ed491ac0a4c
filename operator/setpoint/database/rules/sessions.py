"""Sessions in the way of others, and connections that run out. Pure."""

from collections.abc import Iterable, Sequence

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import quote
from setpoint.database.model import Session, Snapshot
from setpoint.database.rules.words import lasting, span
from setpoint.engine.model import Finding

_CRITICAL = 95.0
_SHOWN = 3


def long_transactions(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Transactions that run long, and prepared ones that nobody ends."""
    limit = analysis.long_transaction
    found = [
        session
        for session in snapshot.sessions
        if session.in_transaction >= limit.total_seconds()
        and (not session.is_idle or session.pid == 0)
    ]
    if found:
        yield _sessions(
            "LongTransaction",
            snapshot,
            found,
            message="a transaction runs long: vacuum cannot remove what died since it began",
            evidence=f"longer than {span(limit)}: {_named(found, 'in_transaction')}",
            remedy="shorten it, or end it: pg_terminate_backend(pid); a prepared one: "
            "ROLLBACK PREPARED",
            age=max(session.in_transaction for session in found),
        )


def idle_in_transaction(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Sessions whose client has opened a transaction and does nothing."""
    limit = analysis.idle_in_transaction
    found = [
        session
        for session in snapshot.sessions
        if session.is_idle and session.pid and session.in_state >= limit.total_seconds()
    ]
    if found:
        yield _sessions(
            "IdleInTransaction",
            snapshot,
            found,
            message="a client holds a transaction open and does nothing: its locks and its "
            "snapshot stay",
            evidence=f"longer than {span(limit)}: {_named(found, 'in_state')}",
            remedy="let the application end its transactions; set "
            "idle_in_transaction_session_timeout",
            age=max(session.in_state for session in found),
        )


def blocked_sessions(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Sessions that wait for a lock, and who holds it."""
    limit = analysis.blocked_session
    found = [
        session
        for session in snapshot.sessions
        if session.waits_for_lock is not None and session.waits_for_lock >= limit.total_seconds()
    ]
    if found:
        blockers = sorted({pid for session in found for pid in session.blockers})
        yield _sessions(
            "BlockedSession",
            snapshot,
            found,
            message="sessions wait for a lock that another one holds",
            evidence=(
                f"longer than {span(limit)}: {_named(found, 'waits_for_lock')}; blocked by pid "
                f"{', '.join(map(str, blockers[:5])) or 'unknown'}"
            ),
            remedy="see in pg_stat_activity what the blocking session does, and end it if it must "
            "not: pg_terminate_backend(pid)",
            age=max(session.waits_for_lock or 0 for session in found),
        )


def connections_near_limit(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Of the whole server, less what it keeps for administrators, and of a limited database."""
    server = snapshot.server
    settings = server.settings
    limit = int(
        settings.get("max_connections", 0)
        - settings.get("superuser_reserved_connections", 0)
        - settings.get("reserved_connections", 0)
    )
    if limit > 0:
        yield from _connections("server", server.connections, limit, analysis.connections)
    for database in snapshot.databases:
        if database.connection_limit > 0:
            yield from _connections(
                quote(database.name),
                database.connections,
                database.connection_limit,
                analysis.connections,
            )


def _connections(name: str, used: int, limit: int, percent: float) -> Iterable[Finding]:
    share = 100 * used / limit
    if share < percent:
        return
    yield Finding(
        id="ConnectionsNearLimit",
        object=name,
        severity=Severity.CRITICAL if share >= _CRITICAL else Severity.WARNING,
        message="nearly all connections are in use: further clients are refused at the limit",
        evidence=f"{used} of {limit} connections ({share:.0f}%)",
        remedy="pool connections (PgBouncer, RDS Proxy) or make the applications' pools smaller; "
        "raise the limit only if memory allows",
        magnitude=float(max(used, 1)),
    )


def _sessions(
    rule: str,
    snapshot: Snapshot,
    found: Sequence[Session],
    *,
    message: str,
    evidence: str,
    remedy: str,
    age: float,
) -> Finding:
    return Finding(
        id=rule,
        object=quote(snapshot.database),
        severity=Severity.WARNING,
        message=message,
        evidence=f"{len(found)} {evidence}",
        remedy=remedy,
        magnitude=max(age, 1.0),
    )


def _named(found: Sequence[Session], by: str) -> str:
    longest = sorted(found, key=lambda session: -float(getattr(session, by) or 0))
    return ", ".join(
        f"{_who(session)} for {lasting(float(getattr(session, by) or 0))}"
        for session in longest[:_SHOWN]
    )


def _who(session: Session) -> str:
    name = f"{session.user[:63]}" + (
        f" ({session.application[:63]})" if session.application else ""
    )
    return f"prepared {name}" if session.pid == 0 else f"pid {session.pid} {name}"
