"""The operator's process: kopf watches, workers reconcile. The only module that imports kopf."""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kopf
import structlog
from kubernetes.aio import client
from kubernetes.aio import config as kube_config

from setpoint.api import GROUP, VERSION
from setpoint.config import Config, ConfigError, load
from setpoint.engine.failure import Failure
from setpoint.engine.ingest import Ingest
from setpoint.engine.kube import Api, KubeClient
from setpoint.engine.model import Key
from setpoint.telemetry import traces
from setpoint.telemetry.http import Health, serve
from setpoint.trust.network import Address, resolve
from setpoint.wiring import Operator, assemble

log = structlog.get_logger()

_CONFIG_POLL_SECONDS = 2.0
_DRAIN_SECONDS = 10.0
_RETRY_LIST_SECONDS = 5.0


@dataclass(frozen=True)
class Options:
    """How the process was started."""

    config: Path
    namespaces: Sequence[str] = ()
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
            return False
        log.info("configuration reloaded")
        return True


async def run(options: Options) -> None:
    """Run until the process is told to end. Raises ConfigError or NoClusterError at the start."""
    live = LiveConfig(options.config)
    async with traces.exporting(), _kube_api() as api:
        server = await _api_server(api.configuration.host)
        operator = assemble(KubeClient(api), lambda: live.current, server, _now, random.random)
        health = Health()
        async with (
            serve(options.host, options.port, health, operator.queue.depth) as port,
            # Tasks that exist before kopf starts are not cancelled by it when it ends.
            _background([live.watch(operator.ingest.all_again), health.beat(), *operator.tasks()]),
        ):
            log.info("listening", host=options.host, port=port)
            await _list_all(operator, options.namespaces)
            health.ready = True
            async with _workers(operator, live.current.limits.concurrency):
                await _watch(operator.ingest, operator.plurals, options.namespaces)
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


async def _list_all(operator: Operator, namespaces: Sequence[str]) -> None:
    """See every resource before the first is worked on: who is the oldest must be known."""
    for plural in operator.plurals:
        while True:
            try:
                bodies = await operator.kube.list_all(plural, namespaces)
                break
            except Failure as failure:
                log.warning("cannot list yet", plural=plural, reason=failure.message)
                await asyncio.sleep(_RETRY_LIST_SECONDS)
        for body in bodies:
            metadata = body["metadata"]
            operator.ingest.seen(Key(plural, metadata["namespace"], metadata["name"]), body)


@contextlib.asynccontextmanager
async def _workers(operator: Operator, number: int) -> AsyncIterator[None]:
    """Workers beside the body; afterwards they may finish what they are at."""
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(operator.work(stopping)) for _ in range(number)]
    try:
        yield
    finally:
        stopping.set()
        operator.queue.close()
        _, late = await asyncio.wait(tasks, timeout=_DRAIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await operator.gateway.close()


async def _watch(ingest: Ingest, plurals: Sequence[str], namespaces: Sequence[str]) -> None:
    """Watch until SIGTERM or SIGINT."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_login)
    for plural in plurals:
        kopf.on.event(GROUP, VERSION, plural, id=plural, registry=registry)(
            _handler(ingest, plural)
        )
    await kopf.operator(
        registry=registry,
        settings=_settings(namespaces),
        clusterwide=not namespaces,
        namespaces=list(namespaces),
        standalone=True,
    )


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


def _login(**kwargs: Any) -> Any:
    """Credentials for the watch, found where `_kube_api` finds them."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return kopf.login_with_service_account(**kwargs)
    return kopf.login_with_kubeconfig(**kwargs)


def _settings(namespaces: Sequence[str]) -> kopf.OperatorSettings:
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
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.queueing.idle_timeout = 1.0
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = 25
    return settings
