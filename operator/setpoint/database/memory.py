"""What is remembered of a DBTuning between two looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from setpoint.database import history
from setpoint.database.rds.memory import RDSMemory


@dataclass(frozen=True)
class Memory:
    """What we did to the RDS instance, and the counters of earlier looks at Postgres.

    `waiting` is what of the plan waits for our window, as status shows it. `targets` are those of
    the last look.
    """

    rds: RDSMemory = field(default_factory=RDSMemory)
    postgres: history.Memory = field(default_factory=history.Memory)
    waiting: str = ""
    targets: Sequence[str] = ()
