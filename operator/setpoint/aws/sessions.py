"""boto3's sessions and clients, one of each for an identity and a region."""

from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import boto3
from botocore.config import Config as BotoConfig
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError
from botocore.loaders import create_loader
from botocore.session import get_session

from setpoint.engine.fence import ALONE, Fence

THREADS = 16
"""Calls at once, and so connections of a client."""

_CONNECT_SHARE = 0.25


def _boto_config(seconds: float) -> BotoConfig:
    """For calls of at most so many seconds."""
    return BotoConfig(
        connect_timeout=seconds * _CONNECT_SHARE,
        read_timeout=seconds * (1 - _CONNECT_SHARE),
        retries={"total_max_attempts": 1},  # the queue retries, with its own backoff
        max_pool_connections=THREADS,
        user_agent_extra="setpoint",
    )


class LeaseEndedError(BotoCoreError):  # type: ignore[misc]
    """Another process may act by now: the call was not sent."""


class Identity(NamedTuple):
    """Who calls, and where. `role` None: the operator itself."""

    role: str | None
    external_id: str | None
    region: str


@dataclass
class _Session:
    boto: boto3.Session | None = None
    clients: dict[str, Any] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)  # making a client is not thread-safe


class Sessions:
    """Safe to use from threads. The endpoint comes from boto3's own AWS_ENDPOINT_URL, if at all."""

    def __init__(self, fence: Fence = ALONE) -> None:
        self._fence = fence
        self._config = _boto_config(fence.call_seconds)
        self._sessions: dict[Identity, _Session] = {}
        self._lock = Lock()

    def ready(self, identity: Identity, service: str) -> Any | None:
        """The client that is there already. Never blocks."""
        session = self._sessions.get(identity)
        return session.clients.get(service) if session is not None else None

    def client(self, identity: Identity, service: str) -> Any:
        """A client. Slow where it has to be made, which holds up its own identity only.

        Raises BotoCoreError where the operator has no credentials of its own.
        """
        with self._lock:
            session = self._sessions.setdefault(identity, _Session())
        with session.lock:
            if session.boto is None:
                session.boto = _boto_session(identity, self._config)
            if service not in session.clients:
                made = session.boto.client(service)
                # The last step before a request goes out: credentials may have been renewed since.
                made.meta.events.register("before-send", self._require_lease)
                session.clients[service] = made
            return session.clients[service]

    def _require_lease(self, **_: Any) -> None:
        if self._fence.left() <= 0:
            raise LeaseEndedError

    def forget(self, identity: Identity, service: str, client: Any) -> None:
        """Begin anew: the credentials that `client` has are over, however long they claim to hold.

        Nothing happens if somebody else has already begun anew.
        """
        with self._lock:
            session = self._sessions.get(identity)
            if session is not None and session.clients.get(service) is client:
                del self._sessions[identity]


@cache
def _models(data_path: str | None) -> Any:
    """The models of the services, parsed once for all sessions: most of what a client costs."""
    return create_loader(data_path)


def _boto_session(identity: Identity, config: BotoConfig) -> boto3.Session:
    core = get_session()
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))
    # For STS too, which botocore calls by itself to assume a role.
    core.set_config_variable("region", identity.region)
    core.set_default_client_config(config)
    if identity.role is not None:
        core._credentials = _assumed(core, identity.role, identity.external_id)  # noqa: SLF001
    return boto3.Session(botocore_session=core)


def _assumed(core: Any, role: str, external_id: str | None) -> Any:
    """Credentials of a role that renew themselves."""
    own = core.get_credentials()
    if own is None:
        raise NoCredentialsError
    extra = {"RoleSessionName": "setpoint"} | ({"ExternalId": external_id} if external_id else {})
    fetcher = AssumeRoleCredentialFetcher(core.create_client, own, role, extra_args=extra)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
