"""DBTuning as the engine sees it."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from setpoint.api.dbtuning import Baseline, DBTuning, DBTuningSpec, DBTuningStatus, Postgres
from setpoint.api.plan import Applied
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.aws.reads import Reads
from setpoint.database import decide, history, observe, report, targets
from setpoint.database.advisor import Advisor, limits
from setpoint.database.indexes.fallback import completed
from setpoint.database.indexes.model import Advice
from setpoint.database.memory import Memory
from setpoint.database.model import Observed, Snapshot
from setpoint.database.postgres.connect import Connector
from setpoint.database.postgres.target import from_secret
from setpoint.database.rds import observe as rds_observe
from setpoint.database.rds.act import act as act_rds
from setpoint.database.rds.memory import RDSMemory, from_status
from setpoint.database.rds.model import RDSObserved
from setpoint.database.rds.revert import revert
from setpoint.engine.beside import Beside, Subject
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure, caught
from setpoint.engine.model import Action, Decision, Resource
from setpoint.trust.network import Network
from setpoint.trust.secrets import SecretReader


def _now() -> datetime:
    return datetime.now(UTC)


class DBTuningKind:
    """Implements engine.kind.Kind; it remembers what it did to RDS and what it saw of Postgres."""

    names = DBTuning.names
    spec_model = DBTuningSpec

    def __init__(
        self,
        secrets: SecretReader,
        network: Network,
        gateway: AWSGateway,
        reads: Reads,
        now: Callable[[], datetime] = _now,
        beside: Beside[Advice] | None = None,
    ) -> None:
        self._secrets = secrets
        self._connector = Connector(network)
        self._gateway = gateway
        self._reads = reads
        self._now = now
        self._advisor = Advisor(network, beside or Beside(now))

    def lane(self, namespace: str, spec: DBTuningSpec) -> str:
        """Bounded by database server, as far as its Secret tells, else by region."""
        if spec.postgres is not None:
            return f"postgres/{namespace}/{spec.postgres.secret_ref.name}"
        return f"aws/{self._gateway.default_region(spec.aws)}"

    def claim(self, namespace: str, spec: DBTuningSpec) -> str | None:
        """The RDS instance, as far as the spec names it: the role stands for the account."""
        if spec.rds is None:
            return None
        where = f"{self._gateway.default_region(spec.aws)}/{spec.aws.role or 'own'}"
        return f"aws/{where}/db:{spec.rds.instance.lower()}"  # RDS knows no case

    def announce(self, namespace: str, spec: DBTuningSpec) -> None:
        """The first metrics of many instances, as after a start, are read together."""
        if spec.rds is None:
            return
        with contextlib.suppress(Failure):  # its first look says so
            rds_observe.expect(self._reads, self._scope(namespace, spec), spec.rds)

    def new_memory(self, status: dict[str, Any]) -> Memory:
        """Our modifications of the last day, and counters of the tables that had findings."""
        try:
            stored = status.get("baseline")
            looks = history.recall(Baseline.model_validate(stored) if stored else None)
        except ValidationError:  # somebody else wrote it
            looks = history.Memory()
        known = [status["target"]] if status.get("target") else []
        return Memory(from_status(status.get("rds")), looks, targets=known)

    async def observe(self, resource: Resource[DBTuningSpec], memory: Memory) -> Observed:
        """Read RDS and Postgres at once. Raises Failure."""
        spec = resource.spec
        async with asyncio.TaskGroup() as group:
            rds = group.create_task(caught(self._rds(resource, memory.rds))) if spec.rds else None
            postgres = (
                group.create_task(caught(self._postgres(resource, spec.postgres)))
                if spec.postgres
                else None
            )
        seen = observe.together(
            rds.result() if rds else None, postgres.result() if postgres else None
        )
        seen = replace(seen, targets=targets.known(spec, seen, memory.targets))
        return await self._advised(resource, seen)

    def targets(self, observed: Observed) -> Sequence[str]:
        """The RDS instance's ARN, then each database with its server's identifier."""
        return observed.targets

    def decide(
        self, resource: Resource[DBTuningSpec], observed: Observed, memory: Memory, now: datetime
    ) -> Decision[Memory]:
        """The plan for RDS, and the findings."""
        return decide.decide(resource.spec, observed, memory, resource.status, now)

    async def act(self, resource: Resource[DBTuningSpec], action: Action, memory: Memory) -> Memory:
        """One ModifyDBInstance; nothing where it went along with the last. Raises Failure."""
        scope = self._scope(resource.key.namespace, resource.spec)
        await act_rds(self._gateway, scope, action.payload, memory.rds, self._now())
        return memory

    def report(
        self,
        resource: Resource[DBTuningSpec],
        observed: Observed,
        decision: Decision[Memory],
        display: Display,
    ) -> DBTuningStatus:
        """The kind's own part of status."""
        return report.report(resource.spec, observed, decision.memory, resource.status, display.now)

    def revert(
        self, resource: Resource[DBTuningSpec], observed: Observed, applied: Sequence[Applied]
    ) -> Sequence[Action]:
        """Put back what was changed of the instance, but for the size of its storage.

        Raises Failure where the instance could not be looked at: nothing to do would be a lie.
        """
        if resource.spec.rds is None:
            return []
        if observed.rds is None:
            raise observed.failures[0]
        return revert(resource.spec.rds, observed.rds, applied, self._now())

    async def _advised(self, resource: Resource[DBTuningSpec], seen: Observed) -> Observed:
        """With the advice there is; what is due is begun, and goes on beside the loop."""
        spec = resource.spec
        if spec.indexes is None or spec.postgres is None or not seen.snapshots:
            return seen
        name = spec.postgres.secret_ref.name
        secret = await self._secrets.read(resource.key.namespace, name)
        target = from_secret(name, secret)
        snapshots, advising = [], False
        for look in seen.snapshots:
            snapshot = look
            subject = Subject(resource.key, resource.uid, snapshot.database)
            made, is_busy = self._advisor.ask(subject, resource.generation, spec.indexes, target)
            advising |= is_busy
            if made is not None:
                advice = completed(made.value, snapshot, spec.analysis, limits(spec.indexes))
                snapshot = replace(snapshot, advice=advice, advised_at=made.at)
            snapshots.append(snapshot)
        return replace(seen, snapshots=snapshots, advising=advising)

    def _scope(self, namespace: str, spec: DBTuningSpec) -> Scope:
        name = f"db:{spec.rds.instance if spec.rds else ''}"
        return self._gateway.scope(namespace, spec.aws, name)

    async def _rds(self, resource: Resource[DBTuningSpec], memory: RDSMemory) -> RDSObserved:
        scope = self._scope(resource.key.namespace, resource.spec)
        if resource.spec.rds is not None:
            memory.keep_approval_of(resource.spec.rds.instance_class)
        look = rds_observe.Look(self._gateway, self._reads, scope, memory, self._now())
        return await rds_observe.observe(look)

    async def _postgres(
        self, resource: Resource[DBTuningSpec], spec: Postgres
    ) -> tuple[list[Snapshot], list[Failure]]:
        namespace = resource.key.namespace
        names = [spec.secret_ref.name, *(entry.secret_ref.name for entry in spec.replicas)]
        targets = [from_secret(name, await self._secrets.read(namespace, name)) for name in names]
        return await observe.analyse(
            targets[0],
            spec.databases,
            resource.spec.analysis,
            self._connector,
            targets[1:],
            spec.memory,
        )
