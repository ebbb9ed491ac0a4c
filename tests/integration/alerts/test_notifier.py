"""The notifier against a Slack with Slack's limits."""

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from setpoint.alerts.notifier import Pace
from setpoint.api.alerts import Alerts, AlertsStatus, EntryStatus
from setpoint.engine.conditions import wire_time
from stack.slack_client import SlackStack
from tests.integration.alerts.bench import Bench
from tests.integration.alerts.conftest import Make, running


async def test_posted_then_updated_in_place_with_its_history_in_the_thread(bench: Make) -> None:
    async with bench() as made:
        made.say("cpu")
        [posted] = await made.settle()
        made.say("cpu", "memory", message=posted.message)
        await made.settle()
        made.say("cpu", "memory", status=EntryStatus.RESOLVED, message=posted.message)
        await made.settle()

        assert made.methods() == ["post", "update", "reply", "update", "reply"]
        roots = {call["ts"] for call in made.taken() if "thread_ts" not in call["body"]}
        threads = {call["body"].get("thread_ts") for call in made.taken()} - {None}
        assert roots == threads == {posted.message.ts if posted.message else ""}
        updated = [c["body"] for c in made.taken() if c["method"] == "chat.update"]
        assert [body["attachments"][0]["color"] for body in updated] == ["danger", "good"]
        assert "memory" in made.taken()[2]["body"]["text"]
        assert not any(c["body"].get("reply_broadcast") for c in made.taken())
        assert made.state.outbox == []


async def test_an_escalation_and_a_repetition_are_shown_in_the_channel_too(bench: Make) -> None:
    async with bench() as made:
        made.say("cpu")
        [posted] = await made.settle()
        made.say("cpu", status=EntryStatus.ESCALATED, message=posted.message)
        await made.settle()
        made.say("cpu", repeated=True, message=posted.message)
        await made.settle()
        replies = [c["body"] for c in made.taken() if "thread_ts" in c["body"]]
        assert [body["reply_broadcast"] for body in replies] == [True, True]


