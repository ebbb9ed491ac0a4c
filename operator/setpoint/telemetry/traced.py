"""A kind whose looks and writes are spans of a trace."""

from datetime import datetime
from typing import Any

from setpoint.engine.kind import Kind
from setpoint.engine.model import Action, Decision, Resource
from setpoint.telemetry.traces import span


class Traced:
    """Implements Kind by another one."""

    def __init__(self, kind: Kind[Any, Any, Any]) -> None:
        self._kind = kind
        self.names = kind.names
        self.spec_model = kind.spec_model

    def __getattr__(self, name: str) -> Any:
        """What is no work of its own is the other's."""
        return getattr(self._kind, name)

    async def observe(self, resource: Resource[Any], memory: Any) -> Any:
        """Read the real systems."""
        with span("observe"):
            return await self._kind.observe(resource, memory)

    def decide(
        self, resource: Resource[Any], observed: Any, memory: Any, now: datetime
    ) -> Decision[Any]:
        """What to do about it."""
        with span("decide") as made:
            decision = self._kind.decide(resource, observed, memory, now)
            made.set_attribute("setpoint.actions", len(decision.actions))
            made.set_attribute("setpoint.findings", len(decision.findings))
            return decision

    async def act(self, resource: Resource[Any], action: Action, memory: Any) -> Any:
        """Carry out one action."""
        with span("act", op=str(action.op), object=action.object, field=action.field):
            return await self._kind.act(resource, action, memory)
