"""The server: threads, HTTP/1.1 with keep-alive, no log but that of failures."""

import logging
import os
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

_EAGER: tuple[Any, ...] = ("ecs", "cloudwatch", "rds", "sts", "elasticache")


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True  # else an answer above 8 KiB waits 40 ms for its last packet

    def run_wsgi(self) -> None:
        """Werkzeug's own closes every connection, as it cannot know that the body was read."""
        try:
            response = Response.from_app(self.server.app, self.make_environ())
        except ConnectionError:  # a fault has cut the connection
            self.close_connection = True
            return
        body = response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            if name.lower() not in ("content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, *_: Any) -> None:
        """Nothing: the ledger has it."""


def serve(host: str, port: int) -> None:
    """Serve until the process ends. What moto needs is imported before the port is open."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]  # moto and botocore read them at import
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        create_backend_app,
    )

    from stack.aws.front import Front  # noqa: PLC0415

    moto = DomainDispatcherApplication(create_backend_app)
    moto.app_instances |= {service: create_backend_app(service) for service in _EAGER}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server(host, port, Front(moto), threaded=True, request_handler=_Handler).serve_forever()
