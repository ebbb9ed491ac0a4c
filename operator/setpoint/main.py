"""The operator's process: kopf watches, workers reconcile. The only module that imports kopf."""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import kopf
import structlog
from kubernetes.aio import client
from kubernetes.aio import config as kube_config

from setpoint.api import GROUP, VERSION
from setpoint.config import Config, ConfigError, load
from setpoint.engine.failure import Failure
from setpoint.engine.ingest import Ingest
from setpoint.engine.kube import Api, KubeClient
from setpoint.engine.leadership import leadership_of
from setpoint.engine.model import Key
from setpoint.telemetry import metrics, traces
from setpoint.telemetry.http import Check, Health, serve
from setpoint.telemetry.watches import Watches
from setpoint.trust.network import Address, resolve
from setpoint.wiring import Operator, assemble

log = structlog.get_logger()

_CONFIG_POLL_SECONDS = 2.0
_DRAIN_SECONDS = 10.0
_RETRY_LIST_SECONDS = 5.0
_SILENCE_GRACE_SECONDS = 20.0
_STUCK_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """How the process was started."""

    config: Path
    namespaces: Sequence[str] = ()
    selector: str = ""
    lease_name: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080


class NoClusterError(Exception):
    """It is not known which Kubernetes cluster to work for; the text says what to do."""


class LiveConfig:
    """The configuration in force; a changed file that is right replaces it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.current: Config = load(path)
        self._text = path.read_bytes()
        metrics.CONFIG_IS_GOOD.set(1)

    async def watch(self, on_change: Callable[[], None]) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(_CONFIG_POLL_SECONDS)
            with contextlib.suppress(OSError):  # it is being replaced
                if self.refresh():
                    on_change()

    def refresh(self) -> bool:
        """Take over a changed file, if it is right; one that is wrong is logged."""
        text = self._path.read_bytes()
        if text == self._text:
            return False
        self._text = text
        try:
            self.current = load(self._path)
        except ConfigError as error:
            log.error("configuration refused, the former one stays", error=str(error))  # noqa: TRY400
            metrics.CONFIG_IS_GOOD.set(0)
            return False
        metrics.CONFIG_IS_GOOD.set(1)
        log.info("configuration reloaded")
        return True


async def run(options: Options) -> None:
    """Run until the process is told to end; a lost lease ends it on the spot.

    Raises ConfigError or NoClusterError at the start.
    """
    live = LiveConfig(options.config)
    async with traces.exporting(), _kube_api() as api:
        leadership = leadership_of(
            live.current.leader_election, api, options.selector, options.lease_name
        )
        server = await _api_server(api.configuration.host)
        operator = assemble(
            KubeClient(api, leadership.fence),
            lambda: live.current,
            server,
            _now,
            random.random,
            leadership.fence,
            sharded=bool(options.selector),
        )
        watches = Watches()
        health = Health(*_checks(operator, watches, live.current))
        async with (
            serve(options.host, options.port, health, operator.queue.depth) as port,
            _background([live.watch(operator.ingest.all_again), health.beat()]),
        ):
            log.info("listening", host=options.host, port=port)
            await _list_all(operator, options)
            health.ready = True
            async with (
                leadership.held() as leading,
                _acting(operator, leading, options, live.current.limits.concurrency),
            ):
                await _watch(operator, options, watches, live.current)
            health.ready = False


def _now() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def _kube_api() -> AsyncIterator[client.ApiClient]:
    """A client by the service account of the pod, or else by KUBECONFIG."""
    configuration = client.Configuration()
    try:
        await _load(configuration)
    except kube_config.ConfigException:
        raise NoClusterError(
            "no cluster: run it in a pod with a service account, or set KUBECONFIG to a file "
            "that has a current context"
        ) from None
    async with Api(configuration) as api:
        yield api


async def _load(configuration: client.Configuration) -> None:
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        kube_config.load_incluster_config(  # type: ignore[no-untyped-call]
            client_configuration=configuration
        )
    else:
        await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
            client_configuration=configuration
        )


async def _api_server(url: str) -> list[tuple[Address, int]]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return [(address, port) for address in await resolve(parts.hostname or "", port)]


@contextlib.asynccontextmanager
async def _background(coroutines: Sequence[Any]) -> AsyncIterator[None]:
    """Run coroutines beside the body; the first that fails ends the process."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in coroutines]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _list_all(operator: Operator, options: Options) -> None:
    """See every resource before the first is worked on: who is the oldest must be known, and
    status must be what was written last, whatever the watch has brought."""
    for plural in operator.plurals:
        while True:
            before = operator.ingest.known(plural)
            try:
                bodies = await operator.kube.list_all(plural, options.namespaces, options.selector)
                break
            except Failure as failure:
                log.warning("cannot list yet", plural=plural, reason=failure.message)
                await asyncio.sleep(_RETRY_LIST_SECONDS)
        operator.ingest.listed(plural, before, bodies)


