"""The seam between the engine and a kind: observe → decide → act → report."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from setpoint.api.common import CommonSpec, CommonStatus
from setpoint.api.crd import Names
from setpoint.api.plan import Applied
from setpoint.engine.display import Display
from setpoint.engine.model import Action, Decision, Resource

S = TypeVar("S", bound=CommonSpec)
O = TypeVar("O")  # noqa: E741 - what was observed
M = TypeVar("M")


class Kind(Protocol[S, O, M]):
    """One kind of resource. Methods that are not async are pure functions of their arguments."""

    names: Names
    spec_model: type[S]

    def lane(self, namespace: str, spec: S) -> str:
        """What its work is bounded by, such as `aws/eu-central-1`: few run at once for one lane."""
        ...

    def claim(self, namespace: str, spec: S) -> str | None:
        """The real target that the spec alone names, such as an ARN; None if only a look tells."""
        ...

    def announce(self, namespace: str, spec: S) -> None:
        """A resource was seen and will be looked at soon: what is read for others until then may
        be read for it too."""
        ...

    def new_memory(self, status: dict[str, Any]) -> M:
        """The memory of a resource that was not seen before; `status` is what was persisted."""
        ...

    async def observe(self, resource: Resource[S], memory: M) -> O:
        """Read the real systems; nothing is ever written. Raises Failure."""
        ...

    def targets(self, observed: O) -> Sequence[str]:
        """The real targets of the resource, the one that status names first: those that were
        observed, and those that it is known to have while they cannot be looked at."""
        ...

    def decide(self, resource: Resource[S], observed: O, memory: M, now: datetime) -> Decision[M]:
        """What to do about it, and what is worth knowing."""
        ...

    async def act(self, resource: Resource[S], action: Action, memory: M) -> M:
        """Carry out one action of the decision, in at most 2 s of work. Raises Failure.

        Returns the memory, changed where the action is a slice of longer work.
        """
        ...

    def report(
        self, resource: Resource[S], observed: O, decision: Decision[M], display: Display
    ) -> CommonStatus:
        """The kind's own part of status; the engine fills the common part."""
        ...

    def revert(
        self, resource: Resource[S], observed: O, applied: Sequence[Applied]
    ) -> Sequence[Action]:
        """Actions that remove what was Created and put back what was Changed. Raises Failure."""
        ...
