"""The WSGI application: faults first, then who may, then the strict layer, then moto."""

import io
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from werkzeug.wrappers import Response

from stack.aws import (
    autoscaling,
    cloudwatch,
    control,
    ecs,
    elasticache,
    faults,
    iam,
    rds,
    sts,
    wire,
)
from stack.aws.state import World
from stack.aws.wire import AWSError, Call

_LOG = logging.getLogger("stack.aws")
App = Callable[[dict[str, Any], Any], Iterable[bytes]]

_HANDLERS: dict[str, Callable[[World, Call], dict[str, Any] | None]] = {
    "application-autoscaling": autoscaling.handle,
    "cloudwatch": cloudwatch.handle,
    "ecs": ecs.handle,
    "elasticache": elasticache.handle,
    "rds": rds.handle,
    "sts": sts.handle,
}


class Front:
    """In front of moto's application."""

    def __init__(self, moto: App) -> None:
        self._moto = moto
        self.world = World()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """One request."""
        body = wire.body_of(environ)
        if environ["PATH_INFO"].startswith(control.PREFIX):
            with self.world.lock:
                response = control.answer(self.world, environ, body)
        else:
            response = self._call(environ, body)
        return response(environ, start)

    def _call(self, environ: dict[str, Any], body: bytes) -> Response:
        """A call of AWS's API. Every one is in the ledger, however it ended."""
        started = time.monotonic()
        call = self._named(wire.parse(environ, body))
        with self.world.lock:
            fault = self.world.faults.take(call)
        status, code = 0, None
        try:
            if fault is not None:
                faults.wait(fault)
                if fault.kind == "reset":
                    raise faults.cut(environ)
            try:
                response = self._carry_out(call, fault, environ, body)
                code = wire.error_code(response)
            except AWSError as error:
                response, code = wire.refusal(call, error), error.code
            except Exception as error:  # noqa: BLE001 - a bug of ours must not look like AWS's
                _LOG.exception("%s %s failed", call.service, call.operation)
                bug = AWSError("InternalFailure", f"the stand-in failed: {error!r}", 500)
                response, code = wire.refusal(call, bug), bug.code
            if fault is not None and fault.kind == "lost":
                raise faults.cut(environ)
            status = response.status_code
        finally:
            kind = fault.kind if fault else None
            with self.world.lock:
                self.world.ledger.record(call, status, code, kind, started)
        return response

    def _named(self, call: Call) -> Call:
        """With the account and the role of its caller."""
        session = self.world.sessions.get(call.access_key)
        account = self.world.account_of(call.access_key)
        return replace(call, account=account, role=session.role if session else None)

    def _carry_out(
        self, call: Call, fault: faults.Fault | None, environ: dict[str, Any], body: bytes
    ) -> Response:
        """Raises AWSError."""
        error = fault.error(call.service) if fault else None
        if error is not None:
            raise error
        partial = fault is not None and fault.kind == "partial_page"
        call = replace(call, partial=partial)
        with self.world.lock:
            iam.check_session(self.world, call)
            iam.check(self.world, call)
            handler = _HANDLERS.get(call.service) if call.protocol else None
            result = handler(self.world, call) if handler else None
            if result is not None:
                return wire.answer(call, result)
            return Response.from_app(self._moto, _for_moto(environ, call, body))


def _for_moto(environ: dict[str, Any], call: Call, body: bytes) -> dict[str, Any]:
    """The request once more, with the account that moto is to use."""
    again = {name: value for name, value in environ.items() if name != "HTTP_CONTENT_ENCODING"}
    return again | {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_MOTO_ACCOUNT_ID": call.account,
    }
