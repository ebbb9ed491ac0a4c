"""Every write that reached the outside, in one list: when, by which process, and what."""

import contextlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from stack.cluster import Cluster
from stack.redis import RedisServer
from tests.ha.fleet import Fleet, Life

_MONITOR = re.compile(rb'^\+(\d+\.\d+) \[\d+ [\d.]+:(\d+)\] "(\w+)"(?: "([^"]*)")?')
_FRAME = (b"pmessage", b"psubscribe", b"__key")


@dataclass(frozen=True)
class Write:
    """One write; `time` is the wall clock's of the machine."""

    time: float
    who: str
    what: str


class Audit:
    """The API server's audit log, read on from where it was."""

    def __init__(self, cluster: Cluster) -> None:
        assert cluster.audit_log is not None
        self._file: Path = cluster.audit_log
        self._offset = self._file.stat().st_size

    def read(self) -> list[dict[str, Any]]:
        """The requests since the last call."""
        with self._file.open("rb") as lines:
            lines.seek(self._offset)
            data = lines.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


class RedisLedger:
    """What reaches a Redis server (MONITOR), and which keys got a TTL how often (its events)."""

    def __init__(self, server: RedisServer, lives: Callable[[], Sequence[Life]]) -> None:
        self._server = server
        self._lives = lives
        self._owners: dict[int, str] = {}
        self._closing = False
        self.writes: list[Write] = []
        self.expired: Counter[str] = Counter()
        with server.client() as client:
            client.config_set("notify-keyspace-events", "KEA")
        self._sockets = [
            self._connect("MONITOR"),
            self._connect("PSUBSCRIBE", "__keyevent@0__:expire"),
        ]
        self._threads = [
            threading.Thread(
                target=self._read, args=(self._sockets[0], self._monitored), daemon=True
            ),
            threading.Thread(target=self._read, args=(self._sockets[1], self._noted), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closing = True
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def forget(self) -> None:
        """Begin anew."""
        self.writes.clear()
        self.expired.clear()
        self._owners.clear()

    def _connect(self, *command: str) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._server.port))
        for words in (("AUTH", self._server.password), command):
            made.sendall(f"*{len(words)}\r\n".encode())
            for word in words:
                made.sendall(f"${len(word)}\r\n{word}\r\n".encode())
        return made

    def _read(self, where: socket.socket, take: Callable[[bytes], None]) -> None:
        rest = b""
        while not self._closing:
            try:
                data = where.recv(1 << 16)
            except OSError:
                return
            if not data:
                return
            *lines, rest = (rest + data).split(b"\r\n")
            for line in lines:
                take(line)

    def _monitored(self, line: bytes) -> None:
        found = _MONITOR.match(line)
        if found is None:
            return
        at, port, command, first = found.groups()
        is_setting = command.upper() == b"CONFIG" and (first or b"").upper() == b"SET"
        number = int(port)
        if number not in self._owners:
            self._owners[number] = self._owner(number)
        if (command.upper() == b"EXPIRE" or is_setting) and self._owners[number]:
            self.writes.append(Write(float(at), self._owners[number], f"redis {command.decode()}"))

    def _noted(self, line: bytes) -> None:
        if line and line[:1] not in b"*$:+-" and not line.startswith(_FRAME):
            self.expired[line.decode()] += 1

    def _owner(self, port: int) -> str:
        """The process that has a local port; "" for none of the fleet's."""
        inode = _inode(port, self._server.port)
        for life in self._lives():
            if life.ended is None and inode and inode in _inodes(life.pid):
                return life.who
        return ""


def _inode(local: int, remote: int) -> str:
    ends = f":{local:04X}", f":{remote:04X}"
    for line in Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            return fields[9]
    return ""


def _inodes(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(fd.readlink())
                if target.startswith("socket:["):
                    yield target[8:-1]


def of_audit(event: dict[str, Any], fleet: Fleet) -> Write | None:
    """A write of one of the fleet to the Kubernetes API, the Lease aside."""
    user = event["user"]["username"].rpartition(":")[2]
    ref = event.get("objectRef") or {}
    if event["verb"] in ("get", "list", "watch") or ref.get("resource") == "leases":
        return None
    at = datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()
    for replica in fleet.replicas:
        if replica.user == user:
            lives = [life for life in replica.lives if life.started <= at]
            code = event.get("responseStatus", {}).get("code")
            what = f"kubernetes {event['verb']} {ref.get('resource')}/{ref.get('subresource', '')}"
            return Write(at, lives[-1].who, f"{what} {code}") if lives else None
    return None


def of_aws(call: dict[str, Any], fleet: Fleet) -> Write | None:
    """A mutating call to AWS of one of the fleet."""
    who = str(call["accessKey"])
    if not call["mutating"] or not who.startswith(f"{fleet.name}-"):
        return None
    began = call["time"] - call["ms"] / 1000
    return Write(began, who, f"aws {call['operation']} {call['status']}")


def of_slack(call: dict[str, Any], fleet: Fleet) -> Write | None:
    """A message that Slack took of one of the fleet."""
    who = str(call.get("who", ""))
    if call["answer"] != "ok" or not who.startswith(f"{fleet.name}-"):
        return None
    return Write(call["time"], who, f"slack {call['method']}")


def until(check: Callable[[], Any], limit: float) -> Any:
    """What `check` gives once it is true, or the last that it gave."""
    end = time.monotonic() + limit
    while not (found := check()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
