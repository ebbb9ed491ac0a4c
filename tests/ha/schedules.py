"""Seeded schedules of faults against a fleet at work, and what must hold of each.

A schedule has work for all kinds under way (an ECS service's scaling, which is edited all the time,
an RDS instance, a Redis sweep, an alert to Slack), strikes, heals, waits until everything is as it
was declared, and then reads the ledgers.
"""

import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stack import shop
from stack.aws.client import AwsStack
from stack.cluster import Cluster
from stack.redis import RedisServer
from stack.slack_client import SlackStack
from tests.ha.fleet import Fleet, Replica
from tests.ha.ledgers import Audit, RedisLedger, Write, of_audit, of_aws, of_slack, until

KEYS = 1_200
_RATE = 600
_CONVERGE_SECONDS = 120.0
_GOOD_ENDS = (0, 3, -signal.SIGKILL, -signal.SIGTERM)
"""The last one: told to end before it was ready to be told."""

_GROUP = "setpoint.dev/v1alpha1"


@dataclass(frozen=True)
class Fault:
    """`at` seconds after the work began, for `seconds`; `target`: leader or standby."""

    at: float
    kind: str
    target: str = "leader"
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.at:.1f}s {self.kind} {self.target} {self.seconds:.1f}s"


def plan(seed: int, lease: float) -> list[Fault]:
    """One to three faults; those that are to outlast a lease of so many seconds do."""
    draw = random.Random(seed)
    faults = []
    at = draw.uniform(0.1, 1.5)
    for _ in range(draw.randint(1, 3)):
        kind = draw.choice(["kill", "kill", "stop", "stop", "stop", "nap", "cut", "stall", "end"])
        target = "standby" if draw.random() < 0.15 else "leader"
        seconds = {
            "stop": lease * draw.uniform(1.15, 1.8),
            "nap": lease * draw.uniform(0.1, 0.5),
            "cut": lease * draw.uniform(0.3, 1.6),
            "stall": lease * draw.uniform(0.3, 1.6),
        }.get(kind, 0.0)
        faults.append(Fault(at, kind, target, seconds))
        at += seconds + draw.uniform(0.3, 1.2) * lease
    return faults


@dataclass
class Struck:
    """A fault as it happened; times are the wall clock's."""

    fault: Fault
    who: str
    begun: float
    ended: float


@dataclass
class Verdict:
    """What a schedule showed. `takeovers`: seconds from the leader's loss to another's first
    renewal. `landed`: writes that arrived after the leader that was stopped for longer than the
    lease was resumed, or after its successor's first: they had passed their check before."""

    seed: int
    faults: list[str]
    takeovers: list[float] = field(default_factory=list)
    writes: Counter[str] = field(default_factory=Counter)
    landed: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    unplanned: int = 0
    seconds: float = 0.0


class World:
    """The systems that the fleet works on."""

    def __init__(
        self, fleet: Fleet, cluster: Cluster, aws: AwsStack, slack: SlackStack, redis: RedisServer
    ) -> None:
        self.fleet, self.cluster, self.aws, self.slack, self.redis = (
            fleet, cluster, aws, slack, redis,
        )  # fmt: skip
        self.audit = Audit(cluster)
        self.ttls = RedisLedger(redis, fleet.lives)

    def close(self) -> None:
        self.ttls.close()


