"""The operator's configuration: one YAML file, written by whoever runs the operator."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from setpoint.api.types import Duration

Namespaces = Annotated[list[str], Field(min_length=1)]
"""Names of namespaces; a `*` at the end of one stands for any ending."""


class _Section(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )


class Grant(_Section):
    """Namespaces may use a role, in regions, on resources. What is not granted is refused."""

    namespaces: Namespaces
    """Namespaces that may."""

    role: str | None = None
    """ARN of the IAM role; without it, the operator's own identity."""

    external_id: str | None = None
    """ExternalId to send when the role is assumed."""

    regions: Annotated[list[str], Field(min_length=1)]
    """AWS regions."""

    resources: Annotated[list[str], Field(min_length=1)]
    """Patterns (`*` and `?`) of resource names: service/CLUSTER/SERVICE of ECS, db:INSTANCE of RDS,
    NAMESPACE:RESOURCEID of another scalable target (dynamodb:table/orders)."""


class Networks(_Section):
    """Hosts that a resource or its Secret may reach, by their addresses after resolution."""

    allow: list[IPvAnyNetwork] = []
    """Networks let through although they are refused by default."""

    deny: list[IPvAnyNetwork] = []
    """Networks refused in addition; deny wins over allow."""


class ChannelGrant(_Section):
    """Namespaces may post to channels with the operator's own Slack token."""

    namespaces: Namespaces
    """Namespaces that may."""

    channels: Annotated[list[str], Field(min_length=1)]
    """IDs of the channels; the first is the default of these namespaces."""


class Slack(_Section):
    """Slack as the operator uses it."""

    token_file: Path | None = None
    """File with the operator's own bot token, such as a mounted Secret."""

    channels: list[ChannelGrant] = []
    """Which namespaces may post where with that token."""

    api_url: str = "https://slack.com/api/"
    """Base of Slack's Web API."""


class AWSDefaults(_Section):
    """Defaults for calls to AWS."""

    region: str | None = None
    """Region of resources that name none."""


class Limits(_Section):
    """Bounds of the operator's own work."""

    concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    """Resources reconciled at once."""

    concurrency_per_lane: Annotated[int, Field(ge=1, le=64)] = 8
    """Resources reconciled at once for one AWS region, database or Redis server."""

    reconcile_timeout: Duration = timedelta(minutes=2)
    """A reconcile that takes longer is given up and retried."""

    backoff_base: Duration = timedelta(seconds=5)
    """First delay after a failure; it doubles with each further one."""

    backoff_ceiling: Duration = timedelta(minutes=15)
    """Longest delay after a failure."""

    watch_silence: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(seconds=85))] = (
        timedelta(seconds=70)
    )
    """A watch that brings nothing for so long, not even the bookmark that the API server sends each
    minute, is begun anew. It is read at the start only."""

    stalled_after: Duration = timedelta(minutes=2)
    """A failure that only a human can mend makes the resource Stalled when it lasts this long."""


class LeaderElection(_Section):
    """Which of several replicas acts. It is read at the start only."""

    enabled: bool = True
    """Whether a Lease decides it. Without, run one replica, and never two at a time."""

    name: str | None = None
    """Name of the Lease. Shards need one each: without a name, it is `setpoint`, or made from the
    label selector. `--lease-name` wins over it."""

    namespace: str | None = None
    """Namespace of the Lease; without it, that of the operator's pod."""

    lease_duration: Duration = timedelta(seconds=15)
    """A standby takes over when it has seen no renewal for so long, by its own clock."""

    renew_deadline: Duration = timedelta(seconds=10)
    """The leader begins no write later than this after its last renewal, and ends. What is left of
    the lease is the time that a write has to finish."""

    retry_period: Duration = timedelta(seconds=2)
    """How often the leader renews, and a standby looks."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.retry_period * 2 > self.renew_deadline:
            raise ValueError("renewDeadline must be at least twice retryPeriod")
        if self.renew_deadline * 5 > self.lease_duration * 4:
            raise ValueError("renewDeadline must be at most four fifths of leaseDuration")
        if self.lease_duration < timedelta(seconds=1):
            raise ValueError("leaseDuration must be at least 1s")
        return self


class Config(_Section):
    """The whole file."""

    aws: AWSDefaults = AWSDefaults()
    """Defaults for calls to AWS."""

    grants: list[Grant] = []
    """Who may use which AWS role on what."""

    networks: Networks = Networks()
    """Hosts that may be reached."""

    slack: Slack = Slack()
    """Slack as the operator uses it."""

    limits: Limits = Limits()
    """Bounds of the operator's own work."""

    leader_election: LeaderElection = LeaderElection()
    """Which of several replicas acts. It is read at the start only."""


class ConfigError(Exception):
    """The configuration cannot be used; the text names the file and the path in it."""


def load(path: Path) -> Config:
    """Read and check the file. Raises ConfigError."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"{path}: is not YAML") from None
    try:
        return Config.model_validate({} if raw is None else raw)
    except ValidationError as error:
        lines = (
            f"{path}: {'.'.join(map(str, item['loc'])) or '(top)'}: {item['msg']}"
            for item in error.errors()
        )
        raise ConfigError("\n".join(lines)) from None
