"""The server: faults first, then the strict layer, then moto; a ledger of all; control calls."""

import io
import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from stack.aws import autoscaling, cloudwatch, others, rds, wire
from stack.aws.state import Fault, World
from stack.aws.wire import AWSError, Call

_HANDLERS: dict[str, Callable[[World, Call], dict[str, Any] | None]] = {
    "application-autoscaling": autoscaling.handle,
    "cloudwatch": cloudwatch.handle,
    "rds": rds.handle,
    "sts": others.handle_sts,
    "ecs": others.handle_ecs,
}
_PREFIX = "/_stack/"


class Application:
    """A WSGI application."""

    def __init__(self, moto: Callable[..., Iterable[bytes]]) -> None:
        self._moto = moto
        self.world = World()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """One request."""
        request = Request(environ)
        if request.path.startswith(_PREFIX):
            with self.world.lock:
                return control(self.world, request)(environ, start)
        call = wire.parse(request)
        if call is None:
            return self._moto(environ, start)
        return self._answer(call, request)(environ, start)

    def _answer(self, call: Call, request: Request) -> Response:
        started = time.monotonic()
        code: str | None = None
        response: Response | None = None
        with self.world.lock:
            fault = self.world.fault(call)
        try:
            if fault is not None:
                _carry_out(fault)
            with self.world.lock:
                handler = _HANDLERS.get(call.service)
                result = handler(self.world, call) if handler else None
                if result is None:
                    response = Response.from_app(self._moto, _rewound(request))
                else:
                    response = wire.answer(call, result)
        except AWSError as error:
            code = error.code
            response = wire.refuse(call, error)
        finally:
            with self.world.lock:
                self.world.record(call, response.status_code if response else 0, code, started)
        return response


def _carry_out(fault: Fault) -> None:
    """Raises AWSError, or drops the connection."""
    time.sleep(fault.delay_ms / 1000)
    match fault.kind:
        case "throttle":
            code = fault.code or "ThrottlingException"
            raise AWSError(code, fault.message or "Rate exceeded", 400)
        case "refuse":
            raise AWSError(fault.code, fault.message, fault.status)
        case "http":
            raise AWSError(fault.code or "InternalFailure", fault.message, fault.status or 500)
        case "reset":
            raise ConnectionResetError


def _rewound(request: Request) -> dict[str, Any]:
    """The environment with the body to be read once more."""
    environ = dict(request.environ)
    body = request.get_data()
    if not body and request.form:
        body = urlencode(list(request.form.items(multi=True))).encode()
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("werkzeug.request", None)
    return environ


def control(world: World, request: Request) -> Response:
    """The control calls, under /_stack/."""
    name = (request.method, request.path.removeprefix(_PREFIX))
    if name not in _CONTROLS:
        return Response("no such control call\n", status=404)
    body = json.loads(request.get_data() or b"{}")
    if name == ("GET", "ledger"):
        body = {"since": int(request.args.get("since", 0))}
    result = _CONTROLS[name](world, body)
    return _json({"ok": True} if result is None else result)


def _ledger(world: World, body: Any) -> Any:
    return [entry for entry in world.ledger if entry["seq"] > body["since"]]


def _set_faults(world: World, body: Any) -> None:
    world.faults = [Fault(**entry) for entry in body or ()]


def _set_metric(world: World, body: Any) -> None:
    region = world.region(body["region"])
    cloudwatch.set_steady(
        region, body["namespace"], body["name"], body["dimensions"], body["value"]
    )


def _set_instance(world: World, body: Any) -> None:
    world.region(body["region"]).instances[body["name"]].body |= body["values"]


def _settings(world: World, body: Any) -> None:
    world.settle_seconds = body.get("settleSeconds", world.settle_seconds)
    world.rds_seconds = body.get("rdsSeconds", world.rds_seconds)
    world.refused_roles = set(body.get("refusedRoles", world.refused_roles))
    world.external_ids = body.get("externalIds", world.external_ids)


_CONTROLS: dict[tuple[str, str], Callable[[World, Any], Any]] = {
    ("GET", "health"): lambda _world, _body: None,
    ("GET", "ledger"): _ledger,
    ("DELETE", "ledger"): lambda world, _: world.ledger.clear(),
    ("PUT", "faults"): _set_faults,
    ("DELETE", "faults"): _set_faults,
    ("POST", "metric"): _set_metric,
    ("POST", "activity"): lambda world, body: world.region(body["region"]).activities.insert(
        0, body["activity"]
    ),
    ("POST", "maintenance"): lambda world, body: rds.run_maintenance(world.region(body["region"])),
    ("POST", "instance"): _set_instance,
    ("POST", "settings"): _settings,
}


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        """Nothing: the ledger has it."""


def serve(host: str, port: int) -> None:
    """Serve until the process ends."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - it reads the environment
        DomainDispatcherApplication,
        create_backend_app,
    )

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = Application(DomainDispatcherApplication(create_backend_app))
    make_server(host, port, application, threaded=True, request_handler=_Quiet).serve_forever()
