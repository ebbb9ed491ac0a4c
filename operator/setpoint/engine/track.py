"""What this process remembers of a resource between two reconciles."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from setpoint.alerts.delivery import Delivery
from setpoint.alerts.state import Memory
from setpoint.api.alerts import Alerts, AlertsStatus
from setpoint.engine.findings import Identity
from setpoint.engine.model import Change, Unit


@dataclass
class AlertTrack:
    """Of the alerts: what the rules remember; the last written status with the settings it was
    made with, for when the resource is gone; what setpoint did and would do; when to come back."""

    memory: Memory = field(default_factory=Memory)
    spec: Alerts = field(default_factory=Alerts)
    status: AlertsStatus = field(default_factory=AlertsStatus)
    did: str = ""
    did_at: datetime | None = None
    would: str = ""
    wake: datetime | None = None


@dataclass
class Track:
    """Lost at a restart; whatever must survive is in status."""

    uid: str
    memory: Any
    failures: int = 0
    magnitudes: dict[Identity, float] = field(default_factory=dict)
    moved_at: datetime | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    approved: frozenset[Change] = frozenset()
    live: dict[str, Unit] = field(default_factory=dict)
    """The live values that Prometheus has a series of."""
    alerts: AlertTrack = field(default_factory=AlertTrack)
    planned: tuple[datetime, datetime] | None = None
    """When the next look at the target was planned, and for when."""

    def is_early(self, now: datetime) -> bool:
        """Whether the next look is not due yet. Not if the clock was put back meanwhile."""
        return self.planned is not None and self.planned[0] <= now < self.planned[1]
