"""Every call that reached the stand-in, in order."""

import bisect
import itertools
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stack.aws.wire import Call

_MOST = 400_000


class Ledger:
    """Entries with ascending `seq`; the oldest go when there are too many."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self._sequence = itertools.count(1)

    def record(
        self, call: Call, status: int, code: str | None, fault: str | None, started: float
    ) -> None:
        """Write a call down. `started` is of time.monotonic(); status 0: no answer was given."""
        self._entries.append(
            {
                "seq": next(self._sequence),
                "time": time.time(),
                "service": call.service,
                "operation": call.operation,
                "mutating": call.mutating,
                "params": _plain(call.params),
                "account": call.account,
                "region": call.region,
                "accessKey": call.access_key,
                "role": call.role,
                "status": status,
                "code": code,
                "fault": fault,
                "ms": round((time.monotonic() - started) * 1000, 2),
            }
        )
        if len(self._entries) > _MOST:
            del self._entries[: _MOST // 10]

    def since(self, sequence: int, account: str | None) -> list[dict[str, Any]]:
        """What came after a sequence number, of one account or of all."""
        start = bisect.bisect_right(self._entries, sequence, key=lambda entry: entry["seq"])
        found = self._entries[start:]
        return [e for e in found if e["account"] == account] if account else found

    def last(self, account: str | None) -> int:
        """The newest sequence number of one account or of all; 0 without any call."""
        entries = reversed(self._entries)
        return next((e["seq"] for e in entries if account in (None, e["account"])), 0)

    def counts(self, sequence: int, account: str | None) -> dict[str, int]:
        """How often each `service:Operation` was called after a sequence number."""
        return Counter(f"{e['service']}:{e['operation']}" for e in self.since(sequence, account))

    def clear(self, account: str | None) -> None:
        """Forget the calls of one account or of all. Sequence numbers go on."""
        self._entries = [e for e in self._entries if account and e["account"] != account]


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
