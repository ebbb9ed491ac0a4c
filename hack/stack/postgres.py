"""A Postgres server on loopback: TLS, passwords, statistics; nothing durable."""

import os
import secrets
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from stack import tools
from stack.certs import Authority
from stack.install import quiet
from stack.ports import Port
from stack.process import Child
from stack.tools import PostgresTools
from stack.unprivileged import let_through, unprivileged_user, within_reach

_FAST_SHUTDOWN = signal.SIGINT  # SIGTERM would wait until every client is gone
_SUPERUSER = "stack"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_prepared_transactions": "5",
    "wal_level": "logical",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_line_prefix": "%m %u %d %a ",
}
_TLS = {"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}


@dataclass(frozen=True)
class Kept:
    """The data directory of a server that was stopped, and its superuser's password."""

    data: Path
    password: str


class PostgresServer:
    """One server; tests isolate themselves by databases.

    Of `programs`, or the machine's; a streaming `replica_of` another one, with its programs; or
    with a copy of what was `kept` of an earlier one of the same version.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        run_dir: Path,
        authority: Authority,
        *,
        name: str = "postgres",
        programs: PostgresTools | None = None,
        replica_of: "PostgresServer | None" = None,
        kept: Kept | None = None,
        settings: Mapping[str, str] | None = None,
        keep: bool = False,
    ) -> None:
        found = programs or tools.postgres()
        self.has_hypopg = found.has_hypopg
        self.has_tls = found.has_tls
        self.ca_file = authority.ca
        self._settings = {**_SETTINGS, **(_TLS if found.has_tls else {}), **(settings or {})}
        source = replica_of or kept
        self.password: str = source.password if source else secrets.token_hex(12)
        self._name = name
        self._data = run_dir / name
        self._log = run_dir / "logs" / f"{name}.log"
        self._keep = keep
        self._child: Child | None = None
        self._user = unprivileged_user()
        let_through(run_dir, self._user)
        self.bin: Path = (
            replica_of.bin
            if replica_of
            else within_reach(found.bin, found.root, self._user, run_dir, name)
        )
        if replica_of is not None:
            self._copy(replica_of)
        elif kept is not None:
            self._restore(kept, authority)
        else:
            self._initdb(authority, run_dir / f"{name}.password")
        self._port = Port()
        self.port = self._port.number
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop()
        self._port.release()

    @property
    def kept(self) -> Kept:
        """What another server can begin with, once this one was stopped."""
        return Kept(self._data, self.password)

    def restart(self) -> None:
        """Stop it and start it again on the same port."""
        if self._child is not None:
            self._child.stop()
        self._start()

    def uri(
        self,
        user: str,
        password: str,
        dbname: str,
        *,
        host: str = "localhost",
        sslmode: str | None = None,
        **parameters: str,
    ) -> str:
        """A connection URI; `sslmode=verify-full`, the default where the server has TLS, needs
        `sslrootcert` or a `ca.crt` beside it."""
        mode = sslmode or ("verify-full" if self.has_tls else "disable")
        query = urlencode({"sslmode": mode, **parameters})
        return (
            f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}"
            f"@{host}:{self.port}/{quote(dbname, safe='')}?{query}"
        )

    def superuser_uri(self, dbname: str = "postgres") -> str:
        """For set-up only."""
        return self.uri(
            _SUPERUSER, self.password, dbname, host=self.host, sslrootcert=str(self.ca_file)
        )

    def execute(self, statement: Any, dbname: str = "postgres") -> None:
        """One statement as superuser, committed by itself. Raises psycopg.Error."""
        with psycopg.connect(self.superuser_uri(dbname), autocommit=True) as connection:
            connection.execute(statement)

    def create_database(self, name: str) -> None:
        """A database."""
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def create_role(self, name: str, password: str, *grants: str) -> None:
        """A login role that is a member of `grants`."""
        self.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(password)
            )
        )
        for grant in grants:
            self.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(grant), sql.Identifier(name))
            )

    def _initdb(self, authority: Authority, password_file: Path) -> None:
        self._data.mkdir(mode=0o700)
        password_file.touch(mode=0o600)
        password_file.write_text(self.password, encoding="utf-8")
        self._give(self._data)
        self._give(password_file)
        quiet(
            [
                self.bin / "initdb", "-D", self._data, "-U", _SUPERUSER, "--auth=scram-sha-256",
                f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--no-sync",
            ],
            user=self._user,
            cwd=self._data,
        )  # fmt: skip
        password_file.unlink()
        self._certify(authority)

    def _restore(self, kept: Kept, authority: Authority) -> None:
        shutil.copytree(kept.data, self._data)
        for directory, _, files in os.walk(self._data):
            for path in (Path(directory), *(Path(directory, file) for file in files)):
                self._give(path)
        self._certify(authority)

    def _certify(self, authority: Authority) -> None:
        pair = authority.server(self._name)
        for source, name in ((pair.cert, "server.crt"), (pair.key, "server.key")):
            shutil.copy(source, self._data / name)
            self._give(self._data / name)

    def _copy(self, primary: "PostgresServer") -> None:
        """As pg_basebackup does it; TLS files are in the directory that is copied."""
        self._data.mkdir(mode=0o700)
        self._give(self._data)
        connection = (
            f"host={self.host} port={primary.port} user={_SUPERUSER} password={primary.password}"
        )
        quiet(
            [
                self.bin / "pg_basebackup", "-D", self._data, "-d", connection,
                "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
            ],
            user=self._user,
            cwd=self._data,
        )  # fmt: skip

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user, -1)

    def _start(self) -> None:
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        self._child = Child.start(
            self._name,
            [self.bin / "postgres", "-D", self._data, f"-p{self.port}", *settings],
            log_file=self._log,
            user=self._user,
            keep=self._keep,
            stop_signal=_FAST_SHUTDOWN,
        )
        self._child.wait_ready(self._accepts, limit=60, what="Postgres")

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self.superuser_uri(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
