"""Slack's Web API and incoming webhooks. The only module that imports slack_sdk."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from setpoint.alerts import http
from setpoint.alerts.http import Answer
from setpoint.alerts.message import Message
from setpoint.api.alerts import MessageRef
from setpoint.config import Config

_EVENT_TYPE = "setpoint_alert"
_TOKENS, _PAGES = 1000, 10

# Errors that the same message can overcome later without a person's help.
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
     "request_timeout", "team_added_to_org", "message_limit_exceeded"}
)  # fmt: skip

GONE = frozenset(
    {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found",
     "cannot_reply_to_message"}
)  # fmt: skip
"""Refusals that mean: the message is no longer there, or no longer ours, so post another."""


class Slack:
    """Sends one call, once; what follows from its answer is the notifier's.

    Methods raise Failure where Slack's host may not be reached.
    """

    def __init__(self, config: Callable[[], Config], client: http.Client) -> None:
        self._config = config
        self._client = client
        self._may_look: dict[str, bool] = {}

    async def may_look(self, token: str) -> bool:
        """Whether `find` works, as far as the token's last answer told; it is asked once."""
        if token not in self._may_look:
            await self._call(token, "auth.test", {})
            self._may_look.setdefault(token, False)
        return self._may_look[token]

    async def post(self, token: str, channel: str, message: Message, mark: str) -> Answer:
        """chat.postMessage of a group's message. `mark` names it for `find`."""
        return await self._call(
            token, "chat.postMessage", {"channel": channel, **_content(message), **_marked(mark)}
        )

    async def update(self, token: str, at: MessageRef, message: Message, mark: str) -> Answer:
        """chat.update of a group's message."""
        body = {"channel": at.channel, "ts": at.ts, **_content(message), "metadata": _meta(mark)}
        return await self._call(token, "chat.update", body)

    async def reply(
        self, token: str, at: MessageRef, text: str, mark: str, *, broadcast: bool
    ) -> Answer:
        """chat.postMessage into a message's thread; `broadcast`: shown in the channel too."""
        body = {
            "channel": at.channel,
            "thread_ts": at.ts,
            "text": text,
            "reply_broadcast": broadcast,
            "parse": "none",
            "link_names": False,
            **_marked(mark),
        }
        return await self._call(token, "chat.postMessage", body)

    async def find(
        self, token: str, channel: str, mark: str, *, since: float, thread: str | None = None
    ) -> Answer:
        """Look for a message by its mark (needs the scope channels:history, or groups:history).

        `data` of a good answer has its channel and ts, or is None: it is not there.
        """
        body = {
            "channel": channel,
            "oldest": f"{max(since, 0.0):.6f}",
            "limit": 200,
            "include_all_metadata": True,
        }
        method = "conversations.history"
        if thread is not None:
            method, body["ts"] = "conversations.replies", thread
        for _ in range(_PAGES):
            answer = await self._call(token, method, body)
            if not answer.ok:
                return answer
            data = answer.data or {}
            if (ts := _marked_with(mark, data.get("messages"))) is not None:
                return Answer(ok=True, data={"channel": channel, "ts": ts})
            body["cursor"] = (data.get("response_metadata") or {}).get("next_cursor")
            if not body["cursor"]:
                break
        return Answer(ok=True)

    async def webhook(self, url: str, message: Message) -> Answer:
        """Post to an incoming webhook."""
        payload = {"text": message.text, "attachments": list(message.attachments)}
        return await http.post(self._client(), url, payload)

    async def _call(self, token: str, method: str, body: Mapping[str, Any]) -> Answer:
        client = AsyncWebClient(
            token=token,
            base_url=self._config().slack.api_url,
            session=self._client(),
            retry_handlers=[],
        )
        try:
            answer = await client.api_call(method, json=dict(body))
        except SlackApiError as error:
            self._note_scopes(token, error.response.headers)
            return _refusal(error)
        except (json.JSONDecodeError, UnicodeDecodeError):
            return Answer(passing="not_json", unsure=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return http.of_error(error)
        self._note_scopes(token, answer.headers)
        return Answer(ok=True, data=answer.data if isinstance(answer.data, dict) else None)

    def _note_scopes(self, token: str, headers: Mapping[str, str]) -> None:
        """Slack names a token's scopes in each answer (X-OAuth-Scopes)."""
        scopes = headers.get("X-OAuth-Scopes")
        if scopes is None:
            return
        if len(self._may_look) >= _TOKENS:
            self._may_look.clear()
        self._may_look[token] = any(s.strip().endswith(":history") for s in scopes.split(","))


def placed(answer: Answer, channel: str) -> MessageRef | None:
    """Where the message of a good answer stands."""
    data = answer.data or {}
    ts = data.get("ts")
    if not isinstance(ts, str) or not ts:
        return None
    found = data.get("channel")
    return MessageRef(channel=found if isinstance(found, str) and found else channel, ts=ts)


def _marked_with(mark: str, messages: object) -> str | None:
    """The ts of the message with this mark."""
    for message in messages if isinstance(messages, list) else ():
        meta = message.get("metadata") or {}
        payload = meta.get("event_payload") or {}
        if meta.get("event_type") == _EVENT_TYPE and payload.get("mark") == mark:
            return str(message.get("ts"))
    return None


def _content(message: Message) -> dict[str, Any]:
    return {
        "text": message.text,
        "attachments": list(message.attachments),
        "parse": "none",
        "link_names": False,
    }


def _marked(mark: str) -> dict[str, Any]:
    return {"unfurl_links": False, "unfurl_media": False, "metadata": _meta(mark)}


def _meta(mark: str) -> dict[str, Any]:
    return {"event_type": _EVENT_TYPE, "event_payload": {"mark": mark}}


def _refusal(error: SlackApiError) -> Answer:
    """Slack's own text stays out: it may hold anything; its code may not."""
    answer = error.response
    status = int(getattr(answer, "status_code", 0) or getattr(answer, "status", 200))
    data = getattr(answer, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    retry_after = http.seconds(answer.headers.get("Retry-After"))
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return Answer(passing="rate_limited", retry_after=retry_after)
    if status >= 500:
        return Answer(passing="server_error", retry_after=retry_after, unsure=True)
    if not isinstance(code, str):
        return Answer(passing="not_json", retry_after=retry_after, unsure=True)
    if code in _PASSING:
        return Answer(passing=code, retry_after=retry_after, unsure=True)
    return Answer(refused=code[:64] if code.replace("_", "").isalnum() else "unknown_error")
