"""Children get a clean environment, tell why they fail, and leave nobody behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from stack.ports import Port
from stack.process import Child, StackError, clean_environment, start_time, stop_noted

SLEEP = ["sleep", "600"]


def run_to_end(tmp_path: Path, *command: str) -> str:
    child = Child.start("probe", list(command), log_file=tmp_path / "logs" / "probe.log")
    child.process.wait(20)
    child.stop()
    return child.tail()


def test_nothing_of_the_users_shell_reaches_a_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traps = (
        "AWS_CA_BUNDLE", "AWS_PROFILE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy",
        "KUBECONFIG", "PGHOST", "PYTHONPATH", "SSL_CERT_FILE", "GOFLAGS", "LC_ALL",
    )  # fmt: skip
    for name in traps:
        monkeypatch.setenv(name, "trap")
    lines = dict(line.split("=", 1) for line in run_to_end(tmp_path, "env").splitlines())
    assert set(lines) <= {"PATH", "HOME", "LANG", "TMPDIR", "TZ", "LC_CTYPE"}
    assert lines["TZ"] == "UTC"
    assert lines["PATH"] == os.environ["PATH"]


def test_what_is_given_explicitly_reaches_it() -> None:
    assert clean_environment({"PYTHONPATH": "hack"})["PYTHONPATH"] == "hack"


def test_signals_have_their_default_meaning_in_a_child(tmp_path: Path) -> None:
    status = run_to_end(tmp_path, "grep", "SigIgn", "/proc/self/status")
    of_the_c_library = 1 << 31 | 1 << 32  # nobody else can touch these two
    assert int(status.split()[1], 16) & ~of_the_c_library == 0


def test_a_child_that_dies_while_waited_for_shows_the_end_of_its_log(tmp_path: Path) -> None:
    script = "for i in $(seq 100); do echo line $i; done; echo 'no disk left' >&2; exit 3"
    child = Child.start("dying", ["sh", "-c", script], log_file=tmp_path / "dying.log")
    with pytest.raises(StackError) as caught:
        child.wait_ready(lambda: False, limit=20, what="the dying server")
    child.stop()
    text = str(caught.value)
    assert text.startswith("the dying server ended with status 3 before it was ready")
    assert str(tmp_path / "dying.log") in text
    assert text.endswith("line 100\nno disk left")
    assert "line 1\n" not in text


def test_a_child_that_never_gets_ready_is_named_with_the_limit(tmp_path: Path) -> None:
    child = Child.start("slow", SLEEP, log_file=tmp_path / "slow.log")
    with pytest.raises(StackError, match=r"the slow server was not ready after 0 s"):
        child.wait_ready(lambda: False, limit=0.1, what="the slow server")
    child.stop()


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot run /nonexistent/x: No such file" in run_to_end(tmp_path, "/nonexistent/x")


def test_stop_ends_the_group_even_if_it_does_not_listen(tmp_path: Path, family: Any) -> None:
    script = "trap '' TERM; sleep 600 & echo ready; wait"
    child = Child.start("deaf", ["sh", "-c", script], log_file=tmp_path / "deaf.log")
    child.wait_ready(lambda: "ready" in child.tail(), limit=20, what="deaf")
    members = family(child.process.pid)
    assert len(members.pids) == 2
    child.stop(limit=0.1)
    assert members.still_there() == []
    assert child.process.returncode == -signal.SIGKILL


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """The kernel's parent-death signal goes by thread, not by process."""
    started: list[Child] = []

    def start() -> None:
        child = Child.start("c", SLEEP, log_file=tmp_path / "c.log")
        name = Path(f"/proc/{child.process.pid}/comm")
        child.wait_ready(lambda: name.read_text("utf-8") == "sleep\n", limit=20, what="sleep")
        started.append(child)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    child = started[0]
    with pytest.raises(subprocess.TimeoutExpired):
        child.process.wait(0.2)
    child.stop()
    assert child.process.returncode == -signal.SIGTERM


def test_stop_noted_leaves_a_pid_alone_that_is_another_process_by_now(tmp_path: Path) -> None:
    child = Child.start("a", SLEEP, log_file=tmp_path / "logs" / "a.log")
    note = tmp_path / "logs" / "a.process"
    pid, started, number = note.read_text(encoding="utf-8").split()
    assert started == start_time(child.process.pid)
    note.write_text(f"{pid} {int(started) - 1} {number}\n", encoding="utf-8")
    assert stop_noted(tmp_path) == []
    assert child.process.poll() is None
    assert not note.exists()
    child.stop()


def test_stop_noted_ends_the_newest_first(tmp_path: Path) -> None:
    children = [Child.start(n, SLEEP, log_file=tmp_path / f"{n}.log") for n in ("one", "two")]
    assert stop_noted(tmp_path) == ["two", "one"]
    assert [child.process.wait(20) for child in children] == [-signal.SIGTERM] * 2
    assert stop_noted(tmp_path) == []


def test_a_reserved_port_is_ours_alone_until_released() -> None:
    ports = [Port() for _ in range(200)]
    assert len({port.number for port in ports}) == 200
    server = "import socket,sys; socket.create_server(('127.0.0.1', int(sys.argv[1])))"
    with_reuse = [sys.executable, "-c", server, str(ports[0])]
    for _ in range(2):  # a server of ours, and the same one restarted
        subprocess.run(with_reuse, check=True, timeout=20)
    for port in ports:
        port.release()
