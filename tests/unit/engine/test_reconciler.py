"""The reconciler with a kind and an API server that live in memory."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from setpoint.alerts.delivery import Delivery
from setpoint.api.alerts import Alerts, AlertsStatus, MessageRef
from setpoint.api.common import CommonSpec, CommonStatus
from setpoint.api.conditions import Reason
from setpoint.api.crd import Names
from setpoint.api.plan import Applied, AppliedOp, PlanOp, Risk
from setpoint.config import Config
from setpoint.engine.attempt import Attempter
from setpoint.engine.claims import Claims
from setpoint.engine.deletion import Deletion
from setpoint.engine.failure import Failure
from setpoint.engine.kube import Conflict, KubeClient
from setpoint.engine.model import Action, Decision, Key, Resource, Sample
from setpoint.engine.queue import INTERVAL
from setpoint.engine.reconciler import DELIVERED, Reconciler
from setpoint.engine.store import FINALIZER, Store
from setpoint.engine.writer import StatusWriter
from setpoint.telemetry.events import EventRecorder

KEY = Key("things", "ns", "a")
CHANGED = frozenset({"changed"})


@dataclass
class World:
    """What the kind looks at and writes to."""

    value: str = "old"
    noise: float = 0.0
    has_data: bool = True
    fails: Failure | Exception | None = None
    act_fails: Failure | None = None
    looks: int = 0
    acts: list[str] = field(default_factory=list)
    on_act: Callable[[], None] = lambda: None
    settling: str = ""
    intent: dict[str, Any] | None = None
    targets: Sequence[str] = ()


class ThingKind:
    """Wants the world's value to be `new`."""

    names = Names("Thing", "things", "thing", ())
    spec_model = CommonSpec

    def __init__(self, world: World, risk: Risk = Risk.LOW) -> None:
        self.world = world
        self.risk = risk

    def lane(self, namespace: str, spec: CommonSpec) -> str:
        return ""

    def claim(self, namespace: str, spec: CommonSpec) -> str | None:
        return "the-thing"

    def announce(self, namespace: str, spec: CommonSpec) -> None:
        pass

    def new_memory(self, status: dict[str, Any]) -> None:
        return None

    async def observe(self, resource: Resource[CommonSpec], memory: None) -> World:
        self.world.looks += 1
        if self.world.fails is not None:
            raise self.world.fails
        return replace(self.world)

    def targets(self, observed: World) -> Sequence[str]:
        return observed.targets

    def decide(
        self, resource: Resource[CommonSpec], observed: World, memory: None, now: datetime
    ) -> Decision[None]:
        record = Applied(object="x", field="v", op=AppliedOp.CHANGED, original=observed.value)
        action = Action(PlanOp.UPDATE, "x", "v", observed.value, "new", "differs", self.risk,
                        record=record, intent=observed.intent)  # fmt: skip
        actions = [] if observed.value == "new" else [action]
        value = observed.noise if observed.has_data else None
        sample = Sample("cpu", value, 80, f"{observed.noise}%", "80%", unit="%")
        return Decision(memory=None, actions=actions, samples=[sample], settling=observed.settling)

    async def act(self, resource: Resource[CommonSpec], action: Action, memory: None) -> None:
        self.world.on_act()
        if self.world.act_fails is not None:
            raise self.world.act_fails
        self.world.acts.append(f"{action.from_}->{action.to}")
        self.world.value = action.to

    def report(self, resource: Any, observed: World, decision: Any, display: Any) -> CommonStatus:
        return CommonStatus()

    def revert(
        self, resource: Any, observed: World, applied: Sequence[Applied]
    ) -> Sequence[Action]:
        wanted = applied[0].original
        if observed.value == wanted:
            return []
        return [Action(PlanOp.UPDATE, "x", "v", observed.value, wanted, "revert")]


