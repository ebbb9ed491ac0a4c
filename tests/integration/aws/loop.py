"""The engine's own attempts at one resource, without Kubernetes: status lives in this object."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from setpoint.api.common import CommonSpec
from setpoint.api.plan import Applied
from setpoint.engine.attempt import Attempt, Attempter
from setpoint.engine.claims import Claims
from setpoint.engine.display import Display
from setpoint.engine.kind import Kind
from setpoint.engine.model import Key, Resource
from setpoint.engine.status import intents
from setpoint.engine.track import Track
from tests.integration.aws.account import NAMESPACE


def now() -> datetime:
    return datetime.now(UTC)


class Loop:
    """One resource of a kind; `spec` may be replaced between attempts."""

    def __init__(
        self,
        kind: Kind[Any, Any, Any],
        spec: Mapping[str, Any],
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.kind = kind
        self._now = clock
        self.status: dict[str, Any] = {}
        self.annotations: dict[str, str] = {}
        self._attempter = Attempter(Claims(), clock)
        self._track = Track("uid", kind.new_memory({}))
        self.set_spec(spec)

    def set_spec(self, spec: Mapping[str, Any]) -> None:
        self._spec: CommonSpec = self.kind.spec_model.model_validate(spec)

    def restart(self) -> None:
        """The operator begins anew, with nothing but status."""
        self._track = Track("uid", self.kind.new_memory(dict(self.status)))

    @property
    def resource(self) -> Resource[Any]:
        key = Key(self.kind.names.plural, NAMESPACE, "resource")
        return Resource(key, "uid", 1, now(), self._spec, dict(self.status), self.annotations)

    async def attempt(self) -> Attempt:
        """Observe, act, read back; status holds what a user would read. Raises Failure."""

        async def prepare(seen: Attempt) -> Resource[Any]:
            self.status["applied"] = [entry.wire() for entry in seen.applied]
            self.status |= intents(seen)
            return replace(self.resource)

        done = await self._attempter.run(self.kind, self.resource, self._track, prepare)
        shown = self.kind.report(self.resource, done.observed, done.decision, Display(self._now()))
        applied = [entry.wire() for entry in done.applied]
        self.status = {**shown.model_dump(mode="json", by_alias=True, exclude_none=True)}
        self.status["applied"] = applied
        return done

    async def revert(self) -> list[str]:
        """What deletionPolicy Revert does, until nothing is left to do; the fields it touched."""
        applied = [Applied.model_validate(entry) for entry in self.status.get("applied") or ()]
        touched: list[str] = []
        for _ in range(3):
            observed = await self.kind.observe(self.resource, self._track.memory)
            actions = self.kind.revert(self.resource, observed, applied)
            if not actions:
                return touched
            for action in actions:
                memory = await self.kind.act(self.resource, action, self._track.memory)
                self._track.memory = memory
                touched.append(action.field or action.object)
        raise AssertionError(f"reverting does not come to an end: {touched}")
