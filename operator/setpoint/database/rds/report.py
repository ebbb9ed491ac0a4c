"""Status of an RDS instance. Pure."""

from setpoint.api.dbtuning import RDSStatus
from setpoint.database.rds.decide import pending_text
from setpoint.database.rds.model import RDSObserved


def report(observed: RDSObserved) -> RDSStatus:
    """The instance as status shows it."""
    return RDSStatus(
        instance=observed.instance,
        state=observed.state,
        instance_class=str(observed.current.get("DBInstanceClass", "")),
        allocated_storage=f"{observed.current.get('AllocatedStorage', 0)}Gi",
        pending=pending_text(observed)[:256],
    )
