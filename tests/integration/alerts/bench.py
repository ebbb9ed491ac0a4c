"""A notifier, and resources whose alerts go through it."""

import asyncio
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from setpoint.alerts.delivery import Delivery, settle
from setpoint.alerts.notifier import Notifier, Pace
from setpoint.api.alerts import Alerts, AlertsStatus, EntryStatus, OutboxAlert, OutboxEntry
from setpoint.api.findings import Severity
from setpoint.config import Config
from setpoint.engine.conditions import wire_time
from setpoint.engine.model import Key
from setpoint.trust.grants import Grants
from setpoint.trust.network import Network
from stack.slack_client import SlackStack

_numbers = itertools.count(1)


class Secrets:
    """Secrets without an API server."""

    def __init__(self) -> None:
        self.data: dict[str, dict[str, str]] = {}

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        return self.data[name]


class Bench:
    """One resource by default; its incident's words are written by `say`."""

    def __init__(
        self,
        slack: SlackStack,
        pace: Pace,
        secrets: Secrets | None = None,
        channel: str | None = None,
        allow: str = "127.0.0.0/8",
    ) -> None:
        number = next(_numbers)
        self.slack = slack
        self.channel = channel or f"CNOTIFY{number}"
        self.key = Key("scalingpolicies", "shop", self.channel.lower())
        self.config = Config.model_validate(
            {"slack": {"apiUrl": f"{slack.base_url}/api/"}, "networks": {"allow": [allow]}}
        )
        self.token = f"xoxb-{number}"
        self.secrets = secrets or Secrets()
        if secrets is None:
            self.secrets.data["slack"] = {"token": self.token}
            self.secrets.data["hook"] = {"url": f"{slack.base_url}/services/{self.channel}"}
        self.delivered = asyncio.Event()
        self.notifier = Notifier(
            self.secrets,
            Grants(lambda: self.config),
            Network(lambda: self.config),
            lambda: self.config,
            lambda _: self.delivered.set(),
            pace=pace,
        )
        self.state = AlertsStatus()
        self.spec = self.to_slack()

    def to_slack(self, **more: Any) -> Alerts:
        target = {"channel": self.channel, "tokenSecretRef": {"name": "slack", "key": "token"}}
        return Alerts.model_validate({"slack": target, **more})

    def say(
        self,
        *rules: str,
        status: EntryStatus = EntryStatus.FIRING,
        incident: str = "incident",
        later: float = 3.0,
        **more: Any,
    ) -> OutboxEntry:
        """A new word on an incident, in place of the older one; `later`: written so many seconds
        from now, so that it is younger than the process."""
        now = datetime.now(UTC)
        state = EntryStatus.RESOLVED if status is EntryStatus.RESOLVED else EntryStatus.FIRING
        alerts = [
            OutboxAlert(
                fingerprint=rule,
                rule=rule,
                state=state,
                value="93%",
                threshold="80%",
                unit="%",
                since=wire_time(now),
                ended=wire_time(now) if state is EntryStatus.RESOLVED else None,
            )
            for rule in rules
        ]
        entry = OutboxEntry(
            id=f"{self.channel}-{incident}-{next(_numbers)}",
            incident=f"{self.channel}-{incident}",
            uid="uid-1",
            severity=Severity.CRITICAL,
            status=status,
            time=wire_time(now + timedelta(seconds=later)),
            since=wire_time(now),
            summary=" and ".join(rules),
            alerts=alerts,
            **more,
        )
        assert len(entry.incident) < 32
        others = [one for one in self.state.outbox if one.incident != entry.incident]
        self.state = self.state.model_copy(update={"outbox": [*others, entry]})
        return entry

    def submit(self) -> None:
        self.notifier.submit(self.key, "ScalingPolicy", self.spec, self.state)

    async def settle(self, limit: float = 15) -> list[Delivery]:
        """Submit, and wait for the next outcome."""
        self.delivered.clear()
        self.submit()
        return await self.outcome(limit)

    async def outcome(self, limit: float = 15) -> list[Delivery]:
        async with asyncio.timeout(limit):
            await self.delivered.wait()
        self.delivered.clear()
        made = self.notifier.take(self.key)
        self.state = settle(self.state, made)
        return made

    def taken(self) -> list[dict[str, Any]]:
        return self.slack.taken(self.channel)

    def methods(self) -> list[str]:
        """What was taken in short: post, update, reply."""
        names = []
        for call in self.taken():
            if not call["method"].startswith("chat."):
                continue
            is_reply = "thread_ts" in call["body"]
            names.append(
                "update" if call["method"] == "chat.update" else "reply" if is_reply else "post"
            )
        return names
