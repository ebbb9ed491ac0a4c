"""What no RDS instance, no spec and no history may lead to: many of each, at random."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.api.plan import BlockedBy
from setpoint.api.rds import RDS
from setpoint.database.rds import pending, storage
from setpoint.database.rds.decide import decide
from setpoint.database.rds.memory import RDSMemory, Sent, from_status
from setpoint.database.rds.model import CLASS, OF_STORAGE, STORAGE, TYPE, RDSObserved
from setpoint.database.rds.report import report
from setpoint.database.rds.steps import Order
from setpoint.engine.window import opening

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
OPEN = {"cron": "0 11 * * TUE", "duration": "24h"}
CLOSED = {"cron": "0 3 * * SUN", "duration": "2h"}
CLASSES = ["db.t4g.medium", "db.r6g.large", "db.r6g.xlarge"]
FOREIGN = {
    "EngineVersion": "17.4", "MultiAZ": True, "SomethingNew": 1, "BackupRetentionPeriod": 0,
    CLASS: "db.x.large", STORAGE: 700, "Iops": 40_000,
}  # fmt: skip


@st.composite
def instances(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["gp2", "gp3", "io1", "io2", "standard"]))
    sizes = [100, 195, 399, 400, 500] + ([20] if kind not in ("io1", "io2") else [])
    size = draw(st.sampled_from(sizes))
    engine = draw(st.sampled_from(["postgres", "oracle-ee", "sqlserver-se"]))
    current: dict[str, Any] = {CLASS: draw(st.sampled_from(CLASSES)), STORAGE: size, TYPE: kind,
               "Engine": engine,
               "BackupRetentionPeriod": 7, "EngineVersion": "16.9"}  # fmt: skip
    limit = draw(st.sampled_from([None, size + 50, 1000]))
    if limit:
        current["MaxAllocatedStorage"] = limit
    if storage.takes_iops(kind, engine.partition("-")[0], size):
        current["Iops"] = 12_000
    return current


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "instanceClass": st.sampled_from(CLASSES),
        "allocatedStorage": st.sampled_from(
            ["100Gi", "101Gi", "200Gi", "450Gi", "600Gi", "3000Gi", "30Ti"]
        ),
        "maxAllocatedStorage": st.sampled_from(["30Ti", "33Ti", "60Ti"]),
        "storageType": st.sampled_from(["gp2", "gp3", "io1", "io2"]),
        "iops": st.sampled_from([1000, 12_000, 12_500, 20_000]),
        "storageThroughput": st.sampled_from([125, 500, 1000]),
        "window": st.sampled_from([OPEN, CLOSED]),
    },
)
QUEUES = st.lists(st.sampled_from(sorted(FOREIGN)), max_size=2, unique=True)


def observed(current: dict[str, Any], queue: dict[str, Any], state: str) -> RDSObserved:
    return RDSObserved(
        arn="arn", instance="orders", state=state, maintenance_window="sun:03:00-sun:04:00",
        in_cluster=False, current=current, pending=queue,
        optimizing=state == "storage-optimization",
    )  # fmt: skip


def runnable(spec: RDS, seen: RDSObserved, memory: RDSMemory, now: datetime) -> list[Order]:
    actions = decide(spec, seen, memory, now).actions
    return [a.payload for a in actions if a.blocked_by is None and a.payload is not None]


def interrupts(current: dict[str, Any], changes: dict[str, Any]) -> bool:
    seen = observed(current, changes, "available")
    return any(pending.costs_downtime(seen, name) for name in changes)


def refusal(after: dict[str, Any], order: Order) -> str:
    """What RDS would find wrong with storage as it will be; by its references, not by ours."""
    kind, size, iops = after[TYPE], after[STORAGE], order.values.get("Iops")
    engine = after["Engine"].partition("-")[0]
    throughput = order.values.get("StorageThroughput")
    if kind in ("gp2", "standard"):
        return "no IOPS" if iops or throughput else ""
    if kind == "gp3":
        least = {"oracle": 200, "sqlserver": 0}.get(engine, 400)
        if size < least:
            return "no IOPS below" if iops or throughput else ""
        if iops is None or iops < (3000 if engine == "sqlserver" else 12_000):
            return "IOPS for gp3"
        return "throughput" if throughput and throughput * 4 > iops else ""
    if throughput or iops is None or size < 100:
        return "of provisioned IOPS"
    ratio = iops / size
    return "" if (1 if engine == "sqlserver" else 0.5) <= ratio <= 1000 else f"ratio {ratio}"


@given(
    current=instances(),
    wanted=SPECS,
    queue=QUEUES,
    state=st.sampled_from(
        ["available", "storage-full", "storage-optimization", "modifying", "new"]
    ),
    before=st.integers(0, 5),
    ours=st.booleans(),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_modification_is_a_surprise(
    current: dict[str, Any],
    wanted: dict[str, Any],
    queue: list[str],
    state: str,
    before: int,
    ours: bool,
) -> None:
    spec = RDS.model_validate({"instance": "orders", **wanted})
    held: dict[str, Any] = {name: FOREIGN[name] for name in queue}
    if ours:
        held[CLASS] = "db.r6g.xlarge"
    seen = observed(current, held, state)
    sent = [Sent(NOW - timedelta(hours=2), {STORAGE: current[STORAGE]}, immediately=True)] * before
    memory = RDSMemory(sent, held[CLASS] if ours else None)
    orders = runnable(spec, seen, memory, NOW)
    assert len(orders) <= 1, "one at a time"
    for order in orders:
        assert before < spec.max_modifications_per_day
        assert state in ("available", "storage-full", "storage-optimization")
        if order.immediately and state != "storage-full":
            assert not pending.would_interrupt(seen, order.values), "nobody's restart is fired"
        if interrupts(current, {n: v for n, v in order.values.items() if v != current.get(n)}):
            is_open = spec.window is not None and opening(spec.window, NOW).is_open
            assert order.immediately == (spec.window is not None) == is_open
        changed = {n for n, v in order.values.items() if v not in (seen.effective(n), None)}
        changed |= {n for n, v in order.values.items() if v != current.get(n)}
        assert changed, "there is a difference"
        if STORAGE in order.values:
            size = order.values[STORAGE]
            assert size == seen.size or size >= max(storage.grown(current[STORAGE]), seen.size)
        if OF_STORAGE & order.values.keys():
            assert state != "storage-optimization"
            assert refusal({**current, **held, **order.values}, order) == ""


@dataclass
class World:
    """An instance that does at once what RDS does in minutes. Counts restarts."""

    current: dict[str, Any]
    queue: dict[str, Any] = field(default_factory=dict)
    restarts: int = 0

    def modify(self, order: Order) -> None:
        for name, value in order.values.items():
            if name == "MaxAllocatedStorage":
                self.current[name] = value
            elif value != self.current.get(name):
                self.queue[name] = value
            elif order.immediately:
                self.queue.pop(name, None)
        if order.immediately:
            self.apply()

    def apply(self) -> None:
        """Everything that is pending, together."""
        self.restarts += interrupts(self.current, self.queue)
        self.current |= self.queue
        self.queue = {}


def settle(world: World, spec: RDS, memory: RDSMemory, now: datetime) -> tuple[datetime, int]:
    """Rounds until nothing more may be sent; the time then, and how many were sent. In each, an
    operator that knows only what status has decides the same."""
    for number in range(8):
        seen = observed(dict(world.current), dict(world.queue), "available")
        memory.keep_approval_of(spec.instance_class)
        memory.read_back(seen, now)
        orders = runnable(spec, seen, memory, now)
        restarted = from_status(report(seen, memory, "", now).wire())
        assert runnable(spec, seen, restarted, now) == orders
        if not orders:
            return now, number
        entry = Sent(now, orders[0].values, orders[0].immediately)
        memory.add(entry)
        memory.taken(entry, withdraws=orders[0].withdraws)
        world.modify(orders[0])
        now += timedelta(minutes=6)
    raise AssertionError(f"it comes to no end: {memory.sent}")


@given(current=instances(), first=SPECS, second=SPECS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_it_comes_to_an_end_with_one_restart_at_most_for_each_change_of_the_spec(
    current: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    """A first spec, and before its window opens a second one; then RDS's own window comes."""
    world, memory, now = World(current), RDSMemory(), NOW
    for number, wanted in enumerate((first, second), 1):
        spec = RDS.model_validate({"instance": "orders", "maxModificationsPerDay": 20, **wanted})
        size = world.current[STORAGE]
        now, _ = settle(world, spec, memory, now)
        if spec.window is None or not opening(spec.window, now).is_open:
            assert world.restarts <= number - 1, "none outside the window"
        assert world.current[STORAGE] >= size
        assert world.restarts <= number
    world.apply()
    world.restarts, before = 0, world.restarts
    now, _ = settle(world, spec, memory, now)
    assert world.restarts == 0 or before <= 1
    left = decide(spec, observed(world.current, world.queue, "available"), memory, now).actions
    assert {action.blocked_by for action in left} <= {BlockedBy.WINDOW, BlockedBy.BUDGET}
