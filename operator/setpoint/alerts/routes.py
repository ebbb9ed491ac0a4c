"""Where a resource's alerts go: its receivers, and the queue that each of them has."""

from collections.abc import Callable
from dataclasses import dataclass

from setpoint.alerts.http import check_url
from setpoint.api.alerts import Alerts, HTTPTarget
from setpoint.api.conditions import Reason
from setpoint.config import Config
from setpoint.engine.failure import Failure
from setpoint.trust import secrets as trust_secrets
from setpoint.trust.grants import Grants
from setpoint.trust.secrets import SecretReader

SLACK, WEBHOOK, ALERTMANAGER = "Slack", "Webhook", "Alertmanager"


@dataclass(frozen=True)
class Route:
    """One receiver. Entries of one `lane` are sent one after the other.

    `secret` is the Secret's name and key; None: the operator's own Slack token. `channel` None in
    Slack: an incoming webhook. `failure`: it may not be used.
    """

    receiver: str
    lane: str
    namespace: str
    secret: tuple[str, str] | None = None
    channel: str | None = None
    failure: Failure | None = None


class Routes:
    """Finds receivers and, when a message is sent, their credentials: a Secret may be rotated."""

    def __init__(self, secrets: SecretReader, grants: Grants, config: Callable[[], Config]) -> None:
        self._secrets = secrets
        self._grants = grants
        self._config = config

    def of(self, namespace: str, spec: Alerts) -> list[Route]:
        """The receivers of a resource, by the configuration in force."""
        slack = self._slack(namespace, spec)
        found = [slack] if slack else []
        for name, target in ((WEBHOOK, spec.webhook), (ALERTMANAGER, spec.alertmanager)):
            if target is not None:
                found.append(_http(name, namespace, target))
        return found

    async def token(self, route: Route) -> str:
        """The bot token to use now. Raises Failure."""
        if route.secret is not None:
            return await self._read(route.namespace, *route.secret)
        file = self._config().slack.token_file
        try:
            text = file.read_text(encoding="utf-8").strip() if file else ""
        except (OSError, UnicodeDecodeError):
            text = ""
        if not text:
            raise Failure(
                Reason.SECRET_NOT_FOUND,
                "the operator's own Slack token cannot be read: see slack.tokenFile in its "
                "configuration",
            )
        return text

    async def url(self, route: Route) -> tuple[str, str | None]:
        """The URL to use now, and the bearer token that goes with it. Raises Failure."""
        name, key = route.secret or ("", "")
        data = await self._secrets.read(route.namespace, name)
        url = check_url(trust_secrets.value(data, name, key), f"key {key} of Secret {name}")
        return url, (data.get("token", "").strip() or None) if route.channel is None else None

    def _slack(self, namespace: str, spec: Alerts) -> Route | None:
        target = spec.slack
        if target is not None and (hook := target.webhook_secret_ref) is not None:
            lane = f"hook/{namespace}/{hook.name}/{hook.key}"
            return Route(SLACK, lane, namespace, (hook.name, hook.key))
        channel = target.channel if target is not None else None
        if target is not None and (ref := target.token_secret_ref) is not None:
            return Route(SLACK, f"channel/{channel}", namespace, (ref.name, ref.key), channel)
        try:
            granted = self._grants.channel(namespace, channel)
        except Failure as failure:
            return Route(SLACK, f"channel/{channel}", namespace, None, channel, failure)
        if granted is None or self._config().slack.token_file is None:
            return None
        return Route(SLACK, f"channel/{granted}", namespace, None, granted)

    async def _read(self, namespace: str, name: str, key: str) -> str:
        return trust_secrets.value(await self._secrets.read(namespace, name), name, key)


def _http(receiver: str, namespace: str, target: HTTPTarget) -> Route:
    name = target.secret_ref.name
    return Route(receiver, f"{receiver}/{namespace}/{name}", namespace, (name, "url"))
