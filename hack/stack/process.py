"""Child processes: a clean environment, a log file, ready within a limit, ended by process id."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launch.py")
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
_NOTE = ".process"
_POLL_SECONDS = 0.03
_TAIL_LINES = 25

# The kernel ends a child when the *thread* that started it ends, so one thread, which lives as long
# as this process, starts them all.
_SPAWNER = ThreadPoolExecutor(1, "stack-spawner")


class StackError(Exception):
    """A part of the stack cannot be had or does not work; the text says what to do."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Only what a child needs: no proxies, no CA bundles, no AWS, KUBECONFIG or PG variables."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**kept, "TZ": "UTC", **(extra or {})}


def tied_to_parent(
    command: Sequence[str | Path], *, keep: bool = False, user: int | None = None
) -> list[str]:
    """`command` such that it runs as `user` and, unless `keep`, dies when this process dies.

    The thread that starts it must live as long as it does.
    """
    parent = 0 if keep else os.getpid()
    prefix = [sys.executable, "-I", "-S", _LAUNCHER, parent, -1 if user is None else user]
    return [str(word) for word in (*prefix, *command)]


def start_time(pid: int) -> str | None:
    """When a process started, in clock ticks since boot; None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


@dataclass
class Child:
    """A process of ours, in a session and process group of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log_file: Path
    stop_signal: signal.Signals = signal.SIGTERM

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        *,
        log_file: Path,
        env: Mapping[str, str] | None = None,
        user: int | None = None,
        keep: bool = False,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> "Child":
        """Start `command`. Unless `keep`, it dies with this process, even by SIGKILL."""
        log_file.parent.mkdir(parents=True, exist_ok=True)
        arguments = tied_to_parent(command, keep=keep, user=user)
        environment = clean_environment(env)
        with log_file.open("ab") as log:
            process = _SPAWNER.submit(
                lambda: subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
            ).result()
        child = cls(name, process, log_file, stop_signal)
        child._write_note()
        return child

    def wait_ready(self, probe: Callable[[], bool], *, limit: float, what: str) -> None:
        """Wait until `probe` is true. Raises StackError with the log's tail if it never is."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise StackError(
                    f"{what} ended with status {self.process.returncode} before it was ready; "
                    f"the end of {self.log_file}:\n{self.tail()}"
                )
            if probe():
                return
            time.sleep(_POLL_SECONDS)
        raise StackError(
            f"{what} was not ready after {limit:.0f} s; the end of {self.log_file}:\n{self.tail()}"
        )

    def tail(self) -> str:
        """The last lines of the log."""
        text = self.log_file.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def stop(self, limit: float = 15) -> None:
        """Ask it to end, wait up to `limit` seconds, then make it end."""
        if self.process.poll() is None:
            self._signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(limit)
        self.kill()

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self.process.poll() is None:
            self._signal(signal.SIGKILL)
            self.process.wait()
        self._note_file().unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _note_file(self) -> Path:
        return self.log_file.with_name(self.name + _NOTE)

    def _write_note(self) -> None:
        """Pid, start time and signal, so that `stop_noted` can end it without this object."""
        pid = self.process.pid
        note = f"{pid} {start_time(pid)} {int(self.stop_signal)}\n"
        partial = self._note_file().with_suffix(".partial")
        partial.write_text(note, encoding="utf-8")
        partial.rename(self._note_file())  # another thread may read it at any moment


def stop_noted(directory: Path, limit: float = 15) -> list[str]:
    """End every process noted under `directory`, the newest first; gives their names.

    A pid that meanwhile belongs to another process is left alone.
    """
    notes = []
    for path in directory.rglob(f"*{_NOTE}"):
        with contextlib.suppress(FileNotFoundError):  # its owner stopped it just now
            words = path.read_text(encoding="utf-8").split()
            notes.append((path.stat().st_mtime_ns, path, words))
    ended = []
    for _, path, (pid, started, number) in sorted(notes, reverse=True):
        if start_time(int(pid)) == started:
            _end_group(int(pid), started, int(number), limit)
            ended.append(path.stem)
        path.unlink(missing_ok=True)
    return ended


def _end_group(pid: int, started: str, number: int, limit: float) -> None:
    end = time.monotonic() + limit
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
        while start_time(pid) == started:
            if time.monotonic() > end:
                os.killpg(pid, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)
