"""Reconciles one resource: the part of the loop that is the same for every kind."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from setpoint.alerts.delivery import settle
from setpoint.alerts.step import Step
from setpoint.api.conditions import Reason
from setpoint.config import Config
from setpoint.engine import alerting, backoff, conditions, findings, plan, status
from setpoint.engine.alerting import Alerting, Outbox
from setpoint.engine.attempt import Attempt, Attempter
from setpoint.engine.deletion import Deletion
from setpoint.engine.display import Display
from setpoint.engine.failure import Failure, Help, unexpected
from setpoint.engine.kind import Kind
from setpoint.engine.kube import Conflict
from setpoint.engine.model import Key, Live, Resource
from setpoint.engine.parse import parse
from setpoint.engine.queue import INTERVAL
from setpoint.engine.store import Store, requested_at
from setpoint.engine.track import Track
from setpoint.engine.visit import Visit
from setpoint.engine.writer import StatusWriter
from setpoint.telemetry import metrics
from setpoint.telemetry.events import EventRecorder
from setpoint.telemetry.resources import RESOURCES
from setpoint.telemetry.traces import span

log = structlog.get_logger()

DELIVERED = "delivered"
"""Reason of the queue: only a notification was delivered; nothing need be observed."""

_CONFLICT_SECONDS = 0.2
_RUNNING_SECONDS = 2.0
_SOONEST_SECONDS = 0.1


class Reconciler:
    """`run` is called for each key by one worker at a time. `moved` tells whether a resource that
    is seen no more has only gone to another shard."""

    def __init__(
        self,
        kinds: Mapping[str, Kind[Any, Any, Any]],
        store: Store,
        attempter: Attempter,
        deletion: Deletion,
        writer: StatusWriter,
        outbox: Outbox,
        events: EventRecorder,
        config: Callable[[], Config],
        now: Callable[[], datetime],
        draw: Callable[[], float],
        moved: Callable[[Key], Awaitable[bool]] | None = None,
    ) -> None:
        self._moved = moved
        self._kinds = kinds
        self._store = store
        self._attempter = attempter
        self._deletion = deletion
        self._writer = writer
        self._alerting = Alerting(outbox, now)
        self._events = events
        self._config = config
        self._now = now
        self._draw = draw
        self._tracks: dict[Key, Track] = {}

    async def run(self, key: Key, reasons: frozenset[str]) -> float | None:
        """Reconcile; seconds until the next look, or None where none is due by time.

        Raises Failure where status itself could not be written.
        """
        about = {
            "kind": self._kinds[key.plural].names.kind,
            "namespace": key.namespace,
            "name": key.name,
            "reconcile_id": secrets.token_hex(8),
        }
        with structlog.contextvars.bound_contextvars(**about), span("reconcile", **about):
            return await self._run(key, reasons)

    async def _run(self, key: Key, reasons: frozenset[str]) -> float | None:
        body = self._store.get(key)
        if body is None:
            has_moved = self._moved is not None and await self._moved(key)
            self._forget(key, is_gone=not has_moved)
            return None
        visit = Visit(self._kinds[key.plural], key, body, self._track(key, body))
        self._alerting.collect(key, visit.track)
        try:
            if body["metadata"].get("deletionTimestamp"):
                return await self._deletion.run(visit.kind, key, body, visit.track)
            if visit.is_observed and reasons == {DELIVERED}:
                await self._acknowledge(visit)
                return None
            is_early = visit.is_observed and visit.track.is_early(self._now())
            if is_early and reasons <= {INTERVAL, DELIVERED}:
                return await self._tell(visit)
            visit.track.planned = None
            return self._plan_next(visit, await self._reconcile(visit))
        except Conflict:
            return _CONFLICT_SECONDS
        finally:
            RESOURCES.tell(key, visit.body)

    def delay_after(self, failure: Failure, key: Key) -> float:
        """Seconds to wait after a failure of this resource; counts it."""
        track = self._tracks.get(key)
        failures = 1
        if track is not None:
            track.failures += 1
            failures = track.failures
        limits = self._config().limits
        if failure.help is Help.SPEC:  # a change of it comes by itself; this is to be sure
            return backoff.at_interval(limits.backoff_ceiling, self._draw)
        return backoff.after_failures(
            failures, limits.backoff_base, limits.backoff_ceiling, self._draw
        )

    async def _reconcile(self, visit: Visit) -> float | None:
        try:
            resource = parse(visit.key, visit.body, visit.kind.spec_model)
        except Failure as failure:
            return await self._fail(visit, failure, None)
        if resource.spec.suspend:
            await self._suspend(visit)
            return None
        if not visit.status.get("conditions"):
            await self._first_visit(visit)
        visit.body = await self._deletion.hold(visit.key, visit.body, resource.spec)
        try:
            attempt = await self._attempt(visit, replace(resource, status=visit.status))
        except Failure as failure:
            return await self._fail(visit, failure, resource)
        return await self._finish(visit, attempt)

    async def _tell(self, visit: Visit) -> float | None:
        """Only the alerts are due: nothing is looked at."""
        resource = parse(visit.key, visit.body, visit.kind.spec_model)
        if resource.spec.suspend or visit.track.planned is None:
            return None
        made = self._alerting.later(visit.status, resource.spec.alerts, visit.track)
        await self._write(visit, {**visit.status, "alerts": made.status.wire()})
        visit.track.deliveries.clear()
        self._alerts_written(visit, resource, made)
        now = self._now()
        return self._until(visit, now, (visit.track.planned[1] - now).total_seconds())

    def _plan_next(self, visit: Visit, delay: float | None) -> float | None:
        """When to come back: for the next look in `delay` seconds, or earlier for the alerts."""
        if delay is None:
            return None
        now = self._now()
        visit.track.planned = (now, now + timedelta(seconds=delay))
        return self._until(visit, now, delay)

    @staticmethod
    def _until(visit: Visit, now: datetime, delay: float) -> float:
        wake = visit.track.alerts.wake
        if wake is None:
            return max(delay, 0.0)
        return max(min(delay, max((wake - now).total_seconds(), _SOONEST_SECONDS)), 0.0)

    async def _attempt(self, visit: Visit, resource: Resource[Any]) -> Attempt:
        """Raises Failure or Conflict; whatever else goes wrong becomes a Failure here."""

        async def prepare(seen: Attempt) -> Resource[Any]:
            records = [entry.wire() for entry in seen.applied]
            is_known = records == (resource.status.get("applied") or [])
            if is_known and not status.intents(seen):
                return resource
            await self._write(visit, status.before_acting(seen, self._now()))
            return replace(resource, status=visit.status)

        seconds = self._config().limits.reconcile_timeout.total_seconds()
        try:
            with metrics.RECONCILE_SECONDS.labels(visit.key.plural).time():
                async with asyncio.timeout(seconds):
                    return await self._attempter.run(visit.kind, resource, visit.track, prepare)
        except TimeoutError:
            raise Failure(
                Reason.TIMED_OUT, "the reconcile took longer than its limit and was given up"
            ) from None
        except (Failure, Conflict):
            raise
        except Exception as error:
            raise unexpected(error) from error

    async def _finish(self, visit: Visit, attempt: Attempt) -> float:
        previous = visit.status.get("findings") or {}
        now, track, decision = self._now(), visit.track, attempt.decision
        display = Display(now, track.moved_at)
        shown = findings.show(decision.findings, previous, track.magnitudes, now, decision.ignored)
        new = status.of_attempt(
            visit.kind,
            attempt,
            shown,
            display,
            self._config().limits.stalled_after,
        )
        alerting.note(track, attempt, now)
        look = alerting.look_of(attempt, new["conditions"])
        spec = attempt.resource.spec.alerts
        made = self._alerting.after(attempt.resource.status, spec, track, look)
        await self._write_final(visit, {**new, "alerts": made.status.wire()})
        self._alerts_written(visit, attempt.resource, made)
        track.moved_at = now if display.moved else track.moved_at
        track.magnitudes = findings.remember(decision.findings, shown, track.magnitudes)
        self._announce(visit, attempt)
        result = "failure" if attempt.failures else "success"
        metrics.RECONCILES.labels(visit.key.plural, result).inc()
        for failure in attempt.failures:
            metrics.RECONCILE_ERRORS.labels(visit.key.plural, str(failure.reason)).inc()
        if attempt.failures:
            for failure in attempt.failures:
                _log_failure(visit.key, track, failure)
            return self.delay_after(attempt.failures[0], visit.key)
        track.failures = 0
        return self._next_look(attempt)

    def _next_look(self, attempt: Attempt) -> float:
        if any(action.background for action in attempt.done):
            return 0.0  # the next slice
        if attempt.decision.again is not None:
            return attempt.decision.again.total_seconds()
        if any(not action.background for action in attempt.gated.runnable):
            return _RUNNING_SECONDS  # what was done is not to be seen yet
        return backoff.at_interval(attempt.resource.spec.interval, self._draw)

    async def _fail(self, visit: Visit, failure: Failure, resource: Resource[Any] | None) -> float:
        """Say in status what failed; what was known stays. Live values end: they are not known."""
        _show_values(visit.key, visit.track, {})
        new = status.of_failure(
            visit.status,
            visit.generation,
            [failure],
            self._now(),
            self._config().limits.stalled_after,
        )
        _log_failure(visit.key, visit.track, failure)
        if resource is None:
            await self._write_final(visit, _settled(new, visit.track))
        else:
            look = alerting.look_of_failure(failure, new["conditions"])
            made = self._alerting.after(visit.status, resource.spec.alerts, visit.track, look)
            await self._write_final(visit, {**new, "alerts": made.status.wire()})
            self._alerts_written(visit, resource, made)
        metrics.RECONCILES.labels(visit.key.plural, "failure").inc()
        metrics.RECONCILE_ERRORS.labels(visit.key.plural, str(failure.reason)).inc()
        return self.delay_after(failure, visit.key)

    async def _suspend(self, visit: Visit) -> None:
        """One write of observedGeneration; else everything stays as it is. Live values end."""
        _show_values(visit.key, visit.track, {})
        before = visit.status.get("conditions") or ()
        if visit.is_observed and before:
            return
        made = conditions.suspended(before, visit.generation, self._now())
        new = {**visit.status, "observedGeneration": visit.generation, "conditions": made}
        await self._write_final(visit, new)

    async def _first_visit(self, visit: Visit) -> None:
        first = conditions.first_visit(visit.generation, self._now())
        await self._write(visit, {"observedGeneration": -1, **visit.status, "conditions": first})

    async def _acknowledge(self, visit: Visit) -> None:
        """Write down what was delivered; the next look stays due when it was."""
        await self._write(visit, _settled(visit.status, visit.track))
        visit.track.deliveries.clear()

    async def _write_final(self, visit: Visit, new: dict[str, Any]) -> None:
        """Write the status of a finished attempt."""
        if (token := requested_at(visit.body)) is not None:
            new = {**new, "lastHandledReconcileAt": token}
        await self._write(visit, new)
        visit.track.deliveries.clear()

    async def _write(self, visit: Visit, new: dict[str, Any]) -> None:
        before = alerting.read(visit.status).error
        error = alerting.read(new).error
        if new.get("conditions"):
            made = conditions.with_delivery(
                new["conditions"],
                visit.status.get("conditions") or (),
                error,
                visit.generation,
                self._now(),
            )
            new = {**new, "conditions": made}
        visit.body = await self._writer.write(visit.key, visit.version, new)
        if error is not None and error != before:
            self._events.record(visit.body, Reason.DELIVERY_REFUSED, error, warning=True)

    def _alerts_written(self, visit: Visit, resource: Resource[Any], made: Step) -> None:
        name = visit.kind.names.kind
        self._alerting.written(visit.key, name, resource.spec.alerts, visit.track, made)

    def _announce(self, visit: Visit, attempt: Attempt) -> None:
        for action in attempt.done:
            metrics.ACTIONS.labels(visit.key.plural, str(action.op)).inc()
            if not action.background:
                log.info("action done", key=str(visit.key), action=plan.sentence(action))
                self._events.record(visit.body, Reason.ACTION_DONE, plan.sentence(action))
        samples = {s.rule: live for s in attempt.decision.samples if (live := s.live) is not None}
        _show_values(visit.key, visit.track, {**attempt.decision.values, **samples})

    def _forget(self, key: Key, *, is_gone: bool = True) -> None:
        """Drop what is known; the alerts of a resource that is gone are taken back."""
        RESOURCES.forget(key)
        if track := self._tracks.pop(key, None):
            self._alerting.collect(key, track)
            if is_gone:
                self._alerting.gone(key, self._kinds[key.plural].names.kind, track)
            _show_values(key, track, {})

    def _track(self, key: Key, body: dict[str, Any]) -> Track:
        uid = body["metadata"]["uid"]
        track = self._tracks.get(key)
        if track is None or track.uid != uid:
            self._forget(key)  # its namesake
            stored = dict(body.get("status") or {})
            track = self._tracks[key] = Track(uid, self._kinds[key.plural].new_memory(stored))
            self._alerting.begin(key, stored)
        return track


def _settled(new: dict[str, Any], track: Track) -> dict[str, Any]:
    if not track.deliveries:
        return new
    return {**new, "alerts": settle(alerting.read(new), track.deliveries).wire()}


def _log_failure(key: Key, track: Track, failure: Failure) -> None:
    """Once for each new failure, not for each try; an error of our own each time, with where."""
    told = {"key": str(key), "reason": str(failure.reason), "message": failure.message}
    if failure.reason is Reason.INTERNAL_ERROR and failure.__cause__ is not None:
        log.error("reconcile failed unexpectedly", exc_info=failure.__cause__, **told)
    elif track.failures == 0:
        log.warning("reconcile failed", **told)


def _show_values(key: Key, track: Track, values: Mapping[str, Live]) -> None:
    """Live values for Prometheus. The series of one that is not known any more ends: an old value
    would look like a quiet system."""
    for name in track.live.keys() - values.keys():
        metrics.VALUES[track.live[name]].remove(*key, name)
    for name, (value, unit) in values.items():
        metrics.VALUES[unit].labels(*key, name).set(value * metrics.BASE_UNIT.get(unit, 1.0))
    track.live = {name: unit for name, (_, unit) in values.items()}
