"""What became of messages, taken over into status. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from setpoint.api.alerts import AlertGroup, AlertsStatus, MessageRef, OutboxEntry

_Placed = TypeVar("_Placed", AlertGroup, OutboxEntry)


@dataclass(frozen=True)
class Delivery:
    """What became of an entry of the outbox at one receiver (Slack, Webhook, Alertmanager).

    `error` None: the receiver has it, and `message` says where, if it can be updated there.
    Otherwise it was refused for good, for now: the entry stays, and the sender tries again when it
    thinks fit. `complete`: no receiver is left that has to get it.
    """

    entry_id: str
    incident: str
    receiver: str = "Slack"
    message: MessageRef | None = None
    error: str | None = None
    complete: bool = True


def settle(previous: AlertsStatus, deliveries: Sequence[Delivery]) -> AlertsStatus:
    """The alerts after messages were delivered, or refused for good.

    What is no longer there is passed over. An entry that was overtaken by a newer word on its
    group still tells where the group's message stands.
    """
    state = previous
    for delivery in deliveries:
        update: dict[str, Any] = {}
        if delivery.error is None:
            noted = [_noted(entry, delivery) for entry in state.outbox]
            update = {
                "outbox": [_placed(entry, delivery) for entry in noted if entry is not None],
                "groups": [_placed(group, delivery) for group in state.groups],
                "error": None,
            }
        elif any(entry.id == delivery.entry_id for entry in state.outbox):
            update = {"error": delivery.error[:256]}
        state = state.model_copy(update=update)
    return state


def _noted(entry: OutboxEntry, delivery: Delivery) -> OutboxEntry | None:
    """The entry with who has it; None when all have."""
    if entry.id != delivery.entry_id:
        return entry
    if delivery.complete:
        return None
    others = [name for name in entry.sent if name != delivery.receiver]
    return entry.model_copy(update={"sent": [*others, delivery.receiver]})


def _placed(part: _Placed, delivery: Delivery) -> _Placed:
    if part.incident != delivery.incident or delivery.message is None:
        return part
    return part.model_copy(update={"message": delivery.message})
