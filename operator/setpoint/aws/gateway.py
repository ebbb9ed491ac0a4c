"""Every call to AWS goes through here: granted first, off the event loop, counted, classified."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Counter, Histogram

from setpoint.api.base import AWS
from setpoint.aws.errors import EXPIRED
from setpoint.aws.failures import failure_of
from setpoint.aws.sessions import THREADS, Identity, Sessions
from setpoint.config import Config, Grant
from setpoint.trust.grants import Grants

REQUESTS = Counter(
    "setpoint_aws_requests_total", "Calls to AWS.", ("service", "operation", "result")
)
SECONDS = Histogram(
    "setpoint_aws_request_duration_seconds", "Duration of calls to AWS.", ("service", "operation")
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
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="aws")
        self._sessions = Sessions()
        self._accounts: dict[tuple[str | None, str | None], str] = {}

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
        identity = Identity(grant.role, grant.external_id, scope.region)
        what = f"{service} {operation} for {scope.resource}"
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, self._call, identity, what, service, operation, parameters
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
        identity: Identity,
        what: str,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
    ) -> dict[str, Any]:
        start, result, client = time.monotonic(), "ok", None
        try:
            client = self._sessions.client(identity, service)
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
        except (ClientError, BotoCoreError, OSError) as error:
            if _has_expired(error):
                self._sessions.forget(identity, service, client)
            failure = failure_of(error, what, identity.role)
            result = str(failure.reason)
            raise failure from None
        finally:
            REQUESTS.labels(service, operation, result).inc()
            SECONDS.labels(service, operation).observe(time.monotonic() - start)
        return answer


def _has_expired(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"].get("Code") in EXPIRED
