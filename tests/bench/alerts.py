"""Alerts under load, and under kill -9: python tests/bench/alerts.py.

First 6,000 alerts in a minute, in 400 groups over 20 channels, with the defaults of spec.alerts
but digestAfter (a digest would count what is to be listed). Then 50 kills at random moments, while
Slack answers what it took a quarter of a second late. What is real: rules' groups and outbox, the
notifier, Slack's client, HTTP. What is not: Slack, which is the strict stand-in, and the API
server: statuses are files, written before anything is sent. It takes about ten minutes.
"""

import argparse
import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "hack"), str(ROOT)]

from setpoint.alerts.delivery import settle  # noqa: E402
from setpoint.alerts.notifier import Notifier  # noqa: E402
from setpoint.alerts.outbox import Context  # noqa: E402
from setpoint.alerts.reading import Name, Reading  # noqa: E402
from setpoint.alerts.state import Memory  # noqa: E402
from setpoint.alerts.step import step  # noqa: E402
from setpoint.api.alerts import Alerts, AlertsStatus  # noqa: E402
from setpoint.api.findings import Severity  # noqa: E402
from setpoint.config import Config  # noqa: E402
from setpoint.engine.model import Key  # noqa: E402
from setpoint.trust.grants import Grants  # noqa: E402
from setpoint.trust.network import Network  # noqa: E402
from stack.slack_client import SlackStack  # noqa: E402
from stack.stand_in import StandIn  # noqa: E402

SEED = 20261124
RULES = [f"rule{letter}" for letter in "abcdefghijklmno"]
TICK_SECONDS = 0.05


@dataclass(frozen=True)
class Plan:
    """What the worker does; it is started with it again after each kill."""

    slack: str
    directory: str
    channels: int
    groups: int
    group: dict[str, Any]
    alerts: list[tuple[float, float, int, str]]
    """Begin and end (seconds since the epoch), group, rule."""


