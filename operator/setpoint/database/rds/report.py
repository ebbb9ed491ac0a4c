"""Status of an RDS instance. Pure."""

from datetime import datetime

from setpoint.api.rds import RDSStatus
from setpoint.database.rds import memory as ledger
from setpoint.database.rds.memory import RDSMemory
from setpoint.database.rds.model import CLASS, STORAGE, RDSObserved
from setpoint.database.rds.pending import queue_text
from setpoint.engine.conditions import wire_time


def report(observed: RDSObserved, memory: RDSMemory, waiting: str, now: datetime) -> RDSStatus:
    """The instance as status shows it; `waiting` is what waits for our window."""
    running = str(observed.current.get(CLASS, ""))
    return RDSStatus(
        instance=observed.instance,
        state=observed.state,
        instance_class=running,
        class_since=wire_time(memory.class_since) if memory.class_since else None,
        allocated_storage=f"{observed.current.get(STORAGE, 0)}Gi",
        pending=(waiting or queue_text(observed))[:256],
        modifications=ledger.wire(memory, now),
        queued_class=None if memory.queued_class == running else memory.queued_class,
        withdrawn_class=memory.withdrawn_class,
    )
