"""What the role or the connection does not allow. Pure."""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import quote
from setpoint.database.model import Snapshot
from setpoint.engine.model import Finding


def tls_not_verified(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """The Secret relaxes sslmode: whoever stands between may read and answer."""
    if not snapshot.tls_verified:
        yield Finding(
            id="TLSNotVerified",
            object=f"database {snapshot.database}",
            severity=Severity.WARNING,
            message="the connection does not verify that the server is the one it claims to be",
            evidence="the Secret's sslmode is not verify-full",
            remedy="set sslmode to verify-full and put the server's authority into ca.crt",
        )


def missing_privilege(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """What the role cannot see is said, not passed over."""
    server = snapshot.server
    if not server.sees_statistics:
        yield _missing(snapshot, "pg_monitor", "sizes and statistics of all tables are not seen")
    if not server.sees_columns:
        yield _missing(
            snapshot, "pg_read_all_data", "statistics of columns are not seen, so suggested "
            "indexes are in the order of the columns",
        )  # fmt: skip


def _missing(snapshot: Snapshot, role: str, what: str) -> Finding:
    return Finding(
        id="MissingPrivilege",
        object=role,
        severity=Severity.INFO,
        message=f"setpoint's role is not a member of {role}: {what}",
        evidence=f"pg_has_role('{role}', 'USAGE') is false in database {snapshot.database}",
        remedy="grant it, if you want these findings; it allows no writes",
        sql=[f"GRANT {role} TO {quote(snapshot.server.role)}"],
    )