@contextlib.asynccontextmanager
async def _acting(
    operator: Operator, leading: asyncio.Event, options: Options, workers: int
) -> AsyncIterator[None]:
    """Beside the body, all that acts, from when `leading` is set; afterwards the workers may
    finish what they are at."""
    stopping, seen = asyncio.Event(), asyncio.Event()

    async def take_over() -> None:
        await leading.wait()
        await _list_all(operator, options)
        seen.set()

    async def once_seen(work: Coroutine[Any, Any, None]) -> None:
        try:
            await seen.wait()
        except asyncio.CancelledError:
            work.close()
            raise
        await work

    async with _background([take_over(), *(once_seen(task) for task in operator.tasks())]):
        tasks = [asyncio.create_task(once_seen(operator.work(stopping))) for _ in range(workers)]
        try:
            yield
        finally:
            stopping.set()
            operator.queue.close()
            limit = _DRAIN_SECONDS if seen.is_set() else 0.0
            _, late = await asyncio.wait(tasks, timeout=limit)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await operator.gateway.close()


async def _watch(operator: Operator, options: Options, watches: Watches, config: Config) -> None:
    """Watch until SIGTERM or SIGINT."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_login(watches))
    for plural in operator.plurals:
        kopf.on.event(GROUP, VERSION, plural, id=plural, registry=registry)(
            _handler(operator.ingest, plural)
        )
    settings = _settings(options.namespaces, config.limits.watch_silence.total_seconds())
    if options.selector:
        for plural in operator.plurals:
            settings.watching.label_selectors[GROUP, plural] = options.selector
    # Not kopf.operator(): when it ends, it cancels whatever tasks were made meanwhile, ours too.
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings,
        clusterwide=not options.namespaces,
        namespaces=list(options.namespaces),
        standalone=True,
    )
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in done:
        task.result()  # one that failed ends the process with its exception


def _checks(operator: Operator, watches: Watches, config: Config) -> Sequence[Check]:
    """What /livez looks at besides the event loop."""
    most = config.limits.watch_silence.total_seconds() + _SILENCE_GRACE_SECONDS
    longest_reconcile = 2 * config.limits.reconcile_timeout.total_seconds() + _STUCK_SECONDS

    def watching() -> str | None:
        path, age = watches.silence()
        return f"nothing was heard of the watch {path} for {age:.0f} s" if age > most else None

    def working() -> str | None:
        key, age = operator.queue.longest()
        return f"a worker has been at {key} for {age:.0f} s" if age > longest_reconcile else None

    return watching, working


def _handler(ingest: Ingest, plural: str) -> Callable[..., Any]:
    async def observe(event: Any, **_: Any) -> None:
        body = event["object"]
        metadata = body["metadata"]
        key = Key(plural, metadata["namespace"], metadata["name"])
        if event["type"] == "DELETED":
            ingest.gone(key)
        else:
            ingest.seen(key, dict(body))

    return observe


def _login(watches: Watches) -> Callable[..., Any]:
    """Credentials for the watch, found where `_kube_api` finds them; the session tells of it."""

    async def login(**kwargs: Any) -> kopf.AiohttpSession | None:
        in_pod = "KUBERNETES_SERVICE_HOST" in os.environ
        find = kopf.login_with_service_account if in_pod else kopf.login_with_kubeconfig
        found: kopf.ConnectionInfo | None = find(**kwargs)
        if found is None:
            return None
        connector = aiohttp.TCPConnector(limit=0, ssl=found.as_ssl_context())
        return kopf.AiohttpSession(
            server=found.server,
            default_namespace=found.default_namespace,
            aiohttp_session=watches.session(connector, headers=found.as_http_headers()),
        )

    return login


def _settings(namespaces: Sequence[str], silence: float) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    # A role of one namespace may look neither at definitions nor at namespaces.
    settings.scanning.disabled = bool(namespaces)
    settings.persistence.finalizer = "setpoint.dev/kopf"  # never used; the default would clash
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.watching.chunk_size = 500  # 188 → 128 MB at 10,000 resources
    settings.watching.server_timeout = 600
    settings.watching.client_timeout = 660
    settings.watching.connect_timeout = 10
    settings.watching.inactivity_timeout = silence
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.queueing.idle_timeout = 1.0
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = 25
    return settings
