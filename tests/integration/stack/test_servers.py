"""Postgres and Redis of the stack: TLS that verifies, passwords, restarts, loopback only."""

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import stack
from stack.certs import Authority
from stack.cluster import Cluster
from stack.ports import Port, is_listening
from stack.postgres import PostgresServer
from stack.process import Child
from stack.redis import RedisServer

PASSWORD = "a'b c/d@e"
ONCE = Retry(NoBackoff(), 0)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of another authority."""
    return Authority(tmp_path_factory.mktemp("stranger"), name="somebody else").ca


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    name = f"stack_{uuid.uuid4().hex[:8]}"
    postgres.create_database(name)
    postgres.create_role(name, PASSWORD, "pg_monitor")
    return name


@pytest.fixture
def own_redis(tmp_path: Path, authority: Authority) -> Iterator[RedisServer]:
    """One that may be restarted and filled."""
    with RedisServer(tmp_path, authority, name="own", maxmemory="5mb") as server:
        yield server


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_postgres_proves_who_it_is(postgres: PostgresServer, database: str, host: str) -> None:
    uri = postgres.uri(database, PASSWORD, database, host=host, sslrootcert=str(postgres.ca_file))
    with psycopg.connect(uri) as connection:
        row = connection.execute(
            "SELECT ssl, current_user, current_setting('is_superuser'),"
            " pg_has_role('pg_monitor', 'MEMBER')"
            " FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone()
    assert row == (True, database, "off", True)


def test_postgres_fails_verification_against_another_authority(
    postgres: PostgresServer, database: str, stranger: Path
) -> None:
    uri = postgres.uri(database, PASSWORD, database, sslrootcert=str(stranger))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(uri)


def test_postgres_wants_the_right_password(postgres: PostgresServer, database: str) -> None:
    uri = postgres.uri(database, "wrong", database, sslmode="require")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(uri)


def test_postgres_collects_statistics_and_has_what_it_says(
    postgres: PostgresServer, database: str
) -> None:
    postgres.execute("CREATE EXTENSION pg_stat_statements", database)
    with psycopg.connect(postgres.superuser_uri(database)) as connection:
        for name, value in (("track_io_timing", "on"), ("password_encryption", "scram-sha-256")):
            assert connection.execute("SELECT current_setting(%s)", (name,)).fetchone() == (value,)
        assert connection.execute("SELECT count(*) > 0 FROM pg_stat_statements").fetchone() == (
            True,
        )
        found = connection.execute(
            "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'"
        ).fetchone()
    assert found == (int(postgres.has_hypopg),)


def test_a_restarted_postgres_has_its_address_and_data(
    tmp_path: Path, authority: Authority
) -> None:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o711)  # pytest closes them, and Postgres runs as another user
    with PostgresServer(tmp_path, authority) as server:
        server.create_database("lasting")
        server.restart()
        server.execute("SELECT 1", "lasting")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_redis_proves_who_it_is(redis_server: RedisServer, host: str) -> None:
    url = redis_server.url(tls=True, host=host)
    with redis.Redis.from_url(url, ssl_ca_certs=str(redis_server.ca_file)) as client:
        assert client.ping()


def test_redis_fails_verification_against_another_authority(
    redis_server: RedisServer, stranger: Path
) -> None:
    with (
        redis.Redis.from_url(
            redis_server.url(tls=True), ssl_ca_certs=str(stranger), retry=ONCE
        ) as client,
        pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.ping()


def test_redis_wants_a_password(redis_server: RedisServer) -> None:
    with (
        redis.Redis(host=redis_server.host, port=redis_server.port, retry=ONCE) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_redis_7_or_newer_keeps_nothing_on_disk(redis_server: RedisServer) -> None:
    assert int(redis_server.cli("INFO", "server")["redis_version"].split(".")[0]) >= 7
    with redis_server.client() as client:
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}


def test_redis_takes_settings_and_comes_back_empty_at_its_address(own_redis: RedisServer) -> None:
    with own_redis.client() as client:
        assert client.config_get("maxmemory") == {"maxmemory": str(5 * 1024 * 1024)}
        client.set("a", "b")
    own_redis.restart()
    with own_redis.client() as client:
        assert client.get("a") is None


def test_everything_listens_on_loopback_only(
    controlplane: Cluster, postgres: PostgresServer, redis_server: RedisServer, family: Any
) -> None:
    listening = family(os.getpid(), with_root=False).listening()
    ports = {int(address.split(":")[1], 16) for address in listening}
    apiserver = int(controlplane.url.rpartition(":")[2])
    assert ports >= {apiserver, postgres.port, redis_server.port, redis_server.tls_port}
    assert {address.split(":")[0] for address in listening} == {"0100007F"}


def test_a_server_without_tls_gets_it_in_front(
    redis_server: RedisServer, tmp_path: Path, stranger: Path
) -> None:
    authority, port = Authority(tmp_path), Port()
    pair = authority.server("front")
    front = Child.start(
        "front",
        [
            sys.executable,
            "-m",
            "stack.tls_front",
            str(port),
            str(redis_server.port),
            pair.cert,
            pair.key,
        ],
        log_file=tmp_path / "front.log",
        env={"PYTHONPATH": str(Path(stack.__file__).parents[1])},
    )
    front.wait_ready(lambda: is_listening(port.number), limit=20, what="the front")
    url = f"rediss://:{redis_server.password}@localhost:{port}/9"
    with redis.Redis.from_url(url, ssl_ca_certs=str(authority.ca), retry=ONCE) as client:
        client.set("large", b"x" * 1_000_000, ex=60)
        assert client.get("large") == b"x" * 1_000_000
    with (
        redis.Redis.from_url(url, ssl_ca_certs=str(stranger), retry=ONCE) as client,
        pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.ping()
    front.stop()
    port.release()