async def test_an_entry_on_its_way_is_not_sent_again(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        slack.set_faults([{"kind": "delay", "delay_ms": 300}])
        made.say("cpu")
        for _ in range(5):
            made.submit()
        await made.settle()
        made.submit()  # status was not written yet
        assert made.methods() == ["post"]
        assert made.notifier.depth() == 0


async def test_a_newer_word_takes_the_place_of_one_that_waits(bench: Make) -> None:
    async with bench() as made:
        for number in range(20):
            made.say(f"rule{number}")
            made.submit()
        await made.outcome()
        assert made.methods() == ["post"]
        assert "rule19" in made.taken()[0]["body"]["text"]


async def test_a_newer_word_waits_while_the_older_one_is_sent(
    bench: Make, slack: SlackStack
) -> None:
    async with bench() as made:
        made.say("cpu")
        [first] = await made.settle()
        slack.set_faults([{"kind": "delay", "delay_ms": 500, "method": "chat.update"}])
        made.say("memory", message=first.message)
        made.submit()
        await asyncio.sleep(0.2)  # the update is on its way
        newest = made.say("latency", message=first.message)
        made.submit()
        while made.state.outbox:
            await made.outcome()
        assert newest.id.startswith(made.channel)
        last = [c for c in made.taken() if c["method"] == "chat.update"][-1]
        assert "latency" in last["body"]["text"]
        assert made.methods().count("post") == 1


PASSING = [
    {"kind": "ratelimit", "retry_after": 2},
    {"kind": "ratelimit"},
    {"kind": "http", "status": 500},
    {"kind": "http", "status": 503},
    {"kind": "html"},
    {"kind": "error", "error": "internal_error"},
    {"kind": "error", "error": "ratelimited"},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
]


@pytest.mark.parametrize("fault", PASSING, ids=str)
async def test_passing_trouble_is_overcome_without_a_duplicate(
    bench: Make, slack: SlackStack, fault: dict[str, Any]
) -> None:
    async with bench() as made:
        slack.set_faults([{**fault, "method": "chat.postMessage"}])
        made.say("cpu")
        [delivery] = await made.settle()
        assert delivery.error is None
        assert delivery.complete
        assert made.methods().count("post") == 1


async def test_an_answer_that_never_comes_costs_no_duplicate(
    bench: Make, slack: SlackStack
) -> None:
    async with bench(answer=0.5) as made:
        hangs = {"kind": "slow_answer", "method": "chat.postMessage", "delay_ms": 5000}
        slack.set_faults([hangs])
        made.say("cpu")
        [delivery] = await made.settle(4)
        assert delivery.error is None
        assert made.methods() == ["post", "update"]


async def test_retry_after_is_obeyed(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        slack.set_faults([{"kind": "ratelimit", "retry_after": 3}])
        made.say("cpu")
        await made.settle()
        refused, taken = [c for c in slack.calls() if c["channel"] == made.channel]
        assert taken["time"] - refused["time"] >= 3


async def test_a_reset_after_acceptance_without_the_history_scope_costs_one_duplicate(
    bench: Make, slack: SlackStack
) -> None:
    async with bench() as made:
        slack.settings(no_history=[made.token])
        slack.set_faults([{"kind": "reset_after", "method": "chat.postMessage"}])
        made.say("cpu")
        await made.settle()
        assert made.methods() == ["post", "post"]


async def test_a_reply_that_was_accepted_is_not_said_twice(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        made.say("cpu")
        [posted] = await made.settle()
        made.say("cpu", "memory", message=posted.message)
        slack.set_faults([{"kind": "reset_after", "method": "chat.postMessage"}])
        await made.settle()
        assert made.methods() == ["post", "update", "reply"]


@pytest.mark.parametrize(
    "code",
    ["invalid_auth", "account_inactive", "channel_not_found", "not_in_channel", "is_archived",
     "missing_scope", "restricted_action", "msg_blocks_too_long", "a_code_of_tomorrow"],
)  # fmt: skip
async def test_refusals_for_good_are_said_and_not_hammered(
    bench: Make, slack: SlackStack, code: str
) -> None:
    async with bench() as made:
        slack.set_faults([{"kind": "error", "error": code, "count": 99}])
        made.say("cpu")
        [delivery] = await made.settle()
        assert code in str(delivery.error)
        assert made.state.error == delivery.error
        assert len(made.state.outbox) == 1
        before = len(slack.calls())
        made.submit()
        assert made.notifier.depth() == 0
        assert len(slack.calls()) == before


async def test_slacks_own_text_is_never_carried(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        slack.set_faults([{"kind": "error", "error": "<!channel> xoxb-secret"}])
        made.say("cpu")
        [delivery] = await made.settle()
        assert "unknown_error" in str(delivery.error)
        assert "xoxb" not in str(delivery.error)


async def test_a_channel_archived_meanwhile_and_another_named(
    bench: Make, slack: SlackStack
) -> None:
    async with bench() as made:
        made.say("cpu")
        [posted] = await made.settle()
        slack.settings(archived=[made.channel])
        made.say("cpu", status=EntryStatus.RESOLVED, message=posted.message)
        [refused] = await made.settle()
        assert "is_archived" in str(refused.error)
        made.channel = f"{made.channel}B"
        made.spec = made.to_slack()
        [delivery] = await made.settle()  # at once: where it goes has changed
        assert delivery.error is None
        assert made.state.error is None
        assert made.methods() == ["post"]


async def test_a_secret_rotated_meanwhile(bench: Make, slack: SlackStack) -> None:
    async with bench(refused=0.2) as made:
        made.say("cpu")
        [posted] = await made.settle()
        slack.settings(revoked=[made.token])
        made.say("cpu", status=EntryStatus.RESOLVED, message=posted.message)
        [refused] = await made.settle()
        assert "token_revoked" in str(refused.error)
        made.secrets.data["slack"]["token"] = f"{made.token}/2"  # of the same app
        await asyncio.sleep(0.3)
        [delivery] = await made.settle()
        assert delivery.error is None
        assert made.methods() == ["post", "update", "reply"]


async def test_the_token_of_another_app_posts_anew(bench: Make) -> None:
    async with bench() as made:
        made.say("cpu")
        [posted] = await made.settle()
        made.secrets.data["slack"]["token"] = "xoxb-another"
        made.say("cpu", status=EntryStatus.RESOLVED, message=posted.message)
        [delivery] = await made.settle()
        assert made.methods() == ["post", "post"]
        assert delivery.message != posted.message


async def test_a_message_that_a_person_deleted_is_posted_anew(
    bench: Make, slack: SlackStack
) -> None:
    async with bench() as made:
        made.say("cpu")
        [posted] = await made.settle()
        assert posted.message is not None
        slack.settings(deleted=[[made.channel, posted.message.ts]])
        made.say("cpu", status=EntryStatus.RESOLVED, message=posted.message)
        [delivery] = await made.settle()
        assert made.methods() == ["post", "post"]
        assert made.taken()[1]["body"]["attachments"][0]["color"] == "good"
        assert delivery.message is not None
        assert delivery.message.ts != posted.message.ts


async def test_a_message_deleted_between_its_update_and_the_line_in_its_thread(
    bench: Make, slack: SlackStack
) -> None:
    async with bench() as made:
        made.say("cpu")
        [posted] = await made.settle()
        fault = {"kind": "error", "error": "thread_not_found", "method": "chat.postMessage"}
        slack.set_faults([fault])
        made.say("cpu", "memory", message=posted.message)
        [delivery] = await made.settle()
        assert delivery.error is None
        assert made.methods() == ["post", "update"]


def successor(first: Bench) -> Bench:
    """Of another process, for the same channel; it has no state yet."""
    return Bench(first.slack, Pace(channel=0), first.secrets, first.channel)


async def test_what_an_earlier_process_posted_is_found(bench: Make) -> None:
    async with bench() as first:
        first.say("cpu")
        [posted] = await first.settle()
    second = successor(first)
    second.state = first.state
    second.say("cpu", "memory", later=-5)  # written before, where it stands was not
    async with running(second):
        [delivery] = await second.settle()
    assert delivery.message == posted.message
    assert second.methods() == ["post", "update"]


async def test_what_an_earlier_process_posted_is_found_behind_a_page_of_others(
    slack: SlackStack, bench: Make
) -> None:
    async with bench() as first:
        first.say("cpu")
        [posted] = await first.settle()
        client = AsyncWebClient(first.token, base_url=f"{slack.base_url}/api/")
        for number in range(201):
            await client.chat_postMessage(channel=first.channel, text=f"talk {number}")
    second = successor(first)
    second.state = first.state
    second.say("cpu", "memory", later=-5)
    async with running(second):
        [delivery] = await second.settle()
    assert delivery.message == posted.message


async def test_what_an_earlier_process_posted_is_found_by_a_clock_that_was_ahead(
    bench: Make,
) -> None:
    """A word's time is of its process, a message's of Slack."""
    async with bench() as first:
        entry = first.say("cpu")
        [posted] = await first.settle()
    second = successor(first)
    ahead = wire_time(datetime.now(UTC) + timedelta(minutes=5))
    left = entry.model_copy(update={"since": ahead, "time": ahead})
    second.state = AlertsStatus(outbox=[left])
    second.notifier.inherit(second.key, second.state)
    async with running(second):
        [delivery] = await second.settle()
    assert delivery.message == posted.message
    assert second.methods() == ["post", "update"]


async def test_a_newer_word_on_what_an_earlier_process_posted_is_in_doubt_too(
    bench: Make,
) -> None:
    async with bench() as first:
        first.say("cpu")
        left = first.state
        [posted] = await first.settle()
    second = successor(first)
    second.notifier.inherit(second.key, left)
    second.say("cpu", "memory")
    async with running(second):
        [delivery] = await second.settle()
    assert delivery.message == posted.message
    assert second.methods() == ["post", "update"]


async def test_an_end_waits_for_what_is_being_sent_and_begins_nothing(
    slack: SlackStack, bench: Make
) -> None:
    """A successor that looked for it before it stands there would send it again."""
    async with bench() as made:
        slack.set_faults([{"kind": "delay", "method": "chat.postMessage", "delay_ms": 500}])
        made.say("cpu")
        made.say("memory", incident="other")
        made.submit()
        await asyncio.sleep(0.2)  # the first is on its way
        assert made.methods() == []
    assert made.methods() == ["post"]
    await asyncio.sleep(0)  # what would begin another
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("may_look", [True, False])
async def test_without_the_history_scope_one_word_waits_for_another_to_arrive(
    bench: Make, slack: SlackStack, may_look: bool
) -> None:
    """So a kill -9 leaves one word in doubt, and not one in each channel."""
    async with bench() as made:
        slack.settings(no_history=[] if may_look else [made.token])
        made.say("cpu")
        await made.settle()
        late = {"kind": "slow_answer", "method": "chat.postMessage", "delay_ms": 400, "count": 1}
        slack.set_faults([late])
        channels = [made.channel, f"{made.channel}B"]
        for made.channel in channels:
            made.key = made.key._replace(name=made.channel.lower())
            made.spec, made.state = made.to_slack(), AlertsStatus()
            made.say("memory", incident="second")
            made.submit()
        while made.notifier.depth():
            await made.delivered.wait()
            made.delivered.clear()
        first, second = (slack.taken(channel)[-1]["time"] for channel in channels)
        assert (abs(second - first) >= 0.4) is not may_look


async def test_updates_at_their_own_limit_do_not_hold_up_the_channel(
    bench: Make, slack: SlackStack
) -> None:
    async with bench() as made:
        made.say("cpu")
        [posted] = await made.settle()
        limited = {"kind": "ratelimit", "retry_after": 6, "method": "chat.update"}
        slack.set_faults([limited])
        made.say("cpu", "memory", message=posted.message)
        made.submit()
        made.say("memory", incident="other")
        made.submit()
        await made.outcome(5)
        assert made.methods() == ["post", "post"]
        await made.outcome()
        assert made.methods() == ["post", "post", "update", "reply"]


async def test_a_webhook_gets_both_messages(bench: Make) -> None:
    async with bench() as made:
        made.spec = Alerts.model_validate(
            {"slack": {"webhookSecretRef": {"name": "hook", "key": "url"}}}
        )
        made.say("cpu")
        await made.settle()
        made.say("cpu", status=EntryStatus.RESOLVED)
        [delivery] = await made.settle()
        colours = [call["body"]["attachments"][0]["color"] for call in made.taken()]
        assert colours == ["danger", "good"]
        assert delivery.message is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://169.254.169.254/latest", "may not reach"),
        ("http://hooks.slack.com/services/x", "https"),
        ("file:///etc/passwd", "no https URL"),
        ("https://user:pw@127.0.0.1/", "no https URL"),
        ("https://[::1/", "no https URL"),
    ],
)
async def test_a_webhook_may_not_lead_inside(bench: Make, url: str, said: str) -> None:
    async with bench() as made:
        made.spec = Alerts.model_validate(
            {"slack": {"webhookSecretRef": {"name": "hook", "key": "url"}}}
        )
        made.secrets.data["hook"]["url"] = url
        made.say("cpu")
        [delivery] = await made.settle()
        assert said in str(delivery.error)
        assert "pw" not in str(delivery.error)


async def test_slacks_host_is_checked_too(bench: Make, slack: SlackStack) -> None:
    async with bench(allow="10.0.0.0/8") as made:
        made.say("cpu")
        [delivery] = await made.settle()
        assert "may not reach" in str(delivery.error)
        assert made.taken() == []


async def test_redirects_are_not_followed(bench: Make, slack: SlackStack) -> None:
    async with bench() as made:
        made.spec = Alerts.model_validate(
            {"slack": {"webhookSecretRef": {"name": "hook", "key": "url"}}}
        )
        slack.set_faults([{"kind": "redirect"}])
        made.say("cpu")
        before = len(slack.calls())
        [delivery] = await made.settle()
        assert "redirect" in str(delivery.error)
        assert len(slack.calls()) == before


async def test_nobody_to_tell_is_no_error(bench: Make) -> None:
    async with bench() as made:
        made.spec = Alerts()
        made.say("cpu")
        [delivery] = await made.settle()
        assert delivery.error is None
        assert made.state.outbox == []
        assert made.taken() == []


async def test_a_channel_gets_one_message_a_second(slack: SlackStack, bench: Make) -> None:
    async with bench(channel=1.0) as made:
        for number in range(4):
            made.state = AlertsStatus()
            made.key = made.key._replace(name=f"r{number}")
            made.say("cpu", incident=f"i{number}")
            made.submit()
        while made.notifier.depth():
            await made.delivered.wait()
            made.delivered.clear()
        times = [call["time"] for call in made.taken()]
        assert len(times) == 4
        assert all(b - a >= 0.99 for a, b in itertools.pairwise(times))
        calls = [c for c in slack.calls() if c["channel"] == made.channel]
        assert [c["answer"] for c in calls] == ["ok"] * 4


async def test_text_that_would_be_markup(bench: Make) -> None:
    nasty = "<!channel> <@U1> <https://evil|x> & *b* \x1b[31mred\x1b[0m " + "x" * 200
    async with bench() as made:
        entry = made.say("cpu")
        alert = entry.alerts[0].model_copy(update={"target": nasty[:128], "summary": nasty[:256]})
        changed = entry.model_copy(
            update={"alerts": [alert], "summary": nasty[:256], "did": nasty[:256]}
        )
        made.state = made.state.model_copy(update={"outbox": [changed]})
        [delivery] = await made.settle()
        assert delivery.error is None
        body = json.dumps(made.taken()[0]["body"])
        assert "<" not in body
        assert "u001b" not in body
        assert made.taken()[0]["body"]["parse"] == "none"
