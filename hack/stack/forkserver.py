"""Operators by fork: a process that has imported everything hands out children in milliseconds.

For tests that kill and start operators by the hundred. Run as `python -m stack.forkserver`; it
reads a JSON object a line: args, env, log, skew (seconds by which the child's wall clock is off).
It answers with {"pid": …}, and for each child that ends with {"ended": pid, "status": …}, negative
for a signal.
"""

import ctypes
import datetime as dt
import json
import os
import random
import select
import signal
import sys
import time
from typing import Any

from kubernetes.aio.config import kube_config

from setpoint import cli
from setpoint import main as operator
from setpoint.aws import sessions

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02
_SERVICES = ("application-autoscaling", "cloudwatch", "ecs", "rds", "sts")
_REAL = dt.datetime


def main() -> None:
    """Serve until standard input ends."""
    _warm()
    _say({"ready": True})
    waiting = b""
    while True:
        readable, _, _ = select.select([0], [], [], _POLL_SECONDS)
        _reap()
        if not readable:
            continue
        data = os.read(0, 65_536)
        if not data:
            return
        *lines, waiting = (waiting + data).split(b"\n")
        for line in lines:
            pid = _start(json.loads(line))
            _say({"pid": pid})


def _say(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _warm() -> None:
    """What is parsed once for all children: most of what a client of boto3 costs."""
    assert operator  # noqa: S101 - imported for its imports
    loader = sessions._models(None)  # noqa: SLF001
    for service in _SERVICES:
        for kind in ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2"):
            try:
                loader.load_service_model(service, kind)
            except Exception:  # noqa: BLE001, S112 - not every service has every kind
                continue


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _start(order: dict[str, Any]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        os.setsid()
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(order["env"])
        kube_config.KUBE_CONFIG_DEFAULT_LOCATION = order["env"]["KUBECONFIG"]  # read at import
        random.seed()
        if order.get("skew"):
            _skew(order["skew"])
        status = cli.main(order["args"])
    except BaseException:  # noqa: BLE001 - whatever it is must not run on in the child
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        os._exit(status)


def _skew(seconds: float) -> None:
    """Put the wall clock off, as setpoint's modules read it."""
    real_time = time.time
    off = dt.timedelta(seconds=seconds)

    class Kind(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, _REAL)

    class Skewed(_REAL, metaclass=Kind):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return _REAL.now(tz) + off

    time.time = lambda: real_time() + seconds
    for name, module in list(sys.modules.items()):
        if name.startswith("setpoint") and getattr(module, "datetime", None) is _REAL:
            module.datetime = Skewed  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
