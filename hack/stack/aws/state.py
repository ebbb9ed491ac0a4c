"""What the strict layer holds: one lock, one ledger, faults, and a state for each region."""

import itertools
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from stack.aws.wire import Call


@dataclass
class Fault:
    """What is to go wrong. `kind`: throttle, refuse, delay, http or reset."""

    service: str
    operation: str
    kind: str
    count: int | None = None
    code: str = ""
    message: str = ""
    status: int = 400
    delay_ms: int = 0
    match: Mapping[str, Any] = field(default_factory=dict)

    def hits(self, call: Call) -> bool:
        """Whether it concerns a call, and has not been used up."""
        return (
            (self.count is None or self.count > 0)
            and self.service == call.service
            and fnmatchcase(call.operation, self.operation)
            and all(call.params.get(name) == value for name, value in self.match.items())
        )


class Region:
    """State of one region: Application Auto Scaling, CloudWatch and RDS."""

    def __init__(self) -> None:
        self.targets: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.policies: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self.schedules: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self.activities: list[dict[str, Any]] = []
        self.alarms: dict[str, dict[str, Any]] = {}
        self.series: dict[tuple[str, str, frozenset[tuple[str, str]]], Series] = {}
        self.instances: dict[str, Instance] = {}


@dataclass
class Series:
    """A metric: single datapoints, and steady values from a moment on (one a minute)."""

    points: list[tuple[float, float]] = field(default_factory=list)
    steady: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Instance:
    """An RDS instance: what DescribeDBInstances says, and when a change is through."""

    body: dict[str, Any]
    busy_until: float = 0.0
    modifications: list[float] = field(default_factory=list)


class World:
    """Everything; `lock` is held while a call is answered."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.regions: dict[str, Region] = {}
        self.faults: list[Fault] = []
        self.ledger: list[dict[str, Any]] = []
        self.refused_roles: set[str] = set()
        self.external_ids: dict[str, str] = {}
        self.settle_seconds = 0.0
        self.rds_seconds = 0.3
        self._sequence = itertools.count(1)

    def region(self, name: str) -> Region:
        """The state of a region."""
        return self.regions.setdefault(name, Region())

    def record(self, call: Call, status: int, code: str | None, started: float) -> None:
        """Write a call into the ledger."""
        self.ledger.append(
            {
                "seq": next(self._sequence),
                "time": time.time(),
                "service": call.service,
                "operation": call.operation,
                "mutating": call.mutating,
                "params": _plain(call.params),
                "region": call.region,
                "accessKey": call.access_key,
                "status": status,
                "code": code,
                "ms": round((time.monotonic() - started) * 1000, 1),
            }
        )

    def fault(self, call: Call) -> Fault | None:
        """The first fault that concerns a call; it is used once more."""
        for fault in self.faults:
            if fault.hits(call):
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
