"""What this process remembers of a resource between two reconciles."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from setpoint.engine.findings import Identity
from setpoint.engine.model import Change


@dataclass
class Track:
    """Lost at a restart; whatever must survive is in status."""

    uid: str
    memory: Any
    failures: int = 0
    magnitudes: dict[Identity, float] = field(default_factory=dict)
    moved_at: datetime | None = None
    deliveries: list[Any] = field(default_factory=list)
    approved: frozenset[Change] = frozenset()
    rules: set[str] = field(default_factory=set)
