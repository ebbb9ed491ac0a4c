"""One connection to Redis, to the pinned address, with TLS verified by name.

A pool of exactly one connection: `CLIENT NO-TOUCH` and `SELECT` hold for a connection, and
redis-py's pipelines would take another one.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from setpoint.api.conditions import Reason
from setpoint.cache.errors import classify
from setpoint.cache.info import Info
from setpoint.cache.target import RedisTarget
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network

_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 10

_NO_TLS = (
    "Redis did not answer a TLS connection in time: it is too busy, or this port speaks no TLS "
    "(then the Secret must have another port, or redis:// for rediss://)"
)
Client = Any  # redis-py's own types change with its arguments


class _NamedTLSConnection(SSLConnection):
    """Connects to an address, and verifies the certificate for a name."""

    def __init__(self, *, server_hostname: str, **options: Any) -> None:
        super().__init__(**options)
        self._server_hostname = server_hostname

    def _connection_arguments(self) -> Any:
        return {**super()._connection_arguments(), "server_hostname": self._server_hostname}


@contextlib.asynccontextmanager
async def connect(target: RedisTarget, network: Network) -> AsyncIterator[Client]:
    """A client of one connection. Raises Failure, also for errors inside the body."""
    address = await network.pin(target.host, target.port)
    options: dict[str, Any] = {
        "host": address,
        "port": target.port,
        "username": target.username or None,
        "password": target.password or None,
        "protocol": 2,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "driver_info": None,
    }
    if target.tls:
        options |= {
            "server_hostname": target.server_name or target.host,
            "ssl_ca_data": target.ca or None,
        }
    pool: Any = BlockingConnectionPool(
        connection_class=_NamedTLSConnection if target.tls else Connection,
        max_connections=1,
        timeout=_CONNECT_SECONDS,
        **options,
    )
    client: Client = Redis(connection_pool=pool)
    client.set_response_callback("INFO", _text)  # ours reads what others leave out
    is_connected = False
    try:
        await _name(client)
        is_connected = True
        yield client
    except RedisError as error:
        if target.tls and not is_connected and isinstance(error, RedisTimeoutError):
            raise Failure(Reason.TIMED_OUT, _NO_TLS) from None
        raise failure(error) from None
    except OSError:
        raise classify("a command", "", answered=False) from None
    finally:
        await client.aclose()
        await pool.disconnect()


async def leave_no_trace(client: Client, info: Info) -> bool:
    """Where the server can, have our reads and writes not count as use of a key.

    False where the user may not.
    """
    if info.may_no_touch:
        try:
            await client.execute_command("CLIENT", "NO-TOUCH", "ON")
        except ResponseError:
            return False
    return True


def failure(error: RedisError, command: str = "a command") -> Failure:
    """The Failure for an error of redis-py."""
    answered = not isinstance(error, RedisConnectionError | RedisTimeoutError)
    text = f"{type(error).__name__} {error} {error.__cause__ or ''}"
    return classify(command, text, answered=answered)


def _text(answer: Any, **_: Any) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)


async def _name(client: Client) -> None:
    """So that CLIENT LIST tells who this is, if the user may."""
    try:
        await client.execute_command("CLIENT", "SETNAME", "setpoint")
    except ResponseError as error:
        if "noauth" in str(error).lower() or "wrongpass" in str(error).lower():
            raise