class MemoryKube:
    """One object, with versions and conflicts; records every write."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.versions = itertools.count(1)
        self.writes: list[dict[str, Any]] = []
        self.body: dict[str, Any] = {}
        self.events: list[str] = []
        self.notes: list[str] = []
        self.types: list[str] = []
        self.on_written: Callable[[], None] = lambda: None

    def user(self, spec: dict[str, Any] | None = None, **metadata: Any) -> None:
        """A user's edit."""
        before = self.body.get("metadata", {})
        generation = before.get("generation", 0) + (spec is not None)
        base = {
            "name": KEY.name, "namespace": KEY.namespace, "uid": "u", "annotations": {},
            "creationTimestamp": "2026-11-23T12:00:00Z", **before,
        }  # fmt: skip
        self.body = {
            "apiVersion": "setpoint.dev/v1alpha1",
            "kind": "Thing",
            "spec": self.body.get("spec") if spec is None else spec,
            "status": self.body.get("status", {"observedGeneration": -1}),
            "metadata": {**base, "generation": generation, **metadata,
                         "resourceVersion": str(next(self.versions))},
        }  # fmt: skip
        self.store.update(KEY, self.body)

    async def patch_status(self, key: Key, version: str, status: Mapping[str, Any]) -> Any:
        self.writes.append(dict(status))
        return self._written(version, status=dict(status))

    async def patch_finalizers(self, key: Key, version: str, finalizers: Sequence[str]) -> Any:
        metadata = {**self.body["metadata"], "finalizers": list(finalizers)}
        return self._written(version, metadata=metadata)

    def _written(self, version: str, **changes: Any) -> Any:
        if version != self.body["metadata"]["resourceVersion"]:
            raise Conflict
        self.body = {**self.body, **changes}
        number = str(next(self.versions))
        self.body["metadata"] = {**self.body["metadata"], "resourceVersion": number}
        written = self.body
        self.on_written()
        return written


class MemoryOutbox:
    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.words: list[tuple[str, str]] = []
        self.deliveries: list[Delivery] = []
        self.inherited: list[str] = []

    def submit(self, key: Key, kind_name: str, spec: Alerts, alerts: AlertsStatus) -> None:
        self.submitted += [entry.id for entry in alerts.outbox]
        self.words += [(str(entry.status), entry.incident) for entry in alerts.outbox]

    def inherit(self, key: Key, alerts: AlertsStatus) -> None:
        self.inherited = [entry.id for entry in alerts.outbox]

    def take(self, key: Key) -> list[Delivery]:
        made, self.deliveries = self.deliveries, []
        return made


class Bench:
    def __init__(self, risk: Risk = Risk.LOW) -> None:
        self.world = World()
        self.now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        self.store = Store()
        self.kube = MemoryKube(self.store)
        self.outbox = MemoryOutbox()
        self.risk = risk
        self.moved = False
        self.restart()

    def restart(self) -> None:
        """A new process: nothing in memory survives."""
        config, now = Config(), lambda: self.now

        async def post(namespace: str, body: Mapping[str, Any]) -> None:
            self.kube.events.append(body["reason"])
            self.kube.notes.append(body["note"])
            self.kube.types.append(body["type"])

        kube = cast("KubeClient", self.kube)
        events = self.recorder = EventRecorder(post, now)
        self.claims = Claims()
        self.reconciler = Reconciler(
            {"things": ThingKind(self.world, self.risk)},
            self.store,
            Attempter(self.claims, now),
            Deletion(kube, self.store, events, lambda: config, now, lambda: 0.5),
            StatusWriter(kube, self.store, events),
            self.outbox,
            events,
            lambda: config,
            now,
            lambda: 0.5,
            self._moved,
        )

    async def _moved(self, key: Key) -> bool:
        return self.moved

    async def look(self, reasons: frozenset[str] = CHANGED) -> float | None:
        return await self.reconciler.run(KEY, reasons)

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.kube.body["status"]
        return found

    def ready(self) -> tuple[str, str]:
        [found] = [c for c in self.status["conditions"] if c["type"] == "Ready"]
        return found["status"], found["reason"]

    def types(self) -> set[str]:
        return {c["type"] for c in self.status["conditions"]}


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_the_first_visit_says_so_then_records_then_acts(bench: Bench) -> None:
    bench.kube.user({})
    seen_before_acting: list[Any] = []
    bench.world.on_act = lambda: seen_before_acting.append(bench.status.get("applied"))
    await bench.look()
    first, before_acting, final = bench.kube.writes
    assert first["observedGeneration"] == -1
    assert [c["reason"] for c in first["conditions"]] == ["Progressing", "Progressing"]
    assert before_acting["applied"][0]["original"] == "old"
    assert seen_before_acting == [before_acting["applied"]]
    assert final["observedGeneration"] == 1
    assert bench.ready() == ("True", "InSync")
    assert bench.world.acts == ["old->new"]


