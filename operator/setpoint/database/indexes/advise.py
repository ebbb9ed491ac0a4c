"""The one entry: from a workload to advice."""

from collections.abc import Sequence
from datetime import datetime

from setpoint.database.indexes.model import Advice, Limits, Statement
from setpoint.database.postgres.connect import Connection


async def advise(
    connection: Connection, statements: Sequence[Statement], limits: Limits, *, now: datetime
) -> Advice:
    """The indexes that the workload wants, within the limits.

    The connection is used for this alone and holds no hypothetical index afterwards. Statements
    that cannot be explained are listed, and never stop the rest. Raises Failure.
    """
    raise NotImplementedError
