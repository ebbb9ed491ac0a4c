"""DBTuning as the engine sees it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from setpoint.api.dbtuning import DBTuning, DBTuningSpec, DBTuningStatus, Postgres
from setpoint.api.plan import Applied
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.database import decide, observe, report
from setpoint.database.model import Observed, Snapshot
from setpoint.database.rds.decide import revert
from setpoint.database.rds.model import RDSObserved
from setpoint.database.rds.observe import observe as observe_rds
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure
from setpoint.engine.model import Action, Decision, Resource
from setpoint.trust.network import Network
from setpoint.trust.secrets import SecretReader


class DBTuningKind:
    """Implements engine.kind.Kind; it remembers nothing between two looks."""

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

    def new_memory(self, status: dict[str, Any]) -> None:
        """Nothing."""

    async def observe(self, resource: Resource[DBTuningSpec], memory: None) -> Observed:
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
        servers = {s.server.system_identifier for s in observed.snapshots}
        if None in servers or not servers:
            return None
        names = ",".join(sorted(snapshot.database for snapshot in observed.snapshots))
        return f"postgres/{'/'.join(sorted(filter(None, servers)))}/{names}"

    def decide(
        self, resource: Resource[DBTuningSpec], observed: Observed, memory: None, now: datetime
    ) -> Decision[None]:
        """The plan for RDS, and the findings."""
        return decide.decide(resource.spec, observed)

    async def act(self, resource: Resource[DBTuningSpec], action: Action, memory: None) -> None:
        """One ModifyDBInstance. Raises Failure."""
        scope = self._scope(resource)
        await self._gateway.call(scope, "rds", "modify_db_instance", **action.payload)

    def report(
        self,
        resource: Resource[DBTuningSpec],
        observed: Observed,
        decision: Decision[None],
        display: Display,
    ) -> DBTuningStatus:
        """The kind's own part of status."""
        return report.report(observed, resource.status)

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
        name = spec.secret_ref.name
        data = await self._secrets.read(resource.key.namespace, name)
        return await observe.analyse(
            name, data, spec.databases, resource.spec.analysis, self._network
        )


async def _caught(part: Any) -> Any:
    """A Failure as a value, so that one part does not cancel the other."""
    try:
        return await part
    except Failure as failure:
        return failure
