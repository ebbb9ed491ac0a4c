"""Analysis of a real Postgres: real catalogs, real names, real refusals."""

import psycopg
import pytest

from setpoint.api.conditions import Reason
from setpoint.database.identifiers import quote
from setpoint.database.observe import analyse
from setpoint.database.postgres.connect import Connector
from setpoint.database.postgres.target import from_secret
from setpoint.engine.failure import Failure
from stack.postgres import PostgresServer
from tests.integration.database.catalog import ANALYSIS, NETWORK, Database, scan, table


async def test_quoting_is_the_servers(postgres: PostgresServer) -> None:
    names = ["a", "A", "1a", "a$", "a-b", 'a"b', "select", "user", "between", "ключ", "a b", "_x"]
    with psycopg.connect(postgres.superuser_uri()) as connection:
        for name in names:
            row = connection.execute("SELECT pg_catalog.quote_ident(%s)", (name,)).fetchone()
            assert row is not None
            assert quote(name) == row[0], name


@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        (("pg_monitor", "pg_read_all_data"), set()),
        (("pg_monitor",), {"pg_read_all_data"}),
        ((), {"pg_monitor", "pg_read_all_data"}),
    ],
    ids=["both", "statistics", "nothing"],
)
async def test_what_the_role_cannot_see_is_said(
    server: PostgresServer, grants: tuple[str, ...], missing: set[str]
) -> None:
    database = Database(server, *grants)
    database.run(*table("plain"), *scan("plain"))
    found = await database.findings()
    assert {name for rule, name in found if rule == "MissingPrivilege"} == missing
    assert ("SequentialScans", "public.plain") in found
    for name in missing:
        assert found["MissingPrivilege", name].sql == [f"GRANT {name} TO {database.role}"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ca.crt": ""}, Reason.TLS_FAILED),
        ({"uri": "postgresql://{role}:wrong@localhost:{port}/{db}"}, Reason.AUTHENTICATION_FAILED),
        ({"uri": "postgresql://{role}:secret@localhost:{port}/absent"}, Reason.TARGET_NOT_FOUND),
        ({"uri": "postgresql://{role}:secret@localhost:1/{db}"}, Reason.CONNECTION_FAILED),
        ({"uri": "postgresql://{role}:secret@169.254.169.254/{db}"}, Reason.HOST_REFUSED),
        ({"uri": "postgresql://{role}:secret@localhost/{db}?host=/tmp"}, Reason.SECRET_INVALID),
        ({"uri": "postgresql://{role}:secret@a,b/{db}"}, Reason.SECRET_INVALID),
        ({"uri": "postgresql:///{db}"}, Reason.SECRET_INVALID),
        ({"uri": "service=x"}, Reason.SECRET_INVALID),
        ({"uri": "postgresql://u:p@h/d?options=-csearch_path%3Dx"}, Reason.SECRET_INVALID),
        ({"uri": "postgresql://u:p@h:0/d"}, Reason.SECRET_INVALID),
    ],
    ids=str,
)
async def test_refusals(one_database: Database, change: dict[str, str], reason: Reason) -> None:
    filled = {
        key: text.format(
            role=one_database.role, port=one_database.server.port, db=one_database.name
        )
        for key, text in change.items()
    }
    with pytest.raises(Failure) as caught:
        await one_database.snapshot(**filled)
    assert caught.value.reason is reason
    assert "secret" not in caught.value.message.replace("Secret", "")


async def test_tls_is_verified_by_name_and_a_relaxed_one_is_said(one_database: Database) -> None:
    by_address = one_database.server.uri(
        one_database.role, "secret", one_database.name, host="127.0.0.1"
    )
    assert (await one_database.snapshot(uri=by_address)).tls_verified
    relaxed = one_database.server.uri(
        one_database.role, "secret", one_database.name, sslmode="require"
    )
    found = await one_database.findings(**{"uri": relaxed, "ca.crt": ""})
    assert ("TLSNotVerified", "connection") in found


async def test_several_databases_of_a_server(
    one_database: Database, postgres: PostgresServer
) -> None:
    other = Database(postgres)
    other.run(f"GRANT CONNECT ON DATABASE {other.name} TO {one_database.role}", *table("there"),
              *scan("there"))  # fmt: skip
    names = [one_database.name, other.name, "absent"]
    snapshots, failures = await analyse(
        from_secret("db", one_database.data()), names, ANALYSIS, Connector(NETWORK)
    )
    assert [s.database for s in snapshots] == names[:2]
    assert [f.reason for f in failures] == [Reason.TARGET_NOT_FOUND]
    assert snapshots[0].server.system_identifier == snapshots[1].server.system_identifier
