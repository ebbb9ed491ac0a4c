"""What flows through the engine: resources in, decisions out. Plain values, no I/O."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from setpoint.api.common import CommonSpec
from setpoint.api.conditions import ConditionStatus, ConditionType, Reason
from setpoint.api.findings import Confidence, Severity
from setpoint.api.plan import Applied, BlockedBy, PlanOp, Risk
from setpoint.engine.failure import Failure

S = TypeVar("S", bound=CommonSpec, covariant=True)
M = TypeVar("M")


class Key(NamedTuple):
    """Names one resource: plural of the kind, namespace, name."""

    plural: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`scalingpolicies/shop/checkout`."""
        return "/".join(self)


@dataclass(frozen=True)
class Resource(Generic[S]):
    """A resource as it was last seen, its spec parsed; `status` is the wire form as stored."""

    key: Key
    uid: str
    generation: int
    created: datetime
    spec: S
    status: Mapping[str, Any]
    annotations: Mapping[str, str] = field(default_factory=dict)


Change = tuple[str, str, str, str]
"""An action's object, field, from and to: what makes it the same one in a later plan."""


@dataclass(frozen=True)
class Action:
    """One write to a real system that would bring it nearer to the spec.

    `object`, `field`, `from_` and `to` name it for the plan and its digest, so they hold no times
    and no moving numbers. `payload` is what the kind's `act` needs. `record` proves ownership: it
    is written to status before the action is carried out, and so is `intent`: fields of the kind's
    own status, for what must be known even if no answer comes. `background` work never makes the
    resource Reconciling.
    """

    op: PlanOp
    object: str
    field: str
    from_: str
    to: str
    reason: str
    risk: Risk = Risk.LOW
    payload: Any = None
    record: Applied | None = None
    intent: Mapping[str, Any] | None = None
    blocked_by: BlockedBy | None = None
    background: bool = False

    @property
    def change(self) -> Change:
        """What makes it the same action in a later plan."""
        return self.object, self.field, self.from_, self.to


@dataclass(frozen=True)
class Finding:
    """Something wrong. `id` and `object` are its identity, independent of numbers and wording.

    `magnitude` says how bad in one number (> 0): the shown evidence is renewed when it has
    doubled or halved. Numbers that move by themselves belong into `evidence` alone: another
    message, remedy or SQL is shown at once, and so is another evidence where it is `steady`.
    """

    id: str
    object: str
    severity: Severity
    message: str
    evidence: str
    remedy: str
    sql: Sequence[str] = ()
    magnitude: float = 1.0
    confidence: Confidence = Confidence.HIGH
    steady: bool = False


class Unit(StrEnum):
    """What a live number is measured in."""

    PERCENT = "percent"
    SECONDS = "seconds"
    BYTES = "bytes"
    NONE = "none"


class Live(NamedTuple):
    """A live number for Prometheus; a percentage is 0 to 100 here, as everywhere in the code."""

    value: float
    unit: Unit = Unit.NONE


@dataclass(frozen=True)
class Sample:
    """One value for one alert rule. `value` None: there is no data, which is not 0.

    `shown` and `shown_threshold` carry their unit: `93%`, `80%`; `scale` × value is a number in
    that `unit`. `finding` is the id of a finding that says the same. `summary` says it in words
    where the rule's name does not.
    """

    rule: str
    value: float | None
    threshold: float
    shown: str
    shown_threshold: str
    above: bool = True
    severity: Severity = Severity.CRITICAL
    unit: str = ""
    scale: float = 1.0
    finding: str = ""
    summary: str = ""

    @property
    def breached(self) -> bool | None:
        """Whether the threshold is crossed; None without data."""
        if self.value is None:
            return None
        return self.value > self.threshold if self.above else self.value < self.threshold

    @property
    def live(self) -> Live | None:
        """The number for Prometheus; None without data."""
        if self.value is None:
            return None
        return Live(self.value, _UNITS.get(self.unit, Unit.NONE))


_UNITS = {"%": Unit.PERCENT, "ms": Unit.SECONDS}
"""By the unit that a sample is shown in; a time's value itself is in seconds."""


@dataclass(frozen=True)
class KindCondition:
    """A condition that only this kind has. `message` holds no numbers that move."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str


@dataclass(frozen=True)
class Decision(Generic[M]):
    """What a kind makes of what it observed.

    `actions` in the order in which they are to be carried out. `pending` says what the real system
    holds back until later (a maintenance window), else empty. `settling` says which change that was
    made is not to be seen yet, else empty: the resource is Reconciling until it is. `failures` are
    parts that could not be observed while others could. `memory` replaces the kind's memory of this
    resource. `again` asks for another look earlier than spec.interval. `conditions` are the kind's
    own, beside the common ones. `records` are added to status beside those of actions: of what was
    adopted as it was, or what the real system itself proves to be ours. `forgotten` names objects
    whose records go, as they are gone and nobody wants them. `ignored` is the number of findings
    that the spec does not want. `values` are live numbers for Prometheus besides those of samples.
    """

    memory: M
    actions: Sequence[Action] = ()
    findings: Sequence[Finding] = ()
    samples: Sequence[Sample] = ()
    failures: Sequence[Failure] = ()
    pending: str = ""
    settling: str = ""
    again: timedelta | None = None
    conditions: Sequence[KindCondition] = ()
    records: Sequence[Applied] = ()
    forgotten: Collection[str] = ()
    ignored: int = 0
    values: Mapping[str, Live] = field(default_factory=dict)
