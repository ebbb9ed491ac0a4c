"""Rights in Kubernetes: those that roles grant, and those that the audit log has seen in use."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from stack.cluster import AuditEvent


class Right(NamedTuple):
    """A verb on a kind of resource."""

    verb: str
    group: str
    resource: str
    """With its subresource: `scalingpolicies/status`."""


def granted(objects: Iterable[Mapping[str, Any]], *names: str) -> set[Right]:
    """The rights of the Roles and ClusterRoles of these names."""
    return {
        Right(verb, group, resource)
        for role in objects
        if role["kind"] in ("Role", "ClusterRole") and role["metadata"]["name"] in names
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def asked(events: Iterable[AuditEvent], user: str) -> dict[Right, set[int]]:
    """What a user asked for, with the statuses of the answers."""
    found: dict[Right, set[int]] = {}
    for event in events:
        if event["user"]["username"] != user or not (ref := event.get("objectRef")):
            continue
        resource = "/".join(
            part for part in (ref.get("resource", ""), ref.get("subresource", "")) if part
        )
        right = Right(event["verb"], ref.get("apiGroup", ""), resource)
        found.setdefault(right, set()).add(event["responseStatus"]["code"])
    return found


def used(events: Iterable[AuditEvent], user: str) -> set[Right]:
    """The rights that a user made use of."""
    return {right for right, codes in asked(events, user).items() if codes - {401, 403}}


def denied(events: Iterable[AuditEvent], user: str) -> set[Right]:
    """What a user may never do although it tries.

    A server that has just started refuses what it will allow in a moment.
    """
    return {right for right, codes in asked(events, user).items() if codes == {403}}