async def test_a_further_look_with_moving_numbers_writes_nothing(bench: Bench) -> None:
    bench.kube.user({})
    await bench.look()
    writes = len(bench.kube.writes)
    for noise in (10.0, 35.5, 79.9):
        bench.world.noise = noise
        bench.now += timedelta(hours=1)
        delay = await bench.look()
        assert delay == pytest.approx(60, rel=0.11)
    assert len(bench.kube.writes) == writes


def live_values() -> dict[str, float]:
    """Series of the live values of KEY, by metric and rule."""
    return {
        f"{sample.name} {sample.labels['rule']}": sample.value
        for family in REGISTRY.collect()
        if family.name.startswith("setpoint_value")
        for sample in family.samples
        if sample.labels["name"] == KEY.name and sample.labels["kind"] == KEY.plural
    }


async def test_a_live_value_ends_when_it_is_not_known_any_more(bench: Bench) -> None:
    known = {"setpoint_value_ratio cpu": 0.425}
    bench.world.noise = 42.5
    bench.kube.user({})
    await bench.look()
    assert live_values() == known
    bench.world.fails = Failure(Reason.CONNECTION_FAILED, "down")
    await bench.look()
    assert live_values() == {}, "an old value looks like a quiet system"
    bench.world.fails = None
    await bench.look()
    assert live_values() == known
    bench.world.has_data = False
    await bench.look()
    assert live_values() == {}
    bench.world.has_data = True
    await bench.look()
    bench.kube.user({"suspend": True})
    await bench.look()
    assert live_values() == {}


async def test_a_second_change_is_one_write_and_keeps_the_first_original(bench: Bench) -> None:
    bench.kube.user({})
    await bench.look()
    writes = len(bench.kube.writes)
    bench.world.value = "drifted"
    bench.kube.user({"interval": "2m"})
    await bench.look()
    [final] = bench.kube.writes[writes:]
    assert final["applied"][0]["original"] == "old"


@pytest.mark.parametrize("mode", ["Observe", "Plan"])
async def test_these_modes_only_read(bench: Bench, mode: str) -> None:
    bench.kube.user({"mode": mode})
    await bench.look()
    assert bench.world.acts == []
    assert bench.status["plan"]["actions"][0]["blockedBy"] in ("Mode", "Approval")
    assert "Drifted" in bench.types()


async def test_risk_waits_for_the_approval_of_this_plan() -> None:
    bench = Bench(Risk.HIGH)
    bench.kube.user({})
    await bench.look()
    assert (bench.world.acts, bench.ready()) == ([], ("True", "ChangePending"))
    digest = bench.status["plan"]["digest"]
    bench.kube.user(annotations={"setpoint.dev/approve": "0" * 12})
    await bench.look()
    assert bench.world.acts == []
    bench.kube.user(annotations={"setpoint.dev/approve": digest})
    await bench.look()
    assert (bench.world.acts, bench.ready()) == (["old->new"], ("True", "InSync"))


async def test_a_failure_is_said_once_retried_and_forgotten(bench: Bench) -> None:
    bench.kube.user({})
    bench.world.fails = Failure(Reason.CONNECTION_FAILED, "down")
    delays = [await bench.look() for _ in range(4)]
    assert bench.ready() == ("False", "ConnectionFailed")
    assert bench.types() >= {"Ready", "Reconciling"}
    assert bench.status["observedGeneration"] == 1
    assert len(bench.kube.writes) == 2, "each retry wrote"
    assert [round(delay or 0, 2) for delay in delays] == [3.75, 7.5, 15, 30]
    bench.world.fails = None
    await bench.look()
    assert bench.ready() == ("True", "InSync")


async def test_what_only_people_can_mend_stalls_after_a_while(bench: Bench) -> None:
    bench.kube.user({})
    bench.world.fails = Failure(Reason.ACCESS_DENIED, "denied")
    await bench.look()
    assert "Stalled" not in bench.types()
    bench.now += timedelta(minutes=3)
    bench.restart()
    await bench.look()
    assert "Stalled" in bench.types()
    assert "Reconciling" not in bench.types()