class Schedule:
    """One of them."""

    def __init__(self, world: World, seed: int, lease: float) -> None:
        self._world = world
        self._seed = seed
        self._lease = lease
        self._name = f"ha-{world.fleet.name}-{seed}"
        self._channel = f"CHA{world.fleet.name.upper()}{seed}"
        self._draw = random.Random(f"run {seed}")
        self._edits = 0
        self._struck: list[Struck] = []
        self._leases: list[tuple[float, str]] = []
        self._writes: list[Write] = []

    def run(self) -> Verdict:
        """Raises nothing for what must hold: the verdict has it."""
        faults = plan(self._seed, self._lease)
        verdict = Verdict(self._seed, [str(fault) for fault in faults])
        begun = time.monotonic()
        world = self._world
        skews = random.Random(f"skew {self._seed}")
        world.fleet.skew = lambda: skews.choice([0.0, 0.0, 2.5, -2.5, 45.0, -45.0, 90.0, -90.0])
        world.fleet.wait_leader()
        self._collect()
        self._writes.clear()
        self._leases.clear()
        self._sequence, self._said = world.aws.last_call(), len(world.slack.calls())
        start = time.time()
        self._work()
        self._strike(faults)
        self._calm(verdict)
        self._collect()
        self._judge(verdict, start)
        self._tidy()
        verdict.seconds = time.monotonic() - begun
        return verdict

    # What there is to do

    def _work(self) -> None:
        world, name = self._world, self._name
        service, instance = f"svc-{name}", f"db-{name}"
        shop.create_ecs_service(world.aws, "prod", service, 2)
        shop.set_service_load(world.aws, "prod", service, cpu=93, memory=50)
        shop.create_rds_instance(world.aws, instance, instance_class="db.t4g.medium", storage=100)
        with world.redis.client() as client:
            client.flushall()
            world.ttls.forget()
            pipeline = client.pipeline(transaction=False)
            for number in range(KEYS):
                pipeline.set(f"h{self._seed}:{number}", "x")
            pipeline.execute()
        world.cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            _secret(name, "slack", token="xoxb-test"),
            _secret(name, "redis", url=world.redis.url(tls=False)),
            _resource(name, "ScalingPolicy", {
                "interval": "10s",
                "target": {"ecs": {"cluster": "prod", "service": service}},
                "capacity": {"min": 2, "max": 20},
                "targetTracking": [{"metric": "CPU", "target": 60}],
                "alerts": {
                    "group": {"wait": "0s", "interval": "1s"},
                    "slack": {"channel": self._channel,
                              "tokenSecretRef": {"name": "slack", "key": "token"}},
                },
            }),
            _resource(name, "DBTuning", {
                "interval": "10s", "approval": "None",
                "rds": {"instance": instance, "allocatedStorage": "120Gi"},
            }),
            _resource(name, "CacheTuning", {
                "interval": "10s", "approval": "None",
                "redis": {"secretRef": {"name": "redis"}},
                "defaultTTL": {"ttl": "1h", "include": [f"h{self._seed}:*"],
                               "maxKeysPerSecond": _RATE},
            }),
        )  # fmt: skip

    def _edit(self) -> None:
        self._edits += 1
        patch = {"spec": {"capacity": {"max": 20 + self._edits}}}
        self._world.cluster.api.merge(_GROUP, "scalingpolicies", "it", self._name, patch)

    # What goes wrong

    def _strike(self, faults: list[Fault]) -> None:
        begun = time.monotonic()
        for fault in faults:
            self._work_on(begun + fault.at)
            self._do(fault)
        self._work_on(time.monotonic() + 0.3)

    def _work_on(self, until_: float) -> None:
        while (left := until_ - time.monotonic()) > 0:
            self._edit()
            time.sleep(min(max(left, 0.0), 0.4))

    def _do(self, fault: Fault) -> None:
        replica = self._target(fault)
        if replica is None:
            return
        fleet, who, begun = self._world.fleet, replica.life.who, time.time()
        if fault.kind in ("kill", "end"):
            fleet.signal(replica, signal.SIGKILL if fault.kind == "kill" else signal.SIGTERM)
        elif fault.kind in ("stop", "nap"):
            fleet.signal(replica, signal.SIGSTOP)
            self._work_on(time.monotonic() + fault.seconds)
            fleet.signal(replica, signal.SIGCONT)
        else:
            replica.proxy.cut() if fault.kind == "cut" else replica.proxy.stall()
            self._work_on(time.monotonic() + fault.seconds)
            replica.proxy.heal()
        self._struck.append(Struck(fault, who, begun, time.time()))

    def _target(self, fault: Fault) -> Replica | None:
        fleet = self._world.fleet
        leader = until(self._leader, 20)
        if fault.target == "leader":
            found: Replica | None = leader
            return found
        others = [r for r in fleet.replicas if r is not leader and r.life.ended is None]
        return self._draw.choice(others) if others else None

    def _leader(self) -> Replica | None:
        lease = self._world.cluster.api.get(
            "coordination.k8s.io/v1", "leases", self._world.fleet.name, "setpoint-system"
        )
        who = (lease.get("spec", {}).get("holderIdentity") or "").partition("_")[0]
        replicas = self._world.fleet.replicas
        return next((r for r in replicas if r.life.who == who and r.life.ended is None), None)

    # What must become of it

    def _calm(self, verdict: Verdict) -> None:
        """Wait until all is as declared; the load falls, and the alert must be resolved."""
        for what, check in (
            ("the scaling", self._scaled),
            ("the instance", self._grown),
            ("the sweep", self._swept),
            ("the alert", lambda: self._told("firing")),
        ):
            if not until(check, _CONVERGE_SECONDS):
                verdict.violations.append(f"{what} was not as declared in the end")
        service = f"svc-{self._name}"
        shop.set_service_load(self._world.aws, "prod", service, cpu=40, memory=50)
        self._edit()
        if not until(lambda: self._told("resolved"), _CONVERGE_SECONDS):
            verdict.violations.append("the alert was not resolved in the end")

    def _scaled(self) -> bool:
        body = self._get("scalingpolicies")
        return _is_ready(body) and body["status"].get("effectiveBounds", {}).get("max") == (
            20 + self._edits
        )

    def _grown(self) -> bool:
        """Done; or written down before it was sent by one that was struck then. Whether RDS has it
        shows in five minutes (docs/rds.md), and until then it is not sent again."""
        body = self._get("dbtunings")
        pending = body.get("status", {}).get("rds", {}).get("pending", "")
        return _is_ready(body) or str(pending).endswith(", now")

    def _swept(self) -> bool:
        status = self._get("cachetunings").get("status", {})
        return bool(status.get("sweep", {}).get("phase") == "Done")

    def _told(self, how: str) -> bool:
        alerts = self._get("scalingpolicies").get("status", {}).get("alerts", {})
        firing = [a for a in alerts.get("items", []) if a["state"] == "Firing"]
        return (
            not alerts.get("outbox")
            and bool(firing) == (how == "firing")
            and bool(self._messages())
        )

    def _get(self, plural: str) -> dict[str, Any]:
        return self._world.cluster.api.get(_GROUP, plural, "it", self._name)

    def _messages(self) -> list[dict[str, Any]]:
        return self._world.slack.taken(self._channel)

    # What the ledgers say

    def _collect(self) -> None:
        world, fleet = self._world, self._world.fleet
        for event in world.audit.read():
            if write := of_audit(event, fleet):
                self._writes.append(write)
            self._note_lease(event)

    def _note_lease(self, event: dict[str, Any]) -> None:
        ref, fleet = event.get("objectRef") or {}, self._world.fleet
        is_renewal = event["verb"] in ("update", "create") and ref.get("resource") == "leases"
        user = event["user"]["username"].rpartition(":")[2]
        if not is_renewal or event.get("responseStatus", {}).get("code") not in (200, 201):
            return
        at = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
        for replica in fleet.replicas:
            if replica.user == user:
                lives = [life for life in replica.lives if life.started <= at]
                if lives:
                    self._leases.append((at, lives[-1].who))

    def _judge(self, verdict: Verdict, start: float) -> None:
        world, fleet = self._world, self._world.fleet
        calls = world.aws.ledger(self._sequence)
        made = [write for call in calls if (write := of_aws(call, fleet))]
        said = world.slack.calls()[self._said :]
        made += [write for call in said if (write := of_slack(call, fleet))]
        made += [*self._writes, *world.ttls.writes]
        made.sort(key=lambda write: write.time)
        verdict.writes = Counter(write.what.partition(" ")[0] for write in made)
        self._judge_order(verdict, made)
        self._judge_resumed(verdict, made)
        self._judge_effects(verdict, calls)
        self._judge_takeovers(verdict)
        planned = {one.who for one in self._struck}
        verdict.unplanned = sum(
            life.ended is not None and life.ended >= start and life.who not in planned
            for life in fleet.lives()
        )
        verdict.violations += [
            f"{life.who} ended with status {life.status}"
            for life in fleet.lives()
            if life.ended is not None and life.ended >= start and life.status not in _GOOD_ENDS
        ]

    def _judge_order(self, verdict: Verdict, made: list[Write]) -> None:
        """Once another has written, nothing of the former comes any more."""
        owner, former = "", set()
        for write in made:
            if write.who == owner:
                continue
            if write.who in former:
                verdict.landed.append(f"{write.what} of {write.who} after {owner}'s first write")
                continue
            former.add(owner)
            owner = write.who

    def _judge_resumed(self, verdict: Verdict, made: list[Write]) -> None:
        """After being stopped for longer than the lease, a leader begins no write. What had passed
        its check may arrive, if doing it twice does no harm; a message never does."""
        for one in self._struck:
            if one.fault.kind == "stop" and self._held(one):
                late = [w for w in made if w.who == one.who and w.time > one.ended]
                verdict.landed += [f"{w.what} of {w.who} after it was resumed" for w in late]
                if len(late) > 1:
                    verdict.violations.append(f"{one.who} wrote {len(late)} times after resuming")
        if any("slack" in what for what in verdict.landed):
            verdict.violations.append("a message was sent by a process without the lease")

    def _held(self, one: Struck) -> bool:
        """Whether the process was the leader when it was struck."""
        held = [who for at, who in self._leases if at <= one.begun]
        return bool(held) and held[-1] == one.who

    def _judge_effects(self, verdict: Verdict, calls: list[dict[str, Any]]) -> None:
        """Nothing took effect twice."""
        ttls = self._world.ttls.expired
        keys = {f"h{self._seed}:{number}" for number in range(KEYS)}
        if twice := [key for key, count in ttls.items() if count > 1]:
            verdict.violations.append(f"{len(twice)} keys got a TTL twice")
        if missing := keys - set(ttls):
            verdict.violations.append(f"{len(missing)} keys got no TTL")
        marks: Counter[str] = Counter()
        for call in self._messages():
            if call["method"] == "chat.postMessage":
                marks[call["body"]["metadata"]["event_payload"]["mark"]] += 1
        verdict.violations += [
            f"the message {mark} was posted {count} times"
            for mark, count in marks.items() if count > 1
        ]  # fmt: skip
        modifications = Counter(
            str(sorted(call["params"].items()))
            for call in calls
            if call["operation"] == "ModifyDBInstance" and call["status"] == 200
        )
        verdict.violations += [
            f"ModifyDBInstance took effect {count} times: {what}"
            for what, count in modifications.items() if count > 1
        ]  # fmt: skip

    def _judge_takeovers(self, verdict: Verdict) -> None:
        for one in self._struck:
            if not self._held(one):
                continue
            after = [at for at, who in self._leases if at > one.begun and who != one.who]
            own = [at for at, who in self._leases if at > one.ended and who == one.who]
            if one.fault.kind == "end":  # it gives the lease back
                own = []
            if after and not (own and own[0] < after[0]):
                verdict.takeovers.append(after[0] - one.begun)

    def _tidy(self) -> None:
        for plural in ("scalingpolicies", "dbtunings", "cachetunings"):
            self._world.cluster.api.delete(_GROUP, plural, namespace=self._name)


def _is_ready(body: dict[str, Any]) -> bool:
    status = body.get("status", {})
    ready = [c for c in status.get("conditions", ()) if c["type"] == "Ready"]
    return (
        status.get("observedGeneration") == body.get("metadata", {}).get("generation", 0)
        and bool(ready)
        and ready[0]["status"] == "True"
    )


def _secret(namespace: str, name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def _resource(namespace: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "setpoint.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "it", "namespace": namespace},
        "spec": spec,
    }
