"""Receivers of alerts on loopback: Alertmanager's API v2, and a webhook of a user's own.

Alertmanager checks what its OpenAPI specification and api/v2/api.go check: times, an end that is
not before the begin, labels with right names, none without a value that would leave it nameless.
"""

import argparse
import json
import re
import time
from datetime import datetime
from typing import Any

from aiohttp import web

_CALLS = web.AppKey("calls", list[dict[str, Any]])
_FAULTS = web.AppKey("faults", list[dict[str, Any]])
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def application() -> web.Application:
    """The web application."""
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app[_CALLS], app[_FAULTS] = [], []
    app.add_routes(
        [
            web.post("/{base:.*}/api/v2/alerts", _take),
            web.post("/hook/{path:.+}", _take),
            web.get("/_stack/health", _health),
            web.get("/_stack/calls", _calls),
            web.put("/_stack/faults", _set_faults),
        ]
    )
    return app


async def _take(request: web.Request) -> web.StreamResponse:
    raw = await request.json()
    call: dict[str, Any] = {
        "time": time.time(),
        "path": request.path,
        "authorization": request.headers.get("Authorization"),
        "key": request.headers.get("Idempotency-Key"),
        "body": raw,
    }
    error = _alerts_error(raw) if request.path.endswith("/api/v2/alerts") else None
    call["answer"] = error or "ok"
    faults = request.app[_FAULTS]
    if faults:
        fault = faults.pop(0)
        call["answer"] = f"fault: {fault}"
        request.app[_CALLS].append(call)
        if location := fault.get("location"):
            raise web.HTTPTemporaryRedirect(location)
        return web.Response(status=fault["status"], headers=fault.get("headers"), text="trouble")
    request.app[_CALLS].append(call)
    return web.json_response(error, status=400) if error else web.json_response({})


def _alerts_error(alerts: Any) -> str | None:
    if not isinstance(alerts, list):
        return "expected a list"
    return next((error for alert in alerts if (error := _alert_error(alert))), None)


def _alert_error(alert: Any) -> str | None:
    labels = alert.get("labels") if isinstance(alert, dict) else None
    if not isinstance(labels, dict) or not any(labels.values()):
        return "at least one label pair required"
    for part in (labels, alert.get("annotations") or {}):
        for name, value in part.items():
            if not _LABEL.fullmatch(name) or not isinstance(value, str):
                return f"invalid label {name}"
    try:
        begin, end = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
    except (KeyError, TypeError, ValueError):
        return "startsAt and endsAt must be RFC 3339"
    return "start time must be before end time" if end < begin else None


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _calls(request: web.Request) -> web.Response:
    return web.json_response(request.app[_CALLS])


async def _set_faults(request: web.Request) -> web.Response:
    request.app[_FAULTS][:] = json.loads(await request.text())
    return web.json_response({"ok": True})


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description="Alertmanager and webhooks on loopback")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    web.run_app(
        application(), host=arguments.host, port=arguments.port, print=None, access_log=None
    )


if __name__ == "__main__":
    main()
