"""Sessions in the way of others, and connections that run out. Pure."""

from collections.abc import Callable, Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import quote
from setpoint.database.model import Session, Snapshot
from setpoint.database.rules.words import lasting
from setpoint.engine.model import Finding

_CRITICAL = 95.0
_SHOWN = 20


def long_transactions(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Transactions that run long, and prepared ones that nobody ends.

    Those too whose client thinks for a moment; once it does nothing, they are idle ones.
    """
    limit = analysis.long_transaction.total_seconds()
    idle = analysis.idle_in_transaction.total_seconds()
    found = [s for s in snapshot.sessions if not (s.is_idle and s.pid and s.in_state >= idle)]
    for session in _oldest(found, lambda s: s.in_transaction, limit):
        yield _finding(
            "LongTransaction",
            session,
            message="a transaction runs long: vacuum cannot remove what died since it began",
            evidence=f"{_who(session)}, for {lasting(session.in_transaction)}",
            remedy=f"ROLLBACK PREPARED or COMMIT PREPARED it, as user {session.user}"
            if session.pid == 0
            else f"shorten it, or end it: pg_terminate_backend({session.pid})",
            age=session.in_transaction,
        )


def idle_in_transaction(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Sessions whose client has opened a transaction and does nothing."""
    limit = analysis.idle_in_transaction.total_seconds()
    found = [s for s in snapshot.sessions if s.is_idle and s.pid]
    for session in _oldest(found, lambda s: s.in_state, limit):
        yield _finding(
            "IdleInTransaction",
            session,
            message="a client holds a transaction open and does nothing: its locks and its "
            "snapshot stay",
            evidence=f"{_who(session)}, idle for {lasting(session.in_state)}, in a transaction for "
            f"{lasting(session.in_transaction)}",
            remedy="let the application end its transactions, and set "
            "idle_in_transaction_session_timeout; to end this one: "
            f"pg_terminate_backend({session.pid})",
            age=session.in_state,
        )


def blocked_sessions(snapshot: Snapshot, analysis: Analysis) -> Iterable[Finding]:
    """Sessions that wait for a lock, and who holds it."""
    limit = analysis.blocked_session.total_seconds()
    waiting = [s for s in snapshot.sessions if s.waits_for_lock is not None]
    for session in _oldest(waiting, lambda s: s.waits_for_lock or 0.0, limit):
        blockers = ", ".join(map(str, session.blockers[:5])) or "unknown"
        yield _finding(
            "BlockedSession",
            session,
            message="a session waits for a lock that another one holds",
            evidence=f"{_who(session)}, for {lasting(session.waits_for_lock or 0)}; blocked by pid "
            f"{blockers}",
            remedy="see in pg_stat_activity what the blocking session does, and end it if it must "
            "not: pg_terminate_backend(pid)",
            age=session.waits_for_lock or 0,
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


def _oldest(
    sessions: Iterable[Session], age: Callable[[Session], float], limit: float
) -> list[Session]:
    """The few that are beyond the limit for longest; more of them say no more."""
    found = [session for session in sessions if age(session) >= limit]
    return sorted(found, key=lambda session: -age(session))[:_SHOWN]


def _finding(
    rule: str, session: Session, *, message: str, evidence: str, remedy: str, age: float
) -> Finding:
    name = f"session {session.pid}" if session.pid else f"prepared {quote(session.application)}"
    return Finding(
        id=rule,
        object=name,
        severity=Severity.WARNING,
        message=message,
        evidence=evidence,
        remedy=remedy,
        magnitude=max(age, 1.0),
    )


def _who(session: Session) -> str:
    """The user, and what the application calls itself: its own text, so it is cut."""
    if session.pid == 0 or not session.application:
        return f"user {session.user[:63]}"
    return f"user {session.user[:63]}, application {session.application[:63]}"
