"""What is to go wrong, as tests and the demo ask for it."""

import random
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from stack.aws.wire import AWSError, Call

Kind = Literal["throttle", "refuse", "http", "delay", "partial_page", "reset", "lost"]
_QUERY_SERVICES = ("cloudwatch", "rds", "elasticache", "sts")  # their codes are the old ones
_SEED = 20261123


@dataclass
class Fault:
    """One rule. The first one that hits is carried out.

    `throttle`, `refuse` and `http` answer `code` and `message` with `status`; `delay` waits
    `delay_ms` and goes on; `partial_page` halves a page; `reset` cuts the connection before the
    call is carried out, `lost` after it. Every kind waits `delay_ms` first. `service` and
    `operation` are globs; `match` is a part of the parameters (`"*"`: any value that is there).
    `after`: so many calls pass first, so a later page fails; `per_second`: calls within this rate
    pass, with a second's worth at once, as AWS's own limits have it; `count`: so many times, then
    never again; `rate`: the share of calls, 0 to 1.

    What Application Auto Scaling asks CloudWatch on a caller's behalf meets the faults of the
    service `cloudwatch` that answer, too, and comes back as FailedResourceAccessException.
    """

    service: str
    operation: str
    kind: Kind
    match: Mapping[str, Any] = field(default_factory=dict)
    after: int = 0
    per_second: float = 0.0
    count: int | None = None
    rate: float = 1.0
    code: str = ""
    message: str = ""
    status: int = 0
    delay_ms: int = 0
    account: str | None = None
    _tokens: float = field(init=False, repr=False)
    _since: float = field(init=False, repr=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._tokens = max(1.0, self.per_second)
        if self.kind not in get_args(Kind):
            raise ValueError(f"no fault is called {self.kind!r}: {', '.join(get_args(Kind))}")

    def hits(self, call: Call) -> bool:
        """Whether it concerns a call, and has not been used up."""
        return (
            self.count != 0
            and self.account in (None, call.account)
            and fnmatchcase(call.service, self.service)
            and fnmatchcase(call.operation, self.operation)
            and all(_matches(call.params.get(name), wanted) for name, wanted in self.match.items())
        )

    def lets_pass(self) -> bool:
        """Whether a call that it hits is spared: one of the first, or within the rate."""
        if self.after > 0:
            self.after -= 1
            return True
        if not self.per_second:
            return False
        now, most = time.monotonic(), max(1.0, self.per_second)
        self._tokens = min(most, self._tokens + (now - self._since) * self.per_second)
        self._since = now
        spared = self._tokens >= 1
        self._tokens -= spared
        return spared

    def error(self, service: str) -> AWSError | None:
        """The answer it gives for a service; None if it gives none."""
        match self.kind:
            case "throttle":
                is_query = service in _QUERY_SERVICES
                return AWSError(
                    self.code or ("Throttling" if is_query else "ThrottlingException"),
                    self.message or "Rate exceeded",
                    self.status or 400,
                )
            case "refuse":
                return AWSError(self.code, self.message, self.status or 400)
            case "http":
                return AWSError(self.code or "InternalFailure", self.message, self.status or 500)
        return None


class Faults:
    """All rules; the draws for `rate` come from a fixed seed."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._random = random.Random(_SEED)  # noqa: S311 - a test's dice, not a secret

    def put(self, rules: list[Fault], account: str | None) -> None:
        """Replace the rules of an account, or those that concern every account (None)."""
        kept = [rule for rule in self._rules if rule.account != account]
        self._rules = kept + rules

    def describe(self, account: str | None) -> list[dict[str, Any]]:
        """The rules of an account with what is left of their counts."""
        return [
            {name: value for name, value in asdict(rule).items() if not name.startswith("_")}
            for rule in self._rules
            if rule.account == account
        ]

    def take(self, call: Call) -> Fault | None:
        """The first rule that hits; it is used once more."""
        return self._first(call, self._rules)

    def take_behind(self, call: Call) -> AWSError | None:
        """The answer to a call that one service of AWS makes to another one."""
        rules = (r for r in self._rules if r.service == call.service and r.error(r.service))
        rule = self._first(call, rules)
        return rule.error(call.service) if rule else None

    def _first(self, call: Call, rules: Iterable[Fault]) -> Fault | None:
        for rule in rules:
            if rule.hits(call) and (rule.rate >= 1 or self._random.random() < rule.rate):
                if rule.lets_pass():
                    continue
                if rule.count is not None:
                    rule.count -= 1
                return rule
        return None


def wait(fault: Fault) -> None:
    """Its delay. Other calls go on meanwhile, so no lock may be held."""
    time.sleep(fault.delay_ms / 1000)


def cut(environ: Mapping[str, Any]) -> ConnectionError:
    """End the client's connection without an answer; raise what this gives."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return ConnectionResetError()


def _matches(value: Any, wanted: Any) -> bool:
    if wanted == "*":
        return value is not None
    if isinstance(value, str) and isinstance(wanted, str):
        return fnmatchcase(value, wanted)
    return bool(value == wanted)
