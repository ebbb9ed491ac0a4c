"""HTTP to receivers of alerts: every host is checked and pinned, no redirect is followed."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from setpoint.api.conditions import Reason
from setpoint.engine.failure import Failure
from setpoint.engine.fence import ALONE, Fence
from setpoint.trust.network import Network

TIMEOUT_SECONDS = 15.0
_LONGEST_SECONDS = 3600.0


@dataclass(frozen=True)
class Answer:
    """What became of a call. Exactly one holds: `ok`, refused for good (`refused` says by which
    code), or to be tried again (`passing` says why, `retry_after` seconds from now if the receiver
    says so). `unsure`: it may have been taken all the same.
    """

    ok: bool = False
    refused: str | None = None
    passing: str | None = None
    retry_after: float | None = None
    unsure: bool = False
    data: Mapping[str, Any] | None = None


Client = Callable[[], aiohttp.ClientSession]
"""Gives the session that is in use."""

UNREACHABLE = Answer(passing="unreachable")
TIMED_OUT = Answer(passing="timed_out", unsure=True)
CUT_OFF = Answer(passing="cut_off", unsure=True)


class RedirectError(aiohttp.ClientError):
    """The receiver answered with a redirect, which is not followed."""


def session(network: Network, timeout: float, fence: Fence = ALONE) -> aiohttp.ClientSession:
    """A session that reaches only hosts that `network` permits, at the address it was asked for,
    only while `fence` is open, and waits for an answer for `timeout` seconds.

    Requests raise Failure (HOST_REFUSED, CONNECTION_FAILED) for others.
    """

    async def guard(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # A host that is an address is not resolved, so it is looked at here.
        await network.pin(request.url.host or "", request.url.port or 443)
        async with fence.write(TIMEOUT_SECONDS) as seconds, asyncio.timeout(seconds):
            answer = await handler(request)
        if 300 <= answer.status < 400:
            answer.close()
            raise RedirectError
        return answer

    return aiohttp.ClientSession(
        connector=_Fenced(
            fence,
            resolver=_Pinned(network),
            use_dns_cache=False,
            ssl=ssl.create_default_context(),
        ),
        timeout=aiohttp.ClientTimeout(total=timeout),
        middlewares=(guard,),
        max_line_size=64 * 1024,
    )


def check_url(url: str, what: str) -> str:
    """A URL that may be called: https, or http to this machine. Raises Failure; `what` names the
    Secret's key, for the message."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("https", "http") or parts.username is not None:
        raise Failure(Reason.SECRET_INVALID, f"{what} is no https URL")
    if parts.scheme == "http" and host not in ("127.0.0.1", "localhost", "::1"):
        raise Failure(Reason.SECRET_INVALID, f"{what} must begin with https://")
    return url


async def post(
    client: aiohttp.ClientSession, url: str, body: Any, headers: Mapping[str, str] | None = None
) -> Answer:
    """POST JSON. Raises Failure for a host that may not be reached."""
    try:
        async with client.post(url, json=body, headers=headers) as answer:
            return of_status(answer.status, answer.headers.get("Retry-After"))
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return of_error(error)


def of_error(error: BaseException) -> Answer:
    """The Answer for an exception of aiohttp."""
    if isinstance(error, RedirectError):
        return Answer(refused="redirect")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError):
        return UNREACHABLE
    return TIMED_OUT if isinstance(error, TimeoutError) else CUT_OFF


def of_status(status: int, retry_after: str | None) -> Answer:
    """The Answer for an HTTP status alone."""
    if 200 <= status < 300:
        return Answer(ok=True)
    if status == 429:
        return Answer(passing="rate_limited", retry_after=seconds(retry_after))
    if status >= 500:
        return Answer(passing="server_error", retry_after=seconds(retry_after), unsure=True)
    if status == 408:
        return TIMED_OUT
    return Answer(refused=f"http_{status}")


def seconds(text: str | None) -> float | None:
    """A Retry-After: seconds, or a date; at most an hour. None where it says nothing usable."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        try:
            value = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(value, 0.0), _LONGEST_SECONDS) if value == value else None  # noqa: PLR0124 - NaN


class _Fenced(aiohttp.TCPConnector):
    """Looks at the fence once more when the connection stands: a message cannot be taken back, and
    connecting takes long enough for a process to be stopped meanwhile."""

    def __init__(self, fence: Fence, **options: Any) -> None:
        super().__init__(**options)
        self._fence = fence

    async def connect(self, *arguments: Any, **options: Any) -> Any:
        """A connection, to be written to at once."""
        connection = await super().connect(*arguments, **options)
        if self._fence.left() <= 0:
            connection.close()
            raise aiohttp.ClientConnectionError("the lease ended while it connected")
        return connection


class _Pinned(aiohttp.abc.AbstractResolver):
    """Resolves a name to the one address that was checked."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def resolve(
        self, host: str, port: int = 0, family: int = 0
    ) -> list[aiohttp.abc.ResolveResult]:
        """The pinned address. Raises Failure."""
        address = await self._network.pin(host, port)
        return [
            {
                "hostname": host, "host": address, "port": port,
                "family": family, "proto": 0, "flags": 0,
            }
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing to close."""
