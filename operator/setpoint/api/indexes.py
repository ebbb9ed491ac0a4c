"""spec.indexes and status.indexes of a DBTuning: index advice."""

from datetime import timedelta
from typing import Annotated

from pydantic import ConfigDict, Field

from setpoint.api.base import ATOMIC, Model, cel, validations
from setpoint.api.findings import Confidence
from setpoint.api.types import Duration, Size


class Indexes(Model):
    """Index advice for the statements that the database runs."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel("self.maxPerTable <= self.maxIndexes", "maxPerTable must not exceed maxIndexes"),
        )
    )

    max_total_size: Size | None = None
    """Size that all suggested indexes of a database may have together, once they are built."""

    max_indexes: Annotated[int, Field(ge=1, le=50)] = 10
    """Number of indexes that are suggested for a database at most."""

    max_per_table: Annotated[int, Field(ge=1, le=50)] = 5
    """Number of indexes that are suggested for one table at most."""

    time: Annotated[
        Duration,
        Field(
            json_schema_extra=validations(
                cel(
                    "duration(self) >= duration('1s') && duration(self) <= duration('10m')",
                    "time must be between 1s and 10m",
                )
            )
        ),
    ] = timedelta(seconds=30)
    """How long the search may take for a database; then the best answer so far is given."""

    every: Annotated[
        Duration,
        Field(
            json_schema_extra=validations(
                cel(
                    "duration(self) >= duration('10m') && duration(self) <= duration('720h')",
                    "every must be between 10m and 720h",
                )
            )
        ),
    ] = timedelta(hours=24)
    """How often advice is made anew."""


class SuggestedIndex(Model):
    """An index that would help."""

    name: Annotated[str, Field(max_length=63)]
    """The name it should have."""

    table: Annotated[str, Field(max_length=140)]
    """The table, with its schema."""

    sql: Annotated[str, Field(max_length=600)]
    """The statement that creates it; the first of several for a partitioned table."""

    size: Annotated[str, Field(max_length=16)]
    """What it will take, by estimate, such as 44Mi."""

    saves: Annotated[str, Field(max_length=8)]
    """Share of the workload's time that it saves, by the planner's estimate."""

    statements: int
    """Number of statements that it helps."""

    confidence: Confidence
    """Low where the planner could not be asked, or has no statistics."""


class IndexAdvice(Model):
    """Advice for one database."""

    database: Annotated[str, Field(max_length=63)]
    """Name of the database."""

    made_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When it was made."""

    relative_cost: Annotated[str, Field(max_length=8)] | None = None
    """The workload's time with all suggested indexes, 100% as it is; absent if nobody was asked."""

    analysed: int
    """Number of statements that the planner was asked about."""

    not_analysable: int
    """Number of statements that it could not be asked about."""

    total: int
    """Number of suggested indexes."""

    suggestions: Annotated[list[SuggestedIndex], Field(max_length=5, json_schema_extra=ATOMIC)] = []
    """The most useful of them."""
