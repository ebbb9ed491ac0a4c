"""A Slack on loopback: chat.postMessage, chat.update, auth.test and incoming webhooks.

As strict as Slack: a message a second a channel, errors as `ok: false` in a 200, limits of blocks
and texts (Slack's documentation of rate limits, chat.postMessage and Block Kit).
"""

import argparse
import asyncio
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_BURST = 2
"""Messages that a channel takes at once before one a second holds; Slack allows short bursts."""

_MAX_BLOCKS, _MAX_ATTACHMENTS, _MAX_TEXT, _MAX_MESSAGE = 50, 100, 40_000, 13_200


@dataclass
class Fault:
    """What goes wrong. `kind`: ratelimit, http, error, html, delay, reset_before, reset_after."""

    kind: str
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
    allowance: dict[str, tuple[float, float]] = field(default_factory=dict)
    last_ts: float = 0.0

    def next_ts(self) -> str:
        """Slack's timestamps name messages, so they only grow."""
        self.last_ts = max(time.time(), self.last_ts + 0.000_001)
        return f"{self.last_ts:.6f}"

    def wait_for(self, channel: str) -> float:
        """Seconds until the channel takes a message; takes it if that is 0."""
        now = time.monotonic()
        tokens, at = self.allowance.get(channel, (float(_BURST), now))
        tokens = min(float(_BURST), tokens + now - at)
        if tokens < 1:
            self.allowance[channel] = (tokens, now)
            return 1 - tokens
        self.allowance[channel] = (tokens - 1, now)
        return 0.0

    def fault(self) -> Fault | None:
        """The next fault that is to happen."""
        while self.faults:
            if self.faults[0].count > 0:
                self.faults[0].count -= 1
                return self.faults[0]
            self.faults.pop(0)
        return None

    def record(self, method: str, channel: str, answer: str, **more: Any) -> None:
        """Write down a call, refused ones too."""
        entry = {"time": time.time(), "method": method, "channel": channel, "answer": answer}
        self.calls.append(entry | more)


_RECEIVER = web.AppKey("receiver", Receiver)


def application() -> web.Application:
    """The web application."""
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app[_RECEIVER] = Receiver()
    app.add_routes(
        [
            web.post("/api/chat.postMessage", _message),
            web.post("/api/chat.update", _message),
            web.post("/api/auth.test", _auth_test),
            web.post("/services/{path:.+}", _webhook),
            web.get("/_stack/health", _health),
            web.get("/_stack/messages", _messages),
            web.delete("/_stack/messages", _forget),
            web.put("/_stack/faults", _set_faults),
            web.post("/_stack/settings", _settings),
        ]
    )
    return app


async def _message(request: web.Request) -> web.StreamResponse:
    receiver = request.app[_RECEIVER]
    method = request.path.rpartition("/")[2]
    body = await _body(request)
    channel = str(body.get("channel", ""))
    fault = receiver.fault()
    if fault is not None and (response := await _before(fault, request)) is not None:
        receiver.record(method, channel, f"fault: {fault.kind}")
        return response
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if error := _token_error(receiver, token):
        receiver.record(method, channel, error)
        return _refused(error)
    if method == "chat.postMessage" and (wait := receiver.wait_for(channel)) > 0:
        receiver.record(method, channel, "ratelimited")
        headers = {"Retry-After": str(max(1, round(wait)))}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    if error := _message_error(receiver, method, channel, body):
        receiver.record(method, channel, error)
        return _refused(error)
    ts = str(body["ts"]) if method == "chat.update" else receiver.next_ts()
    receiver.messages[channel, ts] = body
    digest = hashlib.sha256(token.encode()).hexdigest()[:8]
    receiver.record(method, channel, "ok", ts=ts, body=body, token=digest)
    if fault is not None and fault.kind == "reset_after":
        return _reset(request)
    return web.json_response({"ok": True, "channel": channel, "ts": ts, "message": body})


def _token_error(receiver: Receiver, token: str) -> str | None:
    if not token:
        return "not_authed"
    if token in receiver.revoked:
        return "token_revoked"
    return None if token.startswith("xoxb-") else "invalid_auth"


def _message_error(
    receiver: Receiver, method: str, channel: str, body: dict[str, Any]
) -> str | None:
    if channel[:1] not in ("C", "G", "D") or channel in receiver.missing:
        return "channel_not_found"
    if channel in receiver.archived:
        return "is_archived"
    if method == "chat.update" and (channel, str(body.get("ts"))) not in receiver.messages:
        return "message_not_found"
    attachments, blocks = body.get("attachments") or [], body.get("blocks") or []
    if not (body.get("text") or attachments or blocks):
        return "no_text"
    if len(str(body.get("text", ""))) > _MAX_TEXT:
        return "msg_too_long"
    if len(attachments) > _MAX_ATTACHMENTS:
        return "too_many_attachments"
    blocks = [*blocks, *(block for a in attachments for block in a.get("blocks") or ())]
    if len(blocks) > _MAX_BLOCKS or not all(_is_block(block) for block in blocks):
        return "invalid_blocks"
    return "msg_blocks_too_long" if len(str(blocks)) > _MAX_MESSAGE else None


def _is_block(block: dict[str, Any]) -> bool:
    text = (block.get("text") or {}).get("text", "")
    limit = 150 if block.get("type") == "header" else 3000
    fields = block.get("fields") or []
    return bool(block.get("type")) and len(text) <= limit and len(fields) <= 10


async def _webhook(request: web.Request) -> web.StreamResponse:
    receiver = request.app[_RECEIVER]
    path = request.match_info["path"]
    fault = receiver.fault()
    if fault is not None and (response := await _before(fault, request)) is not None:
        receiver.record("webhook", path, f"fault: {fault.kind}")
        return response
    if path in receiver.missing:
        receiver.record("webhook", path, "no_service")
        return web.Response(text="no_service", status=404)
    if (wait := receiver.wait_for(path)) > 0:
        receiver.record("webhook", path, "ratelimited")
        headers = {"Retry-After": str(max(1, round(wait)))}
        return web.Response(text="rate_limited", status=429, headers=headers)
    receiver.record("webhook", path, "ok", body=await request.json())
    return _reset(request) if fault and fault.kind == "reset_after" else web.Response(text="ok")


async def _before(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    """The answer of a fault that strikes before the message is taken; None if it does not."""
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
    """Lists `archived` and `missing` channels, `revoked` tokens, and `deleted` [channel, ts]."""
    receiver, body = request.app[_RECEIVER], await request.json()
    receiver.archived = set(body.get("archived", receiver.archived))
    receiver.missing = set(body.get("missing", receiver.missing))
    receiver.revoked = set(body.get("revoked", receiver.revoked))
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
