"""The roles of deploy/sql: each GRANT shows what nothing else does, and none lets anything change."""

import re
from pathlib import Path

import pytest

from setpoint.api.dbtuning import Analysis
from setpoint.database import rules
from tests.integration.database.catalog import ANALYSIS, Database, table

SQL = Path(__file__).parents[3] / "deploy/sql"
MONITOR, READ_ALL, STATEMENTS = "monitor", "read-all-data", "pg-stat-statements"


def install(database: Database, *names: str) -> str:
    """Run these files as an administrator does, for a role of the test's own; its name."""
    role = f"{database.role}_advised"
    for name in names:
        text = (SQL / f"{name}.sql").read_text(encoding="utf-8")
        text = re.sub(r"\bsetpoint\b(?= LOGIN|;)", role, text).replace("choose-one", "secret")
        database.run(text)
    return role


HASTY = Analysis.model_validate({"slowStatements": {"meanTime": "1ms", "minCalls": 3}})
SLOW = ["SELECT pg_sleep(0.01)"] * 4


def uri_of(database: Database, role: str) -> str:
    return database.server.uri(role, "secret", database.name)


async def missing(database: Database, role: str) -> set[str]:
    """What the role is told that it lacks."""
    snapshot = await database.snapshot(uri=uri_of(database, role))
    found = rules.findings(snapshot, ANALYSIS)
    return {finding.object for finding in found if finding.id == "MissingPrivilege"}


@pytest.fixture
def tables(database: Database) -> Database:
    database.run(*table("orders"), "CREATE SEQUENCE numbers", "SELECT nextval('numbers')")
    return database


async def test_the_smaller_role_lacks_the_data_only(tables: Database) -> None:
    role = install(tables, MONITOR)
    assert await missing(tables, role) == {"pg_read_all_data"}


async def test_the_greater_role_lacks_nothing(tables: Database) -> None:
    role = install(tables, MONITOR, READ_ALL, STATEMENTS)
    assert await missing(tables, role) == set()
    tables.run(*SLOW)
    assert (await tables.snapshot(HASTY, uri=uri_of(tables, role))).statements


@pytest.mark.parametrize("grant", ["pg_monitor", "pg_read_all_data"])
async def test_no_grant_is_too_much(tables: Database, grant: str) -> None:
    role = install(tables, MONITOR, READ_ALL)
    tables.run(f"REVOKE {grant} FROM {role}")
    assert await missing(tables, role) == {grant}


async def test_without_the_extension_no_statement_is_seen(tables: Database) -> None:
    role = install(tables, MONITOR, READ_ALL)
    tables.run(*SLOW)
    assert not (await tables.snapshot(HASTY, uri=uri_of(tables, role))).statements


async def test_the_greater_role_can_change_nothing(tables: Database) -> None:
    role = install(tables, MONITOR, READ_ALL, STATEMENTS)
    with tables.admin() as admin:
        memberships = admin.execute(
            "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
            " JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = %s",
            (role,),
        ).fetchall()
        attributes = admin.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname = %s",
            (role,),
        ).fetchone()
        admin.execute(f"SET ROLE {role}".encode())
        writes = admin.execute(
            "SELECT has_table_privilege('orders', 'INSERT, UPDATE, DELETE, TRUNCATE'),"
            " has_sequence_privilege('numbers', 'USAGE, UPDATE'),"
            " has_schema_privilege('public', 'CREATE'),"
            " has_database_privilege(current_database(), 'CREATE')"
        ).fetchone()
    assert sorted(memberships) == [("pg_monitor",), ("pg_read_all_data",)]
    assert attributes == (False,) * 5
    assert writes == (False,) * 4
