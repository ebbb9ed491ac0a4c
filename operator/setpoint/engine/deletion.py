"""Deleting a resource: only Revert in Enforce holds it back, and never for long."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from setpoint.api.base import DeletionPolicy, Mode
from setpoint.api.common import CommonSpec
from setpoint.api.conditions import Reason
from setpoint.api.plan import Applied, AppliedOp
from setpoint.config import Config
from setpoint.engine import backoff, plan
from setpoint.engine.failure import Failure
from setpoint.engine.kind import Kind
from setpoint.engine.kube import KubeClient
from setpoint.engine.model import Key, Resource
from setpoint.engine.parse import parse
from setpoint.engine.store import ABANDON, FINALIZER, Store, bare
from setpoint.engine.track import Track
from setpoint.telemetry.events import EventRecorder

log = structlog.get_logger()

PATIENCE = timedelta(minutes=10)
_ROUNDS = 3


def wants_finalizer(spec: CommonSpec) -> bool:
    """Whether deletion needs work."""
    return spec.deletion_policy is DeletionPolicy.REVERT and spec.mode is Mode.ENFORCE


class Deletion:
    """Puts back what setpoint changed, then lets the resource go."""

    def __init__(
        self,
        kube: KubeClient,
        store: Store,
        events: EventRecorder,
        config: Callable[[], Config],
        now: Callable[[], datetime],
        draw: Callable[[], float],
    ) -> None:
        self._kube = kube
        self._store = store
        self._events = events
        self._config = config
        self._now = now
        self._draw = draw

    async def hold(self, key: Key, body: dict[str, Any], spec: CommonSpec) -> dict[str, Any]:
        """Add or remove our finalizer as the spec wants it; the body with it. Raises Conflict."""
        finalizers = body["metadata"].get("finalizers") or []
        if (FINALIZER in finalizers) == wants_finalizer(spec):
            return body
        others = [name for name in finalizers if name != FINALIZER]
        wanted = [*others, FINALIZER] if wants_finalizer(spec) else others
        written = bare(
            await self._kube.patch_finalizers(key, body["metadata"]["resourceVersion"], wanted)
        )
        self._store.update(key, written)
        return written

    async def run(
        self, kind: Kind[Any, Any, Any], key: Key, body: dict[str, Any], track: Track
    ) -> float | None:
        """Revert and let go; seconds until the next try, or None when done. Raises Conflict."""
        if FINALIZER not in (body["metadata"].get("finalizers") or []):
            return None
        if ABANDON in (body["metadata"].get("annotations") or {}):
            await self._let_go(key, body, "abandoned by annotation: nothing was reverted")
            return None
        try:
            resource = parse(key, body, kind.spec_model)
            if wants_finalizer(resource.spec):
                await self._revert(kind, resource, track)
        except Failure as failure:
            return await self._not_reverted(key, body, failure, track)
        await self._let_go(key, body, None)
        return None

    async def _revert(
        self, kind: Kind[Any, Any, Any], resource: Resource[Any], track: Track
    ) -> None:
        """Act until a look at the target finds nothing left to revert. Raises Failure."""
        applied = [Applied.model_validate(e) for e in resource.status.get("applied") or ()]
        if not applied:
            return
        for _ in range(_ROUNDS):
            observed = await kind.observe(resource, track.memory)
            actions = kind.revert(resource, observed, applied)
            if not actions:
                return
            for action in actions:
                track.memory = await kind.act(resource, action, track.memory)
                log.info("reverted", key=str(resource.key), action=plan.sentence(action))
        raise Failure(Reason.BUSY, "what was reverted does not stay so: something sets it again")

    async def _not_reverted(
        self, key: Key, body: dict[str, Any], failure: Failure, track: Track
    ) -> float | None:
        since = datetime.fromisoformat(body["metadata"]["deletionTimestamp"])
        if self._now() - since >= PATIENCE:
            await self._let_go(key, body, f"not reverted: {failure.message}")
            return None
        track.failures += 1
        if track.failures == 1:
            self._events.record(body, failure.reason, failure.message, warning=True)
        limits = self._config().limits
        return backoff.after_failures(
            track.failures, limits.backoff_base, limits.backoff_ceiling, self._draw
        )

    async def _let_go(self, key: Key, body: dict[str, Any], remains: str | None) -> None:
        others = [name for name in body["metadata"]["finalizers"] if name != FINALIZER]
        await self._kube.patch_finalizers(key, body["metadata"]["resourceVersion"], others)
        applied = (body.get("status") or {}).get("applied") or []
        if remains is None:
            note = "what setpoint had changed was put back"
            grown = [e for e in applied if e.get("op") == AppliedOp.GREW]
            note += f", but for what cannot shrink: {_names(grown)}" if grown else ""
            self._events.record(body, Reason.REVERTED, note)
        else:
            note = f"{remains}; left as it is: {_names(applied) or 'nothing'}"
            self._events.record(body, Reason.REVERT_ABANDONED, note, warning=True)


def _names(applied: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{e['object']} {e['field']}".strip() for e in applied)
