"""Connections that can read and nothing else, to the pinned address, with TLS verified."""

import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from setpoint.api.conditions import Reason
from setpoint.database.postgres.errors import classify
from setpoint.database.postgres.sessions import Sessions
from setpoint.database.postgres.target import PostgresTarget
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 15
MIN_VERSION = 130000

# In the startup packet, so that not one statement runs without it. A user's schema can then shadow
# nothing that our statements name. What applications need more, workers and processors, is left to
# them.
_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "search_path": "pg_catalog,pg_temp",
        "default_transaction_read_only": "on",
        "statement_timeout": STATEMENT_SECONDS * 1000,
        "lock_timeout": 1000,
        "idle_in_transaction_session_timeout": 30_000,
        "jit": "off",
        "max_parallel_workers_per_gather": 0,
    }.items()
)

Connection = psycopg.AsyncConnection[dict[str, Any]]


class Connector:
    """Opens the connections of looks, few of them at once to one server, whoever asks."""

    def __init__(self, network: Network, sessions: Sessions | None = None) -> None:
        self._network = network
        self._sessions = sessions or Sessions()

    @contextlib.asynccontextmanager
    async def connect(self, target: PostgresTarget, dbname: str) -> AsyncIterator[Connection]:
        """As `connect`, once the server has room for a session of ours. Raises Failure."""
        address = await self._network.pin(target.host, target.port)
        room = self._sessions.one((address, target.port))
        async with room, _opened(target, dbname, address) as connection:
            yield connection


@contextlib.asynccontextmanager
async def connect(
    target: PostgresTarget, dbname: str, network: Network
) -> AsyncIterator[Connection]:
    """A connection in one read-only snapshot, closed afterwards.

    Raises Failure; whatever goes wrong with the server inside the body becomes one too.
    """
    address = await network.pin(target.host, target.port)
    async with _opened(target, dbname, address) as connection:
        yield connection


@contextlib.asynccontextmanager
async def _opened(target: PostgresTarget, dbname: str, address: str) -> AsyncIterator[Connection]:
    if "\0" in dbname:  # libpq would end the name there, and find another database
        raise classify("3D000", "")
    try:
        with _authority(target) as root:
            connection: Connection = await psycopg.AsyncConnection.connect(
                host=target.host,
                hostaddr=address,
                port=target.port,
                user=target.user,
                password=target.password,
                dbname=dbname,
                sslmode=target.sslmode,
                sslrootcert=root,
                connect_timeout=CONNECT_SECONDS,
                application_name="setpoint",
                options=_OPTIONS,
                client_encoding="utf8",
                passfile="/dev/null",
                target_session_attrs="any",
                gssencmode="disable",
                row_factory=dict_row,
                prepare_threshold=None,
            )
        async with connection:
            require_supported(connection.info.server_version)
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            yield connection
    except psycopg.Error as error:
        raise classify(error.sqlstate, str(error)) from None
    except UnicodeDecodeError:
        raise Failure(
            Reason.UNSUPPORTED,
            "the database holds names that are not UTF-8: rename them (its encoding is SQL_ASCII)",
        ) from None


def require_supported(version: int) -> None:
    """Of a version number as libpq has it, such as 150020. Raises Failure(UNSUPPORTED)."""
    if version < MIN_VERSION:
        raise Failure(
            Reason.UNSUPPORTED, "the Postgres server is older than 13, the oldest supported"
        )


@contextlib.contextmanager
def _authority(target: PostgresTarget) -> Iterator[str]:
    """A file with the authorities to trust, for as long as libpq reads it."""
    if not target.ca:
        yield system_authorities(ssl.get_default_verify_paths()) if target.is_verified else ""
        return
    with tempfile.TemporaryDirectory(prefix="setpoint-") as directory:
        file = Path(directory) / "ca.crt"
        file.touch(mode=0o600)
        file.write_text(target.ca + "\n", encoding="utf-8")
        yield str(file)


def system_authorities(paths: ssl.DefaultVerifyPaths) -> str:
    """The system's bundle of authorities, by its file.

    libpq's own word for it, "system", asks the OpenSSL that psycopg's wheel brings along, which
    looks in a directory that no system has.
    """
    candidates = [paths.cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/cert.pem"]
    return next((path for path in candidates if path and Path(path).is_file()), "system")
