"""A Slack on loopback: messages, threads, updates, history, auth.test and incoming webhooks.

As strict as Slack, or stricter: a message a second a channel without bursts, a tier's calls a
minute for a token's updates and looks into history, errors as `ok: false` in a 200, threads and
updates only of messages that are there and the token's own (Slack's documentation of rate limits,
chat.postMessage, chat.update and conversations.history).
"""

import argparse
import asyncio
import hashlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from stack.slack_rules import content_error

_A_MINUTE = 50
"""Calls of a method of tier 3 that a token may make a minute."""


@dataclass
class Fault:
    """What goes wrong. `kind`: ratelimit, http, error, html, delay, reset_before, reset_after,
    redirect, slow_answer (what is taken is answered late), none. `method`: only of this one, such
    as chat.update."""

    kind: str
    method: str = ""
    count: int = 1
    status: int = 500
    error: str = ""
    retry_after: int | None = None
    delay_ms: int = 0


@dataclass
class Receiver:
    """Everything it holds."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    messages: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    archived: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    no_history: set[str] = field(default_factory=set)
    outsiders: set[str] = field(default_factory=set)
    a_minute: int = _A_MINUTE
    channel_seconds: float = 1.0
    taken_at: dict[str, float] = field(default_factory=dict)
    allowance: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    last_ts: float = 0.0

    def next_ts(self) -> str:
        """Slack's timestamps name messages, so they only grow."""
        self.last_ts = max(time.time(), self.last_ts + 0.000_001)
        return f"{self.last_ts:.6f}"

    def wait_for(self, channel: str) -> float:
        """Seconds until the channel takes a message; takes it if that is 0."""
        now = time.monotonic()
        left = self.taken_at.get(channel, -1.0) + self.channel_seconds - now
        if left <= 0:
            self.taken_at[channel] = now
        return max(left, 0.0)

    def tier_wait(self, method: str, token: str) -> float:
        """Seconds until a token may call a method of tier 3; takes a call if that is 0."""
        now = time.monotonic()
        tokens, at = self.allowance.get((method, token), (float(self.a_minute), now))
        tokens = min(float(self.a_minute), tokens + (now - at) * self.a_minute / 60)
        self.allowance[method, token] = (tokens - 1 if tokens >= 1 else tokens, now)
        return 0.0 if tokens >= 1 else (1 - tokens) * 60 / self.a_minute

    def fault(self, method: str) -> Fault | None:
        """The next fault that is to happen to a method."""
        for fault in self.faults:
            if fault.count > 0 and fault.method in ("", method):
                fault.count -= 1
                return None if fault.kind == "none" else fault
        return None

    def record(self, method: str, channel: str, answer: str, **more: Any) -> None:
        """Write down a call, refused ones too."""
        entry = {"time": time.time(), "method": method, "channel": channel, "answer": answer}
        self.calls.append(entry | more)


_RECEIVER = web.AppKey("receiver", Receiver)


def application() -> web.Application:
    """The web application."""
    app = web.Application(client_max_size=4 * 1024 * 1024, middlewares=[_scopes])
    app[_RECEIVER] = Receiver()
    app.add_routes(
        [
            web.post("/api/chat.postMessage", _message),
            web.post("/api/chat.update", _message),
            web.post("/api/conversations.history", _history),
            web.post("/api/conversations.replies", _history),
            web.post("/api/auth.test", _auth_test),
            # For senders that a test has to tell apart; `who` is in the record.
            web.post("/as/{who}/api/chat.postMessage", _message),
            web.post("/as/{who}/api/chat.update", _message),
            web.post("/as/{who}/api/conversations.history", _history),
            web.post("/as/{who}/api/conversations.replies", _history),
            web.post("/services/{path:.+}", _webhook),
            web.get("/_stack/health", _health),
            web.get("/_stack/messages", _messages),
            web.delete("/_stack/messages", _forget),
            web.put("/_stack/faults", _set_faults),
            web.post("/_stack/settings", _settings),
        ]
    )
    return app


