"""Status of an RDS instance. Pure."""

from datetime import datetime

from setpoint.api.dbtuning import RDSStatus
from setpoint.database.rds import memory as ledger
from setpoint.database.rds.memory import RDSMemory
from setpoint.database.rds.model import RDSObserved
from setpoint.database.rds.pending import queue_text


def report(observed: RDSObserved, memory: RDSMemory, waiting: str, now: datetime) -> RDSStatus:
    """The instance as status shows it; `waiting` is what waits for our window."""
    return RDSStatus(
        instance=observed.instance,
        state=observed.state,
        instance_class=str(observed.current.get("DBInstanceClass", "")),
        allocated_storage=f"{observed.current.get('AllocatedStorage', 0)}Gi",
        pending=(waiting or queue_text(observed))[:256],
        modifications=ledger.wire(memory, now),
        queued_class=memory.queued_class,
        withdrawn_class=memory.withdrawn_class,
    )
