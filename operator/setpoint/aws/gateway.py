"""Every call to AWS goes through here: granted first, in its turn, off the event loop, counted,
classified."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NoReturn

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Counter, Histogram

from setpoint.api.base import AWS
from setpoint.api.conditions import Reason
from setpoint.aws.errors import EXPIRED
from setpoint.aws.failures import failure_of
from setpoint.aws.sessions import THREADS, Identity, Sessions
from setpoint.aws.throttle import PATIENCE, Throttle
from setpoint.config import Config
from setpoint.engine.failure import Failure
from setpoint.engine.fence import ALONE, Fence
from setpoint.telemetry.traces import span
from setpoint.trust.grants import Grants

log = structlog.get_logger()

REQUESTS = Counter(
    "setpoint_aws_requests_total", "Calls to AWS.", ("service", "operation", "result")
)
SECONDS = Histogram(
    "setpoint_aws_request_duration_seconds", "Duration of calls to AWS.", ("service", "operation")
)

_MAKERS = 2
"""Clients made at once. It takes much of a second, and must not hold a thread that calls."""

_READS = ("describe_", "get_", "list_")
"""How the operations begin that change nothing; all others wait for the fence."""

Who = tuple[str | None, str | None]
"""Role and ExternalId: an identity in any region."""


@dataclass(frozen=True)
class Scope:
    """Who calls, where, on what: checked against the grants at every call.

    `resource` is the name that grants know: service/CLUSTER/SERVICE, db:INSTANCE,
    replicationgroup:NAME. `shown` is what failures name instead of it, where a call is made for
    several resources.
    """

    namespace: str
    role: str | None
    region: str
    resource: str
    shown: str | None = None


class AWSGateway:
    """One for the process."""

    def __init__(
        self,
        config: Callable[[], Config],
        grants: Grants,
        throttle: Throttle | None = None,
        fence: Fence = ALONE,
    ) -> None:
        self._config = config
        self._grants = grants
        self._throttle = throttle or Throttle()
        self._fence = fence
        self._callers = ThreadPoolExecutor(THREADS, thread_name_prefix="aws")
        self._makers = ThreadPoolExecutor(_MAKERS, thread_name_prefix="aws-clients")
        self._sessions = Sessions(fence)
        self._accounts: dict[Who, str] = {}
        self._asking: dict[Who, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def scope(self, namespace: str, aws: AWS, resource: str) -> Scope:
        """The scope of a resource's calls. Raises Failure: NOT_GRANTED, INVALID_SPEC (region)."""
        scope = Scope(namespace, aws.role, self._grants.region(aws.region), resource)
        self.identity(scope)
        return scope

    def default_region(self, aws: AWS) -> str:
        """The region that a spec means, or `unset`; for names only."""
        return aws.region or self._config().aws.region or "unset"

    def identity(self, scope: Scope) -> Identity:
        """Whom AWS sees call. Raises Failure(NOT_GRANTED)."""
        grant = self._grants.aws(scope.namespace, scope.role, scope.region, scope.resource)
        return Identity(grant.role, grant.external_id, scope.region)

    async def call(
        self, scope: Scope, service: str, operation: str, **parameters: Any
    ) -> dict[str, Any]:
        """One call, by boto3's names: `describe_services`. Raises Failure."""
        return await self.send(scope, service, operation, parameters)

    async def send(
        self,
        scope: Scope,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        patience: float = PATIENCE,
    ) -> dict[str, Any]:
        """One call, which waits up to `patience` seconds while AWS throttles. Raises Failure."""
        identity = self.identity(scope)
        what = f"{service} {operation} for {scope.shown or scope.resource}"
        client = await self._client(identity, service, operation, what)
        account = self._account_of(identity)
        async with self._throttle.turn(account, scope.region, service, operation, patience):
            method = partial(_timed, service, operation, getattr(client, operation), parameters)
            try:
                with span(f"aws {service} {operation}", region=scope.region):
                    answer: dict[str, Any] = await self._sent(operation, method)
            except (ClientError, BotoCoreError, OSError) as error:
                if _has_expired(error):
                    self._sessions.forget(identity, service, client)
                _fail(error, identity, service, operation, what)
        REQUESTS.labels(service, operation, "ok").inc()
        return answer

    async def _sent(self, operation: str, method: Callable[[], Any]) -> Any:
        if operation.startswith(_READS):
            return await _run(self._callers, method)
        return await self._fence.call(self._callers, method)

    async def pages(
        self, scope: Scope, service: str, operation: str, items: str, **parameters: Any
    ) -> list[Any]:
        """The `items` of all pages. Raises Failure: a list is whole or not there at all."""
        found = await self.all_pages(scope, service, operation, **parameters)
        return [item for page in found for item in page.get(items, [])]

    async def all_pages(
        self, scope: Scope, service: str, operation: str, **parameters: Any
    ) -> list[dict[str, Any]]:
        """The pages themselves. Raises Failure."""
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = await self.call(scope, service, operation, **parameters, **token)
            found.append(page)
            following = next_token(page, token, f"{service} {operation} in {scope.region}")
            if following is None:
                return found
            token = following

    async def account(self, scope: Scope) -> str:
        """The AWS account of the scope's identity, 12 digits. Raises Failure."""
        who = self.identity(scope)[:2]
        if who not in self._accounts:
            asking = self._asking.get(who)
            if asking is None:
                asking = self._asking[who] = self.spawn(self._ask_account(who, scope))
                asking.add_done_callback(lambda _: self._asking.pop(who))
            await asyncio.shield(asking)
        return self._accounts[who]

    async def _ask_account(self, who: Who, scope: Scope) -> None:
        scope = replace(scope, shown=f"resources in {scope.region}")
        answer = await self.call(scope, "sts", "get_caller_identity")
        self._accounts[who] = answer["Account"]

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background; it ends with the gateway at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """End what runs in the background. Calls that AWS has already are not waited for."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for executor in (self._callers, self._makers):
            executor.shutdown(wait=False, cancel_futures=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Failure):
            log.error("background work on AWS failed unexpectedly", exc_info=error)

    def _account_of(self, identity: Identity) -> str:
        """The account as far as it is known without asking: a role's ARN holds it."""
        if identity[:2] in self._accounts:
            return self._accounts[identity[:2]]
        _, _, account = (identity.role or "").partition("::")
        return account.partition(":")[0] or identity.role or "own"

    async def _client(self, identity: Identity, service: str, operation: str, what: str) -> Any:
        client = self._sessions.ready(identity, service)
        if client is not None:
            return client
        try:
            return await _run(self._makers, partial(self._sessions.client, identity, service))
        except (ClientError, BotoCoreError, OSError) as error:
            _fail(error, identity, service, operation, what)


