"""The notifier against a Slack with Slack's limits."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from setpoint.alerts import rules
from setpoint.alerts.delivery import Delivery, settle
from setpoint.alerts.notifier import Notifier
from setpoint.alerts.outbox import Context
from setpoint.alerts.rules import Look
from setpoint.alerts.state import Memory
from setpoint.alerts.step import step
from setpoint.api.alerts import Alerts, AlertsStatus, SlackTarget
from setpoint.config import Config
from setpoint.engine.conditions import read_time
from setpoint.engine.model import Key, Sample
from setpoint.trust.grants import Grants
from setpoint.trust.network import Network
from stack.slack_client import SlackStack

NOW = read_time("2026-11-23T12:00:00Z")
_numbers = itertools.count(1)


class Secrets:
    """Two Secrets, without an API server."""

    def __init__(self, url: str) -> None:
        self.data = {"slack": {"token": "xoxb-1"}, "hook": {"url": url}}

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        return self.data[name]


class Bench:
    """A notifier, and one resource whose alerts go through it."""

    def __init__(self, slack: SlackStack, min_interval: float = 1.0) -> None:
        self.slack = slack
        self.channel = f"CNOTIFY{next(_numbers)}"
        self.key = Key("scalingpolicies", "shop", self.channel.lower())
        config = Config.model_validate(
            {
                "slack": {"apiUrl": f"{slack.base_url}/api/"},
                "networks": {"allow": ["127.0.0.0/8"]},
            }
        )
        self.secrets = Secrets(f"{slack.base_url}/services/{self.channel}")
        self.delivered = asyncio.Event()
        self.notifier = Notifier(
            self.secrets,
            Grants(lambda: config),
            Network(lambda: config),
            lambda: config,
            lambda _: self.delivered.set(),
            min_interval,
        )
        self.state = AlertsStatus()
        self.now = NOW
        self.target = SlackTarget.model_validate(
            {"channel": self.channel, "tokenSecretRef": {"name": "slack", "key": "token"}}
        )

    def look(self, **values: float) -> None:
        samples = [Sample(rule, value, 80, f"{value}%", "80%") for rule, value in values.items()]
        self.now += timedelta(seconds=1)
        spec = Alerts.model_validate({"group": {"wait": "0s", "interval": "1s"}})
        readings = rules.read(spec, Look(observed=True, samples=samples), self.state.items)
        context = Context(str(self.key))
        self.state = step(self.state, readings, spec, Memory(), context, self.now).status

    def submit(self) -> None:
        self.notifier.submit(self.key, "ScalingPolicy", Alerts(slack=self.target), self.state)

    async def settle(self, limit: float = 15) -> list[Delivery]:
        """Submit, and wait for the next outcome."""
        self.delivered.clear()
        self.submit()
        async with asyncio.timeout(limit):
            await self.delivered.wait()
        made = self.notifier.take(self.key)
        self.state = settle(self.state, made)
        return made

    def taken(self) -> list[dict[str, Any]]:
        return self.slack.taken(self.channel)


Make = Callable[..., contextlib.AbstractAsyncContextManager[Bench]]


@pytest.fixture
def bench(slack: SlackStack) -> Make:
    @contextlib.asynccontextmanager
    async def make(min_interval: float = 0.01) -> AsyncIterator[Bench]:
        made = Bench(slack, min_interval)
        running = asyncio.create_task(made.notifier.run())
        yield made
        slack.set_faults([])
        slack.settings(revoked=[], archived=[])
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    return make


async def test_posted_then_updated_in_place(bench: Make) -> None:
    async with bench() as made:
        made.look(cpu=93)
        await made.settle()
        made.look(cpu=93, memory=91)
        await made.settle()
        made.look(cpu=40, memory=40)
        await made.settle()
        methods = [call["method"] for call in made.taken()]
        assert methods == ["chat.postMessage", "chat.update", "chat.update"]
        assert len({call["ts"] for call in made.taken()}) == 1
        assert (made.state.items, made.state.groups, made.state.outbox) == ([], [], [])


async def test_an_entry_on_its_way_is_not_sent_again(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        slack.set_faults([{"kind": "delay", "delay_ms": 300}])
        made.look(cpu=93)
        for _ in range(5):
            made.submit()
        await made.settle()
        assert len(made.taken()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "ratelimit", "retry_after": 1},
        {"kind": "ratelimit"},
        {"kind": "http", "status": 500},
        {"kind": "http", "status": 503},
        {"kind": "html"},
        {"kind": "error", "error": "internal_error"},
        {"kind": "reset_before"},
    ],
    ids=str,
)
async def test_passing_trouble_is_overcome(
    bench: Make, slack: SlackStack, fault: dict[str, Any]
) -> None:
    async with bench() as made:
        slack.set_faults([fault])
        made.look(cpu=93)
        [delivery] = await made.settle()
        assert delivery.error is None
        assert len(made.taken()) == 1


async def test_a_reset_after_acceptance_costs_one_duplicate_at_most(
    bench: Make, slack: SlackStack
) -> None:
    async with bench() as made:
        slack.set_faults([{"kind": "reset_after"}])
        made.look(cpu=93)
        await made.settle()
        assert 1 <= len(made.taken()) <= 2


async def test_refusals_for_good_are_said_and_not_hammered(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        slack.settings(archived=[made.channel])
        made.look(cpu=93)
        [delivery] = await made.settle()
        assert delivery.error is not None
        assert "is_archived" in delivery.error
        assert made.state.error == delivery.error
        assert len(made.state.outbox) == 1
        before = len(slack.calls())
        made.submit()
        await asyncio.sleep(0.1)  # it would have been sent by now
        assert len(slack.calls()) == before


async def test_a_revoked_token(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        slack.settings(revoked=["xoxb-1"])
        made.look(cpu=93)
        [delivery] = await made.settle()
        assert "token_revoked" in str(delivery.error)


async def test_a_message_that_a_person_deleted_is_posted_anew(
    bench: Make, slack: SlackStack
) -> None:
    async with bench() as made:
        made.look(cpu=93)
        await made.settle()
        message = made.state.groups[0].message
        assert message is not None
        slack.settings(deleted=[[made.channel, message.ts]])
        made.look(cpu=40)
        await made.settle()
        assert [call["method"] for call in made.taken()] == ["chat.postMessage"] * 2
        assert made.taken()[1]["body"]["attachments"][0]["color"] == "good"


async def test_a_webhook_gets_both_messages(bench: Make) -> None:
    async with bench() as made:
        made.target = SlackTarget.model_validate(
            {"webhookSecretRef": {"name": "hook", "key": "url"}}
        )
        made.look(cpu=93)
        await made.settle()
        made.look(cpu=40)
        await made.settle()
        colours = [call["body"]["attachments"][0]["color"] for call in made.taken()]
        assert colours == ["danger", "good"]


async def test_a_webhook_may_not_lead_inside(bench: Make) -> None:
    async with bench() as made:
        made.target = SlackTarget.model_validate(
            {"webhookSecretRef": {"name": "hook", "key": "url"}}
        )
        made.secrets.data["hook"]["url"] = "https://169.254.169.254/latest"
        made.look(cpu=93)
        [delivery] = await made.settle()
        assert "may not reach" in str(delivery.error)


async def test_nobody_to_tell_is_no_error(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        made.look(cpu=93)
        made.target = None  # type: ignore[assignment]
        [delivery] = await made.settle()
        assert delivery.error is None
        assert made.state.outbox == []
        assert made.taken() == []


async def test_a_channel_gets_one_message_a_second(slack: SlackStack, bench: Make) -> None:
    async with bench(min_interval=1.0) as made:
        start = time.monotonic()
        for number in range(3):
            made.look(cpu=93)
            made.key = made.key._replace(name=f"r{number}")
            made.submit()
            made.state = AlertsStatus()
        while len(made.taken()) < 3:
            await asyncio.sleep(0.05)
            assert time.monotonic() - start < 10
        times = [call["time"] for call in made.taken()]
        assert times[2] - times[0] >= 1.9
        refused = [c for c in slack.calls() if c["channel"] == made.channel and c["answer"] != "ok"]
        assert refused == []
