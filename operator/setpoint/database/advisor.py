"""Index advice beside the loop, for each database."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from setpoint.api.conditions import Reason
from setpoint.api.indexes import Indexes
from setpoint.database.indexes.advise import advise
from setpoint.database.indexes.model import Advice, Limits, Statement
from setpoint.database.postgres.connect import connect
from setpoint.database.postgres.target import PostgresTarget
from setpoint.database.postgres.workload import NoStatementsError, read_statements
from setpoint.engine.beside import Beside, Made, Subject
from setpoint.engine.failure import Failure
from setpoint.trust.network import Network

_GRACE_SECONDS = 60.0
"""Beyond the search's own time: for reading the workload and for the answer."""


class Advisor:
    """Begins what is due, and gives the newest."""

    def __init__(self, network: Network, beside: Beside[Advice]) -> None:
        self._network = network
        self._beside = beside

    def ask(
        self, subject: Subject, generation: int, wanted: Indexes, target: PostgresTarget
    ) -> tuple[Made[Advice] | None, bool]:
        """The newest advice for the database that is the subject's part, and whether it is being
        made. Advice that lacks what somebody may install is tried again soon."""
        return self._beside.ask(
            subject,
            generation,
            wanted,
            wanted.every,
            lambda: self._make(subject.part, wanted, target),
            is_whole=lambda advice: advice.is_validated,
        )

    async def _make(self, database: str, wanted: Indexes, target: PostgresTarget) -> Advice:
        try:
            async with asyncio.timeout(wanted.time.total_seconds() + _GRACE_SECONDS):
                return await advise_on(
                    target, database, self._network, limits(wanted), now=self._beside.now()
                )
        except TimeoutError:
            raise Failure(Reason.TIMED_OUT, "index advice took longer than its limit") from None


def limits(wanted: Indexes) -> Limits:
    """The spec's limits, in the advisor's units."""
    size = wanted.max_total_size
    return Limits(
        max_total_size=None if size is None else size * 2**20,
        max_indexes=wanted.max_indexes,
        max_per_table=wanted.max_per_table,
        budget_s=wanted.time.total_seconds(),
    )


async def advise_on(
    target: PostgresTarget,
    database: str,
    network: Network,
    limits: Limits,
    *,
    statements: Sequence[Statement] | None = None,
    now: datetime,
) -> Advice:
    """Advice for what runs in a database, or for `statements`. Raises Failure."""
    async with connect(target, database, network) as connection:
        if statements is None:
            try:
                statements = await read_statements(connection)
            except NoStatementsError as error:
                return Advice([], 1.0, 0, [], 0, 0.0, is_validated=False, why_not=str(error))
        return await advise(connection, statements, limits, now=now)
