"""Where alerts go, and their state as status shows and keeps it."""

from typing import Annotated

from pydantic import ConfigDict, Field

from setpoint.api.base import ATOMIC, Model, SecretKeyRef, cel, list_map, validations
from setpoint.api.findings import Severity


class SlackTarget(Model):
    """Where in Slack alerts go: a bot token with a channel, or an incoming webhook."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            cel(
                "has(self.webhookSecretRef) != has(self.channel)",
                "set either channel (with a bot token) or webhookSecretRef, not both",
            ),
            cel(
                "!has(self.tokenSecretRef) || has(self.channel)",
                "tokenSecretRef needs channel: the ID of the channel to post to",
            ),
        )
    )

    channel: Annotated[str, Field(max_length=32, pattern=r"^[CGD][A-Z0-9]{6,}$")] | None = None
    """ID of the channel (C0123456789), not its name: names change."""

    token_secret_ref: SecretKeyRef | None = None
    """The bot token. Without it the operator's own token is used, if its configuration grants
    the channel to this namespace."""

    webhook_secret_ref: SecretKeyRef | None = None
    """URL of an incoming webhook: messages are posted, but cannot be updated when resolved."""


class FiringAlert(Model):
    """An alert that is firing."""

    rule: Annotated[str, Field(max_length=64)]
    """The rule, such as cpu."""

    severity: Severity
    """Critical or Warning."""

    value: Annotated[str, Field(max_length=64)]
    """The value when it began to fire."""

    threshold: Annotated[str, Field(max_length=64)]
    """The threshold it crossed."""

    since: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When it began to fire."""


class OutboxEntry(Model):
    """A message that is written down and not yet known to be delivered."""

    id: Annotated[str, Field(max_length=64)]
    """Names the message; the same after a restart."""

    kind: Annotated[str, Field(max_length=16)]
    """Firing or Resolved."""

    alerts: Annotated[list[FiringAlert], Field(max_length=20, json_schema_extra=ATOMIC)]
    """What the message says."""


class AlertsStatus(Model):
    """Alerts: what fires, what is on its way, and where it was posted."""

    firing: Annotated[
        list[FiringAlert], Field(max_length=20, json_schema_extra=list_map("rule"))
    ] = []
    """Alerts that fire now."""

    count: int = 0
    """Number of alerts that fire now."""

    outbox: Annotated[
        list[OutboxEntry], Field(max_length=10, json_schema_extra=list_map("id"))
    ] = []
    """Messages not yet known to be delivered, the oldest first. Written before they are sent."""

    channel: Annotated[str, Field(max_length=64)] | None = None
    """Slack channel of the message of the alerts that fire now."""

    ts: Annotated[str, Field(max_length=64)] | None = None
    """Slack's timestamp of that message, by which it is updated when resolved."""

    error: Annotated[str, Field(max_length=256)] | None = None
    """Why the last message could not be delivered."""