async def test_an_action_that_may_have_been_done_keeps_its_record(bench: Bench) -> None:
    bench.kube.user({})
    bench.world.act_fails = Failure(Reason.CONNECTION_FAILED, "the connection was lost")
    await bench.look()
    assert bench.ready() == ("False", "ConnectionFailed")
    assert bench.status["applied"][0]["original"] == "old"
    assert bench.status["plan"]["actions"]


async def test_an_action_that_was_refused_leaves_no_record(bench: Bench) -> None:
    """What somebody else makes under that name later would be taken for ours, and deleted."""
    bench.kube.user({})
    bench.world.act_fails = Failure(Reason.THROTTLED, "slow down")
    await bench.look()
    assert bench.ready() == ("False", "Throttled")
    assert not bench.status.get("applied")
    assert bench.status["plan"]["actions"]


async def test_a_fault_of_ours_is_said_and_does_not_escape(bench: Bench) -> None:
    bench.kube.user({})
    bench.world.fails = RuntimeError("secret detail")
    for _ in range(2):
        with capture_logs() as logged:
            assert await bench.look() is not None
        assert bench.ready() == ("False", "InternalError")
        assert "secret detail" not in str(bench.status)
        [entry] = [e for e in logged if e["log_level"] == "error"]
        assert entry["exc_info"] is bench.world.fails
        assert entry["key"] == "things/ns/a"


async def test_a_spec_that_cannot_be_read_is_stalled(bench: Bench) -> None:
    bench.kube.user({"mode": 7, "interval": []})
    await bench.look()
    assert bench.ready() == ("False", "InvalidSpec")
    assert bench.world.looks == 0


async def test_suspend_is_one_write_and_then_silence(bench: Bench) -> None:
    bench.kube.user({})
    await bench.look()
    looks, writes = bench.world.looks, len(bench.kube.writes)
    bench.kube.user({"suspend": True})
    assert await bench.look() is None
    assert await bench.look() is None
    assert bench.world.looks == looks
    [write] = bench.kube.writes[writes:]
    assert write["observedGeneration"] == 2
    assert bench.ready() == ("True", "InSync")


async def test_what_was_made_suspended_is_no_warning(bench: Bench) -> None:
    bench.kube.user({"suspend": True})
    await bench.look()
    posting = asyncio.create_task(bench.recorder.run())
    await asyncio.sleep(0)
    posting.cancel()
    assert (bench.kube.events, bench.kube.types) == (["Suspended"], ["Normal"])


async def test_a_request_is_echoed_even_when_the_attempt_fails(bench: Bench) -> None:
    bench.kube.user({})
    await bench.look()
    bench.world.fails = Failure(Reason.CONNECTION_FAILED, "down")
    bench.kube.user(annotations={"reconcile.fluxcd.io/requestedAt": "token-1"})
    await bench.look()
    assert bench.status["lastHandledReconcileAt"] == "token-1"


async def test_no_ready_lands_on_a_newer_generation(bench: Bench) -> None:
    bench.kube.user({})
    await bench.look()
    bench.world.value = "drifted"
    bench.kube.user({"interval": "2m"})

    def edit() -> None:
        bench.world.on_act = lambda: None
        bench.kube.user({"interval": "3m"})

    bench.world.on_act = edit
    assert await bench.look() == pytest.approx(0.2), "come back at once"
    assert bench.status["observedGeneration"] == 1
    await bench.look()
    assert bench.status["observedGeneration"] == 3
    assert bench.world.acts.count("drifted->new") == 1


@pytest.mark.parametrize("write", [1, 2], ids=["first visit", "before acting"])
async def test_an_edit_that_overtakes_the_answer_to_a_write_is_not_taken_for_reconciled(
    bench: Bench, write: int
) -> None:
    """The watch may bring the user's edit before the API server's answer to our own write."""
    bench.kube.user({})

    def edit() -> None:
        if len(bench.kube.writes) == write:
            bench.kube.user({"interval": "2m"})

    bench.kube.on_written = edit
    assert await bench.look() == pytest.approx(0.2), "come back at once"
    assert bench.status["observedGeneration"] == -1
    assert {c["observedGeneration"] for c in bench.status["conditions"]} == {1}
    await bench.look()
    assert bench.status["observedGeneration"] == 2
    assert bench.ready() == ("True", "InSync")


