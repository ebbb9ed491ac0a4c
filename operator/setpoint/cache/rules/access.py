"""What the user may not call, and which servers are not seen. Pure."""

from collections.abc import Iterable

from setpoint.api.findings import Severity
from setpoint.cache.window import Window
from setpoint.engine.model import Finding

WHAT = {
    "config|get": "settings are not read, so drift of all but the eviction policy is not seen",
    "config|set": "settings cannot be changed",
    "config|rewrite": "settings cannot be written to the server's file",
    "slowlog|get": "slow commands are not seen",
    "latency|latest": "latency events are not seen",
    "client|no-touch": "our own reads count as use of a key under an LRU or LFU policy",
    "randomkey": "keys are not sampled: no shares by prefix, no big keys, no guard",
    "scan": "keys are not looked through: no guard, no default TTL",
    "type": "types of keys are not known: no guard, no shares by type",
    "pttl": "which keys lack a TTL is not known",
    "memory|usage": "sizes of keys are not known",
    "cluster|nodes": "the other servers of the cluster are not seen",
}
"""What is missed without a command, by its ACL name."""


def missing_permission(window: Window) -> Iterable[Finding]:
    """What the user may not call is said, with the line that would allow it."""
    for command in sorted(window.denied):
        yield Finding(
            id="MissingPermission",
            object=command,
            severity=Severity.INFO,
            message=f"the user may not call {command.replace('|', ' ').upper()}: "
            + WHAT.get(command, "something is not seen"),
            evidence="Redis refused it with NOPERM, or does not know it",
            remedy=f"ACL SETUSER {window.username} +{command}",
        )


def unreachable_node(window: Window) -> Iterable[Finding]:
    """A server that the others name cannot be reached: what it does is not seen."""
    for address in sorted(window.unreachable):
        yield Finding(
            id="UnreachableNode",
            object=address,
            severity=Severity.WARNING,
            message="a server of this cache could not be reached: it is neither measured nor set",
            evidence="the other servers or the sentinels name it",
            remedy="check that it runs, and that the operator's network policy and networks.allow "
            "let it be reached",
        )