def next_token(
    page: Mapping[str, Any], before: Mapping[str, str], what: str
) -> dict[str, str] | None:
    """The parameter that asks for the page after `page`; None after the last one.

    Raises Failure where AWS gives the token of this page again: it would never end.
    """
    for name in ("NextToken", "Marker"):  # ElastiCache's is a Marker
        if not (token := page.get(name)):
            continue
        if token == before.get(name):
            raise Failure(
                Reason.CONNECTION_FAILED,
                f"AWS gives the same page of {what} again and again: it is tried again later",
            )
        return {name: token}
    return None


async def _run(executor: Executor, function: Callable[[], Any]) -> Any:
    return await asyncio.get_running_loop().run_in_executor(executor, function)


def _timed(
    service: str, operation: str, method: Callable[..., Any], parameters: Mapping[str, Any]
) -> Any:
    """In a thread: the time counts that AWS takes, not the wait for a thread."""
    with SECONDS.labels(service, operation).time():
        return method(**parameters)


def _fail(
    error: ClientError | BotoCoreError | OSError,
    identity: Identity,
    service: str,
    operation: str,
    what: str,
) -> NoReturn:
    failure = failure_of(error, what, identity.role)
    REQUESTS.labels(service, operation, str(failure.reason)).inc()
    raise failure from None


def _has_expired(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"].get("Code") in EXPIRED
