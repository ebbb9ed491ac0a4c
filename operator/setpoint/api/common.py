"""What all kinds share: the common part of spec and of status."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from setpoint.api.alerts import Alerts, AlertsStatus, rules_of_kind
from setpoint.api.base import AWS, Approval, DeletionPolicy, Mode, Model, cel, list_map, validations
from setpoint.api.conditions import ConditionStatus, ConditionType, Reason
from setpoint.api.findings import Findings
from setpoint.api.plan import Applied, PlanStatus
from setpoint.api.types import Duration

Interval = Annotated[
    Duration,
    Field(
        json_schema_extra=validations(
            cel(
                "duration(self) >= duration('10s') && duration(self) <= duration('24h')",
                "interval must be between 10s and 24h",
            )
        )
    ),
]
"""Time between two looks at the real system."""


class CommonSpec(Model):
    """Fields of every kind's spec."""

    mode: Mode = Mode.ENFORCE
    """Observe only reads and reports. Plan fills status.plan and carries out only the plan that
    the annotation setpoint.dev/approve names by its digest. Enforce carries the plan out."""

    approval: Approval = Approval.REQUIRED
    """In Enforce, an action of high risk (a restart, an evicting policy, the first TTL sweep of a
    data store) waits for the annotation setpoint.dev/approve. None lets it through."""

    suspend: bool = False
    """Stops all work on this resource: nothing is read, written or alerted."""

    interval: Interval = timedelta(minutes=1)
    """Time between two looks at the real system, spread by 10 %."""

    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """Retain leaves everything as it is when this resource is deleted. Revert removes what
    setpoint created and puts back the settings that it changed."""

    aws: AWS = AWS()
    """Region and identity for calls to AWS."""

    alerts: Annotated[Alerts, Field(json_schema_extra=rules_of_kind())] = Alerts()
    """When to alert, and where to."""


class Condition(Model):
    """A metav1.Condition."""

    type: ConditionType
    """Ready, Reconciling, Stalled, Drifted, FindingsPresent, or one of the kind's own."""

    status: ConditionStatus
    """True, False or Unknown."""

    reason: Reason
    """One word for the state, from a fixed list."""

    message: Annotated[str, Field(max_length=1024)]
    """What it means and what to do next."""

    observed_generation: int
    """Generation of the spec that this condition speaks of."""

    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When status last changed."""


class CommonStatus(Model):
    """Fields of every kind's status."""

    observed_generation: Annotated[int, Field(ge=-1)] = -1
    """Generation of the spec of the last finished attempt; -1 before the first."""

    last_handled_reconcile_at: Annotated[str, Field(max_length=256)] | None = None
    """The last handled value of the annotation reconcile.fluxcd.io/requestedAt."""

    conditions: Annotated[
        list[Condition], Field(max_length=8, json_schema_extra=list_map("type"))
    ] = []
    """Ready, Drifted, FindingsPresent and the kind's own; Reconciling and Stalled only while they
    are True."""

    findings: Findings | None = None
    """What was found wrong."""

    plan: PlanStatus | None = None
    """What would bring the real system to the spec."""

    applied: (
        Annotated[
            list[Applied], Field(max_length=60, json_schema_extra=list_map("object", "field"))
        ]
        | None
    ) = None
    """What setpoint created or changed, and what was there before."""

    alerts: AlertsStatus | None = None
    """Alerts of this resource."""

    target: Annotated[str, Field(max_length=1024)] | None = None
    """The real system this resource owns: an ARN, a Postgres system identifier, Redis run ids."""
