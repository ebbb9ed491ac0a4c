"""What tests and the demo ask of the Slack receiver."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any


class SlackStack:
    """A client of the control calls; `base_url` is like http://127.0.0.1:8000."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def calls(self) -> list[dict[str, Any]]:
        """Every call: time, method, channel, answer, and ts and body of those that were taken."""
        found: list[dict[str, Any]] = self._call("GET", "messages")
        return found

    def taken(self, channel: str | None = None) -> list[dict[str, Any]]:
        """Calls that were answered with ok, of one channel or of all."""
        return [
            call
            for call in self.calls()
            if call["answer"] == "ok" and channel in (None, call["channel"])
        ]

    def set_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Replace the faults; they strike in their order, each `count` times."""
        self._call("PUT", "faults", [dict(fault) for fault in faults])

    def settings(self, **values: Any) -> None:
        """archived, missing, revoked, outsiders, no_history, deleted, a_minute, channel_seconds."""
        self._call("POST", "settings", values)

    def forget(self) -> None:
        """Empty the record of calls."""
        self._call("DELETE", "messages")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.base_url}/_stack/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)
