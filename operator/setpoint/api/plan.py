"""The plan, and the record of what was done, as status shows them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from setpoint.api.base import ATOMIC, Model


class PlanOp(StrEnum):
    """What an action does."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    SWEEP = "Sweep"


class Risk(StrEnum):
    """What an action can cost: High is a restart, a failover, or data that may be lost."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


class BlockedBy(StrEnum):
    """What an action waits for."""

    MODE = "Mode"
    APPROVAL = "Approval"
    WINDOW = "Window"
    STATE = "State"
    BUDGET = "Budget"


class PlanAction(Model):
    """One thing that setpoint would do, or did not do yet."""

    op: PlanOp
    """Create, Update, Delete or Sweep."""

    object: Annotated[str, Field(max_length=400)]
    """What it is done to."""

    field: Annotated[str, Field(max_length=128)]
    """The setting that changes; empty when the object as a whole does."""

    from_: Annotated[str, Field(alias="from", max_length=256)]
    """The value now; empty where there is none."""

    to: Annotated[str, Field(max_length=256)]
    """The value wanted; empty where it goes away."""

    reason: Annotated[str, Field(max_length=256)]
    """Why."""

    risk: Risk
    """Low, Medium or High."""

    blocked_by: BlockedBy | None = None
    """What it waits for: the mode, an approval, a window, the object's own state, or the
    budget of changes in a day."""


class PlanStatus(Model):
    """What would bring the real system to the spec."""

    digest: str = ""
    """Names exactly this plan, for the annotation setpoint.dev/approve; empty without actions."""

    truncated: int = 0
    """Number of actions that are not shown."""

    actions: Annotated[list[PlanAction], Field(max_length=20, json_schema_extra=ATOMIC)] = []
    """The actions in their order."""


ORIGINAL_LENGTH = 4096
"""Characters that the record of a former value may have."""


class AppliedOp(StrEnum):
    """What setpoint did to something it manages."""

    CREATED = "Created"
    CHANGED = "Changed"
    GREW = "Grew"


class Applied(Model):
    """A thing that setpoint created or changed: its proof of ownership, and the way back."""

    object: Annotated[str, Field(max_length=400)]
    """What it is."""

    field: Annotated[str, Field(max_length=128)]
    """The setting; empty for the object as a whole."""

    op: AppliedOp
    """Created, Changed, or Grew where there is no way back."""

    original: Annotated[str, Field(max_length=ORIGINAL_LENGTH)] = ""
    """The value before setpoint first changed it."""
