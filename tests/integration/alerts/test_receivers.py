"""The second path: a webhook of the user's own, and Alertmanager's API v2."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.api.alerts import Alert, Alerts, AlertsStatus, AlertState, EntryStatus
from setpoint.api.findings import Severity
from setpoint.engine.conditions import wire_time
from tests.integration.alerts.bench import Bench
from tests.integration.alerts.conftest import Make, Receiver


@pytest.fixture
def second(receiver: Receiver) -> Iterator[Receiver]:
    yield receiver
    receiver.set_faults()


def to(made: Bench, receiver: Receiver, name: str, path: str, **secret: str) -> None:
    made.secrets.data["second"] = {"url": f"{receiver.base_url}/{path}", **secret}
    made.spec = Alerts.model_validate({name: {"secretRef": {"name": "second"}}})


async def test_a_webhook_gets_the_entry_and_its_resource(bench: Make, second: Receiver) -> None:
    async with bench() as made:
        to(made, second, "webhook", f"hook/{made.channel}", token="t0")
        entry = made.say("cpu")
        [delivery] = await made.settle()
        assert (delivery.receiver, delivery.complete) == ("Webhook", True)
        [call] = second.calls(made.channel)
        assert (call["authorization"], call["key"]) == ("Bearer t0", entry.id)
        body = call["body"]
        assert body["resource"] == {
            "kind": "ScalingPolicy", "namespace": "shop", "name": made.key.name, "uid": "uid-1"
        }  # fmt: skip
        assert (body["status"], body["severity"], body["id"]) == ("Firing", "Critical", entry.id)
        assert body["alerts"][0]["value"] == "93%"
        assert "sent" not in body


async def test_alertmanager_gets_alerts_that_end_by_themselves(
    bench: Make, second: Receiver
) -> None:
    async with bench() as made:
        to(made, second, "alertmanager", f"{made.channel}/")
        made.say("cpu")
        await made.settle()
        made.say("cpu", status=EntryStatus.RESOLVED)
        await made.settle()
        firing, over = (call["body"][0] for call in second.calls(made.channel))
        assert firing["labels"] == over["labels"]
        assert firing["labels"]["alertname"] == "cpu"
        assert "93%" not in str(firing["labels"])
        ends = [datetime.fromisoformat(alert["endsAt"]) for alert in (firing, over)]
        now = datetime.now(UTC)
        assert ends[1] <= now < ends[0] < now + timedelta(minutes=5)
        assert [call["answer"] for call in second.calls(made.channel)] == ["ok", "ok"]


async def test_alertmanager_is_told_again_what_fires_and_then_that_it_ended(
    bench: Make, second: Receiver
) -> None:
    alert = Alert(
        rule="cpu", target="", severity=Severity.CRITICAL, state=AlertState.FIRING, value="93%",
        threshold="80%", since=wire_time(datetime.now(UTC)), told=[Severity.CRITICAL],
    )  # fmt: skip
    quiet = alert.model_copy(update={"rule": "memory", "suppressed_by": "Silence/x"})
    async with bench(feed=0.1) as made:
        to(made, second, "alertmanager", made.channel)
        made.state = AlertsStatus(items=[alert, quiet])
        made.submit()
        await eventually(lambda: len(second.calls(made.channel)) >= 2)
        assert [a["labels"]["alertname"] for a in second.calls(made.channel)[0]["body"]] == ["cpu"]
        made.state = AlertsStatus()
        made.submit()

        def ended() -> bool:
            last = second.calls(made.channel)[-2:]
            ends = [datetime.fromisoformat(c["body"][0]["endsAt"]) for c in last]
            return all(end <= datetime.now(UTC) for end in ends)

        await eventually(ended)


async def eventually(check: Any) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(check):  # noqa: ASYNC110 - another process knows
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "fault",
    [{"status": 429, "headers": {"Retry-After": "1"}}, {"status": 429}, {"status": 500},
     {"status": 503}],
    ids=str,
)  # fmt: skip
async def test_passing_trouble(bench: Make, second: Receiver, fault: dict[str, Any]) -> None:
    async with bench() as made:
        to(made, second, "webhook", f"hook/{made.channel}")
        second.set_faults(fault)
        made.say("cpu")
        [delivery] = await made.settle()
        assert delivery.error is None
        first, again = second.calls(made.channel)
        assert first["key"] == again["key"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [({"status": 404}, "http_404"), ({"status": 401}, "http_401"),
     ({"status": 307, "location": "/hook/elsewhere"}, "redirect")],
)  # fmt: skip
async def test_refusals(bench: Make, second: Receiver, fault: dict[str, Any], said: str) -> None:
    async with bench() as made:
        to(made, second, "webhook", f"hook/{made.channel}")
        second.set_faults(fault)
        made.say("cpu")
        [delivery] = await made.settle()
        assert said in str(delivery.error)
        assert second.calls("elsewhere") == []
        assert len(made.state.outbox) == 1


async def test_one_receiver_that_refuses_does_not_hold_up_another(
    bench: Make, second: Receiver
) -> None:
    async with bench(refused=0.2) as made:
        to(made, second, "webhook", f"hook/{made.channel}")
        made.spec = made.to_slack(webhook={"secretRef": {"name": "second"}})
        made.slack.settings(archived=[made.channel])
        made.say("cpu")
        made.submit()
        while made.state.error is None or made.state.outbox[0].sent != ["Webhook"]:
            await made.outcome()
        assert "is_archived" in made.state.error
        made.slack.settings(archived=[])
        await asyncio.sleep(0.3)
        made.submit()
        while made.state.outbox:
            await made.outcome()
        assert made.methods() == ["post"]
        assert len(second.calls(made.channel)) == 1


async def test_a_missing_secret_is_said(bench: Make, second: Receiver) -> None:
    async with bench() as made:
        to(made, second, "webhook", "hook/x")
        made.secrets.data["second"] = {}
        made.say("cpu")
        [delivery] = await made.settle()
        assert "Secret second has no key url" in str(delivery.error)
