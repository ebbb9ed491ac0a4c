"""Every call to AWS goes through here: granted first, off the event loop, counted, classified."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config as BotoConfig
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.session import get_session
from prometheus_client import Counter, Histogram

from setpoint.api.base import AWS
from setpoint.api.conditions import Reason
from setpoint.aws.errors import classify
from setpoint.config import Config, Grant
from setpoint.engine.failure import Failure
from setpoint.trust.grants import Grants

REQUESTS = Counter(
    "setpoint_aws_requests_total", "Calls to AWS.", ("service", "operation", "result")
)
SECONDS = Histogram(
    "setpoint_aws_request_duration_seconds", "Duration of calls to AWS.", ("service", "operation")
)

_THREADS = 16
_BOTO = BotoConfig(
    connect_timeout=5,
    read_timeout=15,
    retries={"total_max_attempts": 1},  # the queue retries, with its own backoff
    max_pool_connections=_THREADS,
    user_agent_extra="setpoint",
)


@dataclass(frozen=True)
class Scope:
    """Who calls, where, on what: checked against the grants at every call.

    `resource` is the name that grants know: service/CLUSTER/SERVICE or db:INSTANCE.
    """

    namespace: str
    role: str | None
    region: str
    resource: str


class AWSGateway:
    """One for the process."""

    def __init__(self, config: Callable[[], Config], grants: Grants) -> None:
        self._config = config
        self._grants = grants
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._sessions: dict[tuple[str | None, str | None], boto3.Session] = {}
        self._clients: dict[tuple[str, str | None, str | None, str], Any] = {}
        self._accounts: dict[tuple[str | None, str | None], str] = {}
        self._lock = Lock()

    def scope(self, namespace: str, aws: AWS, resource: str) -> Scope:
        """The scope of a resource's calls. Raises Failure: NOT_GRANTED, INVALID_SPEC (region)."""
        scope = Scope(namespace, aws.role, self._grants.region(aws.region), resource)
        self._grant(scope)
        return scope

    def default_region(self, aws: AWS) -> str:
        """The region that a spec means, or `unset`; for names only."""
        return aws.region or self._config().aws.region or "unset"

    async def call(
        self, scope: Scope, service: str, operation: str, **parameters: Any
    ) -> dict[str, Any]:
        """One call, by boto3's names: `describe_services`. Raises Failure."""
        grant = self._grant(scope)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor, self._call, grant, scope, service, operation, parameters
        )

    async def pages(
        self, scope: Scope, service: str, operation: str, items: str, **parameters: Any
    ) -> list[Any]:
        """The `items` of all pages. Raises Failure: a list is whole or not there at all."""
        found: list[Any] = []
        token: dict[str, str] = {}
        while True:
            page = await self.call(scope, service, operation, **parameters, **token)
            found += page.get(items, [])
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    async def account(self, scope: Scope) -> str:
        """The AWS account of the scope's identity, 12 digits. Raises Failure."""
        grant = self._grant(scope)
        identity = (grant.role, grant.external_id)
        if identity not in self._accounts:
            answer = await self.call(scope, "sts", "get_caller_identity")
            self._accounts[identity] = answer["Account"]
        return self._accounts[identity]

    def _grant(self, scope: Scope) -> Grant:
        return self._grants.aws(scope.namespace, scope.role, scope.region, scope.resource)

    def _call(
        self,
        grant: Grant,
        scope: Scope,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
    ) -> dict[str, Any]:
        start = time.monotonic()
        result = "ok"
        try:
            client = self._client(grant, scope.region, service)
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
        except (ClientError, BotoCoreError) as error:
            failure = _failure(error, f"{service} {operation} for {scope.resource}")
            result = str(failure.reason)
            raise failure from None
        finally:
            REQUESTS.labels(service, operation, result).inc()
            SECONDS.labels(service, operation).observe(time.monotonic() - start)
        return answer

    def _client(self, grant: Grant, region: str, service: str) -> Any:
        key = (service, grant.role, grant.external_id, region)
        with self._lock:  # making a client is not thread-safe
            if key not in self._clients:
                session = self._session(grant)
                self._clients[key] = session.client(service, region_name=region, config=_BOTO)
            return self._clients[key]

    def _session(self, grant: Grant) -> boto3.Session:
        key = (grant.role, grant.external_id)
        if key not in self._sessions:
            core = get_session()
            if grant.role is not None:
                core._credentials = _assumed(core, grant.role, grant.external_id)  # noqa: SLF001
            self._sessions[key] = boto3.Session(botocore_session=core)
        return self._sessions[key]


def _assumed(core: Any, role: str, external_id: str | None) -> Any:
    """Credentials of a role that renew themselves."""
    extra = {"RoleSessionName": "setpoint"} | ({"ExternalId": external_id} if external_id else {})
    fetcher = AssumeRoleCredentialFetcher(
        core.create_client, core.get_credentials(), role, extra_args=extra
    )
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _failure(error: ClientError | BotoCoreError, call: str) -> Failure:
    if isinstance(error, ClientError):
        body = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        code, text = str(body.get("Code", "")), str(body.get("Message", ""))
        return classify(call, code, text, status)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Failure(
            Reason.AUTHENTICATION_FAILED,
            "the operator has no AWS credentials: give its service account a role",
        )
    if isinstance(error, ParamValidationError):
        return Failure(Reason.REJECTED, f"the values of the spec do not fit {call}")
    return Failure(
        Reason.CONNECTION_FAILED,
        f"AWS could not be reached for {call} ({type(error).__name__})",
    )
