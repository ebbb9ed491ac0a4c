"""Slack's Web API and incoming webhooks. The only module that imports slack_sdk."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from setpoint.alerts.message import Message
from setpoint.api.conditions import Reason
from setpoint.config import Config
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network

_TIMEOUT_SECONDS = 15

# Errors that the same message can overcome later without a person's help.
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
     "request_timeout", "team_added_to_org"}
)  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """Slack's answer. Exactly one holds: delivered (`ok`), refused for good (`refused` has
    Slack's error code), or to be tried again (`retry`, after `retry_after` seconds if Slack says).
    """

    ok: bool = False
    ts: str | None = None
    channel: str | None = None
    refused: str | None = None
    retry_after: float | None = None

    @property
    def retry(self) -> bool:
        """Whether to try again."""
        return not self.ok and self.refused is None


class SlackSender:
    """Sends one message, once; retries are the notifier's."""

    def __init__(self, config: Callable[[], Config], network: Network) -> None:
        self._config = config
        self._network = network

    async def post(self, token: str, channel: str, message: Message) -> Sent:
        """chat.postMessage."""
        return await self._call(token, "chat.postMessage", channel, message)

    async def update(self, token: str, channel: str, ts: str, message: Message) -> Sent:
        """chat.update; a message that a person deleted meanwhile is posted anew."""
        sent = await self._call(token, "chat.update", channel, message, ts=ts)
        if sent.refused in ("message_not_found", "cant_update_message"):
            return await self.post(token, channel, message)
        return sent

    async def webhook(self, url: str, message: Message) -> Sent:
        """Post to an incoming webhook. Raises Failure for a URL that may not be reached."""
        host, port = _webhook_host(url)
        address = await self._network.pin(host, port)
        payload = {"text": message.text, "attachments": list(message.attachments)}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        connector = aiohttp.TCPConnector(resolver=_Pinned(address), use_dns_cache=False)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.post(url, json=payload, allow_redirects=False) as answer,
            ):
                return _webhook_answer(answer.status, answer.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError):
            return Sent()

    async def _call(
        self, token: str, method: str, channel: str, message: Message, ts: str | None = None
    ) -> Sent:
        client = AsyncWebClient(
            token=token,
            base_url=self._config().slack.api_url,
            timeout=_TIMEOUT_SECONDS,
            retry_handlers=[],
            ssl=ssl.create_default_context(),
        )
        body = {
            "channel": channel,
            "text": message.text,
            "attachments": list(message.attachments),
            "parse": "none",
            "link_names": False,
        }
        body |= {"ts": ts} if ts else {"unfurl_links": False, "unfurl_media": False}
        try:
            answer = await client.api_call(method, json=body)
        except SlackApiError as error:
            return _refusal(error)
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            return Sent()
        return Sent(ok=True, ts=answer.get("ts"), channel=answer.get("channel") or channel)


class _Pinned(aiohttp.abc.AbstractResolver):
    """Resolves every name to the one address that was checked."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: int = 0
    ) -> list[aiohttp.abc.ResolveResult]:
        """The pinned address."""
        return [
            {
                "hostname": host, "host": self._address, "port": port,
                "family": family, "proto": 0, "flags": 0,
            }
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing to close."""


def _webhook_host(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Failure(Reason.SECRET_INVALID, "the Slack webhook's Secret holds no https URL")
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme == "http" and not is_local:
        raise Failure(Reason.SECRET_INVALID, "the Slack webhook's URL must begin with https://")
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _webhook_answer(status: int, retry_after: str | None) -> Sent:
    if status == 200:
        return Sent(ok=True)
    if status == 429 or status >= 500:
        return Sent(retry_after=_seconds(retry_after))
    return Sent(refused=f"http_{status}")


def _refusal(error: SlackApiError) -> Sent:
    answer = error.response
    status = getattr(answer, "status_code", 200)
    code = answer.get("error") if isinstance(getattr(answer, "data", None), dict) else None
    if status == 429 or status >= 500 or code in _PASSING or not isinstance(code, str):
        return Sent(retry_after=_seconds(answer.headers.get("Retry-After")))
    return Sent(refused=code[:64] if code.replace("_", "").isalnum() else "unknown_error")


def _seconds(text: str | None) -> float | None:
    try:
        return min(max(float(text), 0.0), 3600.0) if text else None
    except ValueError:
        return None
