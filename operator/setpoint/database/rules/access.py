"""What the role or the connection does not allow. Pure."""

from collections.abc import Iterable

from setpoint.api.dbtuning import Analysis
from setpoint.api.findings import Severity
from setpoint.database.identifiers import quote
from setpoint.database.model import Server, Snapshot
from setpoint.engine.model import Finding

_SCHEMAS = 10


def tls_not_verified(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """The Secret relaxes sslmode: whoever stands between may read and answer."""
    if not snapshot.tls_verified:
        yield Finding(
            id="TLSNotVerified",
            object="connection",
            severity=Severity.WARNING,
            message="the connection does not verify that the server is the one it claims to be",
            evidence="the Secret's sslmode is not verify-full",
            remedy="set sslmode to verify-full and put the server's authority into ca.crt",
        )


def missing_privilege(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """What the role cannot see is said, not passed over."""
    server = snapshot.server
    if not server.sees_activity:
        yield _missing(
            "pg_monitor",
            "what other sessions do is not seen, nor all settings",
            f"pg_has_role('pg_monitor', 'USAGE') is false for {quote(server.role)}",
            [f"GRANT pg_monitor TO {quote(server.role)}"],
        )
    if server.closed_schema is not None:
        schema, role = quote(server.closed_schema), quote(server.role)
        yield _missing(
            "pg_stat_statements",
            "slow statements are not seen",
            f"no USAGE on schema {schema}, where the extension is, or no SELECT on its view",
            [
                f"GRANT USAGE ON SCHEMA {schema} TO {role}",
                f"GRANT SELECT ON {schema}.pg_stat_statements TO {role}",
                f"GRANT EXECUTE ON FUNCTION {schema}.pg_stat_statements(boolean) TO {role}",
            ],
        )
    if server.unread_schemas:
        schemas = ", ".join(quote(name) for name in server.unread_schemas[:_SCHEMAS])
        yield _missing(
            "pg_read_all_data",
            "statistics of columns and values of sequences are not seen, so bloat and sequences "
            "near their end are not found, and indexes are suggested without knowing how selective "
            "a column is",
            f"tables in {schemas} of database {snapshot.database} may not be read",
            _read_all(server, schemas),
        )


def _read_all(server: Server, schemas: str) -> list[str]:
    """The role pg_read_all_data is there from PostgreSQL 14 on."""
    role = quote(server.role)
    if server.major >= 14:
        return [f"GRANT pg_read_all_data TO {role}"]
    return [
        f"GRANT USAGE ON SCHEMA {schemas} TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schemas} TO {role}",
    ]


def _missing(role: str, what: str, evidence: str, sql: list[str]) -> Finding:
    return Finding(
        id="MissingPrivilege",
        object=role,
        severity=Severity.INFO,
        message=f"setpoint's role may not use {role}: {what}",
        evidence=evidence,
        remedy="grant them, if you want these findings; they allow no writes",
        sql=sql,
        steady=True,
    )


def analysis_cut(snapshot: Snapshot, _: Analysis) -> Iterable[Finding]:
    """More relations than one analysis looks at: what is not looked at is not healthy by that."""
    if snapshot.is_cut:
        yield Finding(
            id="AnalysisIncomplete",
            object=quote(snapshot.database),
            severity=Severity.INFO,
            message="the database has more tables or indexes than are analysed: the smallest "
            "tables and the newest indexes are left out",
            evidence=f"{len(snapshot.tables)} tables were analysed",
            remedy="drop tables that nobody needs, or partitions of past times",
        )
