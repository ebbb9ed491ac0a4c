"""Drives setpoint through many states: edits, requests, approvals, faults, drift, deletion."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import redis
from botocore.exceptions import ClientError
from kubernetes import client, config

from stack import shop
from stack.aws.client import AwsStack
from stack.cluster import Cluster
from stack.operator import OperatorProcess
from stack.postgres import PostgresServer
from stack.redis import RedisServer
from tests.contract.snapshots import Snapshot, snapshots
from tests.contract.specs import KINDS, Spec

_GROUP = ("setpoint.dev", "v1alpha1")
_NAMES = {"scalingpolicies": "ScalingPolicy", "cachetunings": "CacheTuning",
          "dbtunings": "DBTuning"}  # fmt: skip
_SERVICES, _INSTANCES = 6, 5
_FAULTS: Sequence[dict[str, Any]] = (
    {"service": "application-autoscaling", "operation": "*", "kind": "throttle", "count": 20},
    {"service": "application-autoscaling", "operation": "Put*", "kind": "refuse",
     "code": "ValidationException", "message": "not authorized to perform: x", "count": 5},
    {"service": "cloudwatch", "operation": "*", "kind": "refuse",
     "code": "AccessDenied", "message": "no", "count": 5},
    {"service": "rds", "operation": "Modify*", "kind": "refuse",
     "code": "StorageQuotaExceeded", "message": "no", "count": 3},
    {"service": "rds", "operation": "Describe*", "kind": "reset", "count": 3},
    {"service": "*", "operation": "*", "kind": "http", "status": 500,
     "code": "InternalFailure", "rate": 0.3, "count": 20},
)  # fmt: skip


@dataclass
class Parts:
    """The servers that are driven; `caches` may be stopped, their settings changed."""

    cluster: Cluster
    aws: AwsStack
    postgres: PostgresServer
    caches: Sequence[RedisServer]
    operator: OperatorProcess


@dataclass
class Driver:
    """Steps drawn from a seed, in a namespace of its own. `counts`: how often each was taken."""

    parts: Parts
    namespace: str
    seed: int
    each: int = 4
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.down: set[int] = set()
        self.channel = f"C{self.seed:08d}"
        kubeconfig = str(self.parts.cluster.admin_kubeconfig)
        api = config.new_client_from_config(kubeconfig)  # type: ignore[no-untyped-call]
        self.custom, self.core = client.CustomObjectsApi(api), client.CoreV1Api(api)
        self.scaling = self.parts.aws.boto3_client("application-autoscaling", shop.REGION)

    def prepare(self) -> None:
        """Namespace, targets and Secrets."""
        self.parts.cluster.create_namespace(self.namespace)
        for number in range(_SERVICES):
            shop.create_ecs_service(self.parts.aws, "prod", f"svc-{number}", 3)
        for number in range(_INSTANCES):
            shop.create_rds_instance(
                self.parts.aws, f"db-{number}", instance_class="db.t4g.medium", storage=100
            )
        database = self.namespace.replace("-", "_")
        self.database = database
        self.uri = shop.create_database(self.parts.postgres, database, f"{database}_reader")
        for server in self.parts.caches:
            shop.fill_cache(server, 300)
        self.load()
        for name, data in self.secrets().items():
            self.secret(name, data)

    def secrets(self) -> dict[str, dict[str, str]]:
        """One Secret for each way to be right or wrong; a name with `missing` has none."""
        found: dict[str, dict[str, str]] = {"slack": {"token": "xoxb-test"}}
        wrongs: dict[str, Callable[[str], str]] = {
            "wrong": lambda url: url.replace("password", "wrong-password"),
            "refused": lambda url: url.replace("localhost", "169.254.169.254"),
            "closed": lambda url: url.replace(url.rpartition(":")[2].split("/")[0], "1"),
            "broken": lambda _: "nonsense",
        }
        for number, server in enumerate(self.parts.caches):
            url, authority = server.url(), server.ca_file.read_text()
            found[f"redis-good-{number}"] = {"url": url, "ca.crt": authority}
            for name, spoil in wrongs.items():
                spoiled = spoil(url.replace(server.password, "password"))
                found[f"redis-{name}-{number}"] = {"url": spoiled, "ca.crt": authority}
        authority = self.parts.postgres.ca_file.read_text()
        found["postgres-good"] = {"uri": self.uri, "ca.crt": authority}
        for name, spoil in wrongs.items():
            found[f"postgres-{name}"] = {"uri": spoil(self.uri), "ca.crt": authority}
        return found

    def secret(self, name: str, data: dict[str, str]) -> None:
        """Create or replace a Secret."""
        body = client.V1Secret(
            metadata=client.V1ObjectMeta(name=name), string_data=data, type="Opaque"
        )
        try:
            self.core.create_namespaced_secret(self.namespace, body)
        except client.ApiException:
            self.core.replace_namespaced_secret(name, self.namespace, body)

    def run(self, until: Callable[[], bool], pause: float) -> None:
        """Take steps, `pause` seconds apart, until it is enough; then mend everything."""
        while not until():
            step = self.draw.choices(list(_STEPS), list(_STEPS.values()))[0]
            self.counts[step] += 1
            with contextlib.suppress(redis.RedisError, ClientError):  # faults hit us, too
                getattr(self, step)()
            time.sleep(pause)
        self.parts.aws.clear_faults()
        for number in list(self.down):
            self.up(number)

    def found(self) -> list[Snapshot]:
        """What was written about its resources so far."""
        everything = snapshots(self.parts.cluster)
        return [s for s in everything if s.body["metadata"]["namespace"] == self.namespace]

    def pick(self) -> tuple[str, str]:
        """A kind's plural and a name."""
        return self.draw.choice(list(KINDS)), f"r{self.draw.randrange(self.each)}"

    def call(self, verb: str, plural: str, name: str, *arguments: Any, **options: Any) -> Any:
        """A call about a resource; None if it is not there."""
        made = getattr(self.custom, f"{verb}_namespaced_custom_object")
        if verb == "patch":
            is_list = isinstance(arguments[0], list)
            options["_content_type"] = f"application/{'json' if is_list else 'merge'}-patch+json"
        try:
            return made(*_GROUP, self.namespace, plural, name, *arguments, **options)
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise

    # Steps -----------------------------------------------------------------------------------

    def edit(self) -> None:
        """A user writes a spec: of a new resource, or another one for one that is there."""
        plural, name = self.pick()
        targets = {"scalingpolicies": _SERVICES, "dbtunings": _INSTANCES}
        spec = KINDS[plural](self.draw, self.channel, targets.get(plural, len(self.parts.caches)))
        try:
            self.write(plural, name, spec)
        except client.ApiException as error:
            if error.status != 422:
                raise
            self.counts["refused"] += 1  # such as another target: delete it first
            self.call("delete", plural, name)

    def write(self, plural: str, name: str, spec: Spec) -> None:
        """The spec, whatever was there."""
        patch = [{"op": "replace", "path": "/spec", "value": spec}]
        if self.call("patch", plural, name, patch) is None:
            body = {
                "apiVersion": "/".join(_GROUP),
                "kind": _NAMES[plural],
                "metadata": {"name": name},
                "spec": spec,
            }
            self.custom.create_namespaced_custom_object(*_GROUP, self.namespace, plural, body)

    def touch(self) -> None:
        """A user changes one thing, and perhaps at once another."""
        plural, name = self.pick()
        for _ in range(self.draw.choice([1, 1, 2, 3])):
            value = self.draw.choice(["Enforce", "Plan", "Observe"])
            change = self.draw.choice(
                [{"mode": value}, {"interval": self.draw.choice(["10s", "20s", "2m"])},
                 {"approval": self.draw.choice(["None", "Required"])}]
            )  # fmt: skip
            self.call("patch", plural, name, {"spec": change})

    def storm(self) -> None:
        """A tool gone wild: one edit after the other, while setpoint writes."""
        plural, name = self.pick()
        for number in range(15):
            self.call("patch", plural, name, {"spec": {"interval": f"{20 + number}s"}})

    def suspend(self) -> None:
        """Paused, or taken up again."""
        plural, name = self.pick()
        if found := self.call("get", plural, name):
            now = not found["spec"].get("suspend", False)
            self.call("patch", plural, name, {"spec": {"suspend": now}})

    def request(self) -> None:
        """A reconcile now, asked for in Flux's way or ours."""
        plural, name = self.pick()
        which = self.draw.choice(["reconcile.fluxcd.io/requestedAt", "setpoint.dev/requestedAt"])
        annotation = {"metadata": {"annotations": {which: f"{time.time_ns()}"}}}
        self.call("patch", plural, name, annotation)

    def request_all(self) -> None:
        """The same of every resource."""
        annotation = {
            "metadata": {"annotations": {"setpoint.dev/requestedAt": f"{time.time_ns()}"}}
        }
        for plural in KINDS:
            for number in range(self.each):
                self.call("patch", plural, f"r{number}", annotation)

    def approve(self) -> None:
        """The plan that is shown, or by mistake another."""
        plural, name = self.pick()
        if found := self.call("get", plural, name):
            shown = found.get("status", {}).get("plan", {}).get("digest")
            digest = shown if shown and self.draw.random() < 0.9 else "0" * 12
            annotation = {"metadata": {"annotations": {"setpoint.dev/approve": digest}}}
            self.call("patch", plural, name, annotation)

    def label(self) -> None:
        """What does not concern setpoint."""
        plural, name = self.pick()
        labels = {"metadata": {"labels": {"team": self.draw.choice(["a", "b"])}}}
        self.call("patch", plural, name, labels)

    def delete(self) -> None:
        """Gone; what cannot be reverted is abandoned now and then."""
        plural, name = self.pick()
        self.call("delete", plural, name)
        if self.draw.random() < 0.5:
            annotation = {"metadata": {"annotations": {"setpoint.dev/abandon": "true"}}}
            self.call("patch", plural, name, annotation)

    def load(self) -> None:
        """Other figures."""
        for number in range(_SERVICES):
            figures = {"cpu": self.draw.randrange(5, 99), "memory": self.draw.randrange(5, 99)}
            shop.set_service_load(self.parts.aws, "prod", f"svc-{number}", **figures)

    def lookups(self) -> None:
        """Hits and misses in a cache."""
        server = self.draw.choice(self.parts.caches)
        hits = self.draw.randrange(1500)
        shop.use_cache(server, hits=hits, misses=1500 - hits, seed=self.draw.randrange(1000))

    def scans(self) -> None:
        """Reads of a table without the index for it, and tables that come and go."""
        shop.scan_table(self.parts.postgres, self.database, 200)
        table = f"t{self.draw.randrange(5)}"
        with shop.admin(self.parts.postgres, self.database) as connection:
            if self.draw.random() < 0.5:
                connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (id int, a int)")
                connection.execute(f"CREATE INDEX ON {table} (a)")
                connection.execute(f"CREATE INDEX ON {table} (a)")
            else:
                connection.execute(f"DROP TABLE IF EXISTS {table}")

    def drift_in_aws(self) -> None:
        """Somebody changes or removes what setpoint keeps."""
        base = {
            "ServiceNamespace": "ecs",
            "ResourceId": f"service/prod/svc-{self.draw.randrange(_SERVICES)}",
            "ScalableDimension": "ecs:service:DesiredCount",
        }
        if self.draw.random() < 0.3:
            self.scaling.deregister_scalable_target(**base)
        else:
            self.scaling.register_scalable_target(**base, MinCapacity=1, MaxCapacity=50)

    def drift_in_redis(self) -> None:
        """Somebody changes a setting."""
        server = self.draw.choice(self.parts.caches)
        server.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")

    def maintenance(self) -> None:
        """RDS carries out what is pending."""
        self.parts.aws.run_maintenance(shop.REGION)

    def fault(self) -> None:
        """Something of AWS fails for a while, or no more."""
        faults = [self.draw.choice(_FAULTS)] if self.draw.random() < 0.7 else []
        self.parts.aws.set_faults(faults)

    def cache_down(self) -> None:
        """A cache goes, or comes back empty."""
        number = self.draw.randrange(len(self.parts.caches))
        if number in self.down:
            self.up(number)
        elif not self.down:
            self.parts.caches[number].cli("CONFIG", "SET", "requirepass", "another")
            self.down.add(number)

    def up(self, number: int) -> None:
        """It takes its password again."""
        self.parts.caches[number].restart()
        shop.fill_cache(self.parts.caches[number], 300)
        self.down.discard(number)

    def no_privilege(self) -> None:
        """The database takes away the reader's right, or gives it back."""
        verb = self.draw.choice(["GRANT pg_monitor TO", "REVOKE pg_monitor FROM"])
        with contextlib.suppress(psycopg.Error):
            self.parts.postgres.execute(f"{verb} {self.database}_reader")

    def mend_secret(self) -> None:
        """A missing Secret is made, or goes again."""
        name = self.draw.choice(["redis-missing-0", "postgres-missing", "no-slack"])
        good = {"redis-missing-0": "redis-good-0", "postgres-missing": "postgres-good",
                "no-slack": "slack"}  # fmt: skip
        if self.draw.random() < 0.5:
            self.secret(name, self.secrets()[good[name]])
        else:
            with contextlib.suppress(client.ApiException):
                self.core.delete_namespaced_secret(name, self.namespace)

    def kill(self) -> None:
        """The operator dies and comes back."""
        self.parts.operator.kill()
        self.parts.operator.start()


class Enough:
    """Whether there are so many writes of status about the driver's resources, or no time is left;
    looked at every so many seconds, for the log grows."""

    def __init__(
        self, driver: Driver, writes: int, distinct: int, limit: float, *, every: float
    ) -> None:
        self._driver, self._writes, self._distinct, self._every = driver, writes, distinct, every
        self._end = time.monotonic() + limit
        self._next = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every
        ours = [one for one in self._driver.found() if one.ours]
        distinct = len({one.without_times() for one in ours})
        print(f"{len(ours)} writes of status, {distinct} distinct", flush=True)
        return (len(ours) >= self._writes and distinct >= self._distinct) or now > self._end


_STEPS = {
    "edit": 30, "touch": 16, "storm": 1, "suspend": 4, "request": 8, "request_all": 5, "approve": 10, "label": 2, "delete": 3,
    "load": 5, "lookups": 3, "scans": 2, "drift_in_aws": 3, "drift_in_redis": 2,
    "maintenance": 2, "fault": 3, "cache_down": 1, "no_privilege": 1, "mend_secret": 2,
    "kill": 0.1,
}  # fmt: skip
