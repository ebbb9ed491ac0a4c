"""Findings that a resource does not want to see."""

from typing import Annotated

from pydantic import ConfigDict, Field

from setpoint.api.base import Model, cel, validations


class Ignore(Model):
    """Findings that are not wanted."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("has(self.finding) || has(self.object)", "set finding, object or both"),
        )
    )

    finding: Annotated[str, Field(max_length=64, pattern=r"^[A-Z][A-Za-z]*$")] | None = None
    """The finding's id, such as UnusedIndex or LowHitRate; without it, every one."""

    object: Annotated[str, Field(min_length=1, max_length=400)] | None = None
    """A pattern of the finding's object, with * and ?, such as audit.*; without it, every one."""

    reason: Annotated[str, Field(min_length=1, max_length=256)]
    """Why it is not wanted, for whoever reads this later."""

    until: (
        Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")] | None
    ) = None
    """The last day (UTC) on which it is ignored, such as 2027-03-01; without it, for ever."""