@web.middleware
async def _scopes(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Each answer of the Web API names the token's scopes."""
    answer = await handler(request)
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if request.path.startswith("/api/") and token and not answer.prepared:
        may_look = token not in request.app[_RECEIVER].no_history
        answer.headers["X-OAuth-Scopes"] = "chat:write" + ",channels:history" * may_look
    return answer


async def _message(request: web.Request) -> web.StreamResponse:
    receiver = request.app[_RECEIVER]
    method = request.path.rpartition("/")[2]
    body = await _body(request)
    channel = str(body.get("channel", ""))
    fault = receiver.fault(method)
    if fault is not None and (response := await _before(fault, request)) is not None:
        receiver.record(method, channel, f"fault: {fault.kind}")
        return response
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if error := _token_error(receiver, token):
        receiver.record(method, channel, error)
        return _refused(error)
    is_update = method == "chat.update"
    wait = receiver.tier_wait(method, token) if is_update else receiver.wait_for(channel)
    if wait > 0:
        receiver.record(method, channel, "ratelimited")
        return _rate_limited(wait)
    if error := _message_error(receiver, method, channel, body, token):
        receiver.record(method, channel, error)
        return _refused(error)
    ts = str(body["ts"]) if is_update else receiver.next_ts()
    before = receiver.messages.get((channel, ts), {})
    receiver.messages[channel, ts] = {**before, **body, "ts": ts, "_token": token}
    digest = hashlib.sha256(token.encode()).hexdigest()[:8]
    who = request.match_info.get("who", "")
    receiver.record(method, channel, "ok", ts=ts, body=body, token=digest, who=who)
    if fault is not None and fault.kind == "reset_after":
        return _reset(request)
    if fault is not None and fault.kind == "slow_answer":
        await asyncio.sleep(fault.delay_ms / 1000)
    return web.json_response({"ok": True, "channel": channel, "ts": ts, "message": body})


async def _history(request: web.Request) -> web.StreamResponse:
    """conversations.history, and of a thread conversations.replies: the newest first."""
    receiver = request.app[_RECEIVER]
    method = request.path.rpartition("/")[2]
    body = await _body(request)
    channel, thread = str(body.get("channel", "")), body.get("ts")
    fault = receiver.fault(method)
    if fault is not None and (response := await _before(fault, request)) is not None:
        receiver.record(method, channel, f"fault: {fault.kind}")
        return response
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    error = _token_error(receiver, token) or _channel_error(receiver, channel, token)
    if error is None and token in receiver.no_history:
        error = "missing_scope"
    if error is None and method == "conversations.replies":
        error = None if (channel, str(thread)) in receiver.messages else "thread_not_found"
    if error is not None and error != "is_archived":
        receiver.record(method, channel, error)
        return _refused(error)
    if (wait := receiver.tier_wait(method, token)) > 0:
        receiver.record(method, channel, "ratelimited")
        return _rate_limited(wait)
    found = [
        {k: v for k, v in message.items() if not k.startswith("_")}
        for (where, ts), message in sorted(receiver.messages.items(), reverse=True)
        if where == channel
        and float(ts) >= float(body.get("oldest") or 0)
        and (thread in (message.get("thread_ts"), ts) if thread else "thread_ts" not in message)
    ]
    if not body.get("include_all_metadata"):
        found = [{k: v for k, v in message.items() if k != "metadata"} for message in found]
    receiver.record(method, channel, "ok")
    begin, limit = int(body.get("cursor") or 0), int(body.get("limit") or 100)
    more = str(begin + limit) if begin + limit < len(found) else ""
    return web.json_response(
        {
            "ok": True,
            "messages": found[begin : begin + limit],
            "response_metadata": {"next_cursor": more},
        }
    )


def _rate_limited(wait: float) -> web.Response:
    headers = {"Retry-After": str(max(1, math.ceil(wait)))}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def _token_error(receiver: Receiver, token: str) -> str | None:
    if not token:
        return "not_authed"
    if token in receiver.revoked:
        return "token_revoked"
    return None if token.startswith("xoxb-") else "invalid_auth"


def _app(token: str) -> str:
    """The app of a token: what is before a slash, so that a token can be rotated."""
    return token.partition("/")[0]


def _channel_error(receiver: Receiver, channel: str, token: str) -> str | None:
    if channel[:1] not in ("C", "G", "D") or channel in receiver.missing:
        return "channel_not_found"
    if token in receiver.outsiders:
        return "not_in_channel"
    return "is_archived" if channel in receiver.archived else None


def _message_error(
    receiver: Receiver, method: str, channel: str, body: dict[str, Any], token: str
) -> str | None:
    if error := _channel_error(receiver, channel, token):
        return error
    if method == "chat.update":
        message = receiver.messages.get((channel, str(body.get("ts"))))
        if message is None:
            return "message_not_found"
        if _app(message["_token"]) != _app(token):
            return "cant_update_message"
    thread = body.get("thread_ts")
    if thread is not None and (channel, str(thread)) not in receiver.messages:
        return "thread_not_found"
    return content_error(body)


async def _webhook(request: web.Request) -> web.StreamResponse:
    receiver = request.app[_RECEIVER]
    path = request.match_info["path"]
    fault = receiver.fault("webhook")
    if fault is not None and (response := await _before(fault, request)) is not None:
        receiver.record("webhook", path, f"fault: {fault.kind}")
        return response
    if path in receiver.missing:
        receiver.record("webhook", path, "no_service")
        return web.Response(text="no_service", status=404)
    if (wait := receiver.wait_for(path)) > 0:
        receiver.record("webhook", path, "ratelimited")
        headers = {"Retry-After": str(max(1, math.ceil(wait)))}
        return web.Response(text="rate_limited", status=429, headers=headers)
    body = await request.json()
    if error := content_error(body):
        receiver.record("webhook", path, error)
        return web.Response(text=error, status=400)
    receiver.record("webhook", path, "ok", body=body)
    return _reset(request) if fault and fault.kind == "reset_after" else web.Response(text="ok")


async def _before(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    """The answer of a fault that strikes before the message is taken; None if it does not."""
    if fault.kind != "slow_answer":
        await asyncio.sleep(fault.delay_ms / 1000)
    match fault.kind:
        case "ratelimit":
            after = fault.retry_after
            headers = {} if after is None else {"Retry-After": str(after)}
            body = {"ok": False, "error": "ratelimited"}
            return web.json_response(body, status=429, headers=headers)
        case "http":
            return web.Response(text="upstream trouble", status=fault.status)
        case "html":
            return web.Response(text="<html>sorry</html>", content_type="text/html")
        case "redirect":
            raise web.HTTPTemporaryRedirect("/api/chat.postMessage")
        case "error":
            return _refused(fault.error)
        case "reset_before":
            return _reset(request)
        case _:
            return None


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _refused(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error})


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        parsed: dict[str, Any] = await request.json()
        return parsed
    return dict(await request.post())


async def _auth_test(request: web.Request) -> web.Response:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if error := _token_error(request.app[_RECEIVER], token):
        return _refused(error)
    return web.json_response({"ok": True, "team": "local", "user": "setpoint"})


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _messages(request: web.Request) -> web.Response:
    return web.json_response(request.app[_RECEIVER].calls)


async def _forget(request: web.Request) -> web.Response:
    request.app[_RECEIVER].calls.clear()
    return web.json_response({"ok": True})


async def _set_faults(request: web.Request) -> web.Response:
    request.app[_RECEIVER].faults = [Fault(**entry) for entry in await request.json()]
    return web.json_response({"ok": True})


async def _settings(request: web.Request) -> web.Response:
    """Lists `archived` and `missing` channels, `revoked` tokens, tokens that are `outsiders` of
    every channel or may see `no_history`, `deleted` [channel, ts]; the numbers `a_minute` and
    `channel_seconds`."""
    receiver, body = request.app[_RECEIVER], await request.json()
    receiver.archived = set(body.get("archived", receiver.archived))
    receiver.missing = set(body.get("missing", receiver.missing))
    receiver.revoked = set(body.get("revoked", receiver.revoked))
    receiver.no_history = set(body.get("no_history", receiver.no_history))
    receiver.outsiders = set(body.get("outsiders", receiver.outsiders))
    receiver.a_minute = int(body.get("a_minute", receiver.a_minute))
    receiver.channel_seconds = float(body.get("channel_seconds", receiver.channel_seconds))
    for channel, ts in body.get("deleted", []):
        receiver.messages.pop((channel, ts), None)
    return web.json_response({"ok": True})


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="Slack on loopback")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    web.run_app(
        application(), host=arguments.host, port=arguments.port, print=None, access_log=None
    )


if __name__ == "__main__":
    main()