async def test_an_edit_that_overtakes_a_finalizer_is_not_taken_for_reconciled(
    bench: Bench,
) -> None:
    bench.kube.user({})
    await bench.look()
    bench.kube.user({"deletionPolicy": "Revert"})

    def edit() -> None:
        bench.kube.on_written = lambda: None
        bench.kube.user({"deletionPolicy": "Revert", "interval": "2m"})

    bench.kube.on_written = edit
    assert await bench.look() == pytest.approx(0.2)
    assert bench.status["observedGeneration"] == 1
    await bench.look()
    assert bench.status["observedGeneration"] == 3


AT_ONCE = {"alerts": {"group": {"wait": "0s", "interval": "1s"}}}
INTERVAL_ONLY = frozenset({INTERVAL})


async def test_an_alert_is_written_down_before_it_is_sent(bench: Bench) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    assert bench.outbox.submitted == [entry["id"]]
    bench.restart()
    await bench.look()
    assert bench.outbox.submitted == [entry["id"]] * 2, "what was not delivered is sent again"
    looks = bench.world.looks
    bench.outbox.deliveries = [delivery(entry)]
    assert await bench.look(frozenset({DELIVERED})) is None
    assert bench.world.looks == looks, "nothing need be observed for it"
    assert bench.status["alerts"]["outbox"] == []
    assert bench.status["alerts"]["groups"][0]["message"] == {"channel": "C1", "ts": "1.2"}
    bench.restart()
    await bench.look()
    assert len(bench.outbox.submitted) == 2, "what was delivered is not sent again"


async def test_a_delivery_does_not_write_on_a_generation_that_nobody_looked_at(
    bench: Bench,
) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    bench.outbox.deliveries = [delivery(entry)]
    bench.kube.user({**AT_ONCE, "interval": "2m"})
    await bench.look(frozenset({DELIVERED}))
    assert bench.status["observedGeneration"] == 2
    assert bench.status["alerts"]["outbox"] == []


async def test_a_delivery_is_not_lost_with_a_conflict(bench: Bench) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    bench.outbox.deliveries = [delivery(entry)]
    stale = dict(bench.kube.body["metadata"])
    bench.kube.body["metadata"] = {**stale, "resourceVersion": "999"}  # the watch lags behind
    await bench.look(frozenset({DELIVERED}))
    bench.kube.body["metadata"] = stale
    await bench.look(frozenset({DELIVERED}))
    assert bench.status["alerts"]["outbox"] == []


async def test_it_comes_back_for_the_first_message_without_looking(bench: Bench) -> None:
    bench.kube.user({"interval": "10m", "alerts": {}})
    bench.world.noise = 93
    delay = await bench.look()
    assert delay is not None
    assert delay == pytest.approx(30, abs=1), "group.wait"
    looks = bench.world.looks
    bench.now += timedelta(seconds=delay)
    delay = await bench.look(INTERVAL_ONLY)
    assert [word for word, _ in bench.outbox.words] == ["Firing"]
    assert bench.world.looks == looks
    assert delay is not None
    assert delay > 500, "the look at the target stays due when it was"
    bench.now += timedelta(seconds=delay)
    await bench.look(INTERVAL_ONLY)
    assert bench.world.looks == looks + 1


async def test_a_firing_alert_with_moving_numbers_writes_nothing(bench: Bench) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    bench.outbox.deliveries = [delivery(entry)]
    await bench.look()
    writes = len(bench.kube.writes)
    for noise in (85.0, 97.0, 99.9):
        bench.world.noise = noise
        bench.now += timedelta(minutes=1)
        assert await bench.look() == pytest.approx(60, rel=0.11), "no busy loop"
    assert len(bench.kube.writes) == writes


