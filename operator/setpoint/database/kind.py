"""DBTuning as the engine sees it."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from setpoint.api.alerts import SlackTarget
from setpoint.api.dbtuning import Baseline, DBTuning, DBTuningSpec, DBTuningStatus, Postgres
from setpoint.api.plan import Applied
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.database import decide, history, observe, report
from setpoint.database.history import Memory
from setpoint.database.model import Observed, Snapshot
from setpoint.database.postgres.target import from_secret
from setpoint.database.rds.decide import revert
from setpoint.database.rds.model import RDSObserved
from setpoint.database.rds.observe import observe as observe_rds
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action, Decision, Resource
from setpoint.trust.network import Network
from setpoint.trust.secrets import SecretReader

T = TypeVar("T")


class DBTuningKind:
    """Implements engine.kind.Kind; it remembers the counters of earlier looks."""

    names = DBTuning.names
    spec_model = DBTuningSpec

    def __init__(self, secrets: SecretReader, network: Network, gateway: AWSGateway) -> None:
        self._secrets = secrets
        self._network = network
        self._gateway = gateway

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
        return f"aws/{where}/db:{spec.rds.instance}"

    def slack(self, spec: DBTuningSpec) -> SlackTarget | None:
        """It has no alerts yet."""
        return None

    def new_memory(self, status: dict[str, Any]) -> Memory:
        """Counters of the tables that had findings, as far as status keeps them."""
        try:
            stored = status.get("baseline")
            return history.recall(Baseline.model_validate(stored) if stored else None)
        except ValidationError:  # somebody else wrote it
            return Memory()

    async def observe(self, resource: Resource[DBTuningSpec], memory: Memory) -> Observed:
        """Read RDS and Postgres at once. Raises Failure."""
        spec = resource.spec
        async with asyncio.TaskGroup() as group:
            rds = group.create_task(_caught(self._rds(resource))) if spec.rds else None
            postgres = (
                group.create_task(_caught(self._postgres(resource, spec.postgres)))
                if spec.postgres
                else None
            )
        return observe.together(
            rds.result() if rds else None, postgres.result() if postgres else None
        )

    def identity(self, observed: Observed) -> str | None:
        """The RDS instance's ARN, else the Postgres server and its databases."""
        if observed.rds is not None:
            return observed.rds.arn
        if not observed.snapshots or (server := observed.snapshots[0].server.identity) is None:
            return None
        names = ",".join(sorted(snapshot.database for snapshot in observed.snapshots))
        return f"postgres/{server}/{names}"

    def decide(
        self, resource: Resource[DBTuningSpec], observed: Observed, memory: Memory, now: datetime
    ) -> Decision[Memory]:
        """The plan for RDS, and the findings."""
        return decide.decide(resource.spec, observed, memory, resource.status, now)

    async def act(self, resource: Resource[DBTuningSpec], action: Action, memory: Memory) -> Memory:
        """One ModifyDBInstance. Raises Failure."""
        scope = self._scope(resource)
        await self._gateway.call(scope, "rds", "modify_db_instance", **action.payload)
        return memory

    def report(
        self,
        resource: Resource[DBTuningSpec],
        observed: Observed,
        decision: Decision[Memory],
        display: Display,
    ) -> DBTuningStatus:
        """The kind's own part of status."""
        return report.report(resource.spec, observed, decision.memory, resource.status)

    def revert(
        self, resource: Resource[DBTuningSpec], observed: Observed, applied: Sequence[Applied]
    ) -> Sequence[Action]:
        """Put back class and storage limit."""
        return revert(observed.rds, applied) if observed.rds is not None else []

    def _scope(self, resource: Resource[DBTuningSpec]) -> Scope:
        spec = resource.spec
        name = f"db:{spec.rds.instance if spec.rds else ''}"
        return self._gateway.scope(resource.key.namespace, spec.aws, name)

    async def _rds(self, resource: Resource[DBTuningSpec]) -> RDSObserved:
        scope = self._scope(resource)
        return await observe_rds(self._gateway, scope, scope.resource.removeprefix("db:"))

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
            self._network,
            targets[1:],
            spec.memory,
        )


async def _caught(part: Awaitable[T]) -> T | Failure:
    """A Failure as a value, so that one part does not cancel the other."""
    try:
        return await part
    except Failure as failure:
        return failure
