"""Sends a modification. Writes it down before, for an answer may never come."""

from datetime import datetime

from setpoint.api.conditions import Reason
from setpoint.aws.gateway import AWSGateway, Scope
from setpoint.database.rds.memory import RDSMemory, Sent
from setpoint.database.rds.steps import Order
from setpoint.engine.failure import Failure

_UNCERTAIN = (Reason.CONNECTION_FAILED, Reason.TIMED_OUT)


async def act(
    gateway: AWSGateway, scope: Scope, order: Order | None, memory: RDSMemory, now: datetime
) -> None:
    """One ModifyDBInstance; nothing for None, which goes with the one before. Raises Failure."""
    if order is None:
        return
    sent = Sent(now, order.values, order.immediately)
    before = memory.queued_class, memory.withdrawn_class
    memory.add(sent)
    memory.may_have_taken(sent, withdraws=order.withdraws)
    try:
        await gateway.call(
            scope, "rds", "modify_db_instance",
            DBInstanceIdentifier=scope.resource.removeprefix("db:"), **order.values,
            ApplyImmediately=order.immediately,
        )  # fmt: skip
    except Failure as failure:
        if failure.reason not in _UNCERTAIN:
            memory.refused(sent, failure)
            memory.queued_class, memory.withdrawn_class = before
        raise
    memory.taken(sent, withdraws=order.withdraws)
