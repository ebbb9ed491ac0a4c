"""Which namespace may use which AWS role, where, on what. No grant, no call."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from setpoint.api.conditions import Reason
from setpoint.config import ChannelGrant, Config, Grant
from setpoint.engine.failure import Failure


def namespace_matches(namespace: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern is the namespace's name, or its beginning followed by `*`."""
    return any(
        namespace.startswith(pattern[:-1]) if pattern.endswith("*") else namespace == pattern
        for pattern in patterns
    )


class Grants:
    """The grants of the configuration that is in force (it may be reloaded)."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config

    def aws(self, namespace: str, role: str | None, region: str, resource: str) -> Grant:
        """The grant that covers a call. Raises Failure(NOT_GRANTED) where there is none."""
        for grant in self._config().grants:
            if (
                grant.role == role
                and namespace_matches(namespace, grant.namespaces)
                and region in grant.regions
                and any(fnmatchcase(resource, pattern) for pattern in grant.resources)
            ):
                return grant
        who = f"role {role}" if role else "the operator's own identity"
        raise Failure(
            Reason.NOT_GRANTED,
            f"namespace {namespace} may not use {who} in {region} on {resource}: "
            "whoever runs the operator must add a grant to its configuration",
        )

    def region(self, region: str | None) -> str:
        """The region to use. Raises Failure(INVALID_SPEC) where neither side names one."""
        found = region or self._config().aws.region
        if found is None:
            raise Failure(
                Reason.INVALID_SPEC,
                "set spec.aws.region: the operator's configuration has no default region",
            )
        return found

    def channel(self, namespace: str, channel: str | None) -> str | None:
        """The channel to post to with the operator's own token; None where there is none.

        Raises Failure(NOT_GRANTED) for a channel that the namespace may not use.
        """
        grants: list[ChannelGrant] = [
            grant
            for grant in self._config().slack.channels
            if namespace_matches(namespace, grant.namespaces)
        ]
        if channel is None:
            return grants[0].channels[0] if grants else None
        if any(channel in grant.channels for grant in grants):
            return channel
        raise Failure(
            Reason.NOT_GRANTED,
            f"namespace {namespace} may not post to channel {channel} with the operator's token: "
            "name a token of your own in alerts.slack.tokenSecretRef, or ask for a grant",
        )