class Files:
    """Secrets and statuses, as an API server would keep them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        return {"token": f"xoxb-{namespace}"}

    def status(self, number: int) -> AlertsStatus:
        file = self._directory / f"{number}.json"
        return (
            AlertsStatus.model_validate_json(file.read_text()) if file.exists() else AlertsStatus()
        )

    def write(self, number: int, status: AlertsStatus) -> None:
        """Replace a status; what its outbox says is noted, to be looked for in Slack."""
        with (self._directory / "said").open("a") as said:
            for entry in status.outbox:
                said.writelines(f"r{number} {alert.rule}\n" for alert in entry.alerts)
        partial = self._directory / f"{number}.partial"
        partial.write_text(json.dumps(status.wire()))
        partial.rename(self._directory / f"{number}.json")


@dataclass
class Resource:
    """One resource: its alerts by the plan, its status."""

    number: int
    channel: str
    spec: Alerts
    alerts: Sequence[tuple[float, float, int, str]]
    status: AlertsStatus
    memory: Memory = field(default_factory=Memory)
    wake: float = 0.0

    @property
    def key(self) -> Key:
        return Key("scalingpolicies", f"team-{self.channel.lower()}", f"r{self.number}")

    def readings(self, now: float) -> dict[Name, Reading]:
        found = {}
        for begin, end, _, rule in self.alerts:
            if begin > now:
                continue
            is_bad = now < end
            found[rule, ""] = Reading(
                rule, "", Severity.CRITICAL, is_bad, is_bad, "93%", "80%", "%", 93.0
            )
        return found

    def next_change(self, now: float) -> float:
        moments = [m for begin, end, *_ in self.alerts for m in (begin, end) if m > now]
        return min(moments, default=float("inf"))


class Worker:
    """What the engine does with alerts, without the rest of it."""

    def __init__(self, plan: Plan) -> None:
        config = Config.model_validate(
            {"slack": {"apiUrl": f"{plan.slack}/api/"}, "networks": {"allow": ["127.0.0.0/8"]}}
        )
        self.files = Files(Path(plan.directory))
        self.progress = Path(plan.directory) / "progress"
        self.delivered: set[Key] = set()
        self.notifier = Notifier(
            self.files,
            Grants(lambda: config),
            Network(lambda: config),
            lambda: config,
            self.delivered.add,
        )
        of = defaultdict(list)
        for alert in plan.alerts:
            of[alert[2]].append(alert)
        self.resources = [self._resource(plan, number, of[number]) for number in range(plan.groups)]

    def _resource(self, plan: Plan, number: int, alerts: Sequence[Any]) -> Resource:
        channel = f"CBENCH{number % plan.channels:03}"
        target = {"channel": channel, "tokenSecretRef": {"name": "slack", "key": "token"}}
        spec = Alerts.model_validate({"slack": target, "group": plan.group})
        return Resource(number, channel, spec, alerts, self.files.status(number))

    async def run(self) -> None:
        running = asyncio.create_task(self.notifier.run())
        while not running.done():
            now = time.time()
            for resource in self.resources:
                if resource.wake <= now or resource.key in self.delivered:
                    self.visit(resource, now)
            left = sum(len(resource.status.outbox) for resource in self.resources)
            self.progress.write_text(f"{self.notifier.depth()} {left}")
            await asyncio.sleep(TICK_SECONDS)

    def visit(self, resource: Resource, now: float) -> None:
        self.delivered.discard(resource.key)
        before = settle(resource.status, self.notifier.take(resource.key))
        made = step(
            before,
            resource.readings(now),
            resource.spec,
            resource.memory,
            Context(f"uid-{resource.number}"),
            datetime.fromtimestamp(now, UTC),
        )
        if made.status != resource.status:
            self.files.write(resource.number, made.status)
        is_heard = bool(made.status.outbox or resource.status.outbox)
        resource.status, resource.memory = made.status, made.memory
        wake = made.wake.timestamp() if made.wake else float("inf")
        resource.wake = min(wake, resource.next_change(now))
        if is_heard:
            self.notifier.submit(resource.key, "ScalingPolicy", resource.spec, made.status)


class Run:
    """A worker as a child process, and what it reports."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.file = Path(plan.directory) / "plan"
        self.file.write_text(json.dumps(plan.__dict__))
        self.log = (Path(plan.directory) / "log").open("ab")
        self.progress = Path(plan.directory) / "progress"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it has looked at everything."""
        self.progress.unlink(missing_ok=True)
        command = [sys.executable, __file__, "--worker", str(self.file)]
        self.child = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        while not self.progress.exists():
            time.sleep(0.01)

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def left(self) -> tuple[int, int]:
        """Messages queued, and entries in outboxes."""
        text = self.progress.read_text().split()
        return (int(text[0]), int(text[1])) if len(text) == 2 else (1, 1)

    def said(self) -> set[tuple[str, str]]:
        """Resources and rules that stood in an outbox."""
        text = (Path(self.plan.directory) / "said").read_text()
        return {(line.split()[0], line.split()[1]) for line in text.splitlines()}


def load(slack: SlackStack, draw: random.Random, *, minutes: float) -> dict[str, Any]:
    """6,000 alerts in a minute."""
    start = time.time() + 3
    pairs = list(itertools.product(range(400), RULES))
    alerts = [(start + draw.uniform(0, 60), start + 86_400, *pair) for pair in pairs]
    group = {"digestAfter": 1000}
    with tempfile.TemporaryDirectory() as directory:
        run = Run(Plan(slack.base_url, directory, 20, 400, group, alerts))
        last = max(begin for begin, *_ in alerts)
        emptied, empty_since = None, None
        while time.time() < start + 60 * minutes or run.left() != (0, 0):
            time.sleep(0.2)
            is_empty = time.time() > start and run.left()[0] == 0
            empty_since = (empty_since or time.time()) if is_empty else None
            if emptied is None and empty_since and time.time() > last + 1:
                emptied = empty_since - last
        run.kill()
        said = run.said()
    calls = slack.calls()
    first: dict[str, float] = {}
    for begin, _, number, _ in alerts:
        name = f"r{number}"
        first[name] = min(first.get(name, begin), begin)
    posts = [c for c in calls if c["method"] == "chat.postMessage" and c["answer"] == "ok"]
    roots = [c for c in posts if "thread_ts" not in c["body"]]
    late: list[float] = []
    places: Counter[str] = Counter()
    for call in roots:
        places[call["channel"]] += 1
        begun = first[name_of(call)]
        late.append(call["time"] - begun - 30 - places[call["channel"]])
    words = [c["time"] - start for c in calls if c["answer"] == "ok"]
    second = [at for at in words if at > 180]
    return {
        "alerts written into an outbox": len(said),
        "messages": len(roots),
        "calls refused for their pace": sum(c["answer"] == "ratelimited" for c in calls),
        "shortest time between two calls of a channel (s)": round(shortest(calls), 3),
        "later than group_wait + n s, p99 (s)": round(quantile(late, 0.99), 2),
        "later than group_wait + n s, worst (s)": round(max(late), 2),
        "queue empty after the last alert (s)": round(emptied or -1, 1),
        "second words: calls, and the time they took (s)": (
            len(second), round(max(second) - min(second), 1) if second else 0.0
        ),
        "alerts in no delivered message": missing(calls, said),
        "duplicates": duplicates(calls),
    }  # fmt: skip


def kills(slack: SlackStack, draw: random.Random, number: int, *, history: bool) -> dict[str, Any]:
    """Kills at random moments, while incidents come and go in 20 channels."""
    start, seconds = time.time() + 2, number * 3.0
    slack.settings(no_history=[] if history else [f"xoxb-team-cbench{n:03}" for n in range(20)])
    late = {"kind": "slow_answer", "delay_ms": 250, "count": 1_000_000}
    slack.set_faults([late])
    alerts = []
    for resource, rule in itertools.product(range(60), RULES[:4]):
        begin = start + draw.uniform(0, seconds)
        alerts.append((begin, begin + draw.uniform(10, 60), resource, rule))
    group = {"wait": "2s", "interval": "5s", "digestAfter": 1000}
    with tempfile.TemporaryDirectory() as directory:
        run = Run(Plan(slack.base_url, directory, 20, 60, group, alerts))
        for _ in range(number):
            time.sleep(draw.uniform(0, 3))
            run.kill()
            run.start()
        over = max(end for _, end, *_ in alerts) + 15
        while time.time() < over or run.left() != (0, 0):
            time.sleep(0.2)
        run.kill()
        said = run.said()
    calls = slack.calls()
    return {
        "kills": number,
        "alerts written into an outbox": len(said),
        "messages": sum(c["answer"] == "ok" and "body" in c for c in calls),
        "duplicates": duplicates(calls),
        "alerts in no delivered message": missing(calls, said),
        "shortest time between two calls of a channel (s)": round(shortest(calls), 3),
    }


def name_of(call: Mapping[str, Any]) -> str:
    """The resource that a message is about."""
    return str(call["body"]["text"]).split()[2].rstrip(":").rpartition("/")[2]


def missing(calls: Sequence[Mapping[str, Any]], said: set[tuple[str, str]]) -> int:
    """Alerts of outboxes that no message that was taken names."""
    found: set[tuple[str, str]] = set()
    for call in calls:
        if call["answer"] == "ok" and "attachments" in call.get("body", {}):
            text = json.dumps(call["body"]["attachments"])
            found |= {(name_of(call), rule) for rule in RULES if f"*{rule}*" in text}
    return len(said - found)


def duplicates(calls: Sequence[Mapping[str, Any]]) -> int:
    """Messages of an incident beyond the first, and lines in threads said twice."""
    marks = Counter(
        (call["channel"], call["body"]["metadata"]["event_payload"]["mark"])
        for call in calls
        if call["answer"] == "ok" and call["method"] == "chat.postMessage"
    )
    return sum(count - 1 for count in marks.values())


def shortest(calls: Sequence[Mapping[str, Any]]) -> float:
    """Of all channels, between two calls that say something."""
    times: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        if call["method"].startswith("chat."):
            times[call["channel"]].append(call["time"])
    return min(b - a for found in times.values() for a, b in itertools.pairwise(sorted(found)))


def quantile(values: Sequence[float], part: float) -> float:
    """A quantile."""
    return statistics.quantiles(values, n=1000)[int(part * 1000) - 1]


def show(title: str, figures: Mapping[str, Any]) -> None:
    """Print figures."""
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"  {name}: {value}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="Alerts under load and under kill -9")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=6.5, help="of the load; 0: none of it")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        plan = Plan(**json.loads(arguments.worker.read_text()))
        asyncio.run(Worker(plan).run())
        return
    print(f"seed {arguments.seed}, {datetime.now(UTC):%Y-%m-%d}")
    draw = random.Random(arguments.seed)
    if arguments.minutes:
        with tempfile.TemporaryDirectory() as run_dir, StandIn(Path(run_dir), "slack") as server:
            slack = SlackStack(server.base_url)
            show("load", load(slack, draw, minutes=arguments.minutes))
    for history in (True, False) if arguments.kills else ():
        with tempfile.TemporaryDirectory() as run_dir, StandIn(Path(run_dir), "slack") as server:
            slack = SlackStack(server.base_url)
            title = f"kill -9, {'with' if history else 'without'} the scope channels:history"
            show(title, kills(slack, draw, arguments.kills, history=history))


if __name__ == "__main__":
    main()
