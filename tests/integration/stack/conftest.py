"""Watching processes from outside: who belongs to whom, who listens where, who is gone."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack.process import start_time

HACK = Path(__file__).parents[3] / "hack"

# What a user's shell may hold. The stack must neither hand it on nor be broken by it.
HOSTILE = {
    "AWS_CA_BUNDLE": "/nonexistent/bundle.pem",
    "AWS_PROFILE": "nobody",
    "REQUESTS_CA_BUNDLE": "/nonexistent/bundle.pem",
    "SSL_CERT_FILE": "/nonexistent/bundle.pem",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "KUBECONFIG": "/nonexistent/kubeconfig",
    "PGHOST": "db.example.com",
    "PGSSLMODE": "disable",
    "LC_ALL": "xx_YY.UTF-8",
}


def parent_of(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


class Family:
    """A process and its descendants at this moment, held by pidfd, so that pids cannot mix up."""

    def __init__(self, root: int, *, with_root: bool = True) -> None:
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        parents = {pid: parent_of(pid) for pid in pids}
        members = {root}
        while grown := {p for p, up in parents.items() if up in members} - members:
            members |= grown
        self.pids = members if with_root else members - {root}
        self._fds = {pid: os.pidfd_open(pid) for pid in self.pids if start_time(pid) is not None}

    def still_there(self, seconds: float = 20) -> list[str]:
        """Wait until all are gone; the command lines of those that are not after `seconds`."""
        end = time.monotonic() + seconds
        waiting = select.poll()
        left = {fd: pid for pid, fd in self._fds.items()}
        for fd in left:
            waiting.register(fd, select.POLLIN)
        while left and (remaining := end - time.monotonic()) > 0:
            for fd, _ in waiting.poll(remaining * 1000):
                waiting.unregister(fd)
                del left[fd]
        return [Path(f"/proc/{pid}/cmdline").read_text("utf-8") for pid in left.values()]

    def listening(self) -> set[str]:
        """Hexadecimal addresses, as /proc/net has them, on which a member accepts TCP."""
        inodes = {inode for pid in self.pids for inode in _socket_inodes(pid)}
        found = set()
        for table in ("tcp", "tcp6"):
            lines = Path(f"/proc/net/{table}").read_text("utf-8").splitlines()[1:]
            for fields in map(str.split, lines):
                if fields[3] == "0A" and fields[9] in inodes:
                    found.add(fields[1])
        return found

    def close(self) -> None:
        for fd in self._fds.values():
            os.close(fd)


def _socket_inodes(pid: int) -> Iterator[str]:
    try:
        fds = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return
    for fd in fds:
        try:
            target = str(fd.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target.removeprefix("socket:[").removesuffix("]")


class Command:
    """`python -m stack …` in a shell full of traps."""

    def __init__(self, *arguments: str, tmpdir: Path) -> None:
        env = {**os.environ, **HOSTILE, "PYTHONPATH": str(HACK), "TMPDIR": str(tmpdir)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stack", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            start_new_session=True,
        )

    def described(self) -> dict[str, str]:
        """What it prints once everything is up."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "Ctrl-C ends it" in line or "it stays" in line:
                break
        else:
            raise AssertionError(f"it ended with status {self.process.wait()}: {''.join(said)}")
        os.set_blocking(self.process.stdout.fileno(), False)
        return dict(line.split("=", 1) for line in self.process.stdout.read().splitlines())

    def finish(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Send a signal if asked, wait for the end: exit status and standard error."""
        if number is not None:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


StartCommand = Callable[..., Command]
TakeFamily = Callable[..., Family]


@pytest.fixture
def start_command(tmp_path: Path) -> Iterator[StartCommand]:
    """Start `python -m stack` with the given arguments."""
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        started.append(Command(*arguments, tmpdir=tmp_path))
        return started[-1]

    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o711)  # pytest closes them, and Postgres runs as another user
    yield start
    for command in started:
        command.process.kill()
        command.process.communicate()


@pytest.fixture
def family() -> Iterator[TakeFamily]:
    """The descendants of a process."""
    taken: list[Family] = []

    def take(root: int, *, with_root: bool = True) -> Family:
        taken.append(Family(root, with_root=with_root))
        return taken[-1]

    yield take
    for one in taken:
        one.close()