async def test_the_alerts_of_a_deleted_resource_are_resolved(bench: Bench) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    bench.outbox.deliveries = [delivery(entry)]
    await bench.look(frozenset({DELIVERED}))
    bench.store.remove(KEY)
    assert await bench.look() is None
    assert bench.outbox.words[-1] == ("Resolved", entry["incident"])
    words = len(bench.outbox.words)
    assert await bench.look() is None
    assert len(bench.outbox.words) == words, "once"


async def test_a_resource_that_went_to_another_shard_is_forgotten_in_silence(bench: Bench) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    words = list(bench.outbox.words)
    bench.moved = True
    bench.store.remove(KEY)
    assert await bench.look() is None
    assert bench.outbox.words == words, "it is not resolved: the other shard goes on with it"


async def test_what_another_process_left_in_the_outbox_is_told_to_be_in_doubt(
    bench: Bench,
) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    assert bench.outbox.inherited == []
    bench.restart()
    await bench.look()
    assert bench.outbox.inherited == [entry["id"]]


async def test_the_alerts_of_a_namesake_that_was_deleted_unseen_are_resolved(bench: Bench) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    bench.world.noise = 10
    bench.kube.body["status"] = {"observedGeneration": -1}
    bench.kube.user(AT_ONCE, uid="other")
    await bench.look()
    assert bench.outbox.words[-1] == ("Resolved", entry["incident"])


async def test_a_target_that_cannot_be_seen_is_an_alert_and_keeps_what_fires(bench: Bench) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    bench.world.fails = Failure(Reason.CONNECTION_FAILED, "down")
    for _ in range(6):
        await bench.look()
        bench.now += timedelta(minutes=1)
    states = {item["rule"]: item["state"] for item in bench.status["alerts"]["items"]}
    assert states == {"cpu": "Firing", "unreachable": "Firing"}
    bench.world.fails = None
    await bench.look()
    assert bench.status["alerts"]["count"] == 1


async def test_what_only_people_can_mend_is_an_alert(bench: Bench) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.fails = Failure(Reason.NOT_GRANTED, "not granted")
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    assert [(a["rule"], a["summary"]) for a in entry["alerts"]] == [("stalled", "not granted")]


async def test_a_message_that_was_refused_is_a_condition_until_it_is_delivered(
    bench: Bench,
) -> None:
    bench.kube.user(AT_ONCE)
    bench.world.noise = 93
    await bench.look()
    [entry] = bench.status["alerts"]["outbox"]
    bench.outbox.deliveries = [Delivery(entry["id"], entry["incident"], error="no such channel")]
    await bench.look(frozenset({DELIVERED}))
    [found] = [c for c in bench.status["conditions"] if c["type"] == "AlertsUndelivered"]
    assert (found["reason"], found["message"]) == ("DeliveryRefused", "no such channel")
    assert bench.status["alerts"]["outbox"] == [entry]
    await bench.look()
    assert "AlertsUndelivered" in bench.types()
    bench.outbox.deliveries = [delivery(entry)]
    await bench.look(frozenset({DELIVERED}))
    assert "AlertsUndelivered" not in bench.types()


def delivery(entry: Mapping[str, Any]) -> Delivery:
    return Delivery(entry["id"], entry["incident"], message=MessageRef(channel="C1", ts="1.2"))


async def test_revert_puts_back_and_lets_go(bench: Bench) -> None:
    bench.kube.user({"deletionPolicy": "Revert"})
    await bench.look()
    assert bench.kube.body["metadata"]["finalizers"] == [FINALIZER]
    bench.kube.user(deletionTimestamp="2026-11-23T12:00:00Z")
    assert await bench.look() is None
    assert bench.world.value == "old"
    assert bench.kube.body["metadata"]["finalizers"] == []


@pytest.mark.parametrize("policy", [{"deletionPolicy": "Retain"}, {"mode": "Observe", "deletionPolicy": "Revert"}], ids=str)  # fmt: skip
async def test_nothing_else_is_held_back(bench: Bench, policy: dict[str, str]) -> None:
    bench.kube.user(policy)
    await bench.look()
    assert not bench.kube.body["metadata"].get("finalizers")


