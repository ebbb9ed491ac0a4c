"""One look at one resource."""

from dataclasses import dataclass
from typing import Any

from setpoint.engine.kind import Kind
from setpoint.engine.model import Key
from setpoint.engine.track import Track


@dataclass
class Visit:
    """`body` is what is reconciled; our own writes replace it."""

    kind: Kind[Any, Any, Any]
    key: Key
    body: dict[str, Any]
    track: Track

    @property
    def version(self) -> str:
        """The resourceVersion that a write must still find."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def generation(self) -> int:
        """The generation that is reconciled."""
        return int(self.body["metadata"]["generation"])

    @property
    def status(self) -> dict[str, Any]:
        """A copy of the status as stored."""
        return dict(self.body.get("status") or {})

    @property
    def is_observed(self) -> bool:
        """Whether an attempt at this generation was finished."""
        return bool(self.status.get("observedGeneration") == self.generation)
