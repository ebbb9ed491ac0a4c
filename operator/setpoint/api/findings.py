"""Findings as status shows them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from setpoint.api.base import ATOMIC, Model, list_map


class Severity(StrEnum):
    """How bad a finding or an alert is; `rank` sorts the worst first."""

    CRITICAL = "Critical"
    WARNING = "Warning"
    INFO = "Info"

    @property
    def rank(self) -> int:
        """0 for Critical, 1 for Warning, 2 for Info."""
        return list(Severity).index(self)


class Confidence(StrEnum):
    """How sure a finding is."""

    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


class FindingItem(Model):
    """One finding."""

    id: Annotated[str, Field(max_length=64)]
    """The rule that found it, such as SequentialScans."""

    object: Annotated[str, Field(max_length=400)]
    """What it is about: a table, an index, the cache."""

    severity: Severity
    """Critical, Warning or Info."""

    confidence: Confidence = Confidence.HIGH
    """How sure it is: High follows from the catalog or the server's word, Low is a suspicion."""

    message: Annotated[str, Field(max_length=512)]
    """What is wrong."""

    evidence: Annotated[str, Field(max_length=512)]
    """The numbers it is known by, as they were when it was found or last changed much."""

    remedy: Annotated[str, Field(max_length=512)]
    """What to do."""

    sql: Annotated[list[str], Field(max_length=5, json_schema_extra=ATOMIC)] | None = None
    """Statements that carry the remedy out, to be run by a person."""

    first_seen: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When it was first found."""


class ResolvedItem(Model):
    """A finding that went away."""

    id: Annotated[str, Field(max_length=64)]
    """The rule that had found it."""

    object: Annotated[str, Field(max_length=400)]
    """What it was about."""

    first_seen: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When it was first found."""

    resolved_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When it was no longer found."""


class Findings(Model):
    """What was found wrong, the worst first."""

    total: int = 0
    """Number of findings, also of those not shown."""

    by_severity: dict[str, int] = {}
    """Number of findings by severity."""

    summary: str = ""
    """The numbers in short: 2C 5W is two critical ones and five warnings."""

    worst: Severity | None = None
    """The worst severity there is."""

    truncated: int = 0
    """Number of findings that are not shown in items."""

    items: Annotated[
        list[FindingItem], Field(max_length=20, json_schema_extra=list_map("id", "object"))
    ] = []
    """At most 20 findings, the worst first."""

    resolved: (
        Annotated[
            list[ResolvedItem], Field(max_length=5, json_schema_extra=list_map("id", "object"))
        ]
        | None
    ) = None
    """The last findings that went away, the newest first."""

    ignored: Annotated[int, Field(ge=0)] | None = None
    """Number of findings that spec.ignore leaves out."""