async def test_a_revert_that_fails_is_tried_for_ten_minutes(bench: Bench) -> None:
    bench.kube.user({"deletionPolicy": "Revert"})
    await bench.look()
    bench.world.fails = Failure(Reason.CONNECTION_FAILED, "down")
    bench.kube.user(deletionTimestamp=bench.now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert await bench.look() is not None
    assert bench.kube.body["metadata"]["finalizers"] == [FINALIZER]
    bench.now += timedelta(minutes=10)
    assert await bench.look() is None
    assert bench.kube.body["metadata"]["finalizers"] == []
    assert bench.world.value == "new"


async def test_what_cannot_shrink_is_named_when_the_rest_was_put_back(bench: Bench) -> None:
    bench.kube.user({"deletionPolicy": "Revert"})
    await bench.look()
    grown = {"object": "disk", "field": "size", "op": "Grew", "original": "1"}
    bench.kube.body["status"]["applied"].append(grown)
    bench.kube.user(deletionTimestamp="2026-11-23T12:00:00Z")
    await bench.look()
    posting = asyncio.create_task(bench.recorder.run())
    await asyncio.sleep(0)
    posting.cancel()
    assert bench.kube.notes[-1] == (
        "what setpoint had changed was put back, but for what cannot shrink: disk size"
    )


async def test_what_must_be_known_of_a_change_is_written_before_it_each_time(bench: Bench) -> None:
    found: list[Any] = []
    bench.world.intent = {"note": "about to"}
    bench.world.on_act = lambda: found.append(bench.status.get("note"))
    bench.kube.user({})
    await bench.look()
    assert "note" not in bench.status, "the kind says what stays"
    bench.world.value = "old"
    await bench.look()
    assert found == ["about to", "about to"]


async def test_a_change_that_is_not_to_be_seen_yet_is_reconciling(bench: Bench) -> None:
    bench.world.value = "new"
    bench.world.settling = "the disk is growing"
    bench.kube.user({})
    await bench.look()
    found = {c["type"]: (c["status"], c["message"]) for c in bench.status["conditions"]}
    assert found["Ready"] == ("Unknown", "the disk is growing")
    assert found["Reconciling"] == ("True", "the disk is growing")
    bench.world.settling = ""
    await bench.look()
    found = {c["type"]: (c["status"], c["message"]) for c in bench.status["conditions"]}
    assert found["Ready"][0] == "True"
    assert "Reconciling" not in found


async def test_abandon_lets_go_at_once(bench: Bench) -> None:
    bench.kube.user({"deletionPolicy": "Revert"})
    await bench.look()
    bench.world.fails = Failure(Reason.CONNECTION_FAILED, "down")
    bench.kube.user(
        deletionTimestamp="2026-11-23T12:00:00Z", annotations={"setpoint.dev/abandon": "yes"}
    )
    assert await bench.look() is None
    assert bench.kube.body["metadata"]["finalizers"] == []


async def test_the_target_of_an_older_resource_is_not_touched(bench: Bench) -> None:
    bench.kube.user({})
    older = Key("things", "ns", "older")
    bench.claims.add(KEY, "the-thing", bench.now, "u")
    bench.claims.add(older, "the-thing", bench.now - timedelta(days=1), "v")
    await bench.look()
    assert bench.ready() == ("False", "TargetConflict")
    assert (bench.world.looks, bench.world.acts) == (0, [])


async def test_each_of_several_targets_has_one_owner(bench: Bench) -> None:
    bench.kube.user({})
    bench.world.targets = ["first", "second"]
    await bench.look()
    assert bench.status["target"] == "first"
    assert bench.claims.owner("first") == bench.claims.owner("second") == KEY
    older = Key("things", "ns", "older")
    bench.claims.add(older, "second", bench.now - timedelta(days=1), "v")
    bench.world.value = "drifted"
    acts = len(bench.world.acts)
    await bench.look()
    assert bench.ready() == ("False", "TargetConflict")
    assert len(bench.world.acts) == acts
    bench.world.targets = ["first"]
    await bench.look()
    assert bench.claims.owner("first") == KEY
    assert bench.ready()[0] == "True"


async def test_a_reconcile_that_hangs_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> World:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(ThingKind, "observe", never)
    short = Config.model_validate({"limits": {"reconcileTimeout": "10ms"}})
    bench.reconciler._config = lambda: short
    bench.kube.user({})
    await bench.look()
    assert bench.ready() == ("False", "TimedOut")
